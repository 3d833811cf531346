/*
 * `armillary explore`: searches the variants of a scenario, says for each what was found and
 * whether that was expected, and writes one shrunk trace per finding.
 *
 * Here are the options, the files and what is printed; searching is explore.c's and its
 * strategies', shrinking is shrink.c's.
 */
#include "sim/command.h"
#include "sim/progress.h"
#include "sim/scenario.h"
#include "sim/shrink.h"
#include "sim/signals.h"
#include "sim/trace_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOBS_MAX 64u
#define HASH_INTERVAL UINT64_C(1024)
#define PATH_BYTES 512u

enum {
    EXPLORE_VARIANT = OPTION_FIRST, EXPLORE_STRATEGY, EXPLORE_SCHEDULES, EXPLORE_SEED,
    EXPLORE_JOBS, EXPLORE_OUT, EXPLORE_DEPTH, EXPLORE_PAYLOADS, EXPLORE_KEEP, EXPLORE_RAW,
    EXPLORE_EVERY, EXPLORE_FIND,
};

static const struct option options[] = {
    OPTION("variant", EXPLORE_VARIANT), OPTION("strategy", EXPLORE_STRATEGY),
    OPTION("schedules", EXPLORE_SCHEDULES), OPTION("seed", EXPLORE_SEED),
    OPTION("jobs", EXPLORE_JOBS), OPTION("out", EXPLORE_OUT), OPTION("depth", EXPLORE_DEPTH),
    OPTION("payload-dir", EXPLORE_PAYLOADS), OPTION_FLAG("keep-going", EXPLORE_KEEP),
    OPTION_FLAG("no-shrink", EXPLORE_RAW), OPTION_FLAG("every-path", EXPLORE_EVERY),
    OPTION("find", EXPLORE_FIND), {0},
};

static const char option_help[] =
    "  --variant NAME    only this variant (all)\n"
    "  --strategy NAME   random, pct, conflict, systematic, complete or portfolio\n"
    "                    (the scenario's)\n"
    "  --schedules N     budget (the scenario's; for systematic and complete without\n"
    "                    --schedules: none)\n"
    "  --depth N         deviations of the systematic search (the scenario's)\n"
    "  --seed N          (1)\n"
    "  --jobs N          processes (1); what is found does not depend on it\n"
    "  --out DIR         where traces go (found)\n"
    "  --no-shrink       write the traces as they were found\n"
    "  --keep-going      use up the budget; otherwise an expected finding ends the search\n"
    "  --every-path      complete: enter again what was met before (checks the search itself)\n"
    "  --find VALUES     complete: up to an outcome, like 1,0xf; writes the run that has it\n"
    "  --payload-dir DIR where the payloads are (hyp, beside this program)\n";

struct arguments {
    struct scenario scenario;
    struct explore_options options;
    const char *variant, *out, *payloads;
    bool has_strategy, has_schedules, has_depth, raw;
    uint64_t find[OUTCOME_WORD_MAX];
    unsigned find_count;
    char payload_default[PATH_BYTES];
};

/* What all variants together came to, for the summary. */
struct total {
    struct run_verdict verdict;
    uint64_t schedules, unfair, first;
    double seconds;
    bool exhausted, has_first;
    enum status status;
};

/* "hyp" beside the executable. */
static void payload_default(char *path, size_t size)
{
    char self[PATH_BYTES];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length < 0 ? 0 : length] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    snprintf(path, size, "%.*s/hyp", (int)(size - 8), self);
}

/* "1,0xf": the values of an outcome. */
static bool take_find(const struct command *command, struct arguments *a)
{
    char text[PATH_BYTES];
    snprintf(text, sizeof text, "%s", optarg);
    a->find_count = 0;
    for (char *word = text; word;) {
        char *comma = strchr(word, ',');
        if (comma)
            *comma = 0;
        if (a->find_count == OUTCOME_WORD_MAX ||
            !config_parse_number(word, &a->find[a->find_count++])) {
            usage_error(command, "--find: %s is no list of up to %u numbers", optarg,
                        OUTCOME_WORD_MAX);
            return false;
        }
        word = comma ? comma + 1 : NULL;
    }
    return true;
}

