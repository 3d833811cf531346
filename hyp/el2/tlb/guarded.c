/*
 * TLB maintenance for cores that walk by the registers of EL1&0 while they are at EL2 (Cortex-A57
 * erratum 1319537 and its like): while a guest's VMID is in VTTBR_EL2 the rest of the registers is
 * the host's, so walks are off; otherwise as plain.c, with el2/switch/guarded.c.
 *
 * DDI 0487: TCR_EL1.EPD0, EPD1; "Out-of-context translation regimes".
 */

#include "hyp/board.h"
#include "hyp/el2/el2.h"
#include "hyp/el2/switch/guard.h"
#include "hyp/host/vmid.h"

/* The host's MMU is on; without walks its tables leave nothing under the guest's VMID. */
ALWAYS_INLINE uint64_t context_enter(const struct vm *vm)
{
    uint64_t tcr = read_sysreg(TCR_EL1);
    guard_raise();
    write_sysreg(VTTBR_EL2, vmid_vttbr(vm));
    isb();
    return tcr;
}

ALWAYS_INLINE void context_leave(uint64_t tcr)
{
    write_sysreg(VTTBR_EL2, 0);
    uint64_t sctlr = read_sysreg(SCTLR_EL1);
    guard_lower(sctlr, tcr);
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
    uint64_t tcr = context_enter(vm);
    tlbi(vmalls12e1is);
    dsb(ish);
    context_leave(tcr);
}

EL2_CODE void tlb_flush_page(const struct vm *vm, uint64_t ipa_bytes)
{
    dsb(ishst);
    uint64_t tcr = context_enter(vm);
    tlbi_address(ipas2e1is, ipa_bytes >> PAGE_SHIFT);
    /*
     * Combined entries are not found by IPA. They go after the stage 2 entries are gone for good:
     * the other way round, one could be made again from a stage 2 entry still there.
     */
    dsb(ish);
    tlbi(vmalle1is);
    dsb(ish);
    context_leave(tcr);
}

EL2_CODE void tlb_flush_local(const struct vm *vm)
{
    uint64_t tcr = context_enter(vm);
    tlbi(vmalle1);
    dsb(nsh);
    context_leave(tcr);
}
