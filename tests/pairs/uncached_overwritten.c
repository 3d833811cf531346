/*
 * A dirty line over memory that is written past the cache: whenever the line is written back, the
 * newer bytes are gone. It has to be out of the cache before the first such write; cleaning
 * afterwards does the damage itself.
 *
 * DDI 0487: "Mismatched memory attributes", DC CIVAC.
 */
#include "tests/pairs/caches.h"

void pair_main(void)
{
    map_uncached();
    store(DATA_PAGE(0), 1);
#ifndef BAD
    dc(civac, DATA_PAGE(0));
    dsb(sy);
#endif
    store(WINDOW, 7);
    dsb(sy);
#ifdef BAD
    dc(cvac, DATA_PAGE(0));
    dsb(sy);
#endif
    if (load(WINDOW) != 7)
        pair_fail();
}
