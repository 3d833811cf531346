/*
 * Register 31 of a load or store is XZR, never SP: what a guest loads there goes nowhere. A
 * hypervisor that keeps its SP behind X30 and indexes with SRT overwrites it.
 *
 * DDI 0487: ISS encoding for an exception from a Data Abort, SRT.
 */
#include "tests/pairs/device.h"

static struct vcpu guest;

static void guest_body(void)
{
    __asm__ volatile("ldr xzr, [%0]" ::"r"(DEVICE) : "memory");
}

static void emulate(struct vcpu *v)
{
    uint64_t *registers = v->x; /* X0 to X30, and SP */
#ifndef BAD
    if (ISS_SRT(v->esr) != 31)
#endif
        registers[ISS_SRT(v->esr)] = loaded(v->esr, DEVICE_VALUE);
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
