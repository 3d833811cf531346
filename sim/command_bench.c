/*
 * `armillary bench`: how fast this program is here, each number beside the rate of a calibration
 * loop measured in the same run, so that two hosts can be compared. Time is that of one core.
 *
 * schedules: random schedules per second in one process. snapshot and seek: of a machine at a
 * scenario's start mark. precise and fast: instructions per second from that mark on, by each
 * engine. large: a snapshot of a machine of 1 GiB. Guest programs: command_bench_guest.c.
 */
#include "sim/command_bench.h"
#include "sim/progress.h"
#include "sim/scenario.h"
#include "sim/signals.h"
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

enum {
    BENCH_PAYLOADS = OPTION_FIRST,
    BENCH_SCENARIO,
    BENCH_VARIANT,
    BENCH_GUESTS,
    BENCH_CPUS,
    BENCH_CPU,
    BENCH_CHECK
};

static const struct option options[] = {
    OPTION("payload-dir", BENCH_PAYLOADS), OPTION("scenario", BENCH_SCENARIO),
    OPTION("variant", BENCH_VARIANT),      OPTION("guest-dir", BENCH_GUESTS),
    OPTION("cpus", BENCH_CPUS),            OPTION("cpu", BENCH_CPU),
    OPTION("check", BENCH_CHECK),          {0},
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

void bench_tell(double calibration, const char *name, double value, const char *unit)
{
    printf("bench: name=%s value=%.4g unit=%s calibration=%.4g per_mega_calibration=%.4g\n", name,
           value, unit, calibration, value / (calibration / 1e6));
    fflush(stdout);
}

static void tell(const struct bench *b, const char *name, double value, const char *unit)
{
    bench_tell(b->calibration, name, value, unit);
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

/* What the command line says. */
struct arguments {
    const char *scenario, *variant, *payloads;
    const char *only; /* one benchmark, or NULL */
    struct bench_guests guests;
};

/* One benchmark on a scenario. */
static enum status bench_scenario(const struct command *command, struct bench *b, size_t which,
                                  const struct arguments *a)
{
    struct error error;
    bool closed = benches[which].run == bench_precise || benches[which].run == bench_fast;
    if (!open_scenario(b, a->scenario, a->variant, a->payloads, closed, &error))
        return usage_error(command, "%s", error.text);
    benches[which].run(b);
    run_free(b->run);
    image_close(&b->image);
    return run_is_interrupted() ? STATUS_INTERRUPTED : STATUS_EXPECTED;
}

static enum status bench_all(const struct command *command, struct arguments *a)
{
    struct bench *b = calloc(1, sizeof *b);
    ensure(b != NULL);
    b->calibration = a->guests.calibration = calibrate();
    bool found = false;
    enum status status = STATUS_EXPECTED;
    for (size_t i = 0; i < ARRAY_COUNT(benches) && status == STATUS_EXPECTED; i++) {
        if (a->only && strcmp(a->only, benches[i].name) != 0)
            continue;
        found = true;
        status = bench_scenario(command, b, i, a);
    }
    if (status == STATUS_EXPECTED && (!a->only || strcmp(a->only, "large") == 0)) {
        found = true;
        bench_large_snapshot(b->calibration);
    }
    if (status == STATUS_EXPECTED && (!a->only || bench_is_guest(a->only))) {
        found = true;
        status = bench_run_guests(command, &a->guests, a->only);
    }
    free(b);
    return found ? status : usage_error(command, "%s: no such benchmark", a->only);
}

/* One option; false after a usage error. */
static bool take_option(const struct command *command, int option, struct arguments *a)
{
    switch (option) {
    case BENCH_PAYLOADS:
        a->payloads = optarg;
        return true;
    case BENCH_SCENARIO:
        a->scenario = optarg;
        return true;
    case BENCH_VARIANT:
        a->variant = optarg;
        return true;
    case BENCH_GUESTS:
        a->guests.folder = optarg;
        return true;
    case BENCH_CPU:
        a->guests.model = optarg;
        return true;
    case BENCH_CHECK: {
        struct error error;
        if (check_parse_list(optarg, &a->guests.checks, &error))
            return true;
        usage_error(command, "--check: %s", error.text);
        return false;
    }
    case BENCH_CPUS:
        return option_u32(command, "--cpus", 1, PE_COUNT_MAX, &a->guests.cpus);
    default:
        bug("option %d", option);
    }
}

static enum status run(const struct command *command, int argc, char **argv)
{
    char self[PATH_BYTES], payloads[PATH_BYTES], folder[PATH_BYTES];
    struct arguments a = {.scenario = "traces/vmid-publish-order"};
    int option;
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length < 0 ? 0 : length] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    snprintf(payloads, sizeof payloads, "%.480s/hyp", self);
    snprintf(folder, sizeof folder, "%.480s/tests/bench", self);
    a.payloads = payloads;
    a.guests.folder = folder;
    while ((option = option_next(command, argc, argv)) >= OPTION_FIRST) {
        if (!take_option(command, option, &a))
            return STATUS_USAGE;
    }
    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_EXPECTED : STATUS_USAGE;
    if (optind + 1 < argc)
        return usage_error(command, "%s: one NAME is enough", argv[optind + 1]);
    a.only = optind < argc ? argv[optind] : NULL;
    signals_catch(false);
    return bench_all(command, &a);
}

const struct command command_bench = {
    .name = "bench",
    .synopsis = "[NAME] [OPTIONS]",
    .sentence = "measures schedules, snapshots, seeks and instructions per second",
    .options = "  NAME is one of schedules, snapshot, seek, precise, fast, large, or a guest\n"
               "  program: cpu, mix, chase, copy, crc, matmul, call, trap, tables, idle\n"
               "  --scenario FILE   (traces/vmid-publish-order)\n"
               "  --variant NAME    (its first)\n"
               "  --payload-dir DIR where the payloads are (hyp, beside this program)\n"
               "  --guest-dir DIR   where guest programs are (tests/bench, beside this program)\n"
               "  --cpus N          CPUs of the guest programs (1, then 4)\n"
               "  --cpu MODEL       their CPU\n"
               "  --check LIST      checkers that watch them (none)\n",
    .table = options,
    .run = run,
};
