/*
 * The Distributor of a GICv2 without the Security Extensions. Registers that hold a field for each
 * interrupt are all served by interrupt_get and interrupt_put: a table says for each such register
 * which field it shows and whether writing replaces the field or sets or clears its bits.
 *
 * Pending state has two causes: a latch (an edge, GICD_ISPENDR, an SGI), which acknowledging or
 * GICD_ICPENDR takes away, and the line of a level-sensitive interrupt, which nothing but the line
 * takes away. So a level that is still high after acknowledging makes active and pending.
 *
 * Not modelled: the Security Extensions (GICD_NSACR, SGIR.NSATT, lockable SPIs). The reserved
 * value 3 of GICD_SGIR.TargetListFilter asks for nothing.
 *
 * IHI 0048B.b: Interrupt handling state machine, Distributor register descriptions.
 */
#include "gic/distributor.h"

#include "gic/arbitrate.h"

enum interrupt_field {
    FIELD_NONE, /* a register without fields per interrupt */
    FIELD_GROUP,
    FIELD_ENABLED,
    FIELD_PENDING,
    FIELD_ACTIVE,
    FIELD_PRIORITY,
    FIELD_TARGETS,
    FIELD_CONFIGURATION,
    FIELD_SOURCES, /* PEs that have asked for an SGI */
};

enum write_rule { WRITE_REPLACES, WRITE_SETS, WRITE_CLEARS };

static const struct {
    enum interrupt_field field;
    enum write_rule rule;
} shows[GICV2_COUNT] = {
    [GR_GICD_IGROUPR] = {FIELD_GROUP, WRITE_REPLACES},
    [GR_GICD_ISENABLER] = {FIELD_ENABLED, WRITE_SETS},
    [GR_GICD_ICENABLER] = {FIELD_ENABLED, WRITE_CLEARS},
    [GR_GICD_ISPENDR] = {FIELD_PENDING, WRITE_SETS},
    [GR_GICD_ICPENDR] = {FIELD_PENDING, WRITE_CLEARS},
    [GR_GICD_ISACTIVER] = {FIELD_ACTIVE, WRITE_SETS},
    [GR_GICD_ICACTIVER] = {FIELD_ACTIVE, WRITE_CLEARS},
    [GR_GICD_IPRIORITYR] = {FIELD_PRIORITY, WRITE_REPLACES},
    [GR_GICD_ITARGETSR] = {FIELD_TARGETS, WRITE_REPLACES},
    [GR_GICD_ICFGR] = {FIELD_CONFIGURATION, WRITE_REPLACES},
    [GR_GICD_CPENDSGIR] = {FIELD_SOURCES, WRITE_CLEARS},
    [GR_GICD_SPENDSGIR] = {FIELD_SOURCES, WRITE_SETS},
};

/* Bit 1 of a field of GICD_ICFGR: edge-triggered. Bit 0 is reserved. */
#define CONFIGURATION_EDGE 2u

static uint32_t pe_mask(const struct gic *gic)
{
    return (uint32_t)bits_ones(gic->pe_count);
}

/* GICD_ITARGETSR: SGIs and PPIs are the reader's; with a single PE there is nothing to choose. */
static uint32_t targets_get(const struct gic *gic, unsigned pe, unsigned intid)
{
    if (gic->pe_count == 1)
        return 0;
    return intid < GIC_BANKED_COUNT ? 1u << pe : gic->targets[intid - GIC_BANKED_COUNT];
}

static uint32_t interrupt_get(const struct gic *gic, unsigned pe, enum interrupt_field field,
                             unsigned intid)
{
    unsigned slot = gic_slot(pe, intid);
    switch (field) {
    case FIELD_NONE:
        break;
    case FIELD_GROUP:
        return gic_bit(gic->group, slot);
    case FIELD_ENABLED:
        return gic_bit(gic->enabled, slot);
    case FIELD_PENDING:
        return (gic_pending_word(gic, slot / 32) >> (slot % 32)) & 1u;
    case FIELD_ACTIVE:
        return gic_bit(gic->active, slot);
    case FIELD_PRIORITY:
        return gic->priority[slot];
    case FIELD_TARGETS:
        return targets_get(gic, pe, intid);
    case FIELD_CONFIGURATION:
        return gic_bit(gic->edge, slot) ? CONFIGURATION_EDGE : 0;
    case FIELD_SOURCES:
        return gic->sgi_sources[pe][intid];
    }
    bug("GIC: no field");
}

