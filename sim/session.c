/*
 * Walking in a recording: a replay under a timeline.
 *
 * Looking for something forwards is running with an observer that asks for a stop. Backwards it is
 * looking for the last in one stretch after the other, each from a snapshot to the place where the
 * stretch before it began: no stretch is executed twice but for the way to what was found. Stores
 * to a few bytes are told by watching their page (machine_watch_page), so that the fast engine
 * stays in use; so does it with an instruction's address, a break point of the machine.
 */
#include "sim/session.h"
#include "sim/symbols.h"

#include "gen/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct session {
    struct replay replay;
    struct timeline *timeline;
    bool is_strict;
    enum session_stop stop; /* why a way was over */
    uint64_t last; /* of a recording of another model: where the run has been seen to end */
    bool diverged;
    char divergence[REPLAY_DIVERGENCE_MAX];
};

static struct machine *machine_of(const struct session *s)
{
    return run_machine(s->replay.run);
}

static bool compare(void *context, struct machine *m)
{
    struct session *s = context;
    if (!s->diverged && !replay_hash_compare(&s->replay, m->state->step, machine_hash(m),
                                             s->divergence))
        s->diverged = true;
    return !s->diverged;
}

struct session *session_open(const struct trace *trace, const struct session_options *options,
                             struct error *error)
{
    struct session *s = calloc(1, sizeof *s);
    ensure(s != NULL);
    if (!replay_open(&s->replay, trace, &options->replay, error)) {
        free(s);
        return NULL;
    }
    replay_set_script(&s->replay);
    s->is_strict = replay_is_strict(&s->replay);
    s->timeline = timeline_new(s->replay.run, options->interval ? options->interval
                                                                : SESSION_INTERVAL,
                               options->bytes_max);
    if (s->is_strict)
        timeline_set_watch(s->timeline, trace->hash_interval, compare, s);
    s->last = s->is_strict ? trace->verdict.steps : UINT64_MAX;
    return s;
}

void session_close(struct session *s)
{
    if (!s)
        return;
    timeline_free(s->timeline);
    replay_close(&s->replay);
    free(s);
}

struct machine *session_machine(const struct session *s)
{
    return machine_of(s);
}

struct replay *session_replay(struct session *s)
{
    return &s->replay;
}

const struct timeline *session_timeline(const struct session *s)
{
    return s->timeline;
}

const char *session_divergence(const struct session *s)
{
    return s->divergence;
}

uint64_t session_step(const struct session *s)
{
    return timeline_step(s->timeline);
}

uint64_t session_first(const struct session *s)
{
    return run_start_step(s->replay.run);
}

uint64_t session_last(const struct session *s)
{
    return s->last;
}

/* --- going somewhere ---------------------------------------------------------------------- */

/* How a way ended. */
enum way {
    WAY_DONE,    /* it got there */
    WAY_STOPPED, /* an observer or a break point stopped it */
    WAY_OVER,    /* the run is over, or not the recorded one, or interrupted: s->stop says */
};

static enum way over(struct session *s, enum session_stop stop)
{
    s->stop = stop;
    return WAY_OVER;
}

/* The run ended before it got to where it should have. */
static enum way ended_early(struct session *s)
{
    uint64_t step = session_step(s);
    s->last = step < s->last ? step : s->last;
    if (!s->is_strict)
        return over(s, SESSION_END);
    snprintf(s->divergence, sizeof s->divergence,
             "the run ended at step %" PRIu64 ", recorded was %" PRIu64, step,
             s->replay.trace->verdict.steps);
    s->diverged = true;
    return over(s, SESSION_DIVERGED);
}

/* One way, by snapshots or through everything; step is within the recording. */
static enum way go(struct session *s, uint64_t step, bool through)
{
    struct machine *m = machine_of(s);
    bool is_there = through ? timeline_run(s->timeline, step) : timeline_seek(s->timeline, step);
    enum machine_stop stop = timeline_stop(s->timeline);
    if (run_is_interrupted()) {
        run_interrupt_clear();
        return over(s, SESSION_INTERRUPTED);
    }
    if (s->is_strict && is_there && step == s->last)
        compare(s, m); /* there is a hash of the end, whatever the interval */
    if (s->is_strict && m->chooser.diverged && !s->diverged) {
        replay_question_text(&m->chooser, s->divergence);
        s->diverged = true;
    }
    if (s->diverged)
        return over(s, SESSION_DIVERGED);
    if (stop == MACHINE_BREAK || (stop == MACHINE_REQUEST && !is_there))
        return WAY_STOPPED;
    return is_there ? WAY_DONE : ended_early(s);
}

