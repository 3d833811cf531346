/*
 * Self-hosted debug: whether debug exceptions are generated, breakpoints, watchpoints, and the
 * software step state machine. Everything here is looked at only while core.debug_on.
 */
#pragma once
#include "cpu/core.h"

/* The level that debug exceptions go to from EL0 and EL1. DebugTarget(). */
unsigned debug_target(const struct cpu *cpu);

/* Decides core.debug_on anew; call when a register that it depends on has changed. */
void debug_refresh(struct core *c);

/* What self-hosted debug would look at in this step, as a value: 0 while nothing is on. A use of
 * effective copies (effective.h). */
uint64_t debug_use(const struct core *c, const void *context);

/*
 * Around a step of the precise engine. Before: takes the Software Step exception if it is pending
 * (true), otherwise notes whether the coming instruction is stepped. At the fetch, after a
 * successful translation: takes a Breakpoint exception (true). After: `ended` is how the
 * instruction ended.
 */
bool debug_before(struct core *c);
bool debug_fetch(struct core *c);
void debug_after(struct core *c, uint32_t word, enum step ended);

/* SSAdvance(): an instruction that generates an exception counts as stepped. */
void debug_step_advance(struct cpu *cpu);
/* DebugExceptionReturnSS(): PSTATE.SS of a return by spsr to a level. */
bool debug_step_of_return(const struct cpu *cpu, uint64_t spsr, unsigned to_el);

/*
 * AArch64.CheckWatchpoint for size bytes at va, as an access of level el: true if a watchpoint
 * matches, with c->fault describing the Watchpoint exception. LSC of an atomic access may match
 * its read or its write.
 */
bool debug_watch(struct core *c, uint64_t va, unsigned size, unsigned el, bool is_write,
                 bool is_atomic);

/* The debug communication channel: its two data registers. */
uint64_t debug_dcc_read(struct core *c, enum sysreg reg);
void debug_dcc_write(struct core *c, enum sysreg reg, uint64_t value);