static bool take_option(const struct command *command, int option, struct arguments *a)
{
    struct explore_options *o = &a->options;
    char names[STRATEGY_NAMES_MAX];
    uint32_t number;
    switch (option) {
    case EXPLORE_VARIANT:
        a->variant = optarg;
        return true;
    case EXPLORE_STRATEGY:
        a->has_strategy = true;
        if (strategy_by_name(optarg, &o->strategy))
            return true;
        strategy_names(names);
        usage_error(command, "--strategy: %s is none of %s", optarg, names);
        return false;
    case EXPLORE_SCHEDULES:
        a->has_schedules = true;
        return option_number(command, "--schedules", 1, UINT32_MAX, &o->schedules);
    case EXPLORE_SEED:
        return option_number(command, "--seed", 0, UINT64_MAX, &o->seed);
    case EXPLORE_JOBS:
        return option_u32(command, "--jobs", 1, JOBS_MAX, &o->jobs);
    case EXPLORE_OUT:
        a->out = optarg;
        return true;
    case EXPLORE_DEPTH:
        a->has_depth = true;
        if (!option_u32(command, "--depth", 0, STRATEGY_DEPTH_MAX, &number))
            return false;
        o->depth = number;
        return true;
    case EXPLORE_PAYLOADS:
        a->payloads = optarg;
        return true;
    case EXPLORE_KEEP:
        o->keep_going = true;
        return true;
    case EXPLORE_EVERY:
        o->every_path = true;
        return true;
    case EXPLORE_FIND:
        return take_find(command, a);
    case EXPLORE_RAW:
        a->raw = true;
        return true;
    default:
        bug("option %d", option);
    }
}

/* --- what options need, when the scenario has said what nobody else has ------------------- */

static bool is_complete(const void *arguments)
{
    return ((const struct arguments *)arguments)->options.strategy == STRATEGY_COMPLETE;
}

static bool has_depth(const void *arguments)
{
    return ((const struct arguments *)arguments)->options.strategy == STRATEGY_SYSTEMATIC;
}

static bool may_shrink(const void *arguments)
{
    return ((const struct arguments *)arguments)->find_count == 0;
}

static const struct option_need needs[] = {
    {EXPLORE_EVERY, "needs --strategy complete", is_complete},
    {EXPLORE_FIND, "needs --strategy complete", is_complete},
    {EXPLORE_DEPTH, "needs --strategy systematic", has_depth},
    {EXPLORE_RAW, "not with --find, which shrinks nothing", may_shrink},
    {0},
};

/* --- one finding's trace ------------------------------------------------------------------ */

static void shrink_progress(void *context, uint64_t runs, size_t choices)
{
    char note[64];
    snprintf(note, sizeof note, "%zu choices", choices);
    progress_show(context, runs, 0, note);
}

static void trace_path(const struct arguments *a, const struct scenario_variant *v,
                       const char *class, char *path, size_t size)
{
    char word[RUN_CLASS_MAX];
    snprintf(word, sizeof word, "%s", class);
    for (char *c = word; *c; c++) {
        if (*c == '/')
            *c = '-';
    }
    snprintf(path, size, "%.300s/%s-%s.trace", a->out, v->name, word);
}

static bool make_folder(const char *path, struct error *error)
{
    struct stat there;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &there) == 0 &&
                                   S_ISDIR(there.st_mode)))
        return true;
    return error_set(error, "%s: %s", path, errno == EEXIST ? "exists and is no folder"
                                                            : strerror(errno));
}

/* Whether traces can go there, asked before a search that may take a night: it changes nothing. */
static bool may_write_into(const char *folder, struct error *error)
{
    struct stat there;
    struct file_out probe;
    char path[FILE_PATH_BYTES];
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    bool exists = stat(folder, &there) == 0;
    if (exists && !S_ISDIR(there.st_mode))
        return error_set(error, "%.400s: exists and is no folder", folder);
    snprintf(path, sizeof path, "%.*s%s", (int)(length < 4000 ? length : 4000), folder,
             exists ? "/armillary.probe" : "");
    return file_out_find(&probe, path, error);
}

static bool write_trace(const struct arguments *a, const struct scenario_variant *v, struct run *r,
                        const struct image *image, const struct choice_record *records,
                        size_t count, const char *path, struct error *error)
{
    struct trace trace = {0};
    snprintf(trace.title, sizeof trace.title, "%s", a->scenario.title);
    snprintf(trace.scenario, sizeof trace.scenario, "%s", a->scenario.name);
    snprintf(trace.variant, sizeof trace.variant, "%s", v->name);
    snprintf(trace.image_name, sizeof trace.image_name, "%s", v->payload);
    bool good = trace_record(r, records, count, HASH_INTERVAL, &trace, error);
    if (good) {
        trace.image_size = image->file_size;
        trace.image = malloc(image->file_size + 1);
        ensure(trace.image != NULL);
        memcpy(trace.image, image->file, image->file_size);
        good = make_folder(a->out, error) && trace_write(&trace, path, error);
    }
    trace_free(&trace);
    return good;
}

