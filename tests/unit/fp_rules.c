/*
 * What no host arithmetic shows of cpu/fp, by hand from the manual's pseudocode: which NaN comes
 * out, default NaNs, invalid operations, maximum and minimum, conversions with saturation and in
 * the alternative half precision, whole numbers, and estimates.
 */
#include "cpu/fp/fp.h"

#include <criterion/criterion.h>

#define IOC (uint32_t)FPSR_IOC
#define DZC (uint32_t)FPSR_DZC
#define OFC (uint32_t)FPSR_OFC
#define UFC (uint32_t)FPSR_UFC
#define IXC (uint32_t)FPSR_IXC
#define IDC (uint32_t)FPSR_IDC
#define DN (uint32_t)FPCR_DN
#define FZ (uint32_t)FPCR_FZ
#define AHP (uint32_t)FPCR_AHP
#define RP (UINT32_C(1) << 22)
#define RM (UINT32_C(2) << 22)
#define RZ (UINT32_C(3) << 22)

/* Single precision; the numbers in the names of NaNs are their payloads. */
#define ONE 0x3f800000u
#define TWO 0x40000000u
#define INF 0x7f800000u
#define NEG 0x80000000u
#define NAN_DEFAULT 0x7fc00000u
#define QNAN1 0x7fc00001u
#define QNAN2 0xffc00002u
#define SNAN3 0x7f800003u
#define SNAN4 0xff800004u
#define QUIET 0x00400000u
#define DENORMAL 0x00000001u
#define MAX 0x7f7fffffu
#define NORMAL_MIN 0x00800000u

typedef uint64_t binary(enum fp_format f, uint64_t a, uint64_t b, uint32_t fpcr, uint32_t *fpsr);
typedef uint64_t unary(enum fp_format f, uint64_t a, uint32_t fpcr, uint32_t *fpsr);

