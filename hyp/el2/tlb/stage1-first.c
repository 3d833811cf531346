/*
 * TLB maintenance that drops the translations of a page in the wrong order; otherwise as plain.c.
 *
 * Its mistake (K11): combined and stage 1 entries go first, by VMALLE1IS, and stage 2 entries of
 * the page behind that, by IPAS2E1IS, which does not find combined entries. In between another CPU
 * that is in the guest may walk and make a combined entry from a stage 2 entry that is still there,
 * though the descriptor is gone. Nothing removes it any more: the VM keeps a page it gave back.
 *
 * DDI 0487: TLBI IPAS2E1IS, "the entries used to translate that IPA"; AArch64.TLBI_*.
 */

#include "hyp/board.h"
#include "hyp/el2/el2.h"
#include "hyp/host/vmid.h"

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
    write_sysreg(VTTBR_EL2, vmid_vttbr(vm));
    isb();
    tlbi(vmalls12e1is);
    dsb(ish);
    write_sysreg(VTTBR_EL2, 0);
    isb();
}

EL2_CODE void tlb_flush_page(const struct vm *vm, uint64_t ipa_bytes)
{
    dsb(ishst);
    write_sysreg(VTTBR_EL2, vmid_vttbr(vm));
    isb();
    tlbi(vmalle1is);
    dsb(ish);
    tlbi_address(ipas2e1is, ipa_bytes >> PAGE_SHIFT);
    dsb(ish);
    write_sysreg(VTTBR_EL2, 0);
    isb();
}

EL2_CODE void tlb_flush_local(const struct vm *vm)
{
    write_sysreg(VTTBR_EL2, vmid_vttbr(vm));
    isb();
    tlbi(vmalle1);
    dsb(nsh);
    write_sysreg(VTTBR_EL2, 0);
    isb();
}
