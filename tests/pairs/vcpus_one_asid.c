/*
 * Two vCPUs of one VM on one PE: each thinks that it has a PE, and a TLB, of its own. They may use
 * the same ASID for different tables, and local invalidations that the other does not need.
 *
 * So a hypervisor that puts another vCPU of the same VM on a PE invalidates there first.
 * DDI 0487: VMIDs and ASIDs; TLBI VMALLE1.
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;

static void guest_body(void)
{
    load(WINDOW);
}

void pair_main(void)
{
    uint64_t *vm = stage2_new(), *stage1_a = stage1_new(), *stage1_b = stage1_new();
    map_page(stage1_a, WINDOW, WINDOW, STAGE1_RW | STAGE1_NG);
    map_page(stage1_b, WINDOW, WINDOW + PAGE, STAGE1_RW | STAGE1_NG);
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    map_page(vm, WINDOW + PAGE, DATA_PAGE(1), STAGE2_RW);
    vcpu_init(&first, vm, 1, stage1_a, 5, guest_body);
    vcpu_init(&second, vm, 1, stage1_b, 5, guest_body);
    vcpu_run(&first);
#ifndef BAD
    tlbi(vmalle1);
    dsb(nsh);
#endif
    vcpu_run(&second);
}
