/*
 * `armillary replay`: executes a trace again, compares, and tells its story; or walks in it.
 *
 * Here are the options and the statuses. Executing and comparing is replay.c's; what the story is
 * made of is story.c's, and its table story_print.c's.
 */
#include "sim/command_steps.h"
#include "sim/progress.h"
#include "sim/signals.h"
#include "sim/story.h"

#include "gen/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    REPLAY_TO = OPTION_FIRST, REPLAY_ENGINE, REPLAY_TRACE, REPLAY_CHECK, REPLAY_NO_STORY,
    REPLAY_PAYLOAD_DIR, REPLAY_SYMBOLS, REPLAY_STEPS, REPLAY_SNAPSHOTS, REPLAY_STORY,
};

static const struct option options[] = {
    OPTION("to", REPLAY_TO), OPTION("engine", REPLAY_ENGINE), OPTION("trace", REPLAY_TRACE),
    OPTION("check", REPLAY_CHECK), OPTION_FLAG("no-story", REPLAY_NO_STORY),
    OPTION("payload-dir", REPLAY_PAYLOAD_DIR), OPTION("symbols", REPLAY_SYMBOLS),
    OPTION_FLAG("steps", REPLAY_STEPS), OPTION("snapshots", REPLAY_SNAPSHOTS),
    OPTION_FLAG("story", REPLAY_STORY), {0},
};

/* A longer run is told only if somebody asks for it: each access is looked at, by the word. */
#define STORY_STEPS_MAX UINT64_C(20000000)

struct arguments {
    struct replay_options options;
    uint64_t trace_mask;
    bool no_story, story, steps;
    const char *payload_dir, *symbols;
    uint64_t snapshot_bytes;
};

static bool parse_kinds(const struct command *command, const char *list, uint64_t *mask)
{
    char name[32];
    while (config_next_name(&list, name, sizeof name)) {
        unsigned kind;
        if (strcmp(name, "all") == 0) {
            *mask = (UINT64_C(1) << EVENT_KIND_COUNT) - 1;
        } else if (event_kind_by_name(name, &kind)) {
            *mask |= UINT64_C(1) << kind;
        } else {
            usage_error(command, "--trace: %s is no kind of event", name);
            return false;
        }
    }
    return true;
}

/* --- what options need, and do not go with ------------------------------------------------ */

static bool is_walk(const void *arguments)
{
    return ((const struct arguments *)arguments)->steps;
}

static bool is_no_walk(const void *arguments)
{
    return !is_walk(arguments);
}

static bool may_tell_story(const void *arguments)
{
    const struct arguments *a = arguments;
    return !a->steps && a->trace_mask == 0 && !a->no_story;
}

static bool is_folder(const void *arguments)
{
    const struct arguments *a = arguments;
    struct stat there;
    return stat(a->payload_dir, &there) == 0 && S_ISDIR(there.st_mode);
}

static const struct option_need needs[] = {
    {REPLAY_SNAPSHOTS, "needs --steps", is_walk},
    {REPLAY_TRACE, "not with --steps", is_no_walk},
    {REPLAY_NO_STORY, "not with --steps", is_no_walk},
    {REPLAY_STORY, "not with --steps, --trace or --no-story", may_tell_story},
    {REPLAY_PAYLOAD_DIR, "there is no such folder", is_folder},
    {0},
};

static bool take_option(const struct command *command, int option, struct arguments *a)
{
    struct error error;
    switch (option) {
    case REPLAY_TO:
        a->options.to_given = true;
        return option_number(command, "--to", 0, UINT64_MAX, &a->options.to_step);
    case REPLAY_ENGINE:
        return option_engine(command, &a->options.engine);
    case REPLAY_TRACE:
        return parse_kinds(command, optarg, &a->trace_mask);
    case REPLAY_CHECK:
        a->options.checks_given = true;
        if (strcmp(optarg, "none") == 0) {
            a->options.check_mask = 0;
            return true;
        }
        if (check_parse_list(optarg, &a->options.check_mask, &error))
            return true;
        usage_error(command, "--check: %s", error.text);
        return false;
    case REPLAY_NO_STORY:
        a->no_story = true;
        return true;
    case REPLAY_STORY:
        a->story = true;
        return true;
    case REPLAY_STEPS:
        a->steps = true;
        return true;
    case REPLAY_SYMBOLS:
        a->symbols = optarg;
        return true;
    case REPLAY_SNAPSHOTS:
        if (config_parse_size(optarg, &a->snapshot_bytes))
            return true;
        usage_error(command, "--snapshots: %s is no size (like 512M)", optarg);
        return false;
    case REPLAY_PAYLOAD_DIR:
        a->payload_dir = optarg;
        return true;
    default:
        bug("option %d", option);
    }
}

