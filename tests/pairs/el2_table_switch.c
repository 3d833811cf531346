/*
 * EL2 changes to other tables with the MMU on: entries made from the old ones have no ASID that
 * would tell them apart, and stay in use. Where the tables differ the switch is a change of live
 * descriptors, all at once.
 *
 * What differs has to be unmapped first and invalidated; or the MMU is off during the switch.
 * DDI 0487: TTBR0_EL2, TLBI ALLE2; break-before-make.
 */
#include "tests/pairs/pair.h"

void pair_main(void)
{
    uint64_t *other = stage1_new();
    map_page(el2_root, WINDOW, DATA_PAGE(0), STAGE1_RW);
    map_page(other, WINDOW, DATA_PAGE(1), STAGE1_RW);
    load(WINDOW);

#ifndef BAD
    set_entry(table_entry(el2_root, WINDOW, 3), 0);
    dsb(ish);
    tlbi_by(vae2is, TLBI_VA(WINDOW, 0));
    dsb(ish);
#endif
    write_register(ttbr0_el2, (uintptr_t)other);
    isb();
    load(WINDOW);
}
