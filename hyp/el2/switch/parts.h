#pragma once

/*
 * What all world switches are made of: the traps of host and guest, and the registers of EL1.
 */

#include "hyp/board.h"
#include "hyp/el2/el2.h"
#include "hyp/host/vm.h"
#include "hyp/host/vmid.h"

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

/* What the last exit says of itself. */
ALWAYS_INLINE void syndrome_save(struct vcpu *vcpu, uint64_t why)
{
    if (why == GUEST_EXIT_SYNC) {
        vcpu->esr = read_sysreg(ESR_EL2);
        vcpu->far = read_sysreg(FAR_EL2);
        vcpu->hpfar = read_sysreg(HPFAR_EL2);
    }
}
