/*
 * What the floating-point handlers share: FPCR and FPSR around an operation, and operations on
 * scalars and lane by lane, for both formats. An operation is a function of cpu/fp/fp.h or one
 * with the same parameters; where it is a constant, everything is one function in the end.
 */
#pragma once
#include "cpu/exec/handlers.h"
#include "cpu/exec/vector.h"
#include "cpu/fp/fp_host.h"

#define FP_INLINE static inline __attribute__((always_inline))

typedef uint64_t fp_unary(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr);
typedef uint64_t fp_binary(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr,
                           uint32_t *fpsr);
typedef uint64_t fp_ternary(enum fp_format f, uint64_t addend, uint64_t a, uint64_t b,
                            uint32_t fpcr, uint32_t *fpsr);

/* FPCR, and FPSR as it is: what an operation adds to it is raised by fp_end(). */
struct fp_env {
    uint32_t fpcr, fpsr;
};

FP_INLINE struct fp_env fp_begin(const struct core *c)
{
    return (struct fp_env){(uint32_t)c->cpu->reg[SR_FPCR], (uint32_t)c->cpu->reg[SR_FPSR]};
}

FP_INLINE enum step fp_end(struct core *c, const struct fp_env *env)
{
    fpsr_raise(c, env->fpsr);
    return STEP_NEXT;
}

FP_INLINE enum fp_format fp_format_of(bool is_double)
{
    return is_double ? FP_DOUBLE : FP_SINGLE;
}

/* The scalar in a register. */
FP_INLINE uint64_t fp_get(const struct core *c, unsigned n, enum fp_format f)
{
    return c->cpu->v[n][0] & bits_ones(8u << f);
}

/* ---- Scalars, of the format that the field dbl says ---- */

FP_INLINE enum step fp_scalar1(struct core *c, uint32_t w, fp_unary *operation)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    enum fp_format f = fp_format_of(a64_dbl(w));
    uint64_t result = operation(f, fp_get(c, a64_rn(w), f), env.fpcr, &env.fpsr);
    vreg_set64(c, a64_rd(w), result);
    return fp_end(c, &env);
}

FP_INLINE uint64_t fp_apply2(const struct core *c, uint32_t w, enum fp_format f,
                             fp_binary *operation, struct fp_env *env)
{
    uint64_t a = fp_get(c, a64_rn(w), f), b = fp_get(c, a64_rm(w), f);
    return operation(f, a, b, env->fpcr, &env->fpsr);
}

FP_INLINE enum step fp_scalar2(struct core *c, uint32_t w, fp_binary *operation)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    uint64_t result = a64_dbl(w) ? fp_apply2(c, w, FP_DOUBLE, operation, &env)
                                 : fp_apply2(c, w, FP_SINGLE, operation, &env);
    vreg_set64(c, a64_rd(w), result);
    return fp_end(c, &env);
}

/* ---- Vectors: a form is dbl and q; lanes that it does not have become zero ---- */

#define FP_LANES(w) (a64_q(w) ? 4u : 2u) /* of single precision */

FP_INLINE enum step simd_fp1(struct core *c, uint32_t w, fp_unary *operation)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    union vector a = vreg_get(c, a64_rn(w)), r = {.d = {0, 0}};
    if (a64_dbl(w)) {
        for (unsigned i = 0; i < 2; i++)
            r.d[i] = operation(FP_DOUBLE, a.d[i], env.fpcr, &env.fpsr);
    } else {
        for (unsigned i = 0; i < FP_LANES(w); i++)
            r.s[i] = (uint32_t)operation(FP_SINGLE, a.s[i], env.fpcr, &env.fpsr);
    }
    vreg_set128(c, a64_rd(w), r.d[0], r.d[1]);
    return fp_end(c, &env);
}

