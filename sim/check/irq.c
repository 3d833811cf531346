/*
 * Checker irq: what becomes of interrupts, as far as it can be told without knowing what a
 * hypervisor means. Here those of vCPUs, SGIs and PPIs; SPIs are in irq_edge.c, those of the
 * Distributor in irq_physical.c.
 *
 *   taken-twice   a vCPU acknowledges an SGI or PPI that it has acknowledged and not ended
 *   ended-active  a vCPU is entered with an SGI or PPI active that it has ended
 *   sgi-lost      an SGI was pending in a list register when its vCPU was entered last; since it
 *                 was left by an interrupt it has been entered LOST_ENTRIES times with no list
 *                 register for it, and with none that is pending (nothing else had to go first)
 *   ppi-lost      the same of a PPI that stands for a physical one which is active all the time
 *   level-stale   a vCPU acknowledges a PPI that stands for a physical level: high once while it
 *                 was pending, low when the vCPU was left last, entered again, and now
 *   wrong-vcpu    while the maintenance interrupt is active, GICH_LR.EOI is taken from an interrupt
 *                 that is pending or active and stays so: the end was another vCPU's, or an old one
 *
 * All but the last are judged while the vCPU asks for nothing: by an abort, HVC or SMC it may write
 * to its Distributor, or be reset, and that forgets what was seen; so does an entry elsewhere than
 * where it was left. What depends on what the hypervisor means is not told: levels of devices that
 * it imitates, an end that it forgets.
 *
 * A vCPU is a stage 2 root and a VMPIDR_EL2. IHI 0048B.b: GICH_LR, GICV_IAR, GICV_EOIR, GICV_DIR.
 */
#include "sim/check/irq.h"

#include "gen/gicv2.h"
#include "gic/changes.h"
#include "gic/lists.h"

#include <inttypes.h>
#include <string.h>

#define VECTOR_SYNCHRONOUS 0u

/* --- vCPUs ----------------------------------------------------------------------------------- */

/* Room for one more; one of whom nothing is remembered is as good as new. NULL: none. */
static struct irq_vcpu *vcpu_place(struct irq_state *s)
{
    static const struct irq_virtual nothing[GIC_BANKED_COUNT];
    if (s->vcpu_count < VCPU_MAX)
        return &s->vcpu[s->vcpu_count++];
    for (uint32_t i = 0; i < VCPU_MAX; i++) {
        if (memcmp(s->vcpu[i].interrupt, nothing, sizeof nothing) == 0)
            return &s->vcpu[i];
    }
    return NULL;
}

static struct irq_vcpu *vcpu_find(struct irq_state *s, uint64_t root, uint64_t vmpidr)
{
    for (uint32_t i = 0; i < s->vcpu_count; i++) {
        if (s->vcpu[i].root == root && s->vcpu[i].vmpidr == vmpidr)
            return &s->vcpu[i];
    }
    struct irq_vcpu *v = vcpu_place(s);
    if (v)
        *v = (struct irq_vcpu){.root = root, .vmpidr = vmpidr};
    return v;
}

/* Whose list registers a PE has while it runs a VM; NULL: it does not. */
static struct irq_vcpu *vcpu_on(struct checks *c, unsigned pe)
{
    const struct shadow_context *now = &c->state->context[pe];
    struct irq_vcpu *v = NULL;
    if (now->live && !(v = vcpu_find(c->own[CHECK_IRQ], now->root, now->vmpidr)))
        check_gives_up(c, CHECK_IRQ);
    return v;
}

static void forget(struct checks *c, struct irq_vcpu *v)
{
    memset(v->interrupt, 0, sizeof v->interrupt);
    irq_edge_forget(c, v->root);
}

/* By these a vCPU may ask for anything. */
static bool is_request(const struct event_exc_take *take)
{
    uint64_t ec = take->esr >> 26;
    return take->vector == VECTOR_SYNCHRONOUS &&
           (ec == 0x16 || ec == 0x17 || ec == 0x20 || ec == 0x24);
}

