/*
 * Data processing with an immediate: ADR, add and subtract, logical, move wide, bit fields and
 * extract. Compiled once for each engine.
 *
 * DDI 0487, "Data Processing -- Immediate"; AddWithCarry, DecodeBitMasks. Nothing of Armv8.0 is
 * left out; reserved immediates are unallocated by a64.decode and never come here.
 */
#include "cpu/exec/handlers.h"

/* ---- PC-relative addresses ---- */

static uint64_t immediate_pc(uint32_t w)
{
    return bits_sign_extend((uint64_t)a64_immhi(w) << 2 | a64_immlo(w), 21);
}

enum step EXEC(ADR)(struct core *c, uint32_t w)
{
    reg_set(c, a64_rd(w), true, c->cpu->pc + immediate_pc(w));
    return STEP_NEXT;
}

enum step EXEC(ADRP)(struct core *c, uint32_t w)
{
    uint64_t page = align_down(c->cpu->pc, UINT64_C(4096));
    reg_set(c, a64_rd(w), true, page + (immediate_pc(w) << 12));
    return STEP_NEXT;
}

/* ---- Add and subtract ---- */

static uint64_t immediate_add(uint32_t w)
{
    return (uint64_t)a64_imm12(w) << (a64_sh(w) ? 12 : 0);
}

enum step EXEC(ADD_imm)(struct core *c, uint32_t w)
{
    bool sf = a64_sf(w);
    reg_set_sp(c, a64_rd(w), sf, reg_get_sp(c, a64_rn(w), sf) + immediate_add(w));
    return STEP_NEXT;
}

enum step EXEC(SUB_imm)(struct core *c, uint32_t w)
{
    bool sf = a64_sf(w);
    reg_set_sp(c, a64_rd(w), sf, reg_get_sp(c, a64_rn(w), sf) - immediate_add(w));
    return STEP_NEXT;
}

enum step EXEC(ADDS_imm)(struct core *c, uint32_t w)
{
    bool sf = a64_sf(w);
    uint64_t x = reg_get_sp(c, a64_rn(w), sf);
    reg_set(c, a64_rd(w), sf, add_with_carry(x, immediate_add(w), false, sf, &c->cpu->nzcv));
    return STEP_NEXT;
}

enum step EXEC(SUBS_imm)(struct core *c, uint32_t w)
{
    bool sf = a64_sf(w);
    uint64_t x = reg_get_sp(c, a64_rn(w), sf);
    reg_set(c, a64_rd(w), sf, add_with_carry(x, ~immediate_add(w), true, sf, &c->cpu->nzcv));
    return STEP_NEXT;
}

/* ---- Logical ---- */

static uint64_t immediate_mask(uint32_t w)
{
    return bits_logical_mask(a64_n(w), a64_immr(w), a64_imms(w));
}

enum step EXEC(AND_imm)(struct core *c, uint32_t w)
{
    reg_set_sp(c, a64_rd(w), a64_sf(w), reg_x(c, a64_rn(w)) & immediate_mask(w));
    return STEP_NEXT;
}

enum step EXEC(ORR_imm)(struct core *c, uint32_t w)
{
    reg_set_sp(c, a64_rd(w), a64_sf(w), reg_x(c, a64_rn(w)) | immediate_mask(w));
    return STEP_NEXT;
}

enum step EXEC(EOR_imm)(struct core *c, uint32_t w)
{
    reg_set_sp(c, a64_rd(w), a64_sf(w), reg_x(c, a64_rn(w)) ^ immediate_mask(w));
    return STEP_NEXT;
}

enum step EXEC(ANDS_imm)(struct core *c, uint32_t w)
{
    bool sf = a64_sf(w);
    uint64_t result = reg_x(c, a64_rn(w)) & immediate_mask(w);
    c->cpu->nzcv = flags_of_result(result, sf);
    reg_set(c, a64_rd(w), sf, result);
    return STEP_NEXT;
}

/* ---- Move wide ---- */

enum step EXEC(MOVZ)(struct core *c, uint32_t w)
{
    reg_set(c, a64_rd(w), a64_sf(w), (uint64_t)a64_imm16(w) << (16 * a64_hw(w)));
    return STEP_NEXT;
}

enum step EXEC(MOVN)(struct core *c, uint32_t w)
{
    reg_set(c, a64_rd(w), a64_sf(w), ~((uint64_t)a64_imm16(w) << (16 * a64_hw(w))));
    return STEP_NEXT;
}

enum step EXEC(MOVK)(struct core *c, uint32_t w)
{
    unsigned shift = 16 * a64_hw(w);
    uint64_t kept = reg_x(c, a64_rd(w)) & ~(UINT64_C(0xffff) << shift);
    reg_set(c, a64_rd(w), a64_sf(w), kept | (uint64_t)a64_imm16(w) << shift);
    return STEP_NEXT;
}

/* ---- Bit fields ---- */

/* Where SBFM, BFM and UBFM take bits from and put them: length bits from `from` to `to`. */
struct bitfield {
    unsigned from, to, length;
};

static struct bitfield bitfield_of(uint32_t w)
{
    unsigned r = a64_immr(w), s = a64_imms(w), width = a64_sf(w) ? 64 : 32;
    if (s >= r)
        return (struct bitfield){.from = r, .to = 0, .length = s - r + 1};
    return (struct bitfield){.from = 0, .to = width - r, .length = s + 1};
}

enum step EXEC(SBFM)(struct core *c, uint32_t w)
{
    struct bitfield f = bitfield_of(w);
    uint64_t field = bits_sign_extend(reg_x(c, a64_rn(w)) >> f.from, f.length);
    reg_set(c, a64_rd(w), a64_sf(w), field << f.to);
    return STEP_NEXT;
}

enum step EXEC(UBFM)(struct core *c, uint32_t w)
{
    struct bitfield f = bitfield_of(w);
    uint64_t field = reg_x(c, a64_rn(w)) >> f.from & bits_ones(f.length);
    reg_set(c, a64_rd(w), a64_sf(w), field << f.to);
    return STEP_NEXT;
}

enum step EXEC(BFM)(struct core *c, uint32_t w)
{
    struct bitfield f = bitfield_of(w);
    uint64_t mask = bits_ones(f.length);
    uint64_t field = reg_x(c, a64_rn(w)) >> f.from & mask;
    uint64_t kept = reg_x(c, a64_rd(w)) & ~(mask << f.to);
    reg_set(c, a64_rd(w), a64_sf(w), kept | field << f.to);
    return STEP_NEXT;
}

enum step EXEC(EXTR)(struct core *c, uint32_t w)
{
    bool sf = a64_sf(w);
    unsigned lsb = a64_imms(w), width = sf ? 64 : 32;
    uint64_t high = reg_get(c, a64_rn(w), sf), low = reg_get(c, a64_rm(w), sf);
    reg_set(c, a64_rd(w), sf, lsb == 0 ? low : low >> lsb | high << (width - lsb));
    return STEP_NEXT;
}
