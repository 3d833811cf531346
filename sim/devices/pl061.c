/*
 * The PL061 GPIO, with a power button on one of its lines.
 *
 * Interrupts are those of lines that are inputs: edges are remembered until GPIOIC clears them,
 * levels are what they are now and nothing clears them. Not modelled: alternative functions;
 * GPIOAFSEL keeps what is written, and nothing drives the lines instead.
 *
 * Arm DDI 0190: Programmers Model.
 */
#include "sim/devices/pl061.h"

#include <string.h>

#include "gen/pl061.inc"

#define PRESSES_PER_SECOND 10u

const struct mmio_row *pl061_row(enum pl061_register row)
{
    ensure(row < PL061_REGISTER_COUNT);
    return &pl061_register_rows[row];
}

void pl061_reset(struct pl061 *gpio)
{
    memset(gpio, 0, sizeof *gpio);
    gpio->press_at = DEVICE_NEVER;
    gpio->release_at = DEVICE_NEVER;
}

static uint8_t raw_status(const struct pl061 *gpio)
{
    uint8_t levels = (uint8_t)~(gpio->inputs ^ gpio->iev);
    return (uint8_t)((gpio->edges & ~gpio->is) | (levels & gpio->is & ~gpio->dir));
}

static void inputs_set(struct pl061 *gpio, uint8_t inputs)
{
    uint8_t changed = (uint8_t)((gpio->inputs ^ inputs) & ~gpio->dir);
    gpio->inputs = inputs;
    uint8_t wanted = (uint8_t)(gpio->ibe | ~(inputs ^ gpio->iev));
    gpio->edges |= (uint8_t)(changed & wanted & ~gpio->is);
}

static uint8_t word_get(const struct pl061 *gpio, uint32_t offset, const struct mmio_row *row)
{
    switch (row->offset) {
    case GPIODATA_OFFSET:
        return (uint8_t)(((gpio->data & gpio->dir) | (gpio->inputs & ~gpio->dir)) & offset >> 2);
    case GPIODIR_OFFSET:
        return gpio->dir;
    case GPIOIS_OFFSET:
        return gpio->is;
    case GPIOIBE_OFFSET:
        return gpio->ibe;
    case GPIOIEV_OFFSET:
        return gpio->iev;
    case GPIOIE_OFFSET:
        return gpio->ie;
    case GPIORIS_OFFSET:
        return raw_status(gpio);
    case GPIOMIS_OFFSET:
        return raw_status(gpio) & gpio->ie;
    case GPIOAFSEL_OFFSET:
        return gpio->afsel;
    default: /* identification */
        return (uint8_t)row->reset;
    }
}

enum device_answer pl061_read(const struct pl061 *gpio, uint32_t offset, unsigned size,
                              uint32_t *value)
{
    enum device_answer answer = device_check(offset, size, GPIO_SIZE);
    if (answer != DEVICE_OK)
        return answer;
    const struct mmio_row *row = device_row(pl061_register_rows, PL061_REGISTER_COUNT, offset);
    *value = row && row->readable ? word_get(gpio, offset, row) : 0;
    return DEVICE_OK;
}

static void word_put(struct pl061 *gpio, uint32_t offset, const struct mmio_row *row, uint8_t value)
{
    uint8_t lines = (uint8_t)(offset >> 2);
    switch (row->offset) {
    case GPIODATA_OFFSET: /* lines that are inputs keep nothing */
        lines &= gpio->dir;
        gpio->data = (uint8_t)((gpio->data & ~lines) | (value & lines));
        break;
    case GPIODIR_OFFSET:
        gpio->dir = value;
        break;
    case GPIOIS_OFFSET:
        gpio->is = value;
        break;
    case GPIOIBE_OFFSET:
        gpio->ibe = value;
        break;
    case GPIOIEV_OFFSET:
        gpio->iev = value;
        break;
    case GPIOIE_OFFSET:
        gpio->ie = value;
        break;
    case GPIOIC_OFFSET:
        gpio->edges &= (uint8_t)~value;
        break;
    case GPIOAFSEL_OFFSET:
        gpio->afsel = value;
        break;
    default:
        bug("PL061: no register at 0x%x is written", row->offset);
    }
}

enum device_answer pl061_write(struct pl061 *gpio, uint32_t offset, unsigned size, uint32_t value,
                               bool *armed)
{
    enum device_answer answer = device_check(offset, size, GPIO_SIZE);
    const struct mmio_row *row = device_row(pl061_register_rows, PL061_REGISTER_COUNT, offset);
    *armed = false;
    if (answer != DEVICE_OK || !row || !row->writable)
        return answer;
    uint8_t before = gpio->ie;
    word_put(gpio, offset, row, (uint8_t)value);
    *armed = (~before & gpio->ie) >> PL061_POWER_BUTTON & 1;
    return DEVICE_OK;
}

bool pl061_line(const struct pl061 *gpio)
{
    return (raw_status(gpio) & gpio->ie) != 0;
}

void pl061_press(struct pl061 *gpio, uint64_t at)
{
    gpio->press_at = at;
}

uint64_t pl061_deadline(const struct pl061 *gpio)
{
    return gpio->press_at < gpio->release_at ? gpio->press_at : gpio->release_at;
}

void pl061_fire(struct pl061 *gpio, const struct device_clock *clock)
{
    const uint8_t button = 1u << PL061_POWER_BUTTON;
    if (gpio->release_at <= clock->now) {
        gpio->release_at = DEVICE_NEVER;
        inputs_set(gpio, (uint8_t)(gpio->inputs & ~button));
    }
    if (gpio->press_at <= clock->now) {
        gpio->press_at = DEVICE_NEVER;
        gpio->release_at = clock->now + clock->hz / PRESSES_PER_SECOND;
        inputs_set(gpio, gpio->inputs | button);
    }
}
