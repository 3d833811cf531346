/*
 * ISB behind CPACR_EL1: an operating system gives a thread the floating-point unit, and restores
 * its registers before the trap is off for certain.
 *
 * DDI 0487: CPACR_EL1.FPEN; "Synchronization requirements for AArch64 System registers".
 */
#include "tests/pairs/pair.h"

#define CPACR_FPEN (UINT64_C(3) << 20)

static struct vcpu system;

static void system_body(void)
{
    write_register(cpacr_el1, CPACR_FPEN);
#ifndef BAD
    isb();
#endif
    __asm__ volatile(".arch_extension fp\n\tfmov d0, xzr" ::: "memory");
}

void pair_main(void)
{
    write_register(cpacr_el1, 0);
    vcpu_init(&system, NULL, 0, stage1_new(), 1, system_body);
    vcpu_run(&system);
}
