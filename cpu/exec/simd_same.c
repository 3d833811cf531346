/*
 * Advanced SIMD on integers, three registers of the same size: arithmetic, comparison, shifts by
 * register, multiplication also by element, logic; vectors and scalars. Compiled once for each
 * engine.
 *
 * DDI 0487, "Data Processing - Scalar Floating-Point and Advanced SIMD"; SatQ(), PolynomialMult().
 * Each operation is an expression on one lane (simd.h), and each row names the widths of its form.
 * A pairwise operation is the same on the even and the odd lanes of both operands.
 */
#include "cpu/exec/simd.h"

#define LANE(name, expression)                     \
    SIMD_INLINE uint64_t lane_##name(SIMD_LANE)    \
    {                                              \
        SIMD_UNUSED;                               \
        return expression;                         \
    }

#define ALL_IF(condition) ((condition) ? UINT64_MAX : 0)
#define IS_LESS_S(x, y) ((int64_t)(x) < (int64_t)(y))

/* ---- Operations on a lane ---- */

LANE(add, x + y)
LANE(sub, x - y)
/* Of lanes up to 32 bits, so that nothing is lost. */
LANE(half_add, (uint64_t)((int64_t)(x + y) >> 1))
LANE(half_add_round, (uint64_t)((int64_t)(x + y + 1) >> 1))
LANE(half_sub, (uint64_t)((int64_t)(x - y) >> 1))
LANE(greater_s, ALL_IF(IS_LESS_S(y, x)))
LANE(greater_u, ALL_IF(y < x))
LANE(at_least_s, ALL_IF(!IS_LESS_S(x, y)))
LANE(at_least_u, ALL_IF(x >= y))
LANE(test, ALL_IF((x & y) != 0))
LANE(equal, ALL_IF(x == y))
LANE(less_s, ALL_IF(IS_LESS_S(x, y)))
LANE(at_most_s, ALL_IF(!IS_LESS_S(y, x)))
LANE(max_s, IS_LESS_S(x, y) ? y : x)
LANE(max_u, x < y ? y : x)
LANE(min_s, IS_LESS_S(x, y) ? x : y)
LANE(min_u, x < y ? x : y)
LANE(distance_s, IS_LESS_S(x, y) ? y - x : x - y)
LANE(distance_u, x < y ? y - x : x - y)
LANE(distance_add_s, d + (IS_LESS_S(x, y) ? y - x : x - y))
LANE(distance_add_u, d + (x < y ? y - x : x - y))
LANE(mul, x * y)
LANE(mla, d + x * y)
LANE(mls, d - x * y)

SIMD_INLINE uint64_t lane_uqadd(SIMD_LANE)
{
    SIMD_UNUSED;
    uint64_t sum = x + y;
    bool is_over = bits < 64 ? sum > bits_ones(bits) : sum < x;
    *saturated |= is_over;
    return is_over ? UINT64_MAX : sum;
}

SIMD_INLINE uint64_t lane_uqsub(SIMD_LANE)
{
    SIMD_UNUSED;
    *saturated |= x < y;
    return x < y ? 0 : x - y;
}

SIMD_INLINE uint64_t lane_pmul(SIMD_LANE)
{
    SIMD_UNUSED;
    uint64_t product = 0;
    for (unsigned i = 0; i < 8; i++)
        product ^= (x << i) & (0 - (y >> i & 1));
    return product;
}

/* The shift by register is the signed low byte of y: left, or right if negative. */
SIMD_INLINE uint64_t lane_sshl(SIMD_LANE)
{
    SIMD_UNUSED;
    int n = (int8_t)y;
    return n >= 0 ? lane_left(x, (unsigned)n) : lane_right_s(x, (unsigned)-n);
}

SIMD_INLINE uint64_t lane_ushl(SIMD_LANE)
{
    SIMD_UNUSED;
    int n = (int8_t)y;
    return n >= 0 ? lane_left(x, (unsigned)n) : lane_right_u(x, (unsigned)-n);
}

SIMD_INLINE uint64_t lane_srshl(SIMD_LANE)
{
    SIMD_UNUSED;
    int n = (int8_t)y;
    return n >= 0 ? lane_left(x, (unsigned)n) : lane_round_s(x, (unsigned)-n);
}

SIMD_INLINE uint64_t lane_urshl(SIMD_LANE)
{
    SIMD_UNUSED;
    int n = (int8_t)y;
    return n >= 0 ? lane_left(x, (unsigned)n) : lane_round_u(x, (unsigned)-n);
}

SIMD_INLINE uint64_t lane_sqshl(SIMD_LANE)
{
    SIMD_UNUSED;
    int n = (int8_t)y;
    return n >= 0 ? lane_left_saturated_s(x, (unsigned)n, bits, saturated)
                  : lane_right_s(x, (unsigned)-n);
}

SIMD_INLINE uint64_t lane_uqshl(SIMD_LANE)
{
    SIMD_UNUSED;
    int n = (int8_t)y;
    return n >= 0 ? lane_left_saturated_u(x, (unsigned)n, bits, saturated)
                  : lane_right_u(x, (unsigned)-n);
}

