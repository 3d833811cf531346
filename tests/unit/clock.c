/* The system counter never goes back; deadlines fire in the order of time, then slot. */
#include "sim/base/clock.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(clock, counter_never_goes_back)
{
    struct clock clock;
    clock_init(&clock, 16);
    cr_assert_eq(clock_read(&clock, 0), 0u);
    cr_assert_eq(clock_peek(&clock, 170), 10u);
    cr_assert_eq(clock_read(&clock, 15), 0u);
    cr_assert_eq(clock_read(&clock, 160), 10u);
    cr_assert_eq(clock_read(&clock, 31), 10u, "an earlier reader sees what was already read");
    cr_assert_eq(clock_peek(&clock, 31), 10u);
    cr_assert_eq(clock.seen, 160u);
    clock_set_deadline(&clock, 5, 320);
    cr_assert_eq(clock_fire(&clock, 1000), 5);
    cr_assert_eq(clock_read(&clock, 0), 20u, "a fired deadline counts as seen, at its own time");
}

Test(clock, first_cycle_of_a_tick)
{
    struct clock clock;
    clock_init(&clock, 16);
    for (uint64_t tick = 1; tick < 100; tick++) {
        uint64_t cycles = clock_cycles_of_tick(&clock, tick);
        cr_assert_eq(clock_peek(&clock, cycles), tick);
        cr_assert_eq(clock_peek(&clock, cycles - 1), tick - 1);
    }
    cr_assert_eq(clock_cycles_of_tick(&clock, UINT64_MAX / 16), UINT64_MAX / 16 * 16);
    cr_assert_eq(clock_cycles_of_tick(&clock, UINT64_MAX / 16 + 1), DEADLINE_NEVER);
    cr_assert_eq(clock_cycles_of_tick(&clock, UINT64_MAX), DEADLINE_NEVER);
}

Test(clock, deadlines_fire_by_time_then_slot)
{
    struct clock clock;
    clock_init(&clock, 1);
    cr_assert_eq(clock_fire(&clock, UINT64_MAX), -1);
    clock_set_deadline(&clock, 9, 100);
    clock_set_deadline(&clock, 3, 100);
    clock_set_deadline(&clock, 1, 200);
    clock_set_deadline(&clock, 2, 50);
    clock_set_deadline(&clock, 63, DEADLINE_NEVER - 1);
    cr_assert_eq(clock.next, 50u);
    cr_assert_eq(clock_fire(&clock, 49), -1);
    clock_set_deadline(&clock, 2, 150);
    cr_assert_eq(clock.next, 100u, "moving the nearest one away finds the next");
    cr_assert_eq(clock_fire(&clock, 300), 3);
    cr_assert_eq(clock_fire(&clock, 300), 9);
    cr_assert_eq(clock.seen, 100u);
    clock_set_deadline(&clock, 2, DEADLINE_NEVER);
    cr_assert_eq(clock_fire(&clock, 300), 1);
    cr_assert_eq(clock_fire(&clock, 300), -1);
    cr_assert_eq(clock_fire(&clock, UINT64_MAX), 63);
    cr_assert_eq(clock.next, DEADLINE_NEVER);
}

/* Against a model that looks at all slots each time. */
Test(clock, random_operations)
{
    struct clock clock;
    uint64_t deadline[DEADLINE_COUNT_MAX], random = 1, now = 0;
    clock_init(&clock, 3);
    for (unsigned i = 0; i < DEADLINE_COUNT_MAX; i++)
        deadline[i] = DEADLINE_NEVER;
    for (unsigned step = 0; step < 50000; step++) {
        random = hash_mix(random + step);
        unsigned slot = (unsigned)(random >> 8) % DEADLINE_COUNT_MAX;
        if (random % 3 != 0) {
            deadline[slot] = random % 7 == 0 ? DEADLINE_NEVER : now + (random >> 20) % 64;
            clock_set_deadline(&clock, slot, deadline[slot]);
            continue;
        }
        now += random % 8;
        int first = -1;
        for (int i = 0; i < (int)DEADLINE_COUNT_MAX; i++) {
            if (deadline[i] <= now && (first < 0 || deadline[i] < deadline[first]))
                first = i;
        }
        cr_assert_eq(clock_fire(&clock, now), first);
        if (first >= 0)
            deadline[first] = DEADLINE_NEVER;
    }
}

Test(clock, slot_out_of_range_is_our_bug, .signal = SIGABRT)
{
    struct clock clock;
    clock_init(&clock, 1);
    clock_set_deadline(&clock, DEADLINE_COUNT_MAX, 1);
}
