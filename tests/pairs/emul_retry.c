/*
 * A guest that is sent back to its instruction must find everything as it was: a hypervisor that
 * has already put the loaded value into the register, and then has the instruction done again,
 * gives a base register that is the target another address.
 *
 * DDI 0487: synchronous exceptions are precise; ELR_EL2 is the instruction that aborted.
 */
#include "tests/pairs/device.h"

static struct vcpu guest;
static uint64_t *vm;

static void guest_body(void)
{
    __asm__ volatile("mov x1, %0\n\tldr x1, [x1]" ::"r"(DEVICE) : "x1", "memory");
}

/* The page is memory after all: it is mapped, and the guest tries again. */
static void page_in(struct vcpu *v)
{
#ifdef BAD
    set_x(v, ISS_SRT(v->esr), DEVICE_VALUE);
#else
    (void)v;
#endif
    map_page(vm, DEVICE, DATA_PAGE(0), STAGE2_RW);
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    vm = stage2_new();
    map_page(stage1, DEVICE, DEVICE, STAGE1_RW);
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    while (exit_class(vcpu_run(&guest)) == EXIT_DATA)
        page_in(&guest);
}
