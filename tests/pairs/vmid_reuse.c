/*
 * A VMID is given to another VM: entries of the old VM with that number are still in the TLBs, and
 * would be the new one's. Before a number is used again it has to be invalidated on every PE.
 *
 * DDI 0487: "VMSAv8-64 and Virtual Machine Identifiers", TLBI VMALLS12E1IS.
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
    vcpu_init(&second, vm2, 1, stage1, 0, guest_body);
    vcpu_run(&first); /* and this VM is gone */
#ifndef BAD
    tlbi(vmalls12e1is);
    dsb(ish);
#endif
    vcpu_run(&second);
}
