/*
 * Emulated loads write back: LDR X1, [X2], #8 aborts with no valid syndrome (ISV is 0), so that
 * the hypervisor decodes the instruction. It loads a register and moves another.
 *
 * DDI 0487: ISS encoding for an exception from a Data Abort, ISV; LDR (immediate), post-index.
 */
#include "tests/pairs/device.h"

static struct vcpu guest;

static void guest_body(void)
{
    __asm__ volatile("mov x2, %0\n\tldr x1, [x2], #8" ::"r"(DEVICE) : "x1", "x2", "memory");
}

static void emulate(struct vcpu *v)
{
    set_x(v, 1, DEVICE_VALUE); /* the only such instruction of this guest */
#ifndef BAD
    set_x(v, 2, v->x[2] + 8);
#endif
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
