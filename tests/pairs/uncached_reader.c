/*
 * Memory for somebody who does not look into caches (a device, an uncached alias): what was stored
 * through the cache has to be cleaned before it is handed over.
 *
 * DDI 0487: "Mismatched memory attributes", DC CIVAC.
 */
#include "tests/pairs/caches.h"

void pair_main(void)
{
    map_uncached();
    store(DATA_PAGE(0), 7);
#ifndef BAD
    dc(civac, DATA_PAGE(0));
#endif
    dsb(sy);
    if (load(WINDOW) != 7)
        pair_fail();
}
