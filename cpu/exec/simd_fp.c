/*
 * Advanced SIMD floating point: arithmetic and comparisons on vectors, on scalars of that group,
 * by element, pairwise and across lanes; estimates. Compiled once for each engine.
 *
 * Lanes are computed one after the other, the lowest first; each has its own rounding, and their
 * exceptions add up in FPSR. Conversions are in fp_conversion.c. DDI 0487, "Data Processing -
 * Scalar Floating-Point and Advanced SIMD"; Reduce() for what goes across lanes.
 */
#include "cpu/exec/fp.h"

/* FPAbs(FPSub()) */
FP_INLINE uint64_t absolute_difference(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr,
                                       uint32_t *fpsr)
{
    return fp_abs(f, fp_sub_quickly(f, a, b, fpcr, fpsr));
}

FP_INLINE uint64_t absolute_ge(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr,
                               uint32_t *fpsr)
{
    return fp_mask_ge(f, fp_abs(f, a), fp_abs(f, b), fpcr, fpsr);
}

FP_INLINE uint64_t absolute_gt(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr,
                               uint32_t *fpsr)
{
    return fp_mask_gt(f, fp_abs(f, a), fp_abs(f, b), fpcr, fpsr);
}

/* ---- Three registers of the same size ---- */

#define VECTOR(name, operation)                          \
    enum step EXEC(name##_v)(struct core *c, uint32_t w) \
    {                                                    \
        return simd_fp2(c, w, operation);                \
    }

#define SCALAR(name, operation)                          \
    enum step EXEC(name##_s)(struct core *c, uint32_t w) \
    {                                                    \
        return fp_scalar2(c, w, operation);              \
    }

#define BOTH(name, operation) VECTOR(name, operation) SCALAR(name, operation)

VECTOR(FADD, fp_add_quickly)
VECTOR(FSUB, fp_sub_quickly)
VECTOR(FMUL, fp_mul_quickly)
VECTOR(FDIV, fp_div_quickly)
VECTOR(FMAX, fp_max)
VECTOR(FMIN, fp_min)
VECTOR(FMAXNM, fp_max_num)
VECTOR(FMINNM, fp_min_num)
BOTH(FMULX, fp_mulx)
BOTH(FABD, absolute_difference)
BOTH(FRECPS, fp_recip_step)
BOTH(FRSQRTS, fp_rsqrt_step)
BOTH(FCMEQ, fp_mask_eq)
BOTH(FCMGE, fp_mask_ge)
BOTH(FCMGT, fp_mask_gt)
BOTH(FACGE, absolute_ge)
BOTH(FACGT, absolute_gt)

/* rd + rn * b, or rd - rn * b; four lanes at once where that is good. */
FP_INLINE enum step accumulate(struct core *c, uint32_t w, union vector b, bool subtracts)
{
    union vector d = vreg_get(c, a64_rd(w)), a = vreg_get(c, a64_rn(w)), r;
    if (a64_dbl(w) || !a64_q(w))
        return simd_fp3_with(c, w, subtracts ? fp_mul_sub : fp_mul_add_quickly, b);
    for (unsigned i = 0; i < 2 && subtracts; i++)
        a.d[i] ^= UINT64_C(0x8000000080000000);
    if (!fp_host_mul_add32x4(d.s, a.s, b.s, (uint32_t)c->cpu->reg[SR_FPCR],
                             (uint32_t)c->cpu->reg[SR_FPSR], r.s))
        return simd_fp3_with(c, w, subtracts ? fp_mul_sub : fp_mul_add_quickly, b);
    vreg_set128(c, a64_rd(w), r.d[0], r.d[1]);
    return STEP_NEXT;
}

enum step EXEC(FMLA_v)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    return step == STEP_NEXT ? accumulate(c, w, vreg_get(c, a64_rm(w)), false) : step;
}

enum step EXEC(FMLS_v)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    return step == STEP_NEXT ? accumulate(c, w, vreg_get(c, a64_rm(w)), true) : step;
}

/* ---- Pairwise: first the pairs of the first operand, then those of the second ---- */

