/*
 * Exceptions: entry, return, routing and syndromes (AArch64.TakeException and its callers).
 * All functions that take an exception set PC, PSTATE, ELR, SPSR, ESR, FAR and HPFAR of the
 * target, synchronize context and tell EXC_TAKE.
 */
#pragma once
#include "cpu/core.h"

/* UNDEFINED at the current instruction (EC 0x00). */
enum step exception_undefined(struct core *c);
/* SVC, HVC, SMC, BRK, HLT with their immediates; trap checks (HCR_EL2.TGE, HCD, TSC) included.
 * SMC that nothing traps answers STEP_FIRMWARE; HLT #0xF000 STEP_SEMIHOST; so does HVC with
 * conduit_hvc answer STEP_FIRMWARE. */
enum step exception_svc(struct core *c, uint32_t imm16);
enum step exception_hvc(struct core *c, uint32_t imm16);
enum step exception_smc(struct core *c, uint32_t imm16);
enum step exception_brk(struct core *c, uint32_t imm16);
enum step exception_hlt(struct core *c, uint32_t imm16);

/* Data Abort from c->fault and c->fault_iss, or Instruction Abort when fault.is_fetch; Watchpoint
 * or Breakpoint for FAULT_DEBUG. */
enum step exception_abort(struct core *c);
enum step exception_pc_alignment(struct core *c);
enum step exception_sp_alignment(struct core *c);
/* Software Step: whether the instruction before was stepped, and was a load exclusive. */
enum step exception_software_step(struct core *c, bool is_valid, bool is_exclusive);
/* PSTATE.IL is set. */
enum step exception_illegal_state(struct core *c);

/* ERET: AArch64.ExceptionReturn with the legality checks. */
enum step exception_return(struct core *c);

/* AArch64.BranchAddr: where a branch to target really goes (TCR_ELx.TBI drops a tag). */
uint64_t exception_branch_address(const struct cpu *cpu, uint64_t target);
/* The same as a use of effective copies (effective.h); context is the target. */
uint64_t exception_use_branch(const struct core *c, const void *target);

/* WFI, WFE with their traps (SCTLR_EL1.nTWI/nTWE, HCR_EL2.TWI/TWE); sets cpu.wait or not. */
enum step exception_wait(struct core *c, bool is_wfe);

/* A trapped system register access or other trap to EL1 or EL2, with EC and ISS. */
enum step exception_trap(struct core *c, unsigned to_el, unsigned ec, uint32_t iss);

/* FP/SIMD access check by CPACR_EL1 and CPTR_EL2: STEP_NEXT when allowed. */
enum step exception_check_fp(struct core *c);
/* Before an instruction, while copies lag: asks about those that say whether it is trapped. */
void exception_settle_fp(struct core *c, uint32_t word);

/* Physical and virtual interrupts; see interrupt.h for the decision. */
enum interrupt_kind {
    INTERRUPT_NONE,
    INTERRUPT_SERROR,
    INTERRUPT_FIQ,
    INTERRUPT_IRQ,
    INTERRUPT_VSERROR,
    INTERRUPT_VFIQ,
    INTERRUPT_VIRQ,
};
void exception_interrupt(struct core *c, enum interrupt_kind kind);

/* The interrupt that would be taken now, pure: masks, routing by HCR_EL2, priorities. */
enum interrupt_kind interrupt_to_take(const struct cpu *cpu);
/* Whether any interrupt would end a WFI now (masks by PSTATE do not count). */
bool interrupt_wakes(const struct cpu *cpu);
