/*
 * Which hot form of alu.c a data-processing instruction takes, and with which operands.
 *
 * Not here: encodings that the hot half leaves to their handlers (a false answer), above all those
 * that could leave SP misaligned.
 *
 * DDI 0487, "Data Processing -- Immediate", "Data Processing -- Register"; DecodeBitMasks.
 */
#include "cpu/hot/hot.h"

/* The rows: which forms, the op, who decodes it, the name of the forms. */
#define ROWS(ONE, BOTH, SHIFTED, EXTENDED) \
    ONE(ADR, decode_adr, adr)                  \
    ONE(ADRP, decode_adr, adr)                 \
    BOTH(ADD_imm, decode_add_imm, add_imm)     \
    BOTH(SUB_imm, decode_add_imm, add_imm)     \
    BOTH(ADDS_imm, decode_flags_imm, adds_imm) \
    BOTH(SUBS_imm, decode_flags_imm, subs_imm) \
    BOTH(AND_imm, decode_logic_imm, and_imm)   \
    BOTH(ORR_imm, decode_orr_imm, orr_imm)     \
    BOTH(EOR_imm, decode_logic_imm, eor_imm)   \
    BOTH(ANDS_imm, decode_logic_imm, ands_imm) \
    ONE(MOVZ, decode_mov_wide, mov_imm)        \
    ONE(MOVN, decode_mov_wide, mov_imm)        \
    BOTH(MOVK, decode_movk, movk)              \
    ONE(UBFM, decode_ubfm, ubfm)               \
    BOTH(SBFM, decode_sbfm, sbfm)              \
    SHIFTED(AND_reg, decode_shifted, and)      \
    SHIFTED(BIC, decode_shifted, bic)          \
    SHIFTED(ORR_reg, decode_orr, orr)          \
    SHIFTED(ORN, decode_shifted, orn)          \
    SHIFTED(EOR_reg, decode_shifted, eor)      \
    SHIFTED(EON, decode_shifted, eon)          \
    SHIFTED(ANDS_reg, decode_shifted, ands)    \
    SHIFTED(BICS, decode_shifted, bics)        \
    SHIFTED(ADD_reg, decode_shifted, add)      \
    SHIFTED(ADDS_reg, decode_shifted, adds)    \
    SHIFTED(SUB_reg, decode_shifted, sub)      \
    SHIFTED(SUBS_reg, decode_shifted, subs)    \
    EXTENDED(ADD_ext, decode_extended, add)    \
    EXTENDED(SUB_ext, decode_extended, sub)    \
    EXTENDED(SUBS_ext, decode_extended, subs)  \
    BOTH(CSEL, decode_select, csel)            \
    BOTH(CSINC, decode_select, csinc)          \
    BOTH(CSINV, decode_select, csinv)          \
    BOTH(CSNEG, decode_select, csneg)          \
    BOTH(CCMP_reg, decode_ccmp, ccmp_reg)      \
    BOTH(CCMP_imm, decode_ccmp, ccmp_imm)      \
    BOTH(UDIV, decode_two, udiv)               \
    BOTH(EXTR, decode_extract, extr)           \
    BOTH(CLZ, decode_two, clz)                 \
    ONE(REV_x, decode_one, rev_x)              \
    ONE(REV_w, decode_one, rev_w)              \
    BOTH(LSLV, decode_two, lslv)               \
    BOTH(LSRV, decode_two, lsrv)               \
    BOTH(MADD, decode_three, madd)             \
    BOTH(MSUB, decode_three, msub)             \
    ONE(UMADDL, decode_three, umaddl)          \
    ONE(SMADDL, decode_three, smaddl)          \
    ONE(UMULH, decode_two, umulh)              \
    ONE(PRFM_lit, decode_nop, nop)             \
    ONE(PRFM_imm, decode_nop, nop)             \
    ONE(PRFM_reg, decode_nop, nop)             \
    ONE(PRFUM, decode_nop, nop)

#define ONE_IS(op, decode, name) hot_function hot_##name;
#define BOTH_ARE(op, decode, name) hot_function hot_##name##_x, hot_##name##_w;
#define SHIFTED_ARE(op, decode, name)                                                           \
    hot_function hot_##name##_x, hot_##name##_lsl_x, hot_##name##_lsr_x, hot_##name##_asr_x;    \
    hot_function hot_##name##_w, hot_##name##_lsl_w, hot_##name##_lsr_w, hot_##name##_asr_w;
