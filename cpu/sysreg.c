/*
 * MRS, MSR, MSR (immediate) and SYS: resolves the encoding (sysreg_resolve), takes the trap it
 * leads to, or reads, writes or executes what it names. What a read or write does beside the
 * register file is a closed set, on_read and on_write of the rows, in two switches here.
 *
 * Not modelled: redirection by HCR_EL2.E2H and NV.
 *
 * DDI 0487: the System register and system instruction descriptions; AArch64.SystemAccessTrap,
 * AArch64.TakeReset for what reset leaves.
 */
#include "cpu/sysreg.h"
#include "cpu/debug.h"
#include "cpu/effective.h"
#include "cpu/errata.h"
#include "cpu/exception.h"
#include "cpu/exec.h"
#include "cpu/interrupt.h"
#include "cpu/maintenance.h"
#include "cpu/model.h"
#include "cpu/pmu.h"
#include "cpu/syndrome.h"
#include "cpu/sysreg_row.h"
#include "cpu/timer.h"
#include "cpu/unknown.h"
#include "gen/trace.h"

#define CLAIM_TAGS UINT64_C(0xff)
#define CNTHCTL_OPEN (CNTHCTL_EL2_EL1PCEN | CNTHCTL_EL2_EL1PCTEN)

const char *sysreg_name(enum sysreg reg)
{
    return sysreg_row(reg)->name;
}

/* --- reads ---------------------------------------------------------------------------------- */

static uint64_t read_pstate(const struct cpu *cpu, enum sysreg reg)
{
    if (reg == SR_SP_EL0)
        return cpu->sp[0];
    if (reg == SR_SP_EL1)
        return cpu->sp[1];
    if (reg == SR_SPSel)
        return cpu->spsel;
    if (reg == SR_CurrentEL)
        return field_put(CurrentEL_EL, cpu->el);
    if (reg == SR_NZCV)
        return cpu->nzcv;
    if (reg == SR_PAN)
        return cpu->access & PSTATE_PAN;
    if (reg == SR_UAO)
        return cpu->access & PSTATE_UAO;
    ensure(reg == SR_DAIF);
    return cpu->daif;
}

/*
 * LORSA, LOREA or LORN of the descriptor that LORC_EL1.DS selects; NULL where there is none. What
 * the regions hold changes no order here: memory is as ordered with and without them.
 */
static uint64_t *lor_of(struct cpu *cpu, enum sysreg reg)
{
    uint64_t selected = field_get(LORC_EL1_DS, cpu->reg[SR_LORC_EL1]);
    unsigned which = reg == SR_LORSA_EL1 ? 0 : reg == SR_LOREA_EL1 ? 1 : 2;
    return selected < CPU_LOR_COUNT ? &cpu->lor[selected][which] : NULL;
}

static uint64_t read_lor(const struct cpu *cpu, enum sysreg reg)
{
    const uint64_t *lor = lor_of((struct cpu *)(uintptr_t)cpu, reg);
    return lor ? *lor : 0;
}

/* MIDR_EL1 and MPIDR_EL1: EL1 is given what EL2 prepared. */
static uint64_t read_virtual_id(const struct cpu *cpu, enum sysreg reg)
{
    if (cpu->el != 1)
        return cpu->reg[reg];
    return cpu->effective[reg == SR_MIDR_EL1 ? SR_VPIDR_EL2 : SR_VMPIDR_EL2];
}

static uint64_t read_dczid(const struct cpu *cpu)
{
    const uint64_t *e = cpu->effective;
    bool prohibited = (cpu->el == 0 && (e[SR_SCTLR_EL1] & SCTLR_EL1_DZE) == 0) ||
                      (cpu->el < 2 && (e[SR_HCR_EL2] & HCR_EL2_TDZ) != 0);
    return cpu->reg[SR_DCZID_EL0] | field_put(DCZID_EL0_DZP, prohibited);
}

struct timer_view {
    enum sysreg ctl, cval, tval;
    enum cpu_timer timer;
};

