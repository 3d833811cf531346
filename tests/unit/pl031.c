/*
 * The PL031: every register row, seconds from the system counter, the alarm.
 */
#include <criterion/criterion.h>

#include "sim/devices/pl031.h"

#define HZ UINT64_C(1000000000)
#define START 1000u

static struct pl031 rtc;
static struct device_clock clock = {.now = 0, .hz = HZ};

static uint32_t get(uint32_t offset)
{
    uint32_t value = 0xdeadbeef;
    cr_assert_eq(pl031_read(&rtc, &clock, offset, 4, &value), DEVICE_OK);
    return value;
}

static void put(uint32_t offset, uint32_t value)
{
    cr_assert_eq(pl031_write(&rtc, &clock, offset, 4, value), DEVICE_OK);
}

static void reset(void)
{
    clock.now = 0;
    memset(&rtc, 0xa5, sizeof rtc);
    pl031_reset(&rtc, START);
}

static void wait_until(uint64_t now)
{
    while (pl031_deadline(&rtc) <= now) {
        clock.now = pl031_deadline(&rtc);
        pl031_fire(&rtc, &clock);
    }
    clock.now = now;
}

Test(pl031, every_row)
{
    for (unsigned i = 0; i < PL031_REGISTER_COUNT; i++) {
        const struct mmio_row *row = pl031_row((enum pl031_register)i);
        bool counts = row->offset == RTCDR_OFFSET;
        reset();
        cr_assert_eq(get(row->offset), counts ? START : row->readable ? row->reset : 0, "%s",
                     row->name);
        put(row->offset, 0xffffffff);
        bool keeps = row->offset == RTCMR_OFFSET || row->offset == RTCLR_OFFSET ||
                     row->offset == RTCIMSC_OFFSET;
        uint32_t expected = counts ? START : keeps ? ~row->zeros : row->readable ? row->reset : 0;
        cr_assert_eq(get(row->offset), expected, "%s", row->name);
        uint32_t value;
        cr_assert_eq(pl031_read(&rtc, &clock, row->offset, 1, &value), DEVICE_OK);
        cr_assert_eq(value, expected & 0xff, "%s", row->name);
        cr_assert_eq(pl031_read(&rtc, &clock, row->offset + 1, 1, &value), DEVICE_ABORT);
        cr_assert_eq(pl031_read(&rtc, &clock, row->offset, 8, &value), DEVICE_ABORT);
        cr_assert_eq(pl031_write(&rtc, &clock, row->offset + 2, 2, 0), DEVICE_ABORT);
    }
    cr_assert_eq(get(0x20), 0u, "a hole");
    put(0x20, 1);
}

Test(pl031, counts_the_seconds_of_the_system_counter)
{
    reset();
    clock.now = HZ - 1;
    cr_assert_eq(get(RTCDR_OFFSET), START);
    clock.now = HZ;
    cr_assert_eq(get(RTCDR_OFFSET), START + 1);
    put(RTCLR_OFFSET, 5);
    cr_assert_eq(get(RTCDR_OFFSET), 5u);
    cr_assert_eq(get(RTCLR_OFFSET), 5u);
    clock.now = 3 * HZ + HZ / 2;
    cr_assert_eq(get(RTCDR_OFFSET), 7u);
    put(RTCCR_OFFSET, 0);
    cr_assert_eq(get(RTCCR_OFFSET), 1u, "nothing stops it");
    put(RTCLR_OFFSET, UINT32_MAX);
    clock.now += HZ;
    cr_assert_eq(get(RTCDR_OFFSET), 0u, "32 bits");
}

Test(pl031, the_alarm_comes_at_its_second)
{
    reset();
    cr_assert_eq(pl031_deadline(&rtc), DEVICE_NEVER);
    put(RTCMR_OFFSET, START + 3);
    cr_assert_eq(pl031_deadline(&rtc), 3 * HZ);
    wait_until(3 * HZ - 1);
    cr_assert_eq(get(RTCRIS_OFFSET), 0u);
    wait_until(3 * HZ);
    cr_assert_eq(get(RTCRIS_OFFSET), 1u);
    cr_assert_eq(get(RTCMIS_OFFSET), 0u);
    cr_assert(!pl031_line(&rtc));
    put(RTCIMSC_OFFSET, 1);
    cr_assert(pl031_line(&rtc));
    cr_assert_eq(get(RTCMIS_OFFSET), 1u);
    put(RTCICR_OFFSET, 0);
    cr_assert(pl031_line(&rtc));
    put(RTCICR_OFFSET, 1);
    cr_assert(!pl031_line(&rtc));
    wait_until(100 * HZ);
    cr_assert(!pl031_line(&rtc), "once");
    put(RTCMR_OFFSET, get(RTCDR_OFFSET));
    cr_assert(pl031_line(&rtc), "at once when they are equal");
    put(RTCICR_OFFSET, 1);
    put(RTCMR_OFFSET, 5);
    put(RTCLR_OFFSET, 3);
    wait_until(102 * HZ - 1);
    cr_assert(!pl031_line(&rtc));
    wait_until(102 * HZ);
    cr_assert(pl031_line(&rtc), "the load moved it");
}
