/*
 * A worker of a search: does its share of a pass's tasks in order and says what came out.
 * A class of verdict is told in full only the first time that this worker meets it; since its
 * tasks come in ascending order, that is the first among its own.
 */
#include "sim/explore_parts.h"

#include "gen/trace.h"

#include <stdlib.h>
#include <string.h>

/* After how many schedules of a long task it says how far it has come. */
#define SCHEDULES_PER_WORD 32u

/* --- the run with no deviation ------------------------------------------------------------ */

struct hints {
    struct question {
        struct choice_name name;
        uint64_t hint;
    } *asked;
    size_t count, capacity;
};

static uint32_t decide_nothing(void *context, const struct choice_name *name, uint32_t n,
                               uint64_t hint)
{
    struct hints *h = context;
    (void)n;
    if (h->count == h->capacity) {
        h->capacity = h->capacity ? 2 * h->capacity : 1024;
        h->asked = realloc(h->asked, h->capacity * sizeof *h->asked);
        ensure(h->asked != NULL);
    }
    h->asked[h->count++] = (struct question){*name, hint};
    return 0;
}

static void set_decide(struct run *r, choice_decide *decide, void *context)
{
    struct chooser *c = &run_machine(r)->chooser;
    c->policy = CHOICE_DECIDE;
    c->decide = decide;
    c->decide_context = context;
}

/* A question behind an access to a shared granule. Those past the maximum are left out. */
static void count_granule(struct strategy_profile *profile, uint64_t hint)
{
    if (hint >= VISIBLE_SPECIAL || !shared_is_branch(profile->shared, hint & ~VISIBLE_STORE))
        return;
    uint64_t address = align_down(hint & ~VISIBLE_STORE, SHARED_GRANULE_BYTES);
    uint32_t i = 0;
    while (i < profile->granule_count && profile->granule[i].address != address)
        i++;
    if (i == STRATEGY_GRANULE_MAX)
        return;
    if (i == profile->granule_count)
        profile->granule[profile->granule_count++].address = address;
    profile->granule[i].accesses++;
}

void worker_profile(struct run *r, struct shared *shared, struct strategy_profile *profile,
                    struct run_verdict *verdict)
{
    struct machine *m = run_machine(r);
    struct hints hints = {0};
    set_decide(r, decide_nothing, &hints);
    events_attach(&m->events, shared_sink, shared, shared_sink_mask());
    run_execute(r, verdict);
    events_detach(&m->events, shared_sink, shared);
    shared_freeze(shared);
    *profile = (struct strategy_profile){.questions = hints.count, .shared = shared};
    for (size_t i = 0; i < hints.count; i++) {
        const struct question *q = &hints.asked[i];
        profile->branches += strategy_is_branch(shared, &q->name, q->hint);
        count_granule(profile, q->hint);
    }
    free(hints.asked);
}

/* --- reports ------------------------------------------------------------------------------ */

static bool is_new_class(struct worker *w, const char *class)
{
    for (unsigned i = 0; i < w->seen_count; i++) {
        if (strcmp(w->seen[i], class) == 0)
            return false;
    }
    if (w->seen_count == EXPLORE_FINDING_MAX)
        return false;
    memcpy(w->seen[w->seen_count++], class, RUN_CLASS_MAX);
    return true;
}

bool worker_tell(struct worker *w, const struct run_verdict *verdict)
{
    const struct chooser *chooser = &run_machine(w->run)->chooser;
    char class[RUN_CLASS_MAX] = {0};
    run_class(verdict, class);
    if (verdict->result == RUN_INTERRUPTED)
        return false;
    w->task.insns += verdict->insns - run_start_insns(w->run);
    if (strcmp(class, "unfair") == 0) {
        w->task.unfair++;
    } else if (strcmp(class, "clean") != 0 && is_new_class(w, class)) {
        struct report finding = w->task;
        finding.kind = REPORT_FINDING;
        finding.count = (uint32_t)chooser->record_count;
        if (!w->sink(w->sink_context, &finding, verdict, chooser->record))
            return false;
    }
    w->task.index++;
    if (w->task.index % SCHEDULES_PER_WORD != 0)
        return true;
    struct report word = w->task;
    word.kind = REPORT_SCHEDULES;
    return w->sink(w->sink_context, &word, NULL, NULL);
}

