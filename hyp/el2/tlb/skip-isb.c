/*
 * TLB maintenance as nested.c, which spares its ISBs where it can.
 *
 * Its mistake (K07, Linux until ed49fe5a6fb9): it takes the register's value for what is in
 * effect. When its caller, or its own last call, wrote VTTBR_EL2 and no context
 * synchronization event came since, it finds the register "already right" and goes on to the
 * TLBI, which acts on the VMID of before.
 *
 * DDI 0487: "Synchronization requirements for AArch64 System registers", AArch64.TLBI_*.
 */

#include "hyp/board.h"
#include "hyp/el2/el2.h"
#include "hyp/host/vmid.h"

/* Puts the VM's VTTBR_EL2 into place; answers what was there. */
ALWAYS_INLINE uint64_t context_enter(const struct vm *vm)
{
    uint64_t before = read_sysreg(VTTBR_EL2);
    uint64_t wanted = vmid_vttbr(vm);
    if (before != wanted) {
        write_sysreg(VTTBR_EL2, wanted);
        isb();
    }
    return before;
}

ALWAYS_INLINE void context_leave(uint64_t before)
{
    if (read_sysreg(VTTBR_EL2) != before)
        write_sysreg(VTTBR_EL2, before);
}

EL2_CODE void tlb_flush_all(void)
{
    dsb(ishst);
    tlbi(alle1is);
    /* Another VM will run under old numbers: an I-cache that tags by VMID must forget them too. */
    __asm__ volatile("ic ialluis" : : : "memory");
    dsb(ish);
    isb();
}

EL2_CODE void tlb_flush_vm(const struct vm *vm)
{
    dsb(ishst);
    uint64_t before = context_enter(vm);
    tlbi(vmalls12e1is);
    dsb(ish);
    context_leave(before);
}

EL2_CODE void tlb_flush_page(const struct vm *vm, uint64_t ipa_bytes)
{
    dsb(ishst);
    uint64_t before = context_enter(vm);
    tlbi_address(ipas2e1is, ipa_bytes >> PAGE_SHIFT);
    /*
     * Combined entries are not found by IPA. They go after the stage 2 entries are gone for good:
     * the other way round, one could be made again from a stage 2 entry still there.
     */
    dsb(ish);
    tlbi(vmalle1is);
    dsb(ish);
    context_leave(before);
}

EL2_CODE void tlb_flush_local(const struct vm *vm)
{
    uint64_t before = context_enter(vm);
    tlbi(vmalle1);
    dsb(nsh);
    context_leave(before);
}
