/*
 * Deadlines and the system counter. Time is in cycles of a PE (1 ns each at the default 1 GHz);
 * the counter is time divided by cycles_per_tick. There is one system counter: a read gives the
 * larger of the reader's time and the largest value yet read or fired, so that it never goes back
 * in the order of execution.
 */
#pragma once
#include "sim/base/base.h"

#define DEADLINE_NEVER UINT64_MAX
#define DEADLINE_COUNT_MAX 64u

STATE_BEGIN
struct clock {
    uint64_t seen; /* cycles: the largest time that was read or fired */
    uint64_t cycles_per_tick;
    uint64_t deadline[DEADLINE_COUNT_MAX]; /* cycles, by slot; DEADLINE_NEVER: none */
    uint64_t next;                         /* the smallest of them */
};
STATE_END

/* No deadlines, time 0; cycles_per_tick >= 1. */
void clock_init(struct clock *clock, uint64_t cycles_per_tick);

/* The system counter as a reader whose own time is `cycles` sees it, in ticks. Remembers it. */
uint64_t clock_read(struct clock *clock, uint64_t cycles);
/* The same without remembering, for observers. */
uint64_t clock_peek(const struct clock *clock, uint64_t cycles);

/* The first cycle at which the counter reaches `tick`; DEADLINE_NEVER when out of range. */
uint64_t clock_cycles_of_tick(const struct clock *clock, uint64_t tick);

/* Sets or, with DEADLINE_NEVER, clears the deadline of a slot. */
void clock_set_deadline(struct clock *clock, unsigned slot, uint64_t cycles);

/*
 * The lowest-numbered slot whose deadline is <= cycles, which is cleared and remembered as seen,
 * or -1. Ties and several due ones come in the order of time, then slot.
 */
int clock_fire(struct clock *clock, uint64_t cycles);