/* clang-format off */
static const struct {
    const char *name;
    binary *operation;
    uint32_t a, b, fpcr, result, flags;
} binaries[] = {
    {"add", fp_add, ONE, QNAN1, 0, QNAN1, 0},
    {"add", fp_add, QNAN1, QNAN2, 0, QNAN1, 0},
    {"add", fp_add, QNAN1, SNAN4, 0, SNAN4 | QUIET, IOC},
    {"add", fp_add, SNAN3, SNAN4, 0, SNAN3 | QUIET, IOC},
    {"add", fp_add, QNAN2, ONE, DN, NAN_DEFAULT, 0},
    {"add", fp_add, ONE, SNAN4, DN, NAN_DEFAULT, IOC},
    {"add", fp_add, INF, INF | NEG, 0, NAN_DEFAULT, IOC},
    {"add", fp_add, 0, NEG, 0, 0, 0},
    {"add", fp_add, 0, NEG, RM, NEG, 0},
    {"add", fp_add, NEG, NEG, 0, NEG, 0},
    {"add", fp_add, ONE, ONE | NEG, RM, NEG, 0},
    {"add", fp_add, DENORMAL, QNAN1, FZ, QNAN1, IDC},
    {"sub", fp_sub, ONE, QNAN2, 0, QNAN2, 0},
    {"sub", fp_sub, INF, INF, 0, NAN_DEFAULT, IOC},
    {"mul", fp_mul, 0, INF, 0, NAN_DEFAULT, IOC},
    {"mul", fp_mul, DENORMAL, INF, FZ, NAN_DEFAULT, IOC | IDC},
    {"mul", fp_mul, INF | NEG, TWO, 0, INF | NEG, 0},
    {"mulx", fp_mulx, 0, INF, 0, TWO, 0},
    {"mulx", fp_mulx, NEG, INF, 0, TWO | NEG, 0},
    {"mulx", fp_mulx, INF | NEG, DENORMAL | NEG, FZ, TWO, IDC},
    {"mulx", fp_mulx, TWO, TWO, 0, 0x40800000, 0},
    {"div", fp_div, 0, 0, 0, NAN_DEFAULT, IOC},
    {"div", fp_div, INF, INF | NEG, 0, NAN_DEFAULT, IOC},
    {"div", fp_div, ONE, NEG, 0, INF | NEG, DZC},
    {"div", fp_div, INF, 0, 0, INF, 0},
    {"div", fp_div, ONE, DENORMAL, FZ, INF, DZC | IDC},
    {"max", fp_max, 0, NEG, 0, 0, 0},
    {"max", fp_max, NEG, NEG, 0, NEG, 0},
    {"min", fp_min, 0, NEG, 0, NEG, 0},
    {"max", fp_max, ONE, QNAN1, 0, QNAN1, 0},
    {"max", fp_max, ONE | NEG, TWO | NEG, 0, ONE | NEG, 0},
    {"min", fp_min, ONE | NEG, TWO | NEG, 0, TWO | NEG, 0},
    {"max", fp_max, DENORMAL, 0, 0, DENORMAL, 0},
    {"max", fp_max, DENORMAL | NEG, NEG, FZ, NEG, IDC},
    {"maxnm", fp_max_num, ONE | NEG, QNAN1, 0, ONE | NEG, 0},
    {"maxnm", fp_max_num, QNAN1, INF | NEG, 0, INF | NEG, 0},
    {"maxnm", fp_max_num, QNAN1, QNAN2, 0, QNAN1, 0},
    {"maxnm", fp_max_num, QNAN1, SNAN4, 0, SNAN4 | QUIET, IOC},
    {"maxnm", fp_max_num, QNAN1, DENORMAL, FZ, 0, IDC},
    {"minnm", fp_min_num, QNAN1, TWO, 0, TWO, 0},
    {"minnm", fp_min_num, SNAN3, TWO, 0, SNAN3 | QUIET, IOC},
    {"recps", fp_recip_step, 0, INF, 0, TWO, 0},
    {"recps", fp_recip_step, ONE, ONE, 0, ONE, 0},
    {"recps", fp_recip_step, TWO, ONE, 0, 0, 0},
    {"recps", fp_recip_step, TWO, ONE, RM, NEG, 0},
    {"recps", fp_recip_step, INF, ONE, 0, INF | NEG, 0},
    {"recps", fp_recip_step, QNAN1, ONE, 0, QNAN1 | NEG, 0},
    {"recps", fp_recip_step, ONE, QNAN1, 0, QNAN1, 0},
    {"rsqrts", fp_rsqrt_step, INF, NEG, 0, 0x3fc00000, 0},
    {"rsqrts", fp_rsqrt_step, ONE, ONE, 0, ONE, 0},
    {"rsqrts", fp_rsqrt_step, 0, 0, 0, 0x3fc00000, 0},
};

