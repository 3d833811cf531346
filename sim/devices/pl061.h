/*
 * The PL061 GPIO: eight lines. The board has its power button on one of them.
 */
#pragma once
#include "gen/pl061.h"
#include "sim/devices/device.h"

#define PL061_POWER_BUTTON 3u

STATE_BEGIN
struct pl061 {
    uint64_t press_at;   /* when somebody presses the button; DEVICE_NEVER: nobody does */
    uint64_t release_at; /* when it comes up again */
    uint8_t data, dir, is, ibe, iev, ie, afsel;
    uint8_t inputs; /* what is driven from outside */
    uint8_t edges;  /* edges that were seen and not cleared */
    uint8_t reserved[7];
};
STATE_END

/* Power-on reset: all lines are inputs, the button is up. */
void pl061_reset(struct pl061 *gpio);

/* A register access, as for the PL011; reading has no effect. */
enum device_answer pl061_read(const struct pl061 *gpio, uint32_t offset, unsigned size,
                              uint32_t *value);
/* *armed: the write switched the interrupt of the power button on. */
enum device_answer pl061_write(struct pl061 *gpio, uint32_t offset, unsigned size, uint32_t value,
                               bool *armed);

bool pl061_line(const struct pl061 *gpio);

/* The button goes down at `at`, and up a tenth of a second later. */
void pl061_press(struct pl061 *gpio, uint64_t at);
uint64_t pl061_deadline(const struct pl061 *gpio);
void pl061_fire(struct pl061 *gpio, const struct device_clock *clock);

const struct mmio_row *pl061_row(enum pl061_register row);
