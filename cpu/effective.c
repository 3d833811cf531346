/*
 * Programmed and effective copies of system registers.
 *
 * MSR changes the programmed copy, which MRS reads. Translation, traps, vectors, timers and debug
 * look at the effective copy. The two agree again at a context synchronization event (ISB,
 * exception entry and return), or at an earlier use if the choice sysreg-effective says so: the
 * architecture allows a write to take effect at any time in between. The choice is asked lazily: a
 * use is a pure function of the effective copies, and a lagging register is asked about when its
 * other copy would make that function come to something else.
 *
 * Not modelled: that a lagging write is seen by one indirect reader and not by the next one; once
 * in effect it is so for all. That of three registers which matter to one use only together each
 * alone is seen to matter. What the performance monitors count by: MDCR_EL2 counts from the
 * synchronization on, their own registers at once.
 *
 * DDI 0487: "Synchronization requirements for AArch64 System registers", SynchronizeContext().
 */
#include "cpu/effective.h"
#include "cpu/debug.h"
#include "cpu/interrupt.h"
#include "cpu/pmu.h"
#include "cpu/sysreg.h"
#include "cpu/sysreg_row.h"
#include "gen/trace.h"

_Static_assert(SYSREG_EFFECTIVE_COUNT <= CPU_UNSYNCHRONIZED_MAX, "all registers may lag at once");

/* Registers whose effective copy is written first, by an instruction, and read later. */
static bool is_result(enum sysreg reg)
{
    return reg == SR_PAR_EL1;
}

static bool is_open(const struct core *c)
{
    return choice_is_open(c->chooser, CHOICE_SYSREG_EFFECTIVE);
}

/* What follows when an effective copy changes. */
static void effect(struct core *c, enum sysreg reg, uint64_t value)
{
    struct cpu *cpu = c->cpu;
    uint64_t old = cpu->effective[reg];
    if (old == value)
        return;
    if (reg == SR_MDCR_EL2) {
        pmu_advance(cpu);
        c->lines_may_change = true; /* HPMN and its like say what counts and who is told */
    }
    cpu->effective[reg] = value;
    const struct sysreg_row *row = sysreg_row(reg);
    if (row->is_effective)
        event_emit_EFFECTIVE(CORE_HEAD(c), reg, old, value);
    if (row->on_write == SYSREG_ON_WRITE_REGIME)
        c->regimes_stale = true;
    if (row->on_write == SYSREG_ON_WRITE_DEBUG)
        debug_refresh(c);
    if (row->on_write == SYSREG_ON_WRITE_TIMER) {
        c->lines_may_change = true;
        if (!c->timers_quiet)
            c->ops->timer_changed(c->owner, c->pe);
    }
}

static void tell(struct core *c, enum sysreg reg, uint64_t old, uint64_t value)
{
    if (old != value)
        event_emit_SYSREG(CORE_HEAD(c), reg, old, value);
}

/* The copies agree again. */
static void catch_up(struct core *c, enum sysreg reg)
{
    struct cpu *cpu = c->cpu;
    if (is_result(reg))
        cpu->reg[reg] = cpu->effective[reg];
    else
        effect(c, reg, cpu->reg[reg]);
}

static void unlist(struct cpu *cpu, unsigned place)
{
    cpu->unsynchronized_count--;
    for (unsigned i = place; i < cpu->unsynchronized_count; i++)
        cpu->unsynchronized[i] = cpu->unsynchronized[i + 1];
    cpu->unsynchronized[cpu->unsynchronized_count] = 0;
}

/* Its place in the list of those that lag, or their count. */
static unsigned place_of(const struct cpu *cpu, enum sysreg reg)
{
    unsigned i = 0;
    while (i < cpu->unsynchronized_count && cpu->unsynchronized[i] != reg)
        i++;
    return i;
}

/* Puts a register on the list of those that lag, or takes it off when the copies agree. */
static void list(struct cpu *cpu, enum sysreg reg)
{
    bool lags = cpu->reg[reg] != cpu->effective[reg];
    unsigned place = place_of(cpu, reg);
    if (place < cpu->unsynchronized_count) {
        if (!lags)
            unlist(cpu, place);
        return;
    }
    if (!lags)
        return;
    ensure(cpu->unsynchronized_count < CPU_UNSYNCHRONIZED_MAX);
    cpu->unsynchronized[cpu->unsynchronized_count++] = (uint16_t)reg;
}