static const struct {
    const char *name;
    unary *operation;
    uint32_t a, fpcr, result, flags;
} unaries[] = {
    {"sqrt", fp_sqrt, NEG, 0, NEG, 0},
    {"sqrt", fp_sqrt, ONE | NEG, 0, NAN_DEFAULT, IOC},
    {"sqrt", fp_sqrt, INF | NEG, 0, NAN_DEFAULT, IOC},
    {"sqrt", fp_sqrt, SNAN4, 0, SNAN4 | QUIET, IOC},
    {"sqrt", fp_sqrt, DENORMAL | NEG, FZ, NEG, IDC},
    {"recpe", fp_recip_estimate, ONE, 0, 0x3f7f8000, 0},
    {"recpe", fp_recip_estimate, TWO | NEG, 0, 0xbeff8000, 0},
    {"recpe", fp_recip_estimate, 0x40400000, 0, 0x3eaa8000, 0},
    {"recpe", fp_recip_estimate, NEG, 0, INF | NEG, DZC},
    {"recpe", fp_recip_estimate, INF | NEG, 0, NEG, 0},
    {"recpe", fp_recip_estimate, SNAN3, 0, SNAN3 | QUIET, IOC},
    {"recpe", fp_recip_estimate, DENORMAL, 0, INF, OFC | IXC},
    {"recpe", fp_recip_estimate, DENORMAL, RZ, MAX, OFC | IXC},
    {"recpe", fp_recip_estimate, DENORMAL | NEG, RP, MAX | NEG, OFC | IXC},
    {"recpe", fp_recip_estimate, DENORMAL | NEG, RM, INF | NEG, OFC | IXC},
    {"recpe", fp_recip_estimate, DENORMAL, FZ, INF, DZC | IDC},
    {"recpe", fp_recip_estimate, 0x7f000000, FZ, 0, UFC},
    {"recpe", fp_recip_estimate, 0x7f000000, 0, 0x003fe000, 0},
    {"recpe", fp_recip_estimate, 0x7e800000, 0, 0x007fc000, 0},
    {"rsqrte", fp_rsqrt_estimate, ONE, 0, 0x3f7f8000, 0},
    {"rsqrte", fp_rsqrt_estimate, TWO, 0, 0x3f348000, 0},
    {"rsqrte", fp_rsqrt_estimate, 0, 0, INF, DZC},
    {"rsqrte", fp_rsqrt_estimate, NEG, 0, INF | NEG, DZC},
    {"rsqrte", fp_rsqrt_estimate, INF, 0, 0, 0},
    {"rsqrte", fp_rsqrt_estimate, ONE | NEG, 0, NAN_DEFAULT, IOC},
    {"rsqrte", fp_rsqrt_estimate, DENORMAL, 0, 0x64b48000, 0},
    {"recpx", fp_recpx, ONE, 0, TWO, 0},
    {"recpx", fp_recpx, NEG, 0, 0xff000000, 0},
    {"recpx", fp_recpx, INF, 0, 0, 0},
    {"recpx", fp_recpx, SNAN3, DN, NAN_DEFAULT, IOC},
};

/* addend + a * b */
static const struct {
    uint32_t addend, a, b, fpcr, result, flags;
} fused[] = {
    {QNAN1, 0, INF, 0, NAN_DEFAULT, IOC},
    {QNAN1, ONE, QNAN2, 0, QNAN1, 0},
    {QNAN1, SNAN3, SNAN4, 0, SNAN3 | QUIET, IOC},
    {SNAN3, 0, INF, 0, SNAN3 | QUIET, IOC},
    {ONE, 0, INF, 0, NAN_DEFAULT, IOC},
    {INF, INF | NEG, ONE, 0, NAN_DEFAULT, IOC},
    {INF, INF, ONE, 0, INF, 0},
    {NEG, 0, ONE | NEG, 0, NEG, 0},
    {NEG, 0, ONE, 0, 0, 0},
    {NEG, 0, ONE, RM, NEG, 0},
    {ONE | NEG, ONE, ONE, RM, NEG, 0},
    {DENORMAL, 0, ONE, FZ, 0, IDC},
    {MAX, MAX, MAX, RZ, MAX, OFC | IXC},
    {NORMAL_MIN | NEG, NORMAL_MIN, 0x3f800001, FZ, 0, UFC},
};
/* clang-format on */

Test(fp_rules, two_operands)
{
    for (unsigned i = 0; i < ARRAY_COUNT(binaries); i++) {
        uint32_t flags = 0;
        uint64_t result = binaries[i].operation(FP_SINGLE, binaries[i].a, binaries[i].b,
                                                binaries[i].fpcr, &flags);
        cr_expect_eq(result, binaries[i].result, "%s, row %u: %#lx", binaries[i].name, i, result);
        cr_expect_eq(flags, binaries[i].flags, "%s, row %u: %#x", binaries[i].name, i, flags);
    }
}