/* The second operand is made already. */
FP_INLINE enum step simd_fp2_with(struct core *c, uint32_t w, fp_binary *operation,
                                  union vector b)
{
    struct fp_env env = fp_begin(c);
    union vector a = vreg_get(c, a64_rn(w)), r = {.d = {0, 0}};
    if (a64_dbl(w)) {
        for (unsigned i = 0; i < 2; i++)
            r.d[i] = operation(FP_DOUBLE, a.d[i], b.d[i], env.fpcr, &env.fpsr);
    } else {
        for (unsigned i = 0; i < FP_LANES(w); i++)
            r.s[i] = (uint32_t)operation(FP_SINGLE, a.s[i], b.s[i], env.fpcr, &env.fpsr);
    }
    vreg_set128(c, a64_rd(w), r.d[0], r.d[1]);
    return fp_end(c, &env);
}

FP_INLINE enum step simd_fp2(struct core *c, uint32_t w, fp_binary *operation)
{
    enum step step = fp_access_check(c);
    return step == STEP_NEXT ? simd_fp2_with(c, w, operation, vreg_get(c, a64_rm(w))) : step;
}

/* The destination is the addend. */
FP_INLINE enum step simd_fp3_with(struct core *c, uint32_t w, fp_ternary *operation,
                                  union vector b)
{
    struct fp_env env = fp_begin(c);
    union vector a = vreg_get(c, a64_rn(w)), d = vreg_get(c, a64_rd(w)), r = {.d = {0, 0}};
    if (a64_dbl(w)) {
        for (unsigned i = 0; i < 2; i++)
            r.d[i] = operation(FP_DOUBLE, d.d[i], a.d[i], b.d[i], env.fpcr, &env.fpsr);
    } else {
        for (unsigned i = 0; i < FP_LANES(w); i++)
            r.s[i] = (uint32_t)operation(FP_SINGLE, d.s[i], a.s[i], b.s[i], env.fpcr, &env.fpsr);
    }
    vreg_set128(c, a64_rd(w), r.d[0], r.d[1]);
    return fp_end(c, &env);
}

/* The element of a form by element: index h:l of words, h of doublewords. */
FP_INLINE uint64_t fp_element(const struct core *c, uint32_t w)
{
    unsigned n = a64_rm(w);
    return a64_dbl(w) ? vreg_lane(c, n, FP_DOUBLE, a64_h(w))
                      : vreg_lane(c, n, FP_SINGLE, a64_h(w) << 1 | a64_l(w));
}

/* The same in all lanes. */
FP_INLINE union vector fp_elements(const struct core *c, uint32_t w)
{
    uint64_t element = bits_replicate(fp_element(c, w), a64_dbl(w) ? 64 : 32);
    return (union vector){.d = {element, element}};
}

/* FPMulAdd() with the first factor negated: FMLS. */
FP_INLINE uint64_t fp_mul_sub(enum fp_format f, uint64_t addend, uint64_t a, uint64_t b,
                              uint32_t fpcr, uint32_t *fpsr)
{
    return fp_mul_add_quickly(f, addend, fp_neg(f, a), b, fpcr, fpsr);
}

/* Comparisons as masks of the format's width. */
FP_INLINE uint64_t fp_mask(enum fp_format f, bool holds)
{
    return holds ? bits_ones(8u << f) : 0;
}

FP_INLINE uint64_t fp_mask_eq(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr,
                              uint32_t *fpsr)
{
    return fp_mask(f, fp_compare_quickly(f, a, b, false, fpcr, fpsr) == (PSTATE_Z | PSTATE_C));
}

FP_INLINE uint64_t fp_mask_gt(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr,
                              uint32_t *fpsr)
{
    return fp_mask(f, fp_compare_quickly(f, a, b, true, fpcr, fpsr) == PSTATE_C);
}

FP_INLINE uint64_t fp_mask_ge(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr,
                              uint32_t *fpsr)
{
    uint32_t nzcv = fp_compare_quickly(f, a, b, true, fpcr, fpsr);
    return fp_mask(f, (nzcv & (PSTATE_C | PSTATE_V)) == PSTATE_C);
}