/* The same, going on when a checker stops it that was not there when it was recorded. */
static enum way go_all_the_way(struct session *s, uint64_t step)
{
    enum way way = go(s, step, false);
    while (way == WAY_STOPPED)
        way = go(s, step, true);
    return way;
}

enum session_stop session_seek(struct session *s, uint64_t step)
{
    uint64_t first = session_first(s), target = step < first ? first : step;
    if (go_all_the_way(s, target < s->last ? target : s->last) == WAY_OVER)
        return s->stop;
    return step < first ? SESSION_START : step > s->last ? SESSION_END : SESSION_THERE;
}

/* --- looking for something ---------------------------------------------------------------- */

struct finder {
    const struct session_target *target;
    struct machine *machine;
    uint64_t before; /* positions from here on do not count */
    bool stops;      /* at the first */
    bool has_found, is_event;
    uint64_t position;
    struct event event;
    struct symbol_wanted wanted;
};

/* Whether any of the wanted bytes is among those that changed in 8 bytes at pa. */
static bool bytes_change(uint64_t changed, uint64_t pa, const struct session_target *t)
{
    for (unsigned i = 0; i < 8; i++) {
        if ((changed >> 8 * i & 0xff) != 0 && pa + i - t->watch.bits < t->watch_size)
            return true;
    }
    return false;
}

static bool is_watched_store(const struct session_target *t, const struct event *e)
{
    return t->watch_size != 0 && e->kind == EVENT_WATCH_STORE &&
           bytes_change(e->watch_store.old ^ e->watch_store.new, e->watch_store.pa, t);
}

static void finder_sink(void *context, const struct event *e)
{
    struct finder *f = context;
    const struct session_target *t = f->target;
    bool is_wanted = (t->events >> e->kind & 1) != 0 && (!t->wants || t->wants(t->context, e));
    if ((!is_wanted && !is_watched_store(t, e)) || e->step + 1 >= f->before ||
        (f->stops && f->has_found))
        return;
    f->has_found = f->is_event = true;
    f->position = e->step + 1;
    f->event = *e;
    if (f->stops)
        machine_request_stop(f->machine);
}

static void watch(const struct finder *f, bool on)
{
    const struct session_target *t = f->target;
    if (t->watch_size != 0)
        machine_watch_page(f->machine, pa_make(align_down(t->watch.bits, PAGE_BYTES)),
                           WATCHER_SESSION, on);
}

static void finder_begin(struct finder *f)
{
    const struct session_target *t = f->target;
    uint64_t mask = t->events | (t->watch_size != 0 ? UINT64_C(1) << EVENT_WATCH_STORE : 0);
    watch(f, true);
    if (mask != 0)
        events_attach(&f->machine->events, finder_sink, f, mask);
    f->machine->break_on = t->has_pc;
    f->machine->break_pe = t->pe;
    f->machine->break_pc = t->pc;
    f->wanted = (struct symbol_wanted){t->place, t->pc};
    f->machine->break_if = t->place ? symbol_is_next : NULL;
    f->machine->break_context = &f->wanted;
}

static void finder_end(struct finder *f)
{
    events_detach(&f->machine->events, finder_sink, f);
    watch(f, false);
    f->machine->break_on = false;
    f->machine->break_if = NULL;
}

/* One stretch, from here to a step; WAY_STOPPED at the first that is found. */
static enum way search_on(struct session *s, struct finder *f, uint64_t to)
{
    enum way way;
    do {
        way = go(s, to, true);
        if (way == WAY_STOPPED && timeline_stop(s->timeline) == MACHINE_BREAK &&
            session_step(s) < f->before) {
            f->has_found = true;
            f->is_event = false;
            f->position = session_step(s);
        }
    } while (way == WAY_STOPPED && !(f->stops && f->has_found));
    return way;
}

