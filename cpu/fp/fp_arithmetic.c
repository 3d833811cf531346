/*
 * Floating-point addition, multiplication and what is fused of both. Products are exact in 128
 * bits; a sum keeps what falls off its end as a sticky bit, so that each result is rounded once.
 *
 * DDI 0487: FPAdd, FPSub, FPMul, FPMulX, FPMulAdd, FPRecipStepFused, FPRSqrtStepFused.
 */
#include "cpu/fp/fp_parts.h"

/* mantissa * 2^(exponent - 126), not zero; the top bit of the mantissa is bit 126. */
struct wide {
    bool sign;
    int exponent;
    uint128 mantissa;
};

static struct wide wide_of(const struct fp_number *n)
{
    return (struct wide){n->sign, n->exponent, (uint128)n->mantissa << 63};
}

/* Exact: operands have no more than 53 bits each, so that the lowest bit is 0. */
static struct wide wide_product(const struct fp_number *a, const struct fp_number *b)
{
    struct wide p = {a->sign != b->sign, a->exponent + b->exponent,
                     (uint128)a->mantissa * b->mantissa};
    if (p.mantissa >> 127) {
        p.mantissa >>= 1;
        p.exponent++;
    }
    return p;
}

/* Shifts right; bit 0 of the result is 1 if any bit that is lost was. */
static uint128 shift_sticky(uint128 value, unsigned amount)
{
    if (amount == 0)
        return value;
    if (amount > 127)
        return value != 0;
    return value >> amount | (value << (128 - amount) != 0);
}

/* 64 bits with a sticky one, from a mantissa that is not zero, whose bit 126 has the exponent. */
static struct fp_number narrow(bool sign, int exponent, uint128 mantissa)
{
    uint64_t high = (uint64_t)(mantissa >> 64), low = (uint64_t)mantissa;
    int empty = high ? __builtin_clzll(high) : 64 + __builtin_clzll(low);
    mantissa <<= empty;
    return (struct fp_number){
        .kind = FP_FINITE,
        .sign = sign,
        .exponent = exponent + 1 - empty,
        .mantissa = (uint64_t)(mantissa >> 64) | ((uint64_t)mantissa != 0),
    };
}

/* a + b; kind FP_ZERO when they cancel exactly. */
static struct fp_number wide_sum(struct wide a, struct wide b)
{
    if (a.exponent < b.exponent || (a.exponent == b.exponent && a.mantissa < b.mantissa)) {
        struct wide larger = b;
        b = a;
        a = larger;
    }
    b.mantissa = shift_sticky(b.mantissa, (unsigned)(a.exponent - b.exponent));
    uint128 sum = a.sign == b.sign ? a.mantissa + b.mantissa : a.mantissa - b.mantissa;
    return sum == 0 ? (struct fp_number){.kind = FP_ZERO} : narrow(a.sign, a.exponent, sum);
}

/* FPRound() of a sum, whose exact zero has a sign by the rounding mode. */
static uint64_t round_sum(enum fp_format f, const struct fp_number *n, uint32_t fpcr,
                          uint32_t *fpsr)
{
    enum fp_rounding rounding = fp_rounding_mode(fpcr);
    if (n->kind == FP_ZERO)
        return fp_zero(f, rounding == FP_TO_NEGATIVE);
    return fp_round(f, n, rounding, fpcr, fpsr);
}

/* The sum of two numbers of which at most one is zero. */
static struct fp_number sum_of(const struct fp_number *a, const struct fp_number *b)
{
    if (a->kind == FP_ZERO)
        return *b;
    if (b->kind == FP_ZERO)
        return *a;
    return wide_sum(wide_of(a), wide_of(b));
}

/* FPAdd(), the second operand with its sign changed or not. */
static uint64_t add(enum fp_format f, uint64_t a, uint64_t b, bool negates, uint32_t fpcr,
                    uint32_t *fpsr)
{
    uint64_t operands[2] = {a, b}, result;
    struct fp_number n[2] = {fp_unpack(f, a, fpcr, fpsr), fp_unpack(f, b, fpcr, fpsr)};
    if (fp_process_nans(f, n, operands, 2, fpcr, fpsr, &result))
        return result;
    n[1].sign ^= negates;
    if (n[0].kind == FP_INFINITE && n[1].kind == FP_INFINITE && n[0].sign != n[1].sign)
        return fp_invalid(f, fpsr);
    if (n[0].kind == FP_INFINITE)
        return fp_infinity(f, n[0].sign);
    if (n[1].kind == FP_INFINITE)
        return fp_infinity(f, n[1].sign);
    if (n[0].kind == FP_ZERO && n[1].kind == FP_ZERO && n[0].sign == n[1].sign)
        return fp_zero(f, n[0].sign);
    struct fp_number sum = sum_of(&n[0], &n[1]);
    return round_sum(f, &sum, fpcr, fpsr);
}

uint64_t fp_add(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    return add(f, a, b, false, fpcr, fpsr);
}

uint64_t fp_sub(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    return add(f, a, b, true, fpcr, fpsr);
}

