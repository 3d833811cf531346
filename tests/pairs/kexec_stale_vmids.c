/*
 * A hypervisor that takes over EL2 finds the TLBs as the last one left them, entries of all VMIDs
 * included. VMALLS12E1 removes those of the current VMID only; it takes ALLE1.
 *
 * DDI 0487: TLBI ALLE1IS, TLBI VMALLS12E1IS.
 */
#include "tests/pairs/pair.h"

static struct vcpu old, new;

static void guest_body(void)
{
    load(WINDOW);
}

void pair_main(void)
{
    uint64_t *old_vm = stage2_new(), *new_vm = stage2_new(), *stage1 = stage1_new();
    map_block(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(old_vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    map_page(new_vm, WINDOW, DATA_PAGE(1), STAGE2_RW);
    vcpu_init(&old, old_vm, 5, stage1, 0, guest_body);
    vcpu_init(&new, new_vm, 5, stage1, 0, guest_body);
    vcpu_run(&old);

    /* The old hypervisor has gone; the new one begins. */
    write_register(vttbr_el2, 0);
    isb();
    tlbi(alle2is);
#ifdef BAD
    tlbi(vmalls12e1is);
#else
    tlbi(alle1is);
#endif
    dsb(ish);
    isb();
    vcpu_run(&new);
}
