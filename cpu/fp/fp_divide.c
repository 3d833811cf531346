/*
 * Floating-point division and square root: 64 bits of the exact result and a sticky bit for the
 * rest, rounded once.
 *
 * DDI 0487: FPDiv, FPSqrt.
 */
#include "cpu/fp/fp_parts.h"

static struct fp_number quotient(const struct fp_number *a, const struct fp_number *b)
{
    bool is_less = a->mantissa < b->mantissa;
    uint128 dividend = (uint128)a->mantissa << (is_less ? 64 : 63);
    uint64_t whole = (uint64_t)(dividend / b->mantissa);
    bool has_rest = (uint128)whole * b->mantissa != dividend;
    return (struct fp_number){
        .kind = FP_FINITE,
        .sign = a->sign != b->sign,
        .exponent = a->exponent - b->exponent - is_less,
        .mantissa = whole | has_rest,
    };
}

uint64_t fp_div(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    uint64_t operands[2] = {a, b}, result;
    struct fp_number n[2] = {fp_unpack(f, a, fpcr, fpsr), fp_unpack(f, b, fpcr, fpsr)};
    if (fp_process_nans(f, n, operands, 2, fpcr, fpsr, &result))
        return result;
    bool sign = n[0].sign != n[1].sign;
    if (n[0].kind == n[1].kind && n[0].kind != FP_FINITE)
        return fp_invalid(f, fpsr);
    if (n[0].kind == FP_INFINITE)
        return fp_infinity(f, sign);
    if (n[1].kind == FP_ZERO) {
        fp_raise(fpsr, FPSR_DZC);
        return fp_infinity(f, sign);
    }
    if (n[0].kind == FP_ZERO || n[1].kind == FP_INFINITE)
        return fp_zero(f, sign);
    struct fp_number exact = quotient(&n[0], &n[1]);
    return fp_round(f, &exact, fp_rounding_mode(fpcr), fpcr, fpsr);
}

/* The largest number whose square is not above value; *has_rest: it is below. */
static uint64_t root_of(uint128 value, bool *has_rest)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 63; bit != 0; bit >>= 1) {
        uint64_t larger = root | bit;
        if ((uint128)larger * larger <= value)
            root = larger;
    }
    *has_rest = (uint128)root * root != value;
    return root;
}

uint64_t fp_sqrt(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr)
{
    struct fp_number n = fp_unpack(f, a, fpcr, fpsr);
    if (fp_is_nan(&n))
        return fp_process_nan(f, n.kind, a, fpcr, fpsr);
    if (n.kind == FP_ZERO)
        return fp_zero(f, n.sign);
    if (n.sign)
        return fp_invalid(f, fpsr);
    if (n.kind == FP_INFINITE)
        return fp_infinity(f, false);
    bool is_odd = n.exponent & 1, has_rest;
    uint64_t root = root_of((uint128)n.mantissa << (is_odd ? 64 : 63), &has_rest);
    struct fp_number exact = {
        .kind = FP_FINITE,
        .exponent = (n.exponent - is_odd) / 2,
        .mantissa = root | has_rest,
    };
    return fp_round(f, &exact, fp_rounding_mode(fpcr), fpcr, fpsr);
}