static const struct timer_view timer_views[] = {
    {SR_CNTP_CTL_EL0, SR_CNTP_CVAL_EL0, SR_CNTP_TVAL_EL0, TIMER_P},
    {SR_CNTV_CTL_EL0, SR_CNTV_CVAL_EL0, SR_CNTV_TVAL_EL0, TIMER_V},
    {SR_CNTHP_CTL_EL2, SR_CNTHP_CVAL_EL2, SR_CNTHP_TVAL_EL2, TIMER_HP},
};

static uint64_t read_timer(const struct cpu *cpu, enum sysreg reg, uint64_t count)
{
    if (reg == SR_CNTPCT_EL0)
        return count;
    if (reg == SR_CNTVCT_EL0)
        return timer_count(cpu, TIMER_V, count);
    for (unsigned i = 0; i < ARRAY_COUNT(timer_views); i++) {
        const struct timer_view *view = &timer_views[i];
        if (reg == view->ctl)
            return cpu->reg[reg] |
                   field_put(TIMER_CTL_ISTATUS, timer_condition(cpu, view->timer, count));
        if (reg == view->tval)
            return (uint32_t)(cpu->reg[view->cval] - timer_count(cpu, view->timer, count));
    }
    bug("%s is no timer register", sysreg_name(reg));
}

static uint64_t read_row(const struct core *c, enum sysreg reg, uint64_t count)
{
    const struct cpu *cpu = c->cpu;
    const struct sysreg_row *row = sysreg_row(reg);
    switch (row->on_read) {
    case SYSREG_ON_READ_PSTATE:
        return read_pstate(cpu, reg);
    case SYSREG_ON_READ_VIRTUAL_ID:
        return read_virtual_id(cpu, reg);
    case SYSREG_ON_READ_CCSIDR:
        return model_value(c->model, reg, (unsigned)cpu->effective[SR_CSSELR_EL1], c->pe);
    case SYSREG_ON_READ_DCZID:
        return read_dczid(cpu);
    case SYSREG_ON_READ_ISR:
        return interrupt_status(cpu);
    case SYSREG_ON_READ_TIMER:
        return read_timer(cpu, reg, count);
    case SYSREG_ON_READ_LOR:
        return read_lor(cpu, reg);
    case SYSREG_ON_READ_PMU:
        return pmu_read(cpu, reg);
    case SYSREG_ON_READ_CLAIM:
        return CLAIM_TAGS;
    case SYSREG_ON_READ_DCC:
        return cpu->reg[SR_MDSCR_EL1] & (MDCCSR_EL0_RXfull | MDCCSR_EL0_TXfull);
    case SYSREG_ON_READ_NONE:
    case SYSREG_ON_READ_COUNT:
        break;
    }
    return row->is_special ? 0 : cpu->reg[reg];
}

/*
 * While a timer is off, its TVAL and its CTL.ISTATUS are UNKNOWN: as if TVAL went on and the
 * condition were not met, or anything else.
 */
static uint64_t read_timer_off(struct core *c, enum sysreg reg, uint64_t value)
{
    static const uint32_t other[] = {0, UINT32_MAX, 0xa5a5a5a5};
    for (unsigned i = 0; i < ARRAY_COUNT(timer_views); i++) {
        const struct timer_view *view = &timer_views[i];
        if ((reg != view->ctl && reg != view->tval) ||
            (c->cpu->effective[view->ctl] & TIMER_CTL_ENABLE) != 0)
            continue;
        bool is_status = reg == view->ctl;
        uint32_t k = choose(c->chooser, c->counts, CHOICE_UNKNOWN_VALUE, c->pe,
                            is_status ? 2 : (uint32_t)ARRAY_COUNT(other) + 1);
        if (k != 0)
            return is_status ? value | TIMER_CTL_ISTATUS : other[k - 1];
    }
    return value;
}

/* The erratum of a counter whose upper half is read too late, while it counts on. */
static uint64_t read_counter_torn(struct core *c, uint64_t count, uint64_t value)
{
    uint64_t end = c->cpu->cycles + c->timing->instruction[A64_CLASS_SYS];
    if (!erratum_is_on(c->errata, ERRATUM_COUNTER_READ) || (uint32_t)value != UINT32_MAX ||
        end / c->timing->cycles_per_tick <= count)
        return value;
    uint32_t k = choose(c->chooser, c->counts, CHOICE_UNKNOWN_VALUE, c->pe, 2);
    return value + ((uint64_t)k << 32);
}

