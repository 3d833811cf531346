/*
 * DSB before TLBI: the change of a descriptor has to be visible to walks before what was made from
 * the old one is invalidated.
 *
 * A TLBI does not wait for earlier stores. Without the DSB a walk between TLBI and store reads the
 * old descriptor and fills the TLB again, and nothing removes that.
 * DDI 0487: "TLB maintenance instructions", "Ordering and completion of TLB maintenance
 * instructions".
 */
#include "tests/pairs/pair.h"

void pair_main(void)
{
    uint64_t *entry = table_entry(el2_root, WINDOW, 3);
    map_page(el2_root, WINDOW, DATA_PAGE(0), STAGE1_RW);
    load(WINDOW);

    set_entry(entry, 0);
#ifndef BAD
    dsb(ish);
#endif
    tlbi_by(vae2is, TLBI_VA(WINDOW, 0));
    dsb(ish);
    isb();
    set_entry(entry, page_of(DATA_PAGE(1), STAGE1_RW));
    dsb(ish);
    isb();
    load(WINDOW);
}
