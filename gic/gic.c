/*
 * The door to the GICv2: takes accesses to its frames apart, checks them against the rows of
 * gicv2.def and hands them to the Distributor or to the PE's CPU interface.
 *
 * Model: a GICv2 without the Security Extensions, GIC-400 where the architecture leaves values
 * to the implementation. Not modelled: the GICH and GICV frames (an access is answered with
 * GIC_UNMODELLED), wake-up requests, and any delay of its own (when a line is seen is the
 * machine's choice).
 *
 * IHI 0048B.b: GIC register access, Distributor register map, CPU interface register map.
 */
#include "gic/gic.h"

#include <string.h>

#include "gic/cpuif.h"
#include "gic/distributor.h"

#define INTID_BITS 0x3ffu

static struct source physical(unsigned pe)
{
    return (struct source){.kind = SOURCE_DISTRIBUTOR, .pe = (uint8_t)pe};
}

void gic_reset(struct gic *gic, const struct gic_config *config)
{
    ensure(config->pe_count >= 1 && config->pe_count <= PE_COUNT_MAX);
    ensure(config->list_registers >= 1 && config->list_registers <= GIC_LIST_REGISTER_MAX);
    memset(gic, 0, sizeof(*gic));
    gic->pe_count = config->pe_count;
    gic->list_registers = config->list_registers;
    gic_mark_all(gic);
    for (unsigned pe = 0; pe < PE_COUNT_MAX; pe++) {
        gic->enabled[pe] = (uint32_t)bits_ones(GIC_SGI_COUNT);
        gic->edge[pe] = (uint32_t)bits_ones(GIC_SGI_COUNT);
        gic->interface[pe].bpr = GIC_BPR_MIN;
        gic->interface[pe].abpr = GIC_ABPR_MIN;
    }
}

/* The rule for offsets and sizes; *row is GICV2_COUNT where there is no register. */
static enum gic_answer resolve(enum gic_frame frame, uint32_t offset, unsigned size,
                               enum gicv2 *row)
{
    switch (frame) {
    case GIC_FRAME_H:
    case GIC_FRAME_V:
        return GIC_UNMODELLED;
    case GIC_FRAME_D:
    case GIC_FRAME_C:
        break;
    case GIC_FRAME_COUNT:
        bug("GIC: no such frame");
    }
    if (offset >= gic_frame_size(frame))
        return GIC_ABORT;
    *row = gic_row_find(frame, offset);
    bool takes_bytes = *row != GICV2_COUNT && gic_row(*row)->bytes;
    if ((size == 4 && offset % 4 == 0) || (size == 1 && takes_bytes))
        return GIC_OK;
    return GIC_ABORT;
}

/* Something happened to an interrupt: a banked one is nothing to other PEs. */
static void mark_of(struct gic *gic, unsigned pe, unsigned intid)
{
    if (intid >= GIC_BANKED_COUNT)
        gic_mark_all(gic);
    else
        gic->changed |= (uint8_t)(1u << pe);
}

enum gic_answer gic_read(struct gic *gic, unsigned pe, enum gic_frame frame, uint32_t offset,
                         unsigned size, uint32_t *value)
{
    enum gicv2 row;
    ensure(pe < gic->pe_count);
    enum gic_answer answer = resolve(frame, offset, size, &row);
    if (answer != GIC_OK)
        return answer;
    if (row == GICV2_COUNT) {
        *value = 0;
    } else if (frame == GIC_FRAME_D) {
        *value = distributor_peek(gic, pe, row, offset, size);
    } else {
        *value = cpuif_read(gic, physical(pe), row);
        if (row == GR_GICC_IAR || row == GR_GICC_AIAR)
            mark_of(gic, pe, *value & INTID_BITS);
    }
    return GIC_OK;
}

enum gic_answer gic_write(struct gic *gic, unsigned pe, enum gic_frame frame, uint32_t offset,
                          unsigned size, uint32_t value)
{
    enum gicv2 row;
    ensure(pe < gic->pe_count);
    enum gic_answer answer = resolve(frame, offset, size, &row);
    if (answer != GIC_OK || row == GICV2_COUNT)
        return answer;
    if (frame == GIC_FRAME_D) {
        distributor_write(gic, pe, row, offset, size, value);
        gic_mark_all(gic);
    } else {
        bool ends = row == GR_GICC_EOIR || row == GR_GICC_AEOIR || row == GR_GICC_DIR;
        cpuif_write(gic, physical(pe), row, value);
        mark_of(gic, pe, ends ? value & INTID_BITS : 0);
    }
    return GIC_OK;
}

uint32_t gic_peek(const struct gic *gic, unsigned pe, enum gic_frame frame, uint32_t offset)
{
    enum gicv2 row;
    ensure(pe < gic->pe_count);
    if (resolve(frame, offset, 4, &row) != GIC_OK || row == GICV2_COUNT)
        return 0;
    if (frame == GIC_FRAME_D)
        return distributor_peek(gic, pe, row, offset, 4);
    return cpuif_peek(gic, physical(pe), row);
}

void gic_set_line(struct gic *gic, unsigned pe, unsigned intid, bool level)
{
    ensure(intid >= GIC_SGI_COUNT && intid < GIC_INTID_COUNT);
    ensure(intid >= GIC_BANKED_COUNT || pe < gic->pe_count);
    if (distributor_set_line(gic, gic_slot(pe, intid), level))
        mark_of(gic, pe, intid);
}

unsigned gic_wires(const struct gic *gic, unsigned pe)
{
    ensure(pe < gic->pe_count);
    return cpuif_wires(gic, physical(pe));
}

unsigned gic_take_changed(struct gic *gic)
{
    unsigned changed = gic->changed;
    gic->changed = 0;
    return changed;
}
