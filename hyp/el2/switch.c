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

#include "hyp/board.h"
#include "hyp/el2/el2.h"
#include "hyp/host/vm.h"
#include "hyp/host/vmid.h"

_Static_assert(offsetof(struct vcpu, x) == 0, "guest_enter");
_Static_assert(offsetof(struct vcpu, pc) == VCPU_OFFSET_PC, "guest_enter");
_Static_assert(offsetof(struct vcpu, pstate) == VCPU_OFFSET_PSTATE, "guest_enter");
_Static_assert(offsetof(struct el2_cpu, running) == EL2_CPU_OFFSET_RUNNING, "vectors");
_Static_assert(sizeof(struct el2_cpu) == EL2_CPU_BYTES, "el2_init");

/*
 * For a guest: stage 2 on, physical interrupts and SErrors come to EL2, WFI and WFE give the CPU
 * back, SMC and implementation-defined registers trap, and local TLB and I-cache maintenance is
 * broadcast inner shareable, because a vCPU may have run elsewhere a moment ago.
 */
#define HCR_GUEST                                                                            \
    (HCR_EL2_VM | HCR_EL2_SWIO | HCR_EL2_PTW | HCR_EL2_FMO | HCR_EL2_IMO | HCR_EL2_AMO |     \
     HCR_EL2_FB | FIELD(HCR_EL2_BSU, 1) | HCR_EL2_TWI | HCR_EL2_TWE | HCR_EL2_TSC |          \
     HCR_EL2_TIDCP | HCR_EL2_RW)
#define HCR_HOST HCR_EL2_RW

NOT_CLEARED struct el2_cpu el2_cpus[CPUS_MAX];

ALWAYS_INLINE void el1_save(struct el1_context *context)
{
#define X(name) context->name = read_sysreg(name);
    EL1_REGISTERS(X)
#undef X
}

ALWAYS_INLINE void el1_restore(const struct el1_context *context)
{
#define X(name) write_sysreg(name, context->name);
    EL1_REGISTERS(X)
#undef X
}

ALWAYS_INLINE void traps_set(uint64_t hcr, uint64_t cnthctl, uint64_t vmpidr)
{
    write_sysreg(CNTHCTL_EL2, cnthctl);
    write_sysreg(VMPIDR_EL2, vmpidr);
    write_sysreg(HCR_EL2, hcr);
}

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
    if (why == GUEST_EXIT_SYNC) {
        vcpu->esr = read_sysreg(ESR_EL2);
        vcpu->far = read_sysreg(FAR_EL2);
        vcpu->hpfar = read_sysreg(HPFAR_EL2);
    }
    traps_set(HCR_HOST, CNTHCTL_EL2_EL1PCTEN | CNTHCTL_EL2_EL1PCEN, host_mpidr);
    el1_save(&vcpu->el1);
    el1_restore(&cpu->host);
    return why;
}

EL2_CODE void el2_panic(uint64_t vector)
{
    struct el2_cpu *cpu = (struct el2_cpu *)read_sysreg(TPIDR_EL2);
    if (cpu->running != NULL) {
        write_sysreg(VTTBR_EL2, 0);
        traps_set(HCR_HOST, CNTHCTL_EL2_EL1PCTEN | CNTHCTL_EL2_EL1PCEN, 0);
        cpu->running = NULL;
        el1_restore(&cpu->host);
    }
    register uint64_t x0 __asm__("x0") = vector;
    register uint64_t x1 __asm__("x1") = read_sysreg(ESR_EL2);
    register uint64_t x2 __asm__("x2") = read_sysreg(ELR_EL2);
    register uint64_t x3 __asm__("x3") = read_sysreg(FAR_EL2);
    write_sysreg(ELR_EL2, (uint64_t)host_el2_panic);
    write_sysreg(SPSR_EL2, PSTATE_EL1H_MASKED);
    __asm__ volatile("eret" : : "r"(x0), "r"(x1), "r"(x2), "r"(x3));
    __builtin_unreachable();
}
