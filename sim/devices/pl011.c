/*
 * The PL011 UART: FIFOs, all interrupts, loopback, breaks.
 *
 * A character written to UARTDR is gone at once, so the transmit FIFO is always empty, and writing
 * raises the transmit interrupt as the level passes its mark on the way down. Characters go out
 * whatever UARTCR says, and come in when UARTCR.RXE is set, whatever UARTEN says: payloads for the
 * board rely on a UART that somebody has switched on before them. With SIREN they go to the
 * infrared pins, where nobody is. Characters have eight bits whatever WLEN says; word length,
 * parity and stop bits count for time.
 *
 * Who sends to us waits while the receiver has no room, so only loopback overruns. Nothing is
 * connected to the modem inputs, which are inactive outside loopback, and no DMA controller to the
 * DMA requests. What loops back goes out as well.
 *
 * Arm DDI 0183: Programmers Model, Interrupts, Functional Overview (modem operation, loopback).
 */
#include "sim/devices/pl011.h"

#include <string.h>

#include "gen/pl011.inc"

#define UART_CLOCK_HZ 24000000u
#define TIMEOUT_BITS 32u

/* UARTFR's modem bits as they stand in pl011.modem, and the order of UARTINT: RI CTS DCD DSR. */
#define MODEM_RI 8u
#define MODEM_INPUTS (UARTFR_CTS | UARTFR_DSR | UARTFR_DCD)

const struct mmio_row *pl011_row(enum pl011_register row)
{
    ensure(row < PL011_REGISTER_COUNT);
    return &pl011_register_rows[row];
}

void pl011_reset(struct pl011 *uart)
{
    memset(uart, 0, sizeof(*uart));
    uart->cr = (uint16_t)pl011_row(PL_UARTCR)->reset;
    uart->ifls = (uint8_t)pl011_row(PL_UARTIFLS)->reset;
    uart->arrives_at = DEVICE_NEVER;
    uart->timeout_at = DEVICE_NEVER;
}

/* --- time ----------------------------------------------------------------------------------- */

/* Cycles of so many bits. A divisor of 0, as before anybody set it, is the smallest good one. */
static uint64_t bits_time(const struct pl011 *uart, const struct device_clock *clock, unsigned bits)
{
    uint64_t divisor = uart->divisor < 64 ? 64 : uart->divisor;
    return bits * 16 * divisor * (clock->hz / 1000000) / (64 * (UART_CLOCK_HZ / 1000000));
}

/* Start bit, data, parity, stop bits. */
static unsigned character_bits(const struct pl011 *uart)
{
    unsigned bits = 1 + 5 + (unsigned)field_get(UARTLCR_H_WLEN, uart->lcr_h) + 1;
    if (uart->lcr_h & UARTLCR_H_PEN)
        bits++;
    if (uart->lcr_h & UARTLCR_H_STP2)
        bits++;
    return bits;
}

/* --- the receiver --------------------------------------------------------------------------- */

static unsigned depth(const struct pl011 *uart)
{
    return uart->lcr_h & UARTLCR_H_FEN ? PL011_FIFO_DEPTH : 1;
}

/* How many characters raise the receive interrupt; reserved values are as the highest one. */
static unsigned receive_level(const struct pl011 *uart)
{
    static const uint8_t levels[8] = {2, 4, 8, 12, 14, 14, 14, 14};
    return depth(uart) == 1 ? 1 : levels[field_get(UARTIFLS_RXIFLSEL, uart->ifls)];
}

static bool can_receive(const struct pl011 *uart)
{
    return (uart->cr & UARTCR_RXE) && !(uart->cr & (UARTCR_LBE | UARTCR_SIREN)) &&
           uart->fifo_count < depth(uart);
}

/* The next character of the sender starts as soon as it can be taken. */
static void sender_start(struct pl011 *uart, const struct device_clock *clock)
{
    if (uart->sender_count == 0 || !can_receive(uart))
        uart->arrives_at = DEVICE_NEVER;
    else if (uart->arrives_at == DEVICE_NEVER)
        uart->arrives_at = clock->now + bits_time(uart, clock, character_bits(uart));
}

static void receive(struct pl011 *uart, const struct device_clock *clock, unsigned character)
{
    uart->timeout_at = clock->now + bits_time(uart, clock, TIMEOUT_BITS);
    if (uart->fifo_count == depth(uart)) {
        uart->has_overrun = 1;
        uart->status |= (uint8_t)UARTRSR_OE;
        uart->ris |= (uint16_t)UARTINT_OE;
        return;
    }
    uart->has_overrun = 0;
    uart->fifo[(uart->fifo_first + uart->fifo_count) % PL011_FIFO_DEPTH] = (uint16_t)character;
    uart->fifo_count++;
    if (character & UARTDR_BE)
        uart->ris |= (uint16_t)UARTINT_BE;
    if (uart->fifo_count == receive_level(uart))
        uart->ris |= (uint16_t)UARTINT_RX;
}