uint64_t sysreg_get(struct core *c, enum sysreg reg)
{
    const struct sysreg_row *row = sysreg_row(reg);
    if (row->owner == SYSREG_OWNER_GIC)
        return c->ops->gic_register(c->owner, c->pe, reg, false, 0);
    if (row->on_write == SYSREG_ON_WRITE_DCC)
        return debug_dcc_read(c, reg);
    bool is_timer = row->on_read == SYSREG_ON_READ_TIMER;
    uint64_t count = is_timer ? c->ops->counter(c->owner, c->pe) : 0;
    uint64_t value = read_row(c, reg, count);
    if (!is_timer || !choice_is_open(c->chooser, CHOICE_UNKNOWN_VALUE))
        return value;
    if (reg == SR_CNTPCT_EL0 || reg == SR_CNTVCT_EL0)
        return read_counter_torn(c, count, value);
    return read_timer_off(c, reg, value);
}

uint64_t sysreg_peek(const struct core *c, enum sysreg reg)
{
    return read_row(c, reg, c->cpu->cycles / c->timing->cycles_per_tick);
}

/* --- writes --------------------------------------------------------------------------------- */

static void write_pstate(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    if (reg == SR_SP_EL0)
        cpu->sp[0] = value;
    else if (reg == SR_SP_EL1)
        cpu->sp[1] = value;
    else if (reg == SR_SPSel)
        cpu->spsel = (uint8_t)(value & SPSel_SP);
    else if (reg == SR_NZCV)
        cpu->nzcv = (uint32_t)value;
    else if (reg == SR_PAN)
        cpu->access = (cpu->access & ~PSTATE_PAN) | (uint32_t)value;
    else if (reg == SR_UAO)
        cpu->access = (cpu->access & ~PSTATE_UAO) | (uint32_t)value;
    else
        cpu->daif = (uint32_t)value;
}

/* Timer registers that are views of another: TVAL sets CVAL. */
static void write_timer(struct core *c, enum sysreg reg, uint64_t value)
{
    for (unsigned i = 0; i < ARRAY_COUNT(timer_views); i++) {
        if (reg != timer_views[i].tval)
            continue;
        uint64_t count =
            timer_count(c->cpu, timer_views[i].timer, c->ops->counter(c->owner, c->pe));
        reg = timer_views[i].cval;
        value = count + bits_sign_extend((uint32_t)value, 32);
        break;
    }
    effective_program(c, reg, value);
}

void sysreg_set(struct core *c, enum sysreg reg, uint64_t value)
{
    struct cpu *cpu = c->cpu;
    const struct sysreg_row *row = sysreg_row(reg);
    if (row->owner == SYSREG_OWNER_GIC) {
        c->ops->gic_register(c->owner, c->pe, reg, true, value);
        return;
    }
    /* While the OS lock is locked, software may write what it saves of MDSCR_EL1. */
    uint64_t old = cpu->reg[reg];
    if (reg == SR_MDSCR_EL1 && (cpu->reg[SR_OSLSR_EL1] & OSLSR_EL1_OSLK))
        old = value;
    value = sysreg_legal(reg, c->model->features, old, value);
    switch (row->on_write) {
    case SYSREG_ON_WRITE_PSTATE:
        write_pstate(cpu, reg, value);
        return;
    case SYSREG_ON_WRITE_TIMER:
        write_timer(c, reg, value);
        return;
    case SYSREG_ON_WRITE_LOR: {
        uint64_t *lor = lor_of(cpu, reg);
        if (lor)
            *lor = value;
        return;
    }
    case SYSREG_ON_WRITE_PMU:
        pmu_write(c, reg, value);
        return;
    case SYSREG_ON_WRITE_OSLAR:
        effective_program(c, SR_OSLSR_EL1,
                          (cpu->reg[SR_OSLSR_EL1] & ~OSLSR_EL1_OSLK) |
                              field_put(OSLSR_EL1_OSLK, value & OSLAR_EL1_OSLK));
        return;
    case SYSREG_ON_WRITE_DCC:
        debug_dcc_write(c, reg, value);
        return;
    case SYSREG_ON_WRITE_CLAIM: {
        uint64_t tags = cpu->reg[SR_DBGCLAIMCLR_EL1];
        effective_program(c, SR_DBGCLAIMCLR_EL1,
                          reg == SR_DBGCLAIMSET_EL1 ? tags | value : tags & ~value);
        return;
    }
    case SYSREG_ON_WRITE_REGIME:
    case SYSREG_ON_WRITE_DEBUG:
    case SYSREG_ON_WRITE_NONE:
    case SYSREG_ON_WRITE_COUNT:
        break;
    }
    if (!row->is_special)
        effective_program(c, reg, value);
}