static bool tell_end(struct worker *w)
{
    const struct shared *s = w->shared;
    struct report end = {.kind = REPORT_END};
    struct granule_report *granules = NULL;
    if (w->pass->kind == PASS_SYSTEMATIC) {
        for (size_t i = 0; i < s->granules; i++)
            end.count += s->touched[i] != 0;
        granules = calloc(end.count + 1, sizeof *granules);
        ensure(granules != NULL);
        size_t at = 0;
        for (size_t i = 0; i < s->granules; i++) {
            if (s->touched[i] != 0)
                granules[at++] = (struct granule_report){.granule = (uint32_t)i,
                                                         .touched = s->touched[i],
                                                         .written = s->written[i]};
        }
    }
    bool go_on = w->sink(w->sink_context, &end, NULL, granules);
    free(granules);
    return go_on;
}

/* --- tasks -------------------------------------------------------------------------------- */

static bool task_random(struct worker *w, uint64_t schedule)
{
    struct strategy_random strategy;
    struct run_verdict verdict;
    strategy_random_begin(&strategy, w->pass->seed, schedule, w->pass->profile);
    set_decide(w->run, strategy_random_decide, &strategy);
    run_execute(w->run, &verdict);
    return worker_tell(w, &verdict);
}

static bool task_pct(struct worker *w, uint64_t schedule)
{
    struct strategy_pct strategy;
    struct run_verdict verdict;
    strategy_pct_begin(&strategy, w->pass->seed, schedule, w->pass->profile,
                       run_setup_of(w->run)->config.pe_count);
    set_decide(w->run, strategy_pct_decide, &strategy);
    run_execute(w->run, &verdict);
    return worker_tell(w, &verdict);
}

static bool task_conflict(struct worker *w, uint64_t schedule)
{
    struct strategy_conflict strategy;
    struct run_verdict verdict;
    strategy_conflict_begin(&strategy, w->pass->seed, schedule, w->pass->profile);
    set_decide(w->run, strategy_conflict_decide, &strategy);
    run_execute(w->run, &verdict);
    return worker_tell(w, &verdict);
}

static bool task_mixed(struct worker *w, uint64_t task, uint64_t schedule)
{
    switch (task % 3) {
    case 0:
        return task_pct(w, schedule);
    case 1:
        return task_random(w, schedule);
    }
    return task_conflict(w, schedule);
}

static bool task_do(struct worker *w, uint64_t task)
{
    uint64_t schedule = w->pass->first + task;
    switch (w->pass->kind) {
    case PASS_RANDOM:
        return task_random(w, schedule);
    case PASS_PCT:
        return task_pct(w, schedule);
    case PASS_CONFLICT:
        return task_conflict(w, schedule);
    case PASS_MIXED:
        return task_mixed(w, task, schedule);
    case PASS_SYSTEMATIC:
        return systematic_task(w, task);
    }
    bug("pass kind %d", (int)w->pass->kind);
}

void worker_do(struct run *r, struct shared *shared, const struct pass *pass, unsigned number,
               unsigned jobs, report_sink *sink, void *context)
{
    struct worker *w = calloc(1, sizeof *w);
    ensure(w != NULL);
    *w = (struct worker){.run = r, .shared = shared, .pass = pass, .sink = sink,
                         .sink_context = context};
    if (pass->kind == PASS_SYSTEMATIC)
        systematic_begin(w);
    bool go_on = true;
    for (uint64_t task = number; go_on && task < pass->task_count; task += jobs) {
        w->task = (struct report){.kind = REPORT_TASK, .task = task};
        go_on = task_do(w, task) && sink(context, &w->task, NULL, NULL);
    }
    if (go_on)
        tell_end(w);
    if (pass->kind == PASS_SYSTEMATIC)
        systematic_end(w);
    free(w);
}
