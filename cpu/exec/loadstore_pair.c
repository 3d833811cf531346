/*
 * Loads and stores of pairs, exclusives, and loads and stores with acquire or release. Compiled
 * once for each engine.
 *
 * DDI 0487, "Loads and Stores"; AArch64.ExclusiveMonitorsPass. A pair of registers is two
 * accesses, the lower address first; an exclusive pair is one. An exclusive or ordered access
 * must be aligned to its size. None of these gives a valid syndrome but LDAR and STLR. Not
 * modelled: big-endian data (an exclusive pair of W registers is taken apart little-endian).
 */
#include "cpu/exec/handlers.h"

/* ---- Pairs ---- */

enum index_mode { INDEX_OFFSET, INDEX_PRE, INDEX_POST };

struct pair_form {
    uint8_t size;   /* bytes of one register */
    bool is_signed; /* LDPSW */
    enum index_mode index;
};

static inline bool writes_base_twice(struct pair_form f, uint32_t w)
{
    unsigned n = a64_rn(w);
    return f.index != INDEX_OFFSET && n != 31 && (n == a64_rt(w) || n == a64_rt2(w));
}

/* As written: of two equal registers the second value stays; a loaded base is not written back. */
static inline enum step load_pair(struct core *c, uint32_t w, struct pair_form f)
{
    unsigned n = a64_rn(w);
    if (a64_rt(w) == a64_rt2(w) || writes_base_twice(f, w)) {
        enum unpredictable answer = choose_unpredictable(c);
        if (answer != UNPREDICTABLE_AS_WRITTEN)
            return step_unpredictable(answer);
    }
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    uint64_t offset = bits_sign_extend(a64_imm7(w), 7) * f.size;
    uint64_t base = reg_get_sp(c, n, true);
    uint64_t va = f.index == INDEX_POST ? base : base + offset;
    struct mem_op op = {.size = f.size, .kind = ACCESS_PLAIN};
    uint64_t first[2], second[2];
    if (!ENGINE(mem_read)(c, va, &op, first) || !ENGINE(mem_read)(c, va + f.size, &op, second))
        return STEP_FAULT;
    if (f.is_signed) {
        first[0] = bits_sign_extend(first[0], 32);
        second[0] = bits_sign_extend(second[0], 32);
    }
    if (f.index != INDEX_OFFSET && !writes_base_twice(f, w))
        reg_set_sp(c, n, true, base + offset);
    reg_set(c, a64_rt(w), true, first[0]);
    reg_set(c, a64_rt2(w), true, second[0]);
    return STEP_NEXT;
}

/* As written: the base is stored as it was before the writeback. */
static inline enum step store_pair(struct core *c, uint32_t w, struct pair_form f)
{
    unsigned n = a64_rn(w);
    if (writes_base_twice(f, w)) {
        enum unpredictable answer = choose_unpredictable(c);
        if (answer != UNPREDICTABLE_AS_WRITTEN)
            return step_unpredictable(answer);
    }
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    uint64_t offset = bits_sign_extend(a64_imm7(w), 7) * f.size;
    uint64_t base = reg_get_sp(c, n, true);
    uint64_t va = f.index == INDEX_POST ? base : base + offset;
    struct mem_op op = {.size = f.size, .kind = ACCESS_PLAIN};
    uint64_t first[2] = {reg_get(c, a64_rt(w), f.size == 8), 0};
    uint64_t second[2] = {reg_get(c, a64_rt2(w), f.size == 8), 0};
    if (!ENGINE(mem_write)(c, va, &op, first) || !ENGINE(mem_write)(c, va + f.size, &op, second))
        return STEP_FAULT;
    if (f.index != INDEX_OFFSET)
        reg_set_sp(c, n, true, base + offset);
    return STEP_NEXT;
}

#define PAIR(name, what, size, is_signed, index)                           \
    enum step EXEC(name)(struct core *c, uint32_t w)                       \
    {                                                                      \
        return what(c, w, (struct pair_form){size, is_signed, index});     \
    }

#define PAIR_BYTES (a64_psz(w) ? 8u : 4u)
PAIR(LDP_off, load_pair, PAIR_BYTES, false, INDEX_OFFSET)
PAIR(LDP_pre, load_pair, PAIR_BYTES, false, INDEX_PRE)
PAIR(LDP_post, load_pair, PAIR_BYTES, false, INDEX_POST)
PAIR(STP_off, store_pair, PAIR_BYTES, false, INDEX_OFFSET)
PAIR(STP_pre, store_pair, PAIR_BYTES, false, INDEX_PRE)
PAIR(STP_post, store_pair, PAIR_BYTES, false, INDEX_POST)
PAIR(LDPSW_off, load_pair, 4, true, INDEX_OFFSET)
PAIR(LDPSW_pre, load_pair, 4, true, INDEX_PRE)
PAIR(LDPSW_post, load_pair, 4, true, INDEX_POST)
/* Non-temporal is a hint about caches. */
PAIR(LDNP, load_pair, PAIR_BYTES, false, INDEX_OFFSET)
PAIR(STNP, store_pair, PAIR_BYTES, false, INDEX_OFFSET)

/* ---- Exclusives ---- */

static inline struct mem_op exclusive_access(unsigned size, enum access_kind kind)
{
    return (struct mem_op){.size = (uint8_t)size, .kind = kind, .exclusive = 1, .aligned = 1};
}

static inline enum step load_exclusive(struct core *c, uint32_t w, unsigned size,
                                       enum access_kind kind)
{
    unsigned n = a64_rn(w);
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    struct mem_op op = exclusive_access(size, kind);
    uint64_t value[2];
    if (!ENGINE(mem_read)(c, reg_get_sp(c, n, true), &op, value))
        return STEP_FAULT;
    reg_set(c, a64_rt(w), true, value[0]);
    return STEP_NEXT;
}

