/*
 * Floating-point arithmetic as the manual's pseudocode has it: pure functions from operands and
 * FPCR to a result. Values are bit patterns in the low bits of a uint64_t, zero-extended; *fpsr
 * collects the cumulative exception bits (FPSR_IOC and its like) and is never cleared. The name
 * of the pseudocode function is FPName() for fp_name().
 *
 * Trapped exceptions do not exist here: FPCR.IDE to IOE are RAZ/WI. Of FPCR count AHP, DN, FZ and
 * RMode, and FZ16 for half precision; a model without half-precision arithmetic keeps that 0.
 */
#pragma once
#include "gen/sysreg.h"
#include "sim/base/base.h"

/* log2 of the bytes of a format, as the sizes of vector lanes. */
enum fp_format { FP_HALF = 1, FP_SINGLE = 2, FP_DOUBLE = 3 };

/* The first four have the values of FPCR.RMode. */
enum fp_rounding {
    FP_TIE_EVEN,
    FP_TO_POSITIVE,
    FP_TO_NEGATIVE,
    FP_TO_ZERO,
    FP_TIE_AWAY,
    FP_TO_ODD,
};

/* FPRoundingMode() */
static inline enum fp_rounding fp_rounding_mode(uint32_t fpcr)
{
    return (enum fp_rounding)field_get(FPCR_RMode, fpcr);
}

/* The sign bit of a format, and FPNeg() and FPAbs(). */
static inline uint64_t fp_sign(enum fp_format f)
{
    return UINT64_C(1) << ((8u << f) - 1);
}

static inline uint64_t fp_neg(enum fp_format f, uint64_t a)
{
    return a ^ fp_sign(f);
}

static inline uint64_t fp_abs(enum fp_format f, uint64_t a)
{
    return a & ~fp_sign(f);
}

/* fp_arithmetic.c, fp_divide.c: rounded by FPCR. */
uint64_t fp_add(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);
uint64_t fp_sub(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);
uint64_t fp_mul(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);
uint64_t fp_mulx(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);
uint64_t fp_div(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);
uint64_t fp_sqrt(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr);
/* addend + a * b, rounded once */
uint64_t fp_mul_add(enum fp_format f, uint64_t addend, uint64_t a, uint64_t b, uint32_t fpcr,
                    uint32_t *fpsr);
/* FPRecipStepFused() and FPRSqrtStepFused() */
uint64_t fp_recip_step(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);
uint64_t fp_rsqrt_step(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);

/* fp_compare.c */
uint64_t fp_max(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);
uint64_t fp_min(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);
uint64_t fp_max_num(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);
uint64_t fp_min_num(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);
/* NZCV in bits 31:28; signals: a quiet NaN is an invalid operation, too. */
uint32_t fp_compare(enum fp_format f, uint64_t a, uint64_t b, bool signals, uint32_t fpcr,
                    uint32_t *fpsr);
bool fp_compare_eq(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);
bool fp_compare_ge(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);
bool fp_compare_gt(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);

/* fp_convert.c */
uint64_t fp_convert(enum fp_format to, enum fp_format from, uint64_t a,
                    enum fp_rounding rounding, uint32_t fpcr, uint32_t *fpsr);
/* An integer of width bits (16, 32 or 64) with fbits of them behind the point (0..64). */
uint64_t fp_to_fixed(enum fp_format f, uint64_t a, unsigned fbits, bool is_unsigned,
                     unsigned width, enum fp_rounding rounding, uint32_t fpcr, uint32_t *fpsr);
/* FixedToFP() */
uint64_t fp_from_fixed(enum fp_format f, uint64_t value, unsigned fbits, bool is_unsigned,
                       unsigned width, enum fp_rounding rounding, uint32_t fpcr, uint32_t *fpsr);
/* exact: a result that differs from its operand is inexact. */
uint64_t fp_round_int(enum fp_format f, uint64_t a, enum fp_rounding rounding, bool exact,
                      uint32_t fpcr, uint32_t *fpsr);

/* fp_estimate.c; the unsigned ones are UnsignedRecipEstimate() and UnsignedRSqrtEstimate(). */
uint64_t fp_recip_estimate(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr);
uint64_t fp_rsqrt_estimate(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr);
uint64_t fp_recpx(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr);
uint32_t fp_unsigned_recip_estimate(uint32_t a);
uint32_t fp_unsigned_rsqrt_estimate(uint32_t a);
