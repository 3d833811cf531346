/*
 * Conversions of floating-point numbers, scalar and vector: between formats, to and from integers
 * and fixed-point numbers, and to a whole number in the same format. Compiled once for each engine.
 *
 * DDI 0487: FPConvert, FPToFixed, FixedToFP, FPRoundInt behind FCVT*, SCVTF, UCVTF, FRINT*. Half
 * precision stands on one side of a conversion only.
 */
#include "cpu/exec/fp.h"

/* ---- Between formats ---- */

static enum step convert(struct core *c, uint32_t w, enum fp_format to, enum fp_format from)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    uint64_t result = fp_convert(to, from, fp_get(c, a64_rn(w), from),
                                 fp_rounding_mode(env.fpcr), env.fpcr, &env.fpsr);
    vreg_set64(c, a64_rd(w), result);
    return fp_end(c, &env);
}

#define CONVERT(name, to, from)                      \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        return convert(c, w, to, from);              \
    }

CONVERT(FCVT_ds, FP_DOUBLE, FP_SINGLE)
CONVERT(FCVT_hs, FP_HALF, FP_SINGLE)
CONVERT(FCVT_sd, FP_SINGLE, FP_DOUBLE)
CONVERT(FCVT_hd, FP_HALF, FP_DOUBLE)
CONVERT(FCVT_sh, FP_SINGLE, FP_HALF)
CONVERT(FCVT_dh, FP_DOUBLE, FP_HALF)

enum step EXEC(FCVTL_v)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    union vector r = {.d = {0, 0}};
    unsigned from = a64_dbl(w) ? FP_SINGLE : FP_HALF, lanes = a64_dbl(w) ? 2 : 4;
    for (unsigned i = 0; i < lanes; i++) {
        uint64_t a = vreg_lane(c, a64_rn(w), from, a64_q(w) * lanes + i);
        uint64_t lane = fp_convert((enum fp_format)(from + 1), (enum fp_format)from, a,
                                   fp_rounding_mode(env.fpcr), env.fpcr, &env.fpsr);
        vector_set_lane(&r, from + 1, i, lane);
    }
    vreg_set128(c, a64_rd(w), r.d[0], r.d[1]);
    return fp_end(c, &env);
}

/* FCVTN and FCVTXN: into one half of the destination; the lower half alone clears the upper. */
static enum step narrow(struct core *c, uint32_t w, unsigned from, bool to_odd)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    enum fp_rounding rounding = to_odd ? FP_TO_ODD : fp_rounding_mode(env.fpcr);
    union vector r = {.d = {0, 0}};
    for (unsigned i = 0; i < 16u >> from; i++) {
        uint64_t lane = fp_convert((enum fp_format)(from - 1), (enum fp_format)from,
                                   vreg_lane(c, a64_rn(w), from, i), rounding, env.fpcr,
                                   &env.fpsr);
        vector_set_lane(&r, from - 1, i, lane);
    }
    if (a64_q(w))
        vreg_set_half(c, a64_rd(w), 1, r.d[0]);
    else
        vreg_set64(c, a64_rd(w), r.d[0]);
    return fp_end(c, &env);
}

enum step EXEC(FCVTN_v)(struct core *c, uint32_t w)
{
    return narrow(c, w, a64_dbl(w) ? FP_DOUBLE : FP_SINGLE, false);
}

enum step EXEC(FCVTXN_v)(struct core *c, uint32_t w)
{
    return narrow(c, w, FP_DOUBLE, true);
}

enum step EXEC(FCVTXN_s)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    uint64_t a = fp_get(c, a64_rn(w), FP_DOUBLE);
    uint64_t result = fp_convert(FP_SINGLE, FP_DOUBLE, a, FP_TO_ODD, env.fpcr, &env.fpsr);
    vreg_set64(c, a64_rd(w), result);
    return fp_end(c, &env);
}

/* ---- General registers ---- */

