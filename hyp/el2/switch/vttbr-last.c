/*
 * The world switch with VTTBR_EL2 cleared at the end of the way out, when the host's registers are
 * all back. By the architecture that is as good as plain.c: at EL2 the EL1&0 regime is out of
 * context, nobody walks by it, and the ERET synchronizes all at once.
 *
 * Its mistake (E05): there are cores that walk by it all the same (Cortex-A57 erratum 1319537 and
 * its like). In the middle of the way out such a walk uses the host's tables, stage 2 off, and tags
 * what it finds with the guest's VMID; the guest comes upon it at its next stay.
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

    syndrome_save(vcpu, why);
    traps_set(HCR_HOST, CNTHCTL_EL2_EL1PCTEN | CNTHCTL_EL2_EL1PCEN, host_mpidr);
    el1_save(&vcpu->el1);
    el1_restore(&cpu->host);
    write_sysreg(VTTBR_EL2, 0);
    return why;
}

void vcpu_forget_others(struct vcpu *vcpu)
{
    el2_call(EL2_CALL_TLB_FLUSH_LOCAL, vcpu->vm, 0);
}
