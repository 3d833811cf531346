/*
 * What the handlers of Advanced SIMD share: operands cut to the width of a form, operations lane
 * by lane, shifts and saturation of lanes.
 *
 * A form is a vector of 128 or 64 bits or a scalar of 64 bits or fewer: a scalar is computed as a
 * vector of which one lane counts. The other lanes are zeroes, which no operation saturates, and
 * are dropped from the result.
 *
 * An operation on a lane gets x of the first operand, y of the second, d of the destination as it
 * was, each extended to 64 bits, and the width of the lane; what it answers is cut to that.
 */
#pragma once
#include "cpu/exec/handlers.h"
#include "cpu/exec/vector.h"

#define SIMD_INLINE static inline __attribute__((always_inline))

/* The widths of forms, in bits. */
#define SIMD_VECTOR(w) (a64_q(w) ? 128u : 64u)
#define SIMD_SCALAR(size) (8u << (size))

SIMD_INLINE union vector simd_cut(union vector v, unsigned width)
{
    if (width < 128)
        v.d[1] = 0;
    if (width < 64)
        v.d[0] &= bits_ones(width);
    return v;
}

SIMD_INLINE union vector simd_get(const struct core *c, unsigned n, unsigned width)
{
    return simd_cut(vreg_get(c, n), width);
}

SIMD_INLINE void simd_put(struct core *c, unsigned n, unsigned width, union vector v)
{
    v = simd_cut(v, width);
    vreg_set128(c, n, v.d[0], v.d[1]);
}

/* The half of a register that an instruction with or without the suffix 2 takes. */
SIMD_INLINE union vector simd_get_half(const struct core *c, unsigned n, unsigned half)
{
    return (union vector){.d = {vreg_get(c, n).d[half], 0}};
}

/* Notes saturation, if there was one: FPSR.QC is sticky. */
SIMD_INLINE enum step simd_end(struct core *c, bool saturated)
{
    if (__builtin_expect(saturated, 0))
        fpsr_raise(c, (uint32_t)FPSR_QC);
    return STEP_NEXT;
}

/* An element in all lanes. */
SIMD_INLINE union vector simd_replicate(uint64_t element, unsigned size)
{
    uint64_t half = bits_replicate(element, 8u << size);
    return (union vector){.d = {half, half}};
}

/* The element of a form by element: m:rm and h:l:m, of which the size takes what it has. */
SIMD_INLINE union vector simd_by_element(const struct core *c, uint32_t w)
{
    unsigned size = a64_size(w), hl = a64_h(w) << 1 | a64_l(w);
    uint64_t element = size == 1 ? vreg_lane(c, a64_rm4(w), 1, hl << 1 | a64_m(w))
                                 : vreg_lane(c, a64_m(w) << 4 | a64_rm4(w), 2, hl);
    return simd_replicate(element, size);
}

/* ---- Lane by lane ---- */

#define SIMD_U(bits, value) ((uint64_t)(uint##bits##_t)(value))
#define SIMD_S(bits, value) ((uint64_t)(int64_t)(int##bits##_t)(value))

#define SIMD_LOOP(lane, bits, extend, f)                                                        \
    for (unsigned i = 0; i < 128 / bits; i++)                                                   \
        r->lane[i] = (uint##bits##_t)f(extend(bits, a->lane[i]), extend(bits, b->lane[i]),      \
                                       extend(bits, r->lane[i]), bits, saturated);

/* NAME(r, a, b, size, saturated): f on all lanes, whatever the width of the form. */
#define SIMD_LANES(name, extend, f)                                                             \
    SIMD_INLINE void name(union vector *r, const union vector *a, const union vector *b,        \
                          unsigned size, bool *saturated)                                       \
    {                                                                                           \
        (void)saturated;                                                                        \
        switch (size) {                                                                         \
        case 0:                                                                                 \
            SIMD_LOOP(b, 8, extend, f)                                                          \
            break;                                                                              \
        case 1:                                                                                 \
            SIMD_LOOP(h, 16, extend, f)                                                         \
            break;                                                                              \
        case 2:                                                                                 \
            SIMD_LOOP(s, 32, extend, f)                                                         \
            break;                                                                              \
        default:                                                                                \
            SIMD_LOOP(d, 64, extend, f)                                                         \
            break;                                                                              \
        }                                                                                       \
    }

/* The parameters of an operation on a lane, for those that do not use them all. */
#define SIMD_LANE uint64_t x, uint64_t y, uint64_t d, unsigned bits, bool *saturated
#define SIMD_UNUSED (void)x, (void)y, (void)d, (void)bits, (void)saturated

typedef void simd_kernel(union vector *r, const union vector *a, const union vector *b,
                         unsigned size, bool *saturated);

