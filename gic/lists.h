/*
 * List registers: what a hypervisor has given a virtual CPU interface to signal. Here is what
 * follows from their contents, as values, and the two things that the interface does to one.
 */
#pragma once
#include "gic/state.h"

/* The two bits of GICH_LR.State; neither: invalid. */
#define LIST_PENDING UINT32_C(0x10000000)
#define LIST_ACTIVE UINT32_C(0x20000000)

/* GICH_ELRSR1:ELRSR0: list registers that are invalid and have nothing to tell. */
uint64_t lists_empty(const struct gic *gic, unsigned pe);

/* GICH_EISR1:EISR0: those that became invalid and were to tell. */
uint64_t lists_ended(const struct gic *gic, unsigned pe);

/* GICH_MISR: why the maintenance interrupt is asserted, if GICH_HCR.En is 1. */
uint32_t lists_status(const struct gic *gic, unsigned pe);

/* The level of the maintenance interrupt. */
bool lists_maintenance(const struct gic *gic, unsigned pe);

/* The lowest list register with this interrupt active (or pending and active); -1: none. */
int lists_find_active(const struct gic *gic, unsigned pe, unsigned intid);

/* Pending to active. */
void lists_acknowledge(struct gic *gic, unsigned pe, unsigned index);

/*
 * The active interrupt of this ID becomes inactive, and the physical one that it stands for with
 * it. Where no list register has it, it is counted in GICH_HCR.EOICount.
 */
void lists_deactivate(struct gic *gic, unsigned pe, unsigned intid);