static void print_event(void *context, const struct event *event)
{
    char text[EVENT_TEXT_MAX];
    (void)context;
    event_text_write(event, text, sizeof text);
    puts(text);
}

static enum status judge(const struct replay *replay, const struct replay_result *result)
{
    char recorded[RUN_CLASS_MAX], now[RUN_CLASS_MAX];
    if (result->interrupted)
        return STATUS_INTERRUPTED;
    if (result->diverged) {
        fprintf(stderr, "armillary replay: diverged: %s\n", result->divergence);
        return STATUS_DIVERGED;
    }
    run_class(&replay->trace->verdict, recorded);
    run_class(&result->verdict, now);
    if (result->verdict_compared && !result->same_verdict) {
        fprintf(stderr, "armillary replay: the verdict is %s, recorded was %s\n", now, recorded);
        return result->verdict.result == RUN_UNMODELLED ? STATUS_UNMODELLED : STATUS_OTHER;
    }
    return STATUS_EXPECTED;
}

static void show_progress(void *context, uint64_t step, uint64_t last)
{
    progress_show(context, step, last, "");
}

/* Tells the story, if that is asked for or if it is short; else the events, if they are. */
static struct story *listen(const struct arguments *a, const struct trace *trace,
                            struct replay_options *o)
{
    uint64_t end = o->to_given ? o->to_step : trace->verdict.steps;
    if (a->trace_mask != 0) {
        o->sink = print_event;
        o->sink_mask = a->trace_mask;
        return NULL;
    }
    if (a->no_story)
        return NULL;
    if (!a->story && end > STORY_STEPS_MAX && trace->verdict.steps > STORY_STEPS_MAX) {
        fprintf(stderr, "no story is told of so many steps (--story tells it)\n");
        return NULL;
    }
    struct story *story = story_new();
    o->sink = story_sink;
    o->sink_context = story;
    o->sink_mask = story_mask();
    return story;
}

static void print_summary(const struct replay *replay, const struct replay_result *result)
{
    char class[RUN_CLASS_MAX], recorded[RUN_CLASS_MAX];
    run_class(&result->verdict, class);
    run_class(&replay->trace->verdict, recorded);
    summary_print(&result->verdict,
                  " finding=%s recorded=%s replay=%s hashes=%" PRIu64 " verdict=%s", class,
                  recorded, result->strict ? "strict" : "lenient", result->hashes_compared,
                  !result->verdict_compared ? "not-compared"
                  : result->same_verdict    ? "same"
                                            : "another");
}

static enum status replay_trace(const struct command *command, const struct arguments *a,
                                const struct trace *trace, const struct symbols *symbols)
{
    struct replay replay;
    struct replay_result result;
    struct replay_options o = a->options;
    struct error error;
    struct progress bar;
    struct story *story = listen(a, trace, &o);
    progress_begin(&bar, "replaying");
    o.progress = show_progress;
    o.progress_context = &bar;
    if (!replay_open(&replay, trace, &o, &error)) {
        story_free(story);
        return run_is_interrupted() ? STATUS_INTERRUPTED : usage_error(command, "%s", error.text);
    }
    struct symbol_place place;
    if (symbols) {
        symbol_place_init(&place, symbols, &replay.image);
        replay.place = &place;
    }
    if (story)
        story_listen(story, &replay);
    replay_execute(&replay, &result);
    progress_end(&bar);
    const struct names names = {&replay.image, replay.place};
    if (story)
        story_print(story, &replay, &result, stdout);
    else if (result.verdict.result == RUN_VIOLATION) /* a story ends with it */
        finding_print(stdout, &result.verdict.finding, &names, run_machine(replay.run));
    if (o.to_given) {
        fflush(stdout);
        struct machine *m = run_machine(replay.run);
        fprintf(stderr, "at step %" PRIu64 ":\n", m->state->step);
        for (unsigned pe = 0; pe < m->config.pe_count; pe++)
            cpu_report(m, pe, &names);
    }
    enum status status = judge(&replay, &result);
    print_summary(&replay, &result);
    story_free(story);
    replay_close(&replay);
    return status;
}

