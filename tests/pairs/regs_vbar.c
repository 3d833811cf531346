/*
 * VBAR_EL1 belongs to the vCPU: without it an exception of one guest goes to the handler of
 * another, at an address that means something else there.
 *
 * DDI 0487: VBAR_EL1.
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;

static void guest_body(void)
{
    write_register(vbar_el1, (uintptr_t)pair_el1_vectors);
    isb();
    hvc();
}

static void other_body(void)
{
    __asm__ volatile("svc #0" ::: "memory");
}

static void switch_to(const struct vcpu *v)
{
    write_register(vmpidr_el2, v->vmpidr);
    write_register(ttbr0_el1, v->ttbr0);
#ifndef BAD
    write_register(vbar_el1, v->vbar);
#endif
    write_register(vttbr_el2, v->vttbr);
    isb();
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    vcpu_init(&first, stage2_new(), 1, stage1, 0, guest_body);
    vcpu_init(&second, stage2_new(), 2, stage1, 0, other_body);
    vcpu_load(&first);
    vcpu_enter(&first);
    switch_to(&second);
    vcpu_enter(&second);
}
