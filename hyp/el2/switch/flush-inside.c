/*
 * The world switch in the order of plain.c, but for one thing: when another vCPU of the VM was
 * last on this CPU, its translations are dropped at EL2, on the way in, as pKVM does, instead
 * of by a call of their own. At that point the guest's VTTBR_EL2 has been written and is not
 * in effect: no context synchronization event has come since. The TLB helper has to see to
 * that.
 *
 * DDI 0487: "Synchronization requirements for AArch64 System registers".
 */

#include "hyp/el2/switch/parts.h"

EL2_CODE uint64_t world_switch(struct vcpu *vcpu)
{
    struct el2_cpu *cpu = (struct el2_cpu *)read_sysreg(TPIDR_EL2);
    uint64_t host_mpidr = read_sysreg(VMPIDR_EL2);

    el1_save(&cpu->host);
    el1_restore(&vcpu->el1);
    traps_set(HCR_GUEST, CNTHCTL_EL2_EL1PCTEN, vcpu->vmpidr);
    write_sysreg(VTTBR_EL2, vmid_vttbr(vcpu->vm));
    if (vcpu->must_forget) {
        vcpu->must_forget = false;
        tlb_flush_local(vcpu->vm);
    }

    uint64_t why = guest_enter(vcpu);

    write_sysreg(VTTBR_EL2, 0);
    syndrome_save(vcpu, why);
    traps_set(HCR_HOST, CNTHCTL_EL2_EL1PCTEN | CNTHCTL_EL2_EL1PCEN, host_mpidr);
    el1_save(&vcpu->el1);
    el1_restore(&cpu->host);
    return why;
}

void vcpu_forget_others(struct vcpu *vcpu)
{
    vcpu->must_forget = true;
}