/* What UARTDR reads as. Without a character it is what was last at that place of the FIFO. */
static uint32_t data_peek(const struct pl011 *uart)
{
    uint32_t character = uart->fifo[uart->fifo_first];
    return character | (uint32_t)(uart->has_overrun ? UARTDR_OE : 0);
}

static void data_take(struct pl011 *uart, const struct device_clock *clock)
{
    uint32_t errors = (uint32_t)field_get(UARTDR_FE | UARTDR_PE | UARTDR_BE, data_peek(uart));
    uart->status = (uint8_t)((uart->status & UARTRSR_OE) | errors);
    if (uart->fifo_count == 0)
        return;
    uart->fifo_first = (uint8_t)(depth(uart) == 1 ? 0 : (uart->fifo_first + 1) % PL011_FIFO_DEPTH);
    uart->fifo_count--;
    if (uart->fifo_count < receive_level(uart))
        uart->ris &= (uint16_t)~UARTINT_RX;
    if (uart->fifo_count == 0) {
        uart->ris &= (uint16_t)~UARTINT_RT;
        uart->timeout_at = DEVICE_NEVER;
    }
    sender_start(uart, clock);
}

/* Switching the FIFOs on or off empties them. */
static void fifo_flush(struct pl011 *uart)
{
    uart->fifo_first = uart->fifo_count = 0;
    uart->timeout_at = DEVICE_NEVER;
    uart->ris &= (uint16_t)~(UARTINT_RX | UARTINT_RT);
}

size_t pl011_room(const struct pl011 *uart)
{
    return PL011_SENDER_MAX - uart->sender_count;
}

void pl011_send(struct pl011 *uart, const struct device_clock *clock, const uint8_t *bytes,
                size_t count)
{
    ensure(count <= pl011_room(uart));
    for (size_t i = 0; i < count; i++)
        uart->sender[(uart->sender_first + uart->sender_count++) % PL011_SENDER_MAX] = bytes[i];
    sender_start(uart, clock);
}

uint64_t pl011_deadline(const struct pl011 *uart)
{
    return uart->arrives_at < uart->timeout_at ? uart->arrives_at : uart->timeout_at;
}

void pl011_fire(struct pl011 *uart, const struct device_clock *clock)
{
    if (uart->timeout_at <= clock->now && uart->timeout_at <= uart->arrives_at) {
        uart->timeout_at = DEVICE_NEVER;
        if (uart->fifo_count > 0)
            uart->ris |= (uint16_t)UARTINT_RT;
    }
    if (uart->arrives_at <= clock->now) {
        uint8_t character = uart->sender[uart->sender_first];
        uart->sender_first = (uint16_t)((uart->sender_first + 1) % PL011_SENDER_MAX);
        uart->sender_count--;
        uart->arrives_at = DEVICE_NEVER;
        receive(uart, clock, character);
        sender_start(uart, clock);
    }
}

/* --- modem lines ---------------------------------------------------------------------------- */

/* In loopback each output is an input's source: RTS to CTS, DTR to DSR, Out1 to DCD, Out2 to RI. */
static void modem_update(struct pl011 *uart)
{
    uint8_t inputs = 0;
    if (uart->cr & UARTCR_LBE) {
        inputs |= (uint8_t)(uart->cr & UARTCR_RTS ? UARTFR_CTS : 0);
        inputs |= (uint8_t)(uart->cr & UARTCR_DTR ? UARTFR_DSR : 0);
        inputs |= (uint8_t)(uart->cr & UARTCR_Out1 ? UARTFR_DCD : 0);
        inputs |= (uint8_t)(uart->cr & UARTCR_Out2 ? MODEM_RI : 0);
    }
    uint8_t changed = inputs ^ uart->modem;
    uart->modem = inputs;
    uart->ris |= (uint16_t)(changed & UARTFR_CTS ? UARTINT_CTS : 0);
    uart->ris |= (uint16_t)(changed & UARTFR_DSR ? UARTINT_DSR : 0);
    uart->ris |= (uint16_t)(changed & UARTFR_DCD ? UARTINT_DCD : 0);
    uart->ris |= (uint16_t)(changed & MODEM_RI ? UARTINT_RI : 0);
}

static uint32_t flags_get(const struct pl011 *uart)
{
    uint32_t flags = (uint32_t)UARTFR_TXFE | (uart->modem & (uint32_t)MODEM_INPUTS);
    if (uart->modem & MODEM_RI)
        flags |= (uint32_t)UARTFR_RI;
    if (uart->fifo_count == 0)
        flags |= (uint32_t)UARTFR_RXFE;
    if (uart->fifo_count == depth(uart))
        flags |= (uint32_t)UARTFR_RXFF;
    return flags;
}

/* --- registers ------------------------------------------------------------------------------ */

