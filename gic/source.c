/*
 * What a CPU interface asks of the unit that feeds it, chosen by the source's kind. The physical
 * interface is fed by the Distributor, the virtual interface by the list registers of GICH.
 *
 * IHI 0048B.b: Interrupt handling state machine; GIC virtualization for the second kind.
 */
#include "gic/source.h"

#include "gen/gicv2.h"
#include "gic/distributor.h"
#include "gic/lists.h"

const struct gic_interface *source_interface_const(const struct gic *gic, struct source source)
{
    switch ((enum source_kind)source.kind) {
    case SOURCE_DISTRIBUTOR:
        return &gic->interface[source.pe];
    case SOURCE_LISTS:
        return &gic->virtual[source.pe].interface;
    }
    bug("GIC: source kind %u", source.kind);
}

struct gic_interface *source_interface(struct gic *gic, struct source source)
{
    switch ((enum source_kind)source.kind) {
    case SOURCE_DISTRIBUTOR:
        return &gic->interface[source.pe];
    case SOURCE_LISTS:
        return &gic->virtual[source.pe].interface;
    }
    bug("GIC: source kind %u", source.kind);
}

struct gic_candidate source_next(const struct gic *gic, struct source source)
{
    switch ((enum source_kind)source.kind) {
    case SOURCE_DISTRIBUTOR:
        return arbitrate_distributor(gic, source.pe);
    case SOURCE_LISTS:
        return arbitrate_lists(gic, source.pe);
    }
    bug("GIC: source kind %u", source.kind);
}

bool source_has(const struct gic *gic, struct source source, unsigned intid)
{
    switch ((enum source_kind)source.kind) {
    case SOURCE_DISTRIBUTOR:
        return intid < gic->interrupts;
    case SOURCE_LISTS:
        return intid < GIC_INTERRUPT_MAX;
    }
    bug("GIC: source kind %u", source.kind);
}

int source_group(const struct gic *gic, struct source source, unsigned intid)
{
    int list;
    switch ((enum source_kind)source.kind) {
    case SOURCE_DISTRIBUTOR:
        return gic_bit(gic->group, gic_slot(source.pe, intid));
    case SOURCE_LISTS:
        list = lists_find_active(gic, source.pe, intid);
        return list < 0 ? -1 : (gic->virtual[source.pe].list[list] & GICH_LR_Grp1) != 0;
    }
    bug("GIC: source kind %u", source.kind);
}

bool source_ends_idle(const struct gic *gic, struct source source, unsigned intid)
{
    return source.kind == SOURCE_LISTS && lists_find_active(gic, source.pe, intid) >= 0;
}

unsigned source_active_index(struct source source, unsigned group)
{
    return source.kind == SOURCE_DISTRIBUTOR ? group : 0;
}

void source_acknowledge(struct gic *gic, struct source source,
                        const struct gic_candidate *candidate)
{
    switch ((enum source_kind)source.kind) {
    case SOURCE_DISTRIBUTOR:
        distributor_acknowledge(gic, source.pe, candidate->intid, candidate->source);
        return;
    case SOURCE_LISTS:
        lists_acknowledge(gic, source.pe, candidate->list);
        return;
    }
    bug("GIC: source kind %u", source.kind);
}

void source_deactivate(struct gic *gic, struct source source, unsigned intid)
{
    switch ((enum source_kind)source.kind) {
    case SOURCE_DISTRIBUTOR:
        distributor_deactivate(gic, source.pe, intid);
        return;
    case SOURCE_LISTS:
        lists_deactivate(gic, source.pe, intid);
        return;
    }
    bug("GIC: source kind %u", source.kind);
}