/* A kernel with b made already; lanes of it that do not count meet zeroes. */
SIMD_INLINE enum step simd_apply(struct core *c, uint32_t w, simd_kernel *kernel, unsigned size,
                                 unsigned width, union vector b)
{
    bool saturated = false;
    union vector a = simd_get(c, a64_rn(w), width), r = simd_get(c, a64_rd(w), width);
    kernel(&r, &a, &b, size, &saturated);
    simd_put(c, a64_rd(w), width, r);
    return simd_end(c, saturated);
}

/* Three registers of the same size. */
SIMD_INLINE enum step simd_same(struct core *c, uint32_t w, simd_kernel *kernel, unsigned size,
                                unsigned width)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    return simd_apply(c, w, kernel, size, width, simd_get(c, a64_rm(w), width));
}

/* Two registers and an element. */
SIMD_INLINE enum step simd_element(struct core *c, uint32_t w, simd_kernel *kernel, unsigned width)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    return simd_apply(c, w, kernel, a64_size(w), width, simd_by_element(c, w));
}

/* Two registers, and a value in all lanes: a comparison with zero, a shift by an immediate. */
SIMD_INLINE enum step simd_with(struct core *c, uint32_t w, simd_kernel *kernel, unsigned size,
                                unsigned width, uint64_t value)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    return simd_apply(c, w, kernel, size, width, simd_replicate(value, size));
}

/* ---- Saturation and shifts of lanes ---- */

/* SignedSatQ() of what fits 64 bits. */
SIMD_INLINE uint64_t lane_saturate_s(int64_t value, unsigned bits, bool *saturated)
{
    int64_t max = (int64_t)bits_ones(bits - 1), min = -max - 1;
    bool is_over = value > max, is_under = value < min;
    *saturated |= is_over | is_under;
    return (uint64_t)(is_over ? max : is_under ? min : value);
}

/* UnsignedSatQ() of what fits 64 bits with sign; bits < 64. */
SIMD_INLINE uint64_t lane_saturate_u(int64_t value, unsigned bits, bool *saturated)
{
    int64_t max = (int64_t)bits_ones(bits);
    bool is_over = value > max, is_under = value < 0;
    *saturated |= is_over | is_under;
    return (uint64_t)(is_over ? max : is_under ? 0 : value);
}

/* The most positive value, or the most negative one. */
SIMD_INLINE uint64_t lane_extreme(bool is_negative, unsigned bits)
{
    return is_negative ? ~bits_ones(bits - 1) : bits_ones(bits - 1);
}

SIMD_INLINE uint64_t lane_sqadd(SIMD_LANE)
{
    SIMD_UNUSED;
    int64_t sum;
    if (bits < 64)
        return lane_saturate_s((int64_t)(x + y), bits, saturated);
    if (!__builtin_add_overflow((int64_t)x, (int64_t)y, &sum))
        return (uint64_t)sum;
    *saturated = true;
    return lane_extreme((int64_t)x < 0, 64);
}

SIMD_INLINE uint64_t lane_sqsub(SIMD_LANE)
{
    SIMD_UNUSED;
    int64_t difference;
    if (bits < 64)
        return lane_saturate_s((int64_t)(x - y), bits, saturated);
    if (!__builtin_sub_overflow((int64_t)x, (int64_t)y, &difference))
        return (uint64_t)difference;
    *saturated = true;
    return lane_extreme((int64_t)x < 0, 64);
}

/* x >> n without limit of width; n from 0, x sign-extended. */
SIMD_INLINE uint64_t lane_right_s(uint64_t x, unsigned n)
{
    return (uint64_t)((int64_t)x >> (n < 64 ? n : 63));
}

SIMD_INLINE uint64_t lane_right_u(uint64_t x, unsigned n)
{
    return n < 64 ? x >> n : 0;
}

/* (x + (1 << (n - 1))) >> n without limit of width; n from 1. */
SIMD_INLINE uint64_t lane_round_s(uint64_t x, unsigned n)
{
    return n < 64 ? lane_right_s(x, n) + (x >> (n - 1) & 1) : 0;
}

SIMD_INLINE uint64_t lane_round_u(uint64_t x, unsigned n)
{
    return n > 64 ? 0 : lane_right_u(x, n) + (x >> (n - 1) & 1);
}

SIMD_INLINE uint64_t lane_left(uint64_t x, unsigned n)
{
    return n < 64 ? x << n : 0;
}

/* x << n, saturated to a signed or unsigned lane. */
SIMD_INLINE uint64_t lane_left_saturated_s(uint64_t x, unsigned n, unsigned bits, bool *saturated)
{
    bool fits = n < bits && (uint64_t)((int64_t)(x << (64 - bits + n)) >> (64 - bits + n)) == x;
    if (fits || x == 0)
        return lane_left(x, n);
    *saturated = true;
    return lane_extreme((int64_t)x < 0, bits);
}

SIMD_INLINE uint64_t lane_left_saturated_u(uint64_t x, unsigned n, unsigned bits, bool *saturated)
{
    bool fits = n < bits && (n == 0 || x >> (bits - n) == 0);
    if (fits || x == 0)
        return lane_left(x, n);
    *saturated = true;
    return bits_ones(bits);
}