static enum step to_general(struct core *c, uint32_t w, unsigned fbits, bool is_unsigned,
                            enum fp_rounding rounding)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    enum fp_format f = fp_format_of(a64_dbl(w));
    bool sf = a64_sf(w);
    uint64_t result = fp_to_fixed(f, fp_get(c, a64_rn(w), f), fbits, is_unsigned, sf ? 64 : 32,
                                  rounding, env.fpcr, &env.fpsr);
    reg_set(c, a64_rd(w), sf, result);
    return fp_end(c, &env);
}

static enum step from_general(struct core *c, uint32_t w, unsigned fbits, bool is_unsigned)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    uint64_t result = fp_from_fixed(fp_format_of(a64_dbl(w)), reg_x(c, a64_rn(w)), fbits,
                                    is_unsigned, a64_sf(w) ? 64 : 32, fp_rounding_mode(env.fpcr),
                                    env.fpcr, &env.fpsr);
    vreg_set64(c, a64_rd(w), result);
    return fp_end(c, &env);
}

#define TO_GENERAL(name, fbits, is_unsigned, rounding)             \
    enum step EXEC(name)(struct core *c, uint32_t w)               \
    {                                                              \
        return to_general(c, w, fbits, is_unsigned, rounding);     \
    }

TO_GENERAL(FCVTNS_fi, 0, false, FP_TIE_EVEN)
TO_GENERAL(FCVTNU_fi, 0, true, FP_TIE_EVEN)
TO_GENERAL(FCVTPS_fi, 0, false, FP_TO_POSITIVE)
TO_GENERAL(FCVTPU_fi, 0, true, FP_TO_POSITIVE)
TO_GENERAL(FCVTMS_fi, 0, false, FP_TO_NEGATIVE)
TO_GENERAL(FCVTMU_fi, 0, true, FP_TO_NEGATIVE)
TO_GENERAL(FCVTZS_fi, 0, false, FP_TO_ZERO)
TO_GENERAL(FCVTZU_fi, 0, true, FP_TO_ZERO)
TO_GENERAL(FCVTAS_fi, 0, false, FP_TIE_AWAY)
TO_GENERAL(FCVTAU_fi, 0, true, FP_TIE_AWAY)
TO_GENERAL(FCVTZS_fx, 64 - a64_scale(w), false, FP_TO_ZERO)
TO_GENERAL(FCVTZU_fx, 64 - a64_scale(w), true, FP_TO_ZERO)

#define FROM_GENERAL(name, fbits, is_unsigned)             \
    enum step EXEC(name)(struct core *c, uint32_t w)       \
    {                                                      \
        return from_general(c, w, fbits, is_unsigned);     \
    }

FROM_GENERAL(SCVTF_fi, 0, false)
FROM_GENERAL(UCVTF_fi, 0, true)
FROM_GENERAL(SCVTF_fx, 64 - a64_scale(w), false)
FROM_GENERAL(UCVTF_fx, 64 - a64_scale(w), true)

/* ---- Advanced SIMD: an integer has the width of its lane ---- */