SIMD_INLINE uint64_t lane_sqrshl(SIMD_LANE)
{
    SIMD_UNUSED;
    int n = (int8_t)y;
    return n >= 0 ? lane_left_saturated_s(x, (unsigned)n, bits, saturated)
                  : lane_round_s(x, (unsigned)-n);
}

SIMD_INLINE uint64_t lane_uqrshl(SIMD_LANE)
{
    SIMD_UNUSED;
    int n = (int8_t)y;
    return n >= 0 ? lane_left_saturated_u(x, (unsigned)n, bits, saturated)
                  : lane_round_u(x, (unsigned)-n);
}

/* The high half of 2xy, plus d as that half, all halved to fit; lanes of 16 and 32 bits. */
SIMD_INLINE uint64_t lane_doubling(uint64_t d, uint64_t product, uint64_t round, unsigned bits,
                                   bool *saturated)
{
    int64_t sum = (int64_t)((d << (bits - 1)) + product + round);
    return lane_saturate_s(sum >> (bits - 1), bits, saturated);
}

LANE(sqdmulh, lane_doubling(0, x * y, 0, bits, saturated))
LANE(sqrdmulh, lane_doubling(0, x * y, UINT64_C(1) << (bits - 2), bits, saturated))
LANE(sqrdmlah, lane_doubling(d, x * y, UINT64_C(1) << (bits - 2), bits, saturated))
LANE(sqrdmlsh, lane_doubling(d, 0 - x * y, UINT64_C(1) << (bits - 2), bits, saturated))

/* ---- Rows ---- */

#define VECTOR(name, kernel)                                                   \
    enum step EXEC(name)(struct core *c, uint32_t w)                           \
    {                                                                          \
        return simd_same(c, w, kernel, a64_size(w), SIMD_VECTOR(w));           \
    }

#define SCALAR(name, kernel)                                                   \
    enum step EXEC(name)(struct core *c, uint32_t w)                           \
    {                                                                          \
        return simd_same(c, w, kernel, a64_size(w), SIMD_SCALAR(a64_size(w))); \
    }

