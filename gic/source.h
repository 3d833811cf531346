/*
 * Where a CPU interface gets its interrupts from. The interface's code is the same for the
 * physical interface, fed by the Distributor, and for the virtual one, fed by the list registers;
 * a source is an index, so that there is no pointer in any state.
 */
#pragma once
#include "gic/arbitrate.h"

enum source_kind {
    SOURCE_DISTRIBUTOR, /* GICC */
    SOURCE_LISTS,       /* GICV */
};

struct source {
    uint8_t kind; /* enum source_kind */
    uint8_t pe;
};

/* The registers of the interface that the source feeds. */
struct gic_interface *source_interface(struct gic *gic, struct source source);
const struct gic_interface *source_interface_const(const struct gic *gic, struct source source);

/* What would be acknowledged next. */
struct gic_candidate source_next(const struct gic *gic, struct source source);

/* Whether the source could have an interrupt of this ID. */
bool source_has(const struct gic *gic, struct source source, unsigned intid);
/* The group of an interrupt that the source could have; -1 where only an active one would tell. */
int source_group(const struct gic *gic, struct source source, unsigned intid);
/* Whether an end of this interrupt is one although the interface has no active priority. */
bool source_ends_idle(const struct gic *gic, struct source source, unsigned intid);
/* Which of the interface's active priorities a group has: one for each, or one for both. */
unsigned source_active_index(struct source source, unsigned group);

/* Pending to active. */
void source_acknowledge(struct gic *gic, struct source source,
                        const struct gic_candidate *candidate);
/* Active to inactive. */
void source_deactivate(struct gic *gic, struct source source, unsigned intid);