/* Shrinks a finding (unless told not to), writes it and says so. */
static bool keep_finding(const struct arguments *a, const struct scenario_variant *v,
                         struct run *r, const struct image *image,
                         const struct explore_finding *f, uint64_t schedules_before, bool hurry,
                         struct error *error)
{
    struct shrink_result shrunk = {0};
    struct progress bar;
    char path[PATH_BYTES];
    const struct choice_record *records = f->records;
    size_t count = f->record_count;
    bool good = true;
    progress_begin(&bar, "shrinking");
    if (!a->raw && !hurry && strcmp(f->class, EXPLORE_OUTCOME) != 0) {
        struct shrink_options o = {.progress = shrink_progress, .progress_context = &bar};
        good = shrink_run(r, f->records, f->record_count, f->class, &o, &shrunk, error);
        records = shrunk.records;
        count = shrunk.record_count;
    }
    progress_end(&bar);
    trace_path(a, v, f->class, path, sizeof path);
    good = good && write_trace(a, v, r, image, records, count, path, error);
    if (good)
        printf("found: variant=%s class=%s schedule=%" PRIu64 " choices=%zu shrunk=%zu trace=%s\n",
               v->name, f->class, schedules_before + f->schedule, f->record_count, count, path);
    if (good && f->verdict.result == RUN_VIOLATION)
        finding_print(stdout, &f->verdict.finding, &(struct names){image, NULL}, run_machine(r));
    fflush(stdout);
    free(shrunk.records);
    return good;
}

/* --- one variant -------------------------------------------------------------------------- */

static void explore_progress(void *context, uint64_t schedules, uint64_t budget, size_t findings)
{
    char note[64];
    snprintf(note, sizeof note, "%zu found", findings);
    progress_show(context, schedules, budget, note);
}

/* Whether a finding is one that the variant is expected to have. */
static bool has_expected(const struct scenario_variant *v, const struct explore_result *result)
{
    for (size_t i = 0; i < result->finding_count; i++) {
        if (v->expect_count != 0 && scenario_expects(v, result->finding[i].class))
            return true;
    }
    return false;
}

/* The status of a variant: expected findings only, and at least one if one is expected. */
static enum status judge(const struct arguments *a, const struct scenario_variant *v,
                         const struct explore_result *result)
{
    if (a->find_count != 0 && !result->interrupted)
        return explore_find(result, EXPLORE_OUTCOME) ? STATUS_EXPECTED : STATUS_OTHER;
    enum status status =
        v->expect_count == 0 || has_expected(v, result) ? STATUS_EXPECTED : STATUS_OTHER;
    for (size_t i = 0; i < result->finding_count; i++) {
        const char *class = result->finding[i].class;
        if (strcmp(class, "unmodelled") == 0)
            status = status_worse(status, STATUS_UNMODELLED);
        else if (!scenario_expects(v, class))
            status = status_worse(status, STATUS_OTHER);
    }
    return result->interrupted ? STATUS_INTERRUPTED : status;
}

static void add_to_total(struct total *t, const struct explore_result *result, enum status status)
{
    t->schedules += result->schedules;
    t->unfair += result->unfair;
    t->seconds += result->seconds;
    t->exhausted = t->exhausted && result->exhausted;
    t->status = status_worse(t->status, status);
    t->verdict.insns += result->insns;
    for (size_t i = 0; i < result->finding_count; i++) {
        const struct explore_finding *f = &result->finding[i];
        if (t->has_first)
            continue;
        t->has_first = true;
        t->first = f->schedule;
        uint64_t insns = t->verdict.insns;
        t->verdict = f->verdict;
        t->verdict.insns = insns;
    }
    if (result->interrupted)
        t->verdict.result = RUN_INTERRUPTED;
}

/* One line for each outcome: "outcome: variant=NAME values=1,0xf ends=12". */
static void print_outcomes(const struct scenario_variant *v, unsigned words,
                           const struct explore_result *result)
{
    for (size_t i = 0; words != 0 && i < result->outcome_count; i++) {
        printf("outcome: variant=%s values=", v->name);
        for (unsigned k = 0; k < words; k++)
            printf("%s0x%" PRIx64, k ? "," : "", result->outcome[i].value[k]);
        printf(" ends=%" PRIu64 "\n", result->outcome[i].ends);
    }
    if (result->outcomes_lost)
        printf("outcome: variant=%s more than %u\n", v->name, OUTCOME_MAX);
}

