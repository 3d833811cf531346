/*
 * The PL011: register rows by iteration, output, the interrupt line, and what is refused.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/devices/pl011.h"

static struct pl011 uart;

static uint32_t get(uint32_t offset)
{
    uint32_t value = 0xdeadbeef;
    cr_assert_eq(pl011_read(&uart, offset, 4, &value), PL011_OK);
    return value;
}

static struct pl011_effect put(uint32_t offset, uint32_t value)
{
    struct pl011_effect effect = pl011_write(&uart, offset, 4, value);
    cr_assert_eq(effect.answer, PL011_OK);
    return effect;
}

static void reset(void)
{
    memset(&uart, 0xa5, sizeof(uart));
    pl011_reset(&uart);
}

Test(uart, reset_values_of_every_row)
{
    reset();
    for (unsigned i = 0; i < PL011_REGISTER_COUNT; i++) {
        const struct mmio_row *row = pl011_row((enum pl011_register)i);
        cr_assert_eq(get(row->offset), row->readable ? row->reset : 0, "%s", row->name);
    }
}

Test(uart, is_found_by_its_identification)
{
    reset();
    uint32_t id = 0, cell = 0;
    for (unsigned i = 0; i < 4; i++) {
        id |= get(UARTPeriphID0_OFFSET + 4 * i) << (8 * i);
        cell |= get(UARTPCellID0_OFFSET + 4 * i) << (8 * i);
    }
    cr_assert_eq(id & 0xfffff, 0x41011u);
    cr_assert_eq(cell, 0xb105f00du);
}

Test(uart, writable_rows_keep_their_bits_and_no_others)
{
    static const uint32_t kept[] = {UARTILPR_OFFSET, UARTIBRD_OFFSET, UARTFBRD_OFFSET,
                                    UARTLCR_H_OFFSET, UARTCR_OFFSET, UARTIFLS_OFFSET,
                                    UARTIMSC_OFFSET};
    for (unsigned i = 0; i < PL011_REGISTER_COUNT; i++) {
        const struct mmio_row *row = pl011_row((enum pl011_register)i);
        bool keeps = false;
        for (size_t k = 0; k < ARRAY_COUNT(kept); k++)
            keeps |= row->offset == kept[k];
        reset();
        uint32_t all = 0xffffffff;
        if (row->offset == UARTCR_OFFSET)
            all &= (uint32_t)~(UARTCR_LBE | UARTCR_SIREN);
        if (row->offset == UARTLCR_H_OFFSET)
            all &= (uint32_t)~UARTLCR_H_BRK;
        if (row->offset == UARTDMACR_OFFSET)
            all = 0;
        put(row->offset, all);
        uint32_t expected = keeps ? all & ~row->zeros : row->readable ? row->reset : 0;
        cr_assert_eq(get(row->offset), expected, "%s", row->name);
        put(row->offset, 0);
        if (keeps)
            cr_assert_eq(get(row->offset), 0u, "%s", row->name);
    }
}

Test(uart, every_byte_goes_out_at_once)
{
    reset();
    for (unsigned byte = 0; byte < 256; byte++) {
        struct pl011_effect effect = pl011_write(&uart, UARTDR_OFFSET, 1 << (byte % 3), byte);
        cr_assert_eq(effect.answer, PL011_OK);
        cr_assert(effect.has_output && effect.output == byte);
        cr_assert_eq(get(UARTFR_OFFSET), UARTFR_TXFE | UARTFR_RXFE);
    }
    cr_assert_eq(get(UARTDR_OFFSET), 0u, "nothing was received");
}

Test(uart, only_the_data_register_puts_out)
{
    for (uint32_t offset = 4; offset < UART_SIZE; offset += 4) {
        reset();
        cr_assert(!put(offset, 0x41 & (offset == UARTLCR_H_OFFSET ? 0 : ~(uint32_t)7)).has_output);
    }
}

Test(uart, line_is_a_function_of_state)
{
    reset();
    cr_assert(!pl011_line(&uart));
    put(UARTIMSC_OFFSET, UARTINT_TX);
    cr_assert(!pl011_line(&uart), "nothing has passed the level yet");
    put(UARTDR_OFFSET, 'x');
    cr_assert(pl011_line(&uart));
    cr_assert_eq(get(UARTRIS_OFFSET), UARTINT_TX);
    cr_assert_eq(get(UARTMIS_OFFSET), UARTINT_TX);
    put(UARTIMSC_OFFSET, 0);
    cr_assert(!pl011_line(&uart));
    cr_assert_eq(get(UARTMIS_OFFSET), 0u);
    put(UARTIMSC_OFFSET, 0x7ff);
    cr_assert(pl011_line(&uart));
    put(UARTICR_OFFSET, ~(uint32_t)UARTINT_TX);
    cr_assert(pl011_line(&uart), "another bit was cleared");
    put(UARTICR_OFFSET, UARTINT_TX);
    cr_assert(!pl011_line(&uart));
    cr_assert_eq(get(UARTRIS_OFFSET), 0u);
}

Test(uart, widths)
{
    uint32_t value;
    reset();
    put(UARTIBRD_OFFSET, 0x1234);
    cr_assert_eq(pl011_read(&uart, UARTIBRD_OFFSET, 1, &value), PL011_OK);
    cr_assert_eq(value, 0x34u);
    cr_assert_eq(pl011_read(&uart, UARTIBRD_OFFSET, 2, &value), PL011_OK);
    cr_assert_eq(value, 0x1234u);
    cr_assert_eq(pl011_read(&uart, UARTIBRD_OFFSET, 8, &value), PL011_ABORT);
    cr_assert_eq(pl011_read(&uart, UARTIBRD_OFFSET + 1, 1, &value), PL011_ABORT);
    cr_assert_eq(pl011_write(&uart, UARTDR_OFFSET + 2, 2, 0).answer, PL011_ABORT);
    cr_assert_eq(pl011_write(&uart, UART_SIZE, 4, 0).answer, PL011_ABORT);
    cr_assert_eq(get(UARTIBRD_OFFSET), 0x1234u);
}

Test(uart, what_is_not_modelled_is_refused_and_changes_nothing)
{
    static const struct {
        uint32_t offset, value;
    } rows[] = {{UARTCR_OFFSET, 0x381},    {UARTCR_OFFSET, 0x303},    {UARTDMACR_OFFSET, 1},
                {UARTDMACR_OFFSET, 2},     {UARTDMACR_OFFSET, 4},     {UARTLCR_H_OFFSET, 0x71}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        reset();
        struct pl011 before = uart;
        struct pl011_effect effect = pl011_write(&uart, rows[i].offset, 4, rows[i].value);
        cr_assert_eq(effect.answer, PL011_UNMODELLED);
        cr_assert_arr_eq(&uart, &before, sizeof(uart));
    }
}
