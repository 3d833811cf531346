/*
 * Delta debugging over the records: take away chunks, halving their size, as long as the class of
 * the verdict stays; then lower each answer; then try again to take away, until nothing changes.
 *
 * Each trial is a lenient replay: records whose question does not come up any more are dropped,
 * and the records that were used are taken over, so that the set also shrinks by what no longer
 * applies.
 */
#include "sim/shrink.h"

#include <stdlib.h>
#include <string.h>

struct shrinker {
    struct run *run;
    const char *class;
    const struct shrink_options *options;
    struct choice_record *best, *trial;
    size_t best_count;
    uint8_t *used;
    uint64_t runs;
    bool out_of_runs;
    struct run_verdict verdict; /* of best */
    struct run_verdict last;    /* of the last run */
};

static void replay(struct shrinker *s, enum choice_policy policy,
                   const struct choice_record *records, size_t count, struct run_verdict *verdict)
{
    struct chooser *c = &run_machine(s->run)->chooser;
    c->policy = policy;
    c->script = records;
    c->script_count = count;
    c->script_used = s->used;
    run_execute(s->run, verdict);
    s->runs++;
    if (s->options && s->options->progress)
        s->options->progress(s->options->progress_context, s->runs, s->best_count);
}

/* Runs trial[0..count); takes it over when the class is the same. */
static bool try_trial(struct shrinker *s, size_t count)
{
    char class[RUN_CLASS_MAX];
    uint64_t most = s->options ? s->options->runs_max : 0;
    /* The first is always made, and the last verifies. */
    if (run_is_interrupted() || (most != 0 && s->runs != 0 && s->runs + 1 >= most)) {
        s->out_of_runs = true;
        return false;
    }
    replay(s, CHOICE_LENIENT, s->trial, count, &s->last);
    run_class(&s->last, class);
    if (strcmp(class, s->class) != 0)
        return false;
    const struct chooser *c = &run_machine(s->run)->chooser;
    ensure(c->record_count <= count); /* lenient replay only drops */
    if (c->record_count > 0) /* else there may be no array */
        memcpy(s->best, c->record, c->record_count * sizeof *s->best);
    s->best_count = c->record_count;
    choice_records_sort(s->best, s->best_count);
    s->verdict = s->last;
    return true;
}

/* Makes trial from best without [from, from + length). */
static size_t leave_out(struct shrinker *s, size_t from, size_t length)
{
    memcpy(s->trial, s->best, from * sizeof *s->best);
    memcpy(s->trial + from, s->best + from + length,
           (s->best_count - from - length) * sizeof *s->best);
    return s->best_count - length;
}

static bool drop_some(struct shrinker *s)
{
    bool changed = false;
    for (size_t chunk = s->best_count; chunk > 0; chunk /= 2) {
        for (size_t from = 0; from < s->best_count && !s->out_of_runs;) {
            size_t length = s->best_count - from < chunk ? s->best_count - from : chunk;
            if (try_trial(s, leave_out(s, from, length)))
                changed = true; /* what stood behind has moved to from, or further down */
            else
                from += length;
        }
    }
    return changed;
}

static bool lower_some(struct shrinker *s)
{
    bool changed = false;
    for (size_t i = 0; i < s->best_count && !s->out_of_runs; i++) {
        if (choice_rows[s->best[i].name.kind].ordinal == CHOICE_ORDINAL_MOMENT)
            continue; /* a smaller key is no simpler one */
        for (uint32_t answer = 1; i < s->best_count && answer < s->best[i].answer; answer++) {
            memcpy(s->trial, s->best, s->best_count * sizeof *s->best);
            s->trial[i].answer = answer;
            if (try_trial(s, s->best_count)) {
                changed = true;
                break;
            }
        }
    }
    return changed;
}

/* Two at a time, for pairs that only cancel out together. */
static bool drop_pairs(struct shrinker *s)
{
    for (size_t i = 0; i < s->best_count; i++) {
        for (size_t j = i + 1; j < s->best_count && !s->out_of_runs; j++) {
            size_t count = 0;
            for (size_t k = 0; k < s->best_count; k++) {
                if (k != i && k != j)
                    s->trial[count++] = s->best[k];
            }
            if (try_trial(s, count))
                return true;
        }
    }
    return false;
}

static bool start_is_good(struct shrinker *s, const struct choice_record *records, size_t count,
                          struct error *error)
{
    char class[RUN_CLASS_MAX];
    memcpy(s->trial, records, count * sizeof *records);
    choice_records_sort(s->trial, count);
    s->best_count = count;
    if (try_trial(s, count))
        return true;
    s->verdict = s->last;
    if (run_is_interrupted()) {
        s->verdict.result = RUN_INTERRUPTED;
        return error_set(error, "interrupted");
    }
    run_class(&s->last, class);
    return error_set(error, "the choices lead to %s, not to %s", class, s->class);
}

/* The result must be the same run when replayed strictly. */
static bool verify(struct shrinker *s, struct error *error)
{
    struct run_verdict strict;
    char class[RUN_CLASS_MAX];
    replay(s, CHOICE_STRICT, s->best, s->best_count, &strict);
    run_class(&strict, class);
    if (strict.result == RUN_INTERRUPTED)
        return error_set(error, "interrupted");
    if (strict.hash != s->verdict.hash || strcmp(class, s->class) != 0)
        return error_set(error, "the shrunk run does not replay: %s with hash %016llx, not %s "
                         "with %016llx", class, (unsigned long long)strict.hash, s->class,
                         (unsigned long long)s->verdict.hash);
    return true;
}

bool shrink_run(struct run *r, const struct choice_record *records, size_t count,
                const char *class, const struct shrink_options *options,
                struct shrink_result *result, struct error *error)
{
    struct shrinker s = {.run = r, .class = class, .options = options};
    s.best = calloc(count + 1, sizeof *s.best);
    s.trial = calloc(count + 1, sizeof *s.trial);
    s.used = calloc(count + 1, 1);
    ensure(s.best != NULL && s.trial != NULL && s.used != NULL);
    memset(result, 0, sizeof *result);
    bool good = start_is_good(&s, records, count, error);
    if (good) {
        do {
            while (drop_some(&s))
                ;
        } while (lower_some(&s) || drop_pairs(&s));
        /* Interrupted: what has been reached until now is kept. */
        result->interrupted = run_is_interrupted();
        run_interrupt_clear();
        good = verify(&s, error);
    }
    struct chooser *c = &run_machine(r)->chooser;
    c->policy = CHOICE_DEFAULT;
    c->script = NULL;
    c->script_count = 0;
    c->script_used = NULL;
    result->runs = s.runs;
    result->complete = !s.out_of_runs;
    result->verdict = s.verdict;
    if (good) {
        result->records = s.best;
        result->record_count = s.best_count;
    } else {
        free(s.best);
    }
    free(s.trial);
    free(s.used);
    return good;
}
