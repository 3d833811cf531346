/*
 * TLBI under the VMID of another VM: TLBIs of EL1 entries take the VMID from VTTBR_EL2. A
 * hypervisor that changes the tables of a VM that is not the loaded one has to load it first.
 *
 * DDI 0487: VTTBR_EL2.VMID, TLBI VMALLS12E1IS: "the current VMID".
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;

static void guest_body(void)
{
    for (;;) {
        load(WINDOW);
        hvc();
    }
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
    vcpu_run(&second); /* stays loaded */

    uint64_t *entry = table_entry(vm1, WINDOW, 3);
    set_entry(entry, 0);
    dsb(ish);
#ifndef BAD
    write_register(vttbr_el2, first.vttbr);
    isb();
#endif
    tlbi(vmalls12e1is);
    dsb(ish);
    set_entry(entry, page_of(DATA_PAGE(2), STAGE2_RW));
    dsb(ish);
    vcpu_run(&first);
}
