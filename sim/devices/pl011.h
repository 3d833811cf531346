/*
 * The PL011 UART. A pure device: what a write makes happen outside comes back as a value, and the
 * machine applies it; characters that come from outside wait with their sender until the line and
 * the receiver have time for them.
 */
#pragma once
#include "gen/pl011.h"
#include "sim/devices/device.h"

#define PL011_FIFO_DEPTH 16u
#define PL011_SENDER_MAX 256u

STATE_BEGIN
struct pl011 {
    uint64_t arrives_at; /* when the next character has come in; DEVICE_NEVER: none is under way */
    uint64_t timeout_at; /* when a silent line raises the receive timeout */
    uint32_t divisor;    /* of the baud rate, in 64ths, as the last write of UARTLCR_H took it */
    uint16_t ibrd, cr, imsc, ris;
    uint16_t fifo[PL011_FIFO_DEPTH]; /* characters with their error bits, as UARTDR has them */
    uint8_t fifo_first, fifo_count;
    uint8_t ilpr, fbrd, lcr_h, ifls, dmacr;
    uint8_t status;      /* UARTRSR */
    uint8_t has_overrun; /* a character was lost since the last one that found room */
    uint8_t modem;       /* CTS, DSR, DCD and RI, as bits of UARTFR; RI at bit 3 */
    uint16_t sender_first, sender_count;
    uint8_t reserved[6];
    uint8_t sender[PL011_SENDER_MAX]; /* characters on their way in, of whoever is connected */
};
STATE_END

/* What a write did. */
struct pl011_effect {
    enum device_answer answer;
    bool has_output; /* a character went out: the machine's console and a CONSOLE event */
    uint8_t output;
};

/* Power-on reset. */
void pl011_reset(struct pl011 *uart);

/*
 * A register access: offset within the frame, 1, 2 or 4 bytes at the start of a word. Offsets
 * without a register are RAZ/WI. *value is written for DEVICE_OK only. Reading UARTDR takes the
 * character; an observer uses pl011_peek().
 */
enum device_answer pl011_read(struct pl011 *uart, const struct device_clock *clock,
                              uint32_t offset, unsigned size, uint32_t *value);
struct pl011_effect pl011_write(struct pl011 *uart, const struct device_clock *clock,
                                uint32_t offset, unsigned size, uint32_t value);
/* A word without any effect; 0 where there is none. */
uint32_t pl011_peek(const struct pl011 *uart, uint32_t offset);

/* The interrupt line UARTINTR: a function of state. */
bool pl011_line(const struct pl011 *uart);

/* How many characters the sender can still take. */
size_t pl011_room(const struct pl011 *uart);
/* Characters from outside; count <= pl011_room(). They come in one by one at the line's speed. */
void pl011_send(struct pl011 *uart, const struct device_clock *clock, const uint8_t *bytes,
                size_t count);

/* When something happens by itself next, and what is due by now. */
uint64_t pl011_deadline(const struct pl011 *uart);
void pl011_fire(struct pl011 *uart, const struct device_clock *clock);

/* The description rows, PL_... of gen/pl011.h. */
const struct mmio_row *pl011_row(enum pl011_register row);
