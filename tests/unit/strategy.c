/*
 * Strategies against scripted questions: what they answer is a function of seed, schedule and
 * what was asked; they deviate where they may and about as often as they say.
 */
#include "sim/strategy.h"

#include "sim/machine.h"

#include <criterion/criterion.h>
#include <string.h>

#define QUESTIONS 1000u
#define BASE UINT64_C(0x40000000)

struct fixture {
    struct shared shared;
    struct strategy_profile profile;
};

/* Granules 0..9 are shared; question i is about granule i % 20. */
static void open(struct fixture *f)
{
    shared_init(&f->shared, BASE, 1 << 20);
    for (unsigned i = 0; i < 10; i++) {
        shared_touch(&f->shared, BASE + i * SHARED_GRANULE_BYTES, 0, true);
        shared_touch(&f->shared, BASE + i * SHARED_GRANULE_BYTES + 8, 1, false);
    }
    cr_assert(shared_freeze(&f->shared));
    f->profile = (struct strategy_profile){
        .questions = QUESTIONS, .branches = QUESTIONS / 2, .shared = &f->shared};
}

static uint64_t hint_of(unsigned i)
{
    return BASE + i % 20 * SHARED_GRANULE_BYTES;
}

static struct choice_name name_of(unsigned i)
{
    return (struct choice_name){.ordinal = 1000 + 3 * i, .object = i & 1, .kind = CHOICE_NEXT_CPU};
}

/* Asks all questions; answers gets them. Returns how many are not 0. */
static unsigned ask(choice_decide *decide, void *context, uint32_t *answers)
{
    unsigned count = 0;
    for (unsigned i = 0; i < QUESTIONS; i++) {
        struct choice_name name = name_of(i);
        answers[i] = decide(context, &name, HOLD_ANSWERS, hint_of(i));
        cr_assert_lt(answers[i], HOLD_ANSWERS);
        count += answers[i] != 0;
    }
    return count;
}

Test(strategy, names_are_their_own_inverse)
{
    enum strategy_kind kind;
    for (unsigned i = 0; i < STRATEGY_COUNT; i++) {
        cr_expect(strategy_by_name(strategy_name((enum strategy_kind)i), &kind));
        cr_expect_eq(kind, i);
    }
    cr_expect_not(strategy_by_name("", &kind));
    cr_expect_not(strategy_by_name("luck", &kind));
}

Test(strategy, a_granule_is_shared_when_two_touch_and_one_writes)
{
    struct shared s;
    shared_init(&s, BASE, 1 << 20);
    shared_touch(&s, BASE, 0, false);
    shared_touch(&s, BASE + 63, 1, false);
    shared_touch(&s, BASE + 64, 1, true);
    shared_touch(&s, BASE + 64, 1, false);
    shared_touch(&s, BASE - 1, 0, true);
    shared_touch(&s, BASE + (1 << 20), 0, true);
    cr_expect_not(shared_freeze(&s), "nothing is shared yet");
    shared_touch(&s, BASE + 8, 1, true);
    cr_expect_not(shared_is_branch(&s, BASE), "not before it is frozen");
    cr_expect(shared_freeze(&s));
    cr_expect(shared_is_branch(&s, BASE + 63));
    cr_expect_not(shared_is_branch(&s, BASE + 64));
    cr_expect_not(shared_is_branch(&s, BASE - 1));
    cr_expect_not(shared_freeze(&s), "nothing new");
    cr_expect_eq(s.branch_count, 1);

    struct choice_name hold = {1, 0, CHOICE_NEXT_CPU}, other = {1, 0, CHOICE_TLBI_DELIVER};
    cr_expect(strategy_is_branch(&s, &hold, BASE));
    cr_expect_not(strategy_is_branch(&s, &hold, BASE + 64));
    cr_expect(strategy_is_branch(&s, &hold, VISIBLE_BARRIER));
    cr_expect(strategy_is_branch(&s, &hold, VISIBLE_WALK));
    cr_expect(strategy_is_branch(&s, &other, BASE + 64));
    shared_free(&s);
}

