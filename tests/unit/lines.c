/*
 * Edges on their way along a line: their order, what overtakes what, and that a source and its
 * destination agree in the end, against a list of levels over time.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/lines.h"

#define LINE 7u

/* Puts an edge to be seen at `at`, for a destination that sees 0 before any. */
static void put(struct lines *lines, uint64_t at, bool keeps_edges)
{
    lines_put(lines, LINE, false, at, keeps_edges);
}

static void expect_empty(const struct lines *lines)
{
    static const struct lines empty;
    cr_assert_eq(memcmp(lines, &empty, sizeof empty), 0, "nothing on its way is all zeroes");
}

Test(lines, an_edge_is_due_at_its_time)
{
    struct lines lines = {0};
    cr_assert_eq(lines_source(&lines, LINE, false), false);
    cr_assert_eq(lines_source(&lines, LINE, true), true);
    put(&lines, 100, false);
    cr_assert_eq(lines_source(&lines, LINE, false), true, "the source has risen");
    cr_assert_eq(lines_due(&lines, 99), LINE_NONE);
    cr_assert_eq(lines_due(&lines, 100), LINE);
    cr_assert_eq(lines_take(&lines, LINE), true);
    expect_empty(&lines);
}

Test(lines, a_pulse_is_seen_late_as_a_whole)
{
    struct lines lines = {0};
    put(&lines, 100, false);
    put(&lines, 150, false);
    cr_assert_eq(lines_source(&lines, LINE, false), false);
    cr_assert(lines_is_full(&lines, LINE));
    cr_assert_eq(lines_due(&lines, 1000), LINE);
    cr_assert_eq(lines_take(&lines, LINE), true);
    cr_assert_eq(lines_due(&lines, 149), LINE_NONE);
    cr_assert_eq(lines_due(&lines, 150), LINE);
    cr_assert_eq(lines_take(&lines, LINE), false);
    expect_empty(&lines);
}

Test(lines, a_pulse_whose_end_overtakes_its_beginning_is_not_seen)
{
    struct lines lines = {0};
    put(&lines, 100, false);
    put(&lines, 100, false);
    expect_empty(&lines);
    put(&lines, 100, false);
    put(&lines, 60, false);
    expect_empty(&lines);
    put(&lines, 200, false); /* so is a dip behind a rise */
    put(&lines, 300, false);
    cr_assert_eq(lines_take(&lines, LINE), true);
    lines_put(&lines, LINE, true, 250, false);
    expect_empty(&lines);
}

Test(lines, an_edge_triggered_destination_sees_every_pulse)
{
    struct lines lines = {0};
    put(&lines, 100, true);
    put(&lines, 60, true);
    cr_assert_eq(lines_due(&lines, 100), LINE);
    cr_assert_eq(lines_take(&lines, LINE), true);
    cr_assert_eq(lines_due(&lines, 100), LINE_NONE);
    cr_assert_eq(lines_due(&lines, 101), LINE);
    cr_assert_eq(lines_take(&lines, LINE), false);
    expect_empty(&lines);
}

Test(lines, several_lines_are_due_by_time_then_number)
{
    struct lines lines = {0};
    lines_put(&lines, LINE_COUNT - 1, false, 50, false);
    lines_put(&lines, 20, true, 70, false);
    lines_put(&lines, 3, false, 70, false);
    cr_assert_eq(lines.count, 3);
    cr_assert_eq(lines_due(&lines, 100), LINE_COUNT - 1);
    lines_take(&lines, LINE_COUNT - 1);
    cr_assert_eq(lines_due(&lines, 100), 3);
    lines_drop(&lines, 3);
    cr_assert_eq(lines_due(&lines, 100), 20);
    cr_assert_eq(lines_take(&lines, 20), false, "its destination saw 1");
    lines_drop(&lines, 20);
    expect_empty(&lines);
}

/*
 * A source that flips at random times with random delays: the destination sees edges that
 * alternate, in order, none before its cause, and is right as soon as nothing is on its way.
 */
Test(lines, random_edges)
{
    uint64_t random = 1, pulses = 0, swallowed = 0;
    for (unsigned round = 0; round < 2000; round++) {
        struct lines lines = {0};
        bool keeps = round & 1, source = false, seen = false;
        uint64_t now = 0, last = 0, rises = 0, seen_rises = 0;
        for (unsigned step = 0; step < 40; step++) {
            random = hash_mix(random + step);
            now += random % 30;
            while (lines_due(&lines, now) != LINE_NONE) {
                cr_assert_geq(lines.next, last);
                last = lines.next;
                cr_assert_neq(lines_take(&lines, LINE), seen);
                seen = !seen;
                seen_rises += seen;
            }
            if (lines_is_full(&lines, LINE)) {
                cr_assert_neq(lines_take(&lines, LINE), seen);
                seen = !seen;
                seen_rises += seen;
            }
            lines_put(&lines, LINE, seen, now + (random >> 20) % 60 + 1, keeps);
            source = !source;
            rises += source;
            cr_assert_eq(lines_source(&lines, LINE, seen), source);
        }
        while (lines_due(&lines, UINT64_MAX) != LINE_NONE) {
            lines_take(&lines, LINE);
            seen = !seen;
            seen_rises += seen;
        }
        cr_assert_eq(seen, source);
        expect_empty(&lines);
        cr_assert_leq(seen_rises, rises);
        pulses += rises;
        swallowed += rises - seen_rises;
        if (keeps)
            cr_assert_eq(seen_rises, rises);
    }
    cr_assert_gt(swallowed, pulses / 20);
    cr_assert_lt(swallowed, pulses);
}
