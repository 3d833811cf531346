/*
 * Looking up GIC registers: from (frame, offset) to a row of gicv2.def. The rows stand in the
 * order of their offsets, those of GICD first, then GICC, GICH and GICV; tests/unit/gic_rows.c
 * holds the file to that.
 *
 * The frame by which a PE reaches the GICH of all others is cut up by gic.c, and has no rows.
 *
 * IHI 0048B.b: the register maps of the Distributor, CPU interface, virtual interface control and
 * virtual CPU interface.
 */
#include "gic/rows.h"

#include "gen/gicv2.inc"

static const struct {
    unsigned first, end; /* rows */
    uint32_t size;
} frames[GIC_FRAME_COUNT] = {
    [GIC_FRAME_D] = {0, GR_GICC_CTLR, GICD_SIZE},
    [GIC_FRAME_C] = {GR_GICC_CTLR, GR_GICH_HCR, GICC_SIZE},
    [GIC_FRAME_H] = {GR_GICH_HCR, GR_GICV_CTLR, GICH_SIZE},
    [GIC_FRAME_V] = {GR_GICV_CTLR, GICV2_COUNT, GICV_SIZE},
    [GIC_FRAME_H_ALL] = {0, 0, GIC_FRAME_H_ALL_SIZE},
};

const struct mmio_row *gic_row(enum gicv2 row)
{
    ensure(row < GICV2_COUNT);
    return &gicv2_rows[row];
}

uint32_t gic_frame_size(enum gic_frame frame)
{
    ensure(frame < GIC_FRAME_COUNT);
    return frames[frame].size;
}

enum gicv2 gic_row_find(enum gic_frame frame, uint32_t offset)
{
    ensure(frame < GIC_FRAME_COUNT);
    unsigned low = frames[frame].first;
    unsigned high = frames[frame].end;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct mmio_row *row = &gicv2_rows[middle];
        if (offset < row->offset)
            high = middle;
        else if (offset >= row->offset + 4 * row->count)
            low = middle + 1;
        else
            return (enum gicv2)middle;
    }
    return GICV2_COUNT;
}
