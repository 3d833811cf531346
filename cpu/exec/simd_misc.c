/*
 * Advanced SIMD on integers, one source: reversals, counts, long pairwise addition, absolute values
 * and negation, mixed saturating addition; and across lanes. Compiled once for each engine.
 *
 * DDI 0487, "Advanced SIMD two-register miscellaneous", "Advanced SIMD across lanes" and their
 * scalar forms. Comparisons with zero are in simd_same.c, narrowing in simd_shift.c.
 */
#include "cpu/exec/simd.h"

#define LANE(name, expression)                     \
    SIMD_INLINE uint64_t lane_##name(SIMD_LANE)    \
    {                                              \
        SIMD_UNUSED;                               \
        return expression;                         \
    }

/* The source is x; it is y, too, so that a kernel has all operands. */
#define UNARY_VECTOR(name, kernel)                                             \
    enum step EXEC(name)(struct core *c, uint32_t w)                           \
    {                                                                          \
        return simd_with(c, w, kernel, a64_size(w), SIMD_VECTOR(w), 0);        \
    }

#define UNARY_SCALAR(name, kernel)                                             \
    enum step EXEC(name)(struct core *c, uint32_t w)                           \
    {                                                                          \
        unsigned size = a64_size(w);                                           \
        return simd_with(c, w, kernel, size, SIMD_SCALAR(size), 0);            \
    }

#define UNARY(NAME, extend, f)                 \
    SIMD_LANES(lanes_##NAME, SIMD_##extend, f) \
    UNARY_VECTOR(NAME##_v, lanes_##NAME)

#define UNARY_AND_SCALAR(NAME, extend, f) \
    UNARY(NAME, extend, f)                \
    UNARY_SCALAR(NAME##_s, lanes_##NAME)

LANE(abs, (int64_t)x < 0 ? 0 - x : x)
LANE(neg, 0 - x)
LANE(sqabs, (int64_t)x < 0 ? lane_sqsub(0, x, 0, bits, saturated) : x)
LANE(sqneg, lane_sqsub(0, x, 0, bits, saturated))
/* Leading zeroes of x zero-extended, below the lane's highest bit. */
LANE(clz, x == 0 ? bits : (unsigned)__builtin_clzll(x) - (64 - bits))

/* Bits below the sign that are like it, of x sign-extended. */
SIMD_INLINE uint64_t lane_cls(SIMD_LANE)
{
    SIMD_UNUSED;
    uint64_t differing = x ^ (uint64_t)((int64_t)x >> 63);
    return (differing == 0 ? 64 : (unsigned)__builtin_clzll(differing)) - (64 - bits) - 1;
}

/* Signed d and unsigned x, to a signed lane; and the other way round. */
SIMD_INLINE uint64_t lane_suqadd(SIMD_LANE)
{
    SIMD_UNUSED;
    x &= bits_ones(bits);
    if (bits < 64)
        return lane_saturate_s((int64_t)(d + x), bits, saturated);
    uint64_t sum = d + x;
    bool is_over = (int64_t)sum < (int64_t)d; /* x can only add */
    is_over |= x >> 63 && (int64_t)d >= 0;
    *saturated |= is_over;
    return is_over ? lane_extreme(false, 64) : sum;
}

SIMD_INLINE uint64_t lane_usqadd(SIMD_LANE)
{
    SIMD_UNUSED;
    d &= bits_ones(bits);
    if (bits < 64)
        return lane_saturate_u((int64_t)(d + x), bits, saturated);
    uint64_t sum = d + x;
    bool is_negative = (int64_t)x < 0, is_over = is_negative ? sum > d : sum < d;
    *saturated |= is_over;
    return !is_over ? sum : is_negative ? 0 : UINT64_MAX;
}

UNARY_AND_SCALAR(ABS, S, lane_abs)
UNARY_AND_SCALAR(NEG, U, lane_neg)
UNARY_AND_SCALAR(SQABS, S, lane_sqabs)
UNARY_AND_SCALAR(SQNEG, S, lane_sqneg)
UNARY_AND_SCALAR(SUQADD, S, lane_suqadd)
UNARY_AND_SCALAR(USQADD, S, lane_usqadd)
UNARY(CLS, S, lane_cls)
UNARY(CLZ, U, lane_clz)

/* ---- Bits and bytes ---- */

/* f of each half. */
SIMD_INLINE enum step halves(struct core *c, uint32_t w, uint64_t (*f)(uint64_t half))
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    union vector v = vreg_get(c, a64_rn(w));
    vreg_set128(c, a64_rd(w), f(v.d[0]), a64_q(w) ? f(v.d[1]) : 0);
    return STEP_NEXT;
}

#define HALVES(name, f)                              \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        return halves(c, w, f);                      \
    }

static inline uint64_t half_not(uint64_t half)
{
    return ~half;
}

/* Ones in each byte. */
static inline uint64_t half_count(uint64_t half)
{
    half -= half >> 1 & UINT64_C(0x5555555555555555);
    half = (half & UINT64_C(0x3333333333333333)) + (half >> 2 & UINT64_C(0x3333333333333333));
    return (half + (half >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
}

/* The bits of each byte in reverse. */
static inline uint64_t half_reverse_bits(uint64_t half)
{
    const uint64_t ones = UINT64_C(0x5555555555555555), twos = UINT64_C(0x3333333333333333);
    const uint64_t fours = UINT64_C(0x0f0f0f0f0f0f0f0f);
    half = (half & ones) << 1 | (half >> 1 & ones);
    half = (half & twos) << 2 | (half >> 2 & twos);
    return (half & fours) << 4 | (half >> 4 & fours);
}

HALVES(NOT_v, half_not)
HALVES(CNT_v, half_count)
HALVES(RBIT_v, half_reverse_bits)

/* The elements of log2 bytes size within each container of so many bytes, in reverse. */
SIMD_INLINE enum step reverse(struct core *c, uint32_t w, unsigned size, unsigned container)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    union vector a = vreg_get(c, a64_rn(w)), r;
    unsigned flip = (container - 1) & ~((1u << size) - 1);
    for (unsigned i = 0; i < 16; i++)
        r.b[i] = a.b[i ^ flip];
    simd_put(c, a64_rd(w), SIMD_VECTOR(w), r);
    return STEP_NEXT;
}

#define REVERSE(name, size, container)               \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        return reverse(c, w, size, container);       \
    }

REVERSE(REV64_v, a64_size(w), 8)
REVERSE(REV32_v, a64_size(w), 4)
REVERSE(REV16_v, 0, 2)

/* ---- Neighbours ---- */

SIMD_INLINE uint64_t extended(const union vector *v, unsigned size, unsigned i, bool is_signed)
{
    uint64_t x = vector_lane(v, size, i);
    return is_signed ? bits_sign_extend(x, 8u << size) : x;
}

/* Sums of pairs in lanes twice as wide, added to what is there. */
SIMD_INLINE enum step add_pairs(struct core *c, uint32_t w, bool is_signed, bool accumulates)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    unsigned size = a64_size(w);
    union vector a = vreg_get(c, a64_rn(w)), r = {0};
    if (accumulates)
        r = vreg_get(c, a64_rd(w));
    for (unsigned i = 0; i < 8u >> size; i++) {
        uint64_t sum = extended(&a, size, 2 * i, is_signed) +
                       extended(&a, size, 2 * i + 1, is_signed);
        vector_set_lane(&r, size + 1, i, vector_lane(&r, size + 1, i) + sum);
    }
    simd_put(c, a64_rd(w), SIMD_VECTOR(w), r);
    return STEP_NEXT;
}

