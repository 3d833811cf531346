/*
 * ISB behind VBAR_EL1: the vectors of an exception are those in effect when it is taken; that
 * taking it synchronizes is too late for them.
 *
 * DDI 0487: VBAR_EL1; "Synchronization requirements for AArch64 System registers".
 */
#include "tests/pairs/pair.h"

static struct vcpu system;

static void system_body(void)
{
    write_register(vbar_el1, (uintptr_t)pair_el1_vectors);
#ifndef BAD
    isb();
#endif
    __asm__ volatile("svc #0" ::: "memory"); /* the handler there makes an HVC */
}

void pair_main(void)
{
    vcpu_init(&system, NULL, 0, stage1_new(), 1, system_body);
    system.vbar = 0;
    if (exit_class(vcpu_run(&system)) != EXIT_HVC)
        pair_fail();
}
