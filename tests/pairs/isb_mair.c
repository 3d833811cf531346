/*
 * ISB behind MAIR_EL2: a new memory type gets an index, and a page with that index is used before
 * the register is in effect: as device memory, or as the write-back memory that it is meant to be.
 *
 * DDI 0487: MAIR_EL2; "Synchronization requirements for AArch64 System registers".
 */
#include "tests/pairs/pair.h"

#define STAGE1_INDEX2 UINT64_C(0x708) /* as STAGE1_RW, but MAIR index 2 */

void pair_main(void)
{
    map_page(el2_root, WINDOW, DATA_PAGE(0), STAGE1_INDEX2);
    write_register(mair_el2, read_register(mair_el2) | UINT64_C(0xff) << 16);
#ifndef BAD
    isb();
#endif
    load(WINDOW);
}
