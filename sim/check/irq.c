/*
 * Checker irq: what becomes of interrupts, as far as it can be told without knowing what a
 * hypervisor means.
 *
 *   taken-twice      a vCPU acknowledges an SGI or PPI that it has acknowledged and not ended
 *   ended-active     a vCPU is entered with an SGI or PPI active that it has ended
 *   sgi-lost         an SGI was pending in a list register when its vCPU was entered last; since
 *                    it was left by an interrupt it has been entered LOST_ENTRIES times with no
 *                    list register for it, and with none that is pending (so that nothing else
 *                    had to go first)
 *   ppi-lost         the same of a PPI that stands for a physical one which is active all the time
 *   not-deactivated  a physical SGI or the maintenance interrupt was ended without being
 *                    deactivated and is pending again, and its PE has taken other interrupts or
 *                    entered a VM LEFT_TIMES
 *   storm            a level-sensitive interrupt is taken STORM_TIMES in succession, its line
 *                    always high, and of what it interrupts not one instruction is executed
 *
 * The first four are judged while the vCPU asks for nothing: by an abort, HVC or SMC it may write
 * to its Distributor, or be reset, and that forgets what was seen; so does an entry elsewhere than
 * where it was left. SPIs are not judged, since other vCPUs change them. What depends on what the
 * hypervisor means is not told: a level lost or injected again, whose maintenance interrupt it is.
 *
 * A vCPU is a stage 2 root and a VMPIDR_EL2. IHI 0048B.b: GICH_LR, GICV_IAR, GICV_EOIR, GICV_DIR.
 */
#include "sim/check/check_states.h"

#include "gen/gicv2.h"
#include "gic/changes.h"
#include "gic/lists.h"
#include "sim/machine_parts.h"

#include <inttypes.h>
#include <string.h>

#define LOST_ENTRIES 16u
#define LEFT_TIMES 64u
#define STORM_TIMES 256u
#define VECTOR_SYNCHRONOUS 0u
#define VECTOR_IRQ 1u

static const struct gic *gic_of(const struct checks *c)
{
    return &c->machine->state->gic;
}

static struct gic_mark mark_now(const struct checks *c, const struct event *e)
{
    return (struct gic_mark){.step = e->step, .pc = check_pc(c, e->pe), .pe = e->pe};
}

static void cite(struct finding *f, const struct gic_mark *m, const char *text, unsigned intid)
{
    if (m->step != 0)
        finding_event(f, m->step, m->pe, m->pc, "%s %u", text, intid);
}

/* --- vCPUs ----------------------------------------------------------------------------------- */

static struct irq_vcpu *vcpu_find(struct irq_state *s, uint64_t root, uint64_t vmpidr)
{
    for (uint32_t i = 0; i < s->vcpu_count; i++) {
        if (s->vcpu[i].root == root && s->vcpu[i].vmpidr == vmpidr)
            return &s->vcpu[i];
    }
    if (s->vcpu_count == VCPU_MAX)
        return NULL;
    struct irq_vcpu *v = &s->vcpu[s->vcpu_count++];
    v->root = root;
    v->vmpidr = vmpidr;
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

static void forget(struct irq_vcpu *v)
{
    memset(v->interrupt, 0, sizeof v->interrupt);
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
    cite(f, &r->acknowledged, "the vCPU acknowledges virtual interrupt", intid);
    cite(f, before, before_text, intid);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "%s %u", now_text, intid);
    finding_end(c, f, "vCPU 0x%" PRIx64 " of root 0x%" PRIx64 " %s %u", v->vmpidr, v->root,
                sentence, intid);
}

/* A vCPU acknowledges or ends an interrupt that is in one of its list registers. */
static void listed(struct checks *c, const struct event *e)
{
    const struct event_list_register *l = &e->list_register;
    unsigned intid = (unsigned)field_get(GICH_LR_VirtualID, l->new);
    struct irq_vcpu *v = l->live && l->why != GIC_WHY_WRITTEN ? vcpu_on(c, l->owner) : NULL;
    if (!v || intid >= GIC_BANKED_COUNT)
        return;
    struct irq_virtual *r = &v->interrupt[intid];
    /* The PE that asked is another interrupt's number: SGIs of two are two. */
    uint8_t source = l->new & GICH_LR_HW ? 0 : (uint8_t)(l->new >> 10 & 7);
    r->is_pending = 0;
    if (l->why != GIC_WHY_ACKNOWLEDGED) {
        r->is_taken = 0;
        r->is_ended = !r->is_mixed;
        r->ended = mark_now(c, e);
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
    r->acknowledged = mark_now(c, e);
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
    r->ended = mark_now(c, e);
}

static void left(struct checks *c, const struct event *e)
{
    struct irq_vcpu *v = e->exc_take.to_el == 2 ? vcpu_on(c, e->pe) : NULL;
    if (!v)
        return;
    v->pc = e->exc_take.pc;
    if (is_request(&e->exc_take))
        forget(v);
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
    const struct gic *gic = gic_of(c);
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
    r->is_pending = (list & LIST_PENDING) != 0;
    r->entries = 0;
    r->physical = is_own ? (uint8_t)physical : 0;
    r->entered = mark_now(c, e);
}

static void entered(struct checks *c, const struct event *e)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    const struct gic *gic = gic_of(c);
    uint64_t root = check_root(c, e->pe);
    struct irq_vcpu *v = root ? vcpu_find(s, root, check_vcpu(c, e->pe)) : NULL;
    if (!v)
        return;
    if (e->eret.pc != v->pc)
        forget(v);
    bool is_on = gic->virtual[e->pe].hcr & GICH_HCR_En;
    for (unsigned intid = 0; intid < GIC_BANKED_COUNT; intid++) {
        int index = is_on ? list_of(gic, e->pe, intid) : -1;
        if (index >= 0)
            judge_listed(c, e, v, intid, gic->virtual[e->pe].list[index]);
        else if (v->interrupt[intid].is_pending)
            judge_lost(c, e, v, intid);
    }
}

