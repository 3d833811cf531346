/*
 * Exceptions: where they go, what they leave in the registers of the target, and the way back.
 *
 * Every exception is a value (struct entry) that one function applies: AArch64.TakeException.
 * Routing and vectors use the effective HCR_EL2 and VBAR_ELx, and then the entry synchronizes
 * context. Registers that the architecture leaves UNKNOWN are marked (unknown.c).
 *
 * Not modelled: EL3, AArch32, halting (HLT is UNDEFINED but for the
 * semihosting call), HCR_EL2.E2H. An SMC that nothing traps is served by built-in firmware.
 *
 * DDI 0487: AArch64.TakeException, AArch64.ReportException, AArch64.ExceptionReturn,
 * IllegalExceptionReturn, AArch64.BranchAddr, AArch64.CheckForWFxTrap.
 */
#include "cpu/exception.h"
#include "cpu/debug.h"
#include "cpu/effective.h"
#include "cpu/interrupt.h"
#include "cpu/model.h"
#include "cpu/pmu.h"
#include "cpu/syndrome.h"
#include "cpu/sysreg.h"
#include "cpu/sysreg_row.h"
#include "cpu/timer.h"
#include "cpu/unknown.h"
#include "gen/trace.h"

#define SEMIHOST_IMMEDIATE 0xf000u
#define SPSR_M_SP UINT64_C(1) /* M[0]: SP_ELx */

enum vector { VECTOR_SYNCHRONOUS, VECTOR_IRQ, VECTOR_FIQ, VECTOR_SERROR };

/* An exception on its way. */
struct entry {
    unsigned to_el;
    enum vector vector;
    uint32_t ec, iss; /* not for IRQ and FIQ */
    uint64_t back;    /* preferred return address */
    bool has_far, has_ipa;
    uint64_t far;
    ipa_t ipa;
};

struct banked {
    enum sysreg spsr, elr, esr, far, vbar;
};

static const struct banked banked[] = {
    [1] = {SR_SPSR_EL1, SR_ELR_EL1, SR_ESR_EL1, SR_FAR_EL1, SR_VBAR_EL1},
    [2] = {SR_SPSR_EL2, SR_ELR_EL2, SR_ESR_EL2, SR_FAR_EL2, SR_VBAR_EL2},
};

static void report_one(struct core *c, enum sysreg reg, bool is_known, uint64_t value)
{
    if (is_known) {
        effective_set_both(c, reg, value);
        unknown_clear(c->cpu, reg);
    } else {
        unknown_mark(c, reg);
    }
}

/* AArch64.ReportException: ESR, FAR and HPFAR of the target. */
static void report(struct core *c, const struct entry *e)
{
    const struct banked *to = &banked[e->to_el];
    uint64_t esr = field_put(ESR_ELx_EC, e->ec) | ESR_ELx_IL | e->iss;
    uint64_t fipa = field_put(HPFAR_EL2_FIPA, e->ipa.bits >> PAGE_SHIFT);
    report_one(c, to->esr, true, esr);
    report_one(c, to->far, e->has_far, e->far);
    if (e->to_el == 2)
        report_one(c, SR_HPFAR_EL2, e->has_ipa, fipa);
}

static uint64_t pstate_to_spsr(const struct cpu *cpu)
{
    return cpu->nzcv | cpu->daif | cpu->access | field_put(SPSR_SS, cpu->ss) |
           field_put(SPSR_IL, cpu->il) | field_put(SPSR_M, (uint64_t)cpu->el << 2 | cpu->spsel);
}

/* The offset in the vector table: four blocks by where the exception came from. */
static uint64_t vector_offset(const struct cpu *cpu, const struct entry *e)
{
    uint64_t block = 0x400;
    if (e->to_el == cpu->el)
        block = cpu->spsel ? 0x200 : 0;
    return block + 0x80u * (uint64_t)e->vector;
}

