/*
 * The CPU interface: one code for every interface, whatever its source. Registers are named by
 * the rows of GICC, or of GICV, where the same registers stand at the same offsets.
 */
#pragma once
#include "gic/rows.h"
#include "gic/source.h"

/* A register's value without any side effect. */
uint32_t cpuif_peek(const struct gic *gic, struct source source, enum gicv2 row);

/* The same with the side effect of GICC_IAR and GICC_AIAR: the interrupt is acknowledged. */
uint32_t cpuif_read(struct gic *gic, struct source source, enum gicv2 row);

void cpuif_write(struct gic *gic, struct source source, enum gicv2 row, uint32_t value);

/* What the interface signals: GIC_WIRE_IRQ, GIC_WIRE_FIQ or nothing. */
unsigned cpuif_wires(const struct gic *gic, struct source source);
