/*
 * What the files of this folder share: numbers taken apart, and the way back by rounding.
 */
#pragma once
#include "cpu/fp/fp.h"

/* FPCR.FZ16 of the half-precision extension; no row of sysreg.def names it until a model has it. */
#define FP_FZ16 (UINT32_C(1) << 19)

typedef unsigned __int128 uint128;

enum fp_kind { FP_ZERO, FP_FINITE, FP_INFINITE, FP_QUIET_NAN, FP_SIGNALLING_NAN };

/* A value: mantissa * 2^(exponent - 63). The top bit of a finite number's mantissa is 1; where it
 * is the result of a computation, bit 0 is also 1 if anything below it was not zero. */
struct fp_number {
    enum fp_kind kind;
    bool sign;
    int exponent;
    uint64_t mantissa;
};

static inline void fp_raise(uint32_t *fpsr, uint64_t bits)
{
    *fpsr |= (uint32_t)bits;
}

static inline unsigned fp_fraction_bits(enum fp_format f)
{
    return f == FP_DOUBLE ? 52 : f == FP_SINGLE ? 23 : 10;
}

static inline unsigned fp_exponent_bits(enum fp_format f)
{
    return f == FP_DOUBLE ? 11 : f == FP_SINGLE ? 8 : 5;
}

/* The exponent of the smallest normal number. */
static inline int fp_exponent_min(enum fp_format f)
{
    return 2 - (1 << (fp_exponent_bits(f) - 1));
}

/* FPZero, FPInfinity, FPMaxNormal, FPTwo, FPOnePointFive, FPDefaultNaN of the pseudocode. */
static inline uint64_t fp_zero(enum fp_format f, bool sign)
{
    return sign ? fp_sign(f) : 0;
}

static inline uint64_t fp_infinity(enum fp_format f, bool sign)
{
    return fp_zero(f, sign) | bits_ones(fp_exponent_bits(f)) << fp_fraction_bits(f);
}

static inline uint64_t fp_max_normal(enum fp_format f, bool sign)
{
    return fp_infinity(f, sign) - 1;
}

static inline uint64_t fp_two(enum fp_format f, bool sign)
{
    return fp_zero(f, sign) | UINT64_C(1) << (fp_fraction_bits(f) + fp_exponent_bits(f) - 1);
}

static inline uint64_t fp_one_point_five(enum fp_format f)
{
    uint64_t half = UINT64_C(1) << (fp_fraction_bits(f) - 1);
    return (bits_ones(fp_exponent_bits(f) - 1) << fp_fraction_bits(f)) | half;
}

static inline uint64_t fp_default_nan(enum fp_format f)
{
    return fp_infinity(f, false) | UINT64_C(1) << (fp_fraction_bits(f) - 1);
}

/* FPCR.FZ, or FZ16 for half precision. */
static inline bool fp_flushes(enum fp_format f, uint32_t fpcr)
{
    return (fpcr & (f == FP_HALF ? FP_FZ16 : FPCR_FZ)) != 0;
}

static inline bool fp_is_nan(const struct fp_number *n)
{
    return n->kind == FP_QUIET_NAN || n->kind == FP_SIGNALLING_NAN;
}

/* FPUnpack(): a denormal becomes zero under flush-to-zero, with IDC (not for half precision). */
struct fp_number fp_unpack(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr);
/* FPUnpackCV() of half precision: as fp_unpack(), but by FPCR.AHP, and denormals count. */
struct fp_number fp_unpack_half(uint64_t a, uint32_t fpcr, uint32_t *fpsr);

/* FPRound() of a finite number. */
uint64_t fp_round(enum fp_format f, const struct fp_number *n, enum fp_rounding rounding,
                  uint32_t fpcr, uint32_t *fpsr);
/* FPRoundCV() to half precision, by FPCR.AHP. */
uint64_t fp_round_half(const struct fp_number *n, enum fp_rounding rounding, uint32_t fpcr,
                       uint32_t *fpsr);

/* An invalid operation: its result is the default NaN. */
uint64_t fp_invalid(enum fp_format f, uint32_t *fpsr);
/* FPProcessNaN() */
uint64_t fp_process_nan(enum fp_format f, enum fp_kind kind, uint64_t a, uint32_t fpcr,
                        uint32_t *fpsr);
/*
 * FPProcessNaNs() and FPProcessNaNs3(): of count operands the first signalling NaN, else the first
 * quiet one gives *result; false if there is none.
 */
bool fp_process_nans(enum fp_format f, const struct fp_number *n, const uint64_t *a,
                     unsigned count, uint32_t fpcr, uint32_t *fpsr, uint64_t *result);

/* The whole part of a magnitude shifted left by fbits, rounded; *is_inexact tells of a fraction,
 * *is_huge that it does not fit 64 bits. */
uint64_t fp_whole(const struct fp_number *n, unsigned fbits, enum fp_rounding rounding,
                  bool *is_inexact, bool *is_huge);
