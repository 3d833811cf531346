/*
 * SIMD and floating-point registers as handlers see them: the access check, whole registers and
 * lanes, and the cumulative bits of FPSR. Lane 0 is the least significant; sizes are log2 of bytes.
 */
#pragma once
#include "cpu/exception.h"
#include "cpu/exec.h"
#include "cpu/model.h"

/* A register, or an element count times element size of one, by lanes of any size. */
union vector {
    uint64_t d[2];
    uint32_t s[4];
    uint16_t h[8];
    uint8_t b[16];
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "lane 0 lies at the lowest address");

/* The half of the access check that traps or finds the feature absent; exception_check_fp(). */
enum step vector_check_slowly(struct core *c);

/* Whether floating point and SIMD are there and trapped nowhere. */
static inline bool fp_is_open(const struct core *c)
{
    const uint64_t *e = c->cpu->effective;
    return (c->model->features & SYSREG_FEATURE_FP) != 0 && (e[SR_CPTR_EL2] & CPTR_EL2_TFP) == 0 &&
           (c->cpu->el == 2 || (e[SR_CPACR_EL1] & CPACR_EL1_FPEN) == CPACR_EL1_FPEN);
}

/*
 * CheckFPAdvSIMDEnabled64(): every floating-point and SIMD handler begins with it, after what is
 * UNDEFINED by its encoding alone. STEP_NEXT: go on; anything else is what to return.
 */
static inline enum step fp_access_check(struct core *c)
{
    return __builtin_expect(fp_is_open(c), 1) ? STEP_NEXT : vector_check_slowly(c);
}

static inline union vector vreg_get(const struct core *c, unsigned n)
{
    const uint64_t *v = c->cpu->v[n];
    return (union vector){.d = {v[0], v[1]}};
}

/* Lane i of size log2 bytes 0..3, zero-extended. */
static inline uint64_t vector_lane(const union vector *v, unsigned size, unsigned i)
{
    switch (size) {
    case 0:
        return v->b[i];
    case 1:
        return v->h[i];
    case 2:
        return v->s[i];
    default:
        return v->d[i];
    }
}

static inline void vector_set_lane(union vector *v, unsigned size, unsigned i, uint64_t value)
{
    switch (size) {
    case 0:
        v->b[i] = (uint8_t)value;
        break;
    case 1:
        v->h[i] = (uint16_t)value;
        break;
    case 2:
        v->s[i] = (uint32_t)value;
        break;
    default:
        v->d[i] = value;
        break;
    }
}

/* Elem[V[n], i, 8 << size] */
static inline uint64_t vreg_lane(const struct core *c, unsigned n, unsigned size, unsigned i)
{
    unsigned bit = i << (size + 3);
    uint64_t half = c->cpu->v[n][bit >> 6] >> (bit & 63);
    return size == 3 ? half : half & ((UINT64_C(1) << (8u << size)) - 1);
}

/* Out-of-line half of a write: tells the VREG event. */
void vreg_tell(struct core *c, unsigned n, uint64_t low, uint64_t high);

/* Writes all 128 bits. */
static inline void vreg_set128(struct core *c, unsigned n, uint64_t low, uint64_t high)
{
#if !defined(ENGINE_FAST)
    if (__builtin_expect(c->events->mask & (UINT64_C(1) << EVENT_VREG), 0))
        vreg_tell(c, n, low, high);
#endif
    c->cpu->v[n][0] = low;
    c->cpu->v[n][1] = high;
}

/* Writes 64 bits or fewer, zero-extended: B, H, S and D registers, and vectors of 64 bits. */
static inline void vreg_set64(struct core *c, unsigned n, uint64_t low)
{
    vreg_set128(c, n, low, 0);
}

/* Writes a vector; without q its upper half becomes zero. */
static inline void vreg_set(struct core *c, unsigned n, bool q, const union vector *v)
{
    vreg_set128(c, n, v->d[0], q ? v->d[1] : 0);
}

/* Writes one half and keeps the other: the destination of XTN2, FCVTN2, SHRN2 and INS-like. */
static inline void vreg_set_half(struct core *c, unsigned n, unsigned half, uint64_t value)
{
    const uint64_t *v = c->cpu->v[n];
    vreg_set128(c, n, half ? v[0] : value, half ? value : v[1]);
}

/* Out-of-line half of fpsr_raise(). */
void fpsr_raise_slowly(struct core *c, uint32_t bits);

/* Cumulative bits of FPSR become set (FPSR_QC, FPSR_IXC, ...). */
static inline void fpsr_raise(struct core *c, uint32_t bits)
{
    if (__builtin_expect((bits & ~c->cpu->reg[SR_FPSR]) != 0, 0))
        fpsr_raise_slowly(c, bits);
}
