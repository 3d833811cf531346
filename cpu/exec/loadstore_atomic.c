/*
 * Atomic read-modify-write (LSE: LDADD and its kin, SWP, CAS, CASP), loads and stores of limited
 * ordering (LDLAR, STLLR), and LDAPR. Compiled once for each engine.
 *
 * DDI 0487, "Atomic instructions"; MemAtomic, MemAtomicCompareAndSwap. An atomic access is
 * aligned to its size, needs the right to read and to write whatever comes of it, and gives no
 * valid syndrome. What LDADDA and its kin acquire is dropped where the result goes to the zero
 * register. Limited ordering orders everything here: it is weaker than LDAR and STLR, and may be
 * as strong. LDAPR is an acquire that the PE's own store-releases do not hold back.
 *
 * Not modelled: atomic accesses that Device or Non-cacheable memory refuses; an implementation may
 * support them.
 */
#include "cpu/exec/handlers.h"

static inline struct mem_op atomic_access(unsigned size, bool acquires, bool releases)
{
    return (struct mem_op){
        .size = (uint8_t)size,
        .kind = acquires ? ACCESS_ACQUIRE : ACCESS_PLAIN,
        .store_kind = releases ? ACCESS_RELEASE : ACCESS_PLAIN,
        .aligned = 1,
        .atomic = 1,
    };
}

static inline enum step atomic(struct core *c, uint32_t w, enum mem_atomic what, unsigned size)
{
    unsigned n = a64_rn(w), t = a64_rt(w);
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    struct mem_op op = atomic_access(size, a64_aq(w) && t != 31, a64_rl(w));
    uint64_t value[2] = {reg_x(c, a64_rs(w)) & bits_ones(8 * size), 0}, old[2];
    if (!ENGINE(mem_atomic)(c, reg_get_sp(c, n, true), &op, what, value, NULL, old))
        return STEP_FAULT;
    reg_set(c, t, true, old[0]);
    return STEP_NEXT;
}

#define ATOMIC_ROW(name, what, size)                 \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        return atomic(c, w, what, size);             \
    }

#define ATOMIC_ROWS(name, what)                      \
    ATOMIC_ROW(name##B, what, 1)                     \
    ATOMIC_ROW(name##H, what, 2)                     \
    ATOMIC_ROW(name, what, a64_sz(w) ? 8u : 4u)

ATOMIC_ROWS(LDADD, ATOMIC_ADD)
ATOMIC_ROWS(LDCLR, ATOMIC_CLR)
ATOMIC_ROWS(LDEOR, ATOMIC_EOR)
ATOMIC_ROWS(LDSET, ATOMIC_SET)
ATOMIC_ROWS(LDSMAX, ATOMIC_SMAX)
ATOMIC_ROWS(LDSMIN, ATOMIC_SMIN)
ATOMIC_ROWS(LDUMAX, ATOMIC_UMAX)
ATOMIC_ROWS(LDUMIN, ATOMIC_UMIN)
ATOMIC_ROWS(SWP, ATOMIC_SWP)

/* ---- Compare and swap ---- */

static inline enum step compare_and_swap(struct core *c, uint32_t w, unsigned size)
{
    unsigned n = a64_rn(w), s = a64_rs(w);
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    struct mem_op op = atomic_access(size, a64_acq(w), a64_rel(w));
    uint64_t expected[2] = {reg_x(c, s) & bits_ones(8 * size), 0}, old[2];
    uint64_t value[2] = {reg_x(c, a64_rt(w)) & bits_ones(8 * size), 0};
    if (!ENGINE(mem_atomic)(c, reg_get_sp(c, n, true), &op, ATOMIC_CAS, value, expected, old))
        return STEP_FAULT;
    reg_set(c, s, true, old[0]);
    return STEP_NEXT;
}

enum step EXEC(CASB)(struct core *c, uint32_t w)
{
    return compare_and_swap(c, w, 1);
}

enum step EXEC(CASH)(struct core *c, uint32_t w)
{
    return compare_and_swap(c, w, 2);
}

enum step EXEC(CAS)(struct core *c, uint32_t w)
{
    return compare_and_swap(c, w, a64_sz(w) ? 8 : 4);
}

/* Rn and the one behind it (31 is the zero register) as they lie in memory. */
static inline void pair_of(const struct core *c, unsigned n, bool sf, uint64_t value[2])
{
    value[0] = reg_get(c, n, sf);
    value[1] = reg_get(c, n + 1, sf);
    if (!sf) {
        value[0] |= value[1] << 32;
        value[1] = 0;
    }
}

enum step EXEC(CASP)(struct core *c, uint32_t w)
{
    unsigned n = a64_rn(w), s = a64_rs(w);
    bool sf = a64_sz30(w);
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    struct mem_op op = atomic_access(sf ? 16 : 8, a64_acq(w), a64_rel(w));
    op.pair = 1;
    uint64_t expected[2], value[2], old[2];
    pair_of(c, s, sf, expected);
    pair_of(c, a64_rt(w), sf, value);
    if (!ENGINE(mem_atomic)(c, reg_get_sp(c, n, true), &op, ATOMIC_CAS, value, expected, old))
        return STEP_FAULT;
    reg_set(c, s, sf, old[0]);
    reg_set(c, s + 1, sf, sf ? old[1] : old[0] >> 32);
    return STEP_NEXT;
}

/* ---- Weaker orders ---- */

static inline struct mem_op ordered_access(uint32_t w, unsigned size, enum access_kind kind)
{
    return (struct mem_op){
        .size = (uint8_t)size,
        .kind = kind,
        .aligned = 1,
        .iss = ISS_VALID(size, 0, a64_rt(w), size == 8, 1),
    };
}

static inline enum step load_acquires(struct core *c, uint32_t w, unsigned size, bool weak)
{
    unsigned n = a64_rn(w);
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    struct mem_op op = ordered_access(w, size, ACCESS_ACQUIRE);
    op.weak = weak;
    uint64_t value[2];
    if (!ENGINE(mem_read)(c, reg_get_sp(c, n, true), &op, value))
        return STEP_FAULT;
    reg_set(c, a64_rt(w), true, value[0]);
    return STEP_NEXT;
}

static inline enum step load_ordered(struct core *c, uint32_t w, unsigned size)
{
    return load_acquires(c, w, size, false);
}

static inline enum step load_rcpc(struct core *c, uint32_t w, unsigned size)
{
    return load_acquires(c, w, size, true);
}

static inline enum step store_ordered(struct core *c, uint32_t w, unsigned size)
{
    unsigned n = a64_rn(w);
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    struct mem_op op = ordered_access(w, size, ACCESS_RELEASE);
    uint64_t value[2] = {reg_x(c, a64_rt(w)) & bits_ones(8 * size), 0};
    return ENGINE(mem_write)(c, reg_get_sp(c, n, true), &op, value) ? STEP_NEXT : STEP_FAULT;
}

#define ORDERED(name, what, size)                    \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        return what(c, w, size);                     \
    }

#define ORDERED_ROWS(name, what)                     \
    ORDERED(name##B, what, 1)                        \
    ORDERED(name##H, what, 2)                        \
    ORDERED(name, what, a64_sz(w) ? 8u : 4u)

ORDERED_ROWS(LDAPR, load_rcpc)
ORDERED_ROWS(LDLAR, load_ordered)
ORDERED_ROWS(STLLR, store_ordered)