FP_INLINE enum step pairwise(struct core *c, uint32_t w, fp_binary *operation)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    union vector n = vreg_get(c, a64_rn(w)), m = vreg_get(c, a64_rm(w)), r = {.d = {0, 0}};
    if (a64_dbl(w)) {
        r.d[0] = operation(FP_DOUBLE, n.d[0], n.d[1], env.fpcr, &env.fpsr);
        r.d[1] = operation(FP_DOUBLE, m.d[0], m.d[1], env.fpcr, &env.fpsr);
    } else {
        unsigned lanes = FP_LANES(w), half = lanes / 2;
        for (unsigned i = 0; i < lanes; i++) {
            const uint32_t *pair = i < half ? &n.s[2 * i] : &m.s[2 * (i - half)];
            r.s[i] = (uint32_t)operation(FP_SINGLE, pair[0], pair[1], env.fpcr, &env.fpsr);
        }
    }
    vreg_set128(c, a64_rd(w), r.d[0], r.d[1]);
    return fp_end(c, &env);
}

/* The two lanes of one register, to a scalar. */
FP_INLINE enum step pair(struct core *c, uint32_t w, fp_binary *operation)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    union vector n = vreg_get(c, a64_rn(w));
    uint64_t result = a64_dbl(w) ? operation(FP_DOUBLE, n.d[0], n.d[1], env.fpcr, &env.fpsr)
                                 : operation(FP_SINGLE, n.s[0], n.s[1], env.fpcr, &env.fpsr);
    vreg_set64(c, a64_rd(w), result);
    return fp_end(c, &env);
}

#define PAIRWISE(name, operation)                        \
    enum step EXEC(name##_v)(struct core *c, uint32_t w) \
    {                                                    \
        return pairwise(c, w, operation);                \
    }                                                    \
    enum step EXEC(name##_p)(struct core *c, uint32_t w) \
    {                                                    \
        return pair(c, w, operation);                    \
    }

PAIRWISE(FADDP, fp_add_quickly)
PAIRWISE(FMAXP, fp_max)
PAIRWISE(FMINP, fp_min)
PAIRWISE(FMAXNMP, fp_max_num)
PAIRWISE(FMINNMP, fp_min_num)

/* ---- Across the four lanes: the halves first, then their results ---- */

FP_INLINE enum step across(struct core *c, uint32_t w, fp_binary *operation)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    union vector n = vreg_get(c, a64_rn(w));
    uint64_t low = operation(FP_SINGLE, n.s[0], n.s[1], env.fpcr, &env.fpsr);
    uint64_t high = operation(FP_SINGLE, n.s[2], n.s[3], env.fpcr, &env.fpsr);
    vreg_set64(c, a64_rd(w), operation(FP_SINGLE, low, high, env.fpcr, &env.fpsr));
    return fp_end(c, &env);
}

#define ACROSS(name, operation)                      \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        return across(c, w, operation);              \
    }

ACROSS(FMAXV, fp_max)
ACROSS(FMINV, fp_min)
ACROSS(FMAXNMV, fp_max_num)
ACROSS(FMINNMV, fp_min_num)

/* ---- By element ---- */

FP_INLINE enum step by_element2(struct core *c, uint32_t w, fp_binary *operation)
{
    enum step step = fp_access_check(c);
    return step == STEP_NEXT ? simd_fp2_with(c, w, operation, fp_elements(c, w)) : step;
}

FP_INLINE enum step scalar_by_element2(struct core *c, uint32_t w, fp_binary *operation)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    enum fp_format f = fp_format_of(a64_dbl(w));
    uint64_t a = fp_get(c, a64_rn(w), f);
    vreg_set64(c, a64_rd(w), operation(f, a, fp_element(c, w), env.fpcr, &env.fpsr));
    return fp_end(c, &env);
}

FP_INLINE enum step scalar_by_element3(struct core *c, uint32_t w, fp_ternary *operation)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    enum fp_format f = fp_format_of(a64_dbl(w));
    uint64_t d = fp_get(c, a64_rd(w), f), a = fp_get(c, a64_rn(w), f);
    vreg_set64(c, a64_rd(w), operation(f, d, a, fp_element(c, w), env.fpcr, &env.fpsr));
    return fp_end(c, &env);
}

