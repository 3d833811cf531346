/*
 * A helper that flushes another VM loads that VM's VTTBR_EL2 and has to put back what was there:
 * the vCPU that is loaded on this PE goes on with it. Otherwise it goes on in the other VM's
 * memory.
 *
 * DDI 0487: VTTBR_EL2.
 */
#include "tests/pairs/pair.h"

static struct vcpu first;
static uint64_t second_vttbr;

static void flush_second(void)
{
    uint64_t before = read_register(vttbr_el2);
    write_register(vttbr_el2, second_vttbr);
    isb();
    tlbi(vmalls12e1is);
    dsb(ish);
#ifdef BAD
    (void)before;
#else
    write_register(vttbr_el2, before);
#endif
    isb();
}

/* A guest's page keeps what the guest stored there. */
static void guest_body(void)
{
    store(WINDOW, 7);
    hvc();
    if (load(WINDOW) != 7)
        pair_fail();
}

void pair_main(void)
{
    uint64_t *vm1 = stage2_new(), *vm2 = stage2_new(), *stage1 = stage1_new();
    map_block(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm1, WINDOW, DATA_PAGE(0), STAGE2_RW);
    map_page(vm2, WINDOW, DATA_PAGE(1), STAGE2_RW);
    vcpu_init(&first, vm1, 1, stage1, 0, guest_body);
    second_vttbr = (uint64_t)(uintptr_t)vm2 | VMID(2);
    vcpu_load(&first);
    vcpu_enter(&first);
    flush_second(); /* while the vCPU stays loaded */
    vcpu_enter(&first);
}
