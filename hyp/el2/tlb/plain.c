/*
 * TLB maintenance on behalf of the host. Operations on the EL1&0 regime act on the VMID that is in
 * VTTBR_EL2, so a flush of one VM puts that VM's value there for its duration; the ISB makes it
 * effective before the TLBI, and VMID 0 is back before the host runs again.
 *
 * The callers are the host's stage 2 and VMID code, with HCR_EL2.VM = 0. The first DSB orders their
 * table writes before the TLBI; the second waits until the entries are gone on every CPU and all
 * accesses through them are finished.
 *
 * DDI 0487: "TLB maintenance instructions", AArch64.TLBI_*; TLBI scopes are the architecture's.
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
    isb();
    tlbi(vmalle1);
    dsb(nsh);
    write_sysreg(VTTBR_EL2, 0);
    isb();
}
