/*
 * Lines: timers, performance monitors and devices to the GIC, the GIC's wires to the PEs, its
 * maintenance outputs back to its own inputs; and what they wake.
 *
 * The level of every line is a function of its source's state, computed again only when an input
 * changed; its destination sees an edge at once, or later if the choices line-assert and
 * line-deassert say so (sim/lines.h). What a destination sees is its own state: an input of the
 * Distributor, or cpu.lines.
 */
#include "sim/machine_parts.h"

#include "cpu/effective.h"
#include "cpu/exception.h"
#include "cpu/interrupt.h"
#include "cpu/pmu.h"
#include "cpu/sysreg.h"
#include "cpu/timer.h"
#include "gen/trace.h"

_Static_assert(LINE_VFIQ - LINE_IRQ == 3 && GIC_WIRES_TO_PE == 15, "the order of the wires' bits");

/* The interrupts of a PE's own lines. */
static const uint16_t line_intid[LINE_IRQ] = {
    [LINE_CNTP] = INTID_CNTP,
    [LINE_CNTV] = INTID_CNTV,
    [LINE_CNTHP] = INTID_CNTHP,
    [LINE_PMU] = INTID_PMU,
    [LINE_MAINTENANCE] = INTID_MAINTENANCE,
};

static const uint8_t timer_lines[TIMER_COUNT] = {
    [TIMER_P] = LINE_CNTP,
    [TIMER_V] = LINE_CNTV,
    [TIMER_HP] = LINE_CNTHP,
};

/* A line taken apart. */
struct place {
    unsigned pe;    /* 0 for SPIs */
    unsigned intid; /* its input of the GIC; 0: a wire from the GIC */
    unsigned wire;  /* then its bit in cpu.lines */
};

static struct place place_of(unsigned line)
{
    if (line >= LINE_DEVICES)
        return (struct place){.intid = 32 + line - LINE_DEVICES};
    struct place place = {.pe = line / LINES_OF_PE};
    unsigned kind = line % LINES_OF_PE;
    if (kind < LINE_IRQ)
        place.intid = line_intid[kind];
    else
        place.wire = kind - LINE_IRQ;
    return place;
}

/* The level that the destination sees. */
static bool is_seen(const struct machine *m, const struct place *p)
{
    if (p->intid != 0)
        return gic_bit(m->state->gic.line, gic_slot(p->pe, p->intid));
    return m->state->cpu[p->pe].lines >> p->wire & 1;
}

bool machine_line_source(const struct machine *m, unsigned pe, unsigned intid)
{
    unsigned kind = 0;
    while (kind < LINE_IRQ && line_intid[kind] != intid)
        kind++;
    unsigned line = line_of_pe(pe, (enum line_kind)kind);
    if (kind == LINE_IRQ) {
        if (intid < 32 || intid >= 32 + LINE_SPI_COUNT)
            return false;
        line = LINE_DEVICES + intid - 32;
    }
    struct place place = place_of(line);
    return lines_source(&m->side->lines, line, is_seen(m, &place));
}

/* The destination sees the other level. */
static void hand_over(struct machine *m, const struct place *p, bool level)
{
    struct core *c = &m->core[p->pe];
    if (p->intid != 0) {
        unsigned slot = gic_slot(p->pe, p->intid);
        bool was_latched = gic_bit(m->state->gic.latched, slot);
        gic_set_line(&m->state->gic, p->pe, p->intid, level);
        event_emit_LINE(CORE_HEAD(c), (uint16_t)p->intid, level, 0);
        if (!was_latched && gic_bit(m->state->gic.latched, slot))
            machine_gic_tell_edge(m, p->pe, p->intid);
        return;
    }
    c->cpu->lines = (uint8_t)(c->cpu->lines ^ 1u << p->wire);
    m->wires_changed |= 1u << p->pe;
    if (m->order && level)
        order_event(m->order, p->pe);
    event_emit_LINE(CORE_HEAD(c), 0, level, (uint8_t)(p->wire + 1));
}

static unsigned lines_slot(void);

static void lines_deadline(struct machine *m)
{
    const struct lines *lines = &m->side->lines;
    clock_set_deadline(&m->state->clock, lines_slot(),
                       lines->count != 0 ? lines->next : DEADLINE_NEVER);
}

