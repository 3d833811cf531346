/*
 * TPIDR_EL1 belongs to the vCPU: guests keep the pointer to their per-CPU data there. A hypervisor
 * that does not switch it lets one guest work on what it takes for its own.
 *
 * DDI 0487: TPIDR_EL1.
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;
static uint64_t thread[2];

static void guest_body(void)
{
    write_register(tpidr_el1, 0x123450000);
    hvc();
    read_register(tpidr_el1);
}

static void run(struct vcpu *v, unsigned number)
{
#ifndef BAD
    write_register(tpidr_el1, thread[number]);
#endif
    vcpu_run(v);
    thread[number] = read_register(tpidr_el1);
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    vcpu_init(&first, stage2_new(), 1, stage1, 0, guest_body);
    vcpu_init(&second, stage2_new(), 2, stage1, 0, guest_body);
    run(&first, 0);
    run(&second, 1);
    run(&first, 0);
}
