/* The generic timer beside what cpu/sysreg.h declares of it (timer_line, timer_deadline). All
 * functions are pure; `count` is the system counter in ticks. */
#pragma once
#include "cpu/cpu.h"
#include "cpu/sysreg.h"

/* The counter that a timer compares with: for TIMER_V less the effective CNTVOFF_EL2. */
uint64_t timer_count(const struct cpu *cpu, enum cpu_timer timer, uint64_t count);

/* CNTx_CTL.ISTATUS: the timer is on and its condition is met, masked or not. */
bool timer_condition(const struct cpu *cpu, enum cpu_timer timer, uint64_t count);

/* The counter value at which the line next changes, or would change if what lags were in effect. */
uint64_t timer_look(const struct cpu *cpu, enum cpu_timer timer, uint64_t count);

/* The counter value above `count` at which an event stream next sets the event register;
 * UINT64_MAX when none is on. */
uint64_t timer_event_deadline(const struct cpu *cpu, uint64_t count);

/* Whether any event stream is on. */
bool timer_event_stream_is_on(const struct cpu *cpu);