Test(fp_rules, one_operand)
{
    for (unsigned i = 0; i < ARRAY_COUNT(unaries); i++) {
        uint32_t flags = 0;
        uint64_t result =
            unaries[i].operation(FP_SINGLE, unaries[i].a, unaries[i].fpcr, &flags);
        cr_expect_eq(result, unaries[i].result, "%s, row %u: %#lx", unaries[i].name, i, result);
        cr_expect_eq(flags, unaries[i].flags, "%s, row %u: %#x", unaries[i].name, i, flags);
    }
}

Test(fp_rules, multiply_and_add)
{
    for (unsigned i = 0; i < ARRAY_COUNT(fused); i++) {
        uint32_t flags = 0;
        uint64_t result = fp_mul_add(FP_SINGLE, fused[i].addend, fused[i].a, fused[i].b,
                                     fused[i].fpcr, &flags);
        cr_expect_eq(result, fused[i].result, "row %u: %#lx", i, result);
        cr_expect_eq(flags, fused[i].flags, "row %u: %#x", i, flags);
    }
}

Test(fp_rules, comparisons)
{
    static const struct {
        uint32_t a, b, fpcr, nzcv, quiet, signalling;
    } rows[] = {
        {ONE, TWO, 0, 8, 0, 0},          {TWO, ONE, 0, 2, 0, 0},
        {0, NEG, 0, 6, 0, 0},            {ONE, QNAN1, 0, 3, 0, IOC},
        {SNAN3, ONE, 0, 3, IOC, IOC},    {INF | NEG, MAX | NEG, 0, 8, 0, 0},
        {DENORMAL, 0, 0, 2, 0, 0},       {DENORMAL, 0, FZ, 6, IDC, IDC},
        {ONE | NEG, TWO | NEG, 0, 2, 0, 0}, {INF, INF, 0, 6, 0, 0},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        uint32_t a = rows[i].a, b = rows[i].b, fpcr = rows[i].fpcr, flags[5] = {0};
        uint32_t nzcv = rows[i].nzcv;
        cr_expect_eq(fp_compare(FP_SINGLE, a, b, false, fpcr, &flags[0]), nzcv << 28, "%u", i);
        cr_expect_eq(fp_compare(FP_SINGLE, a, b, true, fpcr, &flags[1]), nzcv << 28, "%u", i);
        cr_expect_eq(fp_compare_eq(FP_SINGLE, a, b, fpcr, &flags[2]), nzcv == 6, "%u", i);
        cr_expect_eq(fp_compare_ge(FP_SINGLE, a, b, fpcr, &flags[3]), nzcv == 6 || nzcv == 2);
        cr_expect_eq(fp_compare_gt(FP_SINGLE, a, b, fpcr, &flags[4]), nzcv == 2, "%u", i);
        for (unsigned k = 0; k < 5; k++) {
            uint32_t wanted = k == 0 || k == 2 ? rows[i].quiet : rows[i].signalling;
            cr_expect_eq(flags[k], wanted, "row %u, %u: %#x", i, k, flags[k]);
        }
    }
}

