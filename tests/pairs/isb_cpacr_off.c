/*
 * CPACR_EL1 the other way round: an operating system takes the floating-point unit from a thread,
 * and goes on using it behind that. Until the context synchronization the access may still get
 * through, or trap already: what uses the unit has to come first.
 *
 * DDI 0487: CPACR_EL1.FPEN; "Synchronization requirements for AArch64 System registers".
 */
#include "tests/pairs/pair.h"

#define CPACR_FPEN (UINT64_C(3) << 20)

static struct vcpu system;

/* The last use, which writes a register of the unit. */
static void use_unit(void)
{
    __asm__ volatile(".arch_extension simd\n\trev64 v0.16b, v0.16b" ::: "memory");
}

static void system_body(void)
{
#ifdef BAD
    write_register(cpacr_el1, 0);
    use_unit();
#else
    use_unit();
    write_register(cpacr_el1, 0);
#endif
    isb();
}

void pair_main(void)
{
    write_register(cpacr_el1, CPACR_FPEN);
    vcpu_init(&system, NULL, 0, stage1_new(), 1, system_body);
    vcpu_run(&system);
}
