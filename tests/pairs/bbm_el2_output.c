/*
 * Break-before-make, output address: EL2 lets an address lead to another page.
 *
 * Between the old valid descriptor and a new one that leads elsewhere there has to be an invalid
 * one, that visible (DSB), and the old translation gone from every TLB (TLBI, DSB). Otherwise the
 * TLB may hold both, and an access go to either.
 * DDI 0487: "Using break-before-make when updating translation table entries".
 */
#include "tests/pairs/pair.h"

void pair_main(void)
{
    uint64_t *entry = table_entry(el2_root, WINDOW, 3);
    map_page(el2_root, WINDOW, DATA_PAGE(0), STAGE1_RW);
    load(WINDOW);

#ifndef BAD
    set_entry(entry, 0);
    dsb(ish);
    tlbi_by(vae2is, TLBI_VA(WINDOW, 0));
    dsb(ish);
#endif
    set_entry(entry, page_of(DATA_PAGE(1), STAGE1_RW));
    dsb(ish);
#ifdef BAD
    tlbi_by(vae2is, TLBI_VA(WINDOW, 0));
    dsb(ish);
#endif
    isb();
    load(WINDOW);
}
