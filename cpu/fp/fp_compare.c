/*
 * Floating-point comparisons, maximum and minimum.
 *
 * DDI 0487: FPCompare, FPCompareEQ, FPCompareGE, FPCompareGT, FPMax, FPMin, FPMaxNum, FPMinNum.
 */
#include "cpu/fp/fp_parts.h"

#define NZCV_LESS (UINT32_C(8) << 28)
#define NZCV_EQUAL (UINT32_C(6) << 28)
#define NZCV_GREATER (UINT32_C(2) << 28)
#define NZCV_UNORDERED (UINT32_C(3) << 28)

static int order_of_magnitudes(const struct fp_number *a, const struct fp_number *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1; /* zero, finite, infinite */
    if (a->kind != FP_FINITE)
        return 0;
    if (a->exponent != b->exponent)
        return a->exponent < b->exponent ? -1 : 1;
    return a->mantissa < b->mantissa ? -1 : a->mantissa > b->mantissa;
}

/* -1, 0 or 1 for numbers that are no NaNs; zeros are equal. */
static int order_of(const struct fp_number *a, const struct fp_number *b)
{
    if (a->kind == FP_ZERO && b->kind == FP_ZERO)
        return 0;
    if (a->sign != b->sign)
        return a->sign ? -1 : 1;
    int order = order_of_magnitudes(a, b);
    return a->sign ? -order : order;
}

uint32_t fp_compare(enum fp_format f, uint64_t a, uint64_t b, bool signals, uint32_t fpcr,
                    uint32_t *fpsr)
{
    struct fp_number n = fp_unpack(f, a, fpcr, fpsr), m = fp_unpack(f, b, fpcr, fpsr);
    if (fp_is_nan(&n) || fp_is_nan(&m)) {
        if (signals || n.kind == FP_SIGNALLING_NAN || m.kind == FP_SIGNALLING_NAN)
            fp_raise(fpsr, FPSR_IOC);
        return NZCV_UNORDERED;
    }
    int order = order_of(&n, &m);
    return order < 0 ? NZCV_LESS : order > 0 ? NZCV_GREATER : NZCV_EQUAL;
}

bool fp_compare_eq(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    return fp_compare(f, a, b, false, fpcr, fpsr) == NZCV_EQUAL;
}

bool fp_compare_ge(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    uint32_t nzcv = fp_compare(f, a, b, true, fpcr, fpsr);
    return nzcv == NZCV_EQUAL || nzcv == NZCV_GREATER;
}

bool fp_compare_gt(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    return fp_compare(f, a, b, true, fpcr, fpsr) == NZCV_GREATER;
}

/* FPMax() and FPMin(): a denormal that counts is exact, so that nothing is rounded. */
static uint64_t select_one(enum fp_format f, uint64_t a, uint64_t b, bool takes_larger,
                           uint32_t fpcr, uint32_t *fpsr)
{
    uint64_t operands[2] = {a, b}, result;
    struct fp_number n[2] = {fp_unpack(f, a, fpcr, fpsr), fp_unpack(f, b, fpcr, fpsr)};
    if (fp_process_nans(f, n, operands, 2, fpcr, fpsr, &result))
        return result;
    int order = order_of(&n[0], &n[1]);
    unsigned chosen = takes_larger ? order <= 0 : order >= 0;
    if (n[chosen].kind != FP_ZERO)
        return operands[chosen];
    bool sign = takes_larger ? n[0].sign && n[1].sign : n[0].sign || n[1].sign;
    return fp_zero(f, sign);
}

uint64_t fp_max(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    return select_one(f, a, b, true, fpcr, fpsr);
}

uint64_t fp_min(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    return select_one(f, a, b, false, fpcr, fpsr);
}

/* FPMaxNum() and FPMinNum(): of a number and a quiet NaN the number. */
static uint64_t select_number(enum fp_format f, uint64_t a, uint64_t b, bool takes_larger,
                              uint32_t fpcr, uint32_t *fpsr)
{
    struct fp_number n = fp_unpack(f, a, fpcr, fpsr), m = fp_unpack(f, b, fpcr, fpsr);
    if (n.kind == FP_QUIET_NAN && m.kind != FP_QUIET_NAN)
        a = fp_infinity(f, takes_larger);
    else if (n.kind != FP_QUIET_NAN && m.kind == FP_QUIET_NAN)
        b = fp_infinity(f, takes_larger);
    return select_one(f, a, b, takes_larger, fpcr, fpsr);
}

uint64_t fp_max_num(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    return select_number(f, a, b, true, fpcr, fpsr);
}

uint64_t fp_min_num(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    return select_number(f, a, b, false, fpcr, fpsr);
}
