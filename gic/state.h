/*
 * The state of the GIC as plain bytes. What an interrupt has - group, enable, latch, ... - is kept
 * by slot: interrupts below 32 have one slot per PE (pe * 32 + intid), SPIs follow. So a word of
 * any such bitmap is what one 32-bit register with one bit per interrupt shows.
 */
#pragma once
#include "gic/gic.h"

#define GIC_BANKED_COUNT 32u /* SGIs and PPIs: a copy per PE */
#define GIC_SGI_COUNT 16u
#define GIC_SLOT_COUNT (PE_COUNT_MAX * GIC_BANKED_COUNT + GIC_SPI_COUNT)
#define GIC_SLOT_WORDS (GIC_SLOT_COUNT / 32u)
#define GIC_WORD_COUNT (GIC_INTID_COUNT / 32u) /* words of bits as one PE sees them */

STATE_BEGIN
/* A CPU interface: what the GICC frame of one PE keeps. */
struct gic_interface {
    uint32_t ctlr;
    /* By group (GICC_APR0, GICC_NSAPR0): bit p says that an interrupt of group priority p << 3 is
       active and its priority has not been dropped yet. */
    uint32_t active_priorities[2];
    uint8_t pmr;
    uint8_t bpr;
    uint8_t abpr;
    uint8_t reserved;
};

struct gic {
    uint32_t ctlr; /* GICD_CTLR */
    uint8_t pe_count;
    uint8_t list_registers;
    uint8_t changed; /* bit per PE: its wires may differ from what was seen when this was taken */
    uint8_t reserved;

    /* Bit per slot. */
    uint32_t group[GIC_SLOT_WORDS];   /* 1: Group 1 */
    uint32_t enabled[GIC_SLOT_WORDS];
    uint32_t latched[GIC_SLOT_WORDS]; /* pending by an edge, GICD_ISPENDR or an SGI; stays until
                                         acknowledged or cleared */
    uint32_t line[GIC_SLOT_WORDS];    /* the input's level */
    uint32_t active[GIC_SLOT_WORDS];
    uint32_t edge[GIC_SLOT_WORDS];    /* 1: edge-triggered, 0: level-sensitive */

    uint8_t priority[GIC_SLOT_COUNT]; /* bits 7:3 */
    uint8_t targets[GIC_SPI_COUNT];   /* of SPIs: bit per PE */
    /* For each PE and SGI: the PEs that have asked for it. An SGI's latch is set while this is
       not 0. */
    uint8_t sgi_sources[PE_COUNT_MAX][GIC_SGI_COUNT];
    struct gic_interface interface[PE_COUNT_MAX];
};
STATE_END

static inline void gic_mark_all(struct gic *gic)
{
    gic->changed = (uint8_t)bits_ones(gic->pe_count);
}

/* The bitmap word that holds interrupts 32 * word .. 32 * word + 31 as a PE sees them. */
static inline unsigned gic_word_index(unsigned pe, unsigned word)
{
    return word == 0 ? pe : PE_COUNT_MAX + word - 1;
}

static inline unsigned gic_slot(unsigned pe, unsigned intid)
{
    return gic_word_index(pe, intid / 32) * 32 + intid % 32;
}

static inline bool gic_bit(const uint32_t *bits, unsigned slot)
{
    return (bits[slot / 32] >> (slot % 32)) & 1u;
}

static inline void gic_bit_put(uint32_t *bits, unsigned slot, bool value)
{
    uint32_t mask = UINT32_C(1) << (slot % 32);
    bits[slot / 32] = value ? bits[slot / 32] | mask : bits[slot / 32] & ~mask;
}

/* Pending interrupts of a bitmap word: what is latched, and level-sensitive lines that are high. */
static inline uint32_t gic_pending_word(const struct gic *gic, unsigned index)
{
    return gic->latched[index] | (gic->line[index] & ~gic->edge[index]);
}