/* The source of a line has another level than its destination sees, or edges are on their way. */
static void drive_slowly(struct machine *m, unsigned line, bool level, uint64_t cycles)
{
    struct lines *lines = &m->side->lines;
    struct place place = place_of(line);
    bool seen = is_seen(m, &place);
    if (lines_source(lines, line, seen) == level)
        return;
    uint32_t k = choose(&m->chooser, &m->side->counts,
                        level ? CHOICE_LINE_ASSERT : CHOICE_LINE_DEASSERT, line, LINE_ANSWERS);
    if (k == 0 && !lines_is_pending(lines, line)) {
        hand_over(m, &place, level);
        return;
    }
    if (lines_is_full(lines, line)) {
        hand_over(m, &place, lines_take(lines, line));
        seen = !seen;
    }
    bool is_edge = place.intid != 0 &&
                   gic_bit(m->state->gic.edge, gic_slot(place.pe, place.intid));
    lines_put(lines, line, seen, cycles + line_delay[k], is_edge);
    lines_deadline(m);
}

/* The source of an input of the GIC has a level at a time. */
static inline void drive_input(struct machine *m, unsigned line, unsigned slot, bool level,
                               uint64_t cycles)
{
    if (gic_bit(m->state->gic.line, slot) != level || m->side->lines.count != 0)
        drive_slowly(m, line, level, cycles);
}

static inline void drive_own(struct machine *m, unsigned pe, enum line_kind kind, bool level,
                             uint64_t cycles)
{
    drive_input(m, line_of_pe(pe, kind), gic_slot(pe, line_intid[kind]), level, cycles);
}

/* A line beyond the interrupts that the GIC was given leads nowhere. */
static void drive_device(struct machine *m, unsigned intid, bool level)
{
    if (intid >= m->state->gic.interrupts)
        return;
    drive_input(m, LINE_DEVICES + intid - 32, gic_slot(0, intid), level, m->state->now);
}

/* Slots of the clock: the timers of all PEs, of each its event stream and its counters; edges on
 * their way along all lines. */
static unsigned stream_slot(unsigned pe)
{
    return PE_COUNT_MAX * TIMER_COUNT + pe;
}

static unsigned counter_slot(unsigned pe)
{
    return stream_slot(PE_COUNT_MAX) + pe;
}

static unsigned lines_slot(void)
{
    return counter_slot(PE_COUNT_MAX);
}

/*
 * Event streams. While a PE runs its stream's events are not waited for: its next WFE asks whether
 * there was one (machine_stream_event); a deadline there is only while it waits.
 */
static void streams_update(struct machine *m, unsigned pe, uint64_t count)
{
    struct event_streams *streams = &m->side->streams;
    bool on = timer_event_stream_is_on(&m->state->cpu[pe]);
    if (on == (streams->on >> pe & 1))
        return;
    streams->on ^= UINT64_C(1) << pe;
    streams->since[pe] = on ? count : 0;
}

bool machine_stream_event(struct machine *m, unsigned pe)
{
    struct event_streams *streams = &m->side->streams;
    const struct cpu *cpu = &m->state->cpu[pe];
    uint64_t count = clock_read(&m->state->clock, cpu->cycles);
    uint64_t since = streams->since[pe];
    streams->since[pe] = count;
    return (streams->on >> pe & 1) && timer_event_deadline(cpu, since) <= count;
}

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
    streams_update(m, pe, count);
    bool lags = cpu->unsynchronized_count != 0 &&
                choice_is_open(&m->chooser, CHOICE_SYSREG_EFFECTIVE);
    if (lags)
        effective_before_timers(&m->core[pe], count);
    for (unsigned t = 0; t < TIMER_COUNT; t++) {
        drive_own(m, pe, (enum line_kind)timer_lines[t], timer_line(cpu, (enum cpu_timer)t, count),
                  cycles);
        uint64_t tick = lags ? timer_look(cpu, (enum cpu_timer)t, count)
                             : timer_deadline(cpu, (enum cpu_timer)t, count);
        clock_set_deadline(clock, pe * TIMER_COUNT + t,
                           tick == UINT64_MAX ? DEADLINE_NEVER
                                              : clock_cycles_of_tick(clock, tick));
    }
}

/* Edges that have been on their way come in; one that follows it may be due, too. */
static void lines_arrive(struct machine *m, uint64_t cycles)
{
    struct lines *lines = &m->side->lines;
    for (;;) {
        unsigned line = lines_due(lines, cycles);
        if (line == LINE_NONE)
            break;
        struct place place = place_of(line);
        hand_over(m, &place, lines_take(lines, line));
    }
    lines_deadline(m);
}

