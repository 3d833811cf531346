/*
 * Advanced SIMD shifts by an immediate: to the right with and without rounding and accumulation,
 * to the left, into the other bits kept, saturating, narrowing and widening; vectors and scalars.
 * Compiled once for each engine.
 *
 * DDI 0487, "Advanced SIMD shift by immediate" and its scalar forms. The highest one of immh is
 * the size of the lanes, of narrow ones where there are two; immh:immb is that width plus a left
 * shift, or twice that width minus a right shift. The amount goes through the lanes as the
 * second operand (simd.h).
 */
#include "cpu/exec/simd.h"

#define LANE(name, expression)                     \
    SIMD_INLINE uint64_t lane_##name(SIMD_LANE)    \
    {                                              \
        SIMD_UNUSED;                               \
        unsigned n = (unsigned)y;                  \
        return expression;                         \
    }

LANE(sshr, lane_right_s(x, n))
LANE(ushr, lane_right_u(x, n))
LANE(srshr, lane_round_s(x, n))
LANE(urshr, lane_round_u(x, n))
LANE(ssra, d + lane_right_s(x, n))
LANE(usra, d + lane_right_u(x, n))
LANE(srsra, d + lane_round_s(x, n))
LANE(ursra, d + lane_round_u(x, n))
LANE(sri, lane_right_u(x, n) | (d & ~lane_right_u(bits_ones(bits), n)))
LANE(shl, x << n)
LANE(sli, x << n | (d & bits_ones(n)))
LANE(sqshl, lane_left_saturated_s(x, n, bits, saturated))
LANE(uqshl, lane_left_saturated_u(x, n, bits, saturated))

SIMD_INLINE uint64_t lane_sqshlu(SIMD_LANE)
{
    SIMD_UNUSED;
    if ((int64_t)x < 0) {
        *saturated = true;
        return 0;
    }
    return lane_left_saturated_u(x, (unsigned)y, bits, saturated);
}

/* log2 of the bytes of a lane: the highest one of immh. */
static inline unsigned shift_size(uint32_t w)
{
    return 31u - (unsigned)__builtin_clz(a64_immh(w));
}

static inline unsigned shift_right_amount(uint32_t w)
{
    return (16u << shift_size(w)) - (a64_immh(w) << 3 | a64_immb(w));
}

static inline unsigned shift_left_amount(uint32_t w)
{
    return (a64_immh(w) << 3 | a64_immb(w)) - (8u << shift_size(w));
}

