/*
 * Bit arithmetic that several instructions share, as pure functions; the names in comments are
 * those of the manual's pseudocode.
 */
#pragma once
#include "sim/base/base.h"

/* ROR() of a value of width bits (a power of two up to 64), amount < width. */
static inline uint64_t bits_rotate_right(uint64_t value, unsigned amount, unsigned width)
{
    uint64_t mask = bits_ones(width);
    value &= mask;
    if (amount == 0)
        return value;
    return (value >> amount | value << (width - amount)) & mask;
}

/* Replicate(): an element of width bits (a power of two), over 64 bits. */
static inline uint64_t bits_replicate(uint64_t element, unsigned width)
{
    for (; width < 64; width *= 2)
        element |= element << width;
    return element;
}

/*
 * wmask of DecodeBitMasks() for a logical immediate, over 64 bits; n, immr and imms are such as
 * the decoder lets through (a reserved combination is unallocated).
 */
static inline uint64_t bits_logical_mask(unsigned n, unsigned immr, unsigned imms)
{
    unsigned combined = n << 6 | (~imms & 0x3fu);
    unsigned width = 1u << (31 - __builtin_clz(combined | 1u));
    unsigned ones = (imms & (width - 1)) + 1;
    uint64_t element = bits_rotate_right(bits_ones(ones), immr & (width - 1), width);
    return bits_replicate(element, width);
}

/* 64 bits, a byte of ones for each one of imm8. */
static inline uint64_t bits_byte_mask(unsigned imm8)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < 8; i++)
        mask |= (uint64_t)(imm8 >> i & 1) << 8 * i;
    return mask * 0xff;
}

/* AddWithCarry() at 64 or 32 bits; *nzcv in bits 31:28. */
static inline uint64_t add_with_carry(uint64_t x, uint64_t y, bool carry, bool sf, uint32_t *nzcv)
{
    unsigned top = sf ? 63 : 31;
    uint64_t mask = bits_ones(top + 1);
    uint64_t result = (x + y + carry) & mask;
    x &= mask;
    y &= mask;
    bool carries = carry ? result <= x : result < x;
    bool overflows = (~(x ^ y) & (x ^ result)) >> top & 1u;
    *nzcv = (uint32_t)(result >> top & 1u) << 31 | (uint32_t)(result == 0) << 30 |
            (uint32_t)carries << 29 | (uint32_t)overflows << 28;
    return result;
}

/* The flags of a logical operation: C and V are cleared. */
static inline uint32_t flags_of_result(uint64_t result, bool sf)
{
    bool negative = result >> (sf ? 63 : 31) & 1u;
    bool is_zero = (sf ? result : (uint32_t)result) == 0;
    return (uint32_t)negative << 31 | (uint32_t)is_zero << 30;
}

/* ShiftReg()'s four shifts at 64 or 32 bits: LSL, LSR, ASR, ROR; amount is below the width. */
static inline uint64_t bits_shift(uint64_t value, unsigned type, unsigned amount, bool sf)
{
    unsigned width = sf ? 64 : 32;
    uint64_t mask = bits_ones(width);
    value &= mask;
    switch (type & 3u) {
    case 0:
        return (value << amount) & mask;
    case 1:
        return value >> amount;
    case 2:
        return (uint64_t)((int64_t)bits_sign_extend(value, width) >> amount) & mask;
    default:
        return bits_rotate_right(value, amount, width);
    }
}

/* ExtendReg(): option is UXTB..SXTX, then shifted left by amount, over 64 bits. */
static inline uint64_t bits_extend(uint64_t value, unsigned option, unsigned amount)
{
    unsigned width = 8u << (option & 3u);
    value = option & 4u ? bits_sign_extend(value, width) : value & bits_ones(width);
    return value << amount;
}

/* ConditionHolds() with NZCV in bits 31:28: for each condition the set of NZCV where it holds. */
static inline bool condition_holds(uint32_t nzcv, unsigned cond)
{
    static const uint16_t holds[8] = {
        0xf0f0, /* EQ: Z */
        0xcccc, /* CS: C */
        0xff00, /* MI: N */
        0xaaaa, /* VS: V */
        0x0c0c, /* HI: C and not Z */
        0xaa55, /* GE: N = V */
        0x0a05, /* GT: N = V and not Z */
        0xffff, /* AL, and NV that means the same */
    };
    bool is_inverse = (cond & 1u) && cond != 15;
    return ((uint32_t)holds[cond >> 1 & 7u] >> (nzcv >> 28) & 1u) != is_inverse;
}