/* With --steps: from the start, or from where --to says, by what standard input says. */
static enum status walk_trace(const struct command *command, const struct arguments *a,
                              const struct trace *trace, const struct symbols *symbols)
{
    struct session_options o = {.replay = a->options, .bytes_max = (size_t)a->snapshot_bytes};
    struct error error;
    struct run_verdict verdict;
    struct session *s = session_open(trace, &o, &error);
    if (!s)
        return run_is_interrupted() ? STATUS_INTERRUPTED : usage_error(command, "%s", error.text);
    struct replay *replay = session_replay(s);
    struct symbol_place place;
    const struct names names = {&replay->image, symbols ? &place : NULL};
    if (symbols)
        symbol_place_init(&place, symbols, &replay->image);
    enum status status = STATUS_EXPECTED;
    if (a->options.to_given && session_seek(s, a->options.to_step) == SESSION_DIVERGED) {
        fprintf(stderr, "armillary replay: diverged: %s\n", session_divergence(s));
        status = STATUS_DIVERGED;
    } else {
        status = steps_walk(s, &names);
    }
    replay_measure(replay, &verdict);
    if (status == STATUS_DIVERGED)
        verdict.result = RUN_DIVERGED;
    summary_print(&verdict, " step=%" PRIu64 " snapshots=%zu", session_step(s),
                  timeline_snapshots(session_timeline(s)));
    session_close(s);
    return status;
}

static enum status run(const struct command *command, int argc, char **argv)
{
    struct arguments a = {.options.engine = ENGINE_KIND_FAST, .snapshot_bytes = SESSION_BYTES_MAX};
    struct options_given given = {0, 0};
    int option;
    while ((option = option_next(command, argc, argv)) >= OPTION_FIRST) {
        option_note(&given, option);
        if (!take_option(command, option, &a))
            return STATUS_USAGE;
    }
    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_EXPECTED : STATUS_USAGE;
    if (!options_fit(command, &given, &a, NULL))
        return STATUS_USAGE;
    const char *path = one_operand(command, argc, argv, "FILE.trace");
    if (!path)
        return STATUS_USAGE;
    struct trace trace;
    struct symbols *symbols = NULL;
    struct error error;
    if (!trace_open(&trace, path, a.payload_dir, &error))
        return usage_error(command, "%s", error.text);
    enum status status;
    if (a.symbols && !(symbols = symbols_read(a.symbols, &error))) {
        status = usage_error(command, "--symbols: %s", error.text);
    } else if (a.options.to_given && a.options.to_step > trace.verdict.steps) {
        status = usage_error(command, "--to: %" PRIu64 " is behind the end of the recording, step %"
                             PRIu64, a.options.to_step, trace.verdict.steps);
    } else {
        signals_catch(!a.steps); /* a walk waits for lines */
        status = (a.steps ? walk_trace : replay_trace)(command, &a, &trace, symbols);
    }
    symbols_free(symbols);
    trace_free(&trace);
    return status;
}

const struct command command_replay = {
    .name = "replay",
    .synopsis = "FILE.trace [OPTIONS]",
    .sentence = "executes a trace again, checks every hash and tells its story",
    .options = "  --to STEP         stop there and show the CPUs\n"
               "  --engine precise|fast     (fast)\n"
               "  --check LIST|none other checkers than the trace's; the verdict is not compared\n"
               "  --trace KINDS     print events, like MEM,TLBI or all (see info events)\n"
               "  --no-story        only compare, and tell what was found\n"
               "  --story           tell the story of a long run, too\n"
               "  --steps           walk in it by commands from standard input; help lists them\n"
               "  --snapshots SIZE  with --steps: memory of snapshots beside the machine (512M)\n"
               "  --symbols FILE    names for addresses: an ELF or a System.map (the image's)\n"
               "  --payload-dir DIR where files are that the trace names (where they were)\n",
    .table = options,
    .needs = needs,
    .run = run,
};
