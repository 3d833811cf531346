/*
 * The PL011: register rows by iteration, FIFOs in both directions, each interrupt, time on the
 * line, loopback and what has no partner.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/devices/pl011.h"

static struct pl011 uart;
static struct device_clock clock = {.now = 1000, .hz = 1000000000};

static uint32_t get(uint32_t offset)
{
    uint32_t value = 0xdeadbeef, seen = pl011_peek(&uart, offset);
    cr_assert_eq(pl011_read(&uart, &clock, offset, 4, &value), DEVICE_OK);
    cr_assert_eq(value, seen, "an observer sees what is read");
    return value;
}

static struct pl011_effect put(uint32_t offset, uint32_t value)
{
    struct pl011_effect effect = pl011_write(&uart, &clock, offset, 4, value);
    cr_assert_eq(effect.answer, DEVICE_OK);
    return effect;
}

/* Lets everything happen that is due within so many cycles. */
static void wait(uint64_t cycles)
{
    uint64_t end = clock.now + cycles;
    while (pl011_deadline(&uart) <= end) {
        clock.now = pl011_deadline(&uart);
        pl011_fire(&uart, &clock);
    }
    clock.now = end;
}

/* So many characters come in, counting from `first`, on a line that has all the time. */
static void come_in(unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t byte = (uint8_t)(first + i);
        pl011_send(&uart, &clock, &byte, 1);
    }
    wait(200000);
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
                                    UARTIMSC_OFFSET, UARTDMACR_OFFSET};
    for (unsigned i = 0; i < PL011_REGISTER_COUNT; i++) {
        const struct mmio_row *row = pl011_row((enum pl011_register)i);
        bool keeps = false;
        for (size_t k = 0; k < ARRAY_COUNT(kept); k++)
            keeps |= row->offset == kept[k];
        reset();
        uint32_t all = 0xffffffff;
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
        struct pl011_effect effect =
            pl011_write(&uart, &clock, UARTDR_OFFSET, 1 << (byte % 3), byte);
        cr_assert_eq(effect.answer, DEVICE_OK);
        cr_assert(effect.has_output && effect.output == byte);
        cr_assert_eq(get(UARTFR_OFFSET), UARTFR_TXFE | UARTFR_RXFE);
    }
    cr_assert_eq(get(UARTDR_OFFSET), 0u, "nothing was received");
}

Test(uart, only_the_data_register_puts_out)
{
    for (uint32_t offset = 4; offset < UART_SIZE; offset += 4) {
        reset();
        cr_assert(!put(offset, 0xffffffff).has_output);
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
    cr_assert_eq(pl011_read(&uart, &clock, UARTIBRD_OFFSET, 1, &value), DEVICE_OK);
    cr_assert_eq(value, 0x34u);
    cr_assert_eq(pl011_read(&uart, &clock, UARTIBRD_OFFSET, 2, &value), DEVICE_OK);
    cr_assert_eq(value, 0x1234u);
    cr_assert_eq(pl011_read(&uart, &clock, UARTIBRD_OFFSET, 8, &value), DEVICE_ABORT);
    cr_assert_eq(pl011_read(&uart, &clock, UARTIBRD_OFFSET + 1, 1, &value), DEVICE_ABORT);
    cr_assert_eq(pl011_write(&uart, &clock, UARTDR_OFFSET + 2, 2, 0).answer, DEVICE_ABORT);
    cr_assert_eq(pl011_write(&uart, &clock, UART_SIZE, 4, 0).answer, DEVICE_ABORT);
    cr_assert_eq(get(UARTIBRD_OFFSET), 0x1234u);
}

static void fifo_on(void)
{
    put(UARTLCR_H_OFFSET, (uint32_t)(UARTLCR_H_FEN | UARTLCR_H_WLEN));
}

Test(uart, characters_come_in_at_the_speed_of_the_line)
{
    reset();
    put(UARTIBRD_OFFSET, 13); /* 24 MHz / 16 / 13 = 115384 bits a second */
    put(UARTLCR_H_OFFSET, (uint32_t)(UARTLCR_H_FEN | UARTLCR_H_WLEN));
    uint64_t bit = 16 * 13 * UINT64_C(1000) / 24, start = clock.now;
    pl011_send(&uart, &clock, (const uint8_t *)"ab", 2);
    cr_assert_leq(pl011_deadline(&uart), start + 10 * bit + 10, "ten bits");
    cr_assert_geq(pl011_deadline(&uart), start + 10 * bit);
    wait(10 * bit + 10);
    cr_assert_eq(uart.fifo_count, 1);
    wait(10 * bit + 10);
    cr_assert_eq(uart.fifo_count, 2);
    put(UARTLCR_H_OFFSET, (uint32_t)(UARTLCR_H_FEN | UARTLCR_H_PEN | UARTLCR_H_STP2));
    start = clock.now;
    pl011_send(&uart, &clock, (const uint8_t *)"c", 1);
    wait(9 * bit - 10);
    cr_assert_eq(uart.fifo_count, 2, "one start bit, five, parity, two stop bits");
    wait(30);
    cr_assert_eq(uart.fifo_count, 3);
}

Test(uart, the_receive_interrupt_comes_at_its_level_and_goes_below_it)
{
    static const unsigned levels[] = {2, 4, 8, 12, 14};
    for (unsigned i = 0; i < ARRAY_COUNT(levels); i++) {
        reset();
        fifo_on();
        put(UARTIFLS_OFFSET, i << 3);
        put(UARTIMSC_OFFSET, UARTINT_RX);
        come_in(0, levels[i] - 1);
        cr_assert(!pl011_line(&uart), "level %u", levels[i]);
        come_in(100, 1);
        cr_assert(pl011_line(&uart), "level %u", levels[i]);
        cr_assert_eq(get(UARTDR_OFFSET), 0u);
        cr_assert(!pl011_line(&uart), "level %u", levels[i]);
        come_in(101, 1);
        put(UARTICR_OFFSET, UARTINT_RX);
        cr_assert(!pl011_line(&uart), "cleared");
        come_in(102, 1);
        cr_assert(!pl011_line(&uart), "the level is not reached a second time");
    }
}

Test(uart, without_fifos_there_is_room_for_one)
{
    reset();
    put(UARTIMSC_OFFSET, UARTINT_RX);
    come_in('a', 3);
    cr_assert_eq(uart.fifo_count, 1, "the sender waits");
    cr_assert_eq(get(UARTFR_OFFSET), UARTFR_TXFE | UARTFR_RXFF);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(pl011_line(&uart));
        cr_assert_eq(get(UARTDR_OFFSET), 'a' + i);
        cr_assert(!pl011_line(&uart));
        cr_assert_eq(get(UARTFR_OFFSET), UARTFR_TXFE | UARTFR_RXFE);
        wait(100000);
    }
}

