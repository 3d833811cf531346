/*
 * TTBR0_EL1 belongs to the vCPU: a hypervisor that switches VTTBR_EL2 and forgets the guest's own
 * tables runs the next guest through those of the one before, under its own stage 2.
 *
 * DDI 0487: TTBR0_EL1.
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;
static uint64_t *tables;

static void guest_body(void)
{
    write_register(ttbr0_el1, (uint64_t)(uintptr_t)tables | ASID(1));
    isb();
    hvc();
}

static void switch_to(const struct vcpu *v)
{
    write_register(vmpidr_el2, v->vmpidr);
#ifndef BAD
    write_register(ttbr0_el1, v->ttbr0);
#endif
    write_register(vttbr_el2, v->vttbr);
    isb();
}

void pair_main(void)
{
    tables = stage1_new();
    vcpu_init(&first, stage2_new(), 1, tables, 0, guest_body);
    vcpu_init(&second, stage2_new(), 2, tables, 0, guest_body);
    vcpu_load(&first);
    vcpu_enter(&first);
    switch_to(&second);
    vcpu_enter(&second);
}
