/*
 * Hot forms of floating-point arithmetic: single and double precision, scalars and vectors, where
 * the host's own arithmetic surely gives the result and raises no more than FPSR has already
 * (fp_host.h). Everything else - a NaN, a result near the denormal numbers, the first inexact one
 * - is computed by the handler of the row, in its place.
 *
 * Not here: other rounding modes than to nearest, flush-to-zero, scalars by element, division of
 * vectors, minimum and maximum, conversions.
 *
 * DDI 0487, "Data Processing -- Scalar Floating-Point and Advanced SIMD"; FPMulAdd() and its like.
 */
#include "cpu/fp/fp_host.h"
#include "cpu/hot/vector.h"

/*
 * Fused multiply-add is one instruction of hosts that have it, and a slow function elsewhere.
 * Forms that need it are compiled for such a host, and taken only there.
 */
#if defined(__x86_64__) && !defined(__FMA__)
#define FUSED __attribute__((target("fma")))
#define FUSED_IS_THERE __builtin_cpu_supports("fma")
#else
#define FUSED
#if defined(__FP_FAST_FMA)
#define FUSED_IS_THERE true
#else
#define FUSED_IS_THERE false
#endif
#endif

#define HOT_FUSED(name)                                                                         \
    FUSED void hot_##name(HOT_ARGUMENTS);                                                       \
    FUSED void hot_##name(HOT_ARGUMENTS)

/* Lanes as they are in registers. */
#define LANE_d(n, i) hot_v(x, n)[i]
#define LANE_s(n, i) ((uint32_t)(hot_v(x, n)[(i) / 2u] >> (i) % 2u * 32u))
#define SIGN_d (UINT64_C(1) << 63)
#define SIGN_s (UINT64_C(1) << 31)

/* An operation on lane i of two or three registers, to r[i]; whether the host's is good. */
#define ADD_d(i, b) fp_host_add64(LANE_d(s->rn, i), b, 0, &after, &r[i])
#define ADD_s(i, b) fp_host_add32(LANE_s(s->rn, i), b, 0, &after, &r[i])
#define SUB_d(i, b) fp_host_add64(LANE_d(s->rn, i), (b) ^ SIGN_d, 0, &after, &r[i])
#define SUB_s(i, b) fp_host_add32(LANE_s(s->rn, i), (b) ^ SIGN_s, 0, &after, &r[i])
#define MUL_d(i, b) fp_host_mul64(LANE_d(s->rn, i), b, 0, &after, &r[i])
#define MUL_s(i, b) fp_host_mul32(LANE_s(s->rn, i), b, 0, &after, &r[i])
#define DIV_d(i, b) fp_host_div64(LANE_d(s->rn, i), b, 0, &after, &r[i])
#define DIV_s(i, b) fp_host_div32(LANE_s(s->rn, i), b, 0, &after, &r[i])
/* The addend and the first factor with these signs changed. */
#define FMA_d(i, b, addend, factor)                                                             \
    fp_host_mul_add64(LANE_d(s->ra, i) ^ (addend), LANE_d(s->rn, i) ^ (factor), b, 0, &after,   \
                      &r[i])
#define FMA_s(i, b, addend, factor)                                                             \
    fp_host_mul_add32(LANE_s(s->ra, i) ^ (addend), LANE_s(s->rn, i) ^ (factor), b, 0, &after,   \
                      &r[i])
#define MADD_d(i, b) FMA_d(i, b, 0, 0)
#define MADD_s(i, b) FMA_s(i, b, 0, 0)
#define MSUB_d(i, b) FMA_d(i, b, 0, SIGN_d)
#define MSUB_s(i, b) FMA_s(i, b, 0, SIGN_s)
#define NMADD_d(i, b) FMA_d(i, b, SIGN_d, SIGN_d)
#define NMADD_s(i, b) FMA_s(i, b, SIGN_s, SIGN_s)
#define NMSUB_d(i, b) FMA_d(i, b, SIGN_d, 0)
#define NMSUB_s(i, b) FMA_s(i, b, SIGN_s, 0)