#define TO_LANES(name, is_unsigned, rounding)                                          \
    static uint64_t lane_##name(enum fp_format f, uint64_t a, uint32_t fpcr,           \
                                uint32_t *fpsr)                                        \
    {                                                                                  \
        return fp_to_fixed(f, a, 0, is_unsigned, 8u << f, rounding, fpcr, fpsr);       \
    }                                                                                  \
    enum step EXEC(name##_v)(struct core *c, uint32_t w)                               \
    {                                                                                  \
        return simd_fp1(c, w, lane_##name);                                            \
    }                                                                                  \
    enum step EXEC(name##_s)(struct core *c, uint32_t w)                               \
    {                                                                                  \
        return fp_scalar1(c, w, lane_##name);                                          \
    }

TO_LANES(FCVTNS, false, FP_TIE_EVEN)
TO_LANES(FCVTNU, true, FP_TIE_EVEN)
TO_LANES(FCVTPS, false, FP_TO_POSITIVE)
TO_LANES(FCVTPU, true, FP_TO_POSITIVE)
TO_LANES(FCVTMS, false, FP_TO_NEGATIVE)
TO_LANES(FCVTMU, true, FP_TO_NEGATIVE)
TO_LANES(FCVTZS, false, FP_TO_ZERO)
TO_LANES(FCVTZU, true, FP_TO_ZERO)
TO_LANES(FCVTAS, false, FP_TIE_AWAY)
TO_LANES(FCVTAU, true, FP_TIE_AWAY)

#define FROM_LANES(name, is_unsigned)                                                  \
    static uint64_t lane_##name(enum fp_format f, uint64_t a, uint32_t fpcr,           \
                                uint32_t *fpsr)                                        \
    {                                                                                  \
        return fp_from_fixed(f, a, 0, is_unsigned, 8u << f, fp_rounding_mode(fpcr),    \
                             fpcr, fpsr);                                              \
    }                                                                                  \
    enum step EXEC(name##_v)(struct core *c, uint32_t w)                               \
    {                                                                                  \
        return simd_fp1(c, w, lane_##name);                                            \
    }                                                                                  \
    enum step EXEC(name##_s)(struct core *c, uint32_t w)                               \
    {                                                                                  \
        return fp_scalar1(c, w, lane_##name);                                          \
    }

FROM_LANES(SCVTF, false)
FROM_LANES(UCVTF, true)

/* Fixed point: immh says the format, immh:immb the bits behind the point. */
static enum step fixed_lanes(struct core *c, uint32_t w, unsigned width, bool from_fp,
                             bool is_unsigned)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct fp_env env = fp_begin(c);
    enum fp_format f = fp_format_of(a64_immh(w) & 8u);
    unsigned bits = 8u << f, fbits = 2 * bits - (a64_immh(w) << 3 | a64_immb(w));
    union vector r = {.d = {0, 0}};
    for (unsigned i = 0; i < width / bits || i == 0; i++) {
        uint64_t a = vreg_lane(c, a64_rn(w), f, i);
        uint64_t lane = from_fp ? fp_to_fixed(f, a, fbits, is_unsigned, bits, FP_TO_ZERO,
                                              env.fpcr, &env.fpsr)
                                : fp_from_fixed(f, a, fbits, is_unsigned, bits,
                                                fp_rounding_mode(env.fpcr), env.fpcr, &env.fpsr);
        vector_set_lane(&r, f, i, lane);
    }
    vreg_set128(c, a64_rd(w), r.d[0], r.d[1]);
    return fp_end(c, &env);
}

#define FIXED_LANES(name, from_fp, is_unsigned)                                        \
    enum step EXEC(name##_vi)(struct core *c, uint32_t w)                              \
    {                                                                                  \
        return fixed_lanes(c, w, a64_q(w) ? 128 : 64, from_fp, is_unsigned);           \
    }                                                                                  \
    enum step EXEC(name##_si)(struct core *c, uint32_t w)                              \
    {                                                                                  \
        return fixed_lanes(c, w, 0, from_fp, is_unsigned);                             \
    }

FIXED_LANES(SCVTF, false, false)
FIXED_LANES(UCVTF, false, true)
FIXED_LANES(FCVTZS, true, false)
FIXED_LANES(FCVTZU, true, true)

/* ---- To a whole number in the same format ---- */

#define ROUND(name, rounding, exact)                                                   \
    static uint64_t lane_##name(enum fp_format f, uint64_t a, uint32_t fpcr,           \
                                uint32_t *fpsr)                                        \
    {                                                                                  \
        return fp_round_int(f, a, rounding, exact, fpcr, fpsr);                        \
    }                                                                                  \
    enum step EXEC(name##_v)(struct core *c, uint32_t w)                               \
    {                                                                                  \
        return simd_fp1(c, w, lane_##name);                                            \
    }                                                                                  \
    enum step EXEC(name##_f)(struct core *c, uint32_t w)                               \
    {                                                                                  \
        return fp_scalar1(c, w, lane_##name);                                          \
    }

ROUND(FRINTN, FP_TIE_EVEN, false)
ROUND(FRINTP, FP_TO_POSITIVE, false)
ROUND(FRINTM, FP_TO_NEGATIVE, false)
ROUND(FRINTZ, FP_TO_ZERO, false)
ROUND(FRINTA, FP_TIE_AWAY, false)
ROUND(FRINTX, fp_rounding_mode(fpcr), true)
ROUND(FRINTI, fp_rounding_mode(fpcr), false)