void machine_deadlines(struct machine *m, uint64_t cycles)
{
    struct clock *clock = &m->state->clock;
    while (clock->next <= cycles && clock->next != DEADLINE_NEVER) {
        uint64_t at = clock->next; /* who wakes by it, wakes then */
        unsigned slot = (unsigned)clock_fire(clock, at), pe = 0;
        m->state->now = at;
        if (slot < stream_slot(0)) {
            pe = slot / TIMER_COUNT;
            machine_timer_update(m, pe, at);
        } else if (slot < counter_slot(0)) {
            pe = slot - stream_slot(0);
            m->side->streams.since[pe] = clock_read(clock, at);
            machine_event(m, pe, at);
        } else if (slot < lines_slot()) { /* its time goes on: then its counters are looked at */
            pe = slot - counter_slot(0);
            m->state->cpu[pe].cycles = at;
        } else if (slot == lines_slot()) {
            lines_arrive(m, at);
        } else {
            machine_devices_fire(m, at);
        }
        machine_wires_of(m, pe);
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

static void drive_wire(struct machine *m, unsigned pe, unsigned wire, bool level)
{
    if ((m->state->cpu[pe].lines >> wire & 1) != level || m->side->lines.count != 0)
        drive_slowly(m, line_of_pe(pe, (enum line_kind)(LINE_IRQ + wire)), level, m->state->now);
}

/* What the GIC puts out, to a PE and to its own maintenance interrupt. */
static void drive_wires(struct machine *m, unsigned pe)
{
    const struct cpu *cpu = &m->state->cpu[pe];
    unsigned wires = gic_wires(&m->state->gic, pe);
    drive_own(m, pe, LINE_MAINTENANCE, wires & GIC_WIRE_MAINTENANCE, m->state->now);
    if (((cpu->lines ^ wires) & GIC_WIRES_TO_PE) == 0 && m->side->lines.count == 0)
        return;
    for (unsigned wire = 0; wire < 4; wire++)
        drive_wire(m, pe, wire, wires >> wire & 1);
}

void machine_wires_reset(struct machine *m, unsigned pe)
{
    for (unsigned kind = LINE_IRQ; kind < LINES_OF_PE; kind++)
        lines_drop(&m->side->lines, line_of_pe(pe, (enum line_kind)kind));
    lines_deadline(m);
    m->state->cpu[pe].lines = (uint8_t)(gic_wires(&m->state->gic, pe) & GIC_WIRES_TO_PE);
}

static bool is_woken(const struct cpu *cpu)
{
    return cpu->wait == CPU_WAITS_EVENT ? interrupt_wakes_event(cpu) : interrupt_wakes(cpu);
}

static bool pmu_was_up(const struct machine *m, unsigned pe)
{
    return m->side->lines.count != 0 ||
           gic_bit(m->state->gic.line, gic_slot(pe, INTID_PMU));
}

static void drive_devices(struct machine *m)
{
    unsigned intid;
    bool level;
    for (unsigned i = 0; machine_device_line(m, i, &intid, &level); i++)
        drive_device(m, intid, level);
}

/* The performance monitors of a PE. */
static void drive_monitors(struct machine *m, unsigned pe)
{
    const struct cpu *cpu = &m->state->cpu[pe];
    if (cpu->reg[SR_PMINTENSET_EL1] != 0 || pmu_was_up(m, pe))
        drive_own(m, pe, LINE_PMU, pmu_line(cpu), m->state->now);
}

/* Outputs of the GIC, where an input of it changed; maintenance is an input again. */
static void drive_gic(struct machine *m)
{
    unsigned changed;
    while ((changed = gic_take_changed(&m->state->gic)) != 0) {
        for (; changed != 0; changed &= changed - 1)
            drive_wires(m, (unsigned)__builtin_ctz(changed));
    }
}

/* What a PE that waits is to do now: to wake, or to let its streams and counters go on. */
static void look_at_wait(struct machine *m, unsigned pe)
{
    const struct cpu *cpu = &m->state->cpu[pe];
    if (cpu->wait == CPU_RUNS || cpu->wait == CPU_IS_OFF)
        return;
    if (interrupt_may_pend(cpu) && is_woken(cpu)) {
        machine_wake(m, pe, m->state->now);
        return;
    }
    counters_start(m, pe);
    if (cpu->wait == CPU_WAITS_EVENT)
        stream_start(m, pe);
}

void machine_wires_of(struct machine *m, unsigned pe)
{
    drive_devices(m);
    drive_monitors(m, pe);
    drive_gic(m);
    unsigned look = m->wires_changed | 1u << pe;
    m->wires_changed = 0;
    for (; look != 0; look &= look - 1)
        look_at_wait(m, (unsigned)__builtin_ctz(look));
}

void machine_wires(struct machine *m)
{
    drive_devices(m);
    for (unsigned pe = 0; pe < m->config.pe_count; pe++)
        drive_monitors(m, pe);
    drive_gic(m);
    m->wires_changed = 0;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++)
        look_at_wait(m, pe);
}
