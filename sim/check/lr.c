/*
 * Checker lr: whether the list registers of a PE can be what a hypervisor means, when a VM is
 * entered with GICH_HCR.En set, or one of them is written while its PE runs a VM. What EL2 leaves
 * in them while it works, or while it runs its host, is its own matter.
 *
 *   two-registers      two valid list registers have one VirtualID
 *   hw-pending-active  pending and active with HW: of a physical interrupt only the Distributor
 *                      keeps both
 *   hw-inactive        valid with HW, and the physical interrupt is not active: its end will
 *                      deactivate nothing, and it may come again meanwhile
 *   reserved           valid with a VirtualID that is none, or with HW and a PhysicalID that no
 *                      end deactivates: an SGI, or one that the GIC does not have
 *   past-last          a valid interrupt is written behind the last list register (by
 *                      GICH_VTR.ListRegs): it is lost. Reads, and writes of what is invalid, are
 *                      nobody's loss and not judged.
 *
 * IHI 0048B.b: GICH_LR, GICH_VTR.
 */
#include "sim/check/check_states.h"

#include "gen/gicv2.h"
#include "gic/changes.h"
#include "gic/lists.h"

#include <inttypes.h>

#define LIST_STATE (LIST_PENDING | LIST_ACTIVE)
#define FRAME_WORDS 0x1000u

static const struct gic *gic_of(const struct checks *c)
{
    return &c->machine->state->gic;
}

static const char *state_name(uint32_t list)
{
    static const char *const names[] = {"invalid", "pending", "active", "pending and active"};
    return names[field_get(GICH_LR_State, list)];
}

static struct gic_mark mark_now(const struct checks *c, const struct event *e)
{
    return (struct gic_mark){.step = e->step, .pc = check_pc(c, e->pe), .pe = e->pe};
}

/* Cites how a list register came to hold what it holds. */
static void cite_list(struct checks *c, struct finding *f, unsigned pe, unsigned index)
{
    const struct lr_state *s = c->own[CHECK_LR];
    const struct gic_mark *m = &s->list[pe][index];
    uint32_t list = gic_of(c)->virtual[pe].list[index];
    if (m->step != 0)
        finding_event(f, m->step, m->pe, m->pc,
                      "list register %u of CPU %u becomes 0x%08x: virtual interrupt %u, %s", index,
                      pe, list, (unsigned)field_get(GICH_LR_VirtualID, list), state_name(list));
}

static void cite_use(struct checks *c, struct finding *f, const struct event *e, unsigned pe)
{
    if (e->kind == EVENT_ERET)
        finding_event(f, e->step, e->pe, check_pc(c, e->pe), "enters the VM of root 0x%" PRIx64,
                      check_root(c, pe));
    else
        finding_event(f, e->step, e->pe, check_pc(c, e->pe),
                      "writes the list register while CPU %u runs the VM of root 0x%" PRIx64, pe,
                      check_root(c, pe));
}

static void report_one(struct checks *c, const struct event *e, const char *kind, unsigned pe,
                       unsigned index, const char *text)
{
    struct finding *f = finding_begin(c, CHECK_LR, kind, e);
    if (!f)
        return;
    uint32_t list = gic_of(c)->virtual[pe].list[index];
    cite_list(c, f, pe, index);
    cite_use(c, f, e, pe);
    finding_end(c, f, "list register %u of CPU %u, 0x%08x with virtual interrupt %u, %s", index, pe,
                list, (unsigned)field_get(GICH_LR_VirtualID, list), text);
}

static void report_inactive(struct checks *c, const struct event *e, unsigned pe, unsigned index,
                            unsigned physical)
{
    const struct lr_state *s = c->own[CHECK_LR];
    struct finding *f = finding_begin(c, CHECK_LR, "hw-inactive", e);
    if (!f)
        return;
    const struct gic_mark *m = &s->inactive[gic_slot(pe, physical)];
    cite_list(c, f, pe, index);
    if (m->step != 0)
        finding_event(f, m->step, m->pe, m->pc, "physical interrupt %u becomes inactive", physical);
    cite_use(c, f, e, pe);
    finding_end(c, f,
                "list register %u of CPU %u has virtual interrupt %u for physical interrupt %u, "
                "which is not active",
                index, pe,
                (unsigned)field_get(GICH_LR_VirtualID, gic_of(c)->virtual[pe].list[index]),
                physical);
}

