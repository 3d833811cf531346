/*
 * Emulated loads may extend the sign: LDRSW X1 leaves 64 bits of which the upper half is the sign.
 *
 * DDI 0487: ISS encoding for an exception from a Data Abort, SSE and SF.
 */
#include "tests/pairs/device.h"

static struct vcpu guest;

static void guest_body(void)
{
    __asm__ volatile("ldrsw x1, [%0]" ::"r"(DEVICE) : "x1", "memory");
}

static void emulate(struct vcpu *v)
{
#ifdef BAD
    set_x(v, ISS_SRT(v->esr), (uint32_t)(DEVICE_VALUE >> 32)); /* its sign is set */
#else
    set_x(v, ISS_SRT(v->esr), loaded(v->esr, DEVICE_VALUE >> 32));
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
