/*
 * The search as a whole: which passes a strategy has, and the collecting of what workers report.
 *
 * Reports come in any order across workers. A task counts only when all tasks before it have
 * ended; then its findings get their schedule numbers, and whether the search stops there or has
 * used up its budget is decided. So the outcome does not depend on the number of jobs.
 */
#include "sim/explore_parts.h"

#include "sim/progress.h"

#include <stdlib.h>
#include <string.h>

struct pending {
    uint64_t task, index, unfair, insns;
    struct run_verdict verdict;
    struct choice_record *records;
    size_t record_count;
};

struct task_end {
    uint64_t schedules, unfair, insns;
    bool known;
};

struct collector {
    const struct explore_options *options;
    struct explore_result *result;
    struct shared *shared;
    struct run *run;
    uint64_t limit;       /* number of the schedule at which the pass is cut */
    uint64_t told;        /* schedules reported, for progress */
    const struct pass *pass;
    struct task_end *tasks;
    uint64_t next_task;
    struct pending *pending;
    size_t pending_count, pending_capacity;
    bool stopped; /* a finding that ends the search */
    bool cut;     /* the limit was reached */
};

const struct explore_finding *explore_find(const struct explore_result *result, const char *class)
{
    for (size_t i = 0; i < result->finding_count; i++) {
        if (strcmp(result->finding[i].class, class) == 0)
            return &result->finding[i];
    }
    return NULL;
}

void explore_result_free(struct explore_result *result)
{
    for (size_t i = 0; i < result->finding_count; i++)
        free(result->finding[i].records);
    result->finding_count = 0;
}

void outcome_add(struct explore_result *r, const struct outcome *o)
{
    size_t i = 0;
    while (i < r->outcome_count && memcmp(r->outcome[i].value, o->value, sizeof o->value) != 0)
        i++;
    if (i == OUTCOME_MAX) {
        r->outcomes_lost = true;
        return;
    }
    if (i == r->outcome_count)
        r->outcome[r->outcome_count++] = *o;
    else
        r->outcome[i].ends += o->ends;
}

void explore_result_add(struct explore_result *into, struct explore_result *from)
{
    for (size_t i = 0; i < from->finding_count; i++) {
        struct explore_finding *f = &from->finding[i];
        if (explore_find(into, f->class) || into->finding_count == EXPLORE_FINDING_MAX)
            continue;
        struct explore_finding *g = &into->finding[into->finding_count++];
        *g = *f;
        g->schedule += into->schedules;
        f->records = NULL;
    }
    into->schedules += from->schedules;
    into->unfair += from->unfair;
    into->insns += from->insns;
    into->branches += from->branches;
    into->granules += from->granules;
    into->last_search += from->last_search;
    into->states += from->states;
    into->segments += from->segments;
    into->outcomes_lost = into->outcomes_lost || from->outcomes_lost;
    for (size_t i = 0; i < from->outcome_count; i++)
        outcome_add(into, &from->outcome[i]);
    into->exhausted = into->exhausted && from->exhausted;
    into->interrupted = into->interrupted || from->interrupted;
    into->seconds += from->seconds;
    explore_result_free(from);
}

static bool ends_search(const struct explore_options *o, const char *class)
{
    if (o->keep_going)
        return false;
    for (size_t i = 0; i < o->stop_count; i++) {
        if (strcmp(o->stop[i], class) == 0)
            return true;
    }
    return o->stop_count == 0;
}

static void keep_finding(struct explore_result *result, struct pending *p, const char *class,
                         uint64_t schedule)
{
    if (explore_find(result, class) || result->finding_count == EXPLORE_FINDING_MAX)
        return;
    struct explore_finding *f = &result->finding[result->finding_count++];
    *f = (struct explore_finding){.schedule = schedule, .verdict = p->verdict,
                                  .records = p->records, .record_count = p->record_count};
    memcpy(f->class, class, sizeof f->class);
    p->records = NULL;
}

/* The pending finding of a task with the lowest index, or NULL. */
static struct pending *first_pending(struct collector *c, uint64_t task)
{
    struct pending *first = NULL;
    for (size_t i = 0; i < c->pending_count; i++) {
        struct pending *p = &c->pending[i];
        if (p->task == task && p->records && (!first || p->index < first->index))
            first = p;
    }
    return first;
}

