/*
 * The world switch for cores that walk by the registers of EL1&0 while they are at EL2, amid a
 * switch (Cortex-A57 erratum 1319537 and its like): walks are off while the registers belong
 * together in parts only.
 *
 * In: TCR_EL1.EPD0 and EPD1 forbid walks, with the MMU on (with it off there would be flat
 * translations without a walk); everything else is exchanged behind that; an ISB; then
 * SCTLR_EL1 and at the very end TCR_EL1 are the guest's. Out: the same in the opposite order.
 * Each step is synchronized before the next, since without an ISB they could come into effect
 * in any order.
 *
 * DDI 0487: TCR_EL1.EPD0, EPD1; "Out-of-context translation regimes".
 */

#include "hyp/el2/switch/guard.h"

/* The two that the guard holds, by name; the compiler decides it. */
#define IS_GUARDED(name) \
    (__builtin_strcmp(name, "SCTLR_EL1") == 0 || __builtin_strcmp(name, "TCR_EL1") == 0)

ALWAYS_INLINE void el1_restore_behind_guard(const struct el1_context *context)
{
#define X(name)             \
    if (!IS_GUARDED(#name)) \
        write_sysreg(name, context->name);
    EL1_REGISTERS(X)
#undef X
}

EL2_CODE uint64_t world_switch(struct vcpu *vcpu)
{
    struct el2_cpu *cpu = (struct el2_cpu *)read_sysreg(TPIDR_EL2);
    uint64_t host_mpidr = read_sysreg(VMPIDR_EL2);

    el1_save(&cpu->host);
    guard_raise();
    el1_restore_behind_guard(&vcpu->el1);
    traps_set(HCR_GUEST, CNTHCTL_EL2_EL1PCTEN, vcpu->vmpidr);
    write_sysreg(VTTBR_EL2, vmid_vttbr(vcpu->vm));
    guard_lower(vcpu->el1.SCTLR_EL1, vcpu->el1.TCR_EL1);

    uint64_t why = guest_enter(vcpu);

    el1_save(&vcpu->el1);
    guard_raise();
    write_sysreg(VTTBR_EL2, 0);
    syndrome_save(vcpu, why);
    traps_set(HCR_HOST, CNTHCTL_EL2_EL1PCTEN | CNTHCTL_EL2_EL1PCEN, host_mpidr);
    el1_restore_behind_guard(&cpu->host);
    guard_lower(cpu->host.SCTLR_EL1, cpu->host.TCR_EL1);
    return why;
}

void vcpu_forget_others(struct vcpu *vcpu)
{
    el2_call(EL2_CALL_TLB_FLUSH_LOCAL, vcpu->vm, 0);
}
