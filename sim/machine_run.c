/*
 * The one loop that moves time: turns of PEs, and what comes between them. When all PEs wait, time
 * jumps to the next deadline.
 *
 * Not modelled: what happens within an instruction of one PE is not seen amid one of another.
 */
#include "sim/machine_parts.h"

#include "cpu/code.h"
#include "cpu/pmu.h"
#include "gen/trace.h"

/* Steps of the precise engine until the fast one, where it is wanted, is tried again. */
#define PRECISE_PART 100u

struct engine_result engine_run(struct machine *m, unsigned pe, const struct engine_budget *budget)
{
    struct core *c = &m->core[pe];
    m->events.step = m->state->step;
    m->events.stop = m->stop_requested;
    c->lines_may_change = false;
    if (m->state->monitors_armed != 0)
        memory_guard_monitors(m, pe);
    if (m->engine == ENGINE_KIND_FAST && !m->order && core_may_run_fast(c))
        return core_run_fast(c, budget);
    struct engine_budget part = *budget;
    if (m->engine == ENGINE_KIND_FAST && part.steps > PRECISE_PART)
        part.steps = PRECISE_PART; /* then it may run fast again */
    return core_run_precise(c, &part);
}

/* Ends the budget where a counter of the performance monitors may overflow and interrupt. */
static void bound_by_pmu(struct engine_budget *budget, const struct cpu *cpu)
{
    struct pmu_bound bound = pmu_bound(cpu);
    if (bound.steps < budget->steps)
        budget->steps = bound.steps;
    if (bound.cycles < budget->cycles - cpu->cycles)
        budget->cycles = cpu->cycles + bound.cycles;
}

/* Whether the end of its quantum gives nobody else a turn, whatever this PE does in between. */
static bool runs_alone(const struct machine *m, unsigned pe)
{
    for (unsigned other = 0; other < m->config.pe_count; other++) {
        uint8_t wait = m->state->cpu[other].wait;
        if (other != pe && wait != CPU_IS_OFF && wait != CPU_WAITS_INTERRUPT)
            return false; /* one in WFE is woken without the engine coming back */
    }
    return true;
}

/* What is left of the turn after so many steps; more than that only when a PE runs alone. */
static uint32_t quantum_after(const struct machine *m, uint64_t steps)
{
    uint64_t left = m->state->quantum_left, quantum = m->config.quantum;
    if (steps <= left)
        return (uint32_t)(left - steps);
    uint64_t into = (steps - left) % quantum;
    return (uint32_t)(into == 0 ? 0 : quantum - into);
}

/* What of a PC decides whether it may be at the break point. */
static uint64_t break_mask(const struct machine *m)
{
    return m->break_if ? PAGE_BYTES - 1 : UINT64_MAX;
}

static bool is_at_break(const struct machine *m, unsigned pe)
{
    return ((m->state->cpu[pe].pc ^ m->break_pc) & break_mask(m)) == 0 &&
           (!m->break_if || m->break_if(m->break_context, m, pe));
}

static enum machine_stop run_turn(struct machine *m, unsigned pe, uint64_t step_limit, bool *stop)
{
    struct machine_state *s = m->state;
    struct core *c = &m->core[pe];
    uint64_t steps = step_limit - s->step;
    uint64_t input = machine_input_distance(m);
    if (input < steps)
        steps = input;
    enum engine_visible visible = machine_visible_mode(m, pe);
    if (steps > s->quantum_left && (visible != ENGINE_PASSES || !runs_alone(m, pe)))
        steps = s->quantum_left;
    struct engine_budget budget = {
        .steps = steps,
        .cycles = s->clock.next > s->cpu[pe].cycles ? s->clock.next : s->cpu[pe].cycles + 1,
        .visible = visible,
        .stop_at_pc = m->break_on && (m->break_pe < 0 || m->break_pe == (int)pe),
        .stop_pc = m->break_pc,
        .stop_mask = break_mask(m),
    };
    if (budget.stop_at_pc && !m->break_passed && is_at_break(m, pe)) {
        m->break_passed = true;
        *stop = true;
        return MACHINE_BREAK;
    }
    m->break_passed = false;
    bool monitors = s->cpu[pe].reg[SR_PMINTENSET_EL1] != 0;
    if (monitors) {
        machine_wires_of(m, pe); /* time may have passed since it last ran: counters go on in WFI */
        bound_by_pmu(&budget, &s->cpu[pe]);
    }
    struct engine_result result = engine_run(m, pe, &budget);
    s->step += result.steps;
    s->quantum_left = quantum_after(m, result.steps);
    s->now = s->cpu[pe].cycles;
    if (visible != ENGINE_PASSES && c->visible != VISIBLE_NONE &&
        result.reason != ENGINE_UNMODELLED)
        machine_note_visible(m, pe);
    switch (result.reason) {
    case ENGINE_FIRMWARE:
        machine_firmware(m, pe);
        break;
    case ENGINE_SEMIHOST:
        machine_semihosting(m, pe);
        break;
    case ENGINE_UNMODELLED:
        m->unmodelled = c->unmodelled;
        m->unmodelled_pe = pe;
        *stop = true;
        return MACHINE_UNMODELLED;
    case ENGINE_WAITS:
    case ENGINE_LINES:
        break;
    case ENGINE_BUDGET:
    case ENGINE_VISIBLE:
        if (!monitors)
            return MACHINE_LIMIT; /* no input of a line has changed */
        break;
    }
    machine_wires_of(m, pe);
    return MACHINE_LIMIT;
}

/* spec-fill may have been opened: PEs that wait for their turn, or wait, may walk by themselves. */
static void tell_regimes(struct machine *m)
{
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        if (m->state->cpu[pe].wait != CPU_IS_OFF && mmu_keeps_versions(&m->mmu[pe]))
            core_tell_regimes(&m->core[pe]);
    }
}

enum machine_stop machine_run(struct machine *m, uint64_t step_limit)
{
    struct machine_state *s = m->state;
    m->stop_requested = false;
    m->events.step = s->step;
    m->unmodelled = NULL;
    code_break_at(m->code, m->break_on, m->break_pc, break_mask(m));
    tell_regimes(m);
    struct machine_idling idling = {.limit = step_limit};
    for (;;) {
        if (m->stop_requested)
            return MACHINE_REQUEST;
        if (s->exit != EXIT_NONE)
            return MACHINE_EXIT;
        if (s->step >= idling.limit)
            return idling.ends ? MACHINE_REQUEST : MACHINE_LIMIT;
        machine_input_take(m);
        int pe = machine_next(m);
        if (pe < 0) {
            if (machine_input_comes(m, &idling))
                continue;
            if (m->order && order_drain_all(m->order)) /* nothing waits for ever */
                continue;
            if (s->clock.next == DEADLINE_NEVER) {
                if (machine_input_hurry(m))
                    continue;
                return MACHINE_IDLE;
            }
            s->jumps++;
            machine_deadlines(m, s->clock.next);
            continue;
        }
        if (s->clock.next <= s->cpu[pe].cycles) /* in the course of its turn */
            machine_deadlines(m, s->cpu[pe].cycles);
        bool stop = false;
        enum machine_stop why = run_turn(m, (unsigned)pe, idling.limit, &stop);
        if (stop)
            return why;
    }
}
