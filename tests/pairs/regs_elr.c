/*
 * ELR_EL1 and SPSR_EL1 belong to the vCPU: a guest that is preempted in an exception handler of
 * its own returns by them later. If another guest has taken an exception meanwhile, it returns
 * there.
 *
 * DDI 0487: ELR_EL1, SPSR_EL1.
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;
static uint64_t elr[2], spsr[2];

/* svc goes to the library's handler, which makes an HVC: the vCPU is preempted in it. */
static void guest_body(void)
{
    __asm__ volatile("svc #0" ::: "memory");
}

static uint64_t run(struct vcpu *v, unsigned number)
{
#ifndef BAD
    write_register(elr_el1, elr[number]);
    write_register(spsr_el1, spsr[number]);
#endif
    uint64_t esr = vcpu_run(v);
    elr[number] = read_register(elr_el1);
    spsr[number] = read_register(spsr_el1);
    return esr;
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