/* --- physical interrupts --------------------------------------------------------------------- */

static bool is_pending(const struct gic *gic, unsigned pe, unsigned intid)
{
    return gic_pending_word(gic, gic_word_index(pe, intid / 32)) >> intid % 32 & 1;
}

/* A PE goes on with something else than these. */
static void goes_on(struct checks *c, const struct event *e, const char *with)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    const struct gic *gic = gic_of(c);
    for (unsigned intid = 0; intid < GIC_BANKED_COUNT; intid++) {
        struct irq_physical *p = &s->physical[e->pe][intid];
        bool is_judged = intid < GIC_SGI_COUNT || intid == INTID_MAINTENANCE;
        if (!is_judged || !p->is_dropped || !is_pending(gic, e->pe, intid) ||
            !gic_bit(gic->enabled, gic_slot(e->pe, intid)) || ++p->left < LEFT_TIMES)
            continue;
        struct finding *f = finding_begin(c, CHECK_IRQ, "not-deactivated", e);
        if (!f)
            return;
        cite(f, &p->acknowledged, "acknowledges interrupt", intid);
        cite(f, &p->dropped, "drops the priority of, and does not deactivate, interrupt", intid);
        finding_event(f, e->step, e->pe, check_pc(c, e->pe), "%s", with);
        finding_end(c, f,
                    "interrupt %u of CPU %u is pending again and still active, and CPU %u has gone "
                    "on %u times without it",
                    intid, e->pe, e->pe, p->left);
    }
}

/* GICC_EOIR where it does not deactivate. */
static void written(struct checks *c, const struct event *e)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    const struct event_gic *a = &e->gic;
    unsigned intid = (unsigned)field_get(ACKNOWLEDGE_InterruptID, a->value);
    if (a->frame != GIC_FRAME_C || !a->write || intid >= GIC_BANKED_COUNT ||
        (a->address != GICC_EOIR_OFFSET && a->address != GICC_AEOIR_OFFSET) ||
        !gic_bit(gic_of(c)->active, gic_slot(e->pe, intid)))
        return;
    s->physical[e->pe][intid].is_dropped = 1;
    s->physical[e->pe][intid].dropped = mark_now(c, e);
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
    if (intid != t->intid || !t->is_starved || !is_level_high(gic_of(c), e->pe, intid)) {
        *t = (struct irq_storm){.intid = (uint16_t)intid, .count = 1, .first = mark_now(c, e),
                                .return_insn = t->return_insn};
        return;
    }
    t->is_starved = 0;
    if (++t->count < STORM_TIMES)
        return;
    struct finding *f = finding_begin(c, CHECK_IRQ, "storm", e);
    if (!f)
        return;
    cite(f, &t->first, "acknowledges interrupt", intid);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "acknowledges it for the %uth time",
                  t->count);
    finding_end(c, f, "CPU %u takes interrupt %u, whose line never falls, %u times in succession",
                e->pe, intid, t->count);
}

static void changed(struct checks *c, const struct event *e)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    const struct event_interrupt *i = &e->interrupt;
    if (i->state != 1)
        return;
    if (i->new != 0 && i->why == GIC_WHY_ACKNOWLEDGED) {
        count_storm(c, e, i->intid);
        goes_on(c, e, "acknowledges another interrupt");
    }
    if (i->owner != GIC_NO_PE) {
        struct irq_physical *p = &s->physical[i->owner][i->intid];
        *p = (struct irq_physical){0};
        if (i->new != 0)
            p->acknowledged = mark_now(c, e);
    }
}

static void line_moved(struct checks *c, const struct event *e)
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

void check_irq(struct checks *c, const struct event *e)
{
    struct irq_state *s = c->own[CHECK_IRQ];
    if (e->kind == EVENT_LIST_REGISTER) {
        listed(c, e);
    } else if (e->kind == EVENT_LIST_MISSED) {
        missed(c, e);
    } else if (e->kind == EVENT_INTERRUPT) {
        changed(c, e);
    } else if (e->kind == EVENT_GIC) {
        written(c, e);
    } else if (e->kind == EVENT_LINE) {
        line_moved(c, e);
    } else if (e->kind == EVENT_EXC_TAKE) {
        s->storm[e->pe].is_starved = e->exc_take.vector == VECTOR_IRQ &&
                                     e->insn <= s->storm[e->pe].return_insn + 1;
        left(c, e);
    } else {
        s->storm[e->pe].return_insn = e->insn;
        if (e->eret.from_el == 2 && e->eret.to_el < 2 && check_root(c, e->pe) != 0) {
            goes_on(c, e, "enters a VM");
            entered(c, e);
        }
    }
}
