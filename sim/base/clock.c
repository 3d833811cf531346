/*
 * The system counter and the deadlines of the machine.
 *
 * Every PE has its own cycle count, and they run apart by up to a quantum; the counter is one for
 * all. So a read gives the larger of the reader's own time and the largest time that anyone has
 * read or that a deadline has fired at: the counter never goes back in the order of execution, as
 * CNTPCT_EL0 must not (DDI 0487, "The Generic Timer", system counter). What is not modelled: a
 * counter that is stopped or slowed (CNTCR), and a frequency that changes.
 *
 * Slots of deadlines are named by their owners (a timer of a PE, a device); 0 to 63.
 */
#include "sim/base/clock.h"

static void next_update(struct clock *clock)
{
    uint64_t next = DEADLINE_NEVER;
    for (unsigned i = 0; i < DEADLINE_COUNT_MAX; i++) {
        if (clock->deadline[i] < next)
            next = clock->deadline[i];
    }
    clock->next = next;
}

void clock_init(struct clock *clock, uint64_t cycles_per_tick)
{
    ensure(cycles_per_tick >= 1);
    clock->seen = 0;
    clock->cycles_per_tick = cycles_per_tick;
    for (unsigned i = 0; i < DEADLINE_COUNT_MAX; i++)
        clock->deadline[i] = DEADLINE_NEVER;
    clock->next = DEADLINE_NEVER;
}

uint64_t clock_peek(const struct clock *clock, uint64_t cycles)
{
    return (cycles > clock->seen ? cycles : clock->seen) / clock->cycles_per_tick;
}

uint64_t clock_read(struct clock *clock, uint64_t cycles)
{
    if (cycles > clock->seen)
        clock->seen = cycles;
    return clock->seen / clock->cycles_per_tick;
}

uint64_t clock_cycles_of_tick(const struct clock *clock, uint64_t tick)
{
    uint64_t cycles;
    if (__builtin_mul_overflow(tick, clock->cycles_per_tick, &cycles))
        return DEADLINE_NEVER;
    return cycles;
}

void clock_set_deadline(struct clock *clock, unsigned slot, uint64_t cycles)
{
    ensure(slot < DEADLINE_COUNT_MAX);
    uint64_t old = clock->deadline[slot];
    clock->deadline[slot] = cycles;
    if (cycles <= clock->next)
        clock->next = cycles;
    else if (old == clock->next)
        next_update(clock);
}

int clock_fire(struct clock *clock, uint64_t cycles)
{
    if (clock->next > cycles || clock->next == DEADLINE_NEVER)
        return -1;
    for (unsigned i = 0; i < DEADLINE_COUNT_MAX; i++) {
        if (clock->deadline[i] != clock->next)
            continue;
        if (clock->next > clock->seen)
            clock->seen = clock->next;
        clock->deadline[i] = DEADLINE_NEVER;
        next_update(clock);
        return (int)i;
    }
    bug("clock: no slot has the next deadline %llu", (unsigned long long)clock->next);
}
