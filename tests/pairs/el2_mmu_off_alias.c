/*
 * The MMU goes off only where addresses are the same with and without it: the instruction behind
 * the write is fetched from the physical address that is the number of the virtual one.
 *
 * A hypervisor that runs at an alias has to jump to the address that is the same in both first.
 * DDI 0487: SCTLR_EL2.M.
 */
#include "tests/pairs/pair.h"

#define SCTLR_M UINT64_C(1)
#define ALIAS (WINDOW - PROGRAM)

__attribute__((noinline)) static void mmu_off(void)
{
    write_register(sctlr_el2, read_register(sctlr_el2) & ~SCTLR_M);
    isb();
    write_register(sctlr_el2, read_register(sctlr_el2) | SCTLR_M);
    isb();
}

void pair_main(void)
{
    void (*volatile there)(void) = mmu_off;
    map_block(el2_root, WINDOW, PROGRAM, STAGE1_RW);
#ifdef BAD
    there = (void (*)(void))((uintptr_t)there + ALIAS);
#endif
    there();
}
