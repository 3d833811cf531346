/*
 * Floating-point arithmetic of single and double precision against the host's, in all rounding
 * modes, and the paths of fp_host.h against those of fp.h. The host says nothing of flush-to-zero
 * and of NaNs: the first is done here around it, the second is in fp_rules.c.
 */
#include "cpu/fp/fp.h"
#include "cpu/fp/fp_host.h"

#include <criterion/criterion.h>
#include <fenv.h>
#include <math.h>
#include <stdlib.h>

enum operation { ADD, SUB, MUL, DIV, SQRT, MUL_ADD, OPERATION_COUNT };

struct answer {
    uint64_t bits;
    uint32_t flags;
};

static uint64_t seed = 1;

static uint64_t next(void)
{
    return hash_mix(seed++);
}

static unsigned below(unsigned n)
{
    return (unsigned)((next() >> 32) % n);
}

static unsigned fraction_bits(enum fp_format f)
{
    return f == FP_DOUBLE ? 52 : 23;
}

static uint64_t exponent_ones(enum fp_format f)
{
    return f == FP_DOUBLE ? 0x7ff : 0xff;
}

/* A number that likes to be at an end of something; never a NaN. */
static uint64_t operand(enum fp_format f)
{
    unsigned bits = fraction_bits(f);
    uint64_t ones = exponent_ones(f), fraction = next() & bits_ones(bits), exponent;
    switch (below(8)) {
    case 0: /* zero and the smallest and largest denormal numbers */
        exponent = 0;
        fraction = below(2) ? fraction & 3 : ~(fraction & 3) & bits_ones(bits);
        break;
    case 1: /* denormal */
        exponent = 0;
        fraction >>= below(bits);
        break;
    case 2: /* around the smallest normal number */
        exponent = 1 + below(3);
        fraction = below(2) ? fraction & 3 : fraction;
        break;
    case 3: /* the largest ones, infinity */
        exponent = ones - below(4);
        fraction = below(2) ? bits_ones(bits) ^ (fraction & 1) : fraction;
        break;
    case 4: /* near one */
        exponent = ones / 2 + below(60) - 30;
        break;
    case 5: /* few bits */
        exponent = ones / 2 + below(60) - 30;
        fraction &= ~bits_ones(bits - below(6));
        break;
    case 6: /* where products underflow or overflow */
        exponent = (below(2) ? ones / 4 : 3 * ones / 4) + below(8) - 4;
        break;
    default:
        exponent = (next() >> 8) % ones;
        break;
    }
    if (exponent == ones)
        fraction = 0;
    return (next() & 1 ? fp_sign(f) : 0) | exponent << bits | fraction;
}

static bool is_denormal(enum fp_format f, uint64_t a)
{
    return (a >> fraction_bits(f) & exponent_ones(f)) == 0 && (a & bits_ones(fraction_bits(f)));
}

static bool is_nan(enum fp_format f, uint64_t a)
{
    return (a & ~fp_sign(f)) > exponent_ones(f) << fraction_bits(f);
}