Test(fp_rules, between_formats)
{
    static const struct {
        enum fp_format to, from;
        uint64_t a;
        enum fp_rounding rounding;
        uint32_t fpcr;
        uint64_t result;
        uint32_t flags;
    } rows[] = {
        {FP_DOUBLE, FP_SINGLE, SNAN4, FP_TIE_EVEN, 0, 0xfff8000080000000, IOC},
        {FP_DOUBLE, FP_SINGLE, QNAN2, FP_TIE_EVEN, DN, 0x7ff8000000000000, 0},
        {FP_DOUBLE, FP_SINGLE, DENORMAL, FP_TIE_EVEN, 0, 0x36a0000000000000, 0},
        {FP_DOUBLE, FP_SINGLE, DENORMAL, FP_TIE_EVEN, FZ, 0, IDC},
        {FP_SINGLE, FP_DOUBLE, 0x3ff0000000000001, FP_TO_ODD, 0, ONE | 1, IXC},
        {FP_SINGLE, FP_DOUBLE, 0x3ff0000000000000, FP_TO_ODD, 0, ONE, 0},
        {FP_SINGLE, FP_DOUBLE, 0x7fefffffffffffff, FP_TO_ODD, 0, MAX, OFC | IXC},
        {FP_SINGLE, FP_DOUBLE, 0x7fefffffffffffff, FP_TIE_EVEN, 0, INF, OFC | IXC},
        {FP_SINGLE, FP_DOUBLE, 0x380fffffffffffff, FP_TIE_EVEN, 0, NORMAL_MIN, UFC | IXC},
        {FP_SINGLE, FP_DOUBLE, 0x380fffffffffffff, FP_TIE_EVEN, FZ, 0, UFC},
        {FP_SINGLE, FP_DOUBLE, 0x3690000000000000, FP_TIE_EVEN, 0, 0, UFC | IXC},
        {FP_SINGLE, FP_DOUBLE, 0x3690000000000001, FP_TIE_EVEN, 0, 1, UFC | IXC},
        {FP_SINGLE, FP_DOUBLE, 0x7ff0000000000001, FP_TIE_EVEN, 0, 0x7fc00000, IOC},
        {FP_HALF, FP_SINGLE, 0x477ff000, FP_TIE_EVEN, 0, 0x7c00, OFC | IXC},
        {FP_HALF, FP_SINGLE, 0x477fefff, FP_TIE_EVEN, 0, 0x7bff, IXC},
        {FP_HALF, FP_SINGLE, 0x477ff000, FP_TIE_EVEN, AHP, 0x7c00, IXC},
        {FP_HALF, FP_SINGLE, 0x47ffe000, FP_TIE_EVEN, AHP, 0x7fff, 0},
        {FP_HALF, FP_SINGLE, 0x48000000, FP_TIE_EVEN, AHP, 0x7fff, IOC},
        {FP_HALF, FP_SINGLE, INF | NEG, FP_TIE_EVEN, AHP, 0xffff, IOC},
        {FP_HALF, FP_SINGLE, QNAN2, FP_TIE_EVEN, AHP, 0x8000, IOC},
        {FP_HALF, FP_SINGLE, SNAN3, FP_TIE_EVEN, AHP | DN, 0, IOC},
        {FP_HALF, FP_SINGLE, QNAN2, FP_TIE_EVEN, 0, 0xfe00, 0},
        {FP_HALF, FP_SINGLE, 0x33800000, FP_TIE_EVEN, FZ, 1, 0},
        {FP_HALF, FP_DOUBLE, 0x3e60000000000000, FP_TIE_EVEN, 0, 0, UFC | IXC},
        {FP_SINGLE, FP_HALF, 0x7c00, FP_TIE_EVEN, 0, INF, 0},
        {FP_SINGLE, FP_HALF, 0x7c00, FP_TIE_EVEN, AHP, 0x47800000, 0},
        {FP_SINGLE, FP_HALF, 0x0001, FP_TIE_EVEN, FZ, 0x33800000, 0},
        {FP_SINGLE, FP_HALF, 0xfc01, FP_TIE_EVEN, 0, 0xffc02000, IOC},
        {FP_DOUBLE, FP_HALF, 0x7e01, FP_TIE_EVEN, 0, 0x7ff8040000000000, 0},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        uint32_t flags = 0;
        uint64_t result = fp_convert(rows[i].to, rows[i].from, rows[i].a, rows[i].rounding,
                                     rows[i].fpcr, &flags);
        cr_expect_eq(result, rows[i].result, "row %u: %#lx", i, result);
        cr_expect_eq(flags, rows[i].flags, "row %u: %#x", i, flags);
    }
}

