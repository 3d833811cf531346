/*
 * FAR_EL1 and ESR_EL1 belong to the vCPU: a guest that is preempted between a fault and its
 * handler's look at them must find its own.
 *
 * DDI 0487: FAR_EL1, ESR_EL1.
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;
static uint64_t far[2], esr[2];

static void guest_body(void)
{
    write_register(far_el1, WINDOW); /* as its fault would leave it */
    hvc();
    read_register(far_el1);
}

static void run(struct vcpu *v, unsigned number)
{
#ifndef BAD
    write_register(far_el1, far[number]);
    write_register(esr_el1, esr[number]);
#endif
    vcpu_run(v);
    far[number] = read_register(far_el1);
    esr[number] = read_register(esr_el1);
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
