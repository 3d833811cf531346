/*
 * The GICv2's public header: distributor, CPU interfaces, and for each PE a virtual CPU interface
 * with its list registers. No Security Extensions (GICD_TYPER.SecurityExtn = 0). State is plain
 * bytes; the machine owns it, maps the frames and copies the output wires to the PEs.
 */
#pragma once
#include "sim/base/base.h"
#include "sim/base/event.h"

/* 0..15 SGIs, 16..31 PPIs, from 32 SPIs. */
#define GIC_INTERRUPT_MAX 1020u
#define GIC_INTERRUPT_DEFAULT 288u
#define GIC_LIST_REGISTER_MAX 64u

/*
 * The frames. A PE sees its own copy of GICC, GICH and GICV; in the last frame it sees the GICH of
 * all PEs side by side.
 */
enum gic_frame {
    GIC_FRAME_D,
    GIC_FRAME_C,
    GIC_FRAME_H,
    GIC_FRAME_V,
    GIC_FRAME_H_ALL,
    GIC_FRAME_COUNT
};
#define GIC_FRAME_H_ALL_STEP 0x200u /* bytes for each PE, as in the GIC-400 */
#define GIC_FRAME_H_ALL_SIZE (PE_COUNT_MAX * GIC_FRAME_H_ALL_STEP)

struct gic; /* gic/state.h: plain bytes; complete for the machine that embeds it */

struct gic_config {
    uint16_t interrupts;    /* a multiple of 32 up to 992, or 1020 */
    uint8_t pe_count;       /* 1..8 */
    uint8_t list_registers; /* 1..64 */
};

/* Whether a GICv2 can have so many interrupts: GICD_TYPER.ITLinesNumber counts in steps of 32. */
bool gic_interrupts_valid(uint32_t interrupts);

/* What the GIC drives for a PE: the four wires to it, and its maintenance interrupt. */
#define GIC_WIRE_IRQ 1u
#define GIC_WIRE_FIQ 2u
#define GIC_WIRE_VIRQ 4u
#define GIC_WIRE_VFIQ 8u
#define GIC_WIRE_MAINTENANCE 16u /* a level, which the machine brings to a PPI */
#define GIC_WIRES_TO_PE 15u      /* the first four */

/* Power-on reset. */
void gic_reset(struct gic *gic, const struct gic_config *config);

/* How an access ends. */
enum gic_answer {
    GIC_OK,
    GIC_ABORT, /* an external abort: a size that the register does not take, or no register frame
                  at this offset */
};

/*
 * A register access by a PE: offset within the frame, size in bytes. Words are taken everywhere,
 * bytes by the rows of gicv2.def that say so, nothing else. Offsets without a register and
 * registers of the other direction are RAZ/WI. *value is written for GIC_OK only.
 */
enum gic_answer gic_read(struct gic *gic, unsigned pe, enum gic_frame frame, uint32_t offset,
                         unsigned size, uint32_t *value);
enum gic_answer gic_write(struct gic *gic, unsigned pe, enum gic_frame frame, uint32_t offset,
                          unsigned size, uint32_t value);

/*
 * A word read without side effects, for observers (GICC_IAR shows what would be acknowledged);
 * 0 where gic_read would not answer GIC_OK.
 */
uint32_t gic_peek(const struct gic *gic, unsigned pe, enum gic_frame frame, uint32_t offset);

/*
 * Sets an input line: PPIs (16..31) are the PE's own, for SPIs pe is ignored. Level-sensitive
 * interrupts follow it, edge-triggered ones become pending at the rising edge.
 */
void gic_set_line(struct gic *gic, unsigned pe, unsigned intid, bool level);

/* The wires of a PE (GIC_WIRE_*), a function of state. */
unsigned gic_wires(const struct gic *gic, unsigned pe);

/* The PEs, a bit each, whose wires may have changed since the last call; clears. */
unsigned gic_take_changed(struct gic *gic);
