/*
 * The bounded systematic search: every schedule with exactly `depth` deviations, as a tree. A
 * node is a set of deviations; running it shows the branch points behind its last deviation, and
 * each of them with each answer is a child. Nothing is stored but the path, so that memory does
 * not grow; inner nodes are run again for each depth.
 *
 * One reduction besides that of strategy_is_branch(): when a hold ended before the others had
 * executed the visible operations it waited for - all others waited, or the run was over - then a
 * longer hold at the same place gives the same run, and is left out. Within the subtree of such a
 * hold that argument needs that no later deviation falls into the hold: so it is used for the
 * last deviation, or when there are only two PEs, since then nobody else is asked meanwhile.
 */
#include "sim/explore_parts.h"

#include "gen/trace.h"

#include <stdlib.h>
#include <string.h>

/* Event sink: how the hold of the last deviation ended. */
static void watch_hold(void *context, const struct event *event)
{
    struct worker *w = context;
    const struct strategy_systematic *s = &w->systematic;
    if (s->count == 0 || s->applied < s->count ||
        event->pe != s->deviation[s->count - 1].name.object)
        return;
    if (event->hold.held) {
        w->hold_watched = true;
    } else if (w->hold_watched) {
        w->hold_watched = false;
        w->hold_ended_full = event->hold.visible == 0;
    }
}

/* Runs the schedule on the path. */
static void run_path(struct worker *w, bool collect, struct run_verdict *verdict)
{
    strategy_systematic_begin(&w->systematic);
    w->systematic.collect = collect;
    w->hold_watched = false;
    w->hold_ended_full = false;
    run_execute(w->run, verdict);
    ensure(w->systematic.applied == w->systematic.count || verdict->result == RUN_INTERRUPTED);
}

/* Whether longer holds at this point would only repeat the run just made. */
static bool is_last_answer(const struct worker *w, const struct strategy_point *point,
                           unsigned left, bool ended_full)
{
    if (point->name.kind != CHOICE_NEXT_CPU || ended_full)
        return false;
    return left == 0 || run_setup_of(w->run)->config.pe_count == 2;
}

static bool node(struct worker *w, unsigned left, bool *ended_full);

/* All answers at one point, as the next deviation on the path; left more come behind it. */
static bool point_do(struct worker *w, const struct strategy_point *point, unsigned left)
{
    struct strategy_systematic *s = &w->systematic;
    ensure(s->count < STRATEGY_DEPTH_MAX);
    for (uint32_t answer = 1; answer < point->n; answer++) {
        bool ended_full;
        s->deviation[s->count++] =
            (struct choice_record){.name = point->name, .n = point->n, .answer = answer};
        bool go_on = node(w, left, &ended_full);
        s->count--;
        if (!go_on)
            return false;
        if (is_last_answer(w, point, left, ended_full))
            break;
    }
    return true;
}

static struct strategy_point *points_copy(const struct strategy_systematic *s)
{
    struct strategy_point *copy = malloc((s->point_count + 1) * sizeof *copy);
    ensure(copy != NULL);
    if (s->point_count > 0) /* else there may be no array */
        memcpy(copy, s->point, s->point_count * sizeof *copy);
    return copy;
}

static bool node(struct worker *w, unsigned left, bool *ended_full)
{
    struct run_verdict verdict;
    run_path(w, left > 0, &verdict);
    *ended_full = w->hold_ended_full;
    if (left == 0)
        return worker_tell(w, &verdict);
    if (verdict.result == RUN_INTERRUPTED)
        return false;
    size_t count = w->systematic.point_count;
    struct strategy_point *points = points_copy(&w->systematic);
    bool go_on = true;
    for (size_t i = 0; go_on && i < count; i++)
        go_on = point_do(w, &points[i], left - 1);
    free(points);
    return go_on;
}

void systematic_begin(struct worker *w)
{
    struct machine *m = run_machine(w->run);
    struct run_verdict verdict;
    events_attach(&m->events, shared_sink, w->shared, shared_sink_mask());
    events_attach(&m->events, watch_hold, w, UINT64_C(1) << EVENT_HOLD);
    w->systematic.shared = w->shared;
    m->chooser.policy = CHOICE_DECIDE;
    m->chooser.decide = strategy_systematic_decide;
    m->chooser.decide_context = &w->systematic;
    if (w->pass->depth == 0)
        return;
    run_path(w, true, &verdict);
    w->root = points_copy(&w->systematic);
    w->root_count = w->systematic.point_count;
    ensure(w->root_count == w->pass->task_count || verdict.result == RUN_INTERRUPTED);
}

void systematic_end(struct worker *w)
{
    struct machine *m = run_machine(w->run);
    events_detach(&m->events, shared_sink, w->shared);
    events_detach(&m->events, watch_hold, w);
    free(w->root);
    strategy_systematic_free(&w->systematic);
}

bool systematic_task(struct worker *w, uint64_t task)
{
    bool ended_full;
    if (w->pass->depth == 0)
        return node(w, 0, &ended_full);
    if (task >= w->root_count)
        return false; /* interrupted */
    return point_do(w, &w->root[task], w->pass->depth - 1);
}