static void judge_hardware(struct checks *c, const struct event *e, unsigned pe, unsigned index)
{
    const struct gic *gic = gic_of(c);
    uint32_t list = gic->virtual[pe].list[index];
    unsigned physical = (unsigned)field_get(GICH_LR_PhysicalID, list);
    if (physical < GIC_SGI_COUNT || physical >= gic->interrupts)
        report_one(c, e, "reserved", pe, index, "stands for a physical interrupt that is none");
    else if ((list & LIST_STATE) == LIST_STATE)
        report_one(c, e, "hw-pending-active", pe, index,
                   "is pending and active for a physical interrupt");
    else if (!gic_bit(gic->active, gic_slot(pe, physical)))
        report_inactive(c, e, pe, index, physical);
}

static void report_two(struct checks *c, const struct event *e, unsigned pe, unsigned a, unsigned b)
{
    struct finding *f = finding_begin(c, CHECK_LR, "two-registers", e);
    if (!f)
        return;
    cite_list(c, f, pe, a);
    cite_list(c, f, pe, b);
    cite_use(c, f, e, pe);
    finding_end(c, f, "list registers %u and %u of CPU %u both have virtual interrupt %u", a, b, pe,
                (unsigned)field_get(GICH_LR_VirtualID, gic_of(c)->virtual[pe].list[a]));
}

/* Another valid list register with the same interrupt behind this one; its index or the count. */
static unsigned find_twin(const struct gic *gic, unsigned pe, unsigned index)
{
    const uint32_t *list = gic->virtual[pe].list;
    unsigned twin = index + 1;
    while (twin < gic->list_registers &&
           (!(list[twin] & LIST_STATE) || ((list[twin] ^ list[index]) & GICH_LR_VirtualID) != 0))
        twin++;
    return twin;
}

static void judge(struct checks *c, const struct event *e, unsigned pe)
{
    const struct gic *gic = gic_of(c);
    if (!(gic->virtual[pe].hcr & GICH_HCR_En))
        return;
    for (unsigned i = 0; i < gic->list_registers; i++) {
        uint32_t list = gic->virtual[pe].list[i];
        if (!(list & LIST_STATE))
            continue;
        unsigned twin = find_twin(gic, pe, i);
        if (twin < gic->list_registers)
            report_two(c, e, pe, i, twin);
        if (field_get(GICH_LR_VirtualID, list) >= GIC_INTERRUPT_MAX)
            report_one(c, e, "reserved", pe, i, "has an interrupt ID that is reserved");
        if (list & GICH_LR_HW)
            judge_hardware(c, e, pe, i);
    }
}

/* A write to the words of a GICH behind the last list register. */
static void accessed(struct checks *c, const struct event *e)
{
    const struct event_gic *a = &e->gic;
    bool is_all = a->frame == GIC_FRAME_H_ALL;
    if ((a->frame != GIC_FRAME_H && !is_all) || !a->write || !(a->value & LIST_STATE))
        return;
    unsigned pe = is_all ? a->address / GIC_FRAME_H_ALL_STEP : e->pe;
    uint32_t offset = is_all ? a->address % GIC_FRAME_H_ALL_STEP : a->address;
    unsigned count = gic_of(c)->list_registers;
    if (offset < GICH_LR_OFFSET + 4 * count || offset >= FRAME_WORDS ||
        pe >= c->machine->config.pe_count)
        return;
    struct finding *f = finding_begin(c, CHECK_LR, "past-last", e);
    if (!f)
        return;
    unsigned index = (offset - (unsigned)GICH_LR_OFFSET) / 4;
    finding_event(f, e->step, e->pe, check_pc(c, e->pe),
                  "writes 0x%08x, virtual interrupt %u, at offset 0x%x of GICH", a->value,
                  (unsigned)field_get(GICH_LR_VirtualID, a->value), offset);
    finding_end(c, f, "CPU %u writes list register %u of CPU %u, which has %u", e->pe, index, pe,
                count);
}

void check_lr(struct checks *c, const struct event *e)
{
    struct lr_state *s = c->own[CHECK_LR];
    if (e->kind == EVENT_LIST_REGISTER) {
        const struct event_list_register *l = &e->list_register;
        s->list[l->owner][l->index] = mark_now(c, e);
        if (l->live && l->why == GIC_WHY_WRITTEN)
            judge(c, e, l->owner);
    } else if (e->kind == EVENT_INTERRUPT) {
        const struct event_interrupt *i = &e->interrupt;
        unsigned pe = i->owner == GIC_NO_PE ? 0 : i->owner;
        if (i->state == 1 && i->new == 0)
            s->inactive[gic_slot(pe, i->intid)] = mark_now(c, e);
    } else if (e->kind == EVENT_GIC) {
        accessed(c, e);
    } else if (e->eret.from_el == 2 && e->eret.to_el < 2 && check_root(c, e->pe) != 0) {
        judge(c, e, e->pe);
    }
}