/* What a form does: FPSR may not change, and all lanes are good. */
#define BODY(count, all_good, whole)                                                            \
    {                                                                                           \
        uint32_t before = (uint32_t)hot_cpu(x)->reg[SR_FPSR], after = before;                 \
        uint64_t r[count];                                                                      \
        if (__builtin_expect(!h->host_fp, 0))                                                   \
            return hot_compute(HOT_PASS);                                                       \
        bool is_good = all_good;                                                                \
        if (__builtin_expect(!is_good || after != before, 0))                                   \
            return hot_compute(HOT_PASS);                                                       \
        hot_v_set(x, s->rd, (hot_q)whole);                                                      \
        HOT_NEXT(1);                                                                            \
    }

/* The second operand: lane i of register rm; or the element that rm numbers among all of them. */
#define OTHER_d(i) LANE_d(s->rm, i)
#define OTHER_s(i) LANE_s(s->rm, i)
#define ELEMENT_d(i) hot_v(x, s->rm / 2u)[s->rm % 2u]
#define ELEMENT_s(i) ((uint32_t)(hot_v(x, s->rm / 4u)[s->rm / 2u % 2u] >> s->rm % 2u * 32u))

#define ONE {r[0]}
#define TWO {r[0], r[1]}
#define HALF {r[0] | r[1] << 32}
#define FOUR {r[0] | r[1] << 32, r[2] | r[3] << 32}
#define LANES_2d(op, b) op##_d(0, b##_d(0)) && op##_d(1, b##_d(1))
#define LANES_2s(op, b) op##_s(0, b##_s(0)) && op##_s(1, b##_s(1))
#define LANES_4s(op, b) LANES_2s(op, b) && op##_s(2, b##_s(2)) && op##_s(3, b##_s(3))

