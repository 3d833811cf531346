/*
 * The PL061: every register row, masked data, directions, edges and levels, the power button.
 */
#include <criterion/criterion.h>

#include "sim/devices/pl061.h"

#define HZ UINT64_C(1000000000)
#define BUTTON (1u << PL061_POWER_BUTTON)

static struct pl061 gpio;
static bool armed;

static uint32_t get(uint32_t offset)
{
    uint32_t value = 0xdeadbeef;
    cr_assert_eq(pl061_read(&gpio, offset, 4, &value), DEVICE_OK);
    return value;
}

static void put(uint32_t offset, uint32_t value)
{
    cr_assert_eq(pl061_write(&gpio, offset, 4, value, &armed), DEVICE_OK);
}

static void reset(void)
{
    memset(&gpio, 0xa5, sizeof gpio);
    pl061_reset(&gpio);
}

/* Everything that is due by then. */
static void wait_until(uint64_t now)
{
    while (pl061_deadline(&gpio) <= now) {
        struct device_clock clock = {.now = pl061_deadline(&gpio), .hz = HZ};
        pl061_fire(&gpio, &clock);
    }
}

Test(pl061, every_row)
{
    for (unsigned i = 0; i < PL061_REGISTER_COUNT; i++) {
        const struct mmio_row *row = pl061_row((enum pl061_register)i);
        reset();
        cr_assert_eq(get(row->offset), row->readable ? row->reset : 0, "%s", row->name);
        put(row->offset, 0xffffffff);
        bool keeps = row->readable && row->writable && row->offset != GPIODATA_OFFSET;
        uint32_t expected = keeps ? ~row->zeros : row->readable ? row->reset : 0;
        cr_assert_eq(get(row->offset), expected, "%s", row->name);
        uint32_t value;
        cr_assert_eq(pl061_read(&gpio, row->offset, 2, &value), DEVICE_OK);
        cr_assert_eq(value, expected & 0xffff, "%s", row->name);
        cr_assert_eq(pl061_read(&gpio, row->offset + 1, 1, &value), DEVICE_ABORT);
        cr_assert_eq(pl061_read(&gpio, row->offset, 8, &value), DEVICE_ABORT);
        cr_assert_eq(pl061_write(&gpio, row->offset + 2, 2, 0, &armed), DEVICE_ABORT);
    }
    cr_assert_eq(get(0x424), 0u, "a hole");
}

Test(pl061, the_address_says_which_lines_are_meant)
{
    reset();
    put(GPIODIR_OFFSET, 0xff);
    put(GPIODATA_OFFSET + 0xff * 4, 0xa5);
    for (unsigned mask = 0; mask < 256; mask++)
        cr_assert_eq(get(GPIODATA_OFFSET + mask * 4), 0xa5 & mask);
    put(GPIODATA_OFFSET + 0x0f * 4, 0xff);
    cr_assert_eq(get(GPIODATA_OFFSET + 0xff * 4), 0xafu);
    put(GPIODIR_OFFSET, 0xf0);
    cr_assert_eq(get(GPIODATA_OFFSET + 0xff * 4), 0xa0u, "inputs are what is driven from outside");
    put(GPIODATA_OFFSET + 0xff * 4, 0xff);
    put(GPIODIR_OFFSET, 0xff);
    cr_assert_eq(get(GPIODATA_OFFSET + 0xff * 4), 0xffu & 0xff, "lines that were inputs kept 0x0f");
}

Test(pl061, a_button_goes_down_and_up)
{
    reset();
    put(GPIOIEV_OFFSET, BUTTON);
    put(GPIOIE_OFFSET, BUTTON);
    pl061_press(&gpio, 500);
    wait_until(499);
    cr_assert(!pl061_line(&gpio));
    wait_until(500);
    cr_assert(pl061_line(&gpio));
    cr_assert_eq(get(GPIODATA_OFFSET + 0xff * 4), BUTTON);
    cr_assert_eq(get(GPIORIS_OFFSET), BUTTON);
    cr_assert_eq(get(GPIOMIS_OFFSET), BUTTON);
    put(GPIOIC_OFFSET, BUTTON);
    cr_assert(!pl061_line(&gpio), "an edge is cleared");
    wait_until(500 + HZ / 10);
    cr_assert_eq(get(GPIODATA_OFFSET + 0xff * 4), 0u);
    cr_assert(!pl061_line(&gpio), "the falling edge was not asked for");
    cr_assert_eq(pl061_deadline(&gpio), DEVICE_NEVER);
}

Test(pl061, edges_and_levels)
{
    static const struct {
        uint8_t is, ibe, iev, output;
        bool down, cleared, up; /* the line: pressed, after GPIOIC, and released */
    } cases[] = {
        {0, 0, 1, 0, true, false, false}, {0, 0, 0, 0, false, false, true},
        {0, 1, 0, 0, true, false, true},  {1, 0, 1, 0, true, true, false},
        {1, 0, 0, 0, false, false, true}, {0, 1, 0, 1, false, false, false},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        reset();
        put(GPIOIS_OFFSET, cases[i].is * BUTTON);
        put(GPIOIBE_OFFSET, cases[i].ibe * BUTTON);
        put(GPIOIEV_OFFSET, cases[i].iev * BUTTON);
        put(GPIODIR_OFFSET, cases[i].output * BUTTON);
        put(GPIOIE_OFFSET, BUTTON);
        pl061_press(&gpio, 0);
        wait_until(0);
        cr_assert_eq(pl061_line(&gpio), cases[i].down, "case %u", i);
        put(GPIOIC_OFFSET, 0xff);
        cr_assert_eq(pl061_line(&gpio), cases[i].cleared, "case %u", i);
        wait_until(HZ);
        cr_assert_eq(pl061_line(&gpio), cases[i].up, "case %u", i);
    }
}

Test(pl061, tells_when_the_guest_begins_to_listen_to_the_button)
{
    reset();
    put(GPIOIE_OFFSET, 0xf7);
    cr_assert(!armed);
    put(GPIOIE_OFFSET, 0xff);
    cr_assert(armed);
    put(GPIOIE_OFFSET, BUTTON);
    cr_assert(!armed, "it did already");
}
