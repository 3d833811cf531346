/*
 * The state of the GIC as plain bytes. What an interrupt has - group, enable, latch, ... - is kept
 * by slot: interrupts below 32 have one slot per PE (pe * 32 + intid), SPIs follow. So a word of
 * any such bitmap is what one 32-bit register with one bit per interrupt shows. There are slots
 * for the most interrupts that a GICv2 can have; a configuration uses the first of them.
 */
#pragma once
#include "gic/gic.h"

#define GIC_BANKED_COUNT 32u /* SGIs and PPIs: a copy per PE */
#define GIC_SGI_COUNT 16u
#define GIC_WORD_MAX ((GIC_INTERRUPT_MAX + 31) / 32u) /* words of bits as one PE sees them */
#define GIC_SPI_MAX ((GIC_WORD_MAX - 1) * 32u)
#define GIC_SLOT_COUNT (PE_COUNT_MAX * GIC_BANKED_COUNT + GIC_SPI_MAX)
#define GIC_SLOT_WORDS (GIC_SLOT_COUNT / 32u)

STATE_BEGIN
/* A CPU interface: what the GICC frame of one PE keeps, or its GICV frame. */
struct gic_interface {
    uint32_t ctlr;
    /* Bit p says that an interrupt of group priority p << 3 is active and its priority has not
       been dropped yet. Of GICC by group (GICC_APR0, GICC_NSAPR0); of GICV the first (GICH_APR). */
    uint32_t active_priorities[2];
    uint8_t pmr;
    uint8_t bpr;
    uint8_t abpr;
    uint8_t reserved;
};

/* The virtual CPU interface of one PE, and what controls it. */
struct gic_virtual {
    struct gic_interface interface; /* GICV; GICH_VMCR shows the same */
    uint32_t hcr;                   /* GICH_HCR */
    uint32_t list[GIC_LIST_REGISTER_MAX];
};

struct gic {
    uint32_t ctlr; /* GICD_CTLR */
    uint16_t interrupts; /* interrupt IDs below this exist */
    uint8_t pe_count;
    uint8_t list_registers;
    uint8_t changed; /* bit per PE: its wires may differ from what was seen when this was taken */
    uint8_t reserved[7]; /* fills up to 8 bytes */

    /* Bit per slot. */
    uint32_t group[GIC_SLOT_WORDS];   /* 1: Group 1 */
    uint32_t enabled[GIC_SLOT_WORDS];
    uint32_t latched[GIC_SLOT_WORDS]; /* pending by an edge, GICD_ISPENDR or an SGI; stays until
                                         acknowledged or cleared */
    uint32_t line[GIC_SLOT_WORDS];    /* the input's level */
    uint32_t active[GIC_SLOT_WORDS];
    uint32_t edge[GIC_SLOT_WORDS];    /* 1: edge-triggered, 0: level-sensitive */

    uint8_t priority[GIC_SLOT_COUNT]; /* bits 7:3 */
    uint8_t targets[GIC_SPI_MAX];     /* of SPIs: bit per PE */
    /* For each PE and SGI: the PEs that have asked for it. An SGI's latch is set while this is
       not 0. */
    uint8_t sgi_sources[PE_COUNT_MAX][GIC_SGI_COUNT];
    struct gic_interface interface[PE_COUNT_MAX];
    struct gic_virtual virtual[PE_COUNT_MAX];
};
STATE_END

/* The bitmap word that holds interrupts 32 * word .. 32 * word + 31 as a PE sees them. */
static inline unsigned gic_word_index(unsigned pe, unsigned word)
{
    return word == 0 ? pe : PE_COUNT_MAX + word - 1;
}

static inline unsigned gic_slot(unsigned pe, unsigned intid)
{
    return gic_word_index(pe, intid / 32) * 32 + intid % 32;
}

/* How many words of bits the registers of one PE have. */
static inline unsigned gic_word_count(const struct gic *gic)
{
    return (gic->interrupts + 31u) / 32u;
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

/* The PEs, a bit each, that an interrupt may go to. With one PE every SPI is its own
   (GICD_ITARGETSR is RAZ/WI then). */
static inline unsigned gic_targets(const struct gic *gic, unsigned pe, unsigned intid)
{
    if (intid < GIC_BANKED_COUNT)
        return 1u << pe;
    return gic->pe_count == 1 ? 1u : gic->targets[intid - GIC_BANKED_COUNT];
}

/* The wires of these PEs (a bit each) may differ now. */
static inline void gic_mark(struct gic *gic, unsigned pes)
{
    gic->changed |= (uint8_t)pes;
}

static inline void gic_mark_all(struct gic *gic)
{
    gic_mark(gic, (unsigned)bits_ones(gic->pe_count));
}
