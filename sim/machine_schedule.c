/*
 * Who runs next. A PE runs a quantum of steps or until it waits; then the one with the lowest cycle
 * count runs, ties by number. The choice next-cpu may hold a PE back after a visible operation;
 * with next-step open time says nothing.
 *
 * Not modelled: more than one instruction at a time; PEs take turns.
 */
#include "sim/machine_parts.h"

#include "gen/trace.h"

const uint64_t hold_distance[HOLD_ANSWERS] = {0, 8, 64, 512, 4096, HOLD_UNTIL_OTHERS_WAIT};

static bool is_ready(const struct machine *m, unsigned pe)
{
    return m->state->cpu[pe].wait == CPU_RUNS;
}

/* The ready PE with the lowest time among those held or those not held; -1: none. */
static int lowest_time(const struct machine *m, bool held)
{
    int best = -1;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        if (!is_ready(m, pe) || (m->state->pe[pe].hold_left != 0) != held)
            continue;
        if (best < 0 || m->state->cpu[pe].cycles < m->state->cpu[best].cycles)
            best = (int)pe;
    }
    return best;
}

static bool others_can_run(const struct machine *m, unsigned pe)
{
    for (unsigned other = 0; other < m->config.pe_count; other++) {
        if (other != pe && is_ready(m, other) && m->state->pe[other].hold_left == 0)
            return true;
    }
    return false;
}

/* The hold is over: the time that passed is charged. HOLD tells what was left of it. */
static void release(struct machine *m, unsigned pe)
{
    struct machine_state *s = m->state;
    uint64_t left = s->pe[pe].hold_left;
    s->pe[pe].hold_left = 0;
    if (s->cpu[pe].cycles < s->now)
        s->cpu[pe].cycles = s->now;
    event_emit_HOLD(CORE_HEAD(&m->core[pe]), 0, left < UINT32_MAX ? (uint32_t)left : UINT32_MAX);
}

static void count_visible(struct machine *m, unsigned pe)
{
    for (unsigned other = 0; other < m->config.pe_count; other++) {
        struct pe_state *p = &m->state->pe[other];
        if (other == pe || p->hold_left == 0)
            continue;
        if (--p->hold_left == 0)
            release(m, other);
    }
}

/* Asks whether this PE, about to run behind a visible operation, is held instead. */
static bool is_held_now(struct machine *m, unsigned pe)
{
    uint64_t hint = m->side->visible[pe];
    if (hint == VISIBLE_NONE)
        return false;
    m->side->visible[pe] = VISIBLE_NONE;
    if (!others_can_run(m, pe))
        return false;
    uint32_t k = choose_at(&m->chooser, CHOICE_NEXT_CPU, pe, m->state->cpu[pe].insns, HOLD_ANSWERS,
                           hint);
    if (k == 0)
        return false;
    m->state->pe[pe].hold_left = hold_distance[k];
    event_emit_HOLD(CORE_HEAD(&m->core[pe]), 1,
                    k + 1 == HOLD_ANSWERS ? UINT32_MAX : (uint32_t)hold_distance[k]);
    return true;
}

static bool asks_next(const struct machine *m)
{
    return choice_is_open(&m->chooser, CHOICE_NEXT_CPU) ||
           choice_is_open(&m->chooser, CHOICE_NEXT_STEP);
}

void machine_note_visible(struct machine *m, unsigned pe)
{
    if (asks_next(m))
        m->side->visible[pe] = m->core[pe].visible;
    count_visible(m, pe);
}

bool machine_visible(void *owner, unsigned pe)
{
    struct machine *m = owner;
    m->state->now = m->state->cpu[pe].cycles;
    machine_note_visible(m, pe);
    m->core[pe].visible = VISIBLE_NONE;
    return !is_held_now(m, pe);
}

/* The PEs that can run, by time and then number. */
static unsigned by_turns(const struct machine *m, uint8_t order[PE_COUNT_MAX])
{
    unsigned count = 0;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        if (!is_ready(m, pe))
            continue;
        unsigned at = count++;
        for (; at > 0 && m->state->cpu[pe].cycles < m->state->cpu[order[at - 1]].cycles; at--)
            order[at] = order[at - 1];
        order[at] = (uint8_t)pe;
    }
    return count;
}

/*
 * The same with next-step open, when time says nothing: who ran goes on up to its next visible
 * operation, and then any PE may be next. Whatever lies between two such operations commutes with
 * what others do, so that these are all the interleavings that can be told apart.
 */
static int next_by_choice(struct machine *m)
{
    struct machine_state *s = m->state;
    uint64_t *hint = &m->side->visible[s->current];
    bool goes_on = *hint == VISIBLE_NONE && is_ready(m, s->current);
    if (!goes_on || s->quantum_left == 0) /* not wherever somebody has stopped the run */
        s->quantum_left = m->config.quantum;
    if (goes_on)
        return (int)s->current;
    uint8_t order[PE_COUNT_MAX];
    unsigned count = by_turns(m, order);
    if (count == 0)
        return -1;
    *hint = VISIBLE_NONE;
    s->current = order[choose(&m->chooser, &m->side->counts, CHOICE_NEXT_STEP, 0, count)];
    m->side->visible[s->current] = VISIBLE_NONE; /* of a time when the kind was closed */
    return (int)s->current;
}

int machine_next(struct machine *m)
{
    struct machine_state *s = m->state;
    if (choice_is_open(&m->chooser, CHOICE_NEXT_STEP))
        return next_by_choice(m);
    for (;;) {
        unsigned pe = s->current;
        if (s->quantum_left == 0 || !is_ready(m, pe) || s->pe[pe].hold_left != 0) {
            int lowest = lowest_time(m, false);
            if (lowest < 0) {
                lowest = lowest_time(m, true);
                if (lowest < 0)
                    return -1;
                release(m, (unsigned)lowest);
            }
            pe = (unsigned)lowest;
            if (s->clock.next <= s->cpu[pe].cycles) { /* may wake somebody who comes first */
                machine_deadlines(m, s->cpu[pe].cycles);
                continue;
            }
            s->current = pe;
            s->quantum_left = m->config.quantum;
        }
        if (!is_held_now(m, pe))
            return (int)pe;
    }
}

/* Whether that may be asked, so that each visible operation of the coming run counts. */
static bool watches_visible(const struct machine *m)
{
    if (asks_next(m))
        return true;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        if (m->state->pe[pe].hold_left != 0)
            return true;
    }
    return false;
}

/* Whether nothing but next-cpu is to be looked at behind a visible operation. */
static bool may_ask(const struct machine *m, unsigned pe)
{
    return !choice_is_open(&m->chooser, CHOICE_NEXT_STEP) && !m->has_versions &&
           m->state->cpu[pe].reg[SR_PMINTENSET_EL1] == 0;
}

enum engine_visible machine_visible_mode(const struct machine *m, unsigned pe)
{
    if (!watches_visible(m))
        return ENGINE_PASSES;
    return may_ask(m, pe) ? ENGINE_ASKS : ENGINE_STOPS;
}
