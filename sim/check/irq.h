/*
 * Checker irq: its parts to each other. irq.c judges the interrupts of vCPUs, irq_edge.c those of
 * them that a device asks for once, irq_physical.c those of the Distributor.
 */
#pragma once
#include "sim/check/check_states.h"

/* So often a vCPU is entered without an interrupt that it should have, before it is lost. */
#define LOST_ENTRIES 16u

static inline const struct gic *irq_gic(const struct checks *c)
{
    return &c->machine->state->gic;
}

static inline struct gic_mark irq_mark(const struct checks *c, const struct event *e)
{
    return (struct gic_mark){.step = e->step, .pc = check_pc(c, e->pe), .pe = e->pe};
}

/* A line of a report about what happened then, if it has; text ends before the number. */
static inline void irq_cite(struct finding *f, const struct gic_mark *m, const char *text,
                            unsigned intid)
{
    if (m->step != 0)
        finding_event(f, m->step, m->pe, m->pc, "%s %u", text, intid);
}

/* A PE goes on with something else than interrupts that it has not deactivated. */
void irq_goes_on(struct checks *c, const struct event *e, const char *with);
/* Events of the Distributor and the CPU interfaces. */
void irq_accessed(struct checks *c, const struct event *e);
void irq_changed(struct checks *c, const struct event *e);
void irq_line_moved(struct checks *c, const struct event *e);
/* An exception is taken; one returns. */
void irq_taken(struct checks *c, const struct event *e);
void irq_returned(struct checks *c, const struct event *e);

/* A vCPU is entered; acknowledges what was in a list register; its VM is to be looked at anew. */
void irq_edge_entered(struct checks *c, const struct event *e, const struct irq_vcpu *v);
void irq_edge_taken(struct checks *c, uint32_t list);
void irq_edge_forget(struct checks *c, uint64_t root);