/* The Exception level may change now: what depends on it is brought up to date. */
static void leave_level(struct core *c)
{
    struct cpu *cpu = c->cpu;
    if (cpu->reg[SR_PMCNTENSET_EL0] != 0)
        pmu_advance(cpu);
    if (cpu->reg[SR_PMINTENSET_EL1] != 0)
        c->lines_may_change = true; /* others count now: the next overflow is somewhere else */
}

/* AArch64.TakeException */
static enum step take(struct core *c, const struct entry *e)
{
    struct cpu *cpu = c->cpu;
    ensure(e->to_el >= cpu->el && e->to_el >= 1 && e->to_el <= 2);
    const struct banked *to = &banked[e->to_el];
    uint8_t from_el = cpu->el;
    effective_before_bits(c, to->vbar, UINT64_MAX);
    uint64_t vector = cpu->effective[to->vbar] + vector_offset(cpu, e);
    bool is_syndrome = e->vector == VECTOR_SYNCHRONOUS || e->vector == VECTOR_SERROR;
    uint64_t spsr = pstate_to_spsr(cpu);
    if (!is_syndrome || (e->ec != ESR_EC_SVC64 && e->ec != ESR_EC_HVC64))
        pmu_unretired(cpu);
    leave_level(c);
    core_synchronize(c);
    if (is_syndrome)
        report(c, e);
    effective_set_both(c, to->spsr, spsr);
    effective_set_both(c, to->elr, e->back);
    cpu->el = (uint8_t)e->to_el;
    cpu->spsel = 1;
    cpu->daif = PSTATE_DAIF;
    cpu->access &= ~PSTATE_UAO;
    if (e->to_el == 1 && (c->model->features & SYSREG_FEATURE_PAN) &&
        (cpu->effective[SR_SCTLR_EL1] & SCTLR_EL1_SPAN) == 0)
        cpu->access |= PSTATE_PAN;
    cpu->ss = 0;
    cpu->stepped = 0;
    cpu->il = 0;
    cpu->pc = vector;
    cpu->wait = CPU_RUNS;
    c->visible = VISIBLE_EXCEPTION;
    event_emit_EXC_TAKE(CORE_HEAD(c), from_el, cpu->el, (uint8_t)e->vector,
                        is_syndrome ? cpu->reg[to->esr] : 0, cpu->reg[to->far], e->back, vector);
    return STEP_EXCEPTION;
}

/* The level of exceptions that EL1 would handle: the current one, but EL2 from EL0 under TGE. */
static unsigned default_target(struct core *c)
{
    const struct cpu *cpu = c->cpu;
    if (cpu->el == 2)
        return 2;
    if (cpu->el == 0)
        effective_before_bits(c, SR_HCR_EL2, HCR_EL2_TGE);
    return cpu->el == 0 && (cpu->effective[SR_HCR_EL2] & HCR_EL2_TGE) ? 2 : 1;
}

static enum step take_at(struct core *c, unsigned to_el, uint32_t ec, uint32_t iss, uint64_t back)
{
    struct entry e = {.to_el = to_el, .ec = ec, .iss = iss, .back = back};
    return take(c, &e);
}

enum step exception_undefined(struct core *c)
{
    return take_at(c, default_target(c), ESR_EC_UNKNOWN, 0, c->cpu->pc);
}

enum step exception_illegal_state(struct core *c)
{
    return take_at(c, default_target(c), ESR_EC_ILLEGAL, 0, c->cpu->pc);
}

enum step exception_sp_alignment(struct core *c)
{
    return take_at(c, default_target(c), ESR_EC_SP_ALIGN, 0, c->cpu->pc);
}

enum step exception_pc_alignment(struct core *c)
{
    struct entry e = {
        .to_el = default_target(c),
        .ec = ESR_EC_PC_ALIGN,
        .back = c->cpu->pc,
        .has_far = true,
        .far = c->cpu->pc,
    };
    return take(c, &e);
}

enum step exception_svc(struct core *c, uint32_t imm16)
{
    debug_step_advance(c->cpu);
    return take_at(c, default_target(c), ESR_EC_SVC64, imm16, c->cpu->pc + 4);
}

