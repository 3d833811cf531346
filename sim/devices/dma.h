/*
 * The board's own bus master: copies bytes of memory beside the CPUs, line by line, and past their
 * caches unless told otherwise. It is there to show what a driver has to do about that.
 */
#pragma once
#include "gen/dma.h"
#include "sim/devices/device.h"

#define DMA_LINE_BYTES 64u

STATE_BEGIN
struct dma {
    uint64_t source, target; /* as written */
    uint64_t from, to;       /* of the copy under way */
    uint64_t due;            /* when the next line is copied; DEVICE_NEVER: none is */
    uint32_t length, left;
    uint32_t control, status;
};
STATE_END

/* The next piece of a copy: within one line on either side. */
struct dma_piece {
    uint64_t from, to;
    uint32_t size; /* 0: there is nothing to be copied */
    bool is_coherent;
};

void dma_reset(struct dma *dma);
/* Register accesses, as for the PL011. *begins: a copy was started, and dma.due is to be set. */
enum device_answer dma_read(const struct dma *dma, uint32_t offset, unsigned size,
                            uint32_t *value);
enum device_answer dma_write(struct dma *dma, uint32_t offset, unsigned size, uint32_t value,
                             bool *begins);
bool dma_line(const struct dma *dma);

struct dma_piece dma_next(const struct dma *dma);
/* The piece was copied, or found no memory. */
void dma_done(struct dma *dma, const struct dma_piece *piece, bool is_good);