static void report_vcpu(struct checks *c, const struct event *e, const char *kind,
                        const struct irq_vcpu *v, unsigned intid, const struct gic_mark *before,
                        const char *before_text, const char *now_text, const char *sentence)
{
    struct finding *f = finding_begin(c, CHECK_IRQ, kind, e);
    if (!f)
        return;
    const struct irq_virtual *r = &v->interrupt[intid];
    irq_cite(f, &r->acknowledged, "the vCPU acknowledges virtual interrupt", intid);
    irq_cite(f, before, before_text, intid);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "%s %u", now_text, intid);
    finding_end(c, f, "vCPU 0x%" PRIx64 " of root 0x%" PRIx64 " %s %u", v->vmpidr, v->root,
                sentence, intid);
}

/* Whether the level behind a PPI of a vCPU is low, at its source and for the GIC. */
static bool is_low(const struct checks *c, unsigned pe, const struct irq_virtual *r)
{
    return !gic_bit(irq_gic(c)->line, gic_slot(pe, r->physical)) &&
           !machine_line_source(c->machine, pe, r->physical);
}

static void cite_maintenance(struct finding *f, const struct irq_maintenance *m)
{
    if (m->raised.step != 0 && m->root != 0)
        finding_event(f, m->raised.step, m->raised.pe, m->raised.pc,
                      "a maintenance interrupt comes up while vCPU 0x%" PRIx64
                      " of root 0x%" PRIx64 " runs",
                      m->vmpidr, m->root);
    else if (m->raised.step != 0)
        finding_event(f, m->raised.step, m->raised.pe, m->raised.pc,
                      "a maintenance interrupt comes up while no vCPU runs");
    irq_cite(f, &m->acknowledged, "acknowledges the maintenance interrupt,", INTID_MAINTENANCE);
}

/* EL2 writes a list register. */
static void rewritten(struct checks *c, const struct event *e)
{
    const struct event_list_register *l = &e->list_register;
    const struct irq_state *s = c->own[CHECK_IRQ];
    const struct irq_maintenance *m = &s->maintenance[l->owner];
    const uint32_t told = GICH_LR_HW | GICH_LR_SOFTWARE_EOI, state = LIST_PENDING | LIST_ACTIVE;
    if (!m->is_taken || e->pe != l->owner || (l->old & told) != GICH_LR_SOFTWARE_EOI ||
        (l->new & told) != 0 || !(l->old & state) || !(l->new & state) ||
        ((l->old ^ l->new) & GICH_LR_VirtualID) != 0)
        return;
    struct finding *f = finding_begin(c, CHECK_IRQ, "wrong-vcpu", e);
    if (!f)
        return;
    unsigned intid = (unsigned)field_get(GICH_LR_VirtualID, l->new);
    cite_maintenance(f, m);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe),
                  "list register %u: 0x%08x becomes 0x%08x, virtual interrupt %u", l->index, l->old,
                  l->new, intid);
    finding_end(c, f,
                "in the handler of a maintenance interrupt the end of virtual interrupt %u is "
                "taken for told, and it has not ended: list register %u of CPU %u",
                intid, l->index, l->owner);
}

/* The cause of a maintenance interrupt comes up. */
static void raised(struct checks *c, const struct event *e)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    const struct shadow_context *now = &c->state->context[e->maintenance.owner];
    struct irq_maintenance *m = &s->maintenance[e->maintenance.owner];
    if (!e->maintenance.level)
        return;
    m->raised = irq_mark(c, e);
    m->root = now->live ? now->root : 0;
    m->vmpidr = now->vmpidr;
}

/* It is acknowledged, or no longer active. */
static void maintained(struct checks *c, const struct event *e)
{
    const struct event_interrupt *i = &e->interrupt;
    struct irq_state *s = c->own[CHECK_IRQ];
    if (i->intid != INTID_MAINTENANCE || i->state != 1 || i->owner == GIC_NO_PE)
        return;
    s->maintenance[i->owner].is_taken = i->new;
    if (i->new)
        s->maintenance[i->owner].acknowledged = irq_mark(c, e);
}

