/*
 * Replay, and the report of where it went another way.
 *
 * When checkers are given, a finding may come earlier, later or not at all; then the run goes to
 * the recorded last step and only states are compared. Checkers stop a run behind the step of
 * their finding, so that step is the recorded one.
 */
#include "sim/replay.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct watch {
    struct replay *replay;
    struct replay_result *result;
};

static void diverge(struct replay_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void diverge(struct replay_result *result, const char *format, ...)
{
    if (result->diverged)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(result->divergence, sizeof result->divergence, format, arguments);
    va_end(arguments);
    result->diverged = true;
}

bool replay_open(struct replay *replay, const struct trace *trace,
                 const struct replay_options *options, struct error *error)
{
    *replay = (struct replay){.trace = trace, .options = *options};
    struct run_setup setup = trace->setup;
    if (options->checks_given)
        setup.checks.mask = options->check_mask;
    setup.precise_start = options->engine == ENGINE_KIND_PRECISE;
    if (!image_open(&replay->image, trace->image_name, trace->image, trace->image_size,
                    pa_make(MAP_RAM), setup.config.ram_bytes, error))
        return false;
    const struct machine_payload payload = {
        .image = &replay->image,
        .initrd_name = "the trace's initrd",
        .initrd = trace->initrd,
        .initrd_size = trace->initrd_size,
        .tree_name = "the trace's device tree",
        .tree = trace->tree,
        .tree_size = trace->tree_size,
    };
    replay->run = run_boot(&setup, &payload, error);
    if (!replay->run) {
        image_close(&replay->image);
        return false;
    }
    run_machine(replay->run)->engine = options->engine;
    replay->used = calloc(trace->record_count + 1, 1);
    ensure(replay->used != NULL);
    return true;
}

void replay_close(struct replay *replay)
{
    run_free(replay->run);
    image_close(&replay->image);
    free(replay->used);
    replay->run = NULL;
    replay->used = NULL;
}

bool replay_is_strict(const struct replay *replay)
{
    return replay->trace->fingerprint == trace_fingerprint();
}

void replay_set_script(struct replay *replay)
{
    struct chooser *c = &run_machine(replay->run)->chooser;
    c->policy = replay_is_strict(replay) ? CHOICE_STRICT : CHOICE_LENIENT;
    c->script = replay->trace->records;
    c->script_count = replay->trace->record_count;
    c->script_used = replay->used;
}

/* Index of the recorded hash of a step, or hash_count. */
static size_t hash_of(const struct trace *trace, uint64_t step)
{
    size_t low = 0, high = trace->hash_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (trace->hashes[middle].step < step)
            low = middle + 1;
        else
            high = middle;
    }
    return low < trace->hash_count && trace->hashes[low].step == step ? low : trace->hash_count;
}

bool replay_hash_compare(const struct replay *replay, uint64_t step, uint64_t hash,
                         char text[REPLAY_DIVERGENCE_MAX])
{
    const struct trace *trace = replay->trace;
    size_t at = hash_of(trace, step);
    if (at == trace->hash_count || trace->hashes[at].hash == hash)
        return true;
    snprintf(text, REPLAY_DIVERGENCE_MAX,
             "the state at step %" PRIu64 " has hash %016" PRIx64 ", recorded was %016" PRIx64 "%s",
             step, hash, trace->hashes[at].hash,
             at == 0 ? "" : "; the one before was the same");
    return false;
}

static void compare_hash(struct watch *w, uint64_t step, uint64_t hash)
{
    char text[REPLAY_DIVERGENCE_MAX];
    w->result->hashes_compared +=
        hash_of(w->replay->trace, step) != w->replay->trace->hash_count;
    if (!replay_hash_compare(w->replay, step, hash, text))
        diverge(w->result, "%s", text);
}

static bool watch_step(void *context, struct machine *m)
{
    struct watch *w = context;
    const struct replay_options *o = &w->replay->options;
    if (o->progress)
        o->progress(o->progress_context, m->state->step, w->replay->trace->verdict.steps);
    if (w->result->strict) {
        compare_hash(w, m->state->step, machine_hash(m));
        const struct chooser *c = &m->chooser;
        return !w->result->diverged && !c->diverged;
    }
    return true;
}

static void name_text(const struct choice_name *name, char *text, size_t size)
{
    snprintf(text, size, "%s of %u at %" PRIu64,
             name->kind < CHOICE_KIND_COUNT ? choice_rows[name->kind].name : "?", name->object,
             name->ordinal);
}

void replay_question_text(const struct chooser *c, char text[REPLAY_DIVERGENCE_MAX])
{
    char name[128];
    name_text(&c->diverged_at.name, name, sizeof name);
    snprintf(text, REPLAY_DIVERGENCE_MAX, "the question %s has %u answers, recorded were %u", name,
             c->diverged_at.n, c->diverged_at.answer);
}

