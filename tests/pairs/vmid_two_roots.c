/*
 * One VMID, two VMs at once: on two PEs run vCPUs of two VMs that were given the same number. TLBs
 * may be shared between PEs, and broadcasts of one hit the other.
 *
 * DDI 0487: VTTBR_EL2.CnP and VMID; "VMSAv8-64 and Virtual Machine Identifiers".
 */
#include "tests/pairs/pair.h"

#ifdef BAD
#define SECOND_VMID 1
#else
#define SECOND_VMID 2
#endif

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
    flag_wait(&first_runs, 1);
}

static void other_cpu(void)
{
    vcpu_run(&second);
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    vcpu_init(&first, stage2_new(), 1, stage1, 0, first_body);
    vcpu_init(&second, stage2_new(), SECOND_VMID, stage1, 0, second_body);
    pair_start(1, other_cpu);
    vcpu_run(&first);
    pair_join(1);
}