static void sources_put(struct gic *gic, unsigned pe, unsigned intid, uint32_t sources)
{
    gic_mark(gic, 1u << pe);
    gic->sgi_sources[pe][intid] = (uint8_t)(sources & pe_mask(gic));
    gic_bit_put(gic->latched, gic_slot(pe, intid), gic->sgi_sources[pe][intid] != 0);
}

/* Takes the new value of a whole field; bits that are fixed stay as they are. */
static void interrupt_put(struct gic *gic, unsigned pe, enum interrupt_field field, unsigned intid,
                         uint32_t value)
{
    unsigned slot = gic_slot(pe, intid);
    bool is_sgi = intid < GIC_SGI_COUNT;
    switch (field) {
    case FIELD_NONE:
        bug("GIC: no field");
    case FIELD_GROUP:
        gic_bit_put(gic->group, slot, value);
        break;
    case FIELD_ENABLED:
        if (!is_sgi)
            gic_bit_put(gic->enabled, slot, value);
        break;
    case FIELD_PENDING:
        if (!is_sgi)
            gic_bit_put(gic->latched, slot, value);
        break;
    case FIELD_ACTIVE:
        gic_bit_put(gic->active, slot, value);
        break;
    case FIELD_PRIORITY:
        gic->priority[slot] = (uint8_t)(value & GIC_PRIORITY_MASK);
        break;
    case FIELD_TARGETS:
        if (intid >= GIC_BANKED_COUNT && gic->pe_count > 1)
            gic->targets[intid - GIC_BANKED_COUNT] = (uint8_t)(value & pe_mask(gic));
        break;
    case FIELD_CONFIGURATION:
        if (intid >= GIC_BANKED_COUNT)
            gic_bit_put(gic->edge, slot, value & CONFIGURATION_EDGE);
        break;
    case FIELD_SOURCES:
        sources_put(gic, pe, intid, value);
        break;
    }
}

/* GICD_SGIR: asks for an SGI at the PEs of the list, at all others, or at the writer itself. */
static void sgi_request(struct gic *gic, unsigned pe, uint32_t value)
{
    unsigned intid = (unsigned)field_get(GICD_SGIR_SGIINTID, value);
    uint32_t self = 1u << pe, targets = 0;
    switch (field_get(GICD_SGIR_TargetListFilter, value)) {
    case 0:
        targets = (uint32_t)field_get(GICD_SGIR_CPUTargetList, value);
        break;
    case 1:
        targets = ~self;
        break;
    case 2:
        targets = self;
        break;
    default:
        break;
    }
    for (unsigned target = 0; target < gic->pe_count; target++)
        if ((targets >> target) & 1u)
            sources_put(gic, target, intid, gic->sgi_sources[target][intid] | self);
}

/* Registers that are one word, or words of bits without a copy per field. */
static uint32_t word_get(const struct gic *gic, unsigned pe, enum gicv2 row, unsigned word)
{
    if (row == GR_GICD_CTLR)
        return gic->ctlr;
    if (row == GR_GICD_TYPER)
        return (uint32_t)(field_put(GICD_TYPER_CPUNumber, gic->pe_count - 1u) |
                          field_put(GICD_TYPER_ITLinesNumber, gic_word_count(gic) - 1u));
    if (row == GR_GICD_PPISR)
        return gic->line[gic_word_index(pe, 0)] >> GIC_SGI_COUNT;
    if (row == GR_GICD_SPISR)
        return word + 1 < gic_word_count(gic) ? gic->line[gic_word_index(pe, word + 1)] : 0;
    return gic_row(row)->reset;
}

