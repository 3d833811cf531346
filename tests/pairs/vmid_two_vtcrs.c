/*
 * One VM, two shapes: the tables of a VM mean something only together with VTCR_EL2. If a PE is
 * left with another VTCR_EL2 (the boot value, say), the VM's vCPUs do not see the same memory.
 *
 * DDI 0487: VTCR_EL2.T0SZ, SL0; VTTBR_EL2.
 */
#include "tests/pairs/pair.h"

static struct vcpu first, second;
static volatile uint64_t first_runs, second_runs;

static void first_body(void)
{
    flag_set(&first_runs, 1);
    flag_wait(&second_runs, 1);
}

static void second_body(void)
{
    flag_set(&second_runs, 1);
}

static void other_cpu(void)
{
#ifdef BAD
    write_register(vtcr_el2, read_register(vtcr_el2) + 1); /* T0SZ: half the space */
    isb();
#endif
    flag_wait(&first_runs, 1);
    vcpu_run(&second);
}

void pair_main(void)
{
    uint64_t *vm = stage2_new(), *stage1 = stage1_new();
    vcpu_init(&first, vm, 1, stage1, 0, first_body);
    vcpu_init(&second, vm, 1, stage1, 0, second_body);
    pair_start(1, other_cpu);
    vcpu_run(&first);
    pair_join(1);
}
