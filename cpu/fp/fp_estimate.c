/*
 * The estimates of reciprocals and reciprocal square roots, 8 bits and a table's worth of
 * arithmetic, which every implementation gives alike.
 *
 * DDI 0487: FPRecipEstimate, FPRSqrtEstimate, RecipEstimate, RecipSqrtEstimate,
 * UnsignedRecipEstimate, UnsignedRSqrtEstimate, FPRecpX.
 */
#include "cpu/fp/fp_parts.h"

/* Of 256..511, which stands for 0.5 to 1.0: 256..511, for 1.0 to 2.0. */
static unsigned recip_estimate(unsigned a)
{
    return ((1u << 19) / (2 * a + 1) + 1) / 2;
}

/* Of 128..511, which stands for 0.25 to 1.0: 256..511, for 1.0 to 2.0. */
static unsigned recip_sqrt_estimate(unsigned a)
{
    unsigned middle = a < 256 ? 2 * a + 1 : ((a | 1u) * 2);
    unsigned b = 512;
    while (middle * (b + 1) * (b + 1) < 1u << 28)
        b++;
    return (b + 1) / 2;
}

static int biased_exponent(enum fp_format f, uint64_t a)
{
    return (int)(a >> fp_fraction_bits(f) & bits_ones(fp_exponent_bits(f)));
}

/* The fraction in 52 bits. */
static uint64_t fraction52(enum fp_format f, uint64_t a)
{
    unsigned bits = fp_fraction_bits(f);
    return (a & bits_ones(bits)) << (52 - bits);
}

/* A number of its parts; the fraction has 52 bits. */
static uint64_t pack(enum fp_format f, bool sign, int biased, uint64_t fraction)
{
    unsigned bits = fp_fraction_bits(f);
    return fp_zero(f, sign) | (uint64_t)biased << bits |
           (fraction & bits_ones(52)) >> (52 - bits);
}

static int bias(enum fp_format f)
{
    return 1 - fp_exponent_min(f);
}

/* The reciprocal is too large for the format. */
static uint64_t recip_overflow(enum fp_format f, bool sign, uint32_t fpcr, uint32_t *fpsr)
{
    enum fp_rounding rounding = fp_rounding_mode(fpcr);
    bool to_infinity = rounding == FP_TIE_EVEN || rounding == (sign ? FP_TO_NEGATIVE
                                                                   : FP_TO_POSITIVE);
    fp_raise(fpsr, FPSR_OFC | FPSR_IXC);
    return to_infinity ? fp_infinity(f, sign) : fp_max_normal(f, sign);
}

static uint64_t recip_finite(enum fp_format f, uint64_t a, bool sign)
{
    int exponent = biased_exponent(f, a);
    uint64_t fraction = fraction52(f, a);
    if (exponent == 0) { /* of denormals only the two largest binades come here */
        bool is_half = fraction >> 51 & 1;
        exponent = is_half ? 0 : -1;
        fraction = fraction << (is_half ? 1 : 2) & bits_ones(52);
    }
    unsigned estimate = recip_estimate(256 | (unsigned)(fraction >> 44));
    int result = 2 * bias(f) - 1 - exponent;
    fraction = (uint64_t)(estimate & 255) << 44;
    if (result == 0)
        fraction = UINT64_C(1) << 51 | fraction >> 1;
    else if (result == -1)
        fraction = UINT64_C(1) << 50 | fraction >> 2;
    return pack(f, sign, result < 0 ? 0 : result, fraction);
}

uint64_t fp_recip_estimate(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr)
{
    struct fp_number n = fp_unpack(f, a, fpcr, fpsr);
    if (fp_is_nan(&n))
        return fp_process_nan(f, n.kind, a, fpcr, fpsr);
    if (n.kind == FP_INFINITE)
        return fp_zero(f, n.sign);
    if (n.kind == FP_ZERO) {
        fp_raise(fpsr, FPSR_DZC);
        return fp_infinity(f, n.sign);
    }
    if (n.exponent < fp_exponent_min(f) - 2)
        return recip_overflow(f, n.sign, fpcr, fpsr);
    if (fp_flushes(f, fpcr) && n.exponent >= -fp_exponent_min(f)) {
        fp_raise(fpsr, FPSR_UFC);
        return fp_zero(f, n.sign);
    }
    return recip_finite(f, a, n.sign);
}

uint64_t fp_rsqrt_estimate(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr)
{
    struct fp_number n = fp_unpack(f, a, fpcr, fpsr);
    if (fp_is_nan(&n))
        return fp_process_nan(f, n.kind, a, fpcr, fpsr);
    if (n.kind == FP_ZERO) {
        fp_raise(fpsr, FPSR_DZC);
        return fp_infinity(f, n.sign);
    }
    if (n.sign)
        return fp_invalid(f, fpsr);
    if (n.kind == FP_INFINITE)
        return fp_zero(f, false);
    int exponent = biased_exponent(f, a);
    uint64_t fraction = fraction52(f, a);
    if (exponent == 0) {
        while ((fraction >> 51 & 1) == 0) {
            fraction = fraction << 1 & bits_ones(52);
            exponent--;
        }
        fraction = fraction << 1 & bits_ones(52);
    }
    unsigned scaled = exponent & 1 ? 128 | (unsigned)(fraction >> 45)
                                   : 256 | (unsigned)(fraction >> 44);
    uint64_t estimate = recip_sqrt_estimate(scaled) & 255;
    return pack(f, false, (3 * bias(f) - 1 - exponent) / 2, estimate << 44);
}

uint64_t fp_recpx(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr)
{
    struct fp_number n = fp_unpack(f, a, fpcr, fpsr);
    if (fp_is_nan(&n))
        return fp_process_nan(f, n.kind, a, fpcr, fpsr);
    int largest = (int)bits_ones(fp_exponent_bits(f)), exponent = biased_exponent(f, a);
    return pack(f, n.sign, exponent == 0 ? largest - 1 : largest - exponent, 0);
}

uint32_t fp_unsigned_recip_estimate(uint32_t a)
{
    return a >> 31 ? recip_estimate(a >> 23) << 23 : UINT32_MAX;
}

uint32_t fp_unsigned_rsqrt_estimate(uint32_t a)
{
    return a >> 30 ? recip_sqrt_estimate(a >> 23) << 23 : UINT32_MAX;
}
