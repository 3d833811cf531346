/*
 * Telling observers what an access to the GIC has changed in it: the state of before is kept while
 * somebody listens, and compared with the one that the access has left. Each change is told with
 * the VMID in effect on the PE that it belongs to.
 *
 * Nothing of it is done, and nothing costs, while nobody listens to any of these events.
 */
#include "sim/machine_parts.h"

#include "gen/gicv2.h"
#include "gen/trace.h"
#include "gic/changes.h"

#define KINDS                                                                          \
    (UINT64_C(1) << EVENT_INTERRUPT | UINT64_C(1) << EVENT_LIST_REGISTER |              \
     UINT64_C(1) << EVENT_LIST_MISSED | UINT64_C(1) << EVENT_PRIORITY |                 \
     UINT64_C(1) << EVENT_MAINTENANCE)

bool machine_gic_is_watched(const struct machine *m)
{
    return (m->events.mask & KINDS) != 0;
}

/* Why something changes in an access: what its register does. GICC and GICV have the same. */
static enum gic_why why_of(enum gic_frame frame, uint32_t offset, bool is_write)
{
    if (frame != GIC_FRAME_C && frame != GIC_FRAME_V)
        return GIC_WHY_WRITTEN;
    if (!is_write)
        return GIC_WHY_ACKNOWLEDGED;
    if (offset == GICC_EOIR_OFFSET || offset == GICC_AEOIR_OFFSET)
        return GIC_WHY_ENDED;
    return offset == GICC_DIR_OFFSET ? GIC_WHY_DEACTIVATED : GIC_WHY_WRITTEN;
}

struct telling {
    struct machine *m;
    struct core *core; /* who made the access */
    enum gic_why why;
    uint32_t value;    /* read or written */
};

/* The VMID of a PE's EL1&0 regime, as registers in effect say it. */
static uint16_t vmid_of(const struct core *c)
{
    return core_regime_peek(c->cpu, c->mmu->config, REGIME_EL10).vmid;
}

static void tell_change(void *context, const struct gic_change *change)
{
    const struct telling *t = context;
    const struct core *owner = change->pe == GIC_NO_PE ? t->core : &t->m->core[change->pe];
    uint8_t why = (uint8_t)t->why, live = owner->told.live;
    uint16_t vmid = vmid_of(owner);
    switch (change->kind) {
    case GIC_CHANGE_PENDING:
    case GIC_CHANGE_ACTIVE:
        event_emit_INTERRUPT(CORE_HEAD(t->core), change->intid, change->pe,
                             change->kind == GIC_CHANGE_ACTIVE, change->old, change->now, why,
                             live, vmid);
        break;
    case GIC_CHANGE_LIST:
        event_emit_LIST_REGISTER(CORE_HEAD(t->core), change->pe, change->index, change->old,
                                 change->now, why, live, vmid);
        break;
    case GIC_CHANGE_PRIORITIES:
        event_emit_PRIORITY(CORE_HEAD(t->core), change->pe, change->is_virtual, change->index,
                            change->old, change->now, why, live, vmid);
        break;
    case GIC_CHANGE_EOI_COUNT: {
        uint64_t intid = t->why == GIC_WHY_WRITTEN ? ACKNOWLEDGE_InterruptID : t->value;
        event_emit_LIST_MISSED(CORE_HEAD(t->core), change->pe,
                               (uint16_t)field_get(ACKNOWLEDGE_InterruptID, intid),
                               (uint8_t)change->old, (uint8_t)change->now, why, live, vmid);
        break;
    }
    case GIC_CHANGE_MAINTENANCE:
        event_emit_MAINTENANCE(CORE_HEAD(t->core), change->pe, (uint8_t)change->now,
                               gic_peek(&t->m->state->gic, change->pe, GIC_FRAME_H,
                                        GICH_MISR_OFFSET),
                               why, live, vmid);
        break;
    }
}

void machine_gic_tell(struct machine *m, const struct gic *before, const struct gic_told *access)
{
    struct telling t = {.m = m,
                        .core = &m->core[access->pe],
                        .why = why_of(access->frame, access->offset, access->is_write),
                        .value = access->value};
    gic_changes(before, &m->state->gic, tell_change, &t);
}

void machine_gic_tell_edge(struct machine *m, unsigned pe, unsigned intid)
{
    const struct core *c = &m->core[pe];
    bool is_spi = intid >= GIC_BANKED_COUNT;
    event_emit_INTERRUPT(CORE_HEAD(c), (uint16_t)intid, (uint8_t)(is_spi ? GIC_NO_PE : pe), 0, 0, 1,
                         GIC_WHY_LINE, c->told.live, vmid_of(c));
}
