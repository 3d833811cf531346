/*
 * The PL031 real-time clock. Its second is that of the system counter, from power-on on; nothing
 * of the host's time is in it. The alarm is raised when the counter comes to RTCMR, and at once by
 * a write that makes them equal.
 *
 * Not modelled: a counter that stands before RTCCR.Start is set; the board's has been started, and
 * can only be stopped by a reset. Writes of RTCLR count at once, not at the next second.
 *
 * Arm DDI 0224: Programmers Model.
 */
#include "sim/devices/pl031.h"

#include <string.h>

#include "gen/pl031.inc"

const struct mmio_row *pl031_row(enum pl031_register row)
{
    ensure(row < PL031_REGISTER_COUNT);
    return &pl031_register_rows[row];
}

static uint32_t seconds(const struct pl031 *rtc, const struct device_clock *clock)
{
    return (uint32_t)(clock->now / clock->hz) + rtc->offset;
}

/* When the counter is at the match the next time; its 32 bits turn over. */
static void alarm_set(struct pl031 *rtc, const struct device_clock *clock)
{
    uint32_t left = rtc->match - seconds(rtc, clock);
    if (left == 0)
        rtc->ris |= (uint8_t)RTCINT_Alarm;
    uint64_t wait = left == 0 ? UINT64_C(1) << 32 : left;
    uint64_t at;
    if (__builtin_mul_overflow(clock->now / clock->hz + wait, clock->hz, &at))
        at = DEVICE_NEVER;
    rtc->alarm_at = at;
}

void pl031_reset(struct pl031 *rtc, uint32_t start)
{
    memset(rtc, 0, sizeof *rtc);
    rtc->offset = start;
    rtc->alarm_at = DEVICE_NEVER; /* until somebody says when */
}

static uint32_t word_get(const struct pl031 *rtc, const struct device_clock *clock,
                         const struct mmio_row *row)
{
    switch (row->offset) {
    case RTCDR_OFFSET:
        return seconds(rtc, clock);
    case RTCMR_OFFSET:
        return rtc->match;
    case RTCLR_OFFSET:
        return rtc->load;
    case RTCIMSC_OFFSET:
        return rtc->imsc;
    case RTCRIS_OFFSET:
        return rtc->ris;
    case RTCMIS_OFFSET:
        return rtc->ris & rtc->imsc;
    default: /* control and identification */
        return row->reset;
    }
}

enum device_answer pl031_read(const struct pl031 *rtc, const struct device_clock *clock,
                              uint32_t offset, unsigned size, uint32_t *value)
{
    enum device_answer answer = device_check(offset, size, RTC_SIZE);
    if (answer != DEVICE_OK)
        return answer;
    const struct mmio_row *row = device_row(pl031_register_rows, PL031_REGISTER_COUNT, offset);
    uint32_t word = row && row->readable ? word_get(rtc, clock, row) : 0;
    *value = word & (uint32_t)bits_ones(size * 8);
    return DEVICE_OK;
}

enum device_answer pl031_write(struct pl031 *rtc, const struct device_clock *clock,
                               uint32_t offset, unsigned size, uint32_t value)
{
    enum device_answer answer = device_check(offset, size, RTC_SIZE);
    const struct mmio_row *row = device_row(pl031_register_rows, PL031_REGISTER_COUNT, offset);
    if (answer != DEVICE_OK || !row || !row->writable)
        return answer;
    value &= (uint32_t)bits_ones(size * 8) & ~row->zeros;
    switch (row->offset) {
    case RTCMR_OFFSET:
        rtc->match = value;
        alarm_set(rtc, clock);
        break;
    case RTCLR_OFFSET:
        rtc->load = value;
        rtc->offset += value - seconds(rtc, clock);
        alarm_set(rtc, clock);
        break;
    case RTCIMSC_OFFSET:
        rtc->imsc = (uint8_t)value;
        break;
    case RTCICR_OFFSET:
        rtc->ris &= (uint8_t)~value;
        break;
    default: /* RTCCR: it runs already */
        break;
    }
    return DEVICE_OK;
}

bool pl031_line(const struct pl031 *rtc)
{
    return (rtc->ris & rtc->imsc) != 0;
}

uint64_t pl031_deadline(const struct pl031 *rtc)
{
    return rtc->alarm_at;
}

void pl031_fire(struct pl031 *rtc, const struct device_clock *clock)
{
    if (rtc->alarm_at <= clock->now)
        alarm_set(rtc, clock);
}
