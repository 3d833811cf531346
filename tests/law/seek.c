/*
 * The law of the timeline: seek(n) is the same state as a run from the start to n, in whatever
 * order one seeks, with snapshots being thinned out; and stepping back undoes stepping forwards.
 */
#include "sim/timeline.h"

#include "tests/law/run_world.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define STEPS 60000u

static uint64_t hash_at(struct run *r, uint64_t step)
{
    run_rewind(r);
    run_machine(r)->break_on = false;
    run_advance(r, step);
    return machine_hash(run_machine(r));
}

static void seeks(size_t bytes_max, unsigned count)
{
    struct run_world w;
    run_world_open(&w, "correct", 2);
    struct chooser *c = &run_machine(w.run)->chooser;
    c->policy = CHOICE_SEEDED;
    c->seed = 5;
    c->rate = 200;
    uint64_t first = run_start_step(w.run), *step = calloc(count, sizeof *step);
    uint64_t *hash = calloc(count, sizeof *hash);
    cr_assert(step != NULL && hash != NULL);
    for (unsigned i = 0; i < count; i++) {
        step[i] = first + hash_mix(i + 1) % STEPS;
        hash[i] = hash_at(w.run, step[i]);
        cr_assert_gt(c->record_count + (step[i] < first + STEPS / 2), 0, "choices are open");
    }
    struct timeline *t = timeline_new(w.run, 1000, bytes_max);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < count; i++) {
            cr_assert(timeline_seek(t, step[i]));
            cr_assert_eq(timeline_step(t), step[i]);
            cr_assert_eq(machine_hash(run_machine(w.run)), hash[i], "seek to %lu",
                         (unsigned long)step[i]);
        }
    }
    timeline_free(t);
    free(step);
    free(hash);
    run_world_close(&w);
}

Test(seek, equals_a_run_from_the_start)
{
    seeks((size_t)1 << 30, 40);
}

Test(seek, equals_a_run_from_the_start_with_hardly_any_memory)
{
    seeks(0, 15);
}

Test(seek, stepping_back_undoes_stepping_forwards)
{
    struct run_world w;
    run_world_open(&w, "correct", 2);
    struct timeline *t = timeline_new(w.run, 500, (size_t)1 << 28);
    uint64_t first = run_start_step(w.run), hash[200];
    cr_assert(timeline_seek(t, first + 3000));
    for (unsigned i = 0; i < 200; i++) {
        cr_assert(timeline_seek(t, first + 3000 + i));
        hash[i] = machine_hash(run_machine(w.run));
    }
    for (unsigned i = 199; i-- > 0;) {
        cr_assert(timeline_back(t));
        cr_assert_eq(timeline_step(t), first + 3000 + i);
        cr_assert_eq(machine_hash(run_machine(w.run)), hash[i], "back to %u", i);
    }
    timeline_free(t);
    run_world_close(&w);
}

Test(seek, snapshots_are_thinned_out_and_ends_are_told)
{
    struct run_world w;
    run_world_open(&w, "correct", 2);
    uint64_t first = run_start_step(w.run);
    struct timeline *t = timeline_new(w.run, 100, 0);
    cr_assert(timeline_seek(t, first + 20000));
    cr_expect_leq(timeline_snapshots(t), 3);
    cr_expect_not(timeline_seek(t, first - 1), "before the start mark");
    cr_expect_eq(timeline_step(t), first);
    timeline_free(t);
    t = timeline_new(w.run, 1000, (size_t)1 << 30);
    cr_assert(timeline_seek(t, first + 20000));
    cr_expect_gt(timeline_snapshots(t), 15);
    cr_expect_not(timeline_seek(t, UINT64_MAX / 2), "behind the end of the run");
    cr_expect_eq(timeline_stop(t), MACHINE_EXIT);
    cr_assert(timeline_seek(t, first + 10));
    timeline_free(t);
    run_world_close(&w);
}
