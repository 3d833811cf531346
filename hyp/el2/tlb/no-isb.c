/*
 * TLB maintenance without the ISB between VTTBR_EL2 and the TLBI; otherwise as plain.c.
 *
 * Its mistake: the TLBI acts on the VMID that is in effect, and a write to VTTBR_EL2 is in
 * effect for certain only behind a context synchronization event. Without one the TLBI may
 * still act on the host's VMID, 0, and the VM keeps what it was to lose: a page that it gave
 * back, for one.
 *
 * DDI 0487: "Synchronization requirements for AArch64 System registers", AArch64.TLBI_*.
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
    tlbi(vmalls12e1is);
    dsb(ish);
    write_sysreg(VTTBR_EL2, 0);
    isb();
}

EL2_CODE void tlb_flush_page(const struct vm *vm, uint64_t ipa_bytes)
{
    dsb(ishst);
    write_sysreg(VTTBR_EL2, vmid_vttbr(vm));
    tlbi_address(ipas2e1is, ipa_bytes >> PAGE_SHIFT);
    /*
     * Combined entries are not found by IPA. They go after the stage 2 entries are gone for good:
     * the other way round, one could be made again from a stage 2 entry still there.
     */
    dsb(ish);
    tlbi(vmalle1is);
    dsb(ish);
    write_sysreg(VTTBR_EL2, 0);
    isb();
}

EL2_CODE void tlb_flush_local(const struct vm *vm)
{
    write_sysreg(VTTBR_EL2, vmid_vttbr(vm));
    tlbi(vmalle1);
    dsb(nsh);
    write_sysreg(VTTBR_EL2, 0);
    isb();
}
