/*
 * A guest begins with its MMU and caches off, and reads memory, not caches: if the hypervisor has
 * cleared the page through its own cache only, the guest sees what was there before, perhaps
 * another guest's.
 *
 * DDI 0487: SCTLR_EL1.M, C; DC CIVAC.
 */
#include "tests/pairs/caches.h"

#define SCTLR_MMU UINT64_C(0x5)

static struct vcpu guest;

static void guest_body(void)
{
    load(WINDOW);
}

void pair_main(void)
{
    uint64_t *vm = stage2_new();
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    store(DATA_PAGE(0), 0x5ec2e7); /* another guest's, long since in memory */
    dc(civac, DATA_PAGE(0));
    dsb(sy);
    store(DATA_PAGE(0), 0);
#ifndef BAD
    dc(civac, DATA_PAGE(0));
    dsb(sy);
#endif
    vcpu_init(&guest, vm, 1, stage1_new(), 0, guest_body);
    guest.sctlr &= ~SCTLR_MMU;
    vcpu_run(&guest);
}
