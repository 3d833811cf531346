/*
 * ISB behind SCTLR_EL1: a guest turns its MMU on, and goes on at once with an address that only
 * its tables map. Until the context synchronization the MMU may still be off.
 *
 * DDI 0487: SCTLR_EL1.M; "Synchronization requirements for AArch64 System registers".
 */
#include "tests/pairs/pair.h"

#define SCTLR_M UINT64_C(1)

static struct vcpu guest;

static void guest_body(void)
{
    write_register(sctlr_el1, read_register(sctlr_el1) | SCTLR_M);
#ifndef BAD
    isb();
#endif
    load(WINDOW);
}

void pair_main(void)
{
    uint64_t *vm = stage2_new(), *stage1 = stage1_new();
    map_page(stage1, WINDOW, WINDOW + PAGE, STAGE1_RW);
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    map_page(vm, WINDOW + PAGE, DATA_PAGE(1), STAGE2_RW);
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    guest.sctlr &= ~SCTLR_M;
    vcpu_run(&guest);
}