static enum way search_forwards(struct session *s, struct finder *f)
{
    f->before = UINT64_MAX;
    f->stops = true;
    /* One step first: what is here already does not count. */
    f->machine->break_on = false;
    enum way way = session_step(s) < s->last ? search_on(s, f, session_step(s) + 1) : WAY_DONE;
    f->machine->break_on = f->target->has_pc;
    if (way != WAY_OVER && !f->has_found)
        way = search_on(s, f, s->last);
    return way;
}

static enum way search_backwards(struct session *s, struct finder *f)
{
    uint64_t end = session_step(s);
    f->before = end;
    while (end > session_first(s) && !f->has_found) {
        uint64_t from = timeline_before(s->timeline, end);
        enum way way = go_all_the_way(s, from);
        if (way != WAY_OVER)
            way = search_on(s, f, end);
        if (way == WAY_OVER)
            return way;
        end = from;
    }
    return WAY_DONE;
}

enum session_stop session_find(struct session *s, const struct session_target *target,
                               bool backwards, struct session_found *found)
{
    struct finder f = {.target = target, .machine = machine_of(s)};
    memset(found, 0, sizeof *found);
    finder_begin(&f);
    enum way way = backwards ? search_backwards(s, &f) : search_forwards(s, &f);
    finder_end(&f);
    if (way == WAY_OVER)
        return s->stop;
    if (!f.has_found) {
        if (go_all_the_way(s, backwards ? session_first(s) : s->last) == WAY_OVER)
            return s->stop;
        return backwards ? SESSION_START : SESSION_END;
    }
    found->is_event = f.is_event;
    found->event = f.event;
    return go_all_the_way(s, f.position) == WAY_OVER ? s->stop : SESSION_THERE;
}

/* --- instructions of one PE --------------------------------------------------------------- */

static uint64_t insns_of(const struct session *s, unsigned pe)
{
    return machine_of(s)->state->cpu[pe].insns;
}

/*
 * The count of a PE's instructions never falls along the steps. Goes to the first position in
 * (low, high] where it is `count` or more; at high it is.
 */
static enum way bisect(struct session *s, unsigned pe, uint64_t count, uint64_t low, uint64_t high)
{
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (go_all_the_way(s, middle) == WAY_OVER)
            return WAY_OVER;
        if (insns_of(s, pe) >= count)
            high = middle;
        else
            low = middle;
    }
    return go_all_the_way(s, high);
}

static enum session_stop forwards_pe(struct session *s, unsigned pe, uint64_t count)
{
    uint64_t wanted = insns_of(s, pe) + count, low = session_step(s);
    for (uint64_t distance = count;; distance *= 2) {
        uint64_t high = s->last - low > distance ? low + distance : s->last;
        if (go_all_the_way(s, high) == WAY_OVER)
            return s->stop;
        if (insns_of(s, pe) >= wanted)
            return bisect(s, pe, wanted, low, high) == WAY_OVER ? s->stop : SESSION_THERE;
        if (high == s->last)
            return SESSION_END;
        low = high;
    }
}

/* To the last position at which it had executed so many fewer. */
static enum session_stop backwards_pe(struct session *s, unsigned pe, uint64_t count)
{
    uint64_t now = insns_of(s, pe), high = session_step(s), first = session_first(s);
    uint64_t wanted = count < now ? now - count : 0;
    for (uint64_t distance = count;; distance *= 2) {
        uint64_t low = high - first > distance ? high - distance : first;
        if (go_all_the_way(s, low) == WAY_OVER)
            return s->stop;
        if (insns_of(s, pe) <= wanted) {
            if (bisect(s, pe, wanted + 1, low, high) == WAY_OVER)
                return s->stop;
            return session_seek(s, session_step(s) - 1);
        }
        if (low == first)
            return SESSION_START;
        high = low;
    }
}

enum session_stop session_step_pe(struct session *s, unsigned pe, uint64_t count, bool backwards)
{
    if (count == 0)
        return SESSION_THERE;
    return backwards ? backwards_pe(s, pe, count) : forwards_pe(s, pe, count);
}
