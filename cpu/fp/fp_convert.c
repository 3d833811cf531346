/*
 * Conversions: between floating-point formats, to and from fixed-point numbers, and to a whole
 * number in the same format.
 *
 * DDI 0487: FPConvert, FPConvertNaN, FPToFixed, FixedToFP, FPRoundInt.
 */
#include "cpu/fp/fp_parts.h"

/* FPConvertNaN(): the fraction keeps its top bits, and becomes quiet. */
static uint64_t convert_nan(enum fp_format to, enum fp_format from, uint64_t a)
{
    unsigned bits = fp_fraction_bits(from) - 1, wanted = fp_fraction_bits(to) - 1;
    uint64_t fraction = a & bits_ones(bits);
    fraction = wanted >= bits ? fraction << (wanted - bits) : fraction >> (bits - wanted);
    return fp_default_nan(to) | fp_zero(to, (a & fp_sign(from)) != 0) | fraction;
}

/* What the alternative half-precision format has instead of infinities and NaNs. */
static uint64_t convert_to_alternative(const struct fp_number *n, uint32_t *fpsr)
{
    fp_raise(fpsr, FPSR_IOC);
    uint64_t largest = n->kind == FP_INFINITE ? fp_sign(FP_HALF) - 1 : 0;
    return fp_zero(FP_HALF, n->sign) | largest;
}

uint64_t fp_convert(enum fp_format to, enum fp_format from, uint64_t a,
                    enum fp_rounding rounding, uint32_t fpcr, uint32_t *fpsr)
{
    struct fp_number n = from == FP_HALF ? fp_unpack_half(a, fpcr, fpsr)
                                         : fp_unpack(from, a, fpcr, fpsr);
    if (n.kind == FP_ZERO)
        return fp_zero(to, n.sign);
    if (n.kind == FP_FINITE)
        return to == FP_HALF ? fp_round_half(&n, rounding, fpcr, fpsr)
                             : fp_round(to, &n, rounding, fpcr, fpsr);
    if (to == FP_HALF && (fpcr & FPCR_AHP))
        return convert_to_alternative(&n, fpsr);
    if (n.kind == FP_INFINITE)
        return fp_infinity(to, n.sign);
    if (n.kind == FP_SIGNALLING_NAN)
        fp_raise(fpsr, FPSR_IOC);
    return fpcr & FPCR_DN ? fp_default_nan(to) : convert_nan(to, from, a);
}

/* SatQ() of a magnitude and a sign. */
static uint64_t saturate(uint64_t magnitude, bool sign, bool is_huge, bool is_unsigned,
                         unsigned width, bool *overflows)
{
    uint64_t limit = bits_ones(is_unsigned ? width : width - 1);
    if (sign)
        limit = is_unsigned ? 0 : limit + 1;
    *overflows = is_huge || magnitude > limit;
    if (*overflows)
        magnitude = limit;
    return (sign ? -magnitude : magnitude) & bits_ones(width);
}

uint64_t fp_to_fixed(enum fp_format f, uint64_t a, unsigned fbits, bool is_unsigned,
                     unsigned width, enum fp_rounding rounding, uint32_t fpcr, uint32_t *fpsr)
{
    struct fp_number n = fp_unpack(f, a, fpcr, fpsr);
    bool is_inexact = false, is_huge = n.kind == FP_INFINITE, overflows;
    if (fp_is_nan(&n)) {
        fp_raise(fpsr, FPSR_IOC);
        return 0;
    }
    uint64_t magnitude = 0;
    if (n.kind == FP_FINITE)
        magnitude = fp_whole(&n, fbits, rounding, &is_inexact, &is_huge);
    uint64_t result = saturate(magnitude, n.sign, is_huge, is_unsigned, width, &overflows);
    if (overflows)
        fp_raise(fpsr, FPSR_IOC);
    else if (is_inexact)
        fp_raise(fpsr, FPSR_IXC);
    return result;
}

/* A whole number times 2^-fbits; magnitude is not zero. */
static struct fp_number number_of(uint64_t magnitude, bool sign, unsigned fbits)
{
    int empty = __builtin_clzll(magnitude);
    return (struct fp_number){
        .kind = FP_FINITE,
        .sign = sign,
        .exponent = 63 - empty - (int)fbits,
        .mantissa = magnitude << empty,
    };
}

uint64_t fp_from_fixed(enum fp_format f, uint64_t value, unsigned fbits, bool is_unsigned,
                       unsigned width, enum fp_rounding rounding, uint32_t fpcr, uint32_t *fpsr)
{
    value &= bits_ones(width);
    bool sign = !is_unsigned && value >> (width - 1) != 0;
    uint64_t magnitude = sign ? -value & bits_ones(width) : value;
    if (magnitude == 0)
        return fp_zero(f, false);
    struct fp_number n = number_of(magnitude, sign, fbits);
    return fp_round(f, &n, rounding, fpcr, fpsr);
}

uint64_t fp_round_int(enum fp_format f, uint64_t a, enum fp_rounding rounding, bool exact,
                      uint32_t fpcr, uint32_t *fpsr)
{
    struct fp_number n = fp_unpack(f, a, fpcr, fpsr);
    if (fp_is_nan(&n))
        return fp_process_nan(f, n.kind, a, fpcr, fpsr);
    if (n.kind == FP_ZERO)
        return fp_zero(f, n.sign);
    bool is_inexact, is_huge;
    if (n.kind == FP_INFINITE || n.exponent >= (int)fp_fraction_bits(f))
        return a;
    uint64_t whole = fp_whole(&n, 0, rounding, &is_inexact, &is_huge);
    if (is_inexact && exact)
        fp_raise(fpsr, FPSR_IXC);
    if (whole == 0)
        return fp_zero(f, n.sign);
    struct fp_number result = number_of(whole, n.sign, 0);
    return fp_round(f, &result, FP_TO_ZERO, fpcr, fpsr);
}