enum step exception_hvc(struct core *c, uint32_t imm16)
{
    const struct cpu *cpu = c->cpu;
    effective_before_bits(c, SR_HCR_EL2, HCR_EL2_HCD);
    if (cpu->el == 0 || (cpu->effective[SR_HCR_EL2] & HCR_EL2_HCD))
        return exception_undefined(c);
    if (cpu->el == 1 && c->conduit_hvc)
        return STEP_FIRMWARE;
    debug_step_advance(c->cpu);
    return take_at(c, 2, ESR_EC_HVC64, imm16, cpu->pc + 4);
}

enum step exception_smc(struct core *c, uint32_t imm16)
{
    const struct cpu *cpu = c->cpu;
    if (cpu->el == 0)
        return exception_undefined(c);
    if (cpu->el == 1)
        effective_before_bits(c, SR_HCR_EL2, HCR_EL2_TSC);
    if (cpu->el == 1 && (cpu->effective[SR_HCR_EL2] & HCR_EL2_TSC))
        return take_at(c, 2, ESR_EC_SMC64, imm16, cpu->pc);
    return STEP_FIRMWARE;
}

/* Where a debug exception goes from here. */
static unsigned debug_level(struct core *c)
{
    const struct cpu *cpu = c->cpu;
    effective_before_bits(c, SR_HCR_EL2, HCR_EL2_TGE);
    effective_before_bits(c, SR_MDCR_EL2, MDCR_EL2_TDE);
    return cpu->el == 2 ? 2 : debug_target(cpu);
}

enum step exception_software_step(struct core *c, bool is_valid, bool is_exclusive)
{
    const struct cpu *cpu = c->cpu;
    unsigned to_el = debug_level(c);
    unsigned ec = to_el > cpu->el ? ESR_EC_SOFTSTP_LOWER : ESR_EC_SOFTSTP_SAME;
    return take_at(c, to_el, ec, syndrome_step(is_valid, is_exclusive), cpu->pc);
}

/* A Breakpoint or Watchpoint exception, by c->fault. */
static enum step exception_debug(struct core *c)
{
    const struct cpu *cpu = c->cpu;
    const struct fault *fault = &c->fault;
    struct entry e = {
        .to_el = debug_level(c),
        .iss = syndrome_abort(fault, 0),
        .back = cpu->pc,
        .has_far = !fault->is_fetch,
        .far = fault->va.bits,
    };
    bool is_lower = e.to_el > cpu->el;
    if (fault->is_fetch)
        e.ec = is_lower ? ESR_EC_BREAKPT_LOWER : ESR_EC_BREAKPT_SAME;
    else
        e.ec = is_lower ? ESR_EC_WATCHPT_LOWER : ESR_EC_WATCHPT_SAME;
    return take(c, &e);
}

enum step exception_brk(struct core *c, uint32_t imm16)
{
    const struct cpu *cpu = c->cpu;
    return take_at(c, debug_level(c), ESR_EC_BRK64, imm16, cpu->pc);
}

enum step exception_hlt(struct core *c, uint32_t imm16)
{
    return imm16 == SEMIHOST_IMMEDIATE ? STEP_SEMIHOST : exception_undefined(c);
}

enum step exception_abort(struct core *c)
{
    const struct cpu *cpu = c->cpu;
    const struct fault *fault = &c->fault;
    if (fault->kind == FAULT_DEBUG)
        return exception_debug(c);
    struct entry e = {
        .to_el = fault->stage == 2 ? 2 : default_target(c),
        .iss = syndrome_abort(fault, c->fault_iss),
        .back = cpu->pc,
        .has_far = true,
        .far = fault->va.bits,
        .has_ipa = syndrome_ipa_is_valid(fault),
        .ipa = fault->ipa,
    };
    bool is_lower = e.to_el > cpu->el;
    if (fault->is_fetch)
        e.ec = is_lower ? ESR_EC_IABT_LOWER : ESR_EC_IABT_SAME;
    else
        e.ec = is_lower ? ESR_EC_DABT_LOWER : ESR_EC_DABT_SAME;
    return take(c, &e);
}

