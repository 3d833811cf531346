/*
 * Memory that EL2 will execute again is not free: a hypervisor gives the page with its init code
 * back to the host, which puts code of its own there; the teardown then goes through the page.
 *
 * DDI 0487: nothing protects text of EL2 from EL1 but the stage 2 tables.
 */
#include "tests/pairs/pair.h"

static struct vcpu host;
static uint64_t given; /* a free page, for the host */

#define TWO_RETS UINT64_C(0xd65f03c0d65f03c0)

__attribute__((noinline, aligned(4096), section(".text.init"))) static void trampoline(void)
{
    isb();
}

static void host_body(void)
{
    store(given, TWO_RETS);
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    map_block(stage1, DATA, DATA, STAGE1_RW);
    trampoline();
#ifdef BAD
    given = (uintptr_t)trampoline; /* init is over */
#else
    given = DATA_PAGE(0);
#endif
    vcpu_init(&host, NULL, 0, stage1, 0, host_body);
    vcpu_run(&host);
    trampoline();
}