Test(uart, a_fifo_keeps_sixteen_in_order_and_loses_none)
{
    reset();
    fifo_on();
    come_in(0, 200);
    cr_assert_eq(get(UARTFR_OFFSET), UARTFR_TXFE | UARTFR_RXFF);
    for (unsigned i = 0; i < 200; i++) {
        cr_assert_eq(get(UARTDR_OFFSET), i);
        wait(100000);
    }
    cr_assert_eq(get(UARTFR_OFFSET), UARTFR_TXFE | UARTFR_RXFE);
    cr_assert_eq(get(UARTRIS_OFFSET) & UARTINT_OE, 0u);
    cr_assert_eq(pl011_room(&uart), PL011_SENDER_MAX);
}

Test(uart, a_silent_line_raises_the_timeout_until_the_fifo_is_empty)
{
    reset();
    fifo_on();
    put(UARTIMSC_OFFSET, UARTINT_RT);
    uint64_t bit = 16 * UINT64_C(1000) / 24;
    pl011_send(&uart, &clock, (const uint8_t *)"xy", 2);
    wait(20 * bit + 100);
    cr_assert_eq(uart.fifo_count, 2);
    wait(31 * bit - 200);
    cr_assert(!pl011_line(&uart), "not yet");
    wait(bit + 300);
    cr_assert(pl011_line(&uart));
    get(UARTDR_OFFSET);
    cr_assert(pl011_line(&uart), "one is left");
    get(UARTDR_OFFSET);
    cr_assert(!pl011_line(&uart));
    come_in('z', 1);
    cr_assert(pl011_line(&uart));
    put(UARTICR_OFFSET, UARTINT_RT);
    wait(1000000);
    cr_assert(!pl011_line(&uart), "once for each silence");
    cr_assert_eq(pl011_deadline(&uart), DEVICE_NEVER);
}

Test(uart, nothing_comes_in_while_the_receiver_is_off)
{
    reset();
    put(UARTCR_OFFSET, UARTCR_UARTEN | UARTCR_TXE);
    come_in('a', 2);
    cr_assert_eq(get(UARTFR_OFFSET) & UARTFR_RXFE, UARTFR_RXFE);
    put(UARTCR_OFFSET, UARTCR_UARTEN | UARTCR_RXE);
    wait(100000);
    cr_assert_eq(get(UARTDR_OFFSET), 'a');
    wait(100000);
    cr_assert_eq(get(UARTDR_OFFSET), 'b');
}

Test(uart, switching_fifos_empties_them)
{
    reset();
    fifo_on();
    come_in('a', 9);
    cr_assert_eq(get(UARTRIS_OFFSET), UARTINT_RX | UARTINT_RT);
    put(UARTLCR_H_OFFSET, UARTLCR_H_WLEN);
    cr_assert_eq(get(UARTFR_OFFSET) & UARTFR_RXFE, UARTFR_RXFE);
    cr_assert_eq(get(UARTRIS_OFFSET), 0u);
}

