/*
 * Laws of the machine, on a real payload with interrupts and several CPUs: both engines have the
 * same state after any number of steps; observers change nothing; a snapshot is the whole state.
 */
#include "tests/law/machine_law.h"

#include "gen/trace.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

void law_machine_open(struct law_machine *l, unsigned pe_count, unsigned quantum)
{
    struct machine_config config;
    struct error error;
    config_default(&config);
    config.pe_count = pe_count;
    config.quantum = quantum;
    config.ram_bytes = 64u << 20;
    l->machine = machine_new(&config, &error);
    cr_assert_not_null(l->machine, "%s", error.text);
    char path[512];
    const char *build = getenv("BUILD");
    snprintf(path, sizeof path, "%s/hyp/hyp-vmid-correct.elf", build ? build : "build");
    uint8_t *bytes;
    size_t size;
    cr_assert(file_read(path, &bytes, &size, &error), "%s", error.text);
    cr_assert(image_open(&l->image, path, bytes, size, pa_make(MAP_RAM), config.ram_bytes, &error),
              "%s", error.text);
    free(bytes);
    cr_assert(machine_load(l->machine, &l->image, &error), "%s", error.text);
}

void law_machine_close(struct law_machine *l)
{
    machine_free(l->machine);
    image_close(&l->image);
}

/* Runs both engines side by side and compares at each of a growing list of step counts. */
static void compare_engines(unsigned pe_count, unsigned quantum, uint64_t stride, unsigned points)
{
    struct law_machine precise, fast;
    law_machine_open(&precise, pe_count, quantum);
    law_machine_open(&fast, pe_count, quantum);
    precise.machine->engine = ENGINE_KIND_PRECISE;
    fast.machine->engine = ENGINE_KIND_FAST;
    uint64_t limit = 0;
    for (unsigned i = 0; i < points; i++) {
        limit += 1 + hash_mix(i * 7919u + stride) % stride;
        enum machine_stop a = machine_run(precise.machine, limit);
        enum machine_stop b = machine_run(fast.machine, limit);
        cr_assert_eq(a, b, "stops differ at step %lu", (unsigned long)limit);
        cr_assert_eq(machine_hash(precise.machine), machine_hash(fast.machine),
                     "states differ at step %lu", (unsigned long)precise.machine->state->step);
        if (a != MACHINE_LIMIT)
            break;
    }
    law_machine_close(&precise);
    law_machine_close(&fast);
}

Test(machine_law, engines_agree_at_every_step_of_the_boot)
{
    compare_engines(2, 1000, 2, 3000);
}

Test(machine_law, engines_agree_with_one_cpu)
{
    compare_engines(1, 1000, 5000, 100);
}

Test(machine_law, engines_agree_with_two_cpus_and_interrupts)
{
    compare_engines(2, 1000, 5000, 200);
}

Test(machine_law, engines_agree_with_four_cpus)
{
    compare_engines(4, 77, 5000, 200);
}

Test(machine_law, engines_agree_with_quantum_one)
{
    compare_engines(2, 1, 3000, 100);
}

static void ignore(void *context, const struct event *e)
{
    uint64_t *count = context;
    (*count)++;
    (void)e;
}

Test(machine_law, observers_change_nothing)
{
    struct law_machine plain, watched;
    law_machine_open(&plain, 2, 100);
    law_machine_open(&watched, 2, 100);
    uint64_t count = 0;
    events_attach(&watched.machine->events, ignore, &count, UINT64_MAX);
    for (uint64_t limit = 1000; limit <= 301000; limit += 30000) {
        machine_run(plain.machine, limit);
        machine_run(watched.machine, limit);
        cr_assert_eq(machine_hash(plain.machine), machine_hash(watched.machine));
    }
    cr_assert_gt(count, UINT64_C(100000));
    law_machine_close(&plain);
    law_machine_close(&watched);
}

Test(machine_law, a_snapshot_is_the_whole_state)
{
    struct law_machine l;
    law_machine_open(&l, 2, 50);
    struct machine *m = l.machine;
    machine_run(m, 200000);
    struct machine_snapshot *s = machine_save(m);
    uint64_t at_save = machine_hash(m);
    machine_run(m, 300000);
    uint64_t later = machine_hash(m);
    cr_assert_neq(at_save, later);
    machine_restore(m, s);
    cr_assert_eq(machine_hash(m), at_save);
    machine_run(m, 300000);
    cr_assert_eq(machine_hash(m), later, "the same way again");
    /* Another machine without any past: derived data does not matter. */
    struct law_machine other;
    law_machine_open(&other, 2, 50);
    machine_run(other.machine, 300000);
    cr_assert_eq(machine_hash(other.machine), later);
    machine_snapshot_free(s);
    law_machine_close(&other);
    law_machine_close(&l);
}

Test(machine_law, stopping_often_changes_nothing)
{
    struct law_machine a, b;
    law_machine_open(&a, 2, 1000);
    law_machine_open(&b, 2, 1000);
    machine_run(a.machine, 100000);
    for (uint64_t limit = 1; limit <= 100000; limit += 1 + limit % 13)
        machine_run(b.machine, limit);
    machine_run(b.machine, 100000);
    cr_assert_eq(machine_hash(a.machine), machine_hash(b.machine));
    law_machine_close(&a);
    law_machine_close(&b);
}
