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

/* Memory: the bound holds wherever one goes, and what is given up first is what is far away. */
Test(seek, snapshots_keep_within_their_memory)
{
    struct run_world w;
    run_world_open(&w, "correct", 2);
    uint64_t first = run_start_step(w.run);
    struct timeline *t = timeline_new(w.run, 200, (size_t)1 << 30);
    cr_assert(timeline_seek(t, first + STEPS));
    size_t all = timeline_bytes(t), count = timeline_snapshots(t);
    timeline_free(t);

    size_t most = all / 8;
    t = timeline_new(w.run, 200, most);
    for (unsigned i = 0; i < 60; i++) {
        cr_assert(timeline_seek(t, first + hash_mix(i) % STEPS));
        cr_expect_leq(timeline_bytes(t), most, "after seek %u", i);
    }
    cr_expect_lt(timeline_snapshots(t), count / 4);
    cr_expect_gt(timeline_snapshots(t), 8);
    timeline_free(t);
    run_world_close(&w);
}

/*
 * Logarithmic: the gaps grow with the distance from where one is, so that twice the length of a
 * run costs a few more snapshots, not twice as many.
 */
Test(seek, snapshots_are_rarer_the_farther_they_are)
{
    struct run_world w;
    run_world_open(&w, "correct", 2);
    uint64_t first = run_start_step(w.run);
    struct timeline *t = timeline_new(w.run, 100, (size_t)1 << 30);
    cr_assert(timeline_seek(t, first + STEPS));
    size_t most = timeline_bytes(t) / 16;
    timeline_free(t);
    t = timeline_new(w.run, 100, most);
    for (uint64_t length = STEPS / 4; length <= STEPS; length *= 2) {
        cr_assert(timeline_seek(t, first + length));
        size_t count = timeline_snapshots(t);
        uint64_t now = timeline_step(t), nearest = now - timeline_snapshot_step(t, count - 1);
        cr_expect_leq(nearest, 100, "one is near");
        for (size_t i = 1; i + 1 < count; i++) {
            uint64_t at = timeline_snapshot_step(t, i), gap = timeline_snapshot_step(t, i + 1) - at;
            cr_expect_leq(gap, 2 * (now - at) + 100, "a gap of %lu at a distance of %lu",
                          (unsigned long)gap, (unsigned long)(now - at));
        }
        uint64_t half = 0; /* of the way back: as many lie in the near half as in the far one */
        for (size_t i = 0; i < count; i++)
            half += timeline_snapshot_step(t, i) - first > length / 2;
        cr_expect_gt(2 * half, count);
    }
    timeline_free(t);
    run_world_close(&w);
}

Test(seek, the_way_back_is_short_wherever_one_went)
{
    struct run_world w;
    run_world_open(&w, "correct", 2);
    uint64_t first = run_start_step(w.run), interval = 4096;
    struct timeline *t = timeline_new(w.run, interval, (size_t)1 << 30);
    for (unsigned i = 0; i < 50; i++) {
        uint64_t step = first + interval + hash_mix(i) % STEPS;
        cr_assert(timeline_seek(t, step));
        uint64_t before = timeline_before(t, step);
        cr_expect(before < step && step - before <= interval / 256, "%lu before %lu",
                  (unsigned long)(step - before), (unsigned long)step);
        cr_assert(timeline_seek(t, step - 100));
        before = timeline_before(t, step - 100);
        cr_expect_leq(step - 100 - before, interval / 64);
    }
    timeline_free(t);
    run_world_close(&w);
}

struct seen {
    uint64_t step[64];
    unsigned count;
    unsigned stop_at; /* the watch has seen enough at this one */
};

static bool see(void *context, struct machine *m)
{
    struct seen *seen = context;
    seen->step[seen->count++] = m->state->step;
    return seen->count != seen->stop_at;
}

Test(seek, a_watch_sees_each_place_once)
{
    struct run_world w;
    struct seen seen = {.stop_at = 12};
    run_world_open(&w, "correct", 2);
    uint64_t first = run_start_step(w.run);
    struct timeline *t = timeline_new(w.run, 1000, (size_t)1 << 28);
    timeline_set_watch(t, 700, see, &seen);
    cr_assert(timeline_seek(t, first + 5000));
    unsigned count = seen.count;
    cr_expect_eq(count, (first + 5000) / 700 - first / 700);
    for (unsigned i = 0; i < count; i++)
        cr_expect_eq(seen.step[i], (first / 700 + 1 + i) * 700);
    cr_assert(timeline_seek(t, first + 100));
    cr_assert(timeline_seek(t, first + 5000));
    cr_expect_eq(seen.count, count, "nothing is looked at again");
    cr_expect_not(timeline_seek(t, first + STEPS), "it ends the way");
    cr_expect_eq(timeline_step(t), seen.step[11]);
    cr_assert(timeline_seek(t, first + 9000));
    timeline_free(t);
    run_world_close(&w);
}
