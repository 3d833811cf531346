#pragma once

/*
 * The physical GICv2: distributor once, CPU interface and banked part on every CPU, SGIs.
 */

#include "hyp/arch.h"

void gic_init_distributor(void);

/* This CPU's SGIs and the tick's PPI come on; learns its bit for SGIs. */
void gic_init_cpu(void);

/* Sends SGI `intid` to the CPUs in mask; what was written before is visible to them. */
void gic_send_sgi(unsigned intid, uint8_t cpu_mask);

/* Acknowledges, serves and ends one interrupt; the vector's C half. May switch threads. */
void irq_handle(void);
