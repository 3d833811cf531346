/*
 * Loads and stores of one general register, and prefetches. Pairs and exclusives are in
 * loadstore_pair.c. Compiled once for each engine.
 *
 * DDI 0487, "Loads and Stores". An abort of a form without writeback carries a valid syndrome
 * (ISS.ISV), which lets a hypervisor emulate a device access. A prefetch does nothing: no
 * translation, no fault, as an implementation may.
 */
#include "cpu/exec/handlers.h"

enum index_mode { INDEX_OFFSET, INDEX_PRE, INDEX_POST };

/* What distinguishes one single-register form from another; constant in each handler. */
struct form {
    uint8_t size;         /* bytes of memory */
    bool is_signed;       /* a load extends the sign */
    bool is_x;            /* the register is an X register */
    bool is_unprivileged; /* LDTR and STTR */
    enum index_mode index;
};

static inline struct mem_op form_access(struct form f, uint32_t w)
{
    return (struct mem_op){
        .size = f.size,
        .kind = ACCESS_PLAIN,
        .unprivileged = f.is_unprivileged,
        .iss = f.index == INDEX_OFFSET ? ISS_VALID(f.size, f.is_signed, a64_rt(w), f.is_x, 0) : 0,
    };
}

/* Writeback to a base that is also the register transferred: the architecture leaves it open. */
static inline bool is_ambiguous(struct form f, uint32_t w)
{
    return f.index != INDEX_OFFSET && a64_rn(w) == a64_rt(w) && a64_rn(w) != 31;
}

/* Reads memory at va into Rt, extended as the form says. */
static inline bool load_register(struct core *c, uint32_t w, struct form f, uint64_t va,
                                 uint64_t *value)
{
    struct mem_op op = form_access(f, w);
    uint64_t data[2];
    if (!ENGINE(mem_read)(c, va, &op, data))
        return false;
    *value = f.is_signed ? bits_sign_extend(data[0], 8u * f.size) : data[0];
    return true;
}

/* As written, for an ambiguous form, is: the loaded value stays, the writeback is lost. */
static inline enum step load(struct core *c, uint32_t w, struct form f, uint64_t offset)
{
    unsigned n = a64_rn(w);
    if (is_ambiguous(f, w)) {
        enum unpredictable answer = choose_unpredictable(c);
        if (answer != UNPREDICTABLE_AS_WRITTEN)
            return step_unpredictable(answer);
    }
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    uint64_t base = reg_get_sp(c, n, true), value;
    if (!load_register(c, w, f, f.index == INDEX_POST ? base : base + offset, &value))
        return STEP_FAULT;
    if (f.index != INDEX_OFFSET && !is_ambiguous(f, w))
        reg_set_sp(c, n, true, base + offset);
    reg_set(c, a64_rt(w), f.is_x, value);
    return STEP_NEXT;
}