#define BY_ELEMENT(name, operation)                       \
    enum step EXEC(name##_e)(struct core *c, uint32_t w)  \
    {                                                     \
        return by_element2(c, w, operation);              \
    }                                                     \
    enum step EXEC(name##_se)(struct core *c, uint32_t w) \
    {                                                     \
        return scalar_by_element2(c, w, operation);       \
    }

BY_ELEMENT(FMUL, fp_mul_quickly)
BY_ELEMENT(FMULX, fp_mulx)

#define ACCUMULATE(name, subtracts, operation)                                               \
    enum step EXEC(name##_e)(struct core *c, uint32_t w)                                     \
    {                                                                                        \
        enum step step = fp_access_check(c);                                                 \
        return step == STEP_NEXT ? accumulate(c, w, fp_elements(c, w), subtracts) : step;    \
    }                                                                                        \
    enum step EXEC(name##_se)(struct core *c, uint32_t w)                                    \
    {                                                                                        \
        return scalar_by_element3(c, w, operation);                                          \
    }

ACCUMULATE(FMLA, false, fp_mul_add_quickly)
ACCUMULATE(FMLS, true, fp_mul_sub)

/* ---- Two registers ---- */

#define UNARY(name, operation)                           \
    enum step EXEC(name##_v)(struct core *c, uint32_t w) \
    {                                                    \
        return simd_fp1(c, w, operation);                \
    }

#define UNARY_SCALAR(name, operation)                    \
    enum step EXEC(name##_s)(struct core *c, uint32_t w) \
    {                                                    \
        return fp_scalar1(c, w, operation);              \
    }

FP_INLINE uint64_t negate(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr)
{
    (void)fpcr, (void)fpsr;
    return fp_neg(f, a);
}

FP_INLINE uint64_t absolute(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr)
{
    (void)fpcr, (void)fpsr;
    return fp_abs(f, a);
}

static uint64_t unsigned_recip(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr)
{
    (void)f, (void)fpcr, (void)fpsr;
    return fp_unsigned_recip_estimate((uint32_t)a);
}

static uint64_t unsigned_rsqrt(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr)
{
    (void)f, (void)fpcr, (void)fpsr;
    return fp_unsigned_rsqrt_estimate((uint32_t)a);
}

UNARY(FNEG, negate)
UNARY(FABS, absolute)
UNARY(FSQRT, fp_sqrt_quickly)
UNARY(FRECPE, fp_recip_estimate)
UNARY_SCALAR(FRECPE, fp_recip_estimate)
UNARY(FRSQRTE, fp_rsqrt_estimate)
UNARY_SCALAR(FRSQRTE, fp_rsqrt_estimate)
UNARY_SCALAR(FRECPX, fp_recpx)
UNARY(URECPE, unsigned_recip)
UNARY(URSQRTE, unsigned_rsqrt)

/* ---- Comparisons with zero ---- */

#define WITH_ZERO(name, mask, first, second)                                           \
    FP_INLINE uint64_t zero_##name(enum fp_format f, uint64_t a, uint32_t fpcr,        \
                                   uint32_t *fpsr)                                     \
    {                                                                                  \
        return mask(f, first, second, fpcr, fpsr);                                     \
    }                                                                                  \
    enum step EXEC(name##_0v)(struct core *c, uint32_t w)                              \
    {                                                                                  \
        return simd_fp1(c, w, zero_##name);                                            \
    }                                                                                  \
    enum step EXEC(name##_0s)(struct core *c, uint32_t w)                              \
    {                                                                                  \
        return fp_scalar1(c, w, zero_##name);                                          \
    }

WITH_ZERO(FCMEQ, fp_mask_eq, a, 0)
WITH_ZERO(FCMGE, fp_mask_ge, a, 0)
WITH_ZERO(FCMGT, fp_mask_gt, a, 0)
WITH_ZERO(FCMLE, fp_mask_ge, 0, a)
WITH_ZERO(FCMLT, fp_mask_gt, 0, a)
