/*
 * The PL031 real-time clock: seconds since a start that the configuration gives, and an alarm.
 */
#pragma once
#include "gen/pl031.h"
#include "sim/devices/device.h"

STATE_BEGIN
struct pl031 {
    uint64_t alarm_at; /* cycles; DEVICE_NEVER: none */
    uint32_t offset;   /* what is added to the seconds since power-on */
    uint32_t match, load;
    uint8_t imsc, ris, reserved[2];
};
STATE_END

/* Power-on reset; the counter runs, as a clock with a battery does. */
void pl031_reset(struct pl031 *rtc, uint32_t start);

/* A register access, as for the PL011; reading has no effect. */
enum device_answer pl031_read(const struct pl031 *rtc, const struct device_clock *clock,
                              uint32_t offset, unsigned size, uint32_t *value);
enum device_answer pl031_write(struct pl031 *rtc, const struct device_clock *clock,
                               uint32_t offset, unsigned size, uint32_t value);

bool pl031_line(const struct pl031 *rtc);
uint64_t pl031_deadline(const struct pl031 *rtc);
void pl031_fire(struct pl031 *rtc, const struct device_clock *clock);

const struct mmio_row *pl031_row(enum pl031_register row);