/* As written, for an ambiguous form, is: the value before the writeback is stored. */
static inline enum step store(struct core *c, uint32_t w, struct form f, uint64_t offset)
{
    unsigned n = a64_rn(w);
    if (is_ambiguous(f, w)) {
        enum unpredictable answer = choose_unpredictable(c);
        if (answer != UNPREDICTABLE_AS_WRITTEN)
            return step_unpredictable(answer);
    }
    if (n == 31 && !mem_check_sp(c))
        return STEP_EXCEPTION;
    struct mem_op op = form_access(f, w);
    uint64_t base = reg_get_sp(c, n, true);
    uint64_t data[2] = {reg_x(c, a64_rt(w)), 0};
    if (f.size < 8)
        data[0] &= bits_ones(8u * f.size);
    if (!ENGINE(mem_write)(c, f.index == INDEX_POST ? base : base + offset, &op, data))
        return STEP_FAULT;
    if (f.index != INDEX_OFFSET)
        reg_set_sp(c, n, true, base + offset);
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

#define HANDLER(name, what, size, is_signed, is_x, is_unprivileged, index, offset)            \
    enum step EXEC(name)(struct core *c, uint32_t w)                                          \
    {                                                                                         \
        struct form f = {size, is_signed, is_x, is_unprivileged, index};                      \
        return what(c, w, f, offset);                                                         \
    }

/* The forms whose address is an immediate of nine bits: LDUR, LDTR, post- and pre-index. */
#define FORMS_IMM9(what, L, T, size, is_signed, is_x)                                         \
    HANDLER(L##UR##T, what, size, is_signed, is_x, false, INDEX_OFFSET, offset_imm9(w))       \
    HANDLER(L##TR##T, what, size, is_signed, is_x, true, INDEX_OFFSET, offset_imm9(w))        \
    HANDLER(L##R##T##_post, what, size, is_signed, is_x, false, INDEX_POST, offset_imm9(w))   \
    HANDLER(L##R##T##_pre, what, size, is_signed, is_x, false, INDEX_PRE, offset_imm9(w))

#define FORM_IMM12(what, L, T, size, is_signed, is_x)                                         \
    HANDLER(L##R##T##_imm, what, size, is_signed, is_x, false, INDEX_OFFSET,                  \
            (uint64_t)a64_imm12(w) * (size))

#define FORM_REG(what, L, T, size, is_signed, is_x)                                           \
    HANDLER(L##R##T##_reg, what, size, is_signed, is_x, false, INDEX_OFFSET,                  \
            offset_index(c, w, size))

#define FORMS(what, L, T, size, is_signed, is_x)     \
    FORMS_IMM9(what, L, T, size, is_signed, is_x)    \
    FORM_IMM12(what, L, T, size, is_signed, is_x)    \
    FORM_REG(what, L, T, size, is_signed, is_x)

/* clang-format off */
/*    what   L   T     bytes             sign   X register */
FORMS(store, ST, B,    1,                false, false)
FORMS(load,  LD, B,    1,                false, false)
FORMS(load,  LD, SB_w, 1,                true,  false)
FORMS(load,  LD, SB_x, 1,                true,  true)
FORMS(store, ST, H,    2,                false, false)
FORMS(load,  LD, H,    2,                false, false)
FORMS(load,  LD, SH_w, 2,                true,  false)
FORMS(load,  LD, SH_x, 2,                true,  true)
FORMS(load,  LD, SW,   4,                true,  true)

/* W and X registers share a row but for the register offset. */
#define WORD_BYTES (a64_sz(w) ? 8u : 4u)
FORMS_IMM9(store, ST, , WORD_BYTES,      false, a64_sz(w))
FORMS_IMM9(load,  LD, , WORD_BYTES,      false, a64_sz(w))
FORM_IMM12(store, ST, , WORD_BYTES,      false, a64_sz(w))
FORM_IMM12(load,  LD, , WORD_BYTES,      false, a64_sz(w))
FORM_REG(store, ST, _w, 4,               false, false)
FORM_REG(load,  LD, _w, 4,               false, false)
FORM_REG(store, ST, _x, 8,               false, true)
FORM_REG(load,  LD, _x, 8,               false, true)
/* clang-format on */

/* ---- Literals: relative to PC, which is no base register ---- */

static enum step load_literal(struct core *c, uint32_t w, struct form f)
{
    uint64_t va = c->cpu->pc + (bits_sign_extend(a64_imm19(w), 19) << 2), value;
    if (!load_register(c, w, f, va, &value))
        return STEP_FAULT;
    reg_set(c, a64_rt(w), f.is_x, value);
    return STEP_NEXT;
}

enum step EXEC(LDR_lit)(struct core *c, uint32_t w)
{
    return load_literal(c, w, (struct form){.size = WORD_BYTES, .is_x = a64_sz(w)});
}

enum step EXEC(LDRSW_lit)(struct core *c, uint32_t w)
{
    return load_literal(c, w, (struct form){.size = 4, .is_signed = true, .is_x = true});
}

/* ---- Prefetches ---- */

#define PREFETCH(name)                               \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        (void)c, (void)w;                            \
        return STEP_NEXT;                            \
    }

PREFETCH(PRFM_lit)
PREFETCH(PRFM_imm)
PREFETCH(PRFM_reg)
PREFETCH(PRFUM)
