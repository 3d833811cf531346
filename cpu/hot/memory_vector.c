/*
 * Hot forms of loads and stores of SIMD and floating-point registers, under the same conditions as
 * those of general registers (memory.c): little-endian, to pages that host pointers are kept for,
 * aligned as SCTLR_ELx.A wants it, which of LD1 and ST1 is no more than their elements.
 *
 * Not here: structures of two and more elements, single lanes, pairs into one register, and
 * writeback that may leave SP misaligned.
 *
 * DDI 0487, "Loads and Stores"; "Advanced SIMD load/store structures".
 */
#include "cpu/hot/reach.h"
#include "cpu/hot/vector.h"

#include <string.h>

#define RN x[s->rn]
#define RM x[s->rm]

/* What is loaded as a whole register. */
#define SMALL(value) ((hot_q){(value), 0})
#define WHOLE(value) (value)

#define LOAD_AS(who, matches, or_else, name, address, type, wide, writeback)                    \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t va = (address);                                                                \
        HOT_VECTORS();                                                                          \
        HOT_REACH(who, matches, or_else, read_tag, sizeof(type));                               \
        type value;                                                                             \
        memcpy(&value, at, sizeof value);                                                       \
        writeback;                                                                              \
        hot_v_set(x, s->rd, wide(value));                                                       \
        HOT_NEXT(1);                                                                            \
    }

#define STORE_AS(who, matches, or_else, name, address, type, wide, writeback)                   \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t va = (address);                                                                \
        HOT_VECTORS();                                                                          \
        HOT_REACH(who, matches, or_else, write_tag, sizeof(type));                              \
        type value;                                                                             \
        memcpy(&value, hot_v(x, s->rd), sizeof value);                                          \
        memcpy(at, &value, sizeof value);                                                       \
        writeback;                                                                              \
        HOT_NEXT(1);                                                                            \
    }

#define LOAD_PAIR_AS(who, matches, or_else, name, address, type, wide, writeback)               \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t va = (address);                                                                \
        HOT_VECTORS();                                                                          \
        HOT_REACH_ALL(who, matches, or_else, read_tag, sizeof(type), 2 * sizeof(type));         \
        type first, second;                                                                     \
        memcpy(&first, at, sizeof first);                                                       \
        memcpy(&second, at + sizeof first, sizeof second);                                      \
        writeback;                                                                              \
        hot_v_set(x, s->rd, wide(first));                                                       \
        hot_v_set(x, s->rm, wide(second));                                                      \
        HOT_NEXT(1);                                                                            \
    }

#define STORE_PAIR_AS(who, matches, or_else, name, address, type, wide, writeback)              \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t va = (address);                                                                \
        HOT_VECTORS();                                                                          \
        HOT_REACH_ALL(who, matches, or_else, write_tag, sizeof(type), 2 * sizeof(type));        \
        type first, second;                                                                     \
        memcpy(&first, hot_v(x, s->rd), sizeof first);                                          \
        memcpy(&second, hot_v(x, s->rm), sizeof second);                                        \
        memcpy(at, &first, sizeof first);                                                       \
        memcpy(at + sizeof first, &second, sizeof second);                                      \
        writeback;                                                                              \
        HOT_NEXT(1);                                                                            \
    }

#define LOAD(...) HOT_BOTH(LOAD_AS, h->data_tag, __VA_ARGS__)
#define STORE(...) HOT_BOTH(STORE_AS, h->data_tag, __VA_ARGS__)
#define LOAD_PAIR(...) HOT_BOTH(LOAD_PAIR_AS, h->data_tag, __VA_ARGS__)
#define STORE_PAIR(...) HOT_BOTH(STORE_PAIR_AS, h->data_tag, __VA_ARGS__)

