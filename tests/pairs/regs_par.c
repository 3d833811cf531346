/*
 * PAR_EL1 belongs to the vCPU: a guest executes AT and is preempted before it reads the answer. If
 * the hypervisor does not save and restore the register, it reads that of another guest's AT.
 *
 * DDI 0487: PAR_EL1; it is a register of EL1 that no hardware switches.
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;

static void guest_body(void)
{
    at(s1e1r, WINDOW);
    isb();
    hvc(); /* preempted */
    read_register(par_el1);
}

static void run(struct vcpu *v)
{
#ifdef BAD
    v->par = read_register(par_el1); /* never loaded: the PE's stays */
    write_register(vmpidr_el2, v->vmpidr);
    write_register(ttbr0_el1, v->ttbr0);
    write_register(vttbr_el2, v->vttbr);
    isb();
    vcpu_enter(v);
#else
    vcpu_run(v);
#endif
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    map_block(stage1, WINDOW, WINDOW, STAGE1_RW);
    vcpu_init(&first, stage2_new(), 1, stage1, 0, guest_body);
    vcpu_init(&second, stage2_new(), 2, stage1, 0, guest_body);
    vcpu_load(&first);
    run(&first);
    run(&second);
    run(&first);
}
