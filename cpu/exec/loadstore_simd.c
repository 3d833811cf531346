/*
 * Loads and stores of SIMD and floating-point registers, single and in pairs. Structures are in
 * loadstore_structure.c. Compiled once for each engine.
 *
 * DDI 0487, "Loads and Stores". A load clears the bits of the register above what it reads. A Q
 * register is one access of 16 bytes, a pair two accesses, the lower address first. No form gives
 * a valid syndrome (ISS.ISV). The access check comes before the check of SP. A base register
 * cannot be a register transferred, so that only LDP with two equal registers is open: as
 * written, the second value stays.
 */
#include "cpu/exec/handlers.h"
#include "cpu/exec/vector.h"

enum index_mode { INDEX_OFFSET, INDEX_PRE, INDEX_POST };

/* What distinguishes one form from another. */
struct form {
    uint8_t size; /* bytes of one register: 1, 2, 4, 8, 16 */
    enum index_mode index;
};

static inline struct mem_op form_access(struct form f)
{
    return (struct mem_op){.size = f.size, .kind = ACCESS_PLAIN};
}

/* The checks before an access, and the base; STEP_NEXT to go on. */
static inline enum step begin(struct core *c, uint32_t w, uint64_t *base)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    unsigned n = a64_rn(w);
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    *base = reg_get_sp(c, n, true);
    return STEP_NEXT;
}

static inline void register_bytes(const struct core *c, unsigned n, unsigned size,
                                  uint64_t value[2])
{
    union vector v = vreg_get(c, n);
    value[0] = size < 8 ? v.d[0] & bits_ones(8 * size) : v.d[0];
    value[1] = size == 16 ? v.d[1] : 0;
}

static inline enum step load(struct core *c, uint32_t w, struct form f, uint64_t offset)
{
    uint64_t base, value[2];
    enum step step = begin(c, w, &base);
    if (step != STEP_NEXT)
        return step;
    struct mem_op op = form_access(f);
    if (!ENGINE(mem_read)(c, f.index == INDEX_POST ? base : base + offset, &op, value))
        return STEP_FAULT;
    vreg_set128(c, a64_rt(w), value[0], f.size == 16 ? value[1] : 0);
    if (f.index != INDEX_OFFSET)
        reg_set_sp(c, a64_rn(w), true, base + offset);
    return STEP_NEXT;
}

static inline enum step store(struct core *c, uint32_t w, struct form f, uint64_t offset)
{
    uint64_t base, value[2];
    enum step step = begin(c, w, &base);
    if (step != STEP_NEXT)
        return step;
    struct mem_op op = form_access(f);
    register_bytes(c, a64_rt(w), f.size, value);
    if (!ENGINE(mem_write)(c, f.index == INDEX_POST ? base : base + offset, &op, value))
        return STEP_FAULT;
    if (f.index != INDEX_OFFSET)
        reg_set_sp(c, a64_rn(w), true, base + offset);
    return STEP_NEXT;
}

static inline uint64_t offset_imm9(uint32_t w)
{
    return bits_sign_extend(a64_imm9(w), 9);
}

static inline uint64_t offset_index(const struct core *c, uint32_t w, unsigned size)
{
    unsigned amount = a64_s(w) ? (unsigned)__builtin_ctz(size) : 0;
    return bits_extend(reg_x(c, a64_rm(w)), a64_option(w), amount);
}

#define HANDLER(name, what, size, index, offset)                \
    enum step EXEC(name)(struct core *c, uint32_t w)            \
    {                                                           \
        return what(c, w, (struct form){size, index}, offset);  \
    }

