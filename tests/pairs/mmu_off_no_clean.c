/*
 * Before the MMU goes off: what EL2 has written with caches on is in its cache. With the MMU off
 * it reads memory, which does not have it unless it was cleaned to the point of coherency.
 *
 * DDI 0487: SCTLR_EL2.M, C; DC CVAC.
 */
#include "tests/pairs/caches.h"

void pair_main(void)
{
    store(DATA_PAGE(0), 7);
#ifndef BAD
    dc(cvac, DATA_PAGE(0));
#endif
    dsb(sy);
    if (load_mmu_off(DATA_PAGE(0)) != 7)
        pair_fail();
}
