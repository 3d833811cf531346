/*
 * What a CPU interface asks of the unit that feeds it, chosen by the source's kind. The physical
 * interface is fed by the Distributor. The virtual interface will be fed by the list registers of
 * GICH, which are not modelled.
 *
 * IHI 0048B.b: Interrupt handling state machine; GIC virtualization for the second kind.
 */
#include "gic/source.h"

#include "gic/distributor.h"

const struct gic_interface *source_interface_const(const struct gic *gic, struct source source)
{
    switch ((enum source_kind)source.kind) {
    case SOURCE_DISTRIBUTOR:
        return &gic->interface[source.pe];
    }
    bug("GIC: source kind %u", source.kind);
}

struct gic_interface *source_interface(struct gic *gic, struct source source)
{
    switch ((enum source_kind)source.kind) {
    case SOURCE_DISTRIBUTOR:
        return &gic->interface[source.pe];
    }
    bug("GIC: source kind %u", source.kind);
}

struct gic_candidate source_next(const struct gic *gic, struct source source)
{
    switch ((enum source_kind)source.kind) {
    case SOURCE_DISTRIBUTOR:
        return arbitrate_distributor(gic, source.pe);
    }
    bug("GIC: source kind %u", source.kind);
}

bool source_has(struct source source, unsigned intid)
{
    switch ((enum source_kind)source.kind) {
    case SOURCE_DISTRIBUTOR:
        return intid < GIC_INTID_COUNT;
    }
    bug("GIC: source kind %u", source.kind);
}

unsigned source_group(const struct gic *gic, struct source source, unsigned intid)
{
    switch ((enum source_kind)source.kind) {
    case SOURCE_DISTRIBUTOR:
        return gic_bit(gic->group, gic_slot(source.pe, intid));
    }
    bug("GIC: source kind %u", source.kind);
}

void source_acknowledge(struct gic *gic, struct source source,
                        const struct gic_candidate *candidate)
{
    switch ((enum source_kind)source.kind) {
    case SOURCE_DISTRIBUTOR:
        distributor_acknowledge(gic, source.pe, candidate->intid, candidate->source);
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
    }
    bug("GIC: source kind %u", source.kind);
}
