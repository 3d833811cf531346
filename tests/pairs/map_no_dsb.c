/*
 * DSB behind a new descriptor: the store may still wait when the address is walked, and the access
 * takes a translation fault on a page that has just been mapped.
 *
 * DDI 0487: "Ordering of memory accesses from translation table walks".
 */
#include "tests/pairs/pair.h"

void pair_main(void)
{
    uint64_t *entry = table_entry(el2_root, WINDOW, 3);
    dsb(ish);
    isb();
    set_entry(entry, page_of(DATA_PAGE(0), STAGE1_RW));
#ifndef BAD
    dsb(ish);
    isb();
#endif
    load(WINDOW);
}
