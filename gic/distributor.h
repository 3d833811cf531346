/*
 * The Distributor: registers of the GICD frame, input lines, and the two things an interface does
 * to an interrupt: acknowledge and deactivate.
 */
#pragma once
#include "gic/rows.h"
#include "gic/state.h"

/* The bytes of a register, low bits first; offset and size as checked by gic.c. No side effect. */
uint32_t distributor_peek(const struct gic *gic, unsigned pe, enum gicv2 row, uint32_t offset,
                          unsigned size);
void distributor_write(struct gic *gic, unsigned pe, enum gicv2 row, uint32_t offset,
                       unsigned size, uint32_t value);

/* The input line of an interrupt takes a level. */
void distributor_set_line(struct gic *gic, unsigned pe, unsigned intid, bool level);

/* Pending to active; for an SGI only the request of one source PE is taken back. */
void distributor_acknowledge(struct gic *gic, unsigned pe, unsigned intid, unsigned source);
/* Active to inactive; what is pending stays so. */
void distributor_deactivate(struct gic *gic, unsigned pe, unsigned intid);
