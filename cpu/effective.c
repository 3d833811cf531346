/*
 * Programmed and effective copies of system registers.
 *
 * MSR changes the programmed copy, which MRS reads. Translation, traps and vectors look at the
 * effective copy. The two agree again at a context synchronization event (ISB, exception entry
 * and return), or at an earlier use if the choice sysreg-effective says so: the architecture
 * allows a write to take effect at any time in between.
 *
 * Not modelled: that a lagging write is seen by one indirect reader and not by the next one; once
 * in effect it is so for all.
 *
 * DDI 0487: "Synchronization requirements for AArch64 System registers", SynchronizeContext().
 */
#include "cpu/effective.h"
#include "cpu/debug.h"
#include "cpu/pmu.h"
#include "cpu/sysreg.h"
#include "cpu/sysreg_row.h"
#include "gen/trace.h"

/* Whether a use looks at a register. Everything that EL1 and EL0 see counts for EL1&0. */
static bool use_looks_at(enum effective_use use, enum sysreg reg)
{
    bool is_el2_regime =
        reg == SR_SCTLR_EL2 || reg == SR_TCR_EL2 || reg == SR_TTBR0_EL2 || reg == SR_MAIR_EL2;
    switch (use) {
    case EFFECTIVE_USE_EL10:
        return !is_el2_regime && reg != SR_VBAR_EL1 && reg != SR_VBAR_EL2;
    case EFFECTIVE_USE_EL2:
        return is_el2_regime || reg == SR_CPTR_EL2;
    case EFFECTIVE_USE_EXCEPTION:
        return reg == SR_VBAR_EL1 || reg == SR_VBAR_EL2 || reg == SR_HCR_EL2;
    }
    bug("use %d of an effective copy", (int)use);
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
        c->ops->timer_changed(c->owner, c->pe);
    }
}

static void unlist(struct cpu *cpu, unsigned place)
{
    cpu->unsynchronized_count--;
    for (unsigned i = place; i < cpu->unsynchronized_count; i++)
        cpu->unsynchronized[i] = cpu->unsynchronized[i + 1];
    cpu->unsynchronized[cpu->unsynchronized_count] = 0;
}

/* Puts a register on the list of those that lag, or takes it off when the copies agree. */
static void list(struct cpu *cpu, enum sysreg reg)
{
    bool lags = cpu->reg[reg] != cpu->effective[reg];
    for (unsigned i = 0; i < cpu->unsynchronized_count; i++) {
        if (cpu->unsynchronized[i] != reg)
            continue;
        if (!lags)
            unlist(cpu, i);
        return;
    }
    if (!lags)
        return;
    ensure(cpu->unsynchronized_count < CPU_UNSYNCHRONIZED_MAX);
    cpu->unsynchronized[cpu->unsynchronized_count++] = (uint16_t)reg;
}

static void tell(struct core *c, enum sysreg reg, uint64_t old, uint64_t value)
{
    if (old != value)
        event_emit_SYSREG(CORE_HEAD(c), reg, old, value);
}

void effective_program(struct core *c, enum sysreg reg, uint64_t value)
{
    struct cpu *cpu = c->cpu;
    uint64_t old = cpu->reg[reg];
    cpu->reg[reg] = value;
    tell(c, reg, old, value);
    if (sysreg_row(reg)->is_effective)
        list(cpu, reg);
    else
        effect(c, reg, value);
}

void effective_set_both(struct core *c, enum sysreg reg, uint64_t value)
{
    uint64_t old = c->cpu->reg[reg];
    c->cpu->reg[reg] = value;
    tell(c, reg, old, value);
    effect(c, reg, value);
    list(c->cpu, reg);
}

void effective_before_use(struct core *c, enum effective_use use)
{
    struct cpu *cpu = c->cpu;
    if (cpu->unsynchronized_count == 0 || !choice_is_open(c->chooser, CHOICE_SYSREG_EFFECTIVE))
        return;
    for (unsigned i = 0; i < cpu->unsynchronized_count;) {
        enum sysreg reg = (enum sysreg)cpu->unsynchronized[i];
        if (use_looks_at(use, reg) &&
            choose(c->chooser, c->counts, CHOICE_SYSREG_EFFECTIVE, c->pe, 2) == 1) {
            unlist(cpu, i);
            effect(c, reg, cpu->reg[reg]);
        } else {
            i++;
        }
    }
}

void sysreg_before_use(struct core *c)
{
    effective_before_use(c, c->cpu->el == 2 ? EFFECTIVE_USE_EL2 : EFFECTIVE_USE_EL10);
}

void core_synchronize(struct core *c)
{
    struct cpu *cpu = c->cpu;
    unsigned count = cpu->unsynchronized_count;
    cpu->unsynchronized_count = 0;
    for (unsigned i = 0; i < count; i++) {
        enum sysreg reg = (enum sysreg)cpu->unsynchronized[i];
        cpu->unsynchronized[i] = 0;
        effect(c, reg, cpu->reg[reg]);
    }
    mmu_synchronize(c->mmu);
    c->ops->synchronize(c->owner, c->pe);
}
