/*
 * ISB between VTTBR_EL2 and TLBI: the hypervisor invalidates for another VM than the one it has
 * loaded.
 *
 * A TLBI of EL1 entries acts on the VMID that is in effect, and a write to VTTBR_EL2 is in effect
 * for certain only behind a context synchronization event. Without the ISB the TLBI may act on the
 * VMID of before, and the other VM keeps its entries.
 * DDI 0487: "Synchronization requirements for AArch64 System registers", VTTBR_EL2.
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;

static void guest(void)
{
    load(WINDOW);
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new(), *vm1 = stage2_new(), *vm2 = stage2_new();
    map_block(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm1, WINDOW, DATA_PAGE(0), STAGE2_RW);
    map_page(vm2, WINDOW, DATA_PAGE(1), STAGE2_RW);
    vcpu_init(&first, vm1, 1, stage1, 0, guest);
    vcpu_init(&second, vm2, 2, stage1, 0, guest);
    vcpu_run(&first);
    vcpu_run(&second);

    set_entry(table_entry(vm1, WINDOW, 3), 0);
    dsb(ish);
    write_register(vttbr_el2, first.vttbr);
#ifndef BAD
    isb();
#endif
    tlbi(vmalls12e1is);
    dsb(ish);
    isb();
}
