/*
 * What hot forms of SIMD and floating point share. A form looks at core_cache.vectors first, since
 * the access check comes before all else: with that unset the handler of the row does it, and
 * traps if it has to. That flag is made at the door: what it comes from changes only outside.
 */
#pragma once
#include "cpu/exec/vector.h"
#include "cpu/hot/hot.h"

/* A register, written as a whole, so that the host forwards it to whatever reads it next. */
typedef uint64_t hot_q __attribute__((vector_size(16)));

static inline struct cpu *hot_cpu(uint64_t *x)
{
    return (struct cpu *)(void *)x;
}

static inline uint64_t *hot_v(uint64_t *x, unsigned n)
{
    return hot_cpu(x)->v[n];
}

static inline hot_q hot_v_get(uint64_t *x, unsigned n)
{
    hot_q value;
    __builtin_memcpy(&value, hot_v(x, n), sizeof value);
    return value;
}

static inline void hot_v_set(uint64_t *x, unsigned n, hot_q value)
{
    __builtin_memcpy(hot_v(x, n), &value, sizeof value);
}

/* 64 bits or fewer, zero-extended. */
static inline void hot_v_set64(uint64_t *x, unsigned n, uint64_t low)
{
    hot_v_set(x, n, (hot_q){low, 0});
}

/* Off to the handler unless FP and SIMD are open. */
#define HOT_VECTORS()                                                                           \
    do {                                                                                        \
        if (__builtin_expect(!h->vectors, 0))                                                   \
            return hot_slow(HOT_PASS);                                                          \
    } while (0)

/*
 * The handler at s->imm, of an instruction that does nothing but compute from vector and general
 * registers and FPSR: counters and PC need not be in place for it, nor flags.
 */
void hot_compute(HOT_ARGUMENTS);

/* The registers of an instruction; imm stays the handler, as hot_decode() sets it. */
static inline void hot_v_operands(struct hot_slot *s, uint32_t w)
{
    s->rd = (uint8_t)a64_rd(w);
    s->rn = (uint8_t)a64_rn(w);
    s->rm = (uint8_t)a64_rm(w);
}
