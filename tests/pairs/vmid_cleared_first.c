/*
 * A VM is deleted: its number goes back to the allocator, and VTTBR_EL2 to zero. Whoever does that
 * before the invalidation invalidates VMID 0, and the next VM with the number finds the old
 * entries.
 *
 * DDI 0487: TLBI VMALLS12E1IS acts on the VMID in VTTBR_EL2.
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;

static void guest_body(void)
{
    load(WINDOW);
}

static void unload(void)
{
    write_register(vttbr_el2, 0);
    isb();
}

static void invalidate(void)
{
    tlbi(vmalls12e1is);
    dsb(ish);
}

void pair_main(void)
{
    uint64_t *vm1 = stage2_new(), *vm2 = stage2_new(), *stage1 = stage1_new();
    map_block(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm1, WINDOW, DATA_PAGE(0), STAGE2_RW);
    map_page(vm2, WINDOW, DATA_PAGE(1), STAGE2_RW);
    vcpu_init(&first, vm1, 1, stage1, 0, guest_body);
    vcpu_init(&second, vm2, 1, stage1, 0, guest_body);
    vcpu_run(&first);
#ifdef BAD
    unload();
    invalidate();
#else
    invalidate();
    unload();
#endif
    vcpu_run(&second);
}