static bool is_infinity_by_zero(const struct fp_number *a, const struct fp_number *b)
{
    return (a->kind == FP_INFINITE && b->kind == FP_ZERO) ||
           (a->kind == FP_ZERO && b->kind == FP_INFINITE);
}

static uint64_t multiply(enum fp_format f, uint64_t a, uint64_t b, bool is_extended,
                         uint32_t fpcr, uint32_t *fpsr)
{
    uint64_t operands[2] = {a, b}, result;
    struct fp_number n[2] = {fp_unpack(f, a, fpcr, fpsr), fp_unpack(f, b, fpcr, fpsr)};
    if (fp_process_nans(f, n, operands, 2, fpcr, fpsr, &result))
        return result;
    bool sign = n[0].sign != n[1].sign;
    if (is_infinity_by_zero(&n[0], &n[1]))
        return is_extended ? fp_two(f, sign) : fp_invalid(f, fpsr);
    if (n[0].kind == FP_INFINITE || n[1].kind == FP_INFINITE)
        return fp_infinity(f, sign);
    if (n[0].kind == FP_ZERO || n[1].kind == FP_ZERO)
        return fp_zero(f, sign);
    struct wide exact = wide_product(&n[0], &n[1]);
    struct fp_number product = narrow(exact.sign, exact.exponent, exact.mantissa);
    return fp_round(f, &product, fp_rounding_mode(fpcr), fpcr, fpsr);
}

uint64_t fp_mul(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    return multiply(f, a, b, false, fpcr, fpsr);
}

uint64_t fp_mulx(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    return multiply(f, a, b, true, fpcr, fpsr);
}

/* addend + a * b of finite numbers, not all of which vanish with one sign. */
static struct fp_number sum_of_product(const struct fp_number *addend, const struct fp_number *a,
                                       const struct fp_number *b)
{
    if (a->kind == FP_ZERO || b->kind == FP_ZERO)
        return *addend;
    struct wide product = wide_product(a, b);
    if (addend->kind == FP_ZERO)
        return narrow(product.sign, product.exponent, product.mantissa);
    return wide_sum(wide_of(addend), product);
}

uint64_t fp_mul_add(enum fp_format f, uint64_t addend, uint64_t a, uint64_t b, uint32_t fpcr,
                    uint32_t *fpsr)
{
    uint64_t operands[3] = {addend, a, b}, result;
    struct fp_number n[3];
    for (unsigned i = 0; i < 3; i++)
        n[i] = fp_unpack(f, operands[i], fpcr, fpsr);
    bool is_invalid = is_infinity_by_zero(&n[1], &n[2]);
    bool is_nan = fp_process_nans(f, n, operands, 3, fpcr, fpsr, &result);
    if (n[0].kind == FP_QUIET_NAN && is_invalid)
        return fp_invalid(f, fpsr);
    if (is_nan)
        return result;
    bool sign = n[1].sign != n[2].sign;
    bool is_infinite = n[1].kind == FP_INFINITE || n[2].kind == FP_INFINITE;
    bool is_zero = n[1].kind == FP_ZERO || n[2].kind == FP_ZERO;
    if (is_invalid || (n[0].kind == FP_INFINITE && is_infinite && n[0].sign != sign))
        return fp_invalid(f, fpsr);
    if (n[0].kind == FP_INFINITE)
        return fp_infinity(f, n[0].sign);
    if (is_infinite)
        return fp_infinity(f, sign);
    if (n[0].kind == FP_ZERO && is_zero && n[0].sign == sign)
        return fp_zero(f, sign);
    struct fp_number sum = sum_of_product(&n[0], &n[1], &n[2]);
    return round_sum(f, &sum, fpcr, fpsr);
}

/* (constant - a * b) * 2^-halvings; of_infinity is what an infinity by zero gives. */
static uint64_t step(enum fp_format f, uint64_t a, uint64_t b, const struct fp_number *constant,
                     int halvings, uint64_t of_infinity, uint32_t fpcr, uint32_t *fpsr)
{
    uint64_t operands[2] = {fp_neg(f, a), b}, result;
    struct fp_number n[2];
    for (unsigned i = 0; i < 2; i++)
        n[i] = fp_unpack(f, operands[i], fpcr, fpsr);
    if (fp_process_nans(f, n, operands, 2, fpcr, fpsr, &result))
        return result;
    if (is_infinity_by_zero(&n[0], &n[1]))
        return of_infinity;
    if (n[0].kind == FP_INFINITE || n[1].kind == FP_INFINITE)
        return fp_infinity(f, n[0].sign != n[1].sign);
    struct fp_number sum = sum_of_product(constant, &n[0], &n[1]);
    sum.exponent -= halvings;
    return round_sum(f, &sum, fpcr, fpsr);
}

uint64_t fp_recip_step(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    static const struct fp_number two = {FP_FINITE, false, 1, UINT64_C(1) << 63};
    return step(f, a, b, &two, 0, fp_two(f, false), fpcr, fpsr);
}

uint64_t fp_rsqrt_step(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    static const struct fp_number three = {FP_FINITE, false, 1, UINT64_C(3) << 62};
    return step(f, a, b, &three, 1, fp_one_point_five(f), fpcr, fpsr);
}
