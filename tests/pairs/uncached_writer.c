/*
 * Memory from somebody who does not look into caches: a line that is there from before hides what
 * was written. It has to be invalidated behind the writes, before it is read.
 *
 * DDI 0487: "Mismatched memory attributes", DC IVAC.
 */
#include "tests/pairs/caches.h"

void pair_main(void)
{
    map_uncached();
    load(DATA_PAGE(0));
    store(WINDOW, 7);
    dsb(sy);
#ifndef BAD
    dc(ivac, DATA_PAGE(0));
    dsb(sy);
#endif
    if (load(DATA_PAGE(0)) != 7)
        pair_fail();
}
