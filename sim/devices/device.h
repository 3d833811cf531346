/*
 * What the devices on the peripheral bus share: their clock, and how an access of one, two or four
 * bytes finds its register. A device is a pure machine: time comes in, what it wants next is a
 * deadline, its interrupt line is a function of state.
 */
#pragma once
#include "sim/base/base.h"
#include "sim/base/regs.h"

#define DEVICE_NEVER UINT64_MAX

/* The time of an access or an event. */
struct device_clock {
    uint64_t now; /* cycles */
    uint64_t hz;  /* cycles in a second */
};

enum device_answer {
    DEVICE_OK,
    DEVICE_ABORT, /* a size or an alignment that the device does not take */
};

/*
 * Peripheral bus: 1, 2 or 4 bytes at the start of a word; the rest of the word reads as 0 and is
 * written as 0.
 */
static inline enum device_answer device_check(uint32_t offset, unsigned size, uint32_t frame_bytes)
{
    bool is_good = offset < frame_bytes && offset % 4 == 0 && (size == 1 || size == 2 || size == 4);
    return is_good ? DEVICE_OK : DEVICE_ABORT;
}

/* The row of a word, or NULL: a hole in the frame, which is RAZ/WI. */
static inline const struct mmio_row *device_row(const struct mmio_row *rows, unsigned count,
                                                uint32_t offset)
{
    for (unsigned i = 0; i < count; i++) {
        if (offset - rows[i].offset < rows[i].count * 4)
            return &rows[i];
    }
    return NULL;
}
