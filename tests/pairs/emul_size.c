/*
 * Emulated loads have a size: LDRB of a device register of 64 bits leaves one byte, the rest of
 * the register is zero.
 *
 * DDI 0487: ISS encoding for an exception from a Data Abort, SAS.
 */
#include "tests/pairs/device.h"

static struct vcpu guest;

static void guest_body(void)
{
    __asm__ volatile("ldrb w1, [%0]" ::"r"(DEVICE) : "x1", "memory");
}

static void emulate(struct vcpu *v)
{
#ifdef BAD
    set_x(v, ISS_SRT(v->esr), DEVICE_VALUE);
#else
    set_x(v, ISS_SRT(v->esr), loaded(v->esr, DEVICE_VALUE));
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
