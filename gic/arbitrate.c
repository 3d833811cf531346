/*
 * Arbitration of a GICv2, the pure half: from the Distributor's state, or the list registers, to
 * the highest priority pending interrupt of an interface, and from that and the interface's
 * registers to whether the PE is told. Nothing here changes state; acknowledging is done in
 * cpuif.c through source.c.
 *
 * A Group 0 interrupt that is the highest one and is disabled in GICC_CTLR stands before Group 1
 * interrupts of lower priority: the Distributor forwards one interrupt and the interface decides
 * on that one (GenerateExceptions of IHI 0048B.b).
 *
 * IHI 0048B.b: Interrupt prioritization, Priority grouping, Effect of interrupt grouping.
 */
#include "gic/arbitrate.h"

#include "gen/gicv2.h"
#include "gic/lists.h"

/* Bits of a word of interrupts whose group the Distributor forwards. */
static uint32_t forwarded_groups(const struct gic *gic, unsigned index)
{
    uint32_t forwarded = 0;
    if (gic->ctlr & GICD_CTLR_EnableGrp0)
        forwarded |= ~gic->group[index];
    if (gic->ctlr & GICD_CTLR_EnableGrp1)
        forwarded |= gic->group[index];
    return forwarded;
}

struct gic_candidate arbitrate_distributor(const struct gic *gic, unsigned pe)
{
    struct gic_candidate best = {.intid = GIC_INTID_SPURIOUS, .priority = GIC_PRIORITY_IDLE};
    for (unsigned word = 0; word < gic_word_count(gic); word++) {
        unsigned index = gic_word_index(pe, word);
        uint32_t ready = gic_pending_word(gic, index) & gic->enabled[index] &
                         ~gic->active[index];
        if (ready != 0)
            ready &= forwarded_groups(gic, index);
        for (; ready != 0; ready &= ready - 1) {
            unsigned bit = (unsigned)__builtin_ctz(ready);
            unsigned intid = word * 32 + bit;
            uint8_t priority = gic->priority[index * 32 + bit];
            if (priority < best.priority && (gic_targets(gic, pe, intid) >> pe & 1u)) {
                best.intid = (uint16_t)intid;
                best.priority = priority;
                best.group = (gic->group[index] >> bit) & 1u;
            }
        }
    }
    if (best.intid < GIC_SGI_COUNT)
        best.source = (uint8_t)__builtin_ctz(gic->sgi_sources[pe][best.intid]);
    return best;
}

struct gic_candidate arbitrate_lists(const struct gic *gic, unsigned pe)
{
    struct gic_candidate best = {.intid = GIC_INTID_SPURIOUS, .priority = GIC_PRIORITY_IDLE};
    const struct gic_virtual *v = &gic->virtual[pe];
    unsigned count = v->hcr & GICH_HCR_En ? gic->list_registers : 0;
    for (unsigned i = 0; i < count; i++) {
        uint32_t list = v->list[i];
        unsigned intid = (unsigned)field_get(GICH_LR_VirtualID, list);
        if ((list & GICH_LR_State) != LIST_PENDING || intid >= GIC_INTERRUPT_MAX)
            continue;
        uint8_t priority = (uint8_t)(field_get(GICH_LR_Priority, list) << GIC_ABPR_MIN);
        if (priority >= best.priority)
            continue;
        best.intid = (uint16_t)intid;
        best.priority = priority;
        best.group = (list & GICH_LR_Grp1) != 0;
        best.list = (uint8_t)i;
        best.source = 0;
        if (intid < GIC_SGI_COUNT && !(list & GICH_LR_HW))
            best.source = (uint8_t)field_get(GICH_LR_SOFTWARE_CPUID, list);
    }
    return best;
}

uint8_t arbitrate_binary_point(uint64_t value, uint8_t least)
{
    return (uint8_t)(value < least ? least : value);
}

uint8_t arbitrate_group_priority(const struct gic_interface *interface, uint8_t priority,
                                 unsigned group)
{
    bool is_aliased = group == 1 && !(interface->ctlr & GICC_CTLR_CBPR);
    unsigned cut = is_aliased ? interface->abpr : interface->bpr + 1u;
    return (uint8_t)(priority & (0xffu << cut));
}

uint8_t arbitrate_running(const struct gic_interface *interface)
{
    uint32_t active = interface->active_priorities[0] | interface->active_priorities[1];
    if (active == 0)
        return GIC_PRIORITY_IDLE;
    return (uint8_t)(__builtin_ctz(active) << GIC_ABPR_MIN);
}

bool arbitrate_group_enabled(const struct gic_interface *interface, unsigned group)
{
    return interface->ctlr & (group == 0 ? GICC_CTLR_EnableGrp0 : GICC_CTLR_EnableGrp1);
}

bool arbitrate_signals(const struct gic_interface *interface,
                       const struct gic_candidate *candidate)
{
    if (candidate->intid == GIC_INTID_SPURIOUS)
        return false;
    if (!arbitrate_group_enabled(interface, candidate->group) ||
        candidate->priority >= interface->pmr)
        return false;
    uint8_t running = arbitrate_running(interface);
    return running == GIC_PRIORITY_IDLE ||
           arbitrate_group_priority(interface, candidate->priority, candidate->group) <
               arbitrate_group_priority(interface, running, candidate->group);
}
