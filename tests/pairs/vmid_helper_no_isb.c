/*
 * ISB at the end of a helper: it loads another VM's VTTBR_EL2 to flush, and puts the old one back.
 * The next helper finds the register as it wants it and goes straight on to its TLBI; but in
 * effect is still the other VMID, if the first has left out its ISB.
 *
 * DDI 0487: "Synchronization requirements for AArch64 System registers".
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;

static void guest_body(void)
{
    load(WINDOW);
}

static uint64_t enter_context(uint64_t vttbr)
{
    uint64_t before = read_register(vttbr_el2);
    if (before != vttbr) {
        write_register(vttbr_el2, vttbr);
        isb();
    }
    return before;
}

static void leave_context(uint64_t before)
{
    if (read_register(vttbr_el2) == before)
        return;
    write_register(vttbr_el2, before);
#ifndef BAD
    isb();
#endif
}

static void flush(const struct vcpu *v)
{
    uint64_t before = enter_context(v->vttbr);
    tlbi(vmalls12e1is);
    dsb(ish);
    leave_context(before);
}

void pair_main(void)
{
    uint64_t *vm1 = stage2_new(), *vm2 = stage2_new(), *stage1 = stage1_new();
    map_block(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm1, WINDOW, DATA_PAGE(0), STAGE2_RW);
    map_page(vm2, WINDOW, DATA_PAGE(1), STAGE2_RW);
    vcpu_init(&first, vm1, 1, stage1, 0, guest_body);
    vcpu_init(&second, vm2, 2, stage1, 0, guest_body);
    vcpu_run(&second);
    vcpu_run(&first); /* stays loaded */
    flush(&second);
    flush(&first);
}
