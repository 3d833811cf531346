/*
 * `armillary bench` of guest programs: tests/bench holds their sources. Each runs from power-on to
 * its end in the fast engine as a recording does, so that MMU, timing and recording are on; what
 * it prints is kept back.
 *
 * The same ELFs run on QEMU; tools/bench.py puts the figures side by side.
 */
#include "sim/command_bench.h"
#include "sim/progress.h"
#include "sim/replay.h"
#include "sim/trace_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM_BYTES (UINT64_C(512) << 20)
#define LARGE_RAM_BYTES (UINT64_C(1) << 30)
#define LARGE_DIRTY_BYTES (10u << 20)
#define LARGE_ROUNDS 50u

static const char *const guests[] = {"cpu",    "mix",  "chase", "copy",  "crc",
                                     "matmul", "call", "trap",  "tables", "idle"};

bool bench_is_guest(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(guests); i++) {
        if (strcmp(guests[i], name) == 0)
            return true;
    }
    return false;
}

/* Sleeping CPUs execute next to nothing: what counts is how much of their time passes. */
static void tell_rate(const struct bench_guests *g, const char *name, uint32_t cpus,
                      const struct trace *trace, double seconds)
{
    char label[64];
    snprintf(label, sizeof label, "%s-%u", name, cpus);
    if (strcmp(name, "idle") == 0)
        bench_tell(g->calibration, label, (double)trace->verdict.cycles / 1e9 / seconds, "s/s");
    else
        bench_tell(g->calibration, label, (double)trace->verdict.insns / seconds / 1e6,
                   "Minsns/s");
}

static bool run_guest(const struct bench_guests *g, const char *name, uint32_t cpus,
                      struct error *error)
{
    char path[1024];
    struct run_setup setup = {0};
    struct image image;
    struct trace trace = {0};
    config_default(&setup.config);
    setup.config.ram_bytes = RAM_BYTES;
    setup.config.pe_count = cpus;
    setup.checks.mask = g->checks;
    if (g->model)
        snprintf(setup.config.model, sizeof setup.config.model, "%s", g->model);
    snprintf(path, sizeof path, "%.900s/%s.elf", g->folder, name);
    if (!image_read(&image, path, setup.config.ram_bytes, error))
        return false;
    struct run *r = run_new(&setup, &image, error);
    bool good = r != NULL;
    if (good) {
        run_machine(r)->engine = ENGINE_KIND_FAST;
        double start = progress_core_seconds();
        good = trace_record(r, NULL, 0, HASH_INTERVAL_DEFAULT, &trace, error);
        double seconds = progress_core_seconds() - start;
        if (good && trace.verdict.result != RUN_OFF)
            good = error_set(error, "%s: ended with %s", path,
                             run_result_name(trace.verdict.result));
        if (good)
            tell_rate(g, name, cpus, &trace, seconds);
        trace_free(&trace);
    }
    run_free(r);
    image_close(&image);
    return good;
}

enum status bench_run_guests(const struct command *command, const struct bench_guests *g,
                             const char *only)
{
    static const uint32_t counts[] = {1, 4};
    const uint32_t all = PE_COUNT_MAX; /* of those that only sleep */
    for (size_t i = 0; i < ARRAY_COUNT(guests); i++) {
        if (only && strcmp(only, guests[i]) != 0)
            continue;
        for (size_t k = 0; k < ARRAY_COUNT(counts); k++) {
            struct error error;
            bool sleeps = strcmp(guests[i], "idle") == 0;
            uint32_t cpus = g->cpus ? g->cpus : sleeps ? all : counts[k];
            if (run_is_interrupted())
                return STATUS_INTERRUPTED;
            if (((g->cpus || sleeps) && k > 0) || (cpus > 1 && strcmp(guests[i], "cpu") == 0))
                continue; /* the others would only look on */
            if (!run_guest(g, guests[i], cpus, &error))
                return run_is_interrupted() ? STATUS_INTERRUPTED
                                            : usage_error(command, "%s", error.text);
        }
    }
    return STATUS_EXPECTED;
}

/* Writes to every page of the first so many bytes of RAM. */
static void make_dirty(struct machine *m, size_t bytes, uint8_t value)
{
    for (size_t at = 0; at < bytes; at += PAGE_BYTES) {
        struct access access = {.pa = pa_make(MAP_RAM + at), .size = 8, .is_write = 1};
        uint64_t word[2] = {value, 0};
        m->port.write(m->port.owner, &access, word);
    }
}

void bench_large_snapshot(double calibration)
{
    struct machine_config config;
    struct error error;
    config_default(&config);
    config.ram_bytes = LARGE_RAM_BYTES;
    struct machine *m = machine_new(&config, &error);
    if (!m)
        bug("a machine of 1 GiB: %s", error.text);
    double saving = 0, restoring = 0;
    make_dirty(m, LARGE_DIRTY_BYTES, 1);
    struct machine_snapshot *base = machine_save(m);
    for (unsigned i = 0; i < LARGE_ROUNDS; i++) {
        make_dirty(m, LARGE_DIRTY_BYTES, (uint8_t)i);
        double start = progress_core_seconds();
        struct machine_snapshot *s = machine_save(m);
        double middle = progress_core_seconds();
        make_dirty(m, LARGE_DIRTY_BYTES, (uint8_t)~i);
        double again = progress_core_seconds();
        machine_restore(m, base);
        restoring += progress_core_seconds() - again;
        saving += middle - start;
        machine_snapshot_free(s);
    }
    machine_snapshot_free(base);
    machine_free(m);
    bench_tell(calibration, "large-save", saving / LARGE_ROUNDS * 1e6, "us");
    bench_tell(calibration, "large-restore", restoring / LARGE_ROUNDS * 1e6, "us");
}
