/*
 * Invalidating is not cleaning: DC IVAC drops a line with all that was stored to it and not yet
 * written back. To get rid of a line without losing data takes DC CIVAC.
 *
 * DDI 0487: DC IVAC, DC CIVAC.
 */
#include "tests/pairs/caches.h"

void pair_main(void)
{
    store(DATA_PAGE(0), 7);
#ifdef BAD
    dc(ivac, DATA_PAGE(0));
#else
    dc(civac, DATA_PAGE(0));
#endif
    dsb(sy);
    if (load(DATA_PAGE(0)) != 7)
        pair_fail();
}