#define SAME(NAME, extend, f)                  \
    SIMD_LANES(lanes_##NAME, SIMD_##extend, f) \
    VECTOR(NAME##_v, lanes_##NAME)

#define SAME_AND_SCALAR(NAME, extend, f) \
    SAME(NAME, extend, f)                \
    SCALAR(NAME##_s, lanes_##NAME)

SAME(SHADD, S, lane_half_add)
SAME(UHADD, U, lane_half_add)
SAME(SRHADD, S, lane_half_add_round)
SAME(URHADD, U, lane_half_add_round)
SAME(SHSUB, S, lane_half_sub)
SAME(UHSUB, U, lane_half_sub)
SAME_AND_SCALAR(SQADD, S, lane_sqadd)
SAME_AND_SCALAR(UQADD, U, lane_uqadd)
SAME_AND_SCALAR(SQSUB, S, lane_sqsub)
SAME_AND_SCALAR(UQSUB, U, lane_uqsub)
SAME_AND_SCALAR(CMGT, S, lane_greater_s)
SAME_AND_SCALAR(CMHI, U, lane_greater_u)
SAME_AND_SCALAR(CMGE, S, lane_at_least_s)
SAME_AND_SCALAR(CMHS, U, lane_at_least_u)
SAME_AND_SCALAR(CMTST, U, lane_test)
SAME_AND_SCALAR(CMEQ, U, lane_equal)
SAME_AND_SCALAR(SSHL, S, lane_sshl)
SAME_AND_SCALAR(USHL, U, lane_ushl)
SAME_AND_SCALAR(SRSHL, S, lane_srshl)
SAME_AND_SCALAR(URSHL, U, lane_urshl)
SAME_AND_SCALAR(SQSHL, S, lane_sqshl)
SAME_AND_SCALAR(UQSHL, U, lane_uqshl)
SAME_AND_SCALAR(SQRSHL, S, lane_sqrshl)
SAME_AND_SCALAR(UQRSHL, U, lane_uqrshl)
SAME(SMAX, S, lane_max_s)
SAME(UMAX, U, lane_max_u)
SAME(SMIN, S, lane_min_s)
SAME(UMIN, U, lane_min_u)
SAME(SABD, S, lane_distance_s)
SAME(UABD, U, lane_distance_u)
SAME(SABA, S, lane_distance_add_s)
SAME(UABA, U, lane_distance_add_u)
SAME_AND_SCALAR(ADD, U, lane_add)
SAME_AND_SCALAR(SUB, U, lane_sub)
SAME(MUL, U, lane_mul)
SAME(MLA, U, lane_mla)
SAME(MLS, U, lane_mls)
SAME_AND_SCALAR(SQDMULH, S, lane_sqdmulh)
SAME_AND_SCALAR(SQRDMULH, S, lane_sqrdmulh)
SAME_AND_SCALAR(SQRDMLAH, S, lane_sqrdmlah)
SAME_AND_SCALAR(SQRDMLSH, S, lane_sqrdmlsh)

SIMD_LANES(lanes_PMUL, SIMD_U, lane_pmul)

enum step EXEC(PMUL_v)(struct core *c, uint32_t w)
{
    return simd_same(c, w, lanes_PMUL, 0, SIMD_VECTOR(w));
}

/* ---- By element ---- */

#define ELEMENT(NAME)                                                       \
    enum step EXEC(NAME##_e)(struct core *c, uint32_t w)                    \
    {                                                                       \
        return simd_element(c, w, lanes_##NAME, SIMD_VECTOR(w));            \
    }

#define ELEMENT_AND_SCALAR(NAME)                                            \
    ELEMENT(NAME)                                                           \
    enum step EXEC(NAME##_se)(struct core *c, uint32_t w)                   \
    {                                                                       \
        return simd_element(c, w, lanes_##NAME, SIMD_SCALAR(a64_size(w)));  \
    }

ELEMENT(MUL)
ELEMENT(MLA)
ELEMENT(MLS)
ELEMENT_AND_SCALAR(SQDMULH)
ELEMENT_AND_SCALAR(SQRDMULH)
ELEMENT_AND_SCALAR(SQRDMLAH)
ELEMENT_AND_SCALAR(SQRDMLSH)

/* ---- Comparisons with zero ---- */

SIMD_LANES(lanes_CMLT, SIMD_S, lane_less_s)
SIMD_LANES(lanes_CMLE, SIMD_S, lane_at_most_s)

#define WITH_ZERO(NAME)                                                      \
    enum step EXEC(NAME##_0v)(struct core *c, uint32_t w)                    \
    {                                                                        \
        return simd_with(c, w, lanes_##NAME, a64_size(w), SIMD_VECTOR(w), 0); \
    }                                                                        \
    enum step EXEC(NAME##_0s)(struct core *c, uint32_t w)                    \
    {                                                                        \
        return simd_with(c, w, lanes_##NAME, 3, 64, 0);                      \
    }

WITH_ZERO(CMGT)
WITH_ZERO(CMGE)
WITH_ZERO(CMEQ)
WITH_ZERO(CMLT)
WITH_ZERO(CMLE)

/* ---- Pairwise ---- */

SIMD_INLINE enum step pairwise(struct core *c, uint32_t w, simd_kernel *kernel)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    unsigned size = a64_size(w), half = (SIMD_VECTOR(w) / 16) >> size;
    union vector first = vreg_get(c, a64_rn(w)), second = vreg_get(c, a64_rm(w));
    union vector even = {0}, odd = {0}, r = {0};
    bool saturated = false;
    for (unsigned i = 0; i < half; i++) {
        vector_set_lane(&even, size, i, vector_lane(&first, size, 2 * i));
        vector_set_lane(&odd, size, i, vector_lane(&first, size, 2 * i + 1));
        vector_set_lane(&even, size, half + i, vector_lane(&second, size, 2 * i));
        vector_set_lane(&odd, size, half + i, vector_lane(&second, size, 2 * i + 1));
    }
    kernel(&r, &even, &odd, size, &saturated);
    simd_put(c, a64_rd(w), SIMD_VECTOR(w), r);
    return STEP_NEXT;
}

#define PAIRWISE(name, kernel)                       \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        return pairwise(c, w, kernel);               \
    }

PAIRWISE(ADDP_v, lanes_ADD)
PAIRWISE(SMAXP_v, lanes_SMAX)
PAIRWISE(UMAXP_v, lanes_UMAX)
PAIRWISE(SMINP_v, lanes_SMIN)
PAIRWISE(UMINP_v, lanes_UMIN)

enum step EXEC(ADDP_s)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    union vector v = vreg_get(c, a64_rn(w));
    vreg_set64(c, a64_rd(w), v.d[0] + v.d[1]);
    return STEP_NEXT;
}

/* ---- Logic, on halves ---- */

#define LOGIC(name, expression)                                                   \
    enum step EXEC(name)(struct core *c, uint32_t w)                              \
    {                                                                             \
        enum step step = fp_access_check(c);                                      \
        if (step != STEP_NEXT)                                                    \
            return step;                                                          \
        const uint64_t *n = c->cpu->v[a64_rn(w)], *m = c->cpu->v[a64_rm(w)];      \
        const uint64_t *old = c->cpu->v[a64_rd(w)];                               \
        uint64_t r[2];                                                            \
        for (unsigned i = 0; i < 2; i++) {                                        \
            uint64_t x = n[i], y = m[i], d = old[i];                              \
            (void)d;                                                              \
            r[i] = expression;                                                    \
        }                                                                         \
        vreg_set128(c, a64_rd(w), r[0], a64_q(w) ? r[1] : 0);                     \
        return STEP_NEXT;                                                         \
    }

LOGIC(AND_v, x & y)
LOGIC(BIC_v, x & ~y)
LOGIC(ORR_v, x | y)
LOGIC(ORN_v, x | ~y)
LOGIC(EOR_v, x ^ y)
LOGIC(BSL_v, (d & x) | (~d & y))
LOGIC(BIT_v, (y & x) | (~y & d))
LOGIC(BIF_v, (~y & x) | (y & d))