/* Counts a task whose turn it is. */
static void count_task(struct collector *c, uint64_t task)
{
    struct explore_result *result = c->result;
    const struct task_end *end = &c->tasks[task];
    struct pending *p;
    while ((p = first_pending(c, task)) != NULL) {
        char class[RUN_CLASS_MAX] = {0};
        uint64_t schedule = result->schedules + p->index;
        if (schedule >= c->limit)
            break;
        run_class(&p->verdict, class);
        keep_finding(result, p, class, schedule);
        free(p->records);
        p->records = NULL;
        if (ends_search(c->options, class)) {
            c->stopped = true;
            result->schedules = schedule + 1;
            result->unfair += p->unfair;
            result->insns += p->insns;
            return;
        }
    }
    result->schedules += end->schedules;
    result->unfair += end->unfair;
    result->insns += end->insns;
    if (result->schedules >= c->limit) {
        c->cut = result->schedules > c->limit || task + 1 < c->pass->task_count;
        result->schedules = c->limit;
    }
}

static void keep_pending(struct collector *c, const struct report *report,
                         const struct run_verdict *verdict, const void *tail)
{
    if (c->pending_count == c->pending_capacity) {
        c->pending_capacity = c->pending_capacity ? 2 * c->pending_capacity : 16;
        c->pending = realloc(c->pending, c->pending_capacity * sizeof *c->pending);
        ensure(c->pending != NULL);
    }
    struct pending *p = &c->pending[c->pending_count++];
    *p = (struct pending){.task = report->task, .index = report->index, .unfair = report->unfair,
                          .insns = report->insns, .verdict = *verdict,
                          .record_count = report->count};
    p->records = malloc((report->count + 1) * sizeof *p->records);
    ensure(p->records != NULL);
    if (report->count > 0)
        memcpy(p->records, tail, report->count * sizeof *p->records);
}

static void take_granules(struct shared *shared, const struct granule_report *g, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ensure(g[i].granule < shared->granules);
        shared->touched[g[i].granule] |= g[i].touched;
        shared->written[g[i].granule] |= g[i].written;
    }
}

static void tell_progress(struct collector *c)
{
    if (c->options->progress)
        c->options->progress(c->options->progress_context, c->told, c->options->schedules,
                             c->result->finding_count);
}

static bool collect(void *context, const struct report *report, const struct run_verdict *verdict,
                    const void *tail)
{
    struct collector *c = context;
    switch ((enum report_kind)report->kind) {
    case REPORT_SCHEDULES:
        tell_progress(c);
        break;
    case REPORT_FINDING:
        keep_pending(c, report, verdict, tail);
        break;
    case REPORT_TASK:
        c->tasks[report->task] = (struct task_end){report->index, report->unfair, report->insns,
                                                   true};
        c->told += report->index;
        while (c->next_task < c->pass->task_count && c->tasks[c->next_task].known && !c->stopped &&
               !c->cut)
            count_task(c, c->next_task++);
        tell_progress(c);
        break;
    case REPORT_END:
        take_granules(c->shared, tail, report->count);
        break;
    }
    return !c->stopped && !c->cut && !run_is_interrupted();
}

/* Interrupted: findings whose turn has not come are kept all the same. */
static void keep_all_pending(struct collector *c)
{
    for (size_t i = 0; i < c->pending_count; i++) {
        char class[RUN_CLASS_MAX] = {0};
        run_class(&c->pending[i].verdict, class);
        if (c->pending[i].records)
            keep_finding(c->result, &c->pending[i], class, c->result->schedules);
    }
}

