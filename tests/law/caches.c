/*
 * Caches change nothing for programs that use memory as they should: with caches on, whatever the
 * open choices answer, the guests of the benchmark and the hypervisor go through the same states
 * as with caches off, step by step; and with all dirty data written back, memory is the same.
 */
#include "sim/machine_parts.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS UINT64_C(100000)
#define STEPS_ENDS UINT64_C(1000000) /* all of it */
#define STEPS_LONG UINT64_C(3000000)
#define STOPS 10u
#define OPEN_KINDS                                                                          \
    (1u << CHOICE_CACHE_WRITEBACK | 1u << CHOICE_CACHE_ALLOCATE | 1u << CHOICE_ICACHE_STALE)

struct guest {
    const char *path;
    const char *model;
    uint32_t cpus;
    bool ends;
};

static const struct guest guests[] = {
    {"tests/bench/cpu.elf", "cortex-a57", 1, false},
    {"tests/bench/mix.elf", "cortex-a53", 2, false},
    {"tests/bench/chase.elf", "cortex-a72", 1, false},
    {"tests/bench/copy.elf", "cortex-a57", 4, false},
    {"tests/bench/crc.elf", "neoverse-n1", 2, false},
    {"tests/bench/matmul.elf", "cortex-a57", 1, false},
    {"tests/bench/call.elf", "cortex-a57", 1, false},
    {"tests/bench/trap.elf", "cortex-a57", 2, false},
    {"tests/bench/tables.elf", "cortex-a57", 2, false},
    {"hyp/hyp-vmid-correct.elf", "armv8.0", 2, true},
    {"hyp/hyp-vmid-correct.elf", "neoverse-n1", 4, true},
    {"hyp/hyp-vmid-asid-style.elf", "cortex-a57", 3, true},
    {"hyp/hyp-tlb-nested.elf", "cortex-a53", 2, true},
    {"hyp/hyp-walk-guarded.elf", "cortex-a72", 2, true},
};

/* Nothing costs anything but instructions, so that caches do not change who runs when. */
static struct machine *machine_open(const struct guest *guest, const struct image *image,
                                    uint32_t cache_sets)
{
    struct machine_config config;
    struct error error;
    config_default(&config);
    snprintf(config.model, sizeof config.model, "%s", guest->model);
    config.pe_count = guest->cpus;
    config.quantum = 50;
    config.timing_flat = 1;
    config.ram_bytes = UINT64_C(256) << 20;
    config.caches = cache_sets != 0;
    config.cache_sets = cache_sets;
    struct machine *m = machine_new(&config, &error);
    cr_assert_not_null(m, "%s", error.text);
    cr_assert(machine_load(m, image, &error), "%s", error.text);
    return m;
}

/* Without CCSIDR_EL1, which says another number of sets, the state is the same byte for byte. */
static void compare(const struct machine *plain, const struct machine *cached, const char *path)
{
    cr_assert_eq(memcmp(plain->state, cached->state, machine_state_bytes(plain)), 0,
                 "%s: states differ at step %lu", path, (unsigned long)plain->state->step);
}

static void compare_memory(struct machine *plain, struct machine *cached, const char *path)
{
    cache_write_back_all(cached->cache);
    for (uint64_t pa = MAP_RAM; pa < MAP_RAM + plain->config.ram_bytes; pa += PAGE_BYTES) {
        uint8_t left[PAGE_BYTES], right[PAGE_BYTES];
        memory_copy_out(plain, pa_make(pa), left, sizeof left);
        memory_copy_out(cached, pa_make(pa), right, sizeof right);
        cr_assert_eq(memcmp(left, right, sizeof left), 0, "%s: memory differs at 0x%lx", path,
                     (unsigned long)pa);
    }
}

static unsigned asked(const struct machine *m, enum choice_kind kind)
{
    unsigned count = 0;
    for (unsigned object = 0; object < CHOICE_OBJECT_MAX; object++)
        count += m->side->counts.asked[kind][object];
    return count;
}

/* seed 0: nothing is open; rate: one question in so many gets an answer that is not 0. */
static void run_both(const struct guest *guest, const struct image *image, uint32_t cache_sets,
                     uint64_t seed, uint32_t rate)
{
    struct machine *plain = machine_open(guest, image, 0);
    struct machine *cached = machine_open(guest, image, cache_sets);
    uint64_t steps = guest->ends ? STEPS_ENDS : getenv("LONG") ? STEPS_LONG : STEPS;
    if (seed != 0) {
        cached->chooser.open_mask = OPEN_KINDS;
        cached->chooser.policy = CHOICE_SEEDED;
        cached->chooser.seed = seed;
        cached->chooser.rate = rate;
    }
    for (unsigned stop = 1; stop <= STOPS; stop++) {
        enum machine_stop why = machine_run(plain, stop * steps / STOPS);
        cr_assert_eq(machine_run(cached, stop * steps / STOPS), why);
        compare(plain, cached, guest->path);
    }
    compare_memory(plain, cached, guest->path);
    /* A guest that ends has turned caches on, and written memory before that. */
    if (guest->ends && seed != 0)
        cr_assert_gt(asked(cached, CHOICE_CACHE_ALLOCATE), 0, "%s", guest->path);
    machine_free(plain);
    machine_free(cached);
}

ParameterizedTestParameters(caches, change_nothing_that_a_guest_computes)
{
    static unsigned number[ARRAY_COUNT(guests)]; /* pointers mean nothing in another process */
    for (unsigned i = 0; i < ARRAY_COUNT(guests); i++)
        number[i] = i;
    return cr_make_param_array(unsigned, number, ARRAY_COUNT(guests));
}

ParameterizedTest(unsigned *number, caches, change_nothing_that_a_guest_computes)
{
    const struct guest *guest = &guests[*number];
    const char *build = getenv("BUILD");
    struct image image;
    struct error error;
    char path[512];
    uint8_t *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", build ? build : "build", guest->path);
    cr_assert(file_read(path, &bytes, &size, &error), "%s", error.text);
    cr_assert(image_open(&image, path, bytes, size, pa_make(MAP_RAM), UINT64_C(256) << 20, &error),
              "%s", error.text);
    free(bytes);
    run_both(guest, &image, 4096, 0, 0);
    run_both(guest, &image, 1, 0, 0);
    run_both(guest, &image, 2, 1, 2);
    run_both(guest, &image, 4096, 2, 2);
    if (guest->ends)
        run_both(guest, &image, 4096, 3, 1); /* every line that can come unasked comes */
    image_close(&image);
}
