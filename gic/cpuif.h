/*
 * The CPU interface: one code for every interface, whatever its source. Registers are named by
 * their GICC row; offsets of GICV are the same.
 */
#pragma once
#include "gic/rows.h"
#include "gic/source.h"

/* A register's value without any side effect. */
uint32_t cpuif_peek(const struct gic *gic, struct source source, enum gicv2 row);

/* The same with the side effect of GICC_IAR and GICC_AIAR: the interrupt is acknowledged. */
uint32_t cpuif_read(struct gic *gic, struct source source, enum gicv2 row);

void cpuif_write(struct gic *gic, struct source source, enum gicv2 row, uint32_t value);

/* The wires that the interface drives: GIC_WIRE_IRQ, GIC_WIRE_FIQ or none. */
unsigned cpuif_wires(const struct gic *gic, struct source source);