static void print_variant(const struct scenario_variant *v, const struct explore_result *result,
                          unsigned words, unsigned places, enum status status)
{
    printf("variant: name=%s expected=", v->name);
    for (unsigned i = 0; i < v->expect_count; i++)
        printf("%s%s", i ? "," : "", v->expect[i]);
    printf("%s found=", v->expect_count == 0 ? "clean" : "");
    for (size_t i = 0; i < result->finding_count; i++)
        printf("%s%s", i ? "," : "", result->finding[i].class);
    printf("%s verdict=%s schedules=%" PRIu64 " schedules_per_s=%.0f",
           result->finding_count == 0 ? "nothing" : "",
           status == STATUS_EXPECTED ? "as-expected" : "not-as-expected", result->schedules,
           result->seconds > 0 ? (double)result->schedules / result->seconds : 0.0);
    printf(" first=");
    if (result->finding_count != 0)
        printf("%" PRIu64, result->finding[0].schedule);
    else
        printf("none");
    printf(" places=%u unfair=%" PRIu64 " branches=%" PRIu64 " granules=%" PRIu64 " exhausted=%s",
           places, result->unfair, result->branches, result->granules,
           result->exhausted ? "yes" : "no");
    if (result->exhausted && result->states == 0)
        printf(" enumerated=%" PRIu64, result->last_search);
    if (result->segments != 0)
        printf(" states=%" PRIu64 " segments=%" PRIu64, result->states, result->segments);
    putchar('\n');
    print_outcomes(v, words, result);
    fflush(stdout);
}

/* The addresses of the words that make up an outcome. */
static bool find_words(const struct scenario *s, const struct image *image,
                       struct outcome_word words[OUTCOME_WORD_MAX], struct error *error)
{
    for (unsigned i = 0; i < s->outcome_count; i++) {
        words[i] = s->outcome[i].word;
        if (words[i].pe < 0 &&
            !image_symbol_address(image, s->outcome[i].symbol, &words[i].address))
            return error_set(error, "%s: no symbol %s for an outcome", image->name,
                             s->outcome[i].symbol);
    }
    return true;
}

/* One place of a variant; what was found is kept and then added to sum. False: no more places. */
static bool explore_place(const struct command *command, const struct arguments *a,
                          const struct scenario_variant *v, unsigned place,
                          const struct image *image, struct explore_result *sum,
                          enum status *status)
{
    struct error error;
    struct explore_options o = a->options;
    struct outcome_word words[OUTCOME_WORD_MAX];
    if (o.schedules != 0 && o.schedules <= sum->schedules)
        return false; /* the budget is for all places */
    if (o.schedules != 0)
        o.schedules -= sum->schedules;
    struct run_setup setup = scenario_setup(&a->scenario, v, o.strategy, place);
    if (!find_words(&a->scenario, image, words, &error)) {
        *status = usage_error(command, "%s", error.text);
        return false;
    }
    struct run *r = run_new(&setup, image, &error);
    if (!r) {
        *status = run_is_interrupted() ? STATUS_INTERRUPTED
                                       : usage_error(command, "%s", error.text);
        return false;
    }
    struct explore_result *result = calloc(1, sizeof *result);
    ensure(result != NULL);
    struct progress bar;
    progress_begin(&bar, v->name);
    o.progress = explore_progress;
    o.progress_context = &bar;
    o.stop = v->expect;
    o.stop_count = v->expect_count;
    o.evict_from = a->scenario.evict_from;
    o.evict_to = a->scenario.evict_to;
    o.find = a->find_count ? a->find : NULL;
    o.word = words;
    o.word_count = a->scenario.outcome_count;
    explore_run(r, &o, result);
    progress_end(&bar);
    run_interrupt_clear();
    for (size_t i = 0; i < result->finding_count; i++) {
        const struct explore_finding *f = &result->finding[i];
        if (!explore_find(sum, f->class) &&
            !keep_finding(a, v, r, image, f, sum->schedules, result->interrupted, &error))
            *status = status_worse(*status, usage_error(command, "%s", error.text));
    }
    run_free(r);
    explore_result_add(sum, result);
    free(result);
    return !sum->interrupted && (a->options.keep_going || !has_expected(v, sum));
}