/* The interrupt behind the last one that an access shows: those that do not exist are RAZ/WI. */
static unsigned fields_end(const struct gic *gic, const struct mmio_row *row, unsigned first,
                           unsigned size)
{
    unsigned end = first + size * 8 / row->per_int;
    return end < gic->interrupts ? end : gic->interrupts;
}

uint32_t distributor_peek(const struct gic *gic, unsigned pe, enum gicv2 row, uint32_t offset,
                          unsigned size)
{
    const struct mmio_row *r = gic_row(row);
    if (!r->readable)
        return 0;
    if (r->per_int == 0)
        return word_get(gic, pe, row, (offset - r->offset) / 4) & ~r->zeros;
    unsigned first = (offset - r->offset) * 8 / r->per_int;
    unsigned end = fields_end(gic, r, first, size);
    uint32_t value = 0;
    for (unsigned intid = first; intid < end; intid++)
        value |= interrupt_get(gic, pe, shows[row].field, intid) << (intid - first) * r->per_int;
    return value;
}

/* One field of a register that is being written. */
static void interrupt_write(struct gic *gic, unsigned pe, enum gicv2 row, unsigned intid,
                            uint32_t value)
{
    enum interrupt_field field = shows[row].field;
    enum write_rule rule = shows[row].rule;
    /* Setting nothing leaves the latch of a level that is pending by its line alone. */
    if (value == 0 && rule != WRITE_REPLACES)
        return;
    uint32_t old = interrupt_get(gic, pe, field, intid);
    gic_mark(gic, gic_targets(gic, pe, intid));
    switch (rule) {
    case WRITE_REPLACES:
        interrupt_put(gic, pe, field, intid, value);
        break;
    case WRITE_SETS:
        interrupt_put(gic, pe, field, intid, old | value);
        break;
    case WRITE_CLEARS:
        interrupt_put(gic, pe, field, intid, old & ~value);
        break;
    }
    gic_mark(gic, gic_targets(gic, pe, intid)); /* another set, if it was the targets */
}

void distributor_write(struct gic *gic, unsigned pe, enum gicv2 row, uint32_t offset,
                       unsigned size, uint32_t value)
{
    const struct mmio_row *r = gic_row(row);
    if (!r->writable)
        return;
    if (row == GR_GICD_CTLR) {
        gic->ctlr = value & ~r->zeros;
        gic_mark_all(gic);
        return;
    }
    if (row == GR_GICD_SGIR) {
        sgi_request(gic, pe, value);
        return;
    }
    ensure(r->per_int != 0);
    unsigned first = (offset - r->offset) * 8 / r->per_int;
    unsigned end = fields_end(gic, r, first, size);
    uint32_t ones = (uint32_t)bits_ones(r->per_int);
    for (unsigned intid = first; intid < end; intid++)
        interrupt_write(gic, pe, row, intid, (value >> (intid - first) * r->per_int) & ones);
}

void distributor_set_line(struct gic *gic, unsigned pe, unsigned intid, bool level)
{
    unsigned slot = gic_slot(pe, intid);
    if (gic_bit(gic->line, slot) == level)
        return;
    gic_bit_put(gic->line, slot, level);
    if (level && gic_bit(gic->edge, slot))
        gic_bit_put(gic->latched, slot, true);
    gic_mark(gic, gic_targets(gic, pe, intid));
}

void distributor_acknowledge(struct gic *gic, unsigned pe, unsigned intid, unsigned source)
{
    unsigned slot = gic_slot(pe, intid);
    gic_bit_put(gic->active, slot, true);
    if (intid < GIC_SGI_COUNT)
        sources_put(gic, pe, intid, gic->sgi_sources[pe][intid] & ~(1u << source));
    else
        gic_bit_put(gic->latched, slot, false);
    gic_mark(gic, gic_targets(gic, pe, intid));
}

void distributor_deactivate(struct gic *gic, unsigned pe, unsigned intid)
{
    gic_bit_put(gic->active, gic_slot(pe, intid), false);
    gic_mark(gic, gic_targets(gic, pe, intid));
}
