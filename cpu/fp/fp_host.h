/*
 * The common cases of fp.h on the host's own arithmetic, which is IEEE 754 in round to nearest:
 * fp_host_NAME() answers false where it does not surely give the result and the flags of
 * fp_name(), which then must be asked; fp_NAME_quickly() does both.
 *
 * A case is taken only if FPCR rounds to nearest, no operand is flushed to zero, and the result
 * is a normal number at least twice the smallest one (or a zero that is exact), so that there is
 * no NaN, overflow, division by zero or underflow, before or after rounding. What is left is IXC:
 * either it is set already, or the rounding error, which is a floating-point number itself, tells.
 */
#pragma once
#include "cpu/fp/fp.h"

_Static_assert(__FLT_EVAL_METHOD__ == 0, "float and double have no excess precision");

/* With a product or a dividend from here on, biased, an error term of double precision is exact. */
#define FP_HOST_ERROR_EXACT 128u

static inline double fp_double_of(uint64_t bits)
{
    double value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t fp_bits_of_double(double value)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float fp_single_of(uint64_t bits)
{
    float value;
    uint32_t word = (uint32_t)bits;
    __builtin_memcpy(&value, &word, sizeof value);
    return value;
}

static inline uint64_t fp_bits_of_single(float value)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline unsigned fp_exponent64(uint64_t a)
{
    return (unsigned)(a >> 52) & 0x7ffu;
}

static inline unsigned fp_exponent32(uint64_t a)
{
    return (unsigned)(a >> 23) & 0xffu;
}

/* Normal, not infinite, and not next to the denormal numbers. */
static inline bool fp_is_safe64(uint64_t a)
{
    return fp_exponent64(a) - 2u < 0x7fdu;
}

static inline bool fp_is_safe32(uint64_t a)
{
    return fp_exponent32(a) - 2u < 0xfdu;
}

static inline bool fp_is_zero64(uint64_t a)
{
    return a << 1 == 0;
}

static inline bool fp_is_zero32(uint64_t a)
{
    return (uint32_t)a << 1 == 0;
}

static inline bool fp_rounds_to_nearest(uint32_t fpcr)
{
    return (fpcr & FPCR_RMode) == 0;
}

/* Under flush-to-zero, whether an operand is denormal (or zero, which does not matter). */
static inline bool fp_may_flush64(uint64_t a, uint32_t fpcr)
{
    return (fpcr & FPCR_FZ) != 0 && fp_exponent64(a) == 0;
}

static inline bool fp_may_flush32(uint64_t a, uint32_t fpcr)
{
    return (fpcr & FPCR_FZ) != 0 && fp_exponent32(a) == 0;
}

static inline void fp_note_inexact(bool is_inexact, uint32_t *fpsr)
{
    if (is_inexact)
        *fpsr |= (uint32_t)FPSR_IXC;
}

/* The error of a sum that is finite: exact, since the larger summand comes first. */
static inline double fp_sum_error64(double a, double b, double sum)
{
    bool is_ordered = __builtin_fabs(a) >= __builtin_fabs(b);
    double larger = is_ordered ? a : b, smaller = is_ordered ? b : a;
    return smaller - (sum - larger);
}

static inline bool fp_host_add64(uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr,
                                 uint64_t *result)
{
    if (!fp_rounds_to_nearest(fpcr) || fp_may_flush64(a, fpcr) || fp_may_flush64(b, fpcr))
        return false;
    double x = fp_double_of(a), y = fp_double_of(b), sum = x + y;
    *result = fp_bits_of_double(sum);
    if (!fp_is_safe64(*result) && !fp_is_zero64(*result))
        return false;
    if ((*fpsr & FPSR_IXC) == 0)
        fp_note_inexact(fp_sum_error64(x, y, sum) != 0, fpsr);
    return true;
}

static inline bool fp_host_add32(uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr,
                                 uint64_t *result)
{
    if (!fp_rounds_to_nearest(fpcr) || fp_may_flush32(a, fpcr) || fp_may_flush32(b, fpcr))
        return false;
    float x = fp_single_of(a), y = fp_single_of(b), sum = x + y;
    *result = fp_bits_of_single(sum);
    if (!fp_is_safe32(*result) && !fp_is_zero32(*result))
        return false;
    if ((*fpsr & FPSR_IXC) == 0) {
        bool is_ordered = __builtin_fabsf(x) >= __builtin_fabsf(y);
        float larger = is_ordered ? x : y, smaller = is_ordered ? y : x;
        fp_note_inexact(smaller - (sum - larger) != 0, fpsr);
    }
    return true;
}

static inline bool fp_host_mul64(uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr,
                                 uint64_t *result)
{
    if (!fp_rounds_to_nearest(fpcr) || fp_may_flush64(a, fpcr) || fp_may_flush64(b, fpcr))
        return false;
    double x = fp_double_of(a), y = fp_double_of(b), product = x * y;
    *result = fp_bits_of_double(product);
    if (!fp_is_safe64(*result))
        return fp_is_zero64(*result) && (fp_is_zero64(a) || fp_is_zero64(b));
    if (*fpsr & FPSR_IXC)
        return true;
    if (fp_exponent64(*result) < FP_HOST_ERROR_EXACT)
        return false;
    fp_note_inexact(__builtin_fma(x, y, -product) != 0, fpsr);
    return true;
}

static inline bool fp_host_mul32(uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr,
                                 uint64_t *result)
{
    if (!fp_rounds_to_nearest(fpcr) || fp_may_flush32(a, fpcr) || fp_may_flush32(b, fpcr))
        return false;
    double exact = (double)fp_single_of(a) * (double)fp_single_of(b);
    float product = (float)exact;
    *result = fp_bits_of_single(product);
    if (!fp_is_safe32(*result))
        return fp_is_zero32(*result) && (fp_is_zero32(a) || fp_is_zero32(b));
    fp_note_inexact((double)product != exact, fpsr);
    return true;
}

static inline bool fp_host_mul_add64(uint64_t addend, uint64_t a, uint64_t b, uint32_t fpcr,
                                     uint32_t *fpsr, uint64_t *result)
{
    if (!fp_rounds_to_nearest(fpcr) || fp_may_flush64(a, fpcr) || fp_may_flush64(b, fpcr) ||
        fp_may_flush64(addend, fpcr))
        return false;
    double x = fp_double_of(a), y = fp_double_of(b), z = fp_double_of(addend);
    double sum = __builtin_fma(x, y, z);
    *result = fp_bits_of_double(sum);
    bool vanishes = fp_is_zero64(a) || fp_is_zero64(b); /* the product does */
    if (!fp_is_safe64(*result))
        return vanishes && fp_is_zero64(*result);
    if (vanishes || (*fpsr & FPSR_IXC))
        return true;
    double product = x * y;
    uint64_t bits = fp_bits_of_double(product);
    if (!fp_is_safe64(bits) || fp_exponent64(bits) < FP_HOST_ERROR_EXACT)
        return false;
    /* where not both are exact, the errors might still cancel */
    return __builtin_fma(x, y, -product) == 0 && fp_sum_error64(product, z, sum) == 0;
}

/* A sum of double precision that lies just between two numbers of single precision. */
#define FP_HOST_BELOW_SINGLE UINT64_C(0x1fffffff)
#define FP_HOST_HALF_SINGLE UINT64_C(0x10000000)

/*
 * The product is exact in double precision, and so is a number half way between two of single
 * precision: rounding the rounded sum goes wrong only where it is such a number and the exact sum
 * is not. Then its last bit is set towards the exact sum, as rounding to odd would.
 */
static inline bool fp_host_mul_add32(uint64_t addend, uint64_t a, uint64_t b, uint32_t fpcr,
                                     uint32_t *fpsr, uint64_t *result)
{
    if (!fp_rounds_to_nearest(fpcr) || fp_may_flush32(a, fpcr) || fp_may_flush32(b, fpcr) ||
        fp_may_flush32(addend, fpcr))
        return false;
    double product = (double)fp_single_of(a) * (double)fp_single_of(b);
    double z = (double)fp_single_of(addend), sum = product + z;
    uint64_t bits = fp_bits_of_double(sum);
    bool is_half = (bits & FP_HOST_BELOW_SINGLE) == FP_HOST_HALF_SINGLE;
    double error = 0;
    if (__builtin_expect(is_half || (*fpsr & FPSR_IXC) == 0, 0))
        error = fp_sum_error64(product, z, sum);
    if (is_half && error != 0)
        sum = fp_double_of((error > 0) == (sum > 0) ? bits + 1 : bits - 1);
    float rounded = (float)sum;
    *result = fp_bits_of_single(rounded);
    if (!fp_is_safe32(*result))
        return sum == 0;
    fp_note_inexact(error != 0 || (double)rounded != sum, fpsr);
    return true;
}

/*
 * Four of these at once, where FPSR.IXC is set already: false if any of them is no such case.
 * Lanes of result that fail mean nothing.
 */
static inline bool fp_host_mul_add32x4(const uint32_t addend[4], const uint32_t a[4],
                                       const uint32_t b[4], uint32_t fpcr, uint32_t fpsr,
                                       uint32_t result[4])
{
    if ((fpcr & (FPCR_RMode | FPCR_FZ)) != 0 || (fpsr & FPSR_IXC) == 0)
        return false;
    bool is_good = true;
    for (unsigned i = 0; i < 4; i++) {
        double product = (double)fp_single_of(a[i]) * (double)fp_single_of(b[i]);
        double sum = product + (double)fp_single_of(addend[i]);
        uint64_t bits = fp_bits_of_double(sum);
        result[i] = (uint32_t)fp_bits_of_single((float)sum);
        is_good &= (bits & FP_HOST_BELOW_SINGLE) != FP_HOST_HALF_SINGLE;
        is_good &= fp_is_safe32(result[i]);
    }
    return is_good;
}

static inline bool fp_host_div64(uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr,
                                 uint64_t *result)
{
    if (!fp_rounds_to_nearest(fpcr) || fp_may_flush64(a, fpcr) || fp_may_flush64(b, fpcr))
        return false;
    double x = fp_double_of(a), y = fp_double_of(b), quotient = x / y;
    *result = fp_bits_of_double(quotient);
    if (!fp_is_safe64(*result))
        return false;
    if (*fpsr & FPSR_IXC)
        return true;
    if (fp_exponent64(a) < FP_HOST_ERROR_EXACT)
        return false;
    fp_note_inexact(__builtin_fma(quotient, y, -x) != 0, fpsr);
    return true;
}

static inline bool fp_host_div32(uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr,
                                 uint64_t *result)
{
    if (!fp_rounds_to_nearest(fpcr) || fp_may_flush32(a, fpcr) || fp_may_flush32(b, fpcr))
        return false;
    float x = fp_single_of(a), y = fp_single_of(b), quotient = x / y;
    *result = fp_bits_of_single(quotient);
    if (!fp_is_safe32(*result))
        return false;
    fp_note_inexact((double)quotient * (double)y != (double)x, fpsr);
    return true;
}

static inline bool fp_host_sqrt64(uint64_t a, uint32_t fpcr, uint32_t *fpsr, uint64_t *result)
{
    if (!fp_rounds_to_nearest(fpcr) || !fp_is_safe64(a) || a >> 63)
        return false;
    double x = fp_double_of(a), root = __builtin_sqrt(x);
    *result = fp_bits_of_double(root);
    if (*fpsr & FPSR_IXC)
        return true;
    if (fp_exponent64(a) < FP_HOST_ERROR_EXACT)
        return false;
    fp_note_inexact(__builtin_fma(root, root, -x) != 0, fpsr);
    return true;
}

static inline bool fp_host_sqrt32(uint64_t a, uint32_t fpcr, uint32_t *fpsr, uint64_t *result)
{
    if (!fp_rounds_to_nearest(fpcr) || !fp_is_safe32(a) || a >> 31 & 1)
        return false;
    float x = fp_single_of(a), root = __builtin_sqrtf(x);
    *result = fp_bits_of_single(root);
    fp_note_inexact((double)root * (double)root != (double)x, fpsr);
    return true;
}

/* No NaN, and no denormal under flush-to-zero: NZCV in *nzcv; any rounding mode. */
static inline bool fp_host_compare64(uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *nzcv)
{
    double x = fp_double_of(a), y = fp_double_of(b);
    if (x != x || y != y || fp_may_flush64(a, fpcr) || fp_may_flush64(b, fpcr))
        return false;
    *nzcv = (x == y ? UINT32_C(6) : x < y ? UINT32_C(8) : UINT32_C(2)) << 28;
    return true;
}

static inline bool fp_host_compare32(uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *nzcv)
{
    float x = fp_single_of(a), y = fp_single_of(b);
    if (x != x || y != y || fp_may_flush32(a, fpcr) || fp_may_flush32(b, fpcr))
        return false;
    *nzcv = (x == y ? UINT32_C(6) : x < y ? UINT32_C(8) : UINT32_C(2)) << 28;
    return true;
}

static inline uint64_t fp_add_quickly(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr,
                                      uint32_t *fpsr)
{
    uint64_t result;
    if (f == FP_DOUBLE ? fp_host_add64(a, b, fpcr, fpsr, &result)
                       : f == FP_SINGLE && fp_host_add32(a, b, fpcr, fpsr, &result))
        return result;
    return fp_add(f, a, b, fpcr, fpsr);
}

/* A NaN keeps its sign in a subtraction; a subtrahend of the host case is none. */
static inline uint64_t fp_sub_quickly(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr,
                                      uint32_t *fpsr)
{
    uint64_t result, negated = fp_neg(f, b);
    if (f == FP_DOUBLE ? fp_host_add64(a, negated, fpcr, fpsr, &result)
                       : f == FP_SINGLE && fp_host_add32(a, negated, fpcr, fpsr, &result))
        return result;
    return fp_sub(f, a, b, fpcr, fpsr);
}

static inline uint64_t fp_mul_quickly(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr,
                                      uint32_t *fpsr)
{
    uint64_t result;
    if (f == FP_DOUBLE ? fp_host_mul64(a, b, fpcr, fpsr, &result)
                       : f == FP_SINGLE && fp_host_mul32(a, b, fpcr, fpsr, &result))
        return result;
    return fp_mul(f, a, b, fpcr, fpsr);
}

static inline uint64_t fp_mul_add_quickly(enum fp_format f, uint64_t addend, uint64_t a,
                                          uint64_t b, uint32_t fpcr, uint32_t *fpsr)
{
    uint64_t result;
    if (f == FP_DOUBLE ? fp_host_mul_add64(addend, a, b, fpcr, fpsr, &result)
                       : f == FP_SINGLE && fp_host_mul_add32(addend, a, b, fpcr, fpsr, &result))
        return result;
    return fp_mul_add(f, addend, a, b, fpcr, fpsr);
}

static inline uint64_t fp_div_quickly(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr,
                                      uint32_t *fpsr)
{
    uint64_t result;
    if (f == FP_DOUBLE ? fp_host_div64(a, b, fpcr, fpsr, &result)
                       : f == FP_SINGLE && fp_host_div32(a, b, fpcr, fpsr, &result))
        return result;
    return fp_div(f, a, b, fpcr, fpsr);
}

static inline uint64_t fp_sqrt_quickly(enum fp_format f, uint64_t a, uint32_t fpcr,
                                       uint32_t *fpsr)
{
    uint64_t result;
    if (f == FP_DOUBLE ? fp_host_sqrt64(a, fpcr, fpsr, &result)
                       : f == FP_SINGLE && fp_host_sqrt32(a, fpcr, fpsr, &result))
        return result;
    return fp_sqrt(f, a, fpcr, fpsr);
}

static inline uint32_t fp_compare_quickly(enum fp_format f, uint64_t a, uint64_t b, bool signals,
                                          uint32_t fpcr, uint32_t *fpsr)
{
    uint32_t nzcv;
    if (f == FP_DOUBLE ? fp_host_compare64(a, b, fpcr, &nzcv)
                       : f == FP_SINGLE && fp_host_compare32(a, b, fpcr, &nzcv))
        return nzcv;
    return fp_compare(f, a, b, signals, fpcr, fpsr);
}