/* Runs one pass. True if all of it was done and the search goes on. */
static bool pass_do(struct collector *c, struct pass *pass, uint64_t limit)
{
    if (c->result->schedules >= limit)
        return false;
    pass->first = c->result->schedules;
    pass->seed = c->options->seed;
    c->pass = pass;
    c->limit = limit;
    c->cut = false;
    c->next_task = 0;
    c->pending_count = 0;
    c->told = c->result->schedules;
    c->tasks = calloc((size_t)pass->task_count + 1, sizeof *c->tasks);
    ensure(c->tasks != NULL);
    unsigned jobs = c->options->jobs;
    if (jobs > pass->task_count)
        jobs = pass->task_count ? (unsigned)pass->task_count : 1;
    jobs_do(c->run, c->shared, pass, jobs, collect, c);
    if (run_is_interrupted()) {
        c->result->interrupted = true;
        keep_all_pending(c);
    }
    for (size_t i = 0; i < c->pending_count; i++)
        free(c->pending[i].records);
    free(c->tasks);
    return !c->stopped && !c->cut && !c->result->interrupted;
}

static bool pass_systematic(struct collector *c, const struct strategy_profile *profile,
                            unsigned depth, uint64_t limit)
{
    struct pass pass = {.kind = PASS_SYSTEMATIC, .depth = depth, .profile = profile,
                        .task_count = depth == 0 ? 1 : profile->branches};
    return pass_do(c, &pass, limit);
}

static void profile_again(struct collector *c, struct strategy_profile *profile)
{
    struct run_verdict verdict;
    worker_profile(c->run, c->shared, profile, &verdict);
    c->result->branches = profile->branches;
    c->result->granules = c->shared->branch_count;
}

/*
 * Depth by depth; when a pass has found granules to be shared that were not known to be, the
 * search begins again with them, until nothing is new. Only then is it exhaustive.
 */
static void search_systematic(struct collector *c, struct strategy_profile *profile,
                              uint64_t limit)
{
    uint64_t begun = 0;
    for (unsigned depth = 0; depth <= c->options->depth;) {
        if (depth == 0)
            begun = c->result->schedules;
        if (!pass_systematic(c, profile, depth, limit))
            return;
        if (shared_freeze(c->shared)) {
            profile_again(c, profile);
            depth = 0;
        } else {
            depth++;
        }
    }
    c->result->last_search = c->result->schedules - begun;
    c->result->exhausted = true;
}

static void search(struct collector *c, struct strategy_profile *profile)
{
    const struct explore_options *o = c->options;
    uint64_t limit = o->schedules ? o->schedules : UINT64_MAX;
    struct pass pass = {.profile = profile};
    switch (o->strategy) {
    case STRATEGY_RANDOM:
        pass.kind = PASS_RANDOM;
        break;
    case STRATEGY_PCT:
        pass.kind = PASS_PCT;
        break;
    case STRATEGY_CONFLICT:
        pass.kind = PASS_CONFLICT;
        break;
    case STRATEGY_SYSTEMATIC:
        search_systematic(c, profile, limit);
        return;
    case STRATEGY_COMPLETE: /* explore_complete.c */
    case STRATEGY_PORTFOLIO:
    case STRATEGY_COUNT:
        pass.kind = PASS_MIXED;
        break;
    }
    ensure(o->schedules != 0);
    if (!pass_systematic(c, profile, 0, limit))
        return;
    if (pass.kind == PASS_MIXED)
        pass_systematic(c, profile, 1, limit / 4);
    if (c->stopped || c->result->interrupted || c->result->schedules >= limit)
        return;
    pass.task_count = limit - c->result->schedules;
    pass_do(c, &pass, limit);
}

void explore_run(struct run *r, const struct explore_options *options,
                 struct explore_result *result)
{
    if (options->strategy == STRATEGY_COMPLETE) {
        complete_run(r, options, result);
        return;
    }
    double start = progress_seconds();
    const struct machine_config *config = &run_setup_of(r)->config;
    struct shared shared;
    struct strategy_profile profile;
    struct collector c = {.options = options, .result = result, .shared = &shared, .run = r};
    ensure(options->depth <= STRATEGY_DEPTH_MAX);
    memset(result, 0, sizeof *result);
    shared_init(&shared, MAP_RAM, config->ram_bytes);
    profile_again(&c, &profile);
    if (run_is_interrupted())
        result->interrupted = true;
    else
        search(&c, &profile);
    free(c.pending);
    shared_free(&shared);
    result->seconds = progress_seconds() - start;
}