/* --- instructions ---------------------------------------------------------------------------- */

static struct sysreg_target target_of(const struct core *c, uint16_t key, bool is_write)
{
    const struct cpu *cpu = c->cpu;
    struct sysreg_query query = {
        .key = key,
        .el = cpu->el,
        .is_write = is_write,
        .spsel = cpu->spsel,
        .tge = (cpu->effective[SR_HCR_EL2] & HCR_EL2_TGE) != 0,
        .features = c->model->features,
    };
    return sysreg_resolve(&query, cpu->effective);
}

struct resolve_use {
    uint16_t key;
    bool is_write;
};

static uint64_t use_resolve(const struct core *c, const void *context)
{
    const struct resolve_use *use = context;
    struct sysreg_target target = target_of(c, use->key, use->is_write);
    return (uint64_t)target.kind << 32 | (uint64_t)target.trap << 8 | target.ec;
}

static struct sysreg_target resolve(struct core *c, uint32_t w, bool is_write)
{
    struct resolve_use use = {sysreg_key_of_word(w), is_write};
    effective_before(c, use_resolve, &use);
    return target_of(c, use.key, is_write);
}

/* What is neither a register nor an instruction to execute. */
static enum step refuse(struct core *c, uint32_t w, const struct sysreg_target *target)
{
    uint32_t iss = target->ec == ESR_EC_FP ? syndrome_fp() : syndrome_sysreg(w);
    switch (target->kind) {
    case SYSREG_TARGET_TRAP_EL1:
        return exception_trap(c, 1, target->ec, iss);
    case SYSREG_TARGET_TRAP_EL2:
        if (target->ec == ESR_EC_FP && sysreg_trap_row(target->trap)->to == SYSREG_TO_EL1)
            return STEP_UNDEFINED; /* AArch64.AdvSIMDFPAccessTrap under HCR_EL2.TGE */
        return exception_trap(c, 2, target->ec, iss);
    case SYSREG_TARGET_UNMODELLED:
        c->unmodelled = sysreg_name(target->reg);
        return STEP_UNMODELLED;
    case SYSREG_TARGET_UNDEFINED:
        return STEP_UNDEFINED;
    case SYSREG_TARGET_REGISTER:
    case SYSREG_TARGET_MEMORY:
        break;
    }
    bug("system register target %d", (int)target->kind);
}

enum step sysreg_execute_mrs(struct core *c, uint32_t w)
{
    struct sysreg_target target = resolve(c, w, false);
    if (target.kind != SYSREG_TARGET_REGISTER)
        return refuse(c, w, &target);
    if (__builtin_expect(c->cpu->unsynchronized_count != 0, 0))
        effective_before_read(c, target.reg);
    if (__builtin_expect(c->cpu->unknown != 0, 0))
        unknown_settle(c, target.reg);
    uint64_t value = sysreg_get(c, target.reg);
    reg_set(c, w & 31u, true, value);
    event_emit_SYSTEM(CORE_HEAD(c), target.reg, 0, value);
    return STEP_NEXT;
}

enum step sysreg_execute_msr(struct core *c, uint32_t w)
{
    struct sysreg_target target = resolve(c, w, true);
    if (target.kind != SYSREG_TARGET_REGISTER)
        return refuse(c, w, &target);
    if (__builtin_expect(c->cpu->unsynchronized_count != 0, 0))
        effective_before_select(c, target.reg);
    uint64_t value = reg_x(c, w & 31u);
    enum sysreg_on_write hook = sysreg_row(target.reg)->on_write;
    if (hook != SYSREG_ON_WRITE_NONE && hook != SYSREG_ON_WRITE_PSTATE)
        c->visible = VISIBLE_REGISTER;
    sysreg_set(c, target.reg, value);
    unknown_clear(c->cpu, target.reg);
    event_emit_SYSTEM(CORE_HEAD(c), target.reg, 1, value);
    return STEP_NEXT;
}

