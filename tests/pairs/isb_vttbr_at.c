/*
 * ISB before AT: a hypervisor asks where an address of a guest leads. AT takes the registers that
 * are in effect; without an ISB behind VTTBR_EL2 these may be those of the VM before.
 *
 * DDI 0487: AT S12E1R; "Synchronization requirements for AArch64 System registers".
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;

static void guest_body(void)
{
    load(WINDOW);
}

void pair_main(void)
{
    uint64_t *vm1 = stage2_new(), *vm2 = stage2_new(), *stage1 = stage1_new();
    map_block(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm1, WINDOW, DATA_PAGE(0), STAGE2_RW);
    map_page(vm2, WINDOW, DATA_PAGE(1), STAGE2_RW);
    vcpu_init(&first, vm1, 1, stage1, 0, guest_body);
    vcpu_init(&second, vm2, 2, stage1, 0, guest_body);
    vcpu_run(&first);
    vcpu_run(&second);

    write_register(vttbr_el2, first.vttbr);
#ifndef BAD
    isb();
#endif
    at(s12e1r, WINDOW);
    isb();
    if ((read_register(par_el1) & DESCRIPTOR_ADDRESS) != DATA_PAGE(0))
        pair_fail();
}
