/*
 * Checker irq, edges: interrupts of devices that a list register stands for (GICH_LR.HW), where the
 * device asks by an edge, once.
 *
 *   edge-lost   an edge-triggered SPI was pending in a list register when its vCPU was entered, and
 *               stays active, so that it cannot come again; since then no list register of any PE
 *               that entered a VM stood for it, and its vCPU was entered LOST_ENTRIES times with
 *               none pending (nothing else had to go first)
 *
 * A hypervisor may send an SPI to another vCPU when one of the VM asks it to, so that what is known
 * of a VM's edges is forgotten when any of its vCPUs asks (an abort, HVC, SMC), or is entered
 * elsewhere than where it was left. EDGE_MAX of them are watched; what comes first is replaced.
 *
 * IHI 0048B.b: GICH_LR, Interrupt handling state machine.
 */
#include "sim/check/irq.h"

#include "gen/gicv2.h"
#include "gic/lists.h"

#include <inttypes.h>

static bool is_watched(const struct gic *gic, uint32_t list)
{
    unsigned physical = (unsigned)field_get(GICH_LR_PhysicalID, list);
    return (list & GICH_LR_HW) && physical >= GIC_BANKED_COUNT && physical < gic->interrupts &&
           gic_bit(gic->edge, gic_slot(0, physical));
}

static struct irq_edge *edge_find(struct irq_state *s, unsigned physical)
{
    for (unsigned i = 0; i < EDGE_MAX; i++) {
        if (s->edge[i].physical == physical)
            return &s->edge[i];
    }
    return NULL;
}

/* A list register that stands for an edge, when a VM is entered with it. */
static void edge_listed(struct checks *c, const struct event *e, const struct irq_vcpu *v,
                        uint32_t list)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    unsigned physical = (unsigned)field_get(GICH_LR_PhysicalID, list);
    struct irq_edge *edge = edge_find(s, physical);
    if (!(list & LIST_PENDING)) {
        if (edge)
            *edge = (struct irq_edge){0};
        return;
    }
    if (!edge)
        edge = &s->edge[s->edge_next++ % EDGE_MAX];
    *edge = (struct irq_edge){.root = v->root, .vmpidr = v->vmpidr, .physical = (uint16_t)physical,
                              .intid = (uint16_t)field_get(GICH_LR_VirtualID, list),
                              .entered = irq_mark(c, e), .step = e->step};
}

static void edge_missing(struct checks *c, const struct event *e, struct irq_edge *edge,
                         bool has_pending)
{
    if (!gic_bit(irq_gic(c)->active, gic_slot(e->pe, edge->physical))) {
        *edge = (struct irq_edge){0};
        return;
    }
    if (has_pending || ++edge->entries < LOST_ENTRIES)
        return;
    struct finding *f = finding_begin(c, CHECK_IRQ, "edge-lost", e);
    if (!f)
        return;
    irq_cite(f, &edge->entered, "enters the vCPU, pending in a list register: virtual interrupt",
             edge->intid);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe),
                  "enters it again and again without it; physical interrupt %u is still active",
                  edge->physical);
    finding_end(c, f,
                "vCPU 0x%" PRIx64 " of root 0x%" PRIx64 " never gets virtual interrupt %u, for "
                "which physical interrupt %u came once",
                edge->vmpidr, edge->root, edge->intid, edge->physical);
}

void irq_edge_entered(struct checks *c, const struct event *e, const struct irq_vcpu *v)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    const struct gic *gic = irq_gic(c);
    const struct gic_virtual *own = &gic->virtual[e->pe];
    bool has_pending = false;
    for (unsigned i = 0; i < gic->list_registers && (own->hcr & GICH_HCR_En); i++) {
        uint32_t list = own->list[i];
        has_pending |= (list & LIST_PENDING) != 0;
        if ((list & (LIST_PENDING | LIST_ACTIVE)) && is_watched(gic, list))
            edge_listed(c, e, v, list);
    }
    for (unsigned i = 0; i < EDGE_MAX; i++) {
        struct irq_edge *edge = &s->edge[i];
        if (edge->physical != 0 && edge->step != e->step && edge->root == v->root &&
            edge->vmpidr == v->vmpidr)
            edge_missing(c, e, edge, has_pending);
    }
}

void irq_edge_taken(struct checks *c, uint32_t list)
{
    struct irq_edge *edge = NULL;
    if (is_watched(irq_gic(c), list))
        edge = edge_find(c->own[CHECK_IRQ], (unsigned)field_get(GICH_LR_PhysicalID, list));
    if (edge)
        *edge = (struct irq_edge){0};
}

void irq_edge_forget(struct checks *c, uint64_t root)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    for (unsigned i = 0; i < EDGE_MAX; i++) {
        if (s->edge[i].physical != 0 && s->edge[i].root == root)
            s->edge[i] = (struct irq_edge){0};
    }
}