#define VECTOR(NAME, amount)                                                     \
    enum step EXEC(NAME##_vi)(struct core *c, uint32_t w)                        \
    {                                                                            \
        return simd_with(c, w, lanes_##NAME, shift_size(w), SIMD_VECTOR(w),      \
                         shift_##amount##_amount(w));                            \
    }

#define SCALAR(NAME, amount)                                                     \
    enum step EXEC(NAME##_si)(struct core *c, uint32_t w)                        \
    {                                                                            \
        return simd_with(c, w, lanes_##NAME, shift_size(w),                      \
                         SIMD_SCALAR(shift_size(w)), shift_##amount##_amount(w)); \
    }

#define SHIFT(NAME, extend, f, amount)         \
    SIMD_LANES(lanes_##NAME, SIMD_##extend, f) \
    VECTOR(NAME, amount)                       \
    SCALAR(NAME, amount)

SHIFT(SSHR, S, lane_sshr, right)
SHIFT(USHR, U, lane_ushr, right)
SHIFT(SRSHR, S, lane_srshr, right)
SHIFT(URSHR, U, lane_urshr, right)
SHIFT(SSRA, S, lane_ssra, right)
SHIFT(USRA, U, lane_usra, right)
SHIFT(SRSRA, S, lane_srsra, right)
SHIFT(URSRA, U, lane_ursra, right)
SHIFT(SRI, U, lane_sri, right)
SHIFT(SHL, U, lane_shl, left)
SHIFT(SLI, U, lane_sli, left)
SHIFT(SQSHL, S, lane_sqshl, left)
SHIFT(UQSHL, U, lane_uqshl, left)
SHIFT(SQSHLU, S, lane_sqshlu, left)

/* ---- Narrowing ---- */

enum narrow { NARROW_CUT, NARROW_S_TO_S, NARROW_S_TO_U, NARROW_U_TO_U };

/* The lanes of a, of twice the size, shifted right by n and cut or saturated, as one half. */
SIMD_INLINE uint64_t narrow_lanes(const union vector *a, unsigned size, unsigned n, bool rounds,
                                  enum narrow how, bool *saturated)
{
    unsigned bits = 8u << size;
    union vector r = {0};
    for (unsigned i = 0; i < 64 / bits; i++) {
        uint64_t x = vector_lane(a, size + 1, i), value;
        if (how == NARROW_S_TO_S || how == NARROW_S_TO_U) {
            x = bits_sign_extend(x, 2 * bits);
            x = rounds ? lane_round_s(x, n) : lane_right_s(x, n);
        } else {
            x = rounds ? lane_round_u(x, n) : lane_right_u(x, n);
        }
        if (how == NARROW_S_TO_S)
            value = lane_saturate_s((int64_t)x, bits, saturated);
        else if (how == NARROW_CUT)
            value = x;
        else if (how == NARROW_U_TO_U && (int64_t)x < 0) /* 64 bits, shifted by none */
            value = lane_saturate_u(INT64_MAX, bits, saturated);
        else
            value = lane_saturate_u((int64_t)x, bits, saturated);
        vector_set_lane(&r, size, i, value);
    }
    return r.d[0];
}

SIMD_INLINE enum step narrow_vector(struct core *c, uint32_t w, unsigned size, unsigned n,
                                    bool rounds, enum narrow how)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    bool saturated = false;
    union vector a = vreg_get(c, a64_rn(w));
    uint64_t half = narrow_lanes(&a, size, n, rounds, how, &saturated);
    if (a64_q(w))
        vreg_set_half(c, a64_rd(w), 1, half);
    else
        vreg_set64(c, a64_rd(w), half);
    return simd_end(c, saturated);
}

SIMD_INLINE enum step narrow_scalar(struct core *c, uint32_t w, unsigned size, unsigned n,
                                    bool rounds, enum narrow how)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    bool saturated = false;
    union vector a = simd_get(c, a64_rn(w), 2 * SIMD_SCALAR(size));
    uint64_t half = narrow_lanes(&a, size, n, rounds, how, &saturated);
    vreg_set64(c, a64_rd(w), half & bits_ones(SIMD_SCALAR(size)));
    return simd_end(c, saturated);
}

#define NARROW_V(name, form, size, n, rounds, how)          \
    enum step EXEC(name)(struct core *c, uint32_t w)        \
    {                                                       \
        return narrow_##form(c, w, size, n, rounds, how);   \
    }

#define NARROW(NAME, form, rounds, how) \
    NARROW_V(NAME, form, shift_size(w), shift_right_amount(w), rounds, how)

NARROW(SHRN_v, vector, false, NARROW_CUT)
NARROW(RSHRN_v, vector, true, NARROW_CUT)
NARROW(SQSHRN_v, vector, false, NARROW_S_TO_S)
NARROW(SQRSHRN_v, vector, true, NARROW_S_TO_S)
NARROW(SQSHRUN_v, vector, false, NARROW_S_TO_U)
NARROW(SQRSHRUN_v, vector, true, NARROW_S_TO_U)
NARROW(UQSHRN_v, vector, false, NARROW_U_TO_U)
NARROW(UQRSHRN_v, vector, true, NARROW_U_TO_U)
NARROW(SQSHRN_s, scalar, false, NARROW_S_TO_S)
NARROW(SQRSHRN_s, scalar, true, NARROW_S_TO_S)
NARROW(SQSHRUN_s, scalar, false, NARROW_S_TO_U)
NARROW(SQRSHRUN_s, scalar, true, NARROW_S_TO_U)
NARROW(UQSHRN_s, scalar, false, NARROW_U_TO_U)
NARROW(UQRSHRN_s, scalar, true, NARROW_U_TO_U)

/* The same without a shift. */
NARROW_V(XTN_v, vector, a64_size(w), 0, false, NARROW_CUT)
NARROW_V(SQXTN_v, vector, a64_size(w), 0, false, NARROW_S_TO_S)
NARROW_V(SQXTUN_v, vector, a64_size(w), 0, false, NARROW_S_TO_U)
NARROW_V(UQXTN_v, vector, a64_size(w), 0, false, NARROW_U_TO_U)
NARROW_V(SQXTN_s, scalar, a64_size(w), 0, false, NARROW_S_TO_S)
NARROW_V(SQXTUN_s, scalar, a64_size(w), 0, false, NARROW_S_TO_U)
NARROW_V(UQXTN_s, scalar, a64_size(w), 0, false, NARROW_U_TO_U)

/* ---- Widening ---- */

SIMD_INLINE enum step widen(struct core *c, uint32_t w, unsigned size, unsigned n, bool is_signed)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    unsigned bits = 8u << size;
    union vector a = simd_get_half(c, a64_rn(w), a64_q(w)), r;
    for (unsigned i = 0; i < 64 / bits; i++) {
        uint64_t x = vector_lane(&a, size, i);
        vector_set_lane(&r, size + 1, i, (is_signed ? bits_sign_extend(x, bits) : x) << n);
    }
    vreg_set128(c, a64_rd(w), r.d[0], r.d[1]);
    return STEP_NEXT;
}

#define WIDEN(name, size, n, is_signed)                \
    enum step EXEC(name)(struct core *c, uint32_t w)   \
    {                                                  \
        return widen(c, w, size, n, is_signed);        \
    }

WIDEN(SSHLL_v, shift_size(w), shift_left_amount(w), true)
WIDEN(USHLL_v, shift_size(w), shift_left_amount(w), false)
WIDEN(SHLL_v, a64_size(w), 8u << a64_size(w), false)
