/*
 * Searching a real payload: what is found depends on seed and budget, not on the number of
 * processes; what is found can be shrunk, recorded, written, read and replayed; and the correct
 * payload stays clean.
 */
#include "sim/explore.h"
#include "sim/replay.h"
#include "sim/shrink.h"

#include "tests/law/run_world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void open_short(struct run_world *w, const char *variant, uint64_t window, uint64_t length)
{
    struct run_setup setup;
    run_world_setup(&setup, 2);
    setup.window = window;
    setup.length = length;
    run_world_open_with(w, variant, &setup);
}

static struct explore_result *explore(struct run_world *w, enum strategy_kind strategy,
                                      uint64_t schedules, unsigned jobs, bool keep_going)
{
    struct explore_result *result = calloc(1, sizeof *result);
    struct explore_options o = {.strategy = strategy, .seed = 1, .schedules = schedules,
                                .depth = 1, .jobs = jobs, .keep_going = keep_going};
    cr_assert_not_null(result);
    explore_run(w->run, &o, result);
    return result;
}

static void same_results(const struct explore_result *a, const struct explore_result *b)
{
    cr_expect_eq(a->schedules, b->schedules);
    cr_expect_eq(a->unfair, b->unfair);
    cr_expect_eq(a->branches, b->branches);
    cr_expect_eq(a->granules, b->granules);
    cr_expect_eq(a->exhausted, b->exhausted);
    cr_expect_eq(a->insns, b->insns);
    cr_assert_eq(a->finding_count, b->finding_count);
    for (size_t i = 0; i < a->finding_count; i++) {
        const struct explore_finding *f = &a->finding[i], *g = &b->finding[i];
        cr_expect_str_eq(f->class, g->class);
        cr_expect_eq(f->schedule, g->schedule);
        cr_expect_eq(f->verdict.hash, g->verdict.hash);
        cr_assert_eq(f->record_count, g->record_count);
        cr_expect_arr_eq(f->records, g->records, f->record_count * sizeof *f->records);
    }
}

static void compare_jobs(enum strategy_kind strategy, uint64_t schedules, bool keep_going)
{
    struct run_world w;
    open_short(&w, "gen-first", 7000, 9000);
    struct explore_result *one = explore(&w, strategy, schedules, 1, keep_going);
    struct explore_result *three = explore(&w, strategy, schedules, 3, keep_going);
    same_results(one, three);
    explore_result_free(one);
    explore_result_free(three);
    free(one);
    free(three);
    run_world_close(&w);
}

Test(search, random_does_not_depend_on_the_number_of_jobs)
{
    compare_jobs(STRATEGY_RANDOM, 150, true);
}

Test(search, pct_does_not_depend_on_the_number_of_jobs)
{
    compare_jobs(STRATEGY_PCT, 150, false);
}

Test(search, systematic_does_not_depend_on_the_number_of_jobs)
{
    struct run_world w;
    open_short(&w, "gen-first", 400, 700);
    struct explore_result *one = explore(&w, STRATEGY_SYSTEMATIC, 0, 1, true);
    struct explore_result *two = explore(&w, STRATEGY_SYSTEMATIC, 0, 2, true);
    cr_expect(one->exhausted);
    cr_expect_gt(one->last_search, one->branches, "every point was tried");
    same_results(one, two);
    explore_result_free(one);
    explore_result_free(two);
    free(one);
    free(two);

    one = explore(&w, STRATEGY_SYSTEMATIC, 20, 2, true);
    cr_expect_not(one->exhausted, "stopping on a budget is not exhaustive");
    cr_expect_eq(one->schedules, 20);
    explore_result_free(one);
    free(one);
    run_world_close(&w);
}

