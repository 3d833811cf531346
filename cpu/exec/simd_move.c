/*
 * Advanced SIMD that moves data: elements to and from registers, permutations, table lookup,
 * extraction, modified immediates. Compiled once for each engine.
 *
 * DDI 0487, "Advanced SIMD copy", "permute", "extract", "table lookup", "modified immediate";
 * AdvSIMDExpandImm(), VFPExpandImm(). Of imm5 the lowest one is the size of an element, and what
 * stands above it the index.
 */
#include "cpu/exec/simd.h"

/* ---- Copies ---- */

static inline unsigned copy_size(uint32_t w)
{
    return (unsigned)__builtin_ctz(a64_imm5(w));
}

static inline unsigned copy_index(uint32_t w)
{
    return a64_imm5(w) >> (copy_size(w) + 1);
}

static inline void put_replicated(struct core *c, uint32_t w, uint64_t element)
{
    unsigned width = 8u << copy_size(w);
    uint64_t half = bits_replicate(element & bits_ones(width), width);
    vreg_set128(c, a64_rd(w), half, a64_q(w) ? half : 0);
}

static inline void put_element(struct core *c, uint32_t w, uint64_t element)
{
    union vector v = vreg_get(c, a64_rd(w));
    vector_set_lane(&v, copy_size(w), copy_index(w), element);
    vreg_set128(c, a64_rd(w), v.d[0], v.d[1]);
}

#define COPY(name, action)                               \
    enum step EXEC(name)(struct core *c, uint32_t w)     \
    {                                                    \
        enum step step = fp_access_check(c);             \
        if (step == STEP_NEXT)                           \
            action;                                      \
        return step;                                     \
    }

#define COPY_SOURCE vreg_lane(c, a64_rn(w), copy_size(w), copy_index(w))

COPY(DUP_v, put_replicated(c, w, COPY_SOURCE))
COPY(DUP_x, put_replicated(c, w, reg_x(c, a64_rn(w))))
COPY(DUP_s, vreg_set64(c, a64_rd(w), COPY_SOURCE))
COPY(INS_x, put_element(c, w, reg_x(c, a64_rn(w))))
COPY(INS_e, put_element(c, w, vreg_lane(c, a64_rn(w), copy_size(w), a64_imm4(w) >> copy_size(w))))
COPY(UMOV, reg_set(c, a64_rd(w), a64_q(w), COPY_SOURCE))
COPY(SMOV, reg_set(c, a64_rd(w), a64_q(w), bits_sign_extend(COPY_SOURCE, 8u << copy_size(w))))

/* ---- Permutations ---- */

/* Lane i of the result is lane `from` of the second operand above the first, count lanes each. */
#define PERMUTE(name, from)                                                               \
    enum step EXEC(name)(struct core *c, uint32_t w)                                      \
    {                                                                                     \
        enum step step = fp_access_check(c);                                              \
        if (step != STEP_NEXT)                                                            \
            return step;                                                                  \
        unsigned size = a64_size(w), count = (SIMD_VECTOR(w) / 8) >> size;                \
        union vector v[2] = {vreg_get(c, a64_rn(w)), vreg_get(c, a64_rm(w))}, r = {0};    \
        for (unsigned i = 0; i < count; i++) {                                            \
            unsigned k = from;                                                            \
            vector_set_lane(&r, size, i, vector_lane(&v[k >= count], size, k % count));   \
        }                                                                                 \
        vreg_set128(c, a64_rd(w), r.d[0], r.d[1]);                                        \
        return STEP_NEXT;                                                                 \
    }

PERMUTE(UZP1, 2 * i)
PERMUTE(UZP2, 2 * i + 1)
PERMUTE(ZIP1, i / 2 + i % 2 * count)
PERMUTE(ZIP2, count / 2 + i / 2 + i % 2 * count)
PERMUTE(TRN1, (i & ~1u) + i % 2 * count)
PERMUTE(TRN2, (i | 1u) + i % 2 * count)

enum step EXEC(EXT)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    unsigned from = 8 * a64_imm4(w);
    union vector n = vreg_get(c, a64_rn(w)), m = vreg_get(c, a64_rm(w));
    if (a64_q(w)) {
        unsigned __int128 low = (unsigned __int128)n.d[1] << 64 | n.d[0];
        unsigned __int128 high = (unsigned __int128)m.d[1] << 64 | m.d[0];
        low = from == 0 ? low : low >> from | high << (128 - from);
        vreg_set128(c, a64_rd(w), (uint64_t)low, (uint64_t)(low >> 64));
    } else {
        vreg_set64(c, a64_rd(w),
                   from == 0 ? n.d[0] : n.d[0] >> from | m.d[0] << (64 - from));
    }
    return STEP_NEXT;
}

