/*
 * The CPU interface of a GICv2 without the Security Extensions, physical (GICC) and virtual (GICV):
 * acknowledging, priority drop and deactivation, masks and binary points. Where its interrupts come
 * from is source.c's business. The text names the registers of GICC and means those of GICV too.
 *
 * What the architecture leaves UNPREDICTABLE: GICC_EOIR takes a Group 1 interrupt also when
 * AckCtl is 0; GICC_AEOIR ignores a Group 0 interrupt; an end of interrupt with no active
 * priority does nothing, but GICV_EOIR then deactivates what a list register has; GICC_DIR with
 * EOImode 0 does nothing; the CPUID of an SGI's end is not looked at.
 * The active priorities of Group 0 are in GICC_APR0, those of Group 1 in GICC_NSAPR0; the virtual
 * interface has GICV_APR0 for both.
 *
 * Not modelled: legacy interrupt inputs; the bypass disable bits of GICC_CTLR only keep what is
 * written.
 *
 * IHI 0048B.b: CPU interface register descriptions, Virtual CPU interface registers, Priority drop
 * and interrupt deactivation.
 */
#include "gic/cpuif.h"

/* Whether a register is one of the aliases, which serve Group 1 only. */
enum view { VIEW_OWN, VIEW_ALIAS };

/*
 * The interrupt ID that a candidate shows in GICC_IAR and GICC_HPPIR, or in their aliases: a
 * Group 1 interrupt hides behind 1022 unless AckCtl is set, the aliases know Group 1 only.
 */
static uint32_t shown(const struct gic_interface *interface, const struct gic_candidate *candidate,
                      enum view view)
{
    if (candidate->intid == GIC_INTID_SPURIOUS ||
        !arbitrate_group_enabled(interface, candidate->group))
        return GIC_INTID_SPURIOUS;
    if (view == VIEW_ALIAS && candidate->group == 0)
        return GIC_INTID_SPURIOUS;
    if (view == VIEW_OWN && candidate->group == 1 && !(interface->ctlr & GICC_CTLR_AckCtl))
        return GIC_INTID_OTHER_GROUP;
    return (uint32_t)(field_put(ACKNOWLEDGE_CPUID, candidate->source) |
                      field_put(ACKNOWLEDGE_InterruptID, candidate->intid));
}

static enum view iar_view(const struct mmio_row *row)
{
    return row->offset == GICC_IAR_OFFSET ? VIEW_OWN : VIEW_ALIAS;
}

/* What reading GICC_IAR or GICC_AIAR gives: like GICC_HPPIR, if the interrupt is signalled. */
static uint32_t acknowledgeable(const struct gic_interface *interface,
                                const struct gic_candidate *candidate, enum view view)
{
    if (!arbitrate_signals(interface, candidate))
        return GIC_INTID_SPURIOUS;
    return shown(interface, candidate, view);
}

uint32_t cpuif_peek(const struct gic *gic, struct source source, enum gicv2 row)
{
    const struct gic_interface *interface = source_interface_const(gic, source);
    const struct mmio_row *r = gic_row(row);
    struct gic_candidate next;
    if (!r->readable)
        return 0;
    switch (r->offset) {
    case GICC_CTLR_OFFSET:
        return interface->ctlr;
    case GICC_PMR_OFFSET:
        return interface->pmr;
    case GICC_BPR_OFFSET:
        return interface->bpr;
    case GICC_ABPR_OFFSET:
        return interface->abpr;
    case GICC_RPR_OFFSET:
        return arbitrate_running(interface);
    case GICC_APR0_OFFSET:
        return interface->active_priorities[0];
    case GICC_NSAPR0_OFFSET:
        return interface->active_priorities[1];
    case GICC_IAR_OFFSET:
    case GICC_AIAR_OFFSET:
        next = source_next(gic, source);
        return acknowledgeable(interface, &next, iar_view(r));
    case GICC_HPPIR_OFFSET:
    case GICC_AHPPIR_OFFSET:
        next = source_next(gic, source);
        return shown(interface, &next, r->offset == GICC_HPPIR_OFFSET ? VIEW_OWN : VIEW_ALIAS);
    default:
        return r->reset;
    }
}