/* Replays a trace that was written and read again. */
static void replay_copy(const struct trace *trace, enum engine_kind engine, bool without_checks)
{
    struct replay replay;
    struct replay_result result;
    struct trace copy;
    struct error error;
    uint8_t *bytes;
    size_t size;
    cr_assert(trace_encode(trace, &bytes, &size, &error), "%s", error.text);
    cr_assert(trace_decode(&copy, "copy", bytes, size, &error), "%s", error.text);
    struct replay_options o = {.engine = engine, .checks_given = without_checks};
    cr_assert(replay_open(&replay, &copy, &o, &error), "%s", error.text);
    replay_execute(&replay, &result);
    cr_expect(result.strict);
    cr_expect_not(result.diverged, "%s", result.divergence);
    cr_expect_eq(result.hashes_compared, trace->hash_count);
    cr_expect_eq(result.verdict.hash, trace->verdict.hash);
    if (!without_checks)
        cr_expect(result.same_verdict);
    replay_close(&replay);

    /* One hash that is not the recorded one is a divergence. */
    copy.hashes[0].hash ^= 1;
    if (copy.hash_count == 1)
        copy.verdict.hash ^= 1;
    cr_assert(replay_open(&replay, &copy, &o, &error), "%s", error.text);
    replay_execute(&replay, &result);
    cr_expect(result.diverged);
    cr_expect_eq(result.verdict.result, RUN_DIVERGED);
    replay_close(&replay);

    /* With another fingerprint only the verdict counts. */
    copy.fingerprint ^= 1;
    cr_assert(replay_open(&replay, &copy, &o, &error), "%s", error.text);
    replay_execute(&replay, &result);
    cr_expect_not(result.strict);
    cr_expect_not(result.diverged);
    replay_close(&replay);
    trace_free(&copy);
    free(bytes);
}

Test(search, what_is_found_is_shrunk_recorded_and_replayed)
{
    struct run_world w;
    struct shrink_result shrunk;
    struct error error;
    open_short(&w, "gen-first", 9000, 12000);
    struct explore_result *result = explore(&w, STRATEGY_PCT, 2000, 2, false);
    cr_assert_eq(result->finding_count, 1, "the race is found");
    const struct explore_finding *f = &result->finding[0];
    cr_assert(shrink_run(w.run, f->records, f->record_count, f->class, NULL, &shrunk, &error),
              "%s", error.text);
    cr_expect(shrunk.complete);
    cr_expect_leq(shrunk.record_count, f->record_count);
    cr_expect_leq(shrunk.record_count, 8);
    cr_expect_gt(shrunk.record_count, 0, "with no deviation nothing is found");

    /* Every record that is left is needed. */
    for (size_t i = 0; i < shrunk.record_count; i++) {
        struct choice_record less[8];
        size_t count = 0;
        for (size_t k = 0; k < shrunk.record_count; k++) {
            if (k != i)
                less[count++] = shrunk.records[k];
        }
        struct shrink_result nothing;
        cr_expect_not(shrink_run(w.run, less, count, f->class, NULL, &nothing, &error));
    }
    struct trace trace = {.title = "t", .image_name = "i"};
    cr_assert(trace_record(w.run, shrunk.records, shrunk.record_count, 1000, &trace, &error),
              "%s", error.text);
    cr_expect_eq(trace.verdict.hash, shrunk.verdict.hash);
    trace.image = malloc(w.image.file_size);
    cr_assert_not_null(trace.image);
    memcpy(trace.image, w.image.file, w.image.file_size);
    trace.image_size = w.image.file_size;
    replay_copy(&trace, ENGINE_KIND_PRECISE, false);
    replay_copy(&trace, ENGINE_KIND_FAST, false);
    replay_copy(&trace, ENGINE_KIND_FAST, true);
    trace_free(&trace);
    free(shrunk.records);
    explore_result_free(result);
    free(result);
    run_world_close(&w);
}

Test(search, the_correct_payload_stays_clean)
{
    struct run_world w;
    open_short(&w, "correct", 7000, 9000);
    struct explore_result *result = explore(&w, STRATEGY_PORTFOLIO, 300, 2, true);
    cr_expect_eq(result->finding_count, 0, "%s", result->finding[0].class);
    cr_expect_eq(result->schedules, 300);
    explore_result_free(result);
    free(result);
    run_world_close(&w);
}
