/*
 * The door to the GICv2: takes accesses to its frames apart, checks them against the rows of
 * gicv2.def and hands them to the Distributor, to a CPU interface or to virtual interface control.
 *
 * Model: a GICv2 without the Security Extensions, GIC-400 where the architecture leaves values
 * to the implementation. Not modelled: wake-up requests, and any delay of its own (when a line is
 * seen is the machine's choice).
 *
 * IHI 0048B.b: GIC register access, and the register maps; GIC-400 for the frame in which a PE
 * reaches the GICH of another.
 */
#include "gic/gic.h"

#include <string.h>

#include "gic/control.h"
#include "gic/cpuif.h"
#include "gic/distributor.h"
#include "gic/lists.h"

static struct source physical(unsigned pe)
{
    return (struct source){.kind = SOURCE_DISTRIBUTOR, .pe = (uint8_t)pe};
}

static struct source virtual_source(unsigned pe)
{
    return (struct source){.kind = SOURCE_LISTS, .pe = (uint8_t)pe};
}

bool gic_interrupts_valid(uint32_t interrupts)
{
    return interrupts == GIC_INTERRUPT_MAX ||
           (interrupts >= GIC_BANKED_COUNT && interrupts < GIC_INTERRUPT_MAX &&
            interrupts % 32 == 0);
}

static void interface_reset(struct gic_interface *interface)
{
    interface->bpr = GIC_BPR_MIN;
    interface->abpr = GIC_ABPR_MIN;
}

void gic_reset(struct gic *gic, const struct gic_config *config)
{
    ensure(config->pe_count >= 1 && config->pe_count <= PE_COUNT_MAX);
    ensure(config->list_registers >= 1 && config->list_registers <= GIC_LIST_REGISTER_MAX);
    ensure(gic_interrupts_valid(config->interrupts));
    memset(gic, 0, sizeof(*gic));
    gic->pe_count = config->pe_count;
    gic->list_registers = config->list_registers;
    gic->interrupts = config->interrupts;
    gic_mark_all(gic);
    for (unsigned pe = 0; pe < PE_COUNT_MAX; pe++) {
        gic->enabled[pe] = (uint32_t)bits_ones(GIC_SGI_COUNT);
        gic->edge[pe] = (uint32_t)bits_ones(GIC_SGI_COUNT);
        interface_reset(&gic->interface[pe]);
        interface_reset(&gic->virtual[pe].interface);
    }
}

/* What an access is about: a register, and the PE whose copy of it. */
struct target {
    enum gic_frame frame; /* never GIC_FRAME_H_ALL */
    enum gicv2 row;       /* GICV2_COUNT: no register */
    uint32_t offset;
    unsigned pe;
};

/* The rule for offsets and sizes. A PE that is not there has no registers. */
static enum gic_answer resolve(const struct gic *gic, struct target *t, unsigned size)
{
    if (t->offset >= gic_frame_size(t->frame))
        return GIC_ABORT;
    if (t->frame == GIC_FRAME_H_ALL) {
        t->frame = GIC_FRAME_H;
        t->pe = t->offset / GIC_FRAME_H_ALL_STEP;
        t->offset %= GIC_FRAME_H_ALL_STEP;
    }
    t->row = t->pe < gic->pe_count ? gic_row_find(t->frame, t->offset) : GICV2_COUNT;
    bool takes_bytes = t->row != GICV2_COUNT && gic_row(t->row)->bytes;
    if ((size == 4 && t->offset % 4 == 0) || (size == 1 && takes_bytes))
        return GIC_OK;
    return GIC_ABORT;
}

static uint32_t peek(const struct gic *gic, const struct target *t, unsigned size)
{
    if (t->row == GICV2_COUNT)
        return 0;
    switch (t->frame) {
    case GIC_FRAME_D:
        return distributor_peek(gic, t->pe, t->row, t->offset, size);
    case GIC_FRAME_C:
        return cpuif_peek(gic, physical(t->pe), t->row);
    case GIC_FRAME_H:
        return control_peek(gic, t->pe, t->row, t->offset);
    case GIC_FRAME_V:
        return cpuif_peek(gic, virtual_source(t->pe), t->row);
    case GIC_FRAME_H_ALL:
    case GIC_FRAME_COUNT:
        break;
    }
    bug("GIC: frame %d", (int)t->frame);
}

enum gic_answer gic_read(struct gic *gic, unsigned pe, enum gic_frame frame, uint32_t offset,
                         unsigned size, uint32_t *value)
{
    struct target t = {.frame = frame, .offset = offset, .pe = pe};
    ensure(pe < gic->pe_count);
    enum gic_answer answer = resolve(gic, &t, size);
    if (answer != GIC_OK)
        return answer;
    if (t.frame == GIC_FRAME_C && t.row != GICV2_COUNT)
        *value = cpuif_read(gic, physical(t.pe), t.row);
    else if (t.frame == GIC_FRAME_V && t.row != GICV2_COUNT)
        *value = cpuif_read(gic, virtual_source(t.pe), t.row);
    else
        *value = peek(gic, &t, size);
    return GIC_OK;
}

enum gic_answer gic_write(struct gic *gic, unsigned pe, enum gic_frame frame, uint32_t offset,
                          unsigned size, uint32_t value)
{
    struct target t = {.frame = frame, .offset = offset, .pe = pe};
    ensure(pe < gic->pe_count);
    enum gic_answer answer = resolve(gic, &t, size);
    if (answer != GIC_OK || t.row == GICV2_COUNT)
        return answer;
    switch (t.frame) {
    case GIC_FRAME_D:
        distributor_write(gic, t.pe, t.row, t.offset, size, value);
        return GIC_OK;
    case GIC_FRAME_C:
        cpuif_write(gic, physical(t.pe), t.row, value);
        return GIC_OK;
    case GIC_FRAME_H:
        control_write(gic, t.pe, t.row, t.offset, value);
        return GIC_OK;
    case GIC_FRAME_V:
        cpuif_write(gic, virtual_source(t.pe), t.row, value);
        return GIC_OK;
    case GIC_FRAME_H_ALL:
    case GIC_FRAME_COUNT:
        break;
    }
    bug("GIC: frame %d", (int)t.frame);
}

uint32_t gic_peek(const struct gic *gic, unsigned pe, enum gic_frame frame, uint32_t offset)
{
    struct target t = {.frame = frame, .offset = offset, .pe = pe};
    ensure(pe < gic->pe_count);
    return resolve(gic, &t, 4) == GIC_OK ? peek(gic, &t, 4) : 0;
}

void gic_set_line(struct gic *gic, unsigned pe, unsigned intid, bool level)
{
    ensure(intid >= GIC_SGI_COUNT && intid < gic->interrupts);
    ensure(intid >= GIC_BANKED_COUNT || pe < gic->pe_count);
    distributor_set_line(gic, pe, intid, level);
}

unsigned gic_wires(const struct gic *gic, unsigned pe)
{
    ensure(pe < gic->pe_count);
    unsigned wires = cpuif_wires(gic, physical(pe));
    unsigned virtual_wires = cpuif_wires(gic, virtual_source(pe));
    if (virtual_wires & GIC_WIRE_IRQ)
        wires |= GIC_WIRE_VIRQ;
    if (virtual_wires & GIC_WIRE_FIQ)
        wires |= GIC_WIRE_VFIQ;
    if (lists_maintenance(gic, pe))
        wires |= GIC_WIRE_MAINTENANCE;
    return wires;
}

unsigned gic_take_changed(struct gic *gic)
{
    unsigned changed = gic->changed;
    gic->changed = 0;
    return changed;
}
