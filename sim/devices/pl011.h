/*
 * The PL011 UART: output and the register file that drivers probe. A pure device: what a write
 * makes happen outside comes back as a value, and the machine applies it.
 */
#pragma once
#include "gen/pl011.h"
#include "sim/base/base.h"
#include "sim/base/regs.h"

STATE_BEGIN
/* The registers that keep something; the receiver has nothing to keep. */
struct pl011 {
    uint16_t ibrd, cr, imsc, ris;
    uint8_t ilpr, fbrd, lcr_h, ifls;
};
STATE_END

enum pl011_answer {
    PL011_OK,
    PL011_ABORT,      /* an access that is not to the start of a word, or wider than a word */
    PL011_UNMODELLED, /* loopback, DMA, IrDA or breaks were asked for: the run is to stop */
};

/* What a write did. */
struct pl011_effect {
    enum pl011_answer answer;
    bool has_output; /* a character went out: the machine's console and a CONSOLE event */
    uint8_t output;
};

/* Power-on reset. */
void pl011_reset(struct pl011 *uart);

/*
 * A register access: offset within the frame, 1, 2 or 4 bytes at the start of a word; the rest of
 * the word reads as 0 and is written as 0, as on the peripheral bus. Offsets without a register
 * are RAZ/WI. Reading has no side effects, so observers use it too. *value is written for
 * PL011_OK only.
 */
enum pl011_answer pl011_read(const struct pl011 *uart, uint32_t offset, unsigned size,
                             uint32_t *value);
struct pl011_effect pl011_write(struct pl011 *uart, uint32_t offset, unsigned size,
                                uint32_t value);

/* The interrupt line UARTINTR: a function of state. */
bool pl011_line(const struct pl011 *uart);

/* The description rows, PL_... of gen/pl011.h. */
const struct mmio_row *pl011_row(enum pl011_register row);