Test(fp_rules, to_fixed_point)
{
    static const struct {
        uint64_t a; /* double precision */
        unsigned fbits;
        bool is_unsigned;
        unsigned width;
        enum fp_rounding rounding;
        uint64_t result;
        uint32_t flags;
    } rows[] = {
        {0x7ff8000000000001, 0, false, 64, FP_TO_ZERO, 0, IOC},
        {0x7ff0000000000000, 0, false, 32, FP_TO_ZERO, 0x7fffffff, IOC},
        {0xfff0000000000000, 0, false, 64, FP_TO_ZERO, UINT64_C(1) << 63, IOC},
        {0xfff0000000000000, 0, true, 64, FP_TO_ZERO, 0, IOC},
        {0xc1e0000000000000, 0, false, 32, FP_TO_ZERO, 0x80000000, 0},
        {0xc1e0000000100000, 0, false, 32, FP_TO_ZERO, 0x80000000, IXC},
        {0xc1e0000000100000, 0, false, 32, FP_TO_NEGATIVE, 0x80000000, IOC},
        {0x41dfffffffe00000, 0, false, 32, FP_TIE_EVEN, 0x7fffffff, IOC},
        {0x43e0000000000000, 0, false, 64, FP_TO_ZERO, INT64_MAX, IOC},
        {0x43e0000000000000, 0, true, 64, FP_TO_ZERO, UINT64_C(1) << 63, 0},
        {0x43f0000000000000, 0, true, 64, FP_TO_ZERO, UINT64_MAX, IOC},
        {0xbfe0000000000000, 0, true, 32, FP_TIE_EVEN, 0, IXC},
        {0xbfe0000000000000, 0, true, 32, FP_TIE_AWAY, 0, IOC},
        {0xbff0000000000000, 0, true, 32, FP_TO_ZERO, 0, IOC},
        {0x3fe0000000000000, 0, false, 32, FP_TIE_AWAY, 1, IXC},
        {0x3ff8000000000000, 0, false, 32, FP_TIE_EVEN, 2, IXC},
        {0x4004000000000000, 0, false, 32, FP_TIE_EVEN, 2, IXC},
        {0xc004000000000000, 0, false, 32, FP_TIE_AWAY, 0xfffffffd, IXC},
        {0xc004000000000000, 0, false, 32, FP_TO_POSITIVE, 0xfffffffe, IXC},
        {0x3ff8000000000000, 1, false, 32, FP_TO_ZERO, 3, 0},
        {0x3fe0000000000000, 32, true, 32, FP_TO_ZERO, 0x80000000, 0},
        {0x3fe0000000000000, 64, true, 64, FP_TO_ZERO, UINT64_C(1) << 63, 0},
        {0x0000000000000001, 64, true, 64, FP_TO_POSITIVE, 1, IXC},
        {0x40e0000000000000, 0, false, 16, FP_TO_ZERO, 0x7fff, IOC},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        uint32_t flags = 0;
        uint64_t result = fp_to_fixed(FP_DOUBLE, rows[i].a, rows[i].fbits, rows[i].is_unsigned,
                                      rows[i].width, rows[i].rounding, 0, &flags);
        cr_expect_eq(result, rows[i].result, "row %u: %#lx", i, result);
        cr_expect_eq(flags, rows[i].flags, "row %u: %#x", i, flags);
    }
}

