/*
 * Hot forms of loads and stores of general registers to pages that host pointers are kept for
 * (direct.h). Everything else - a walk, a device, an alignment fault, an access that crosses a
 * page, byte order - is done by the handler of the row, in its place.
 *
 * LDAR and STLR are loads and stores here, always aligned: memory is in order as long as the
 * machine keeps no order of its own, and then nothing is fast. LDTR and STTR go by the pointers
 * of EL0.
 *
 * Not here: exclusives, limited ordering, non-temporal pairs, forms whose result the architecture
 * leaves open.
 *
 * DDI 0487, "Loads and Stores"; AArch64.MemSingle.
 */
#include "cpu/hot/reach.h"

#include <string.h>

#define RD x[s->rd]
#define RN x[s->rn]
#define RM x[s->rm]

#define LOAD_AS(who, matches, or_else, name, address, type, cast, writeback)                    \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t va = (address);                                                                \
        HOT_REACH(who, matches, or_else, read_tag, sizeof(type));                               \
        type value;                                                                             \
        memcpy(&value, at, sizeof value);                                                       \
        writeback;                                                                              \
        RD = (uint64_t)(cast)value;                                                             \
        HOT_NEXT(1);                                                                            \
    }

#define STORE_AS(who, matches, or_else, name, address, type, cast, writeback)                   \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t va = (address);                                                                \
        HOT_REACH(who, matches, or_else, write_tag, sizeof(type));                              \
        type value = (type)RD;                                                                  \
        memcpy(at, &value, sizeof value);                                                       \
        writeback;                                                                              \
        HOT_NEXT(1);                                                                            \
    }

#define LOAD(...) HOT_BOTH(LOAD_AS, h->data_tag, __VA_ARGS__)
#define STORE(...) HOT_BOTH(STORE_AS, h->data_tag, __VA_ARGS__)

/* AArch64.AccessUsesEL: LDTR and STTR are EL0's from EL1, unless PSTATE.UAO overrides it. */
static inline uint64_t unprivileged(const struct core_cache *h)
{
    const struct cpu *cpu = h->core->cpu;
    bool is_user = cpu->el == 1 && (cpu->access & PSTATE_UAO) == 0;
    return is_user ? direct_data_tag(h, 0) : h->data_tag;
}

