/*
 * Programmed and effective copies of system registers: a direct write sets the programmed copy;
 * the effective one follows at the next context synchronization event, or earlier by choice.
 */
#pragma once
#include "cpu/core.h"
#include "cpu/timer.h"
#include "gen/trace.h"

/* Sets the programmed copy of a register of the file; the value is legal (sysreg_legal). A row
 * without an effective copy takes effect at once, and so does one that is `soon` while the choice
 * sysreg-effective is closed. Emits SYSREG when the value changes. */
void effective_program(struct core *c, enum sysreg reg, uint64_t value);

/* Sets both copies, as hardware does to its own registers (ESR_ELx, ELR_ELx, ...). */
void effective_set_both(struct core *c, enum sysreg reg, uint64_t value);
/* Changes the same bits in both copies; what else lags goes on lagging. */
void effective_change_bits(struct core *c, enum sysreg reg, uint64_t clear, uint64_t set);

/*
 * The result that an instruction leaves in a register (AT in PAR_EL1), which is an indirect write:
 * until the next context synchronization event direct reads may find what was there before. The
 * result is the effective copy then, and the programmed one, which reads give, follows.
 */
void effective_result(struct core *c, enum sysreg reg, uint64_t value);

/*
 * A use of effective copies, as a value: what it comes to with the copies as they are now. Pure;
 * registers matter to the use exactly as far as they change this value.
 */
#define EFFECTIVE_USE(name) uint64_t (*name)(const struct core *c, const void *context)

/* Whether copies lag and may come into effect at any use, that of self-hosted debug included. */
static inline bool effective_may_ask(const struct core *c)
{
    return __builtin_expect(c->cpu->unsynchronized_count != 0, 0) &&
           choice_is_open(c->chooser, CHOICE_SYSREG_EFFECTIVE);
}

/*
 * Whether no instruction but a context synchronization event finds that copies lag: none does, or
 * nobody may ask about it or listens.
 */
static inline bool effective_lags_unseen(const struct core *c)
{
    return __builtin_expect(c->cpu->unsynchronized_count == 0, 1) ||
           (!choice_is_open(c->chooser, CHOICE_SYSREG_EFFECTIVE) &&
            (c->events->mask >> EVENT_LAG & 1) == 0);
}

/*
 * At a use, while some copies lag: asks sysreg-effective (object: the PE), where it is open, of
 * each lagging register that makes a difference to the use, in order of writing. 1 lets it take
 * effect now; for rows that are `soon` it is 0 that does.
 */
void effective_settle(struct core *c, EFFECTIVE_USE(use), const void *context);

/* The uses that more than one file has. */
uint64_t effective_use_register(const struct core *c, const void *reg); /* enum sysreg: as read */
uint64_t effective_use_bits(const struct core *c, const void *bits);    /* of one register */
struct effective_bits {
    enum sysreg reg;
    uint64_t mask;
};

/* The same, when nothing lags for nothing. */
static inline void effective_before(struct core *c, EFFECTIVE_USE(use), const void *context)
{
    if (__builtin_expect(c->cpu->unsynchronized_count != 0, 0))
        effective_settle(c, use, context);
}

static inline void effective_before_bits(struct core *c, enum sysreg reg, uint64_t mask)
{
    if (__builtin_expect(c->cpu->unsynchronized_count != 0, 0)) {
        struct effective_bits bits = {reg, mask};
        effective_settle(c, effective_use_bits, &bits);
    }
}

/* Asks before a direct read of a register that an instruction's result is on its way to, or that
 * shows what effective copies come to. */
void effective_before_read(struct core *c, enum sysreg reg);

/* Asks before a direct write of a register that stands for another, by a selector. */
void effective_before_select(struct core *c, enum sysreg reg);

/* The same at the beginning of a step: interrupts and self-hosted debug look at copies then. */
void effective_before_step(struct core *c);

/* The machine is about to look at the timers of a PE at a counter value. */
void effective_before_timers(struct core *c, uint64_t count);
/* A PE begins to wait: what a timer was told takes effect in finite time. */
void effective_before_wait(struct core *c);
