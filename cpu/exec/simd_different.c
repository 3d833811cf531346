/*
 * Advanced SIMD on integers of different sizes: long, wide and narrowing operations on three
 * registers or two and an element, vectors and scalars; polynomial multiplication. Compiled once
 * for each engine.
 *
 * DDI 0487, "Data Processing - Scalar Floating-Point and Advanced SIMD", three different and by
 * element. A long operation takes one half of its operands, the upper one with the suffix 2 (Q),
 * and gives lanes twice as wide; a narrowing one gives one half and with the suffix keeps the
 * other. size is that of the narrow lanes. A scalar is a vector of which one lane counts (simd.h).
 */
#include "cpu/exec/simd.h"

#define LANE(name, expression)                     \
    SIMD_INLINE uint64_t lane_##name(SIMD_LANE)    \
    {                                              \
        SIMD_UNUSED;                               \
        return expression;                         \
    }

#define IS_LESS_S(x, y) ((int64_t)(x) < (int64_t)(y))

/* x and y of a narrow lane, d of a wide one; bits is the width of the wide lane. */
LANE(add, x + y)
LANE(sub, x - y)
LANE(distance_s, IS_LESS_S(x, y) ? y - x : x - y)
LANE(distance_u, x < y ? y - x : x - y)
LANE(distance_add_s, d + (IS_LESS_S(x, y) ? y - x : x - y))
LANE(distance_add_u, d + (x < y ? y - x : x - y))
LANE(mul, x * y)
LANE(mla, d + x * y)
LANE(mls, d - x * y)
/* SQDMULL saturates the doubled product, the others then their sum. */
LANE(sqdmull, lane_sqadd(x * y, x * y, 0, bits, saturated))
LANE(sqdmlal, lane_sqadd(d, lane_sqadd(x * y, x * y, 0, bits, saturated), 0, bits, saturated))
LANE(sqdmlsl, lane_sqsub(d, lane_sqadd(x * y, x * y, 0, bits, saturated), 0, bits, saturated))

SIMD_INLINE uint64_t lane_pmull(SIMD_LANE)
{
    SIMD_UNUSED;
    uint64_t product = 0;
    for (unsigned i = 0; i < 8; i++)
        product ^= (x << i) & (0 - (y >> i & 1));
    return product;
}

/* ---- Kernels: r is wide, and a, of a wide operation; b is one half ---- */

#define MIXED_LOOP(lane, bits, wide, wide_bits, extend, extend_d, f, from)                      \
    for (unsigned i = 0; i < 128 / wide_bits; i++)                                              \
        r->wide[i] = (uint##wide_bits##_t)f(from, extend(bits, b->lane[i]),                     \
                                            extend_d(wide_bits, r->wide[i]), wide_bits,         \
                                            saturated);

#define MIXED(name, extend, f, from8, from16, from32)                                           \
    SIMD_INLINE void name(union vector *r, const union vector *a, const union vector *b,        \
                          unsigned size, bool *saturated)                                       \
    {                                                                                           \
        (void)saturated;                                                                        \
        switch (size) {                                                                         \
        case 0:                                                                                 \
            MIXED_LOOP(b, 8, h, 16, extend, extend, f, from8)                                   \
            break;                                                                              \
        case 1:                                                                                 \
            MIXED_LOOP(h, 16, s, 32, extend, extend, f, from16)                                 \
            break;                                                                              \
        default:                                                                                \
            MIXED_LOOP(s, 32, d, 64, extend, extend, f, from32)                                 \
            break;                                                                              \
        }                                                                                       \
    }

#define LONG_KERNEL(name, extend, f)                                          \
    MIXED(name, extend, f, extend(8, a->b[i]), extend(16, a->h[i]), extend(32, a->s[i]))
#define WIDE_KERNEL(name, extend, f)                                          \
    MIXED(name, extend, f, extend(16, a->h[i]), extend(32, a->s[i]), extend(64, a->d[i]))

/* width is that of the result: 128, or of a scalar. */
SIMD_INLINE enum step apply(struct core *c, uint32_t w, simd_kernel *kernel, unsigned size,
                            unsigned width, union vector a, union vector b)
{
    bool saturated = false;
    union vector r = simd_get(c, a64_rd(w), width);
    kernel(&r, &a, &b, size, &saturated);
    simd_put(c, a64_rd(w), width, r);
    return simd_end(c, saturated);
}

SIMD_INLINE enum step long_vector(struct core *c, uint32_t w, simd_kernel *kernel)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    unsigned half = a64_q(w);
    return apply(c, w, kernel, a64_size(w), 128, simd_get_half(c, a64_rn(w), half),
                 simd_get_half(c, a64_rm(w), half));
}

SIMD_INLINE enum step wide_vector(struct core *c, uint32_t w, simd_kernel *kernel)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    return apply(c, w, kernel, a64_size(w), 128, vreg_get(c, a64_rn(w)),
                 simd_get_half(c, a64_rm(w), a64_q(w)));
}

SIMD_INLINE enum step long_element(struct core *c, uint32_t w, simd_kernel *kernel)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    return apply(c, w, kernel, a64_size(w), 128, simd_get_half(c, a64_rn(w), a64_q(w)),
                 simd_by_element(c, w));
}

/* b: the second operand of a scalar, of which one narrow lane counts. */
SIMD_INLINE enum step long_scalar(struct core *c, uint32_t w, simd_kernel *kernel, union vector b)
{
    unsigned size = a64_size(w), width = SIMD_SCALAR(size);
    return apply(c, w, kernel, size, 2 * width, simd_get(c, a64_rn(w), width),
                 simd_cut(b, width));
}