/* size is that of the pair. As written: of two equal registers the second value stays. */
static inline enum step load_exclusive_pair(struct core *c, uint32_t w, unsigned size,
                                            enum access_kind kind)
{
    unsigned n = a64_rn(w);
    if (a64_rt(w) == a64_rt2(w)) {
        enum unpredictable answer = choose_unpredictable(c);
        if (answer != UNPREDICTABLE_AS_WRITTEN)
            return step_unpredictable(answer);
    }
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    struct mem_op op = exclusive_access(size, kind);
    op.pair = 1;
    uint64_t value[2];
    if (!ENGINE(mem_read)(c, reg_get_sp(c, n, true), &op, value))
        return STEP_FAULT;
    if (size == 8) {
        value[1] = value[0] >> 32;
        value[0] = (uint32_t)value[0];
    }
    reg_set(c, a64_rt(w), true, value[0]);
    reg_set(c, a64_rt2(w), true, value[1]);
    return STEP_NEXT;
}

/* As written, where Rs is also data or base: these are read before the status is written. */
static inline enum step store_exclusive(struct core *c, uint32_t w, bool is_ambiguous,
                                        const struct mem_op *op, const uint64_t value[2])
{
    unsigned n = a64_rn(w), s = a64_rs(w);
    if (is_ambiguous || (s == n && n != 31)) {
        enum unpredictable answer = choose_unpredictable(c);
        if (answer != UNPREDICTABLE_AS_WRITTEN)
            return step_unpredictable(answer);
    }
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    bool stored;
    if (!ENGINE(mem_write_exclusive)(c, reg_get_sp(c, n, true), op, value, &stored))
        return STEP_FAULT;
    reg_set(c, s, false, !stored);
    return STEP_NEXT;
}

static inline enum step store_exclusive_one(struct core *c, uint32_t w, unsigned size,
                                            enum access_kind kind)
{
    struct mem_op op = exclusive_access(size, kind);
    uint64_t value[2] = {reg_x(c, a64_rt(w)) & bits_ones(8 * size), 0};
    return store_exclusive(c, w, a64_rs(w) == a64_rt(w), &op, value);
}

/* size is that of the pair. */
static inline enum step store_exclusive_pair(struct core *c, uint32_t w, unsigned size,
                                             enum access_kind kind)
{
    struct mem_op op = exclusive_access(size, kind);
    op.pair = 1;
    uint64_t value[2] = {reg_x(c, a64_rt(w)), reg_x(c, a64_rt2(w))};
    if (size == 8) {
        value[0] = (uint32_t)value[0] | value[1] << 32;
        value[1] = 0;
    }
    bool is_ambiguous = a64_rs(w) == a64_rt(w) || a64_rs(w) == a64_rt2(w);
    return store_exclusive(c, w, is_ambiguous, &op, value);
}

/* ---- Acquire and release ---- */

static inline struct mem_op ordered_access(uint32_t w, unsigned size, enum access_kind kind)
{
    return (struct mem_op){
        .size = (uint8_t)size,
        .kind = kind,
        .aligned = 1,
        .iss = ISS_VALID(size, 0, a64_rt(w), size == 8, 1),
    };
}

static inline enum step load_acquire(struct core *c, uint32_t w, unsigned size,
                                     enum access_kind kind)
{
    unsigned n = a64_rn(w);
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    struct mem_op op = ordered_access(w, size, kind);
    uint64_t value[2];
    if (!ENGINE(mem_read)(c, reg_get_sp(c, n, true), &op, value))
        return STEP_FAULT;
    reg_set(c, a64_rt(w), true, value[0]);
    return STEP_NEXT;
}

static inline enum step store_release(struct core *c, uint32_t w, unsigned size,
                                      enum access_kind kind)
{
    unsigned n = a64_rn(w);
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    struct mem_op op = ordered_access(w, size, kind);
    uint64_t value[2] = {reg_x(c, a64_rt(w)) & bits_ones(8 * size), 0};
    return ENGINE(mem_write)(c, reg_get_sp(c, n, true), &op, value) ? STEP_NEXT : STEP_FAULT;
}

#define ORDERED(name, what, size, kind)              \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        return what(c, w, size, kind);               \
    }

#define SIZES(name, what, kind)                          \
    ORDERED(name##B, what, 1, kind)                      \
    ORDERED(name##H, what, 2, kind)                      \
    ORDERED(name, what, a64_sz(w) ? 8u : 4u, kind)

SIZES(LDXR, load_exclusive, ACCESS_PLAIN)
SIZES(LDAXR, load_exclusive, ACCESS_ACQUIRE)
SIZES(STXR, store_exclusive_one, ACCESS_PLAIN)
SIZES(STLXR, store_exclusive_one, ACCESS_RELEASE)
ORDERED(LDXP, load_exclusive_pair, a64_sz(w) ? 16u : 8u, ACCESS_PLAIN)
ORDERED(LDAXP, load_exclusive_pair, a64_sz(w) ? 16u : 8u, ACCESS_ACQUIRE)
ORDERED(STXP, store_exclusive_pair, a64_sz(w) ? 16u : 8u, ACCESS_PLAIN)
ORDERED(STLXP, store_exclusive_pair, a64_sz(w) ? 16u : 8u, ACCESS_RELEASE)
SIZES(LDAR, load_acquire, ACCESS_ACQUIRE)
SIZES(STLR, store_release, ACCESS_RELEASE)