#define EXTENDED_ARE(op, decode, name)                                                          \
    hot_function hot_##name##_uext_x, hot_##name##_uext_w, hot_##name##_sext_x,                 \
        hot_##name##_sext_w;
ROWS(ONE_IS, BOTH_ARE, SHIFTED_ARE, EXTENDED_ARE)
/* What some of these are in particular. */
hot_function hot_mov_imm, hot_mov_reg_x, hot_mov_reg_w, hot_lsl_x, hot_lsr_x, hot_uxtb, hot_sxtw;

#define DECODER(name)                                                                           \
    static bool name(struct hot_slot *s, uint32_t w, const struct hot_place *place,             \
                     hot_function *const *go)

/* go: X form, W form. */
#define PICK(sf) go[(sf) ? 0 : 1]

static void operands(struct hot_slot *s, uint32_t w)
{
    s->rd = hot_to(a64_rd(w));
    s->rn = (uint8_t)a64_rn(w);
    s->rm = (uint8_t)a64_rm(w);
}

DECODER(decode_adr)
{
    uint64_t offset = bits_sign_extend((uint64_t)a64_immhi(w) << 2 | a64_immlo(w), 21);
    bool is_page = w >> 31;
    s->go = go[0];
    s->rd = hot_to(a64_rd(w));
    s->imm = is_page ? offset << 12 : offset + 4u * place->index;
    return true;
}

/* SP stays aligned where it is moved by a multiple of 16, and only that is done here. */
DECODER(decode_add_imm)
{
    uint64_t imm = (uint64_t)a64_imm12(w) << (a64_sh(w) ? 12 : 0);
    bool is_sub = w >> 30 & 1u, sf = a64_sf(w);
    if (a64_rd(w) == 31 && (a64_rn(w) != 31 || imm % 16 != 0 || !sf))
        return false;
    s->go = PICK(sf);
    s->rd = hot_or_sp(a64_rd(w), place);
    s->rn = hot_or_sp(a64_rn(w), place);
    s->imm = is_sub ? -imm : imm;
    return true;
}

DECODER(decode_flags_imm)
{
    s->go = PICK(a64_sf(w));
    s->rd = hot_to(a64_rd(w));
    s->rn = hot_or_sp(a64_rn(w), place);
    s->imm = (uint64_t)a64_imm12(w) << (a64_sh(w) ? 12 : 0);
    return true;
}

/* rd is SP, but for ANDS. */
DECODER(decode_logic_imm)
{
    bool sets_flags = (w >> 29 & 3u) == 3;
    if (a64_rd(w) == 31 && !sets_flags)
        return false;
    (void)place;
    s->imm = bits_logical_mask(a64_n(w), a64_immr(w), a64_imms(w));
    if (!a64_sf(w))
        s->imm = (uint32_t)s->imm;
    s->go = PICK(a64_sf(w));
    s->rd = hot_to(a64_rd(w));
    s->rn = (uint8_t)a64_rn(w);
    return true;
}

DECODER(decode_orr_imm)
{
    if (!decode_logic_imm(s, w, place, go))
        return false;
    if (a64_rn(w) == 31)
        s->go = hot_mov_imm;
    return true;
}

DECODER(decode_mov_wide)
{
    (void)place;
    uint64_t value = (uint64_t)a64_imm16(w) << (16 * a64_hw(w));
    bool is_not = (w >> 29 & 3u) == 0;
    s->go = go[0];
    s->rd = hot_to(a64_rd(w));
    s->imm = is_not ? ~value : value;
    if (!a64_sf(w))
        s->imm = (uint32_t)s->imm;
    return true;
}

DECODER(decode_movk)
{
    (void)place;
    s->go = PICK(a64_sf(w));
    s->rd = hot_to(a64_rd(w));
    s->rn = (uint8_t)a64_rd(w);
    s->ra = (uint8_t)(16 * a64_hw(w));
    s->imm = (uint64_t)a64_imm16(w) << s->ra;
    return true;
}

/* go: plain, LSL, LSR, ASR, for X and for W. */
DECODER(decode_shifted)
{
    (void)place;
    unsigned amount = a64_imm6(w), form = amount == 0 ? 0 : 1 + a64_shift(w);
    if (form == 4)
        return false;
    operands(s, w);
    s->ra = (uint8_t)amount;
    s->go = go[form + (a64_sf(w) ? 0 : 4)];
    return true;
}

