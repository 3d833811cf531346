/*
 * Checker irq, the interrupts of the Distributor.
 *
 *   not-deactivated        a physical SGI or the maintenance interrupt was ended without being
 *                          deactivated and is pending again, and its PE has taken other interrupts
 *                          or entered a VM LEFT_TIMES; other PPIs may be a guest's for long
 *   deactivated-elsewhere  GICC_DIR names an SGI or PPI that is not active on this PE, but on
 *                          another one, which has dropped its priority: they are banked. What is
 *                          active nowhere may have been deactivated by a list register.
 *   storm                  a level-sensitive interrupt is taken STORM_TIMES in succession, its line
 *                          always high, and of what it interrupts not one instruction is executed
 *
 * IHI 0048B.b: Priority drop and interrupt deactivation, Interrupt banking.
 */
#include "sim/check/irq.h"

#include "gen/gicv2.h"
#include "gic/changes.h"

#include <string.h>

#define LEFT_TIMES 64u
#define STORM_TIMES 256u
#define VECTOR_IRQ 1u

static bool is_pending(const struct gic *gic, unsigned pe, unsigned intid)
{
    return gic_pending_word(gic, gic_word_index(pe, intid / 32)) >> intid % 32 & 1;
}

/* A PE goes on with something else than these. */
void irq_goes_on(struct checks *c, const struct event *e, const char *with)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    const struct gic *gic = irq_gic(c);
    for (unsigned intid = 0; intid < GIC_BANKED_COUNT; intid++) {
        struct irq_physical *p = &s->physical[e->pe][intid];
        bool is_judged = intid < GIC_SGI_COUNT || intid == INTID_MAINTENANCE;
        if (!is_judged || !p->is_dropped || !is_pending(gic, e->pe, intid) ||
            !gic_bit(gic->enabled, gic_slot(e->pe, intid)) || ++p->left < LEFT_TIMES)
            continue;
        struct finding *f = finding_begin(c, CHECK_IRQ, "not-deactivated", e);
        if (!f)
            return;
        irq_cite(f, &p->acknowledged, "acknowledges interrupt", intid);
        irq_cite(f, &p->dropped, "drops the priority of, and does not deactivate, interrupt",
                 intid);
        finding_event(f, e->step, e->pe, check_pc(c, e->pe), "%s", with);
        finding_end(c, f,
                    "interrupt %u of CPU %u is pending again and still active, and CPU %u has gone "
                    "on %u times without it",
                    intid, e->pe, e->pe, p->left);
    }
}

/* GICC_EOIR, where it does not deactivate. */
static void dropped(struct checks *c, const struct event *e, unsigned intid)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    struct irq_physical *p = &s->physical[e->pe][intid];
    if (!gic_bit(irq_gic(c)->active, gic_slot(e->pe, intid)))
        return;
    p->is_dropped = 1;
    p->dropped = irq_mark(c, e);
}

/* The PE other than this one that has the interrupt active, its priority dropped; -1: none. */
static int find_owner(const struct checks *c, unsigned pe, unsigned intid)
{
    const struct irq_state *s = c->own[CHECK_IRQ];
    for (unsigned other = 0; other < PE_COUNT_MAX; other++) {
        if (other != pe && s->physical[other][intid].is_dropped &&
            gic_bit(irq_gic(c)->active, gic_slot(other, intid)))
            return (int)other;
    }
    return -1;
}

/* GICC_DIR: of an interrupt that is not active here. */
static void deactivated(struct checks *c, const struct event *e, unsigned intid)
{
    const struct irq_state *s = c->own[CHECK_IRQ];
    bool is_effective = irq_gic(c)->interface[e->pe].ctlr & GICC_CTLR_EOImode;
    int owner = find_owner(c, e->pe, intid);
    if (!s->is_active_known || (s->active[e->pe] >> intid & 1) || !is_effective || owner < 0)
        return;
    struct finding *f = finding_begin(c, CHECK_IRQ, "deactivated-elsewhere", e);
    if (!f)
        return;
    const struct irq_physical *p = &s->physical[owner][intid];
    irq_cite(f, &p->acknowledged, "acknowledges interrupt", intid);
    irq_cite(f, &p->dropped, "drops the priority of, and does not deactivate, interrupt", intid);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "deactivates interrupt %u", intid);
    finding_end(c, f, "CPU %u deactivates interrupt %u, which is active on CPU %d, not on its own",
                e->pe, intid, owner);
}

void irq_accessed(struct checks *c, const struct event *e)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    const struct event_gic *a = &e->gic;
    unsigned intid = (unsigned)field_get(ACKNOWLEDGE_InterruptID, a->value);
    if (a->frame == GIC_FRAME_C && a->write && intid < GIC_BANKED_COUNT) {
        if (a->address == GICC_EOIR_OFFSET || a->address == GICC_AEOIR_OFFSET)
            dropped(c, e, intid);
        else if (a->address == GICC_DIR_OFFSET)
            deactivated(c, e, intid);
    }
    memcpy(s->active, irq_gic(c)->active, sizeof s->active);
    s->is_active_known = 1;
}

static bool is_level_high(const struct gic *gic, unsigned pe, unsigned intid)
{
    unsigned slot = gic_slot(pe, intid);
    return gic_bit(gic->line, slot) && !gic_bit(gic->edge, slot);
}

static void count_storm(struct checks *c, const struct event *e, unsigned intid)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    struct irq_storm *t = &s->storm[e->pe];
    if (intid != t->intid || !t->is_starved || !is_level_high(irq_gic(c), e->pe, intid)) {
        *t = (struct irq_storm){.intid = (uint16_t)intid, .count = 1, .first = irq_mark(c, e),
                                .return_insn = t->return_insn};
        return;
    }
    t->is_starved = 0;
    if (++t->count < STORM_TIMES)
        return;
    struct finding *f = finding_begin(c, CHECK_IRQ, "storm", e);
    if (!f)
        return;
    irq_cite(f, &t->first, "acknowledges interrupt", intid);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "acknowledges it for the %uth time",
                  t->count);
    finding_end(c, f, "CPU %u takes interrupt %u, whose line never falls, %u times in succession",
                e->pe, intid, t->count);
}

void irq_changed(struct checks *c, const struct event *e)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    const struct event_interrupt *i = &e->interrupt;
    if (i->state != 1)
        return;
    if (i->new != 0 && i->why == GIC_WHY_ACKNOWLEDGED) {
        count_storm(c, e, i->intid);
        irq_goes_on(c, e, "acknowledges another interrupt");
    }
    if (i->owner != GIC_NO_PE) {
        struct irq_physical *p = &s->physical[i->owner][i->intid];
        *p = (struct irq_physical){0};
        if (i->new != 0)
            p->acknowledged = irq_mark(c, e);
    }
}

void irq_line_moved(struct checks *c, const struct event *e)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    if (e->line.target != 0 || e->line.level != 0)
        return;
    for (unsigned pe = 0; pe < PE_COUNT_MAX; pe++) {
        bool is_its = pe == e->pe || e->line.intid >= GIC_BANKED_COUNT;
        if (is_its && s->storm[pe].intid == e->line.intid)
            s->storm[pe] = (struct irq_storm){.return_insn = s->storm[pe].return_insn};
    }
}


void irq_taken(struct checks *c, const struct event *e)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    s->storm[e->pe].is_starved =
        e->exc_take.vector == VECTOR_IRQ && e->insn <= s->storm[e->pe].return_insn + 1;
}

void irq_returned(struct checks *c, const struct event *e)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    s->storm[e->pe].return_insn = e->insn;
}
