/*
 * The world switch: what is exchanged between host and guest on one CPU, and in which order.
 *
 * The order is that of KVM/ARM in 2012. In: the host's EL1 registers are saved, the guest's are
 * loaded, the traps are set, and only then VTTBR_EL2 is taken from memory: whatever another CPU
 * wrote there up to that moment is what this guest runs with. Out: VMID 0 first, so that nothing
 * is translated under the guest's VMID with the host's registers, then the rest.
 *
 * No ISB stands between these writes and the ERET: at EL2 the registers of the EL1&0 regime are
 * out of context, and exception return synchronizes them all at once (DDI 0487, "Synchronization
 * requirements for AArch64 System registers").
 *
 * Not modelled: floating point (never enabled), debug and PMU state, the workaround for
 * out-of-context table walks that some cores need.
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
    el2_call(EL2_CALL_TLB_FLUSH_LOCAL, vcpu->vm, 0);
}