static uint32_t word_get(const struct pl011 *uart, const struct mmio_row *row)
{
    switch (row->offset) {
    case UARTDR_OFFSET:
        return data_peek(uart);
    case UARTRSR_OFFSET:
        return uart->status;
    case UARTFR_OFFSET:
        return flags_get(uart);
    case UARTILPR_OFFSET:
        return uart->ilpr;
    case UARTIBRD_OFFSET:
        return uart->ibrd;
    case UARTFBRD_OFFSET:
        return uart->fbrd;
    case UARTLCR_H_OFFSET:
        return uart->lcr_h;
    case UARTCR_OFFSET:
        return uart->cr;
    case UARTIFLS_OFFSET:
        return uart->ifls;
    case UARTIMSC_OFFSET:
        return uart->imsc;
    case UARTRIS_OFFSET:
        return uart->ris;
    case UARTMIS_OFFSET:
        return uart->ris & uart->imsc;
    case UARTDMACR_OFFSET:
        return uart->dmacr;
    default: /* identification */
        return row->reset;
    }
}

static const struct mmio_row *row_find(uint32_t offset)
{
    return device_row(pl011_register_rows, PL011_REGISTER_COUNT, offset);
}

uint32_t pl011_peek(const struct pl011 *uart, uint32_t offset)
{
    const struct mmio_row *row = row_find(offset);
    return row && row->readable ? word_get(uart, row) : 0;
}

enum device_answer pl011_read(struct pl011 *uart, const struct device_clock *clock,
                              uint32_t offset, unsigned size, uint32_t *value)
{
    enum device_answer answer = device_check(offset, size, UART_SIZE);
    if (answer != DEVICE_OK)
        return answer;
    *value = pl011_peek(uart, offset) & (uint32_t)bits_ones(size * 8);
    if (offset == UARTDR_OFFSET)
        data_take(uart, clock);
    return DEVICE_OK;
}

static void control_put(struct pl011 *uart, const struct device_clock *clock, uint32_t value)
{
    uart->cr = (uint16_t)value;
    modem_update(uart);
    sender_start(uart, clock);
}

/* Also takes over the divisor, which is one register of the hardware with UARTLCR_H. */
static void line_control_put(struct pl011 *uart, const struct device_clock *clock, uint32_t value)
{
    uint32_t changed = uart->lcr_h ^ value;
    uart->lcr_h = (uint8_t)value;
    uart->divisor = (uint32_t)uart->ibrd * 64 + uart->fbrd;
    if (changed & UARTLCR_H_FEN)
        fifo_flush(uart);
    if ((changed & value & UARTLCR_H_BRK) && (uart->cr & UARTCR_LBE))
        receive(uart, clock, (unsigned)UARTDR_BE);
    sender_start(uart, clock);
}

static void word_put(struct pl011 *uart, const struct device_clock *clock,
                     const struct mmio_row *row, uint32_t value)
{
    switch (row->offset) {
    case UARTDR_OFFSET:
        uart->ris |= (uint16_t)UARTINT_TX;
        if (uart->cr & UARTCR_LBE)
            receive(uart, clock, (unsigned)field_get(UARTDR_DATA, value));
        break;
    case UARTRSR_OFFSET:
        uart->status = 0;
        break;
    case UARTILPR_OFFSET:
        uart->ilpr = (uint8_t)value;
        break;
    case UARTIBRD_OFFSET:
        uart->ibrd = (uint16_t)value;
        break;
    case UARTFBRD_OFFSET:
        uart->fbrd = (uint8_t)value;
        break;
    case UARTLCR_H_OFFSET:
        line_control_put(uart, clock, value);
        break;
    case UARTCR_OFFSET:
        control_put(uart, clock, value);
        break;
    case UARTIFLS_OFFSET:
        uart->ifls = (uint8_t)value;
        break;
    case UARTIMSC_OFFSET:
        uart->imsc = (uint16_t)value;
        break;
    case UARTICR_OFFSET:
        uart->ris &= (uint16_t)~value;
        break;
    case UARTDMACR_OFFSET:
        uart->dmacr = (uint8_t)value;
        break;
    default:
        bug("PL011: no register at 0x%x is written", row->offset);
    }
}

struct pl011_effect pl011_write(struct pl011 *uart, const struct device_clock *clock,
                                uint32_t offset, unsigned size, uint32_t value)
{
    struct pl011_effect effect = {.answer = device_check(offset, size, UART_SIZE)};
    const struct mmio_row *row = row_find(offset);
    if (effect.answer != DEVICE_OK || row == NULL || !row->writable)
        return effect;
    value &= (uint32_t)bits_ones(size * 8) & ~row->zeros;
    word_put(uart, clock, row, value);
    if (row->offset == UARTDR_OFFSET && !(uart->cr & UARTCR_SIREN)) {
        effect.has_output = true;
        effect.output = (uint8_t)field_get(UARTDR_DATA, value);
    }
    return effect;
}

bool pl011_line(const struct pl011 *uart)
{
    return (uart->ris & uart->imsc) != 0;
}