/* A vCPU acknowledges or ends an interrupt that is in one of its list registers. */
static void listed(struct checks *c, const struct event *e)
{
    const struct event_list_register *l = &e->list_register;
    if (l->why == GIC_WHY_WRITTEN)
        rewritten(c, e);
    if (l->why == GIC_WHY_ACKNOWLEDGED)
        irq_edge_taken(c, l->new);
    unsigned intid = (unsigned)field_get(GICH_LR_VirtualID, l->new);
    struct irq_vcpu *v = l->live && l->why != GIC_WHY_WRITTEN ? vcpu_on(c, l->owner) : NULL;
    if (!v || intid >= GIC_BANKED_COUNT)
        return;
    struct irq_virtual *r = &v->interrupt[intid];
    /* The PE that asked is another interrupt's number: SGIs of two are two. */
    uint8_t source = l->new & GICH_LR_HW ? 0 : (uint8_t)(l->new >> 10 & 7);
    if (l->why == GIC_WHY_ACKNOWLEDGED && r->is_pending && r->is_stale && is_low(c, l->owner, r))
        report_vcpu(c, e, "level-stale", v, intid, &r->entered,
                    "its level being low, enters the vCPU with virtual interrupt",
                    "the vCPU acknowledges", "is given, without its level, interrupt");
    r->is_pending = r->was_high = r->is_low = r->is_stale = 0;
    if (l->why != GIC_WHY_ACKNOWLEDGED) {
        r->is_taken = 0;
        r->is_ended = !r->is_mixed;
        r->ended = irq_mark(c, e);
        return;
    }
    if (r->is_taken && r->source != source)
        r->is_mixed = 1;
    if (r->is_taken && !r->is_mixed)
        report_vcpu(c, e, "taken-twice", v, intid, &r->entered, "enters the vCPU again with",
                    "the vCPU acknowledges again", "has not ended, and takes again, interrupt");
    r->is_taken = 1;
    r->is_ended = 0;
    r->source = source;
    r->acknowledged = irq_mark(c, e);
    r->entered = (struct gic_mark){0};
}

/* A vCPU ends an interrupt that is in none. */
static void missed(struct checks *c, const struct event *e)
{
    const struct event_list_missed *l = &e->list_missed;
    struct irq_vcpu *v = l->live && l->why != GIC_WHY_WRITTEN ? vcpu_on(c, l->owner) : NULL;
    if (!v || l->intid >= GIC_BANKED_COUNT)
        return;
    struct irq_virtual *r = &v->interrupt[l->intid];
    r->is_ended = r->is_taken && !r->is_mixed;
    r->is_taken = 0;
    r->ended = irq_mark(c, e);
}

static void left(struct checks *c, const struct event *e)
{
    struct irq_vcpu *v = e->exc_take.to_el == 2 ? vcpu_on(c, e->pe) : NULL;
    if (!v)
        return;
    v->pc = e->exc_take.pc;
    if (is_request(&e->exc_take))
        forget(c, v);
    for (unsigned intid = 0; intid < GIC_BANKED_COUNT; intid++) {
        struct irq_virtual *r = &v->interrupt[intid];
        r->is_low = r->is_pending && r->physical != 0 && is_low(c, e->pe, r);
    }
}

/* The list register of a PE that has a valid interrupt of this ID; -1: none. */
static int list_of(const struct gic *gic, unsigned pe, unsigned intid)
{
    const uint32_t *list = gic->virtual[pe].list;
    for (unsigned i = 0; i < gic->list_registers; i++) {
        if ((list[i] & (LIST_PENDING | LIST_ACTIVE)) &&
            field_get(GICH_LR_VirtualID, list[i]) == intid)
            return (int)i;
    }
    return -1;
}

static bool has_pending(const struct gic *gic, unsigned pe)
{
    for (unsigned i = 0; i < gic->list_registers; i++) {
        if (gic->virtual[pe].list[i] & LIST_PENDING)
            return true;
    }
    return false;
}