/* All forms of one operation; hot is what its double precision needs. */
#define SCALARS(hot, name, op)                                                                  \
    HOT(name##_s) BODY(1, op##_s(0, OTHER_s(0)), ONE)                                           \
    hot(name##_d) BODY(1, op##_d(0, OTHER_d(0)), ONE)
#define VECTORS(hot, name, op, b)                                                               \
    HOT(name##_2s) BODY(2, LANES_2s(op, b), HALF)                                               \
    HOT(name##_4s) BODY(4, LANES_4s(op, b), FOUR)                                               \
    hot(name##_2d) BODY(2, LANES_2d(op, b), TWO)

SCALARS(HOT, fadd, ADD)
SCALARS(HOT, fsub, SUB)
SCALARS(HOT_FUSED, fmul, MUL)
SCALARS(HOT_FUSED, fdiv, DIV)
SCALARS(HOT_FUSED, fmadd, MADD)
SCALARS(HOT_FUSED, fmsub, MSUB)
SCALARS(HOT_FUSED, fnmadd, NMADD)
SCALARS(HOT_FUSED, fnmsub, NMSUB)
VECTORS(HOT, fadd_v, ADD, OTHER)
VECTORS(HOT, fsub_v, SUB, OTHER)
VECTORS(HOT_FUSED, fmul_v, MUL, OTHER)
VECTORS(HOT_FUSED, fmul_e, MUL, ELEMENT)
VECTORS(HOT_FUSED, fmla_v, MADD, OTHER)
VECTORS(HOT_FUSED, fmla_e, MADD, ELEMENT)
VECTORS(HOT_FUSED, fmls_v, MSUB, OTHER)
VECTORS(HOT_FUSED, fmls_e, MSUB, ELEMENT)

/* ---- Comparison and selection ---- */

#define COMPARE(name, bits, a, b)                                                               \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint32_t nzcv;                                                                          \
        if (__builtin_expect(!h->host_fp || !fp_host_compare##bits(a, b, 0, &nzcv), 0))         \
            return hot_generic(HOT_PASS);                                                       \
        hot_cpu(x)->nzcv = nzcv;                                                                \
        h->flags_kind = HOT_FLAGS_NZCV;                                                         \
        HOT_NEXT(1);                                                                            \
    }

COMPARE(fcmp_s, 32, LANE_s(s->rn, 0), LANE_s(s->rm, 0))
COMPARE(fcmp_d, 64, LANE_d(s->rn, 0), LANE_d(s->rm, 0))
COMPARE(fcmp_0_s, 32, LANE_s(s->rn, 0), 0)
COMPARE(fcmp_0_d, 64, LANE_d(s->rn, 0), 0)

/* A value that needs no arithmetic. */
#define VALUE(name, expression)                                                                 \
    HOT(name)                                                                                   \
    {                                                                                           \
        HOT_VECTORS();                                                                          \
        hot_v_set64(x, s->rd, expression);                                                      \
        HOT_NEXT(1);                                                                            \
    }
#define CHOSEN (hot_condition(h, fa, fb, s->ra) ? s->rn : s->rm)

VALUE(fcsel_s, LANE_s(CHOSEN, 0))
VALUE(fcsel_d, LANE_d(CHOSEN, 0))
VALUE(fmov_s, LANE_s(s->rn, 0))
VALUE(fmov_d, LANE_d(s->rn, 0))
VALUE(fabs_s, LANE_s(s->rn, 0) & ~SIGN_s)
VALUE(fabs_d, LANE_d(s->rn, 0) & ~SIGN_d)
VALUE(fneg_s, LANE_s(s->rn, 0) ^ SIGN_s)
VALUE(fneg_d, LANE_d(s->rn, 0) ^ SIGN_d)

/* ---- Decoding ---- */

#define DECODER(name)                                                                           \
    static bool name(struct hot_slot *s, uint32_t w, const struct hot_place *place,             \
                     hot_function *const *go)

/* go: S, D; addend or condition in ra, if there is one. */
DECODER(decode_scalar)
{
    (void)place;
    hot_v_operands(s, w);
    s->ra = (uint8_t)a64_ra(w);
    s->go = go[a64_dbl(w)];
    return true;
}

DECODER(decode_scalar_fused)
{
    return decode_scalar(s, w, place, go) && (!a64_dbl(w) || FUSED_IS_THERE);
}

DECODER(decode_select)
{
    bool is_hot = decode_scalar(s, w, place, go);
    s->ra = (uint8_t)a64_cond(w);
    return is_hot;
}

/* go: 2S, 4S, 2D; the destination is the addend. */
DECODER(decode_vector)
{
    (void)place;
    hot_v_operands(s, w);
    s->ra = s->rd;
    s->go = go[a64_dbl(w) ? 2 : a64_q(w)];
    return true;
}

DECODER(decode_vector_fused)
{
    return decode_vector(s, w, place, go) && (!a64_dbl(w) || FUSED_IS_THERE);
}

DECODER(decode_element_fused)
{
    bool is_hot = decode_vector_fused(s, w, place, go);
    s->rm = (uint8_t)(a64_dbl(w) ? 2 * s->rm + a64_h(w)
                                 : 4 * s->rm + (a64_h(w) << 1 | a64_l(w)));
    return is_hot;
}

#define ROW(op, decode, name) [A64_##op] = {decode, {hot_##name##_s, hot_##name##_d}}
#define ROW_VECTOR(op, decode, name)                                                            \
    [A64_##op] = {decode, {hot_##name##_2s, hot_##name##_4s, hot_##name##_2d}}

const struct hot_row hot_rows_fp[A64_COUNT] = {
    ROW(FADD_f, decode_scalar, fadd),
    ROW(FSUB_f, decode_scalar, fsub),
    ROW(FMUL_f, decode_scalar_fused, fmul),
    ROW(FDIV_f, decode_scalar_fused, fdiv),
    ROW(FMADD, decode_scalar_fused, fmadd),
    ROW(FMSUB, decode_scalar_fused, fmsub),
    ROW(FNMADD, decode_scalar_fused, fnmadd),
    ROW(FNMSUB, decode_scalar_fused, fnmsub),
    ROW(FCMP, decode_scalar, fcmp),
    ROW(FCMPE, decode_scalar, fcmp),
    ROW(FCMP_0, decode_scalar, fcmp_0),
    ROW(FCMPE_0, decode_scalar, fcmp_0),
    ROW(FCSEL, decode_select, fcsel),
    ROW(FMOV_f, decode_scalar, fmov),
    ROW(FABS_f, decode_scalar, fabs),
    ROW(FNEG_f, decode_scalar, fneg),
    ROW_VECTOR(FADD_v, decode_vector, fadd_v),
    ROW_VECTOR(FSUB_v, decode_vector, fsub_v),
    ROW_VECTOR(FMUL_v, decode_vector_fused, fmul_v),
    ROW_VECTOR(FMUL_e, decode_element_fused, fmul_e),
    ROW_VECTOR(FMLA_v, decode_vector_fused, fmla_v),
    ROW_VECTOR(FMLA_e, decode_element_fused, fmla_e),
    ROW_VECTOR(FMLS_v, decode_vector_fused, fmls_v),
    ROW_VECTOR(FMLS_e, decode_element_fused, fmls_e),
};
