/*
 * Floating-point numbers taken apart and put together: unpacking with flush-to-zero, rounding with
 * overflow and underflow, and the propagation of NaNs.
 *
 * Underflow is detected before rounding, and there is no alternate handling (FPCR.AH): that came
 * after Armv8.0. DDI 0487: FPUnpack, FPUnpackCV, FPRound, FPRoundCV, FPProcessNaN, FPProcessNaNs,
 * FPProcessNaNs3, FPProcessException.
 */
#include "cpu/fp/fp_parts.h"

#define HALF_WAY (UINT64_C(1) << 63)

/* FPUnpackBase: has_special tells whether the largest exponent means infinities and NaNs. */
static struct fp_number unpack(enum fp_format f, uint64_t a, bool has_special, bool flushes,
                               uint32_t *fpsr)
{
    unsigned fraction_bits = fp_fraction_bits(f);
    uint64_t fraction = a & bits_ones(fraction_bits);
    unsigned biased = (unsigned)(a >> fraction_bits & bits_ones(fp_exponent_bits(f)));
    struct fp_number n = {.kind = FP_ZERO, .sign = (a & fp_sign(f)) != 0};
    if (biased == 0 && (fraction == 0 || flushes)) {
        if (fraction != 0 && f != FP_HALF)
            fp_raise(fpsr, FPSR_IDC);
        return n;
    }
    if (biased == bits_ones(fp_exponent_bits(f)) && has_special) {
        bool is_quiet = fraction >> (fraction_bits - 1) != 0;
        n.kind = fraction == 0 ? FP_INFINITE : is_quiet ? FP_QUIET_NAN : FP_SIGNALLING_NAN;
        return n;
    }
    n.kind = FP_FINITE;
    n.exponent = fp_exponent_min(f) + (int)(biased == 0 ? 0 : biased - 1);
    n.mantissa = (fraction | (uint64_t)(biased != 0) << fraction_bits) << (63 - fraction_bits);
    int empty = __builtin_clzll(n.mantissa);
    n.mantissa <<= empty;
    n.exponent -= empty;
    return n;
}

struct fp_number fp_unpack(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr)
{
    return unpack(f, a, true, fp_flushes(f, fpcr), fpsr);
}

struct fp_number fp_unpack_half(uint64_t a, uint32_t fpcr, uint32_t *fpsr)
{
    return unpack(FP_HALF, a, (fpcr & FPCR_AHP) == 0, false, fpsr);
}

/* Whether a magnitude grows by one, where below is what lies beneath its last bit, in 2^-64. */
static bool rounds_up(enum fp_rounding rounding, bool sign, bool is_odd, uint64_t below)
{
    switch (rounding) {
    case FP_TIE_EVEN:
        return below > HALF_WAY || (below == HALF_WAY && is_odd);
    case FP_TIE_AWAY:
        return below >= HALF_WAY;
    case FP_TO_POSITIVE:
        return !sign && below != 0;
    case FP_TO_NEGATIVE:
        return sign && below != 0;
    case FP_TO_ZERO:
    case FP_TO_ODD:
        return false;
    }
    bug("rounding %d", (int)rounding);
}

static bool overflows_to_infinity(enum fp_rounding rounding, bool sign)
{
    switch (rounding) {
    case FP_TIE_EVEN:
    case FP_TIE_AWAY:
        return true;
    case FP_TO_POSITIVE:
        return !sign;
    case FP_TO_NEGATIVE:
        return sign;
    case FP_TO_ZERO:
    case FP_TO_ODD:
        return false;
    }
    bug("rounding %d", (int)rounding);
}

/* mantissa * 2^-shift as a whole number; *below gets the rest in 2^-64. shift is 1 or more. */
static uint64_t take_whole(uint64_t mantissa, unsigned shift, uint64_t *below)
{
    if (shift < 64) {
        *below = mantissa << (64 - shift);
        return mantissa >> shift;
    }
    *below = shift == 64 ? mantissa : mantissa != 0;
    return 0;
}