enum step exception_trap(struct core *c, unsigned to_el, unsigned ec, uint32_t iss)
{
    return take_at(c, to_el, ec, iss, c->cpu->pc);
}

/* CheckFPAdvSIMDEnabled64() as a use of effective copies: 0 goes on. */
static uint64_t use_fp(const struct core *c, const void *context)
{
    const uint64_t *e = c->cpu->effective;
    uint64_t fpen = field_get(CPACR_EL1_FPEN, e[SR_CPACR_EL1]);
    unsigned el = c->cpu->el;
    (void)context;
    if (el != 2 && fpen != 3 && (fpen != 1 || el == 0))
        return el == 0 && (e[SR_HCR_EL2] & HCR_EL2_TGE) ? 2 : 1;
    return e[SR_CPTR_EL2] & CPTR_EL2_TFP ? 3 : 0;
}

void exception_settle_fp(struct core *c, uint32_t word)
{
    if ((word >> 26 & 3u) == 3u) /* floating point and SIMD, loads and stores among them */
        effective_before(c, use_fp, NULL);
}

enum step exception_check_fp(struct core *c)
{
    const struct cpu *cpu = c->cpu;
    const uint64_t *e = cpu->effective;
    uint64_t fpen = field_get(CPACR_EL1_FPEN, e[SR_CPACR_EL1]);
    bool is_on = cpu->el == 2 || fpen == 3 || (fpen == 1 && cpu->el == 1);
    if (!is_on) {
        unsigned to_el = default_target(c);
        /* AArch64.AdvSIMDFPAccessTrap: sent on to EL2 by TGE it has no class of its own. */
        return to_el == 2 ? exception_undefined(c)
                          : exception_trap(c, 1, ESR_EC_FP, syndrome_fp());
    }
    if (e[SR_CPTR_EL2] & CPTR_EL2_TFP)
        return exception_trap(c, 2, ESR_EC_FP, syndrome_fp());
    return STEP_NEXT;
}

/* AArch64.CheckForWFxTrap for both levels: the level that a WFI or WFE is trapped to, or 0. */
static unsigned wait_trap(struct core *c, bool is_wfe)
{
    const struct cpu *cpu = c->cpu;
    uint64_t allow = is_wfe ? SCTLR_EL1_nTWE : SCTLR_EL1_nTWI;
    uint64_t trap = is_wfe ? HCR_EL2_TWE : HCR_EL2_TWI;
    if (cpu->el == 0)
        effective_before_bits(c, SR_SCTLR_EL1, allow);
    if (cpu->el < 2)
        effective_before_bits(c, SR_HCR_EL2, trap);
    if (cpu->el == 0 && (cpu->effective[SR_SCTLR_EL1] & allow) == 0)
        return default_target(c);
    return cpu->el < 2 && (cpu->effective[SR_HCR_EL2] & trap) ? 2 : 0;
}

enum step exception_wait(struct core *c, bool is_wfe)
{
    struct cpu *cpu = c->cpu;
    if (c->debug_on && cpu->ss) /* stepped, it goes on */
        return STEP_NEXT;
    if (is_wfe) {
        bool streamed = timer_event_stream_is_on(cpu) && c->ops->stream_event(c->owner, c->pe);
        if (cpu->event_register || streamed) {
            cpu->event_register = 0;
            return STEP_NEXT;
        }
    }
    if (!is_wfe && interrupt_wakes(cpu))
        return STEP_NEXT;
    unsigned to_el = wait_trap(c, is_wfe);
    if (to_el != 0)
        return exception_trap(c, to_el, ESR_EC_WFX, syndrome_wait(is_wfe));
    effective_before_wait(c);
    cpu->wait = is_wfe ? CPU_WAITS_EVENT : CPU_WAITS_INTERRUPT;
    event_emit_WAIT(CORE_HEAD(c), cpu->wait);
    return STEP_WAIT;
}

