/*
 * The registers of the GICH frame of one PE.
 */
#pragma once
#include "gic/rows.h"
#include "gic/state.h"

/* A register's value, without any effect; offset is within the frame. */
uint32_t control_peek(const struct gic *gic, unsigned pe, enum gicv2 row, uint32_t offset);
void control_write(struct gic *gic, unsigned pe, enum gicv2 row, uint32_t offset, uint32_t value);