/* FPRoundBase: is_alternative is AHP's format without infinities. */
static uint64_t round_to(enum fp_format f, const struct fp_number *n, enum fp_rounding rounding,
                         bool is_alternative, bool flushes, uint32_t *fpsr)
{
    unsigned fraction_bits = fp_fraction_bits(f);
    int over = n->exponent - fp_exponent_min(f);
    if (over < 0 && flushes) {
        fp_raise(fpsr, FPSR_UFC);
        return fp_zero(f, n->sign);
    }
    uint64_t biased = over < 0 ? 0 : (uint64_t)over + 1, below;
    unsigned shift = 63 - fraction_bits + (over < 0 ? (unsigned)-over : 0);
    uint64_t whole = take_whole(n->mantissa, shift, &below);
    bool is_inexact = below != 0;
    if (biased == 0 && is_inexact)
        fp_raise(fpsr, FPSR_UFC);
    if (rounds_up(rounding, n->sign, whole & 1, below)) {
        whole++;
        if (whole == UINT64_C(1) << fraction_bits)
            biased = 1;
        if (whole == UINT64_C(2) << fraction_bits) {
            biased++;
            whole >>= 1;
        }
    }
    if (is_inexact && rounding == FP_TO_ODD)
        whole |= 1;
    if (is_alternative && biased >= UINT64_C(1) << fp_exponent_bits(f)) {
        fp_raise(fpsr, FPSR_IOC);
        return fp_zero(f, n->sign) | (fp_sign(f) - 1);
    }
    if (!is_alternative && biased >= bits_ones(fp_exponent_bits(f))) {
        fp_raise(fpsr, FPSR_OFC | FPSR_IXC);
        return overflows_to_infinity(rounding, n->sign) ? fp_infinity(f, n->sign)
                                                        : fp_max_normal(f, n->sign);
    }
    if (is_inexact)
        fp_raise(fpsr, FPSR_IXC);
    return fp_zero(f, n->sign) | biased << fraction_bits | (whole & bits_ones(fraction_bits));
}

uint64_t fp_round(enum fp_format f, const struct fp_number *n, enum fp_rounding rounding,
                  uint32_t fpcr, uint32_t *fpsr)
{
    return round_to(f, n, rounding, false, fp_flushes(f, fpcr), fpsr);
}

uint64_t fp_round_half(const struct fp_number *n, enum fp_rounding rounding, uint32_t fpcr,
                       uint32_t *fpsr)
{
    return round_to(FP_HALF, n, rounding, (fpcr & FPCR_AHP) != 0, false, fpsr);
}

uint64_t fp_invalid(enum fp_format f, uint32_t *fpsr)
{
    fp_raise(fpsr, FPSR_IOC);
    return fp_default_nan(f);
}

uint64_t fp_process_nan(enum fp_format f, enum fp_kind kind, uint64_t a, uint32_t fpcr,
                        uint32_t *fpsr)
{
    if (kind == FP_SIGNALLING_NAN)
        fp_raise(fpsr, FPSR_IOC);
    return fpcr & FPCR_DN ? fp_default_nan(f) : a | UINT64_C(1) << (fp_fraction_bits(f) - 1);
}

bool fp_process_nans(enum fp_format f, const struct fp_number *n, const uint64_t *a,
                     unsigned count, uint32_t fpcr, uint32_t *fpsr, uint64_t *result)
{
    static const enum fp_kind order[] = {FP_SIGNALLING_NAN, FP_QUIET_NAN};
    for (unsigned k = 0; k < ARRAY_COUNT(order); k++) {
        for (unsigned i = 0; i < count; i++) {
            if (n[i].kind != order[k])
                continue;
            *result = fp_process_nan(f, order[k], a[i], fpcr, fpsr);
            return true;
        }
    }
    return false;
}

uint64_t fp_whole(const struct fp_number *n, unsigned fbits, enum fp_rounding rounding,
                  bool *is_inexact, bool *is_huge)
{
    int top = n->exponent + (int)fbits; /* of the highest bit */
    *is_inexact = false;
    *is_huge = top > 63;
    if (*is_huge)
        return 0;
    if (top == 63)
        return n->mantissa;
    uint64_t below, whole = take_whole(n->mantissa, (unsigned)(63 - top), &below);
    *is_inexact = below != 0;
    return whole + rounds_up(rounding, n->sign, whole & 1, below);
}
