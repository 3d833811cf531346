/*
 * Looking up GIC registers: from (frame, offset) to a row of gicv2.def. The rows stand in the
 * order of their offsets, those of GICD before those of GICC; tests/unit/gic.c holds the file
 * to that.
 *
 * GICH and GICV have no rows: they are not modelled, and an access to them stops the run.
 *
 * IHI 0048B.b: Distributor register map, CPU interface register map.
 */
#include "gic/rows.h"

#include "gen/gicv2.inc"

const struct mmio_row *gic_row(enum gicv2 row)
{
    ensure(row < GICV2_COUNT);
    return &gicv2_rows[row];
}

uint32_t gic_frame_size(enum gic_frame frame)
{
    switch (frame) {
    case GIC_FRAME_D:
        return GICD_SIZE;
    case GIC_FRAME_C:
        return GICC_SIZE;
    case GIC_FRAME_H:
    case GIC_FRAME_V:
    case GIC_FRAME_COUNT:
        break;
    }
    return 0;
}

enum gicv2 gic_row_find(enum gic_frame frame, uint32_t offset)
{
    if (offset >= gic_frame_size(frame))
        return GICV2_COUNT;
    unsigned low = frame == GIC_FRAME_D ? 0 : GR_GICC_CTLR;
    unsigned high = frame == GIC_FRAME_D ? GR_GICC_CTLR : GICV2_COUNT;
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
