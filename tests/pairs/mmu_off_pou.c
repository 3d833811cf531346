/*
 * Before the MMU goes off: DC CVAU cleans to the point of unification, where instruction fetches
 * look. An access with the MMU off looks at memory, the point of coherency: DC CVAC.
 *
 * DDI 0487: DC CVAU, DC CVAC; "Point of unification", "Point of coherency".
 */
#include "tests/pairs/caches.h"

void pair_main(void)
{
    store(DATA_PAGE(0), 7);
#ifdef BAD
    dc(cvau, DATA_PAGE(0));
#else
    dc(cvac, DATA_PAGE(0));
#endif
    dsb(sy);
    if (load_mmu_off(DATA_PAGE(0)) != 7)
        pair_fail();
}