Test(fp_rules, from_fixed_point)
{
    static const struct {
        enum fp_format to;
        uint64_t value;
        unsigned fbits;
        bool is_unsigned;
        unsigned width;
        enum fp_rounding rounding;
        uint64_t result;
        uint32_t flags;
    } rows[] = {
        {FP_SINGLE, 0, 5, false, 32, FP_TO_NEGATIVE, 0, 0},
        {FP_SINGLE, UINT64_MAX, 0, false, 32, FP_TIE_EVEN, 0xbf800000, 0},
        {FP_SINGLE, UINT64_MAX, 0, true, 32, FP_TIE_EVEN, 0x4f800000, IXC},
        {FP_SINGLE, UINT64_MAX, 0, true, 32, FP_TO_ZERO, 0x4f7fffff, IXC},
        {FP_SINGLE, 0x80000000, 0, false, 32, FP_TIE_EVEN, 0xcf000000, 0},
        {FP_SINGLE, 1, 64, true, 64, FP_TIE_EVEN, 0x1f800000, 0},
        {FP_DOUBLE, UINT64_MAX, 64, true, 64, FP_TIE_EVEN, 0x3ff0000000000000, IXC},
        {FP_DOUBLE, INT64_MAX, 0, false, 64, FP_TO_ZERO, 0x43dfffffffffffff, IXC},
        {FP_DOUBLE, UINT64_C(1) << 63, 0, false, 64, FP_TIE_EVEN, 0xc3e0000000000000, 0},
        {FP_HALF, 65520, 0, true, 32, FP_TIE_EVEN, 0x7c00, OFC | IXC},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        uint32_t flags = 0;
        uint64_t result =
            fp_from_fixed(rows[i].to, rows[i].value, rows[i].fbits, rows[i].is_unsigned,
                          rows[i].width, rows[i].rounding, 0, &flags);
        cr_expect_eq(result, rows[i].result, "row %u: %#lx", i, result);
        cr_expect_eq(flags, rows[i].flags, "row %u: %#x", i, flags);
    }
}

Test(fp_rules, whole_numbers)
{
    static const struct {
        uint32_t a;
        enum fp_rounding rounding;
        bool exact;
        uint32_t fpcr, result, flags;
    } rows[] = {
        {0x3f000000, FP_TIE_EVEN, false, 0, 0, 0},
        {0xbf000000, FP_TIE_EVEN, true, 0, NEG, IXC},
        {0x3f000000, FP_TIE_AWAY, false, 0, ONE, 0},
        {0xbf000000, FP_TO_NEGATIVE, false, 0, ONE | NEG, 0},
        {0x3fc00000, FP_TIE_EVEN, true, 0, TWO, IXC},
        {0x40200000, FP_TIE_EVEN, true, 0, TWO, IXC},
        {TWO, FP_TIE_EVEN, true, 0, TWO, 0},
        {0x4b7fffff, FP_TO_POSITIVE, true, 0, 0x4b7fffff, 0},
        {0x4affffff, FP_TO_POSITIVE, true, 0, 0x4b000000, IXC},
        {MAX, FP_TO_POSITIVE, true, 0, MAX, 0},
        {INF | NEG, FP_TO_ZERO, true, 0, INF | NEG, 0},
        {SNAN3, FP_TO_ZERO, false, 0, SNAN3 | QUIET, IOC},
        {QNAN2, FP_TO_ZERO, false, DN, NAN_DEFAULT, 0},
        {DENORMAL, FP_TO_POSITIVE, true, 0, ONE, IXC},
        {DENORMAL | NEG, FP_TO_POSITIVE, true, FZ, NEG, IDC},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        uint32_t flags = 0;
        uint64_t result = fp_round_int(FP_SINGLE, rows[i].a, rows[i].rounding, rows[i].exact,
                                       rows[i].fpcr, &flags);
        cr_expect_eq(result, rows[i].result, "row %u: %#lx", i, result);
        cr_expect_eq(flags, rows[i].flags, "row %u: %#x", i, flags);
    }
}

Test(fp_rules, unsigned_estimates)
{
    cr_expect_eq(fp_unsigned_recip_estimate(0x7fffffff), 0xffffffff);
    cr_expect_eq(fp_unsigned_recip_estimate(0x80000000), 0xff800000);
    cr_expect_eq(fp_unsigned_recip_estimate(0xffffffff), 0x80000000);
    cr_expect_eq(fp_unsigned_rsqrt_estimate(0x3fffffff), 0xffffffff);
    cr_expect_eq(fp_unsigned_rsqrt_estimate(0x40000000), 0xff800000);
    cr_expect_eq(fp_unsigned_rsqrt_estimate(0xffffffff), 0x80000000);
}
