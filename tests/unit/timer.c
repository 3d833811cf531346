/*
 * The generic timer: conditions, lines, deadlines and event streams, at all values around the
 * places where they change, against stepping the counter one by one.
 */
#include <criterion/criterion.h>

#include "cpu/timer.h"

struct place {
    enum cpu_timer timer;
    enum sysreg ctl, cval;
};

static const struct place places[] = {
    {TIMER_P, SR_CNTP_CTL_EL0, SR_CNTP_CVAL_EL0},
    {TIMER_V, SR_CNTV_CTL_EL0, SR_CNTV_CVAL_EL0},
    {TIMER_HP, SR_CNTHP_CTL_EL2, SR_CNTHP_CVAL_EL2},
};

static const uint64_t corners[] = {0, 1, 2, 99, 100, 101, UINT64_MAX / 2, UINT64_MAX / 2 + 1,
                                   UINT64_MAX - 1, UINT64_MAX};

Test(timer, line_for_all_controls_and_corners)
{
    for (size_t p = 0; p < ARRAY_COUNT(places); p++)
        for (unsigned ctl = 0; ctl < 4; ctl++)
            for (size_t i = 0; i < ARRAY_COUNT(corners); i++)
                for (size_t k = 0; k < ARRAY_COUNT(corners); k++) {
                    struct cpu cpu = {0};
                    cpu.effective[places[p].ctl] = ctl;
                    cpu.effective[places[p].cval] = corners[i];
                    bool met = corners[k] >= corners[i];
                    cr_assert_eq(timer_condition(&cpu, places[p].timer, corners[k]),
                                 (ctl & 1) && met);
                    cr_assert_eq(timer_line(&cpu, places[p].timer, corners[k]), ctl == 1 && met);
                }
}

Test(timer, only_the_virtual_timer_has_an_offset)
{
    for (size_t p = 0; p < ARRAY_COUNT(places); p++) {
        struct cpu cpu = {0};
        cpu.effective[places[p].ctl] = 1;
        cpu.effective[places[p].cval] = 50;
        cpu.effective[SR_CNTVOFF_EL2] = 1000;
        bool is_virtual = places[p].timer == TIMER_V;
        cr_assert_eq(timer_count(&cpu, places[p].timer, 1030), is_virtual ? 30 : 1030);
        cr_assert_eq(timer_line(&cpu, places[p].timer, 1049), !is_virtual);
        cr_assert_eq(timer_line(&cpu, places[p].timer, 1050), true);
        cr_assert_eq(timer_deadline(&cpu, places[p].timer, 1000), is_virtual ? 1050 : UINT64_MAX);
    }
}

/* The deadline is the first count at which the line is another one than now. */
Test(timer, deadline_is_where_the_line_changes)
{
    for (size_t p = 0; p < ARRAY_COUNT(places); p++)
        for (unsigned ctl = 0; ctl < 4; ctl++)
            for (uint64_t offset = 0; offset < 30; offset++)
                for (uint64_t cval = 0; cval < 12; cval++)
                    for (uint64_t now = 12; now < 24; now++) {
                        struct cpu cpu = {0};
                        cpu.effective[places[p].ctl] = ctl;
                        cpu.effective[places[p].cval] = cval;
                        cpu.effective[SR_CNTVOFF_EL2] = offset;
                        uint64_t changes = UINT64_MAX;
                        bool line = timer_line(&cpu, places[p].timer, now);
                        for (uint64_t t = now; t < 64 && changes == UINT64_MAX; t++)
                            if (timer_line(&cpu, places[p].timer, t) != line)
                                changes = t;
                        cr_assert_eq(timer_deadline(&cpu, places[p].timer, now), changes);
                    }
}

Test(timer, a_line_falls_where_the_virtual_counter_wraps)
{
    struct cpu cpu = {0};
    cpu.effective[SR_CNTV_CTL_EL0] = 1;
    cpu.effective[SR_CNTVOFF_EL2] = 1000;
    for (uint64_t cval = 0; cval < 3; cval++) {
        cpu.effective[SR_CNTV_CVAL_EL0] = cval;
        cr_assert(timer_line(&cpu, TIMER_V, 999), "the counter is 2^64 - 1");
        cr_assert_eq(timer_line(&cpu, TIMER_V, 1000), cval == 0);
        cr_assert_eq(timer_deadline(&cpu, TIMER_V, 900), cval == 0 ? UINT64_MAX : 1000);
        cr_assert_eq(timer_deadline(&cpu, TIMER_V, 1000), cval == 0 ? UINT64_MAX : 1000 + cval);
    }
}

Test(timer, a_deadline_out_of_range_never_comes)
{
    struct cpu cpu = {0};
    cpu.effective[SR_CNTV_CTL_EL0] = 1;
    cpu.effective[SR_CNTV_CVAL_EL0] = UINT64_MAX;
    cpu.effective[SR_CNTVOFF_EL2] = 10;
    cr_assert_eq(timer_deadline(&cpu, TIMER_V, 100), UINT64_MAX, "2^64 + 9 is not reached");
    cpu.effective[SR_CNTVOFF_EL2] = (uint64_t)-10; /* the virtual counter is ahead */
    cr_assert_eq(timer_deadline(&cpu, TIMER_V, 100), UINT64_MAX - 10);
}

static bool is_event(uint64_t from, unsigned bit, bool falling)
{
    bool before = (from >> bit) & 1, after = ((from + 1) >> bit) & 1;
    return falling ? before && !after : !before && after;
}

Test(timer, event_stream_comes_where_the_bit_changes)
{
    for (unsigned bit = 0; bit < 5; bit++)
        for (unsigned falling = 0; falling < 2; falling++)
            for (unsigned which = 0; which < 2; which++)
                for (uint64_t now = 100; now < 200; now++) {
                    struct cpu cpu = {0};
                    uint64_t control = field_put(CNTKCTL_EL1_EVNTI, bit) | CNTKCTL_EL1_EVNTEN |
                                       (falling ? CNTKCTL_EL1_EVNTDIR : 0);
                    cpu.effective[which ? SR_CNTHCTL_EL2 : SR_CNTKCTL_EL1] = control;
                    cpu.effective[SR_CNTVOFF_EL2] = 7;
                    uint64_t count = which ? now : now - 7;
                    uint64_t step = 0;
                    while (!is_event(count + step, bit, falling))
                        step++;
                    cr_assert_eq(timer_event_deadline(&cpu, now), now + step + 1);
                }
    struct cpu off = {0};
    cr_assert_eq(timer_event_deadline(&off, 5), UINT64_MAX);
}