/* All addresses of a load or store; the last one is LDTR's or STTR's, and LDAR's or STLR's. */
#define FORMS(what, name, type, cast)                                                           \
    what(name##_off, RN + s->imm, type, cast, (void)0)                                          \
    what(name##_pre, RN + s->imm, type, cast, RN = va)                                          \
    what(name##_post, RN, type, cast, RN = va + s->imm)                                         \
    what(name##_lsl, RN + (RM << s->ra), type, cast, (void)0)                                   \
    what(name##_uxtw, RN + (HOT_UXTW(RM) << s->ra), type, cast, (void)0)                        \
    what(name##_sxtw, RN + (HOT_SXTW(RM) << s->ra), type, cast, (void)0)                        \
    HOT_BOTH(what##_AS, unprivileged(h), name##_user, RN + s->imm, type, cast, (void)0)
#define FORMS_ORDERED(what, name, type, cast)                                                   \
    FORMS(what, name, type, cast)                                                               \
    what##_AS(h->data_tag, HOT_ALIGNED, hot_slow, name##_ordered, RN, type, cast, (void)0)

FORMS_ORDERED(LOAD, ldrb, uint8_t, uint8_t)
FORMS_ORDERED(LOAD, ldrh, uint16_t, uint16_t)
FORMS_ORDERED(LOAD, ldr_w, uint32_t, uint32_t)
FORMS_ORDERED(LOAD, ldr_x, uint64_t, uint64_t)
FORMS(LOAD, ldrsb_x, int8_t, int64_t)
FORMS(LOAD, ldrsh_x, int16_t, int64_t)
FORMS(LOAD, ldrsw, int32_t, int64_t)
FORMS(LOAD, ldrsb_w, int8_t, uint32_t)
FORMS(LOAD, ldrsh_w, int16_t, uint32_t)
FORMS_ORDERED(STORE, strb, uint8_t, )
FORMS_ORDERED(STORE, strh, uint16_t, )
FORMS_ORDERED(STORE, str_w, uint32_t, )
FORMS_ORDERED(STORE, str_x, uint64_t, )
LOAD(ldr_w_lit, h->page_va + s->imm, uint32_t, uint32_t, (void)0)
LOAD(ldr_x_lit, h->page_va + s->imm, uint64_t, uint64_t, (void)0)
LOAD(ldrsw_lit, h->page_va + s->imm, int32_t, int64_t, (void)0)

/* ---- Pairs: two accesses in one page ---- */

#define LOAD_PAIR_AS(who, matches, or_else, name, address, type, cast, writeback)               \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t va = (address);                                                                \
        HOT_REACH_ALL(who, matches, or_else, read_tag, sizeof(type), 2 * sizeof(type));         \
        type value[2];                                                                          \
        memcpy(value, at, sizeof value);                                                        \
        writeback;                                                                              \
        RD = (uint64_t)(cast)value[0];                                                          \
        RM = (uint64_t)(cast)value[1];                                                          \
        HOT_NEXT(1);                                                                            \
    }

#define STORE_PAIR_AS(who, matches, or_else, name, address, type, cast, writeback)              \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t va = (address);                                                                \
        HOT_REACH_ALL(who, matches, or_else, write_tag, sizeof(type), 2 * sizeof(type));        \
        type value[2] = {(type)RD, (type)RM};                                                   \
        memcpy(at, value, sizeof value);                                                        \
        writeback;                                                                              \
        HOT_NEXT(1);                                                                            \
    }

#define LOAD_PAIR(...) HOT_BOTH(LOAD_PAIR_AS, h->data_tag, __VA_ARGS__)
#define STORE_PAIR(...) HOT_BOTH(STORE_PAIR_AS, h->data_tag, __VA_ARGS__)

#define FORMS_PAIR(what, name, type, cast)                                                      \
    what(name##_off, RN + s->imm, type, cast, (void)0)                                          \
    what(name##_pre, RN + s->imm, type, cast, RN = va)                                          \
    what(name##_post, RN, type, cast, RN = va + s->imm)

FORMS_PAIR(LOAD_PAIR, ldp_x, uint64_t, uint64_t)
FORMS_PAIR(LOAD_PAIR, ldp_w, uint32_t, uint32_t)
FORMS_PAIR(LOAD_PAIR, ldpsw, int32_t, int64_t)
FORMS_PAIR(STORE_PAIR, stp_x, uint64_t, )
FORMS_PAIR(STORE_PAIR, stp_w, uint32_t, )

/* ---- Decoding ---- */

#define DECODER(name)                                                                           \
    static bool name(struct hot_slot *s, uint32_t w, const struct hot_place *place,             \
                     hot_function *const *go)

/* Rt: nowhere for a load of the zero register; a store reads it there. */
static uint8_t transferred(unsigned n, bool is_load)
{
    return is_load ? hot_to(n) : (uint8_t)n;
}

/* Bits 23:22 of a single register's forms: 0 is the store. */
static bool is_load(uint32_t w)
{
    return (w >> 22 & 3u) != 0;
}

/* go: W or narrower, then X where the row has both. */
static hot_function *of_size(uint32_t w, hot_function *const *go)
{
    return go[1] && a64_sz(w) ? go[1] : go[0];
}

DECODER(decode_imm12)
{
    s->rd = transferred(a64_rt(w), is_load(w));
    s->rn = hot_or_sp(a64_rn(w), place);
    s->imm = (uint64_t)a64_imm12(w) << (w >> 30);
    s->go = of_size(w, go);
    return true;
}

DECODER(decode_unscaled)
{
    s->rd = transferred(a64_rt(w), is_load(w));
    s->rn = hot_or_sp(a64_rn(w), place);
    s->imm = bits_sign_extend(a64_imm9(w), 9);
    s->go = of_size(w, go);
    return true;
}

/* LDAR and STLR. */
DECODER(decode_ordered)
{
    s->rd = transferred(a64_rt(w), w >> 22 & 1u);
    s->rn = hot_or_sp(a64_rn(w), place);
    s->go = of_size(w, go);
    return true;
}

/* With writeback; SP stays aligned. */
DECODER(decode_moving)
{
    unsigned n = a64_rn(w);
    if (n == 31 ? (a64_imm9(w) & 15u) != 0 : n == a64_rt(w))
        return false;
    return decode_unscaled(s, w, place, go);
}

/* go: LSL, UXTW, SXTW. */
DECODER(decode_index)
{
    static const uint8_t form_of[8] = {[2] = 1, [3] = 0, [6] = 2, [7] = 0};
    s->rd = transferred(a64_rt(w), is_load(w));
    s->rn = hot_or_sp(a64_rn(w), place);
    s->rm = (uint8_t)a64_rm(w);
    s->ra = (uint8_t)(a64_s(w) ? w >> 30 : 0);
    s->go = go[form_of[a64_option(w)]];
    return true;
}

DECODER(decode_literal)
{
    s->rd = hot_to(a64_rt(w));
    s->imm = (bits_sign_extend(a64_imm19(w), 19) << 2) + 4u * place->index;
    s->go = of_size(w, go);
    return true;
}

/* go: W or the only one, X; bit 22 says load, bit 23 writeback with it or before it. */
DECODER(decode_pair)
{
    unsigned n = a64_rn(w), first = a64_rt(w), second = a64_rt2(w);
    bool loads = w >> 22 & 1u, moves = w >> 23 & 1u, is_wide = go[1] && a64_psz(w);
    uint64_t offset = bits_sign_extend(a64_imm7(w), 7) << (is_wide ? 3 : 2);
    if (loads && first == second)
        return false;
    if (moves && (n == 31 ? offset % 16 != 0 : n == first || n == second))
        return false;
    s->rd = transferred(first, loads);
    s->rm = transferred(second, loads);
    s->rn = hot_or_sp(n, place);
    s->imm = offset;
    s->go = go[is_wide];
    return true;
}

#define ROWS(ROW, name)                                                                         \
    [A64_##ROW##_imm] = {decode_imm12, {hot_##name##_off}},                                     \
    [A64_##ROW##_pre] = {decode_moving, {hot_##name##_pre}},                                    \
    [A64_##ROW##_post] = {decode_moving, {hot_##name##_post}},                                  \
    [A64_##ROW##_reg] = {decode_index, {hot_##name##_lsl, hot_##name##_uxtw, hot_##name##_sxtw}}
#define ROWS_BOTH(ROW, name)                                                                    \
    [A64_##ROW##_imm] = {decode_imm12, {hot_##name##_w_off, hot_##name##_x_off}},               \
    [A64_##ROW##_pre] = {decode_moving, {hot_##name##_w_pre, hot_##name##_x_pre}},              \
    [A64_##ROW##_post] = {decode_moving, {hot_##name##_w_post, hot_##name##_x_post}},           \
    [A64_##ROW##_w_reg] = {decode_index,                                                        \
                           {hot_##name##_w_lsl, hot_##name##_w_uxtw, hot_##name##_w_sxtw}},     \
    [A64_##ROW##_x_reg] = {decode_index,                                                        \
                           {hot_##name##_x_lsl, hot_##name##_x_uxtw, hot_##name##_x_sxtw}}
#define ROWS_PAIR(ROW, narrow, wide)                                                            \
    [A64_##ROW##_off] = {decode_pair, {narrow##_off, wide##_off}},                              \
    [A64_##ROW##_pre] = {decode_pair, {narrow##_pre, wide##_pre}},                              \
    [A64_##ROW##_post] = {decode_pair, {narrow##_post, wide##_post}}

const struct hot_row hot_rows_memory[A64_COUNT] = {
    ROWS(LDRB, ldrb),
    ROWS(LDRH, ldrh),
    ROWS(LDRSB_x, ldrsb_x),
    ROWS(LDRSB_w, ldrsb_w),
    ROWS(LDRSH_x, ldrsh_x),
    ROWS(LDRSH_w, ldrsh_w),
    ROWS(LDRSW, ldrsw),
    ROWS(STRB, strb),
    ROWS(STRH, strh),
    ROWS_BOTH(LDR, ldr),
    ROWS_BOTH(STR, str),
    [A64_LDURB] = {decode_unscaled, {hot_ldrb_off}},
    [A64_LDURH] = {decode_unscaled, {hot_ldrh_off}},
    [A64_LDUR] = {decode_unscaled, {hot_ldr_w_off, hot_ldr_x_off}},
    [A64_LDURSB_x] = {decode_unscaled, {hot_ldrsb_x_off}},
    [A64_LDURSB_w] = {decode_unscaled, {hot_ldrsb_w_off}},
    [A64_LDURSH_x] = {decode_unscaled, {hot_ldrsh_x_off}},
    [A64_LDURSH_w] = {decode_unscaled, {hot_ldrsh_w_off}},
    [A64_LDURSW] = {decode_unscaled, {hot_ldrsw_off}},
    [A64_STURB] = {decode_unscaled, {hot_strb_off}},
    [A64_STURH] = {decode_unscaled, {hot_strh_off}},
    [A64_STUR] = {decode_unscaled, {hot_str_w_off, hot_str_x_off}},
    [A64_LDTRB] = {decode_unscaled, {hot_ldrb_user}},
    [A64_LDTRH] = {decode_unscaled, {hot_ldrh_user}},
    [A64_LDTR] = {decode_unscaled, {hot_ldr_w_user, hot_ldr_x_user}},
    [A64_LDTRSB_x] = {decode_unscaled, {hot_ldrsb_x_user}},
    [A64_LDTRSB_w] = {decode_unscaled, {hot_ldrsb_w_user}},
    [A64_LDTRSH_x] = {decode_unscaled, {hot_ldrsh_x_user}},
    [A64_LDTRSH_w] = {decode_unscaled, {hot_ldrsh_w_user}},
    [A64_LDTRSW] = {decode_unscaled, {hot_ldrsw_user}},
    [A64_STTRB] = {decode_unscaled, {hot_strb_user}},
    [A64_STTRH] = {decode_unscaled, {hot_strh_user}},
    [A64_STTR] = {decode_unscaled, {hot_str_w_user, hot_str_x_user}},
    [A64_LDARB] = {decode_ordered, {hot_ldrb_ordered}},
    [A64_LDARH] = {decode_ordered, {hot_ldrh_ordered}},
    [A64_LDAR] = {decode_ordered, {hot_ldr_w_ordered, hot_ldr_x_ordered}},
    [A64_STLRB] = {decode_ordered, {hot_strb_ordered}},
    [A64_STLRH] = {decode_ordered, {hot_strh_ordered}},
    [A64_STLR] = {decode_ordered, {hot_str_w_ordered, hot_str_x_ordered}},
    [A64_LDR_lit] = {decode_literal, {hot_ldr_w_lit, hot_ldr_x_lit}},
    [A64_LDRSW_lit] = {decode_literal, {hot_ldrsw_lit}},
    ROWS_PAIR(LDP, hot_ldp_w, hot_ldp_x),
    ROWS_PAIR(STP, hot_stp_w, hot_stp_x),
    [A64_LDPSW_off] = {decode_pair, {hot_ldpsw_off}},
    [A64_LDPSW_pre] = {decode_pair, {hot_ldpsw_pre}},
    [A64_LDPSW_post] = {decode_pair, {hot_ldpsw_post}},
};
