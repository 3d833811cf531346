/*
 * The bus master: a copy of bytes from one place to another, forwards, in pieces that lie in one
 * line of 64 bytes on either side, each at a time of its own. So a CPU can see a copy that is half
 * done, and what it does to its caches meanwhile matters.
 *
 * Not modelled, since the device is this board's own: descriptors, fixed addresses, more than one
 * channel. A copy that has begun cannot be stopped; registers of addresses and length are for the
 * next one.
 */
#include "sim/devices/dma.h"

#include <string.h>

#include "gen/dma.inc"

void dma_reset(struct dma *dma)
{
    memset(dma, 0, sizeof *dma);
    dma->due = DEVICE_NEVER;
}

static uint32_t word_get(const struct dma *dma, const struct mmio_row *row)
{
    switch (row->offset) {
    case DMA_SourceLow_OFFSET:
        return (uint32_t)dma->source;
    case DMA_SourceHigh_OFFSET:
        return (uint32_t)(dma->source >> 32);
    case DMA_TargetLow_OFFSET:
        return (uint32_t)dma->target;
    case DMA_TargetHigh_OFFSET:
        return (uint32_t)(dma->target >> 32);
    case DMA_Length_OFFSET:
        return dma->length;
    case DMA_Control_OFFSET:
        return dma->control;
    case DMA_Status_OFFSET:
        return dma->status;
    case DMA_Left_OFFSET:
        return dma->left;
    default: /* identification */
        return row->reset;
    }
}

enum device_answer dma_read(const struct dma *dma, uint32_t offset, unsigned size, uint32_t *value)
{
    enum device_answer answer = device_check(offset, size, DMA_SIZE);
    if (answer != DEVICE_OK)
        return answer;
    const struct mmio_row *row = device_row(dma_register_rows, DMA_REGISTER_COUNT, offset);
    uint32_t word = row && row->readable ? word_get(dma, row) : 0;
    *value = word & (uint32_t)bits_ones(size * 8);
    return DEVICE_OK;
}

static void half_put(uint64_t *address, bool is_high, uint32_t value)
{
    uint64_t mask = UINT64_C(0xffffffff) << (is_high ? 32 : 0);
    *address = (*address & ~mask) | (uint64_t)value << (is_high ? 32 : 0);
}

static bool control_put(struct dma *dma, uint32_t value)
{
    bool begins = (value & DMA_Control_Go) && !(dma->status & DMA_STATE_Busy);
    dma->control = value & (uint32_t)~DMA_Control_Go;
    if (begins) {
        dma->from = dma->source;
        dma->to = dma->target;
        dma->left = dma->length;
        dma->status |= (uint32_t)DMA_STATE_Busy;
    }
    return begins;
}

enum device_answer dma_write(struct dma *dma, uint32_t offset, unsigned size, uint32_t value,
                             bool *begins)
{
    enum device_answer answer = device_check(offset, size, DMA_SIZE);
    const struct mmio_row *row = device_row(dma_register_rows, DMA_REGISTER_COUNT, offset);
    *begins = false;
    if (answer != DEVICE_OK || !row || !row->writable)
        return answer;
    value &= (uint32_t)bits_ones(size * 8) & ~row->zeros;
    switch (row->offset) {
    case DMA_SourceLow_OFFSET:
    case DMA_SourceHigh_OFFSET:
        half_put(&dma->source, row->offset == DMA_SourceHigh_OFFSET, value);
        break;
    case DMA_TargetLow_OFFSET:
    case DMA_TargetHigh_OFFSET:
        half_put(&dma->target, row->offset == DMA_TargetHigh_OFFSET, value);
        break;
    case DMA_Length_OFFSET:
        dma->length = value;
        break;
    case DMA_Control_OFFSET:
        *begins = control_put(dma, value);
        break;
    case DMA_Clear_OFFSET:
        dma->status &= ~(value & (uint32_t)(DMA_STATE_Done | DMA_STATE_Error));
        break;
    default:
        bug("bus master: no register at 0x%x is written", row->offset);
    }
    return DEVICE_OK;
}

bool dma_line(const struct dma *dma)
{
    return (dma->control & DMA_Control_Interrupt) &&
           (dma->status & (DMA_STATE_Done | DMA_STATE_Error));
}

static uint32_t line_left(uint64_t address)
{
    return DMA_LINE_BYTES - (uint32_t)(address % DMA_LINE_BYTES);
}

struct dma_piece dma_next(const struct dma *dma)
{
    uint32_t size = dma->left;
    if (size > line_left(dma->from))
        size = line_left(dma->from);
    if (size > line_left(dma->to))
        size = line_left(dma->to);
    return (struct dma_piece){.from = dma->from,
                              .to = dma->to,
                              .size = size,
                              .is_coherent = (dma->control & DMA_Control_Coherent) != 0};
}

void dma_done(struct dma *dma, const struct dma_piece *piece, bool is_good)
{
    dma->due = DEVICE_NEVER;
    if (is_good) {
        dma->from += piece->size;
        dma->to += piece->size;
        dma->left -= piece->size;
        if (dma->left != 0)
            return;
    }
    dma->status &= (uint32_t)~DMA_STATE_Busy;
    dma->status |= (uint32_t)(is_good ? DMA_STATE_Done : DMA_STATE_Error);
}