void exception_interrupt(struct core *c, enum interrupt_kind kind)
{
    static const enum vector vectors[] = {
        [INTERRUPT_SERROR] = VECTOR_SERROR, [INTERRUPT_VSERROR] = VECTOR_SERROR,
        [INTERRUPT_FIQ] = VECTOR_FIQ,       [INTERRUPT_VFIQ] = VECTOR_FIQ,
        [INTERRUPT_IRQ] = VECTOR_IRQ,       [INTERRUPT_VIRQ] = VECTOR_IRQ,
    };
    struct cpu *cpu = c->cpu;
    struct entry e = {
        .to_el = interrupt_target(cpu->effective[SR_HCR_EL2], kind),
        .vector = vectors[kind],
        .ec = ESR_EC_SERROR,
        .back = cpu->pc,
    };
    take(c, &e);
    if (kind == INTERRUPT_VSERROR) /* taking it clears the bit that made it pending */
        effective_set_both(c, SR_HCR_EL2, cpu->reg[SR_HCR_EL2] & ~HCR_EL2_VSE);
}

/* IllegalExceptionReturn(). */
static bool return_is_illegal(const struct cpu *cpu, uint64_t spsr)
{
    uint64_t mode = field_get(SPSR_M, spsr);
    unsigned to_el = (unsigned)(mode >> 2);
    if ((spsr & SPSR_AARCH32) || (mode & 2) || to_el > 2 || to_el > cpu->el)
        return true;
    if (to_el == 0 && (mode & SPSR_M_SP))
        return true;
    return to_el == 1 && (cpu->effective[SR_HCR_EL2] & HCR_EL2_TGE);
}

/* AArch64.BranchAddr: a tagged address loses its tag before it becomes the PC. */
uint64_t exception_branch_address(const struct cpu *cpu, uint64_t target)
{
    if (cpu->el == 2)
        return cpu->effective[SR_TCR_EL2] & TCR_EL2_TBI ? bits_get(target, 55, 0) : target;
    bool is_upper = (target >> 55) & 1;
    uint64_t tbi = is_upper ? TCR_EL1_TBI1 : TCR_EL1_TBI0;
    if ((cpu->effective[SR_TCR_EL1] & tbi) == 0)
        return target;
    return bits_sign_extend(bits_get(target, 55, 0), 56);
}

uint64_t exception_use_branch(const struct core *c, const void *target)
{
    return exception_branch_address(c->cpu, *(const uint64_t *)target);
}

enum step exception_return(struct core *c)
{
    struct cpu *cpu = c->cpu;
    if (cpu->el == 0)
        return exception_undefined(c);
    uint8_t from_el = cpu->el;
    uint64_t spsr = cpu->reg[banked[from_el].spsr];
    uint64_t elr = cpu->reg[banked[from_el].elr];
    leave_level(c);
    core_synchronize(c);
    bool is_illegal = return_is_illegal(cpu, spsr);
    unsigned to_el = is_illegal ? from_el : (unsigned)(field_get(SPSR_M, spsr) >> 2);
    bool steps = debug_step_of_return(cpu, spsr, to_el);
    if (is_illegal) {
        cpu->il = 1;
    } else {
        cpu->il = (spsr & SPSR_IL) != 0;
        cpu->el = (uint8_t)to_el;
        cpu->spsel = (uint8_t)(spsr & SPSR_M_SP);
    }
    cpu->ss = steps;
    cpu->stepped = 0;
    cpu->nzcv = (uint32_t)(spsr & (SPSR_N | SPSR_Z | SPSR_C | SPSR_V));
    cpu->daif = (uint32_t)(spsr & (SPSR_D | SPSR_A | SPSR_I | SPSR_F));
    cpu->access = (uint32_t)(spsr & (SPSR_PAN | SPSR_UAO));
    cpu->pc = exception_branch_address(cpu, elr);
    cpu->monitor_size = 0;
    cpu->event_register = 1;
    c->visible = VISIBLE_EXCEPTION;
    unknown_leave(c, from_el);
    event_emit_ERET(CORE_HEAD(c), from_el, cpu->el, cpu->pc, spsr);
    return STEP_BRANCHED;
}