enum step sysreg_execute_msr_imm(struct core *c, uint32_t w)
{
    struct sysreg_target target = resolve(c, w, true);
    if (target.kind != SYSREG_TARGET_REGISTER)
        return refuse(c, w, &target);
    uint32_t imm = (uint32_t)bits_get(w, 11, 8);
    if (target.reg == SR_MSR_SPSel)
        c->cpu->spsel = (uint8_t)(imm & 1u);
    else if (target.reg == SR_MSR_PAN)
        sysreg_set(c, SR_PAN, imm & 1u ? PSTATE_PAN : 0);
    else if (target.reg == SR_MSR_UAO)
        sysreg_set(c, SR_UAO, imm & 1u ? PSTATE_UAO : 0);
    else if (target.reg == SR_MSR_DAIFSet)
        c->cpu->daif |= imm << 6;
    else
        c->cpu->daif &= ~(imm << 6);
    return STEP_NEXT;
}

bool sysreg_executes_sys(const struct core *c, uint32_t w)
{
    return target_of(c, sysreg_key_of_word(w), true).kind == SYSREG_TARGET_REGISTER;
}

enum step sysreg_execute_sys(struct core *c, uint32_t w)
{
    bool is_read = (w >> 21) & 1u; /* SYSL: nothing is allocated there */
    struct sysreg_target target = resolve(c, w, !is_read);
    if (target.kind != SYSREG_TARGET_REGISTER)
        return refuse(c, w, &target);
    return maintenance_execute(c, target.reg, reg_x(c, w & 31u));
}

/* --- reset ----------------------------------------------------------------------------------- */

static uint64_t reset_value(struct core *c, enum sysreg reg)
{
    static const uint64_t other[] = {UINT64_MAX, UINT64_C(0xa5a5a5a5a5a5a5a5)};
    const struct sysreg_row *row = sysreg_row(reg);
    switch (row->reset_kind) {
    case REG_RESET_VALUE:
        return row->reset & ~sysreg_zeros(reg, c->model->features);
    case REG_RESET_ID:
        return model_value(c->model, reg, 0, c->pe);
    case REG_RESET_COPY:
        return model_value(c->model, (enum sysreg)row->reset, 0, c->pe);
    case REG_RESET_UNKNOWN:
        break;
    }
    uint32_t k = 0;
    if (choice_is_open(c->chooser, CHOICE_UNKNOWN_VALUE))
        k = choose(c->chooser, c->counts, CHOICE_UNKNOWN_VALUE, c->pe,
                   (uint32_t)ARRAY_COUNT(other) + 1);
    uint64_t value = k == 0 ? c->cpu->reg[reg] : other[k - 1];
    return (value & ~sysreg_zeros(reg, c->model->features)) | sysreg_ones(reg, c->model->features);
}

static void reset_to(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    cpu->reg[reg] = value;
    cpu->effective[reg] = value;
}

void sysreg_reset(struct core *c)
{
    struct cpu *cpu = c->cpu;
    for (enum sysreg reg = 0; reg < SYSREG_STORED_COUNT; reg++)
        reset_to(cpu, reg, reset_value(c, reg));
    cpu->unsynchronized_count = 0;
    if (cpu->el == 2)
        return;
    /* Entered at EL1: what firmware at EL2 would have prepared. */
    reset_to(cpu, SR_SCTLR_EL1, SCTLR_EL1_RES1 | SCTLR_EL1_SPAN | sysreg_row(SR_SCTLR_EL1)->ones);
    reset_to(cpu, SR_ACTLR_EL2, sysreg_legal(SR_ACTLR_EL2, c->model->features, 0, UINT64_MAX));
    reset_to(cpu, SR_CNTHCTL_EL2, CNTHCTL_OPEN);
    reset_to(cpu, SR_CNTVOFF_EL2, 0);
    reset_to(cpu, SR_CNTKCTL_EL1, 0);
    reset_to(cpu, SR_VTTBR_EL2, 0);
}