Test(strategy, random_schedules_repeat_and_differ)
{
    struct fixture f;
    uint32_t one[QUESTIONS], two[QUESTIONS];
    unsigned same = 0, total = 0, empty = 0;
    open(&f);
    for (uint64_t schedule = 0; schedule < 300; schedule++) {
        struct strategy_random s;
        strategy_random_begin(&s, 7, schedule, &f.profile);
        bool only_branches = s.shared != NULL;
        unsigned count = ask(strategy_random_decide, &s, one);
        strategy_random_begin(&s, 7, schedule, &f.profile);
        ask(strategy_random_decide, &s, two);
        cr_assert_arr_eq(one, two, sizeof one);
        for (unsigned i = 0; i < QUESTIONS && only_branches; i++)
            cr_assert(one[i] == 0 || i % 20 < 10, "a deviation where nothing is shared");
        strategy_random_begin(&s, 8, schedule, &f.profile);
        ask(strategy_random_decide, &s, two);
        same += memcmp(one, two, sizeof one) == 0;
        empty += count == 0;
        total += count;
    }
    /* 1, 2, ... 32 expected: 10.5 on average. */
    cr_expect(total > 300 * 7 && total < 300 * 14, "%u deviations", total);
    cr_expect_lt(same, 30, "another seed gives the same %u times", same);
    cr_expect_lt(empty, 60);
    shared_free(&f.shared);
}

Test(strategy, pct_has_as_many_change_points_as_its_depth_says)
{
    struct fixture f;
    uint32_t one[QUESTIONS], two[QUESTIONS];
    bool seen[HOLD_ANSWERS] = {false};
    open(&f);
    for (uint64_t schedule = 0; schedule < 200; schedule++) {
        struct strategy_pct s;
        unsigned depth = STRATEGY_PCT_DEPTH_MIN + (unsigned)(schedule % 5);
        strategy_pct_begin(&s, 3, schedule, &f.profile, 2);
        cr_assert_eq(s.change_count, depth - 1);
        unsigned start = s.low_start, count = ask(strategy_pct_decide, &s, one);
        /* Two change points may fall together, or one on the first hold. */
        cr_expect(count >= 1 && count <= depth - 1 + start, "%u of depth %u", count, depth);
        for (unsigned i = 0; i < QUESTIONS; i++) {
            seen[one[i]] = true;
            cr_assert(one[i] == 0 || i % 20 < 10);
        }
        strategy_pct_begin(&s, 3, schedule, &f.profile, 2);
        ask(strategy_pct_decide, &s, two);
        cr_assert_arr_eq(one, two, sizeof one);
    }
    for (unsigned i = 0; i < HOLD_ANSWERS; i++)
        cr_expect(seen[i], "no demotion had the answer %u", i);
    shared_free(&f.shared);
}

Test(strategy, systematic_applies_deviations_in_order_and_collects_behind_the_last)
{
    struct fixture f;
    uint32_t answers[QUESTIONS];
    open(&f);
    struct strategy_systematic s = {.shared = &f.shared, .collect = true};
    strategy_systematic_begin(&s);
    cr_expect_eq(ask(strategy_systematic_decide, &s, answers), 0);
    cr_expect_eq(s.point_count, QUESTIONS / 2, "the points of the run with no deviation");

    s.deviation[0] = (struct choice_record){name_of(100), HOLD_ANSWERS, 2};
    s.deviation[1] = (struct choice_record){name_of(900), HOLD_ANSWERS, 5};
    s.count = 2;
    strategy_systematic_begin(&s);
    cr_expect_eq(ask(strategy_systematic_decide, &s, answers), 2);
    cr_expect_eq(answers[100], 2);
    cr_expect_eq(answers[900], 5);
    cr_expect_eq(s.applied, 2);
    cr_expect_eq(s.point_count, 49, "901 to 999, where granules are shared");
    for (size_t i = 0; i < s.point_count; i++)
        cr_assert_gt(s.point[i].name.ordinal, s.deviation[1].name.ordinal);
    strategy_systematic_free(&s);
    shared_free(&f.shared);
}