#define LONG(NAME, extend, f)                             \
    LONG_KERNEL(lanes_##NAME, SIMD_##extend, f)           \
    enum step EXEC(NAME##_v)(struct core *c, uint32_t w)  \
    {                                                     \
        return long_vector(c, w, lanes_##NAME);           \
    }

#define WIDE(NAME, extend, f)                             \
    WIDE_KERNEL(lanes_##NAME, SIMD_##extend, f)           \
    enum step EXEC(NAME##_v)(struct core *c, uint32_t w)  \
    {                                                     \
        return wide_vector(c, w, lanes_##NAME);           \
    }

#define LONG_AND_ELEMENT(NAME, extend, f)                 \
    LONG(NAME, extend, f)                                 \
    enum step EXEC(NAME##_e)(struct core *c, uint32_t w)  \
    {                                                     \
        return long_element(c, w, lanes_##NAME);          \
    }

#define LONG_AND_SCALARS(NAME, extend, f)                                        \
    LONG_AND_ELEMENT(NAME, extend, f)                                            \
    enum step EXEC(NAME##_s)(struct core *c, uint32_t w)                         \
    {                                                                            \
        enum step step = fp_access_check(c);                                     \
        if (step != STEP_NEXT)                                                   \
            return step;                                                         \
        return long_scalar(c, w, lanes_##NAME, vreg_get(c, a64_rm(w)));          \
    }                                                                            \
    enum step EXEC(NAME##_se)(struct core *c, uint32_t w)                        \
    {                                                                            \
        enum step step = fp_access_check(c);                                     \
        if (step != STEP_NEXT)                                                   \
            return step;                                                         \
        return long_scalar(c, w, lanes_##NAME, simd_by_element(c, w));           \
    }

LONG(SADDL, S, lane_add)
LONG(UADDL, U, lane_add)
LONG(SSUBL, S, lane_sub)
LONG(USUBL, U, lane_sub)
WIDE(SADDW, S, lane_add)
WIDE(UADDW, U, lane_add)
WIDE(SSUBW, S, lane_sub)
WIDE(USUBW, U, lane_sub)
LONG(SABDL, S, lane_distance_s)
LONG(UABDL, U, lane_distance_u)
LONG(SABAL, S, lane_distance_add_s)
LONG(UABAL, U, lane_distance_add_u)
LONG_AND_ELEMENT(SMULL, S, lane_mul)
LONG_AND_ELEMENT(UMULL, U, lane_mul)
LONG_AND_ELEMENT(SMLAL, S, lane_mla)
LONG_AND_ELEMENT(UMLAL, U, lane_mla)
LONG_AND_ELEMENT(SMLSL, S, lane_mls)
LONG_AND_ELEMENT(UMLSL, U, lane_mls)
LONG_AND_SCALARS(SQDMULL, S, lane_sqdmull)
LONG_AND_SCALARS(SQDMLAL, S, lane_sqdmlal)
LONG_AND_SCALARS(SQDMLSL, S, lane_sqdmlsl)
LONG(PMULL, U, lane_pmull)

/* 64 by 64 bits: one lane of 128. */
enum step EXEC(PMULL_1q)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    uint64_t x = simd_get_half(c, a64_rn(w), a64_q(w)).d[0];
    uint64_t y = simd_get_half(c, a64_rm(w), a64_q(w)).d[0];
    unsigned __int128 multiple[16] = {0, x}, product = 0;
    for (unsigned i = 2; i < 16; i += 2) {
        multiple[i] = multiple[i / 2] << 1;
        multiple[i + 1] = multiple[i] ^ x;
    }
    for (unsigned i = 0; i < 64; i += 4) /* four bits of y at once, the highest first */
        product = product << 4 ^ multiple[y >> (60 - i) & 15];
    vreg_set128(c, a64_rd(w), (uint64_t)product, (uint64_t)(product >> 64));
    return STEP_NEXT;
}

/* ---- Narrowing: the high halves of wide sums ---- */

SIMD_INLINE enum step narrow_high(struct core *c, uint32_t w, bool subtracts, bool rounds)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    unsigned size = a64_size(w), bits = 8u << size;
    union vector a = vreg_get(c, a64_rn(w)), b = vreg_get(c, a64_rm(w)), r = {0};
    uint64_t round = rounds ? UINT64_C(1) << (bits - 1) : 0;
    for (unsigned i = 0; i < 64 / bits; i++) {
        uint64_t x = vector_lane(&a, size + 1, i), y = vector_lane(&b, size + 1, i);
        vector_set_lane(&r, size, i, ((subtracts ? x - y : x + y) + round) >> bits);
    }
    if (a64_q(w))
        vreg_set_half(c, a64_rd(w), 1, r.d[0]);
    else
        vreg_set64(c, a64_rd(w), r.d[0]);
    return STEP_NEXT;
}

#define NARROW_HIGH(name, subtracts, rounds)               \
    enum step EXEC(name)(struct core *c, uint32_t w)       \
    {                                                      \
        return narrow_high(c, w, subtracts, rounds);       \
    }

NARROW_HIGH(ADDHN_v, false, false)
NARROW_HIGH(RADDHN_v, false, true)
NARROW_HIGH(SUBHN_v, true, false)
NARROW_HIGH(RSUBHN_v, true, true)
