/*
 * ISB between AT and PAR_EL1: AT writes the register when it is done, and only behind a context
 * synchronization event it is the new value for certain that is read.
 *
 * DDI 0487: AT operations, PAR_EL1: "Address translation instructions", synchronization.
 */
#include "tests/pairs/pair.h"

void pair_main(void)
{
    map_page(el2_root, WINDOW, DATA_PAGE(0), STAGE1_RW);
    at(s1e2r, WINDOW);
#ifndef BAD
    isb();
#endif
    if ((read_register(par_el1) & DESCRIPTOR_ADDRESS) != DATA_PAGE(0))
        pair_fail();
}