/* A register that lags is written again: the write before may have come into effect in between. */
static void settle_earlier_write(struct core *c, enum sysreg reg, uint64_t value)
{
    const struct cpu *cpu = c->cpu;
    if (place_of(cpu, reg) == cpu->unsynchronized_count || cpu->reg[reg] == value ||
        cpu->effective[reg] == value)
        return;
    if (choose(c->chooser, c->counts, CHOICE_SYSREG_EFFECTIVE, c->pe, 2) == 1)
        effect(c, reg, cpu->reg[reg]);
}

void effective_program(struct core *c, enum sysreg reg, uint64_t value)
{
    struct cpu *cpu = c->cpu;
    const struct sysreg_row *row = sysreg_row(reg);
    bool lags = row->is_effective && !is_result(reg) && (!row->is_soon || is_open(c));
    if (lags && is_open(c))
        settle_earlier_write(c, reg, value);
    uint64_t old = cpu->reg[reg];
    cpu->reg[reg] = value;
    tell(c, reg, old, value);
    if (!lags) {
        effect(c, reg, value);
        list(cpu, reg);
        return;
    }
    list(cpu, reg);
    if (is_open(c) && row->on_write == SYSREG_ON_WRITE_REGIME && mmu_keeps_versions(c->mmu))
        core_tell_passing(c);
    if (is_open(c) && row->on_write == SYSREG_ON_WRITE_TIMER)
        c->ops->timer_changed(c->owner, c->pe); /* it looks at them with both copies */
}

void effective_set_both(struct core *c, enum sysreg reg, uint64_t value)
{
    uint64_t old = c->cpu->reg[reg];
    c->cpu->reg[reg] = value;
    tell(c, reg, old, value);
    effect(c, reg, value);
    list(c->cpu, reg);
}

void effective_change_bits(struct core *c, enum sysreg reg, uint64_t clear, uint64_t set)
{
    uint64_t old = c->cpu->reg[reg];
    c->cpu->reg[reg] = (old & ~clear) | set;
    tell(c, reg, old, c->cpu->reg[reg]);
    effect(c, reg, (c->cpu->effective[reg] & ~clear) | set);
    list(c->cpu, reg);
}

void effective_result(struct core *c, enum sysreg reg, uint64_t value)
{
    struct cpu *cpu = c->cpu;
    ensure(is_result(reg));
    if (!is_open(c)) {
        effective_set_both(c, reg, value);
        return;
    }
    uint64_t old = cpu->effective[reg];
    cpu->effective[reg] = value;
    tell(c, reg, old, value);
    list(cpu, reg);
}

/* ---- Uses ---- */

/* The use with one lagging register's other copy. */
static uint64_t use_with(struct core *c, EFFECTIVE_USE(use), const void *context, enum sysreg reg)
{
    struct cpu *cpu = c->cpu;
    uint64_t kept = cpu->effective[reg];
    cpu->effective[reg] = cpu->reg[reg];
    uint64_t value = use(c, context);
    cpu->effective[reg] = kept;
    return value;
}

/* Swaps the copies of all lagging registers but one. */
static void swap_others(struct cpu *cpu, enum sysreg reg)
{
    for (unsigned i = 0; i < cpu->unsynchronized_count; i++) {
        enum sysreg other = (enum sysreg)cpu->unsynchronized[i];
        if (other == reg)
            continue;
        uint64_t kept = cpu->effective[other];
        cpu->effective[other] = cpu->reg[other];
        cpu->reg[other] = kept;
    }
}

/* Whether a register's copy makes a difference, with the others as they are or all in effect. */
static bool makes_difference(struct core *c, EFFECTIVE_USE(use), const void *context,
                             enum sysreg reg)
{
    if (use(c, context) != use_with(c, use, context, reg))
        return true;
    if (c->cpu->unsynchronized_count < 2)
        return false;
    swap_others(c->cpu, reg);
    bool differs = use(c, context) != use_with(c, use, context, reg);
    swap_others(c->cpu, reg);
    return differs;
}

