/*
 * A guest with one vCPU uses local TLBI, as it may: for all it knows there is one PE. But the
 * hypervisor moves the vCPU to another PE, and what the vCPU cached on the first is still there
 * when it comes back.
 *
 * HCR_EL2.FB makes local TLBIs of EL1 reach all PEs, and HCR_EL2.BSU gives its barriers the domain
 * for that, so that the vCPU may go anywhere.
 * DDI 0487: HCR_EL2.FB, HCR_EL2.BSU.
 */
#include "tests/pairs/pair.h"

static struct vcpu guest;
static uint64_t *stage1;

static void guest_body(void)
{
    uint64_t *entry = table_entry(stage1, WINDOW, 3);
    load(WINDOW);
    hvc(); /* goes on on another PE */
    set_entry(entry, 0);
    dsb(nsh);
    tlbi_by(vaae1, TLBI_VA(WINDOW, 0));
    dsb(nsh);
    set_entry(entry, page_of(WINDOW + PAGE, STAGE1_RW));
    dsb(nsh);
    isb();
    load(WINDOW);
    hvc(); /* and is back */
    load(WINDOW);
}

static void other_cpu(void)
{
    vcpu_run(&guest);
}

void pair_main(void)
{
    uint64_t *vm = stage2_new();
    stage1 = stage1_new();
    map_page(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    map_page(vm, WINDOW + PAGE, DATA_PAGE(1), STAGE2_RW);
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
#ifndef BAD
    guest.hcr |= HCR_FB | HCR_BSU_INNER;
#endif
    vcpu_run(&guest);
    pair_start(1, other_cpu);
    pair_join(1);
    vcpu_run(&guest);
}
