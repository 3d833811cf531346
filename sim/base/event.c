/*
 * Events: who listens, and the out-of-line halves of the generated emitters.
 *
 * Observers only read: nothing here touches the machine, and a run is the same with any set of
 * observers. The table of kinds and the emitters come from trace.def through gen/trace.inc.
 */
#include "sim/base/event.h"

#include <string.h>

#include "gen/trace.h"

void event_begin(struct event *event, const struct events *events, unsigned kind, unsigned pe,
                 unsigned el, uint64_t insn, uint64_t time)
{
    ensure(pe <= UINT8_MAX && el <= UINT8_MAX);
    memset(event, 0, sizeof *event);
    event->kind = (uint8_t)kind;
    event->pe = (uint8_t)pe;
    event->el = (uint8_t)el;
    event->step = events->step;
    event->insn = insn;
    event->time = time;
}

#include "gen/trace.inc"

static void mask_update(struct events *e)
{
    e->mask = 0;
    memset(e->needs, 0, sizeof e->needs);
    for (unsigned i = 0; i < e->sink_count; i++) {
        e->mask |= e->sinks[i].mask;
        for (unsigned pe = 0; pe < PE_COUNT_MAX; pe++)
            e->needs[pe] |= e->sinks[i].needs[pe] & e->sinks[i].mask;
    }
}

void events_attach(struct events *e, event_sink *sink, void *context, uint64_t mask)
{
    ensure(e->sink_count < EVENT_SINK_MAX);
    e->sinks[e->sink_count].sink = sink;
    e->sinks[e->sink_count].context = context;
    e->sinks[e->sink_count].mask = mask;
    for (unsigned pe = 0; pe < PE_COUNT_MAX; pe++)
        e->sinks[e->sink_count].needs[pe] = mask;
    e->sink_count++;
    mask_update(e);
}

void events_detach(struct events *e, event_sink *sink, void *context)
{
    for (unsigned i = 0; i < e->sink_count; i++) {
        if (e->sinks[i].sink != sink || e->sinks[i].context != context)
            continue;
        e->sink_count--;
        memmove(&e->sinks[i], &e->sinks[i + 1], (e->sink_count - i) * sizeof e->sinks[0]);
        memset(&e->sinks[e->sink_count], 0, sizeof e->sinks[0]);
        mask_update(e);
        return;
    }
}

void events_need(struct events *e, event_sink *sink, void *context, unsigned pe, uint64_t kinds)
{
    ensure(pe < PE_COUNT_MAX);
    uint64_t before = e->needs[pe];
    for (unsigned i = 0; i < e->sink_count; i++) {
        if (e->sinks[i].sink == sink && e->sinks[i].context == context)
            e->sinks[i].needs[pe] = kinds;
    }
    mask_update(e);
    e->stop |= e->needs[pe] != before; /* engines look at it when they begin */
}

void events_send(struct events *e, const struct event *event)
{
    for (unsigned i = 0; i < e->sink_count; i++) {
        if ((e->sinks[i].mask >> event->kind) & 1u)
            e->sinks[i].sink(e->sinks[i].context, event);
    }
}
