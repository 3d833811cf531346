/*
 * ISB behind TTBR0_EL2: new tables are in effect for certain behind the next context
 * synchronization event. An access before that may be translated by either.
 *
 * DDI 0487: "Synchronization requirements for AArch64 System registers", TTBR0_EL2.
 */
#include "tests/pairs/pair.h"

void pair_main(void)
{
    uint64_t *other = stage1_new();
    map_page(other, WINDOW, DATA_PAGE(0), STAGE1_RW);
    write_register(ttbr0_el2, (uintptr_t)other);
#ifndef BAD
    isb();
#endif
    load(WINDOW); /* only the new tables map it */
}