/* It was pending when its vCPU was entered, nobody has taken it, and it is in no list register. */
static void judge_lost(struct checks *c, const struct event *e, struct irq_vcpu *v, unsigned intid)
{
    const struct gic *gic = irq_gic(c);
    struct irq_virtual *r = &v->interrupt[intid];
    if (intid >= GIC_SGI_COUNT &&
        (r->physical == 0 || r->entered.pe != e->pe ||
         !gic_bit(gic->active, gic_slot(e->pe, r->physical)))) {
        r->is_pending = 0;
        return;
    }
    if (has_pending(gic, e->pe) || ++r->entries < LOST_ENTRIES)
        return;
    report_vcpu(c, e, intid < GIC_SGI_COUNT ? "sgi-lost" : "ppi-lost", v, intid, &r->entered,
                "enters the vCPU, pending in a list register: virtual interrupt",
                "enters it again and again without virtual interrupt",
                "never gets what was pending in a list register: interrupt");
}

static void judge_listed(struct checks *c, const struct event *e, struct irq_vcpu *v,
                         unsigned intid, uint32_t list)
{
    struct irq_virtual *r = &v->interrupt[intid];
    if ((list & LIST_ACTIVE) && r->is_ended)
        report_vcpu(c, e, "ended-active", v, intid, &r->ended, "the vCPU ends virtual interrupt",
                    "enters the vCPU with a list register that has it active: virtual interrupt",
                    "has ended, and is given as active, interrupt");
    unsigned physical = (unsigned)field_get(GICH_LR_PhysicalID, list);
    bool is_own = (list & GICH_LR_HW) && physical >= GIC_SGI_COUNT && physical < GIC_BANKED_COUNT;
    bool is_level = is_own && (list & LIST_PENDING); /* all PPIs are level-sensitive here */
    bool is_same = r->is_pending && r->physical == physical && r->entered.pe == e->pe;
    r->is_pending = (list & LIST_PENDING) != 0;
    r->entries = 0;
    r->physical = is_own ? (uint8_t)physical : 0;
    r->entered = irq_mark(c, e);
    bool low = is_level && is_low(c, e->pe, r);
    r->is_stale = is_same && r->was_high && r->is_low && low;
    r->was_high = is_level && (!low || (is_same && r->was_high));
}

static void entered(struct checks *c, const struct event *e)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    const struct gic *gic = irq_gic(c);
    uint64_t root = check_root(c, e->pe);
    struct irq_vcpu *v = root ? vcpu_find(s, root, check_vcpu(c, e->pe)) : NULL;
    if (!v)
        return;
    if (e->eret.pc != v->pc)
        forget(c, v);
    bool is_on = gic->virtual[e->pe].hcr & GICH_HCR_En;
    irq_edge_entered(c, e, v);
    for (unsigned intid = 0; intid < GIC_BANKED_COUNT; intid++) {
        int index = is_on ? list_of(gic, e->pe, intid) : -1;
        if (index >= 0)
            judge_listed(c, e, v, intid, gic->virtual[e->pe].list[index]);
        else if (v->interrupt[intid].is_pending)
            judge_lost(c, e, v, intid);
    }
}

void check_irq(struct checks *c, const struct event *e)
{
    if (e->kind == EVENT_LIST_REGISTER) {
        listed(c, e);
    } else if (e->kind == EVENT_LIST_MISSED) {
        missed(c, e);
    } else if (e->kind == EVENT_MAINTENANCE) {
        raised(c, e);
    } else if (e->kind == EVENT_INTERRUPT) {
        maintained(c, e);
        irq_changed(c, e);
    } else if (e->kind == EVENT_GIC) {
        irq_accessed(c, e);
    } else if (e->kind == EVENT_LINE) {
        irq_line_moved(c, e);
    } else if (e->kind == EVENT_EXC_TAKE) {
        irq_taken(c, e);
        left(c, e);
    } else {
        irq_returned(c, e);
        if (e->eret.from_el == 2 && e->eret.to_el < 2 && check_root(c, e->pe) != 0) {
            irq_goes_on(c, e, "enters a VM");
            entered(c, e);
        }
    }
}