/* Bytes of a table of one to four registers; an index past its end leaves what r has. */
static inline enum step look_up(struct core *c, uint32_t w, union vector r)
{
    unsigned n = a64_rn(w), bytes = 16 * (a64_len(w) + 1);
    union vector index = vreg_get(c, a64_rm(w)), table[4];
    for (unsigned i = 0; i <= a64_len(w); i++)
        table[i] = vreg_get(c, (n + i) & 31);
    for (unsigned i = 0; i < 16; i++) {
        unsigned at = index.b[i];
        if (at < bytes)
            r.b[i] = table[at / 16].b[at % 16];
    }
    vreg_set(c, a64_rd(w), a64_q(w), &r);
    return STEP_NEXT;
}

enum step EXEC(TBL)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    return step == STEP_NEXT ? look_up(c, w, (union vector){0}) : step;
}

enum step EXEC(TBX)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    return step == STEP_NEXT ? look_up(c, w, vreg_get(c, a64_rd(w))) : step;
}

/* ---- Modified immediates ---- */

static inline unsigned immediate_byte(uint32_t w)
{
    return a64_abc(w) << 5 | a64_defgh(w);
}

/* AdvSIMDExpandImm() for cmode below 15 but for the 64-bit mask. */
static inline uint64_t immediate(uint32_t w)
{
    unsigned cmode = a64_cmode(w);
    uint64_t imm8 = immediate_byte(w);
    if (cmode < 8)
        return bits_replicate(imm8 << 8 * (cmode >> 1), 32);
    if (cmode < 12)
        return bits_replicate(imm8 << 8 * (cmode >> 1 & 1), 16);
    if (cmode == 14)
        return bits_replicate(imm8, 8);
    unsigned ones = cmode & 1 ? 16 : 8;
    return bits_replicate(imm8 << ones | bits_ones(ones), 32);
}

/* VFPExpandImm() of a double, and of a single in both halves. */
static inline uint64_t immediate_double(uint32_t w)
{
    uint64_t imm8 = immediate_byte(w), b = imm8 >> 6 & 1;
    return imm8 >> 7 << 63 | (b ^ 1) << 62 | (b ? bits_ones(8) << 54 : 0) | (imm8 & 0x3f) << 48;
}

static inline uint64_t immediate_singles(uint32_t w)
{
    uint64_t imm8 = immediate_byte(w), b = imm8 >> 6 & 1;
    return bits_replicate(imm8 >> 7 << 31 | (b ^ 1) << 30 | (b ? bits_ones(5) << 25 : 0) |
                              (imm8 & 0x3f) << 19,
                          32);
}

#define IMMEDIATE(name, value, q)                           \
    enum step EXEC(name)(struct core *c, uint32_t w)        \
    {                                                       \
        enum step step = fp_access_check(c);                \
        if (step != STEP_NEXT)                              \
            return step;                                    \
        uint64_t half = value;                              \
        vreg_set128(c, a64_rd(w), half, (q) ? half : 0);    \
        return STEP_NEXT;                                   \
    }

IMMEDIATE(MOVI_v, immediate(w), a64_q(w))
IMMEDIATE(MVNI_v, ~immediate(w), a64_q(w))
IMMEDIATE(MOVI_d, bits_byte_mask(immediate_byte(w)), false)
IMMEDIATE(MOVI_2d, bits_byte_mask(immediate_byte(w)), true)
IMMEDIATE(FMOV_vi, immediate_singles(w), a64_q(w))
IMMEDIATE(FMOV_2d, immediate_double(w), true)

#define IMMEDIATE_LOGIC(name, operation)                                                    \
    enum step EXEC(name)(struct core *c, uint32_t w)                                        \
    {                                                                                       \
        enum step step = fp_access_check(c);                                                \
        if (step != STEP_NEXT)                                                              \
            return step;                                                                    \
        union vector v = vreg_get(c, a64_rd(w));                                            \
        uint64_t half = immediate(w);                                                       \
        vreg_set128(c, a64_rd(w), v.d[0] operation half, a64_q(w) ? v.d[1] operation half : 0); \
        return STEP_NEXT;                                                                   \
    }

IMMEDIATE_LOGIC(ORR_vi, |)
IMMEDIATE_LOGIC(BIC_vi, & ~)
