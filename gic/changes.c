/*
 * What one register access has changed in the GIC, found by comparing: pending and active state of
 * interrupts, list registers, active priorities, and the maintenance interrupt. Pure.
 *
 * Not told: what does not change how interrupts go on by itself (enables, groups, priorities and
 * other settings), levels of lines, and what comes to the same as before, as an SGI that was asked
 * for already.
 *
 * IHI 0048B.b: Interrupt handling state machine; list registers.
 */
#include "gic/changes.h"

#include <string.h>

#include "gen/gicv2.h"
#include "gic/lists.h"

struct pair {
    const struct gic *before, *now;
    gic_change_sink *sink;
    void *context;
};

static void tell(const struct pair *p, struct gic_change change)
{
    if (change.old != change.now)
        p->sink(p->context, &change);
}

/* Differences of a bit per slot; SGIs are left out where the bit is not all there is to them. */
static void bits_compare(const struct pair *p, enum gic_change_kind kind, const uint32_t *before,
                         const uint32_t *now, bool with_sgis)
{
    for (unsigned word = 0; word < GIC_SLOT_WORDS; word++) {
        bool is_banked = word < PE_COUNT_MAX;
        uint32_t differ = before[word] ^ now[word];
        if (is_banked && !with_sgis)
            differ &= ~(uint32_t)bits_ones(GIC_SGI_COUNT);
        for (; differ != 0; differ &= differ - 1) {
            unsigned bit = (unsigned)__builtin_ctz(differ);
            unsigned intid = (is_banked ? 0 : word - PE_COUNT_MAX + 1) * 32 + bit;
            tell(p, (struct gic_change){.kind = kind,
                                        .pe = (uint8_t)(is_banked ? word : GIC_NO_PE),
                                        .intid = (uint16_t)intid,
                                        .old = before[word] >> bit & 1u,
                                        .now = now[word] >> bit & 1u});
        }
    }
}

static void sources_compare(const struct pair *p)
{
    if (memcmp(p->before->sgi_sources, p->now->sgi_sources, sizeof p->now->sgi_sources) == 0)
        return;
    for (unsigned pe = 0; pe < p->now->pe_count; pe++)
        for (unsigned intid = 0; intid < GIC_SGI_COUNT; intid++)
            tell(p, (struct gic_change){.kind = GIC_CHANGE_PENDING,
                                        .pe = (uint8_t)pe,
                                        .intid = (uint16_t)intid,
                                        .old = p->before->sgi_sources[pe][intid],
                                        .now = p->now->sgi_sources[pe][intid]});
}

static void interface_compare(const struct pair *p, unsigned pe, bool is_virtual,
                              const struct gic_interface *before, const struct gic_interface *now)
{
    for (unsigned group = 0; group < 2; group++)
        tell(p, (struct gic_change){.kind = GIC_CHANGE_PRIORITIES,
                                    .pe = (uint8_t)pe,
                                    .is_virtual = is_virtual,
                                    .index = (uint8_t)group,
                                    .old = before->active_priorities[group],
                                    .now = now->active_priorities[group]});
}

static void virtual_compare(const struct pair *p, unsigned pe)
{
    const struct gic_virtual *before = &p->before->virtual[pe], *now = &p->now->virtual[pe];
    if (memcmp(before, now, sizeof *now) == 0)
        return;
    for (unsigned i = 0; i < p->now->list_registers; i++)
        tell(p, (struct gic_change){.kind = GIC_CHANGE_LIST,
                                    .pe = (uint8_t)pe,
                                    .index = (uint8_t)i,
                                    .old = before->list[i],
                                    .now = now->list[i]});
    interface_compare(p, pe, true, &before->interface, &now->interface);
    tell(p, (struct gic_change){.kind = GIC_CHANGE_EOI_COUNT,
                                .pe = (uint8_t)pe,
                                .old = (uint32_t)field_get(GICH_HCR_EOICount, before->hcr),
                                .now = (uint32_t)field_get(GICH_HCR_EOICount, now->hcr)});
    tell(p, (struct gic_change){.kind = GIC_CHANGE_MAINTENANCE,
                                .pe = (uint8_t)pe,
                                .old = lists_maintenance(p->before, pe),
                                .now = lists_maintenance(p->now, pe)});
}

void gic_changes(const struct gic *before, const struct gic *now, gic_change_sink *sink,
                 void *context)
{
    struct pair p = {.before = before, .now = now, .sink = sink, .context = context};
    sources_compare(&p);
    bits_compare(&p, GIC_CHANGE_PENDING, before->latched, now->latched, false);
    bits_compare(&p, GIC_CHANGE_ACTIVE, before->active, now->active, true);
    for (unsigned pe = 0; pe < now->pe_count; pe++) {
        interface_compare(&p, pe, false, &before->interface[pe], &now->interface[pe]);
        virtual_compare(&p, pe);
    }
}