#define FORMS_PAIR(what, name, type, wide)                                                      \
    what(name##_off, RN + s->imm, type, wide, (void)0)                                          \
    what(name##_pre, RN + s->imm, type, wide, RN = va)                                          \
    what(name##_post, RN, type, wide, RN = va + s->imm)
#define FORMS(what, name, type, wide)                                                           \
    FORMS_PAIR(what, name, type, wide)                                                          \
    what(name##_lsl, RN + (RM << s->ra), type, wide, (void)0)                                   \
    what(name##_uxtw, RN + (HOT_UXTW(RM) << s->ra), type, wide, (void)0)                        \
    what(name##_sxtw, RN + (HOT_SXTW(RM) << s->ra), type, wide, (void)0)

FORMS(LOAD, ldr_b, uint8_t, SMALL)
FORMS(LOAD, ldr_h, uint16_t, SMALL)
FORMS(LOAD, ldr_s, uint32_t, SMALL)
FORMS(LOAD, ldr_d, uint64_t, SMALL)
FORMS(LOAD, ldr_q, hot_q, WHOLE)
FORMS(STORE, str_b, uint8_t, SMALL)
FORMS(STORE, str_h, uint16_t, SMALL)
FORMS(STORE, str_s, uint32_t, SMALL)
FORMS(STORE, str_d, uint64_t, SMALL)
FORMS(STORE, str_q, hot_q, WHOLE)
LOAD(ldr_s_lit, h->page_va + s->imm, uint32_t, SMALL, (void)0)
LOAD(ldr_d_lit, h->page_va + s->imm, uint64_t, SMALL, (void)0)
LOAD(ldr_q_lit, h->page_va + s->imm, hot_q, WHOLE, (void)0)
FORMS_PAIR(LOAD_PAIR, ldp_s, uint32_t, SMALL)
FORMS_PAIR(LOAD_PAIR, ldp_d, uint64_t, SMALL)
FORMS_PAIR(LOAD_PAIR, ldp_q, hot_q, WHOLE)
FORMS_PAIR(STORE_PAIR, stp_s, uint32_t, SMALL)
FORMS_PAIR(STORE_PAIR, stp_d, uint64_t, SMALL)
FORMS_PAIR(STORE_PAIR, stp_q, hot_q, WHOLE)

/* ---- LD1 and ST1: ra is the size of an element; the base moves by rm and imm, or by 0 ---- */

#define LOAD_MULTIPLE_AS(who, matches, or_else, name, count, bytes)                             \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t va = RN;                                                                       \
        HOT_VECTORS();                                                                          \
        HOT_REACH_ALL(who, matches, or_else, read_tag, s->ra, (count) * (bytes));               \
        for (unsigned r = 0; r < (count); r++) {                                                \
            hot_q value = {0, 0};                                                               \
            memcpy(&value, at + r * (bytes), bytes);                                            \
            hot_v_set(x, (s->rd + r) & 31u, value);                                             \
        }                                                                                       \
        RN = va + RM + s->imm;                                                                  \
        HOT_NEXT(1);                                                                            \
    }

#define STORE_MULTIPLE_AS(who, matches, or_else, name, count, bytes)                            \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t va = RN;                                                                       \
        HOT_VECTORS();                                                                          \
        HOT_REACH_ALL(who, matches, or_else, write_tag, s->ra, (count) * (bytes));              \
        for (unsigned r = 0; r < (count); r++)                                                  \
            memcpy(at + r * (bytes), hot_v(x, (s->rd + r) & 31u), bytes);                       \
        RN = va + RM + s->imm;                                                                  \
        HOT_NEXT(1);                                                                            \
    }

#define LOAD_MULTIPLE(...) HOT_BOTH(LOAD_MULTIPLE_AS, h->data_tag, __VA_ARGS__)
#define STORE_MULTIPLE(...) HOT_BOTH(STORE_MULTIPLE_AS, h->data_tag, __VA_ARGS__)

#define COUNTS(what, name)                                                                      \
    what(name##x1_d, 1, 8u)                                                                     \
    what(name##x2_d, 2, 8u)                                                                     \
    what(name##x3_d, 3, 8u)                                                                     \
    what(name##x4_d, 4, 8u)                                                                     \
    what(name##x1_q, 1, 16u)                                                                    \
    what(name##x2_q, 2, 16u)                                                                    \
    what(name##x3_q, 3, 16u)                                                                    \
    what(name##x4_q, 4, 16u)

COUNTS(LOAD_MULTIPLE, ld1)
COUNTS(STORE_MULTIPLE, st1)

/* To all lanes of both halves, or of the lower one. */
#define LOAD_ALL_LANES_AS(who, matches, or_else, name, type, is_whole)                          \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t va = RN;                                                                       \
        HOT_VECTORS();                                                                          \
        HOT_REACH(who, matches, or_else, read_tag, sizeof(type));                               \
        type value;                                                                             \
        memcpy(&value, at, sizeof value);                                                       \
        uint64_t half = value * (UINT64_MAX / (type)UINT64_MAX);                                \
        hot_v_set(x, s->rd, (hot_q){half, (is_whole) ? half : 0});                              \
        RN = va + RM + s->imm;                                                                  \
        HOT_NEXT(1);                                                                            \
    }

#define LOAD_ALL_LANES(...) HOT_BOTH(LOAD_ALL_LANES_AS, h->data_tag, __VA_ARGS__)

LOAD_ALL_LANES(ld1r_8b, uint8_t, false)
LOAD_ALL_LANES(ld1r_4h, uint16_t, false)
LOAD_ALL_LANES(ld1r_2s, uint32_t, false)
LOAD_ALL_LANES(ld1r_1d, uint64_t, false)
LOAD_ALL_LANES(ld1r_16b, uint8_t, true)
LOAD_ALL_LANES(ld1r_8h, uint16_t, true)
LOAD_ALL_LANES(ld1r_4s, uint32_t, true)
LOAD_ALL_LANES(ld1r_2d, uint64_t, true)

/* ---- Decoding ---- */

enum { OFF, PRE, POST, LSL, UXTW_INDEX, SXTW_INDEX, INDEX_COUNT };

#define PAIR_OF(name) {hot_##name##_off, hot_##name##_pre, hot_##name##_post}
#define SINGLE_OF(name)                                                                         \
    {hot_##name##_off, hot_##name##_pre, hot_##name##_post,                                     \
     hot_##name##_lsl, hot_##name##_uxtw, hot_##name##_sxtw}
#define MULTIPLE_OF(name)                                                                       \
    {{hot_##name##x1_d, hot_##name##x2_d, hot_##name##x3_d, hot_##name##x4_d},                  \
     {hot_##name##x1_q, hot_##name##x2_q, hot_##name##x3_q, hot_##name##x4_q}}

/* By load, log2 of the bytes, addressing. */
static hot_function *const singles[2][5][INDEX_COUNT] = {
    {SINGLE_OF(str_b), SINGLE_OF(str_h), SINGLE_OF(str_s), SINGLE_OF(str_d), SINGLE_OF(str_q)},
    {SINGLE_OF(ldr_b), SINGLE_OF(ldr_h), SINGLE_OF(ldr_s), SINGLE_OF(ldr_d), SINGLE_OF(ldr_q)},
};
static hot_function *const pairs[2][3][POST + 1] = {
    {PAIR_OF(stp_s), PAIR_OF(stp_d), PAIR_OF(stp_q)},
    {PAIR_OF(ldp_s), PAIR_OF(ldp_d), PAIR_OF(ldp_q)},
};
/* By load, q, registers less one; by q, size of the element. */
static hot_function *const multiples[2][2][4] = {MULTIPLE_OF(st1), MULTIPLE_OF(ld1)};
static hot_function *const all_lanes[2][4] = {
    {hot_ld1r_8b, hot_ld1r_4h, hot_ld1r_2s, hot_ld1r_1d},
    {hot_ld1r_16b, hot_ld1r_8h, hot_ld1r_4s, hot_ld1r_2d},
};

#define DECODER(name)                                                                           \
    static bool name(struct hot_slot *s, uint32_t w, const struct hot_place *place,             \
                     hot_function *const *go)

/* Rt and the base. Bit 22 says load; of one register bit 23 says Q, beside the size. */
static unsigned single(struct hot_slot *s, uint32_t w, const struct hot_place *place)
{
    s->rd = (uint8_t)a64_rt(w);
    s->rn = hot_or_sp(a64_rn(w), place);
    return w >> 23 & 1u ? 4 : w >> 30;
}

DECODER(decode_imm12)
{
    (void)go;
    unsigned size = single(s, w, place);
    s->imm = (uint64_t)a64_imm12(w) << size;
    s->go = singles[w >> 22 & 1u][size][OFF];
    return true;
}

/* Bits 11:10: unscaled, post-index, and pre-index. */
DECODER(decode_imm9)
{
    (void)go;
    static const uint8_t form_of[4] = {OFF, POST, OFF, PRE};
    unsigned size = single(s, w, place), form = form_of[w >> 10 & 3u];
    s->imm = bits_sign_extend(a64_imm9(w), 9);
    s->go = singles[w >> 22 & 1u][size][form];
    return form == OFF || a64_rn(w) != 31 || s->imm % 16 == 0;
}

DECODER(decode_index)
{
    (void)go;
    static const uint8_t form_of[8] = {[2] = UXTW_INDEX, [3] = LSL, [6] = SXTW_INDEX, [7] = LSL};
    unsigned size = single(s, w, place);
    s->rm = (uint8_t)a64_rm(w);
    s->ra = (uint8_t)(a64_s(w) ? size : 0);
    s->go = singles[w >> 22 & 1u][size][form_of[a64_option(w)]];
    return true;
}

/* go: S, D, Q. */
DECODER(decode_literal)
{
    s->rd = (uint8_t)a64_rt(w);
    s->imm = (bits_sign_extend(a64_imm19(w), 19) << 2) + 4u * place->index;
    s->go = go[w >> 30];
    return true;
}

/* Bits 24:23: no allocation, post-index, offset, pre-index. */
DECODER(decode_pair)
{
    (void)go;
    static const uint8_t form_of[4] = {OFF, POST, OFF, PRE};
    unsigned form = form_of[w >> 23 & 3u], size = w >> 30, loads = w >> 22 & 1u;
    s->rd = (uint8_t)a64_rt(w);
    s->rm = (uint8_t)a64_rt2(w);
    s->rn = hot_or_sp(a64_rn(w), place);
    s->imm = bits_sign_extend(a64_imm7(w), 7) << (size + 2);
    s->go = pairs[loads][size][form];
    return !(loads && s->rd == s->rm) &&
           (form == OFF || a64_rn(w) != 31 || s->imm % 16 == 0);
}

/* The base, and by what it moves: bit 23 says post-index. False: perhaps SP, by any amount. */
static bool structure(struct hot_slot *s, uint32_t w, const struct hot_place *place,
                      unsigned bytes)
{
    bool is_post = w >> 23 & 1u, by_register = is_post && a64_rm(w) != 31;
    s->rd = (uint8_t)a64_rt(w);
    s->rn = hot_or_sp(a64_rn(w), place);
    s->rm = by_register ? (uint8_t)a64_rm(w) : 31;
    s->ra = (uint8_t)(1u << a64_arr(w));
    s->imm = is_post && !by_register ? bytes : 0;
    return a64_rn(w) != 31 || (!by_register && s->imm % 16 == 0);
}

/* Bits 15:12 say how many registers. */
DECODER(decode_multiple)
{
    (void)go;
    static const uint8_t count_of[16] = {[7] = 1, [10] = 2, [6] = 3, [2] = 4};
    unsigned count = count_of[w >> 12 & 15u], q = a64_q(w);
    s->go = multiples[w >> 22 & 1u][q][count - 1];
    return structure(s, w, place, count * (q ? 16 : 8));
}

DECODER(decode_all_lanes)
{
    (void)go;
    s->go = all_lanes[a64_q(w)][a64_arr(w)];
    return structure(s, w, place, 1u << a64_arr(w));
}

#define ROWS(ROW, f)                                                                            \
    [A64_##ROW##R_##f##_imm] = {decode_imm12, {0}}, [A64_##ROW##UR_##f] = {decode_imm9, {0}},   \
    [A64_##ROW##R_##f##_pre] = {decode_imm9, {0}},                                              \
    [A64_##ROW##R_##f##_post] = {decode_imm9, {0}},                                             \
    [A64_##ROW##R_##f##_reg] = {decode_index, {0}}
#define ROWS_PAIR(ROW)                                                                          \
    [A64_##ROW##NP_f] = {decode_pair, {0}}, [A64_##ROW##P_f_off] = {decode_pair, {0}},          \
    [A64_##ROW##P_f_pre] = {decode_pair, {0}}, [A64_##ROW##P_f_post] = {decode_pair, {0}}
#define ROW_MULTIPLE(ROW)                                                                       \
    [A64_##ROW] = {decode_multiple, {0}}, [A64_##ROW##_post] = {decode_multiple, {0}}
#define ROWS_MULTIPLE(ROW)                                                                      \
    ROW_MULTIPLE(ROW##x1), ROW_MULTIPLE(ROW##x2), ROW_MULTIPLE(ROW##x3), ROW_MULTIPLE(ROW##x4)

const struct hot_row hot_rows_memory_vector[A64_COUNT] = {
    ROWS(LD, f),
    ROWS(LD, q),
    ROWS(ST, f),
    ROWS(ST, q),
    [A64_LDR_f_lit] = {decode_literal, {hot_ldr_s_lit, hot_ldr_d_lit, hot_ldr_q_lit}},
    ROWS_PAIR(LD),
    ROWS_PAIR(ST),
    ROWS_MULTIPLE(LD1),
    ROWS_MULTIPLE(ST1),
    [A64_LD1R] = {decode_all_lanes, {0}},
    [A64_LD1R_post] = {decode_all_lanes, {0}},
};
