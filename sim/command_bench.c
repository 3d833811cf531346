/*
 * `armillary bench`: how fast this program is here, each number beside the rate of a calibration
 * loop measured in the same run, so that two hosts can be compared. Time is that of one core.
 *
 * schedules: random schedules per second in one process. snapshot and seek: of a machine at a
 * scenario's start mark. insns: instructions per second from power-on to that mark and beyond, by
 * each engine.
 */
#include "sim/command.h"
#include "sim/progress.h"
#include "sim/scenario.h"
#include "sim/timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 512u
#define CALIBRATION_ROUNDS 20000000u
#define SCHEDULES 500u
#define SNAPSHOTS 200u
#define SEEKS 50u
#define SECONDS_OF_ENGINE 1.0

enum { BENCH_PAYLOADS = OPTION_FIRST, BENCH_SCENARIO, BENCH_VARIANT };

static const struct option options[] = {
    OPTION("payload-dir", BENCH_PAYLOADS), OPTION("scenario", BENCH_SCENARIO),
    OPTION("variant", BENCH_VARIANT), {0},
};

struct bench {
    struct scenario scenario;
    struct image image;
    struct run *run;
    double calibration; /* rounds per second */
};

/* A loop of dependent multiplications: nothing of this program in it. */
static double calibrate(void)
{
    double best = 0;
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        double start = progress_core_seconds();
        volatile uint64_t result;
        uint64_t x = attempt;
        for (unsigned i = 0; i < CALIBRATION_ROUNDS; i++)
            x = hash_mix(x + i);
        result = x;
        (void)result;
        double rate = CALIBRATION_ROUNDS / (progress_core_seconds() - start);
        if (rate > best)
            best = rate;
    }
    return best;
}

static void tell(const struct bench *b, const char *name, double value, const char *unit)
{
    printf("bench: name=%s value=%.4g unit=%s calibration=%.4g per_mega_calibration=%.4g\n", name,
           value, unit, b->calibration, value / (b->calibration / 1e6));
    fflush(stdout);
}

static void bench_schedules(struct bench *b)
{
    struct explore_result *result = calloc(1, sizeof *result);
    ensure(result != NULL);
    struct explore_options o = {.strategy = STRATEGY_RANDOM, .seed = 1, .schedules = SCHEDULES,
                                .jobs = 1, .keep_going = true};
    double start = progress_core_seconds();
    explore_run(b->run, &o, result);
    double seconds = progress_core_seconds() - start;
    tell(b, "schedules", (double)result->schedules / seconds, "1/s");
    tell(b, "schedule-insns", (double)result->insns / (double)result->schedules, "insns");
    explore_result_free(result);
    free(result);
}

static void bench_snapshot(struct bench *b)
{
    struct machine *m = run_machine(b->run);
    m->chooser.policy = CHOICE_DEFAULT;
    double saving = 0, restoring = 0;
    for (unsigned i = 0; i < SNAPSHOTS; i++) {
        run_rewind(b->run);
        run_advance(b->run, m->state->step + 1000);
        double start = progress_core_seconds();
        struct machine_snapshot *s = machine_save(m);
        double middle = progress_core_seconds();
        machine_restore(m, s);
        restoring += progress_core_seconds() - middle;
        saving += middle - start;
        machine_snapshot_free(s);
    }
    tell(b, "snapshot-save", saving / SNAPSHOTS * 1e6, "us");
    tell(b, "snapshot-restore", restoring / SNAPSHOTS * 1e6, "us");
}

static void bench_seek(struct bench *b)
{
    struct machine *m = run_machine(b->run);
    m->chooser.policy = CHOICE_DEFAULT;
    struct timeline *t = timeline_new(b->run, 4096, (size_t)256 << 20);
    uint64_t first = run_start_step(b->run), last = first + 100000;
    if (!timeline_seek(t, last))
        last = timeline_step(t);
    double start = progress_core_seconds();
    for (unsigned i = 0; i < SEEKS; i++)
        timeline_seek(t, first + hash_mix(i) % (last - first + 1));
    tell(b, "seek", (progress_core_seconds() - start) / SEEKS * 1e6, "us");
    timeline_seek(t, last);
    start = progress_core_seconds();
    for (unsigned i = 0; i < SEEKS; i++)
        timeline_back(t);
    tell(b, "step-back", (progress_core_seconds() - start) / SEEKS * 1e6, "us");
    timeline_free(t);
}

