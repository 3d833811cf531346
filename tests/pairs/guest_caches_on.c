/*
 * A guest that has written memory with its caches off turns them on. Lines of the page that its
 * hypervisor's accesses have left in a cache would hide what was written: the hypervisor traps
 * SCTLR_EL1 (HCR_EL2.TVM), and cleans and invalidates what it has given to the guest.
 *
 * DDI 0487: HCR_EL2.TVM; SCTLR_EL1.C; DC CIVAC.
 */
#include "tests/pairs/caches.h"

#define HCR_TVM (UINT64_C(1) << 26)
#define EXIT_REGISTER 0x18u
#define SCTLR_MMU UINT64_C(0x5)
#define ISS_RT(esr) ((unsigned)((esr) >> 5 & 31))

static struct vcpu guest;

/* In registers alone: its stack is memory, too. */
static void guest_body(void)
{
    register uint64_t x0 __asm__("x0") = read_register(sctlr_el1) | SCTLR_MMU;
    __asm__ volatile("str %1, [%2]\n\tdsb sy\n\tmsr sctlr_el1, x0\n\tisb\n\tldr x0, [%2]\n\thvc #0"
                     : "+r"(x0)
                     : "r"(UINT64_C(7)), "r"(WINDOW)
                     : "memory");
}

void pair_main(void)
{
    uint64_t *vm = stage2_new(), *stage1 = stage1_new();
    map_page(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    load(DATA_PAGE(0));
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    guest.hcr |= HCR_TVM;
    guest.sctlr &= ~SCTLR_MMU;
    while (exit_class(vcpu_run(&guest)) == EXIT_REGISTER) {
#ifndef BAD
        dc(civac, DATA_PAGE(0));
        dsb(sy);
#endif
        guest.sctlr = guest.x[ISS_RT(guest.esr)];
        guest.pc += 4;
    }
    if (guest.x[0] != 7)
        pair_fail();
}