static enum status explore_variant(const struct command *command, const struct arguments *a,
                                   const struct scenario_variant *v, struct total *total)
{
    char path[2 * PATH_BYTES];
    struct error error;
    struct image image;
    snprintf(path, sizeof path, "%s/%s", a->payloads, v->payload);
    if (!image_read(&image, path, a->scenario.setup.config.ram_bytes, &error))
        return usage_error(command, "%s", error.text);
    struct explore_result *sum = calloc(1, sizeof *sum);
    ensure(sum != NULL);
    sum->exhausted = true;
    enum status status = STATUS_EXPECTED;
    unsigned places = scenario_places(&a->scenario, a->options.strategy);
    unsigned place = 0;
    while (place < places && explore_place(command, a, v, place, &image, sum, &status))
        place++;
    sum->exhausted = sum->exhausted && place == places;
    image_close(&image);
    if (status == STATUS_EXPECTED || status == STATUS_OTHER) {
        status = status_worse(status, judge(a, v, sum));
        print_variant(v, sum, a->scenario.outcome_count, places, status);
        add_to_total(total, sum, status);
    }
    explore_result_free(sum);
    free(sum);
    return status;
}

/* --- the command -------------------------------------------------------------------------- */

static void defaults(struct arguments *a)
{
    if (!a->has_strategy)
        a->options.strategy = a->scenario.strategy;
    if (!a->has_schedules)
        a->options.schedules = a->options.strategy == STRATEGY_SYSTEMATIC ||
                                       a->options.strategy == STRATEGY_COMPLETE
                                   ? 0
                                   : a->scenario.schedules;
    if (!a->has_depth)
        a->options.depth = a->scenario.depth;
    payload_default(a->payload_default, sizeof a->payload_default);
    if (!a->payloads)
        a->payloads = a->payload_default;
}

static void print_summary(const struct total *t)
{
    char first[24] = "none";
    if (t->has_first)
        snprintf(first, sizeof first, "%" PRIu64, t->first);
    summary_print(&t->verdict,
                  " schedules=%" PRIu64 " schedules_per_s=%.0f first=%s exhausted=%s"
                  " unfair=%" PRIu64,
                  t->schedules, t->seconds > 0 ? (double)t->schedules / t->seconds : 0.0, first,
                  t->exhausted ? "yes" : "no", t->unfair);
}

static enum status explore_all(const struct command *command, struct arguments *a,
                               const struct scenario_variant *only)
{
    struct total total = {.verdict.result = RUN_CLEAN, .exhausted = true};
    signals_catch(false);
    for (unsigned i = 0; i < a->scenario.variant_count; i++) {
        const struct scenario_variant *v = &a->scenario.variant[i];
        if (only && only != v)
            continue;
        enum status status = explore_variant(command, a, v, &total);
        total.status = status_worse(total.status, status);
        if (status == STATUS_USAGE || status == STATUS_INTERRUPTED)
            break;
    }
    if (total.status == STATUS_INTERRUPTED)
        total.verdict.result = RUN_INTERRUPTED;
    if (total.status != STATUS_USAGE)
        print_summary(&total);
    return total.status;
}

static enum status run(const struct command *command, int argc, char **argv)
{
    struct arguments *a = calloc(1, sizeof *a);
    ensure(a != NULL);
    a->options.seed = 1;
    a->options.jobs = 1;
    a->out = "found";
    enum status status = STATUS_USAGE;
    struct error error;
    struct options_given given = {0, 0};
    int option;
    while ((option = option_next(command, argc, argv)) >= OPTION_FIRST) {
        option_note(&given, option);
        if (!take_option(command, option, a)) {
            free(a);
            return STATUS_USAGE;
        }
    }
    const char *path = NULL;
    if (option == OPTION_HELP)
        status = STATUS_EXPECTED;
    else if (option == OPTION_END)
        path = one_operand(command, argc, argv, "SCENARIO");
    if (path && !scenario_read(&a->scenario, path, &error)) {
        usage_error(command, "%s", error.text);
    } else if (path) {
        const struct scenario_variant *only = NULL;
        defaults(a);
        if (!options_fit(command, &given, a, NULL))
            status = STATUS_USAGE;
        else if (a->find_count != 0 && a->find_count != a->scenario.outcome_count)
            usage_error(command, "--find: %u values, the outcome of %s has %u", a->find_count,
                        path, a->scenario.outcome_count);
        else if (!may_write_into(a->out, &error))
            usage_error(command, "--out: %s", error.text);
        else if (a->variant && !(only = scenario_find(&a->scenario, a->variant)))
            usage_error(command, "--variant: %s: %s has no such variant", a->variant, path);
        else
            status = explore_all(command, a, only);
    }
    free(a);
    return status;
}

const struct command command_explore = {
    .name = "explore",
    .synopsis = "SCENARIO [OPTIONS]",
    .sentence = "searches the schedules of a scenario's variants for violations",
    .options = option_help,
    .table = options,
    .needs = needs,
    .run = run,
};
