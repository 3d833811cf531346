/*
 * The virtual timer belongs to the vCPU: CNTV_CVAL_EL0 and CNTV_CTL_EL0 have to be switched, or
 * one guest's deadline is another's.
 *
 * DDI 0487: CNTV_CVAL_EL0, CNTV_CTL_EL0.
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;
static uint64_t deadline[2];

static void guest_body(void)
{
    write_register(cntv_cval_el0, UINT64_C(1) << 40);
    hvc();
    read_register(cntv_cval_el0);
}

static void run(struct vcpu *v, unsigned number)
{
#ifndef BAD
    write_register(cntv_cval_el0, deadline[number]);
#endif
    vcpu_run(v);
    deadline[number] = read_register(cntv_cval_el0);
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
