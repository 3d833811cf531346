/*
 * Both engines are one machine: on every guest of the benchmark, with one CPU and with four, the
 * states are equal after any number of steps, whatever way the steps are portioned, and across
 * going back. The fast engine does nearly all of it in its hot half.
 */
#include "sim/machine.h"
#include "tests/law/hot_insns.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS UINT64_C(600000)
#define STEPS_LONG UINT64_C(30000000)
#define STOPS 60u
#define SMALL_STOPS 2000u

static const char guests[][8] = {"cpu", "mix", "chase", "copy", "crc",
                                 "matmul", "call", "trap", "tables"};

struct world {
    struct image image;
    struct machine *m[2]; /* by enum engine_kind */
};

static void world_open(struct world *w, const char *guest, unsigned cpus, unsigned quantum)
{
    struct machine_config config;
    struct error error;
    char path[512];
    const char *build = getenv("BUILD");
    uint8_t *bytes;
    size_t size;
    config_default(&config);
    snprintf(config.model, sizeof config.model, "cortex-a57"); /* has all that the guests use */
    config.pe_count = cpus;
    config.quantum = quantum;
    config.ram_bytes = UINT64_C(256) << 20;
    snprintf(path, sizeof path, "%s/tests/bench/%s.elf", build ? build : "build", guest);
    cr_assert(file_read(path, &bytes, &size, &error), "%s", error.text);
    cr_assert(image_open(&w->image, path, bytes, size, pa_make(MAP_RAM), config.ram_bytes,
                         &error), "%s", error.text);
    free(bytes);
    for (unsigned kind = 0; kind < 2; kind++) {
        w->m[kind] = machine_new(&config, &error);
        cr_assert_not_null(w->m[kind], "%s", error.text);
        cr_assert(machine_load(w->m[kind], &w->image, &error), "%s", error.text);
        w->m[kind]->engine = (enum engine_kind)kind;
    }
}

static void world_close(struct world *w)
{
    machine_free(w->m[0]);
    machine_free(w->m[1]);
    image_close(&w->image);
}

/* Runs both up to a step; false when the guest has ended. */
static bool world_run(struct world *w, uint64_t step)
{
    enum machine_stop precise = machine_run(w->m[0], step), fast = machine_run(w->m[1], step);
    cr_assert_eq(precise, fast, "stops differ before step %lu", (unsigned long)step);
    cr_assert_eq(machine_hash(w->m[0]), machine_hash(w->m[1]), "states differ at step %lu",
                 (unsigned long)w->m[0]->state->step);
    return precise == MACHINE_LIMIT;
}

struct shape {
    unsigned guest, cpus, quantum;
};

ParameterizedTestParameters(engines, agree_on_every_guest)
{
    static struct shape shapes[3 * ARRAY_COUNT(guests)];
    size_t count = 0;
    for (unsigned guest = 0; guest < ARRAY_COUNT(guests); guest++) {
        shapes[count++] = (struct shape){guest, 1, 1000};
        shapes[count++] = (struct shape){guest, 4, 1000};
        shapes[count++] = (struct shape){guest, 3, 37};
    }
    return cr_make_param_array(struct shape, shapes, count);
}

ParameterizedTest(struct shape *shape, engines, agree_on_every_guest)
{
    struct world w;
    world_open(&w, guests[shape->guest], shape->cpus, shape->quantum);
    uint64_t seed = hash_mix(shape->guest * 100 + shape->cpus), step = 0;
    uint64_t stride = 2 * (getenv("LONG") ? STEPS_LONG : STEPS) / STOPS;
    bool goes_on = true;
    for (unsigned i = 0; i < STOPS && goes_on; i++) {
        seed = hash_mix(seed + 1);
        step += 1 + seed % stride;
        goes_on = world_run(&w, step);
    }
    uint64_t hot = hot_insns(w.m[1]), all = machine_insns(w.m[1]);
    unsigned percent = shape->quantum < 1000 ? 50 : 80;
    /* single instructions are what these two are about */
    if (shape->guest < 7)
        cr_assert_gt(hot, all / 100 * percent, "%lu of %lu", (unsigned long)hot,
                     (unsigned long)all);
    cr_assert_eq(hot_insns(w.m[0]), 0);
    world_close(&w);
}

Test(engines, agree_in_small_portions)
{
    struct world w;
    uint64_t seed = 5;
    for (unsigned guest = 0; guest < ARRAY_COUNT(guests); guest++) {
        world_open(&w, guests[guest], 2, 1000);
        uint64_t step = 0;
        for (unsigned i = 0; i < SMALL_STOPS / ARRAY_COUNT(guests); i++) {
            seed = hash_mix(seed + 1);
            step += 1 + seed % (1u << (seed >> 32) % 12);
            if (!world_run(&w, step))
                break;
        }
        world_close(&w);
    }
}

/* The fast machine goes back now and then; the precise one goes straight on. */
Test(engines, agree_across_going_back)
{
    for (unsigned guest = 0; guest < ARRAY_COUNT(guests); guest++) {
        struct world w;
        world_open(&w, guests[guest], 2, 1000);
        uint64_t seed = guest;
        for (uint64_t step = 20000; step <= 200000; step += 20000) {
            struct machine_snapshot *s = machine_save(w.m[1]);
            seed = hash_mix(seed + 1);
            machine_run(w.m[1], step + seed % 30000);
            machine_restore(w.m[1], s);
            machine_snapshot_free(s);
            if (!world_run(&w, step))
                break;
        }
        world_close(&w);
    }
}
