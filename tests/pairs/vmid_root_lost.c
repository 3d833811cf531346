/*
 * VTTBR_EL2 is a number and an address: a helper that puts back only the VMID lets the loaded vCPU
 * walk its stage 2 from physical address 0.
 *
 * DDI 0487: VTTBR_EL2.BADDR.
 */
#include "tests/pairs/pair.h"

static struct vcpu first;
static uint64_t second_vttbr;

static void flush_second(void)
{
    uint64_t before = read_register(vttbr_el2);
    write_register(vttbr_el2, second_vttbr);
    isb();
    tlbi(vmalls12e1is);
    dsb(ish);
#ifdef BAD
    write_register(vttbr_el2, before >> 48 << 48);
#else
    write_register(vttbr_el2, before);
#endif
    isb();
}

static void guest_body(void)
{
    for (;;) {
        load(WINDOW);
        hvc();
    }
}

void pair_main(void)
{
    uint64_t *vm = stage2_new(), *stage1 = stage1_new();
    map_block(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    vcpu_init(&first, vm, 1, stage1, 0, guest_body);
    second_vttbr = (uint64_t)(uintptr_t)stage2_new() | VMID(2);
    vcpu_load(&first);
    vcpu_enter(&first);
    flush_second();
    if (exit_class(vcpu_enter(&first)) != EXIT_HVC)
        pair_fail();
}
