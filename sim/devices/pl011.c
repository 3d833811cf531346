/*
 * The PL011 UART. A character written to UARTDR is gone at once, so the transmit FIFO is always
 * empty, and writing raises the transmit interrupt as the level passes its mark on the way down.
 * Characters go out whatever UARTCR says: payloads for the board rely on a UART that somebody
 * has switched on before them.
 *
 * The input side has its registers and nothing ever arrives. Not modelled, and refused when asked
 * for: loopback, IrDA, DMA, breaks. Baud rate and modem outputs only keep what is written.
 *
 * Arm DDI 0183: Programmers Model, Interrupts.
 */
#include "sim/devices/pl011.h"

#include <string.h>

#include "gen/pl011.inc"

const struct mmio_row *pl011_row(enum pl011_register row)
{
    ensure(row < PL011_REGISTER_COUNT);
    return &pl011_register_rows[row];
}

/* The row at a word of the frame, or NULL. */
static const struct mmio_row *row_find(uint32_t offset)
{
    for (unsigned i = 0; i < PL011_REGISTER_COUNT; i++)
        if (pl011_register_rows[i].offset == offset)
            return &pl011_register_rows[i];
    return NULL;
}

static enum pl011_answer check(uint32_t offset, unsigned size)
{
    bool is_good = offset < UART_SIZE && offset % 4 == 0 && (size == 1 || size == 2 || size == 4);
    return is_good ? PL011_OK : PL011_ABORT;
}

void pl011_reset(struct pl011 *uart)
{
    memset(uart, 0, sizeof(*uart));
    uart->cr = (uint16_t)pl011_row(PL_UARTCR)->reset;
    uart->ifls = (uint8_t)pl011_row(PL_UARTIFLS)->reset;
}

static uint32_t word_get(const struct pl011 *uart, const struct mmio_row *row)
{
    switch (row->offset) {
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
    default: /* flags and identification are constant; nothing was received */
        return row->reset;
    }
}

enum pl011_answer pl011_read(const struct pl011 *uart, uint32_t offset, unsigned size,
                             uint32_t *value)
{
    enum pl011_answer answer = check(offset, size);
    if (answer != PL011_OK)
        return answer;
    const struct mmio_row *row = row_find(offset);
    uint32_t word = row && row->readable ? word_get(uart, row) : 0;
    *value = word & (uint32_t)bits_ones(size * 8);
    return PL011_OK;
}

/* Bits that ask for what is not modelled. */
static uint32_t unmodelled_bits(const struct mmio_row *row)
{
    switch (row->offset) {
    case UARTCR_OFFSET:
        return (uint32_t)(UARTCR_LBE | UARTCR_SIREN);
    case UARTDMACR_OFFSET:
        return (uint32_t)(UARTDMACR_TXDMAE | UARTDMACR_RXDMAE | UARTDMACR_DMAONERR);
    case UARTLCR_H_OFFSET:
        return (uint32_t)UARTLCR_H_BRK;
    default:
        return 0;
    }
}

static void word_put(struct pl011 *uart, const struct mmio_row *row, uint32_t value)
{
    switch (row->offset) {
    case UARTDR_OFFSET:
        uart->ris |= (uint16_t)UARTINT_TX;
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
        uart->lcr_h = (uint8_t)value;
        break;
    case UARTCR_OFFSET:
        uart->cr = (uint16_t)value;
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
    default: /* UARTRSR clears errors that there are none of, UARTDMACR was 0 */
        break;
    }
}

struct pl011_effect pl011_write(struct pl011 *uart, uint32_t offset, unsigned size, uint32_t value)
{
    struct pl011_effect effect = {.answer = check(offset, size)};
    const struct mmio_row *row = row_find(offset);
    if (effect.answer != PL011_OK || row == NULL || !row->writable)
        return effect;
    value &= (uint32_t)bits_ones(size * 8) & ~row->zeros;
    if (value & unmodelled_bits(row)) {
        effect.answer = PL011_UNMODELLED;
        return effect;
    }
    word_put(uart, row, value);
    if (row->offset == UARTDR_OFFSET) {
        effect.has_output = true;
        effect.output = (uint8_t)field_get(UARTDR_DATA, value);
    }
    return effect;
}

bool pl011_line(const struct pl011 *uart)
{
    return (uart->ris & uart->imsc) != 0;
}
