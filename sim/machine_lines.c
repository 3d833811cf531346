/*
 * Lines: timers, performance monitors and devices to the GIC, the GIC's wires to the PEs; and what
 * they wake.
 * Every line is a function of state; it is computed again only when an input changed. Lines have
 * no delay of their own here: what is late is late by choice.
 */
#include "sim/machine_parts.h"

#include "cpu/effective.h"
#include "cpu/exception.h"
#include "cpu/pmu.h"
#include "cpu/sysreg.h"
#include "cpu/timer.h"
#include "gen/trace.h"

static const uint16_t timer_intid[TIMER_COUNT] = {
    [TIMER_P] = INTID_CNTP,
    [TIMER_V] = INTID_CNTV,
    [TIMER_HP] = INTID_CNTHP,
};

static void set_line(struct machine *m, unsigned pe, unsigned intid, bool level)
{
    if (gic_bit(m->state->gic.line, gic_slot(pe, intid)) == level)
        return;
    bool was_latched = gic_bit(m->state->gic.latched, gic_slot(pe, intid));
    gic_set_line(&m->state->gic, pe, intid, level);
    event_emit_LINE(CORE_HEAD(&m->core[pe]), (uint16_t)intid, level, 0);
    if (!was_latched && gic_bit(m->state->gic.latched, gic_slot(pe, intid)))
        machine_gic_tell_edge(m, pe, intid);
}

/* Slots of the clock: the timers of all PEs, then of each its event stream and its counters. */
static unsigned stream_slot(unsigned pe)
{
    return PE_COUNT_MAX * TIMER_COUNT + pe;
}

static unsigned counter_slot(unsigned pe)
{
    return stream_slot(PE_COUNT_MAX) + pe;
}

/*
 * The event stream of a PE in WFE. It runs only while somebody waits for it: an event that comes
 * while the PE runs would let its next WFE go on at once instead of at the next event.
 */
static void stream_start(struct machine *m, unsigned pe)
{
    struct clock *clock = &m->state->clock;
    const struct cpu *cpu = &m->state->cpu[pe];
    if (clock->deadline[stream_slot(pe)] != DEADLINE_NEVER)
        return;
    uint64_t tick = timer_event_deadline(cpu, clock_peek(clock, cpu->cycles));
    if (tick != UINT64_MAX)
        clock_set_deadline(clock, stream_slot(pe), clock_cycles_of_tick(clock, tick));
}

/* The cycle counters of a PE go on while it waits, and may overflow and interrupt. */
static void counters_start(struct machine *m, unsigned pe)
{
    struct clock *clock = &m->state->clock;
    const struct cpu *cpu = &m->state->cpu[pe];
    if (clock->deadline[counter_slot(pe)] != DEADLINE_NEVER)
        return;
    uint64_t left = pmu_bound(cpu).cycles;
    if (left < UINT64_MAX - cpu->cycles)
        clock_set_deadline(clock, counter_slot(pe), cpu->cycles + left);
}

/* The levels of one PE's timers at a time, and when they change next by themselves. */
void machine_timer_update(struct machine *m, unsigned pe, uint64_t cycles)
{
    struct clock *clock = &m->state->clock;
    const struct cpu *cpu = &m->state->cpu[pe];
    uint64_t count = clock_read(clock, cycles);
    bool lags = cpu->unsynchronized_count != 0 &&
                choice_is_open(&m->chooser, CHOICE_SYSREG_EFFECTIVE);
    if (lags)
        effective_before_timers(&m->core[pe], count);
    for (unsigned t = 0; t < TIMER_COUNT; t++) {
        set_line(m, pe, timer_intid[t], timer_line(cpu, (enum cpu_timer)t, count));
        uint64_t tick = lags ? timer_look(cpu, (enum cpu_timer)t, count)
                             : timer_deadline(cpu, (enum cpu_timer)t, count);
        clock_set_deadline(clock, pe * TIMER_COUNT + t,
                           tick == UINT64_MAX ? DEADLINE_NEVER
                                              : clock_cycles_of_tick(clock, tick));
    }
}