#define FORMS(what, L, T, size)                                                        \
    HANDLER(L##UR##T, what, size, INDEX_OFFSET, offset_imm9(w))                        \
    HANDLER(L##R##T##_post, what, size, INDEX_POST, offset_imm9(w))                    \
    HANDLER(L##R##T##_pre, what, size, INDEX_PRE, offset_imm9(w))                      \
    HANDLER(L##R##T##_reg, what, size, INDEX_OFFSET, offset_index(c, w, size))         \
    HANDLER(L##R##T##_imm, what, size, INDEX_OFFSET, (uint64_t)a64_imm12(w) * (size))

/* B, H, S and D registers share a row. */
#define SMALL_BYTES ((uint8_t)(1u << a64_fsz(w)))
FORMS(store, ST, _f, SMALL_BYTES)
FORMS(load, LD, _f, SMALL_BYTES)
FORMS(store, ST, _q, 16)
FORMS(load, LD, _q, 16)

/* S, D and Q registers share a row here and in what follows. */
#define LARGE_BYTES ((uint8_t)(4u << a64_fsz(w)))

enum step EXEC(LDR_f_lit)(struct core *c, uint32_t w)
{
    enum step step = fp_access_check(c);
    if (step != STEP_NEXT)
        return step;
    struct mem_op op = {.size = LARGE_BYTES, .kind = ACCESS_PLAIN};
    uint64_t va = c->cpu->pc + (bits_sign_extend(a64_imm19(w), 19) << 2), value[2];
    if (!ENGINE(mem_read)(c, va, &op, value))
        return STEP_FAULT;
    vreg_set128(c, a64_rt(w), value[0], value[1]);
    return STEP_NEXT;
}

/* ---- Pairs ---- */

static inline enum step load_pair(struct core *c, uint32_t w, struct form f, uint64_t offset)
{
    if (a64_rt(w) == a64_rt2(w)) {
        enum unpredictable answer = choose_unpredictable(c);
        if (answer != UNPREDICTABLE_AS_WRITTEN)
            return step_unpredictable(answer);
    }
    uint64_t base, first[2], second[2];
    enum step step = begin(c, w, &base);
    if (step != STEP_NEXT)
        return step;
    uint64_t va = f.index == INDEX_POST ? base : base + offset;
    struct mem_op op = form_access(f);
    if (!ENGINE(mem_read)(c, va, &op, first) || !ENGINE(mem_read)(c, va + f.size, &op, second))
        return STEP_FAULT;
    vreg_set128(c, a64_rt(w), first[0], first[1]);
    vreg_set128(c, a64_rt2(w), second[0], second[1]);
    if (f.index != INDEX_OFFSET)
        reg_set_sp(c, a64_rn(w), true, base + offset);
    return STEP_NEXT;
}

static inline enum step store_pair(struct core *c, uint32_t w, struct form f, uint64_t offset)
{
    uint64_t base, first[2], second[2];
    enum step step = begin(c, w, &base);
    if (step != STEP_NEXT)
        return step;
    uint64_t va = f.index == INDEX_POST ? base : base + offset;
    struct mem_op op = form_access(f);
    register_bytes(c, a64_rt(w), f.size, first);
    register_bytes(c, a64_rt2(w), f.size, second);
    if (!ENGINE(mem_write)(c, va, &op, first) || !ENGINE(mem_write)(c, va + f.size, &op, second))
        return STEP_FAULT;
    if (f.index != INDEX_OFFSET)
        reg_set_sp(c, a64_rn(w), true, base + offset);
    return STEP_NEXT;
}

#define PAIR(name, what, index) \
    HANDLER(name, what, LARGE_BYTES, index, bits_sign_extend(a64_imm7(w), 7) * LARGE_BYTES)

PAIR(LDP_f_off, load_pair, INDEX_OFFSET)
PAIR(LDP_f_pre, load_pair, INDEX_PRE)
PAIR(LDP_f_post, load_pair, INDEX_POST)
PAIR(STP_f_off, store_pair, INDEX_OFFSET)
PAIR(STP_f_pre, store_pair, INDEX_PRE)
PAIR(STP_f_post, store_pair, INDEX_POST)
/* Non-temporal is a hint about caches. */
PAIR(LDNP_f, load_pair, INDEX_OFFSET)
PAIR(STNP_f, store_pair, INDEX_OFFSET)
