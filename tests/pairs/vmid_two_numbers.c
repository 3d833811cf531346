/*
 * One VM under two numbers: a vCPU of a VM goes on under the VM's old VMID while another has been
 * given a new one. An invalidation under the one number leaves the entries of the other.
 *
 * DDI 0487: TLBI VMALLS12E1IS acts on the current VMID.
 */
#include "tests/pairs/pair.h"

#ifdef BAD
#define SECOND_VMID 2
#else
#define SECOND_VMID 1
#endif

static struct vcpu first, second;

static void guest_body(void)
{
    for (;;) {
        load(WINDOW);
        hvc();
    }
}

void pair_main(void)
{
    uint64_t *vm = stage2_new(), *stage1 = stage1_new();
    map_block(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    vcpu_init(&first, vm, 1, stage1, 0, guest_body);
    vcpu_init(&second, vm, SECOND_VMID, stage1, 0, guest_body);
    vcpu_run(&first);
    vcpu_run(&second);

    set_entry(table_entry(vm, WINDOW, 3), 0);
    dsb(ish);
    tlbi(vmalls12e1is); /* under the number of the second */
    dsb(ish);
    vcpu_run(&first);
}