DECODER(decode_orr)
{
    if (!decode_shifted(s, w, place, go))
        return false;
    if (a64_rn(w) == 31 && a64_imm6(w) == 0)
        s->go = a64_sf(w) ? hot_mov_reg_x : hot_mov_reg_w;
    return true;
}

/* go: zero-extended and sign-extended, each X and W. */
DECODER(decode_extended)
{
    bool sets_flags = w >> 29 & 1u;
    if (a64_rd(w) == 31 && !sets_flags)
        return false;
    operands(s, w);
    s->rn = hot_or_sp(a64_rn(w), place);
    s->ra = (uint8_t)(64u - (8u << (a64_option(w) & 3u)));
    s->imm = a64_imm3(w);
    s->go = go[(a64_option(w) & 4u ? 2 : 0) + (a64_sf(w) ? 0 : 1)];
    return true;
}

/* Where the field ends up at the top, and how far down it goes from there. */
static void bitfield(struct hot_slot *s, uint32_t w)
{
    unsigned r = a64_immr(w), top = a64_imms(w), width = a64_sf(w) ? 64 : 32;
    s->rd = hot_to(a64_rd(w));
    s->rn = (uint8_t)a64_rn(w);
    s->ra = (uint8_t)(63 - top);
    s->imm = top >= r ? 63 - top + r : 63 - top - (width - r);
}

DECODER(decode_ubfm)
{
    (void)place, (void)go;
    bitfield(s, w);
    s->go = hot_ubfm;
    if (s->imm == 0)
        s->go = hot_lsl_x;
    else if (s->ra == 0)
        s->go = hot_lsr_x;
    else if (s->ra == 56 && s->imm == 56)
        s->go = hot_uxtb;
    return true;
}

DECODER(decode_sbfm)
{
    (void)place;
    bitfield(s, w);
    s->go = PICK(a64_sf(w));
    if (a64_sf(w) && s->ra == 32 && s->imm == 32)
        s->go = hot_sxtw;
    return true;
}

DECODER(decode_select)
{
    (void)place;
    operands(s, w);
    s->ra = (uint8_t)a64_cond(w);
    s->go = PICK(a64_sf(w));
    return true;
}

DECODER(decode_ccmp)
{
    (void)place;
    bool is_imm = w >> 11 & 1u;
    s->rn = (uint8_t)a64_rn(w);
    s->rm = (uint8_t)a64_rm(w);
    s->ra = (uint8_t)a64_cond(w);
    s->imm = (uint64_t)a64_nzcv(w) << 28 | (is_imm ? (uint64_t)a64_imm5(w) << 32 : 0);
    s->go = PICK(a64_sf(w));
    return true;
}

DECODER(decode_one)
{
    (void)place;
    operands(s, w);
    s->go = go[0];
    return true;
}

DECODER(decode_two)
{
    (void)place;
    operands(s, w);
    s->go = PICK(a64_sf(w));
    return true;
}

DECODER(decode_extract)
{
    s->ra = (uint8_t)a64_imms(w);
    return decode_two(s, w, place, go);
}

DECODER(decode_three)
{
    s->ra = (uint8_t)a64_ra(w);
    return decode_two(s, w, place, go);
}

DECODER(decode_nop)
{
    (void)w, (void)place;
    s->go = go[0];
    return true;
}

#define ONE_ROW(op, decode, name) [A64_##op] = {decode, {hot_##name}},
#define BOTH_ROW(op, decode, name) [A64_##op] = {decode, {hot_##name##_x, hot_##name##_w}},
#define SHIFTED_ROW(op, decode, name)                                                           \
    [A64_##op] = {decode,                                                                       \
                  {hot_##name##_x, hot_##name##_lsl_x, hot_##name##_lsr_x, hot_##name##_asr_x,  \
                   hot_##name##_w, hot_##name##_lsl_w, hot_##name##_lsr_w, hot_##name##_asr_w}},
#define EXTENDED_ROW(op, decode, name)                                                          \
    [A64_##op] = {decode,                                                                       \
                  {hot_##name##_uext_x, hot_##name##_uext_w, hot_##name##_sext_x,               \
                   hot_##name##_sext_w}},

const struct hot_row hot_rows_alu[A64_COUNT] = {
    ROWS(ONE_ROW, BOTH_ROW, SHIFTED_ROW, EXTENDED_ROW)
};
