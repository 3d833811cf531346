/*
 * Memory attributes as values: a MAIR_ELx attribute byte and a shareability. All pure.
 */
#pragma once
#include "mmu/mmu.h"

#define MEMORY_NON_CACHEABLE 0x44u
#define MEMORY_WRITE_THROUGH 0xaau /* read-allocate: fetches with stage 1 off */
#define MEMORY_WRITE_BACK 0xffu

struct attributes {
    uint8_t memory;
    uint8_t shareability;
};

static inline bool memory_is_device(uint8_t memory)
{
    return (memory & 0xf0u) == 0;
}

/* A MAIR_ELx byte and a descriptor's SH: reserved encodings made regular. S1DecodeMemAttrs. */
struct attributes attributes_stage1(uint8_t mair_byte, unsigned sh);
/* MemAttr[3:0] and SH of stage 2. S2DecodeMemAttrs. */
struct attributes attributes_stage2(unsigned mem_attr, unsigned sh);
/* Both stages together. S2CombineS1MemAttrs. */
struct attributes attributes_combine(struct attributes stage1, struct attributes stage2);
/* Descriptor reads: IRGN, ORGN and SH of a TCR. */
struct attributes attributes_walk(unsigned irgn, unsigned orgn, unsigned sh);
/* What one access sees: SCTLR_ELx.{C,I} and, unless it ends after stage 1, HCR_EL2.{CD,ID}. */
struct attributes attributes_effective(struct attributes a, const struct regime *regime,
                                       bool is_fetch, bool stage1_only);