#define ADD_PAIRS(name, is_signed, accumulates)             \
    enum step EXEC(name)(struct core *c, uint32_t w)        \
    {                                                       \
        return add_pairs(c, w, is_signed, accumulates);     \
    }

ADD_PAIRS(SADDLP_v, true, false)
ADD_PAIRS(UADDLP_v, false, false)
ADD_PAIRS(SADALP_v, true, true)
ADD_PAIRS(UADALP_v, false, true)

/* ---- Across lanes ---- */

enum across { ACROSS_ADD, ACROSS_ADD_LONG, ACROSS_MAX, ACROSS_MIN };

SIMD_INLINE enum step across(struct core *c, uint32_t w, enum across what, bool is_signed)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    unsigned size = a64_size(w), bits = 8u << size;
    union vector a = vreg_get(c, a64_rn(w));
    uint64_t r = extended(&a, size, 0, is_signed);
    for (unsigned i = 1; i < SIMD_VECTOR(w) / bits; i++) {
        uint64_t x = extended(&a, size, i, is_signed);
        bool is_less = is_signed ? (int64_t)x < (int64_t)r : x < r;
        if (what == ACROSS_ADD || what == ACROSS_ADD_LONG)
            r += x;
        else if (what == ACROSS_MAX ? !is_less : is_less)
            r = x;
    }
    vreg_set64(c, a64_rd(w), r & bits_ones(what == ACROSS_ADD_LONG ? 2 * bits : bits));
    return STEP_NEXT;
}

#define ACROSS(name, what, is_signed)                \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        return across(c, w, what, is_signed);        \
    }

ACROSS(ADDV, ACROSS_ADD, false)
ACROSS(SADDLV, ACROSS_ADD_LONG, true)
ACROSS(UADDLV, ACROSS_ADD_LONG, false)
ACROSS(SMAXV, ACROSS_MAX, true)
ACROSS(UMAXV, ACROSS_MAX, false)
ACROSS(SMINV, ACROSS_MIN, true)
ACROSS(UMINV, ACROSS_MIN, false)