#define LOOP (UARTCR_LBE | UARTCR_UARTEN | UARTCR_TXE | UARTCR_RXE)

Test(uart, loopback_receives_what_is_sent_and_overruns)
{
    reset();
    fifo_on();
    put(UARTCR_OFFSET, LOOP);
    for (unsigned i = 0; i < 16; i++)
        cr_assert(put(UARTDR_OFFSET, i).has_output);
    cr_assert_eq(get(UARTRIS_OFFSET), UARTINT_RX | UARTINT_TX);
    put(UARTDR_OFFSET, 99);
    cr_assert_eq(get(UARTRIS_OFFSET), UARTINT_RX | UARTINT_TX | UARTINT_OE);
    cr_assert_eq(get(UARTRSR_OFFSET), UARTRSR_OE);
    cr_assert_eq(get(UARTDR_OFFSET), UARTDR_OE | 0, "until a character has found room again");
    put(UARTDR_OFFSET, 100);
    for (unsigned i = 1; i < 16; i++)
        cr_assert_eq(get(UARTDR_OFFSET), i);
    cr_assert_eq(get(UARTDR_OFFSET), 100u, "99 is lost");
    cr_assert_eq(get(UARTRSR_OFFSET), UARTRSR_OE, "until it is cleared");
    put(UARTRSR_OFFSET, 0);
    cr_assert_eq(get(UARTRSR_OFFSET), 0u);
}

Test(uart, a_break_in_loopback_is_one_character_with_its_error)
{
    reset();
    fifo_on();
    put(UARTCR_OFFSET, LOOP);
    put(UARTIMSC_OFFSET, UARTINT_BE);
    put(UARTLCR_H_OFFSET, UARTLCR_H_FEN | UARTLCR_H_BRK);
    cr_assert(pl011_line(&uart));
    put(UARTLCR_H_OFFSET, UARTLCR_H_FEN | UARTLCR_H_BRK);
    cr_assert_eq(uart.fifo_count, 1, "it goes on");
    cr_assert_eq(get(UARTDR_OFFSET), UARTDR_BE);
    cr_assert_eq(get(UARTRSR_OFFSET), UARTRSR_BE);
    put(UARTICR_OFFSET, UARTINT_BE);
    cr_assert(!pl011_line(&uart));
    put(UARTCR_OFFSET, UARTCR_RXE);
    put(UARTLCR_H_OFFSET, UARTLCR_H_FEN);
    put(UARTLCR_H_OFFSET, UARTLCR_H_FEN | UARTLCR_H_BRK);
    cr_assert_eq(uart.fifo_count, 0, "without loopback nobody is there to see it");
}

Test(uart, modem_outputs_come_back_in_loopback_and_each_change_interrupts)
{
    static const struct {
        uint64_t output, input, interrupt;
    } lines[] = {{UARTCR_RTS, UARTFR_CTS, UARTINT_CTS}, {UARTCR_DTR, UARTFR_DSR, UARTINT_DSR},
                 {UARTCR_Out1, UARTFR_DCD, UARTINT_DCD}, {UARTCR_Out2, UARTFR_RI, UARTINT_RI}};
    const uint64_t inputs = UARTFR_CTS | UARTFR_DSR | UARTFR_DCD | UARTFR_RI;
    for (unsigned i = 0; i < ARRAY_COUNT(lines); i++) {
        reset();
        put(UARTCR_OFFSET, (uint32_t)lines[i].output);
        cr_assert_eq(get(UARTFR_OFFSET) & inputs, 0u, "nothing is connected");
        cr_assert_eq(get(UARTRIS_OFFSET), 0u);
        put(UARTCR_OFFSET, (uint32_t)(UARTCR_LBE | lines[i].output));
        cr_assert_eq(get(UARTFR_OFFSET) & inputs, lines[i].input);
        cr_assert_eq(get(UARTRIS_OFFSET), lines[i].interrupt);
        put(UARTICR_OFFSET, (uint32_t)lines[i].interrupt);
        put(UARTCR_OFFSET, (uint32_t)(UARTCR_LBE | lines[i].output));
        cr_assert_eq(get(UARTRIS_OFFSET), 0u, "no change");
        put(UARTCR_OFFSET, UARTCR_LBE);
        cr_assert_eq(get(UARTRIS_OFFSET), lines[i].interrupt);
    }
}

Test(uart, infrared_goes_where_nobody_is)
{
    reset();
    put(UARTCR_OFFSET, UARTCR_SIREN | UARTCR_UARTEN | UARTCR_TXE | UARTCR_RXE);
    cr_assert(!put(UARTDR_OFFSET, 'x').has_output);
    cr_assert_eq(get(UARTRIS_OFFSET), UARTINT_TX);
    come_in('a', 1);
    cr_assert_eq(get(UARTFR_OFFSET) & UARTFR_RXFE, UARTFR_RXFE);
}
