/*
 * Scalar floating point: arithmetic, comparison, selection, and moves between its registers.
 * Compiled once for each engine.
 *
 * What an operation means is in cpu/fp. Trapped exceptions are not modelled, as FPCR says. Half
 * precision has no arithmetic before the extension for it. DDI 0487, "Data Processing - Scalar
 * Floating-Point and Advanced SIMD"; CheckFPEnabled64 comes first in each.
 */
#include "cpu/exec/fp.h"

/* ---- One source ---- */

FP_INLINE uint64_t move(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr)
{
    (void)f, (void)fpcr, (void)fpsr;
    return a;
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

#define SCALAR1(name, operation)                     \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        return fp_scalar1(c, w, operation);          \
    }

SCALAR1(FMOV_f, move)
SCALAR1(FNEG_f, negate)
SCALAR1(FABS_f, absolute)
SCALAR1(FSQRT_f, fp_sqrt_quickly)

/* ---- Two and three sources ---- */

FP_INLINE uint64_t multiply_negated(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr,
                                    uint32_t *fpsr)
{
    return fp_neg(f, fp_mul_quickly(f, a, b, fpcr, fpsr));
}

#define SCALAR2(name, operation)                     \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        return fp_scalar2(c, w, operation);          \
    }

SCALAR2(FADD_f, fp_add_quickly)
SCALAR2(FSUB_f, fp_sub_quickly)
SCALAR2(FMUL_f, fp_mul_quickly)
SCALAR2(FNMUL_f, multiply_negated)
SCALAR2(FDIV_f, fp_div_quickly)
SCALAR2(FMAX_f, fp_max)
SCALAR2(FMIN_f, fp_min)
SCALAR2(FMAXNM_f, fp_max_num)
SCALAR2(FMINNM_f, fp_min_num)

FP_INLINE uint64_t fused(const struct core *c, uint32_t w, enum fp_format f, bool negates_addend,
                         bool negates_product, struct fp_env *env)
{
    uint64_t addend = fp_get(c, a64_ra(w), f), a = fp_get(c, a64_rn(w), f);
    if (negates_addend)
        addend = fp_neg(f, addend);
    if (negates_product)
        a = fp_neg(f, a);
    return fp_mul_add_quickly(f, addend, a, fp_get(c, a64_rm(w), f), env->fpcr, &env->fpsr);
}

FP_INLINE enum step scalar3(struct core *c, uint32_t w, bool negates_addend, bool negates_product)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    uint64_t result = a64_dbl(w)
                          ? fused(c, w, FP_DOUBLE, negates_addend, negates_product, &env)
                          : fused(c, w, FP_SINGLE, negates_addend, negates_product, &env);
    vreg_set64(c, a64_rd(w), result);
    return fp_end(c, &env);
}

enum step EXEC(FMADD)(struct core *c, uint32_t w)
{
    return scalar3(c, w, false, false);
}

enum step EXEC(FMSUB)(struct core *c, uint32_t w)
{
    return scalar3(c, w, false, true);
}

enum step EXEC(FNMADD)(struct core *c, uint32_t w)
{
    return scalar3(c, w, true, true);
}

enum step EXEC(FNMSUB)(struct core *c, uint32_t w)
{
    return scalar3(c, w, true, false);
}

/* ---- Comparison and selection ---- */

static enum step compare(struct core *c, uint32_t w, bool with_zero, bool signals)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    enum fp_format f = fp_format_of(a64_dbl(w));
    uint64_t b = with_zero ? 0 : fp_get(c, a64_rm(w), f);
    c->cpu->nzcv =
        fp_compare_quickly(f, fp_get(c, a64_rn(w), f), b, signals, env.fpcr, &env.fpsr);
    return fp_end(c, &env);
}

enum step EXEC(FCMP)(struct core *c, uint32_t w)
{
    return compare(c, w, false, false);
}

enum step EXEC(FCMP_0)(struct core *c, uint32_t w)
{
    return compare(c, w, true, false);
}

enum step EXEC(FCMPE)(struct core *c, uint32_t w)
{
    return compare(c, w, false, true);
}

enum step EXEC(FCMPE_0)(struct core *c, uint32_t w)
{
    return compare(c, w, true, true);
}

static enum step compare_if(struct core *c, uint32_t w, bool signals)
{
    if (condition_holds(c->cpu->nzcv, a64_cond(w)))
        return compare(c, w, false, signals);
    enum step step = fp_access_check(c);
    if (step == STEP_NEXT)
        c->cpu->nzcv = a64_nzcv(w) << 28;
    return step;
}

enum step EXEC(FCCMP)(struct core *c, uint32_t w)
{
    return compare_if(c, w, false);
}

enum step EXEC(FCCMPE)(struct core *c, uint32_t w)
{
    return compare_if(c, w, true);
}

enum step EXEC(FCSEL)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    unsigned n = condition_holds(c->cpu->nzcv, a64_cond(w)) ? a64_rn(w) : a64_rm(w);
    vreg_set64(c, a64_rd(w), fp_get(c, n, fp_format_of(a64_dbl(w))));
    return STEP_NEXT;
}

/* ---- Moves ---- */

/* VFPExpandImm() */
static uint64_t expand_immediate(enum fp_format f, unsigned imm8)
{
    unsigned fraction_bits = f == FP_DOUBLE ? 52 : 23, exponent_bits = f == FP_DOUBLE ? 11 : 8;
    uint64_t b6 = imm8 >> 6 & 1;
    uint64_t exponent = (b6 ^ 1) << (exponent_bits - 1) |
                        (b6 ? bits_ones(exponent_bits - 3) << 2 : 0) | (imm8 >> 4 & 3);
    uint64_t fraction = (uint64_t)(imm8 & 15) << (fraction_bits - 4);
    return (imm8 & 0x80 ? fp_sign(f) : 0) | exponent << fraction_bits | fraction;
}

enum step EXEC(FMOV_imm)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    vreg_set64(c, a64_rd(w), expand_immediate(fp_format_of(a64_dbl(w)), a64_fimm8(w)));
    return STEP_NEXT;
}

/* From lane i of the size log2 bytes to a general register. */
static enum step move_out(struct core *c, uint32_t w, unsigned size, unsigned i)
{
    enum step step = fp_access_check(c);
    if (step == STEP_NEXT)
        reg_set(c, a64_rd(w), true, vreg_lane(c, a64_rn(w), size, i));
    return step;
}

enum step EXEC(FMOV_ws)(struct core *c, uint32_t w)
{
    return move_out(c, w, 2, 0);
}

enum step EXEC(FMOV_xd)(struct core *c, uint32_t w)
{
    return move_out(c, w, 3, 0);
}

enum step EXEC(FMOV_xv)(struct core *c, uint32_t w)
{
    return move_out(c, w, 3, 1);
}

enum step EXEC(FMOV_sw)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step == STEP_NEXT)
        vreg_set64(c, a64_rd(w), (uint32_t)reg_x(c, a64_rn(w)));
    return step;
}

enum step EXEC(FMOV_dx)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step == STEP_NEXT)
        vreg_set64(c, a64_rd(w), reg_x(c, a64_rn(w)));
    return step;
}

enum step EXEC(FMOV_vx)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step == STEP_NEXT)
        vreg_set_half(c, a64_rd(w), 1, reg_x(c, a64_rn(w)));
    return step;
}
