/*
 * Timing tables: what instructions and events cost in cycles, per core, from timing.def.
 */
#pragma once
#include "gen/a64.h"
#include "sim/base/base.h"

/* What a physical address that is not RAM belongs to. */
enum timing_frame {
    TIMING_GICD,
    TIMING_GICC,
    TIMING_GICH,
    TIMING_GICV,
    TIMING_UART,
    TIMING_DEVICE, /* any other, or nothing at all */
    TIMING_FRAME_COUNT
};

struct timing {
    uint32_t instruction[A64_CLASS_COUNT]; /* by class, without what the access adds */
    uint32_t exception;                    /* entry; returns are a class */
    uint32_t walk_step;                    /* each descriptor read */
    uint32_t tlb_miss;                     /* once per miss */
    uint32_t level2;                       /* an access served by the level 2 cache */
    uint32_t memory;                       /* one served by memory; both with caches on */
    uint32_t tlb_second;                   /* a hit in the second level of a core's TLB */
    uint32_t tlbi_broadcast;               /* a DSB that completes a broadcast TLBI */
    uint32_t device[TIMING_FRAME_COUNT][2]; /* a register's read, and its write */
    uint32_t cycles_per_tick;              /* of the system counter */
};

/* The table of a CPU model; with flat, one cycle per instruction and nothing for the rest. */
struct timing timing_make(const char *model, bool flat);
