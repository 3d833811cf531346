/*
 * EL2 has tables of its own: an address of a guest means nothing there. A hypervisor maps a
 * guest's page before it touches it; otherwise it takes an abort itself.
 *
 * DDI 0487: the EL2 translation regime.
 */
#include "tests/pairs/pair.h"

void pair_main(void)
{
#ifndef BAD
    map_page(el2_root, WINDOW, DATA_PAGE(0), STAGE1_RW);
#endif
    store(WINDOW, 1);
}