uint32_t cpuif_read(struct gic *gic, struct source source, enum gicv2 row)
{
    const struct mmio_row *r = gic_row(row);
    if (r->offset != GICC_IAR_OFFSET && r->offset != GICC_AIAR_OFFSET)
        return cpuif_peek(gic, source, row);
    struct gic_interface *interface = source_interface(gic, source);
    struct gic_candidate next = source_next(gic, source);
    uint32_t value = acknowledgeable(interface, &next, iar_view(r));
    if (value == GIC_INTID_SPURIOUS || value == GIC_INTID_OTHER_GROUP)
        return value;
    unsigned level = arbitrate_group_priority(interface, next.priority, next.group) >> GIC_ABPR_MIN;
    interface->active_priorities[source_active_index(source, next.group)] |= UINT32_C(1) << level;
    source_acknowledge(gic, source, &next);
    gic_mark(gic, 1u << source.pe);
    return value;
}

/* GICC_EOIR and GICC_AEOIR: drops the priority and, with EOImode 0, deactivates. */
static void end_of_interrupt(struct gic *gic, struct source source, uint32_t value, enum view view)
{
    struct gic_interface *interface = source_interface(gic, source);
    unsigned intid = (unsigned)field_get(ACKNOWLEDGE_InterruptID, value);
    if (!source_has(gic, source, intid))
        return;
    if (arbitrate_running(interface) == GIC_PRIORITY_IDLE && !source_ends_idle(gic, source, intid))
        return;
    int group = source_group(gic, source, intid);
    if (view == VIEW_ALIAS && group == 0)
        return;
    uint32_t *active = &interface->active_priorities[source_active_index(source, group == 1)];
    *active &= *active - 1;
    if (!(interface->ctlr & GICC_CTLR_EOImode))
        source_deactivate(gic, source, intid);
}

static void deactivate(struct gic *gic, struct source source, uint32_t value)
{
    unsigned intid = (unsigned)field_get(ACKNOWLEDGE_InterruptID, value);
    if ((source_interface(gic, source)->ctlr & GICC_CTLR_EOImode) && source_has(gic, source, intid))
        source_deactivate(gic, source, intid);
}

void cpuif_write(struct gic *gic, struct source source, enum gicv2 row, uint32_t value)
{
    struct gic_interface *interface = source_interface(gic, source);
    const struct mmio_row *r = gic_row(row);
    if (!r->writable)
        return;
    value &= ~r->zeros;
    switch (r->offset) {
    case GICC_CTLR_OFFSET:
        interface->ctlr = value;
        break;
    case GICC_PMR_OFFSET:
        interface->pmr = (uint8_t)value;
        break;
    case GICC_BPR_OFFSET:
        interface->bpr = arbitrate_binary_point(value, GIC_BPR_MIN);
        break;
    case GICC_ABPR_OFFSET:
        interface->abpr = arbitrate_binary_point(value, GIC_ABPR_MIN);
        break;
    case GICC_APR0_OFFSET:
        interface->active_priorities[0] = value;
        break;
    case GICC_NSAPR0_OFFSET:
        interface->active_priorities[1] = value;
        break;
    case GICC_EOIR_OFFSET:
        end_of_interrupt(gic, source, value, VIEW_OWN);
        break;
    case GICC_AEOIR_OFFSET:
        end_of_interrupt(gic, source, value, VIEW_ALIAS);
        break;
    case GICC_DIR_OFFSET:
        deactivate(gic, source, value);
        break;
    default:
        bug("GIC: no write of %s", r->name);
    }
    gic_mark(gic, 1u << source.pe);
}

unsigned cpuif_wires(const struct gic *gic, struct source source)
{
    const struct gic_interface *interface = source_interface_const(gic, source);
    if (!(interface->ctlr & (GICC_CTLR_EnableGrp0 | GICC_CTLR_EnableGrp1)))
        return 0;
    struct gic_candidate next = source_next(gic, source);
    if (!arbitrate_signals(interface, &next))
        return 0;
    bool is_fiq = next.group == 0 && (interface->ctlr & GICC_CTLR_FIQEn);
    return is_fiq ? GIC_WIRE_FIQ : GIC_WIRE_IRQ;
}
