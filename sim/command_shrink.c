/*
 * `armillary shrink`: makes a trace's choices as few and as small as they get with the same
 * finding, and writes the smaller trace beside it. What is tried, and in which order, is
 * shrink.c's.
 */
#include "sim/command.h"
#include "sim/progress.h"
#include "sim/replay.h"
#include "sim/shrink.h"
#include "sim/signals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 512u

enum { SHRINK_OUT = OPTION_FIRST, SHRINK_RUNS, SHRINK_ENGINE };

static const struct option options[] = {
    OPTION("out", SHRINK_OUT), OPTION("runs", SHRINK_RUNS), OPTION("engine", SHRINK_ENGINE), {0},
};

static void show(void *context, uint64_t runs, size_t choices)
{
    char note[64];
    snprintf(note, sizeof note, "%zu choices", choices);
    progress_show(context, runs, 0, note);
}

/* The shrunk choices as a trace that is otherwise like the old one. */
static bool write_shrunk(const struct trace *old, struct run *r, const struct shrink_result *shrunk,
                         const char *path, struct run_verdict *verdict, struct error *error)
{
    struct trace trace = {0};
    memcpy(trace.title, old->title, sizeof trace.title);
    memcpy(trace.scenario, old->scenario, sizeof trace.scenario);
    memcpy(trace.variant, old->variant, sizeof trace.variant);
    memcpy(trace.image_name, old->image_name, sizeof trace.image_name);
    bool good = trace_record(r, shrunk->records, shrunk->record_count, old->hash_interval, &trace,
                             error);
    if (good) {
        trace_copy_payload(&trace, old);
        good = trace_write(&trace, path, error);
    }
    *verdict = trace.verdict;
    trace_free(&trace);
    return good;
}

/*
 * Whether something can become less. A verdict that nobody found, or that somebody from outside
 * made, is no finding; where choices are none, every run would be the same one.
 */
static bool may_shrink(const struct trace *trace, const char *path, struct error *error)
{
    static const char *const others[] = {"clean", "unfair", "diverged", "interrupted"};
    char class[RUN_CLASS_MAX];
    run_class(&trace->verdict, class);
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        if (strcmp(class, others[i]) == 0)
            return error_set(error, "%s: its verdict is %s, and no finding to shrink", path, class);
    }
    return trace->record_count != 0 ||
           error_set(error, "%s: it has no choices that could be taken away", path);
}

static enum status shrink_trace(const struct command *command, const struct trace *trace,
                                const char *out, const struct replay_options *how,
                                uint64_t runs_max)
{
    struct replay replay;
    struct shrink_result result;
    struct run_verdict verdict;
    struct progress bar;
    struct error error;
    char class[RUN_CLASS_MAX];
    run_class(&trace->verdict, class);
    if (!replay_open(&replay, trace, how, &error))
        return run_is_interrupted() ? STATUS_INTERRUPTED : usage_error(command, "%s", error.text);
    progress_begin(&bar, "shrinking");
    struct shrink_options o = {.runs_max = runs_max, .progress = show, .progress_context = &bar};
    bool good = shrink_run(replay.run, trace->records, trace->record_count, class, &o, &result,
                           &error);
    progress_end(&bar);
    enum status status = STATUS_OTHER;
    if (!good) {
        fprintf(stderr, "armillary shrink: %s\n", error.text);
        if (run_is_interrupted())
            status = STATUS_INTERRUPTED;
    } else if (!write_shrunk(trace, replay.run, &result, out, &verdict, &error)) {
        status = usage_error(command, "%s", error.text);
    } else {
        printf("shrunk: class=%s choices=%zu shrunk=%zu runs=%" PRIu64 " complete=%s trace=%s\n",
               class, trace->record_count, result.record_count, result.runs,
               result.complete ? "yes" : "no", out);
        summary_print(&verdict, "%s", "");
        status = result.interrupted ? STATUS_INTERRUPTED : STATUS_EXPECTED;
    }
    if (good)
        free(result.records);
    else
        summary_print(&result.verdict, "%s", "");
    replay_close(&replay);
    return status;
}

static enum status run(const struct command *command, int argc, char **argv)
{
    const char *out = NULL;
    struct replay_options how = {.engine = ENGINE_KIND_FAST};
    uint64_t runs_max = 0;
    int option;
    while ((option = option_next(command, argc, argv)) >= OPTION_FIRST) {
        if (option == SHRINK_OUT)
            out = optarg;
        else if (option == SHRINK_ENGINE ? !option_engine(command, &how.engine)
                                         : !option_number(command, "--runs", 2, UINT64_MAX,
                                                          &runs_max))
            return STATUS_USAGE;
    }
    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_EXPECTED : STATUS_USAGE;
    const char *path = one_operand(command, argc, argv, "FILE.trace");
    if (!path)
        return STATUS_USAGE;
    char beside[PATH_BYTES];
    size_t length = strlen(path);
    if (length + 16 > sizeof beside)
        return usage_error(command, "%.80s...: the path is too long", path);
    if (length > 6 && strcmp(path + length - 6, ".trace") == 0)
        length -= 6;
    snprintf(beside, sizeof beside, "%.*s.min.trace", (int)length, path);
    struct trace trace;
    struct error error;
    if (!trace_may_write(out ? out : beside, &error))
        return usage_error(command, "%s%s", out ? "--out: " : "", error.text);
    if (!trace_open(&trace, path, NULL, &error))
        return usage_error(command, "%s", error.text);
    enum status status = STATUS_USAGE;
    out = out ? out : beside;
    if (trace_may_write(out, &error) && may_shrink(&trace, path, &error)) {
        signals_catch(false);
        status = shrink_trace(command, &trace, out, &how, runs_max);
    } else {
        usage_error(command, "%s", error.text);
    }
    trace_free(&trace);
    return status;
}

const struct command command_shrink = {
    .name = "shrink",
    .synopsis = "FILE.trace [OPTIONS]",
    .sentence = "takes away every choice that the finding does not need",
    .options = "  --out FILE        where the shrunk trace goes (FILE.min.trace)\n"
               "  --runs N          at most so many runs, first and last included (no limit)\n"
               "  --engine precise|fast     (fast)\n",
    .table = options,
    .run = run,
};