void effective_settle(struct core *c, EFFECTIVE_USE(use), const void *context)
{
    struct cpu *cpu = c->cpu;
    uint64_t asked[(SYSREG_EFFECTIVE_COUNT + 63) / 64] = {0};
    if (!is_open(c))
        return;
    for (unsigned i = 0; i < cpu->unsynchronized_count;) {
        enum sysreg reg = (enum sysreg)cpu->unsynchronized[i];
        bool skip = (asked[reg / 64] >> reg % 64 & 1u) || is_result(reg);
        if (skip || !makes_difference(c, use, context, reg)) {
            i++;
            continue;
        }
        asked[reg / 64] |= UINT64_C(1) << reg % 64;
        uint32_t answer = choose(c->chooser, c->counts, CHOICE_SYSREG_EFFECTIVE, c->pe, 2);
        if ((answer == 1) == sysreg_row(reg)->is_soon)
            continue;
        unlist(cpu, i);
        effect(c, reg, cpu->reg[reg]);
        i = 0; /* others may matter now */
    }
}

uint64_t effective_use_register(const struct core *c, const void *reg)
{
    return sysreg_peek(c, *(const enum sysreg *)reg);
}

uint64_t effective_use_bits(const struct core *c, const void *context)
{
    const struct effective_bits *bits = context;
    return c->cpu->effective[bits->reg] & bits->mask;
}

void effective_before_read(struct core *c, enum sysreg reg)
{
    struct cpu *cpu = c->cpu;
    if (cpu->unsynchronized_count == 0)
        return;
    if (!is_result(reg)) {
        if (sysreg_row(reg)->on_read != SYSREG_ON_READ_NONE)
            effective_settle(c, effective_use_register, &reg);
        return;
    }
    unsigned place = place_of(cpu, reg);
    if (place == cpu->unsynchronized_count ||
        (is_open(c) && choose(c->chooser, c->counts, CHOICE_SYSREG_EFFECTIVE, c->pe, 2) == 1))
        return;
    unlist(cpu, place);
    catch_up(c, reg);
}

void effective_before_select(struct core *c, enum sysreg reg)
{
    bool is_pmu = sysreg_row(reg)->on_write == SYSREG_ON_WRITE_PMU;
    if (is_pmu && sysreg_row(reg)->is_special)
        effective_before_bits(c, SR_PMSELR_EL0, PMSELR_EL0_SEL);
    if (is_pmu)
        effective_before_bits(c, SR_MDCR_EL2, MDCR_EL2_HPMN);
}

static uint64_t use_interrupt(const struct core *c, const void *context)
{
    (void)context;
    return (uint64_t)interrupt_to_take(c->cpu);
}

void effective_before_step(struct core *c)
{
    effective_settle(c, use_interrupt, NULL);
    effective_settle(c, debug_use, NULL);
}

/* Lines, and when they next rise by themselves, of all timers. */
static uint64_t use_timers(const struct core *c, const void *count)
{
    uint64_t lines = 0;
    for (unsigned t = 0; t < TIMER_COUNT; t++)
        lines |= (uint64_t)timer_line(c->cpu, (enum cpu_timer)t, *(const uint64_t *)count) << t;
    return lines;
}

void effective_before_timers(struct core *c, uint64_t count)
{
    if (c->cpu->unsynchronized_count == 0 || c->timers_quiet)
        return;
    c->timers_quiet = true;
    effective_settle(c, use_timers, &count);
    c->timers_quiet = false;
}

void effective_before_wait(struct core *c)
{
    struct cpu *cpu = c->cpu;
    for (unsigned i = 0; i < cpu->unsynchronized_count;) {
        enum sysreg reg = (enum sysreg)cpu->unsynchronized[i];
        if (!sysreg_row(reg)->is_soon || is_result(reg)) {
            i++;
            continue;
        }
        unlist(cpu, i);
        catch_up(c, reg);
    }
}

void core_synchronize(struct core *c)
{
    struct cpu *cpu = c->cpu;
    unsigned count = cpu->unsynchronized_count;
    bool timers_changed = false;
    if (choice_is_open(c->chooser, CHOICE_IRQ_TAKE) && interrupt_may_pend(cpu))
        cpu->irq_hold_until = cpu->insns + 1; /* what is pending now is taken next, if unmasked */
    cpu->unsynchronized_count = 0;
    c->timers_quiet = true; /* they are looked at when all of them agree */
    for (unsigned i = 0; i < count; i++) {
        enum sysreg reg = (enum sysreg)cpu->unsynchronized[i];
        cpu->unsynchronized[i] = 0;
        timers_changed |= sysreg_row(reg)->on_write == SYSREG_ON_WRITE_TIMER;
        catch_up(c, reg);
    }
    c->timers_quiet = false;
    if (timers_changed)
        c->ops->timer_changed(c->owner, c->pe);
    mmu_synchronize(c->mmu);
    c->ops->synchronize(c->owner, c->pe);
}
