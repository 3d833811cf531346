/*
 * The VMID of the host: software at EL1 without stage 2 runs under the VMID in VTTBR_EL2, too. A
 * hypervisor that leaves 0 there for its host must give 0 to no VM.
 *
 * DDI 0487: VTTBR_EL2.VMID: entries of the EL1&0 regime are tagged by it, stage 2 on or not.
 */
#include "tests/pairs/pair.h"

#ifdef BAD
#define GUEST_VMID 0
#else
#define GUEST_VMID 1
#endif

static struct vcpu host, guest;
static volatile uint64_t host_runs, guest_runs;

static void host_body(void)
{
    flag_set(&host_runs, 1);
    flag_wait(&guest_runs, 1);
}

static void guest_body(void)
{
    flag_set(&guest_runs, 1);
}

static void other_cpu(void)
{
    flag_wait(&host_runs, 1);
    vcpu_run(&guest);
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    vcpu_init(&host, NULL, 0, stage1, 0, host_body);
    vcpu_init(&guest, stage2_new(), GUEST_VMID, stage1, 0, guest_body);
    pair_start(1, other_cpu);
    vcpu_run(&host);
    pair_join(1);
}