/* Divergence by questions: the recorded one and the one that came. */
static void compare_questions(struct watch *w, bool to_the_end)
{
    const struct chooser *c = &run_machine(w->replay->run)->chooser;
    char text[REPLAY_DIVERGENCE_MAX];
    if (c->diverged) {
        replay_question_text(c, text);
        diverge(w->result, "%s", text);
    }
    const struct choice_record *unasked = to_the_end ? chooser_unasked(c) : NULL;
    if (unasked) {
        name_text(&unasked->name, text, sizeof text);
        diverge(w->result, "the recorded question %s (answer %u of %u) never came", text,
                unasked->answer, unasked->n);
    }
}

static void compare_verdicts(struct replay *replay, struct replay_result *result)
{
    char recorded[RUN_CLASS_MAX], now[RUN_CLASS_MAX];
    run_class(&replay->trace->verdict, recorded);
    run_class(&result->verdict, now);
    result->verdict_compared = true;
    result->same_verdict = strcmp(recorded, now) == 0;
}

/* The end of a recording that was interrupted: the limit of steps there was none then. */
static void end_as_recorded(const struct replay *replay, struct run_verdict *v)
{
    const struct run_verdict *recorded = &replay->trace->verdict;
    if (recorded->result == RUN_INTERRUPTED && v->result == RUN_LIMIT &&
        (v->steps == recorded->steps || (v->idle && recorded->idle)))
        v->result = RUN_INTERRUPTED;
}

void replay_measure(const struct replay *replay, struct run_verdict *v)
{
    struct machine *m = run_machine(replay->run);
    memset(v, 0, sizeof *v);
    v->result = m->state->exit == EXIT_NONE       ? RUN_LIMIT
                : m->state->exit == EXIT_SEMIHOST ? RUN_EXIT
                                                  : RUN_OFF;
    if (m->unmodelled)
        v->result = RUN_UNMODELLED;
    v->exit_status = m->state->exit_status;
    v->insns = machine_insns(m);
    v->cycles = machine_cycles(m);
    v->steps = m->state->step;
    v->hash = machine_hash(m);
    v->choices = (uint32_t)m->chooser.record_count;
    end_as_recorded(replay, v);
    const struct finding *finding = checks_finding(run_checks(replay->run));
    if (finding) {
        v->result = RUN_VIOLATION;
        v->finding = *finding;
    }
}

/* To a step and no further, comparing the hashes on the way. */
static void execute_to(struct replay *replay, struct watch *w, uint64_t step)
{
    struct machine *m = run_machine(replay->run);
    struct replay_result *result = w->result;
    uint64_t interval = replay->trace->hash_interval;
    enum machine_stop stop = MACHINE_LIMIT;
    run_rewind(replay->run);
    m->break_on = false;
    while (m->state->step < step && !result->diverged) {
        uint64_t next = (m->state->step / interval + 1) * interval;
        stop = run_advance(replay->run, next < step ? next : step);
        if (run_is_interrupted()) {
            replay_measure(replay, &result->verdict);
            result->verdict.result = RUN_INTERRUPTED;
            result->interrupted = true;
            return;
        }
        /* A checker that was not there when it was recorded may stop the run: it goes on. */
        if (stop != MACHINE_LIMIT && stop != MACHINE_REQUEST)
            break;
        if (m->state->step == next)
            watch_step(w, m);
    }
    replay_measure(replay, &result->verdict);
}

void replay_execute(struct replay *replay, struct replay_result *result)
{
    const struct trace *trace = replay->trace;
    const struct replay_options *o = &replay->options;
    struct machine *m = run_machine(replay->run);
    struct watch w = {.replay = replay, .result = result};
    memset(result, 0, sizeof *result);
    result->strict = replay_is_strict(replay);
    replay_set_script(replay);
    if (o->sink)
        events_attach(&m->events, o->sink, o->sink_context, o->sink_mask);
    bool to_the_end = !o->to_given || o->to_step >= trace->verdict.steps;
    const struct run_watcher watcher = {trace->hash_interval, watch_step, &w};
    bool by_step = o->checks_given || o->to_given;
    if (by_step)
        execute_to(replay, &w, to_the_end ? trace->verdict.steps : o->to_step);
    else
        run_execute_watched(replay->run, &result->verdict, &watcher, 1);
    if (!by_step)
        result->interrupted = result->verdict.result == RUN_INTERRUPTED;
    if (o->sink)
        events_detach(&m->events, o->sink, o->sink_context);
    if (result->interrupted)
        return;
    end_as_recorded(replay, &result->verdict);
    if (result->strict) {
        compare_questions(&w, to_the_end && !result->diverged);
        if (to_the_end && !result->diverged && result->verdict.steps != trace->verdict.steps)
            diverge(result, "the run ended at step %" PRIu64 ", recorded was %" PRIu64,
                    result->verdict.steps, trace->verdict.steps);
        compare_hash(&w, result->verdict.steps, result->verdict.hash);
        if (result->diverged)
            result->verdict.result = RUN_DIVERGED;
    }
    if (to_the_end && !by_step && !result->diverged)
        compare_verdicts(replay, result);
}
