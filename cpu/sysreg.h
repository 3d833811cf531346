/*
 * MRS, MSR and the SYS space, through the generated sysreg_resolve().
 */
#pragma once
#include "cpu/core.h"

/* MRS / MSR (register): w is the encoding. */
enum step sysreg_execute_mrs(struct core *c, uint32_t w);
enum step sysreg_execute_msr(struct core *c, uint32_t w);
/* MSR (immediate): SPSel, DAIFSet, DAIFClr. */
enum step sysreg_execute_msr_imm(struct core *c, uint32_t w);
/* SYS, SYSL: TLBI, AT, DC, IC. */
enum step sysreg_execute_sys(struct core *c, uint32_t w);
/* Whether that would execute it here and now: neither UNDEFINED nor trapped. Asks nothing. */
bool sysreg_executes_sys(const struct core *c, uint32_t w);

/* Values by row, with side effects and events but without access checks. */
uint64_t sysreg_get(struct core *c, enum sysreg reg);
void sysreg_set(struct core *c, enum sysreg reg, uint64_t value);
/* The value as an observer sees it: no side effect. */
uint64_t sysreg_peek(const struct core *c, enum sysreg reg);
const char *sysreg_name(enum sysreg reg);

/* Cold reset: every row's reset value, ID registers from the model, UNKNOWN ones through choose. */
void sysreg_reset(struct core *c);

/* The effective copy: what traps, vectors, walks and timers see. */
static inline uint64_t effective(const struct cpu *cpu, enum sysreg reg)
{
    return cpu->effective[reg];
}

/* Generic timer as values (timer.c). A timer's line and the next time it may change. */
enum cpu_timer { TIMER_P, TIMER_V, TIMER_HP, TIMER_COUNT };
/* Output level at a counter value, in ticks. */
bool timer_line(const struct cpu *cpu, enum cpu_timer timer, uint64_t count);
/* The counter value at which the line will next rise or, where the counter that it compares with
 * wraps, fall; UINT64_MAX: never by itself. */
uint64_t timer_deadline(const struct cpu *cpu, enum cpu_timer timer, uint64_t count);
