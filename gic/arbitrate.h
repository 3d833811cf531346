/*
 * Arbitration: which interrupt is the highest priority pending one of an interface, and whether it
 * is signalled. Pure: const state in, a value out.
 */
#pragma once
#include "gic/state.h"

#define GIC_INTID_SPURIOUS 1023u   /* nothing there */
#define GIC_INTID_OTHER_GROUP 1022u /* a Group 1 interrupt is there, see GICC_AIAR */
#define GIC_PRIORITY_IDLE 0xffu

/* Five bits of priority, so binary points below these would split nothing off. */
#define GIC_PRIORITY_BITS 5u
#define GIC_PRIORITY_MASK 0xf8u
#define GIC_BPR_MIN 2u
#define GIC_ABPR_MIN 3u

/* The interrupt that an interface would acknowledge next. */
struct gic_candidate {
    uint16_t intid;  /* GIC_INTID_SPURIOUS: none */
    uint8_t priority;
    uint8_t group;   /* 0 or 1 */
    uint8_t source;  /* of an SGI: the PE that asked for it; else 0 */
    uint8_t list;    /* of a virtual interrupt: its list register; else 0 */
};

/*
 * The highest priority pending interrupt that the Distributor forwards to a PE's interface:
 * enabled, not active, its group enabled in GICD_CTLR, the PE among its targets. Ties go to the
 * lowest interrupt ID, then the lowest source. HighestPriorityPendingInterrupt of IHI 0048B.b.
 */
struct gic_candidate arbitrate_distributor(const struct gic *gic, unsigned pe);

/*
 * The highest priority pending interrupt in the list registers of a PE, while GICH_HCR.En is set;
 * one that is active too has to wait for its end, one with a reserved interrupt ID is not seen.
 * Ties go to the lowest list register.
 */
struct gic_candidate arbitrate_lists(const struct gic *gic, unsigned pe);

/* A binary point as it is kept: below the least that means anything, it becomes that one. */
uint8_t arbitrate_binary_point(uint64_t value, uint8_t least);

/* The group priority of an interrupt: its priority without what the binary point cuts off. */
uint8_t arbitrate_group_priority(const struct gic_interface *interface, uint8_t priority,
                                 unsigned group);

/* The running priority: the group priority of the highest active interrupt, or idle. */
uint8_t arbitrate_running(const struct gic_interface *interface);

/* Whether the interface signals any interrupt of the group (GICC_CTLR.EnableGrp0/1). */
bool arbitrate_group_enabled(const struct gic_interface *interface, unsigned group);

/*
 * Whether the candidate is signalled to the PE: its group is enabled at the interface, its
 * priority is higher than GICC_PMR, and its group priority is higher than that of the running one,
 * by the binary point as it is now.
 */
bool arbitrate_signals(const struct gic_interface *interface,
                       const struct gic_candidate *candidate);