static const int host_rounding[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

static uint32_t host_flags(void)
{
    int raised = fetestexcept(FE_ALL_EXCEPT);
    return (uint32_t)((raised & FE_INVALID ? FPSR_IOC : 0) |
                      (raised & FE_DIVBYZERO ? FPSR_DZC : 0) |
                      (raised & FE_OVERFLOW ? FPSR_OFC : 0) |
                      (raised & FE_UNDERFLOW ? FPSR_UFC : 0) |
                      (raised & FE_INEXACT ? FPSR_IXC : 0));
}

static double host64(enum operation op, double a, double b, double c)
{
    switch (op) {
    case ADD:
        return a + b;
    case SUB:
        return a - b;
    case MUL:
        return a * b;
    case DIV:
        return a / b;
    case SQRT:
        return sqrt(a);
    case MUL_ADD:
        return fma(a, b, c);
    case OPERATION_COUNT:
        break;
    }
    return 0;
}

static float host32(enum operation op, float a, float b, float c)
{
    switch (op) {
    case ADD:
        return a + b;
    case SUB:
        return a - b;
    case MUL:
        return a * b;
    case DIV:
        return a / b;
    case SQRT:
        return sqrtf(a);
    case MUL_ADD:
        return fmaf(a, b, c);
    case OPERATION_COUNT:
        break;
    }
    return 0;
}

/* What a sum of 113 bits lacks. */
static __float128 part_missing(__float128 a, __float128 b, __float128 sum)
{
    __float128 x = a < 0 ? -a : a, y = b < 0 ? -b : b;
    return x >= y ? b - (sum - a) : a - (sum - b);
}

/* The magnitude before rounding is below the smallest normal number: in 113 bits. */
static bool is_tiny(enum fp_format f, enum operation op, const uint64_t x[3])
{
    __float128 v[3], result, rest = 0;
    for (unsigned i = 0; i < 3; i++)
        v[i] = f == FP_DOUBLE ? (__float128)fp_double_of(x[i]) : (__float128)fp_single_of(x[i]);
    switch (op) {
    case MUL:
        result = v[0] * v[1];
        break;
    case DIV:
        result = v[0] / v[1];
        break;
    case MUL_ADD:
        result = v[0] * v[1] + v[2];
        rest = part_missing(v[0] * v[1], v[2], result);
        break;
    case ADD:
    case SUB:
    case SQRT:
    case OPERATION_COUNT:
    default:
        return false; /* what is tiny then is exact */
    }
    __float128 least = f == FP_DOUBLE ? (__float128)0x1p-1022 : (__float128)0x1p-126;
    if (result < 0) {
        result = -result;
        rest = -rest;
    }
    return result != 0 && (result < least || (result == least && rest < 0));
}

/* The host's answer. Operands a, b, c; the fused operation is a * b + c. */
static struct answer host(enum fp_format f, enum operation op, const uint64_t x[3], unsigned mode)
{
    struct answer answer;
    volatile double a = fp_double_of(x[0]), b = fp_double_of(x[1]), c = fp_double_of(x[2]), r = 0;
    volatile float s = fp_single_of(x[0]), t = fp_single_of(x[1]), u = fp_single_of(x[2]), q = 0;
    fesetround(host_rounding[mode]);
    feclearexcept(FE_ALL_EXCEPT);
    if (f == FP_DOUBLE)
        r = host64(op, a, b, c);
    else
        q = host32(op, s, t, u);
    answer.flags = host_flags();
    fesetround(FE_TONEAREST);
    answer.bits = f == FP_DOUBLE ? fp_bits_of_double(r) : fp_bits_of_single(q);
    /* the host looks for underflow behind the rounding */
    if (answer.flags & FPSR_IXC && is_tiny(f, op, x))
        answer.flags |= (uint32_t)FPSR_UFC;
    if (answer.flags & FPSR_IOC)
        answer.bits = f == FP_DOUBLE ? UINT64_C(0x7ff8) << 48 : 0x7fc00000;
    return answer;
}

/* With flush-to-zero around the host: of denormal operands, and of results that were tiny. */
static struct answer expected(enum fp_format f, enum operation op, const uint64_t x[3],
                              uint32_t fpcr)
{
    uint64_t y[3];
    uint32_t flags = 0;
    unsigned used = op == MUL_ADD ? 3 : op == SQRT ? 1 : 2;
    for (unsigned i = 0; i < 3; i++) {
        y[i] = x[i];
        if ((fpcr & FPCR_FZ) && i < used && is_denormal(f, x[i])) {
            y[i] &= fp_sign(f);
            flags |= (uint32_t)FPSR_IDC;
        }
    }
    struct answer answer = host(f, op, y, fp_rounding_mode(fpcr));
    bool is_tiny_sum = is_denormal(f, answer.bits) && (op == ADD || op == SUB);
    if ((fpcr & FPCR_FZ) && (is_tiny_sum || is_tiny(f, op, y))) {
        answer.flags = (uint32_t)FPSR_UFC;
        answer.bits &= fp_sign(f);
    }
    answer.flags |= flags;
    return answer;
}

static struct answer ours(enum fp_format f, enum operation op, const uint64_t x[3], uint32_t fpcr)
{
    struct answer answer = {0, 0};
    switch (op) {
    case ADD:
        answer.bits = fp_add(f, x[0], x[1], fpcr, &answer.flags);
        break;
    case SUB:
        answer.bits = fp_sub(f, x[0], x[1], fpcr, &answer.flags);
        break;
    case MUL:
        answer.bits = fp_mul(f, x[0], x[1], fpcr, &answer.flags);
        break;
    case DIV:
        answer.bits = fp_div(f, x[0], x[1], fpcr, &answer.flags);
        break;
    case SQRT:
        answer.bits = fp_sqrt(f, x[0], fpcr, &answer.flags);
        break;
    case MUL_ADD:
        answer.bits = fp_mul_add(f, x[2], x[0], x[1], fpcr, &answer.flags);
        break;
    case OPERATION_COUNT:
        break;
    }
    return answer;
}

/* What fp_host.h gives, or false where it gives nothing. */
static bool quick(enum fp_format f, enum operation op, const uint64_t x[3], uint32_t fpcr,
                  struct answer *answer)
{
    bool is_double = f == FP_DOUBLE;
    uint32_t *flags = &answer->flags;
    uint64_t *bits = &answer->bits, negated = fp_neg(f, x[1]);
    switch (op) {
    case ADD:
        return is_double ? fp_host_add64(x[0], x[1], fpcr, flags, bits)
                         : fp_host_add32(x[0], x[1], fpcr, flags, bits);
    case SUB:
        return is_double ? fp_host_add64(x[0], negated, fpcr, flags, bits)
                         : fp_host_add32(x[0], negated, fpcr, flags, bits);
    case MUL:
        return is_double ? fp_host_mul64(x[0], x[1], fpcr, flags, bits)
                         : fp_host_mul32(x[0], x[1], fpcr, flags, bits);
    case DIV:
        return is_double ? fp_host_div64(x[0], x[1], fpcr, flags, bits)
                         : fp_host_div32(x[0], x[1], fpcr, flags, bits);
    case SQRT:
        return is_double ? fp_host_sqrt64(x[0], fpcr, flags, bits)
                         : fp_host_sqrt32(x[0], fpcr, flags, bits);
    case MUL_ADD:
        return is_double ? fp_host_mul_add64(x[2], x[0], x[1], fpcr, flags, bits)
                         : fp_host_mul_add32(x[2], x[0], x[1], fpcr, flags, bits);
    case OPERATION_COUNT:
        break;
    }
    return false;
}

static uint64_t count_of_cases(void)
{
    return getenv("LONG") ? 20000000 : 1000000;
}

static uint32_t fpcr_of(unsigned mode, bool flushes)
{
    return (uint32_t)(field_put(FPCR_RMode, mode) | (flushes ? FPCR_FZ : 0));
}

/* A product that is just not half of the addend's last bit, or nearly that: (1 + e) * (1 - e). */
static void draw_half(enum fp_format f, uint64_t x[3])
{
    unsigned bits = fraction_bits(f), k = 1 + below(bits - 1);
    uint64_t bias = exponent_ones(f) / 2, i = bias - 5 + below(10), j = bias - 5 + below(10);
    uint64_t signs = next();
    x[0] = i << bits | (below(8) ? UINT64_C(1) << (bits - k) : 0);
    x[1] = (j - 1) << bits | bits_ones(k - 1) << (bits - k + 1);
    x[2] = (i + j - bias + bits + below(3)) << bits | (next() & bits_ones(bits));
    for (unsigned n = 0; n < 3; n++)
        x[n] |= signs >> n & 1 ? fp_sign(f) : 0;
}

static void draw(enum fp_format f, uint64_t x[3])
{
    if (below(8) == 0) {
        draw_half(f, x);
        return;
    }
    for (unsigned i = 0; i < 3; i++)
        x[i] = operand(f);
    if (below(8) == 0) /* cancels, or nearly so */
        x[1] = fp_neg(f, x[0]) ^ (next() & 1);
    if (below(8) == 0)
        x[2] = fp_neg(f, ours(f, MUL, x, 0).bits) ^ (next() & 1);
    for (unsigned i = 0; i < 3; i++) {
        if (is_nan(f, x[i]))
            x[i] &= fp_sign(f);
    }
}

static void compare_with_host(enum fp_format f)
{
    unsigned wrong = 0;
    for (uint64_t n = 0; n < count_of_cases() && wrong < 20; n++) {
        enum operation op = (enum operation)below(OPERATION_COUNT);
        uint32_t fpcr = fpcr_of(below(4), below(4) == 0);
        uint64_t x[3];
        draw(f, x);
        struct answer a = ours(f, op, x, fpcr), b = expected(f, op, x, fpcr);
        bool is_equal = a.bits == b.bits && a.flags == b.flags;
        wrong += !is_equal;
        cr_expect(is_equal, "operation %d of %#lx, %#lx, %#lx, FPCR %#x: %#lx %#x, not %#lx %#x",
                  (int)op, x[0], x[1], x[2], fpcr, a.bits, a.flags, b.bits, b.flags);
    }
}

Test(fp_arithmetic, double_precision_is_the_host_s)
{
    compare_with_host(FP_DOUBLE);
}

Test(fp_arithmetic, single_precision_is_the_host_s)
{
    compare_with_host(FP_SINGLE);
}

/* Any bits at all, NaNs too; IXC set before or not. */
static void compare_quick(enum fp_format f)
{
    uint64_t taken[OPERATION_COUNT] = {0}, count = 2 * count_of_cases();
    unsigned wrong = 0;
    for (uint64_t n = 0; n < count && wrong < 20; n++) {
        enum operation op = (enum operation)below(OPERATION_COUNT);
        uint32_t fpcr = fpcr_of(below(8) ? 0 : below(4), below(4) == 0);
        uint64_t x[3];
        draw(f, x);
        for (unsigned i = 0; i < 3; i++) {
            if (below(16) == 0)
                x[i] = next() >> (64 - (8u << f));
        }
        uint32_t before = below(2) ? (uint32_t)FPSR_IXC : 0;
        struct answer a = {0, before}, b = ours(f, op, x, fpcr);
        b.flags |= before;
        if (!quick(f, op, x, fpcr, &a))
            continue;
        taken[op]++;
        bool is_equal = a.bits == b.bits && a.flags == b.flags;
        wrong += !is_equal;
        cr_expect(is_equal, "operation %d of %#lx, %#lx, %#lx, FPCR %#x: %#lx %#x, not %#lx %#x",
                  (int)op, x[0], x[1], x[2], fpcr, a.bits, a.flags, b.bits, b.flags);
    }
    for (unsigned op = 0; op < OPERATION_COUNT; op++)
        cr_expect_gt(taken[op], count / OPERATION_COUNT / 16, "operation %u: %lu", op, taken[op]);
}

Test(fp_arithmetic, quick_double_precision_is_the_same)
{
    compare_quick(FP_DOUBLE);
}

Test(fp_arithmetic, quick_single_precision_is_the_same)
{
    compare_quick(FP_SINGLE);
}

Test(fp_arithmetic, four_at_once_are_the_same)
{
    uint64_t taken = 0;
    for (uint64_t n = 0; n < count_of_cases(); n++) {
        uint32_t lanes[3][4], result[4], before = below(8) ? (uint32_t)FPSR_IXC : 0;
        uint32_t fpcr = fpcr_of(below(8) ? 0 : below(4), below(8) == 0);
        for (unsigned i = 0; i < 4; i++) {
            uint64_t x[3];
            draw(FP_SINGLE, x);
            for (unsigned k = 0; k < 3; k++)
                lanes[k][i] = (uint32_t)x[k];
        }
        if (!fp_host_mul_add32x4(lanes[2], lanes[0], lanes[1], fpcr, before, result))
            continue;
        taken++;
        for (unsigned i = 0; i < 4; i++) {
            uint64_t x[3] = {lanes[0][i], lanes[1][i], lanes[2][i]};
            struct answer a = ours(FP_SINGLE, MUL_ADD, x, fpcr);
            cr_assert_eq(result[i], a.bits, "%#lx, %#lx, %#lx", x[0], x[1], x[2]);
            cr_assert_eq(a.flags | before, before, "%#lx, %#lx, %#lx", x[0], x[1], x[2]);
        }
    }
    cr_expect_gt(taken, count_of_cases() / 200, "%lu", taken);
}

/* A case that fp_host.h does not take costs nothing but time; of ordinary ones it takes all. */
Test(fp_arithmetic, ordinary_operands_are_quick)
{
    static const double ordinary[] = {1, 2, 3, 0.5, 10, 1e10, 0.1, 1.0 / 3, -7.25, 123456789};
    for (unsigned i = 0; i < ARRAY_COUNT(ordinary); i++) {
        for (unsigned k = 0; k < ARRAY_COUNT(ordinary); k++) {
            for (unsigned op = 0; op < OPERATION_COUNT; op++) {
                double sum = ordinary[(i + k) % ARRAY_COUNT(ordinary)];
                struct answer a = {0, (uint32_t)FPSR_IXC};
                uint64_t x[3] = {fp_bits_of_double(op == SQRT ? fabs(ordinary[i]) : ordinary[i]),
                                 fp_bits_of_double(ordinary[k]), fp_bits_of_double(sum)};
                uint64_t y[3];
                for (unsigned n = 0; n < 3; n++)
                    y[n] = fp_bits_of_single((float)fp_double_of(x[n]));
                cr_expect(quick(FP_DOUBLE, (enum operation)op, x, 0, &a), "%u", op);
                cr_expect(quick(FP_SINGLE, (enum operation)op, y, 0, &a), "%u", op);
            }
        }
    }
}

static void compare_comparisons(enum fp_format f)
{
    uint64_t taken = 0;
    for (uint64_t n = 0; n < count_of_cases(); n++) {
        uint64_t a = below(16) ? operand(f) : next() >> (64 - (8u << f));
        uint64_t b = below(4) ? operand(f) : a ^ (below(2) ? fp_sign(f) : next() & 1);
        uint32_t fpcr = fpcr_of(below(4), below(2)), flags = 0, nzcv;
        bool was = f == FP_DOUBLE ? fp_host_compare64(a, b, fpcr, &nzcv)
                                  : fp_host_compare32(a, b, fpcr, &nzcv);
        cr_assert(!(was && (is_nan(f, a) || is_nan(f, b))));
        if (!was)
            continue;
        taken++;
        cr_assert_eq(fp_compare(f, a, b, n & 1, fpcr, &flags), nzcv, "%#lx, %#lx", a, b);
        cr_assert_eq(flags, 0);
    }
    cr_expect_gt(taken, count_of_cases() / 4);
}

Test(fp_arithmetic, quick_comparisons_are_the_same)
{
    compare_comparisons(FP_DOUBLE);
    compare_comparisons(FP_SINGLE);
}