void machine_deadlines(struct machine *m, uint64_t cycles)
{
    struct clock *clock = &m->state->clock;
    while (clock->next <= cycles && clock->next != DEADLINE_NEVER) {
        uint64_t at = clock->next; /* who wakes by it, wakes then */
        unsigned slot = (unsigned)clock_fire(clock, at);
        if (slot < stream_slot(0))
            machine_timer_update(m, slot / TIMER_COUNT, at);
        else if (slot < counter_slot(0))
            machine_event(m, slot - stream_slot(0), at);
        else /* its time goes on with it: machine_wires() looks at the counters */
            m->state->cpu[slot - counter_slot(0)].cycles = at;
        m->state->now = at;
        machine_wires(m);
    }
    m->state->now = cycles;
}

void machine_wake(struct machine *m, unsigned pe, uint64_t cycles)
{
    struct cpu *cpu = &m->state->cpu[pe];
    cpu->wait = CPU_RUNS;
    if (m->order) {
        order_event(m->order, pe);
        order_woken(m->order, pe);
    }
    clock_set_deadline(&m->state->clock, stream_slot(pe), DEADLINE_NEVER);
    clock_set_deadline(&m->state->clock, counter_slot(pe), DEADLINE_NEVER);
    if (cpu->cycles < cycles)
        cpu->cycles = cycles;
    event_emit_WAIT(CORE_HEAD(&m->core[pe]), CPU_RUNS);
}

void machine_event(struct machine *m, unsigned pe, uint64_t cycles)
{
    struct cpu *cpu = &m->state->cpu[pe];
    if (cpu->wait == CPU_WAITS_EVENT)
        machine_wake(m, pe, cycles);
    else
        cpu->event_register = 1;
    if (m->order)
        order_event(m->order, pe);
}

/* The wires to one PE take the levels that the GIC drives. */
static void set_wires(struct machine *m, unsigned pe, uint8_t lines)
{
    struct cpu *cpu = &m->state->cpu[pe];
    uint8_t flipped = cpu->lines ^ lines;
    cpu->lines = lines;
    if (m->order && (flipped & lines))
        order_event(m->order, pe);
    for (unsigned wire = 0; wire < 4; wire++) {
        if (flipped >> wire & 1)
            event_emit_LINE(CORE_HEAD(&m->core[pe]), 0, lines >> wire & 1, (uint8_t)(wire + 1));
    }
}

/* The maintenance interrupt goes round: out of the GIC, and in again as a PPI. */
static void take_wires(struct machine *m)
{
    struct machine_state *s = m->state;
    unsigned changed;
    while ((changed = gic_take_changed(&s->gic)) != 0) {
        for (; changed != 0; changed &= changed - 1) {
            unsigned pe = (unsigned)__builtin_ctz(changed);
            unsigned wires = gic_wires(&s->gic, pe);
            set_line(m, pe, INTID_MAINTENANCE, wires & GIC_WIRE_MAINTENANCE);
            set_wires(m, pe, (uint8_t)(wires & GIC_WIRES_TO_PE));
        }
    }
}

void machine_wires(struct machine *m)
{
    struct machine_state *s = m->state;
    set_line(m, 0, INTID_UART, pl011_line(&s->uart));
    for (unsigned pe = 0; pe < m->config.pe_count; pe++)
        set_line(m, pe, INTID_PMU, pmu_line(&s->cpu[pe]));
    take_wires(m);
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        struct cpu *cpu = &s->cpu[pe];
        if (cpu->wait == CPU_RUNS || cpu->wait == CPU_IS_OFF)
            continue;
        if (interrupt_wakes(cpu)) {
            machine_wake(m, pe, s->now);
            continue;
        }
        counters_start(m, pe);
        if (cpu->wait == CPU_WAITS_EVENT)
            stream_start(m, pe);
    }
}