static void bench_engine(struct bench *b, enum engine_kind engine, const char *name)
{
    struct machine *m = run_machine(b->run);
    m->chooser.policy = CHOICE_DEFAULT;
    enum engine_kind old = m->engine;
    m->engine = engine;
    uint64_t insns = 0;
    double start = progress_core_seconds(), seconds = 0;
    while (seconds < SECONDS_OF_ENGINE && !run_is_interrupted()) {
        struct run_verdict verdict;
        run_execute(b->run, &verdict);
        insns += verdict.insns - run_start_insns(b->run);
        seconds = progress_core_seconds() - start;
    }
    m->engine = old;
    tell(b, name, (double)insns / seconds / 1e6, "Minsns/s");
}

static void bench_precise(struct bench *b)
{
    bench_engine(b, ENGINE_KIND_PRECISE, "precise");
}

static void bench_fast(struct bench *b)
{
    bench_engine(b, ENGINE_KIND_FAST, "fast");
}

static const struct {
    const char *name;
    void (*run)(struct bench *b);
} benches[] = {
    {"schedules", bench_schedules}, {"snapshot", bench_snapshot}, {"seek", bench_seek},
    {"precise", bench_precise},     {"fast", bench_fast},
};

static bool open_scenario(struct bench *b, const char *scenario, const char *variant,
                          const char *payloads, bool closed, struct error *error)
{
    char path[2 * PATH_BYTES];
    if (!scenario_read(&b->scenario, scenario, error))
        return false;
    const struct scenario_variant *v =
        variant ? scenario_find(&b->scenario, variant) : &b->scenario.variant[0];
    if (!v)
        return error_set(error, "--variant: %s: no such variant", variant);
    snprintf(path, sizeof path, "%.400s/%s", payloads, v->payload);
    struct run_setup setup = scenario_setup(&b->scenario, v, STRATEGY_RANDOM, 0);
    if (closed) { /* engines are compared without anything that needs each instruction */
        setup.config.open_mask = 0;
        setup.config.quantum = 1000;
        setup.checks.mask = 0;
    }
    if (!image_read(&b->image, path, setup.config.ram_bytes, error))
        return false;
    b->run = run_new(&setup, &b->image, error);
    if (!b->run)
        image_close(&b->image);
    return b->run != NULL;
}

static enum status bench_all(const struct command *command, const char *only, const char *scenario,
                             const char *variant, const char *payloads)
{
    struct bench *b = calloc(1, sizeof *b);
    struct error error;
    ensure(b != NULL);
    b->calibration = calibrate();
    bool found = false;
    enum status status = STATUS_EXPECTED;
    for (size_t i = 0; i < ARRAY_COUNT(benches) && status == STATUS_EXPECTED; i++) {
        if (only && strcmp(only, benches[i].name) != 0)
            continue;
        found = true;
        bool closed = benches[i].run == bench_precise || benches[i].run == bench_fast;
        if (!open_scenario(b, scenario, variant, payloads, closed, &error)) {
            status = usage_error(command, "%s", error.text);
            break;
        }
        benches[i].run(b);
        run_free(b->run);
        image_close(&b->image);
        if (run_is_interrupted())
            status = STATUS_INTERRUPTED;
    }
    free(b);
    return found ? status : usage_error(command, "%s: no such benchmark", only);
}

static enum status run(const struct command *command, int argc, char **argv)
{
    char self[PATH_BYTES], payloads[PATH_BYTES];
    const char *given = NULL, *scenario = "traces/vmid-publish-order", *variant = NULL;
    int option;
    while ((option = option_next(command, argc, argv)) >= OPTION_FIRST) {
        if (option == BENCH_PAYLOADS)
            given = optarg;
        else if (option == BENCH_SCENARIO)
            scenario = optarg;
        else
            variant = optarg;
    }
    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_EXPECTED : STATUS_USAGE;
    if (optind + 1 < argc)
        return usage_error(command, "%s: one NAME is enough", argv[optind + 1]);
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length < 0 ? 0 : length] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    snprintf(payloads, sizeof payloads, "%.480s/hyp", self);
    progress_catch_interrupt();
    return bench_all(command, optind < argc ? argv[optind] : NULL, scenario, variant,
                     given ? given : payloads);
}

const struct command command_bench = {
    .name = "bench",
    .synopsis = "[schedules|snapshot|seek|precise|fast] [OPTIONS]",
    .sentence = "measures schedules, snapshots, seeks and instructions per second",
    .options = "  --scenario FILE   (traces/vmid-publish-order)\n"
               "  --variant NAME    (its first)\n"
               "  --payload-dir DIR where the payloads are (hyp, beside this program)\n",
    .table = options,
    .run = run,
};
