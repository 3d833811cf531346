/*
 * Emulation looks at the direction: a store changes no register. A hypervisor that treats every
 * access to its device as a load overwrites what was to be stored.
 *
 * DDI 0487: ISS encoding for an exception from a Data Abort, WnR.
 */
#include "tests/pairs/device.h"

static struct vcpu guest;

static void guest_body(void)
{
    __asm__ volatile("mov x1, #1\n\tstr x1, [%0]" ::"r"(DEVICE) : "x1", "memory");
}

static void emulate(struct vcpu *v)
{
#ifndef BAD
    if (!ISS_WNR(v->esr))
#endif
        set_x(v, ISS_SRT(v->esr), loaded(v->esr, DEVICE_VALUE));
    v->pc += 4;
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    map_page(stage1, DEVICE, DEVICE, STAGE1_DEVICE);
    vcpu_init(&guest, stage2_new(), 1, stage1, 0, guest_body);
    while (exit_class(vcpu_run(&guest)) == EXIT_DATA)
        emulate(&guest);
}
