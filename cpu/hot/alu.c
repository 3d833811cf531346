/*
 * Hot forms of data processing: the ones that compilers use all the time, with their operands
 * taken apart. A form does what the handler of its row in cpu/exec does, by the same functions of
 * bits.h; a test runs each against its handler.
 *
 * Not here, and so done by their handlers: rotated operands, BFM, carries, CLS, RBIT, CRC32 and
 * whatever else is rare; results that may leave SP misaligned are for the engine's loop.
 *
 * DDI 0487, "Data Processing -- Immediate", "Data Processing -- Register".
 */
#include "cpu/hot/hot.h"

#define RD x[s->rd]
#define RN x[s->rn]
#define RM x[s->rm]
#define RA x[s->ra]
#define IMM s->imm

/* The X and the W form of an expression over RN, RM, IMM. */
#define BOTH(name, expression)                                                                  \
    HOT(name##_x)                                                                               \
    {                                                                                           \
        RD = (expression);                                                                      \
        HOT_NEXT(1);                                                                            \
    }                                                                                           \
    HOT(name##_w)                                                                               \
    {                                                                                           \
        RD = (uint32_t)(expression);                                                            \
        HOT_NEXT(1);                                                                            \
    }

/* The same over an operand y: RM as it is, or shifted. */
#define SHIFTED_ONE(name, what, expression, sf, cast)                                           \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t y = what;                                                                      \
        RD = (cast)(expression);                                                                \
        HOT_NEXT(1);                                                                            \
    }
#define SHIFTED(name, expression)                                                               \
    SHIFTED_ONE(name##_x, RM, expression, true, uint64_t)                                       \
    SHIFTED_ONE(name##_lsl_x, bits_shift(RM, 0, s->ra, true), expression, true, uint64_t)       \
    SHIFTED_ONE(name##_lsr_x, bits_shift(RM, 1, s->ra, true), expression, true, uint64_t)       \
    SHIFTED_ONE(name##_asr_x, bits_shift(RM, 2, s->ra, true), expression, true, uint64_t)       \
    SHIFTED_ONE(name##_w, RM, expression, false, uint32_t)                                      \
    SHIFTED_ONE(name##_lsl_w, bits_shift(RM, 0, s->ra, false), expression, false, uint32_t)     \
    SHIFTED_ONE(name##_lsr_w, bits_shift(RM, 1, s->ra, false), expression, false, uint32_t)     \
    SHIFTED_ONE(name##_asr_w, bits_shift(RM, 2, s->ra, false), expression, false, uint32_t)

HOT(nop)
{
    HOT_NEXT(1);
}

HOT(mov_imm)
{
    RD = IMM;
    HOT_NEXT(1);
}

HOT(adr)
{
    RD = h->page_va + IMM;
    HOT_NEXT(1);
}

/* MOVK: ra is the shift, imm in place. */
HOT(movk)
{
    RD = (RN & ~(UINT64_C(0xffff) << s->ra)) | IMM;
    HOT_NEXT(1);
}

HOT(movk_w)
{
    RD = (uint32_t)((RN & ~(UINT64_C(0xffff) << s->ra)) | IMM);
    HOT_NEXT(1);
}

HOT(mov_reg_x)
{
    RD = RM;
    HOT_NEXT(1);
}

HOT(mov_reg_w)
{
    RD = (uint32_t)RM;
    HOT_NEXT(1);
}

BOTH(add_imm, RN + IMM)
BOTH(and_imm, RN & IMM)
BOTH(orr_imm, RN | IMM)
BOTH(eor_imm, RN ^ IMM)

SHIFTED(add, RN + y)
SHIFTED(sub, RN - y)
SHIFTED(and, RN & y)
SHIFTED(bic, RN & ~y)
SHIFTED(orr, RN | y)
SHIFTED(orn, RN | ~y)
SHIFTED(eor, RN ^ y)
SHIFTED(eon, RN ^ ~y)

/* Extended operand: up and down again takes the bits, then the shift. */
BOTH(add_uext, RN + (RM << s->ra >> s->ra << IMM))
BOTH(add_sext, RN + ((uint64_t)((int64_t)(RM << s->ra) >> s->ra) << IMM))
BOTH(sub_uext, RN - (RM << s->ra >> s->ra << IMM))
BOTH(sub_sext, RN - ((uint64_t)((int64_t)(RM << s->ra) >> s->ra) << IMM))

/* ---- Flags ---- */

#define FLAGS_SUB(p, q, sf)                                                                     \
    do {                                                                                        \
        fa = (sf) ? (p) : (p) << 32;                                                            \
        fb = (sf) ? (q) : (q) << 32;                                                            \
        h->flags_kind = HOT_FLAGS_SUB;                                                          \
    } while (0)
#define FLAGS_LOGIC(r, sf)                                                                      \
    do {                                                                                        \
        fa = (sf) ? (r) : (r) << 32;                                                            \
        fb = 0;                                                                                 \
        h->flags_kind = HOT_FLAGS_LOGIC;                                                        \
    } while (0)

#define SUBS(name, operand, sf, cast)                                                           \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t p = RN, q = operand;                                                           \
        RD = (cast)(p - q);                                                                     \
        FLAGS_SUB(p, q, sf);                                                                    \
        HOT_NEXT(1);                                                                            \
    }
#define ADDS(name, operand, sf, cast)                                                           \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t p = RN, q = operand;                                                           \
        RD = add_with_carry(p, q, false, sf, &h->core->cpu->nzcv);                              \
        h->flags_kind = HOT_FLAGS_NZCV;                                                         \
        HOT_NEXT(1);                                                                            \
    }
#define ANDS(name, operand, sf, cast)                                                           \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t r = (cast)(RN & (operand));                                                    \
        RD = r;                                                                                 \
        FLAGS_LOGIC(r, sf);                                                                     \
        HOT_NEXT(1);                                                                            \
    }
#define BICS(name, operand, sf, cast)                                                           \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t r = (cast)(RN & ~(operand));                                                   \
        RD = r;                                                                                 \
        FLAGS_LOGIC(r, sf);                                                                     \
        HOT_NEXT(1);                                                                            \
    }
#define SHIFTED_FLAGS(form, name)                                                               \
    form(name##_x, RM, true, uint64_t)                                                          \
    form(name##_lsl_x, bits_shift(RM, 0, s->ra, true), true, uint64_t)                          \
    form(name##_lsr_x, bits_shift(RM, 1, s->ra, true), true, uint64_t)                          \
    form(name##_asr_x, bits_shift(RM, 2, s->ra, true), true, uint64_t)                          \
    form(name##_w, RM, false, uint32_t)                                                         \
    form(name##_lsl_w, bits_shift(RM, 0, s->ra, false), false, uint32_t)                        \
    form(name##_lsr_w, bits_shift(RM, 1, s->ra, false), false, uint32_t)                        \
    form(name##_asr_w, bits_shift(RM, 2, s->ra, false), false, uint32_t)

SUBS(subs_imm_x, IMM, true, uint64_t)
SUBS(subs_imm_w, IMM, false, uint32_t)
ADDS(adds_imm_x, IMM, true, uint64_t)
ADDS(adds_imm_w, IMM, false, uint32_t)
ANDS(ands_imm_x, IMM, true, uint64_t)
ANDS(ands_imm_w, IMM, false, uint32_t)
SHIFTED_FLAGS(SUBS, subs)
SHIFTED_FLAGS(ADDS, adds)
SHIFTED_FLAGS(ANDS, ands)
SHIFTED_FLAGS(BICS, bics)
SUBS(subs_uext_x, RM << s->ra >> s->ra << IMM, true, uint64_t)
SUBS(subs_uext_w, RM << s->ra >> s->ra << IMM, false, uint32_t)
SUBS(subs_sext_x, (uint64_t)((int64_t)(RM << s->ra) >> s->ra) << IMM, true, uint64_t)
SUBS(subs_sext_w, (uint64_t)((int64_t)(RM << s->ra) >> s->ra) << IMM, false, uint32_t)

/* ---- Bit fields: ra places up, imm places down ---- */

HOT(ubfm)
{
    RD = RN << s->ra >> IMM;
    HOT_NEXT(1);
}

HOT(lsl_x)
{
    RD = RN << s->ra;
    HOT_NEXT(1);
}

HOT(lsr_x)
{
    RD = RN >> IMM;
    HOT_NEXT(1);
}

HOT(uxtb)
{
    RD = (uint8_t)RN;
    HOT_NEXT(1);
}

HOT(sxtw)
{
    RD = (uint64_t)(int64_t)(int32_t)RN;
    HOT_NEXT(1);
}

BOTH(sbfm, (uint64_t)((int64_t)(RN << s->ra) >> IMM))

/* ---- Conditions: rn and rm are chosen from by ra ---- */

static inline bool condition(const struct core_cache *h, uint64_t fa, uint64_t fb, unsigned cond)
{
    return condition_holds(hot_nzcv(h, fa, fb), cond);
}

BOTH(csel, condition(h, fa, fb, s->ra) ? RN : RM)
BOTH(csinc, condition(h, fa, fb, s->ra) ? RN : RM + 1)
BOTH(csinv, condition(h, fa, fb, s->ra) ? RN : ~RM)
BOTH(csneg, condition(h, fa, fb, s->ra) ? RN : -RM)

/* imm has the flags that are set if the condition does not hold, and for an immediate the other
 * operand above them. */
#define CCMP(name, operand, sf)                                                                 \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t p = RN, q = operand;                                                           \
        if (condition(h, fa, fb, s->ra)) {                                                      \
            FLAGS_SUB(p, q, sf);                                                                \
        } else {                                                                                \
            h->core->cpu->nzcv = (uint32_t)IMM;                                                 \
            h->flags_kind = HOT_FLAGS_NZCV;                                                     \
        }                                                                                       \
        HOT_NEXT(1);                                                                            \
    }

CCMP(ccmp_reg_x, RM, true)
CCMP(ccmp_reg_w, RM, false)
CCMP(ccmp_imm_x, IMM >> 32, true)
CCMP(ccmp_imm_w, IMM >> 32, false)

/* ---- Two and three sources ---- */

HOT(lslv_x)
{
    RD = bits_shift(RN, 0, (unsigned)RM & 63u, true);
    HOT_NEXT(1);
}

HOT(lslv_w)
{
    RD = bits_shift(RN, 0, (unsigned)RM & 31u, false);
    HOT_NEXT(1);
}

HOT(lsrv_x)
{
    RD = bits_shift(RN, 1, (unsigned)RM & 63u, true);
    HOT_NEXT(1);
}

HOT(lsrv_w)
{
    RD = bits_shift(RN, 1, (unsigned)RM & 31u, false);
    HOT_NEXT(1);
}

HOT(udiv_x)
{
    RD = RM == 0 ? 0 : RN / RM;
    HOT_NEXT(1);
}

HOT(udiv_w)
{
    uint32_t p = (uint32_t)RN, q = (uint32_t)RM;
    RD = q == 0 ? 0 : p / q;
    HOT_NEXT(1);
}

BOTH(madd, RA + RN * RM)
BOTH(msub, RA - RN * RM)

HOT(umaddl)
{
    RD = RA + (uint64_t)(uint32_t)RN * (uint32_t)RM;
    HOT_NEXT(1);
}

HOT(smaddl)
{
    RD = RA + (uint64_t)((int64_t)(int32_t)RN * (int32_t)RM);
    HOT_NEXT(1);
}

HOT(umulh)
{
    RD = (uint64_t)((unsigned __int128)RN * RM >> 64);
    HOT_NEXT(1);
}

/* ---- Decoding ---- */

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

/* The last one: a move of the immediate. rd may be SP, but for ANDS. */
DECODER(decode_logic_imm)
{
    bool sets_flags = (w >> 29 & 3u) == 3;
    if (a64_rd(w) == 31 && !sets_flags)
        return false;
    (void)place;
    s->imm = bits_logical_mask(a64_n(w), a64_immr(w), a64_imms(w));
    if (!a64_sf(w))
        s->imm = (uint32_t)s->imm;
    s->go = a64_rn(w) == 31 && go[2] ? go[2] : PICK(a64_sf(w));
    s->rd = hot_to(a64_rd(w));
    s->rn = (uint8_t)a64_rn(w);
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

DECODER(decode_two)
{
    (void)place;
    operands(s, w);
    s->go = PICK(a64_sf(w));
    return true;
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

#define PAIR_OF(name) {hot_##name##_x, hot_##name##_w}
#define SHIFTED_OF(name)                                                                        \
    {                                                                                           \
        hot_##name##_x, hot_##name##_lsl_x, hot_##name##_lsr_x, hot_##name##_asr_x,             \
            hot_##name##_w, hot_##name##_lsl_w, hot_##name##_lsr_w, hot_##name##_asr_w          \
    }
#define EXTENDED_OF(name)                                                                       \
    {                                                                                           \
        hot_##name##_uext_x, hot_##name##_uext_w, hot_##name##_sext_x, hot_##name##_sext_w      \
    }

const struct hot_row hot_rows_alu[A64_COUNT] = {
    [A64_ADR] = {decode_adr, {hot_adr}},
    [A64_ADRP] = {decode_adr, {hot_adr}},
    [A64_ADD_imm] = {decode_add_imm, PAIR_OF(add_imm)},
    [A64_SUB_imm] = {decode_add_imm, PAIR_OF(add_imm)},
    [A64_ADDS_imm] = {decode_flags_imm, PAIR_OF(adds_imm)},
    [A64_SUBS_imm] = {decode_flags_imm, PAIR_OF(subs_imm)},
    [A64_AND_imm] = {decode_logic_imm, PAIR_OF(and_imm)},
    [A64_ORR_imm] = {decode_logic_imm, {hot_orr_imm_x, hot_orr_imm_w, hot_mov_imm}},
    [A64_EOR_imm] = {decode_logic_imm, PAIR_OF(eor_imm)},
    [A64_ANDS_imm] = {decode_logic_imm, PAIR_OF(ands_imm)},
    [A64_MOVZ] = {decode_mov_wide, {hot_mov_imm}},
    [A64_MOVN] = {decode_mov_wide, {hot_mov_imm}},
    [A64_MOVK] = {decode_movk, {hot_movk, hot_movk_w}},
    [A64_UBFM] = {decode_ubfm, {NULL}},
    [A64_SBFM] = {decode_sbfm, PAIR_OF(sbfm)},
    [A64_AND_reg] = {decode_shifted, SHIFTED_OF(and)},
    [A64_BIC] = {decode_shifted, SHIFTED_OF(bic)},
    [A64_ORR_reg] = {decode_orr, SHIFTED_OF(orr)},
    [A64_ORN] = {decode_shifted, SHIFTED_OF(orn)},
    [A64_EOR_reg] = {decode_shifted, SHIFTED_OF(eor)},
    [A64_EON] = {decode_shifted, SHIFTED_OF(eon)},
    [A64_ANDS_reg] = {decode_shifted, SHIFTED_OF(ands)},
    [A64_BICS] = {decode_shifted, SHIFTED_OF(bics)},
    [A64_ADD_reg] = {decode_shifted, SHIFTED_OF(add)},
    [A64_ADDS_reg] = {decode_shifted, SHIFTED_OF(adds)},
    [A64_SUB_reg] = {decode_shifted, SHIFTED_OF(sub)},
    [A64_SUBS_reg] = {decode_shifted, SHIFTED_OF(subs)},
    [A64_ADD_ext] = {decode_extended, EXTENDED_OF(add)},
    [A64_SUB_ext] = {decode_extended, EXTENDED_OF(sub)},
    [A64_SUBS_ext] = {decode_extended, EXTENDED_OF(subs)},
    [A64_CSEL] = {decode_select, PAIR_OF(csel)},
    [A64_CSINC] = {decode_select, PAIR_OF(csinc)},
    [A64_CSINV] = {decode_select, PAIR_OF(csinv)},
    [A64_CSNEG] = {decode_select, PAIR_OF(csneg)},
    [A64_CCMP_reg] = {decode_ccmp, PAIR_OF(ccmp_reg)},
    [A64_CCMP_imm] = {decode_ccmp, PAIR_OF(ccmp_imm)},
    [A64_UDIV] = {decode_two, PAIR_OF(udiv)},
    [A64_LSLV] = {decode_two, PAIR_OF(lslv)},
    [A64_LSRV] = {decode_two, PAIR_OF(lsrv)},
    [A64_MADD] = {decode_three, PAIR_OF(madd)},
    [A64_MSUB] = {decode_three, PAIR_OF(msub)},
    [A64_UMADDL] = {decode_three, {hot_umaddl}},
    [A64_SMADDL] = {decode_three, {hot_smaddl}},
    [A64_UMULH] = {decode_two, {hot_umulh}},
    [A64_PRFM_lit] = {decode_nop, {hot_nop}},
    [A64_PRFM_imm] = {decode_nop, {hot_nop}},
    [A64_PRFM_reg] = {decode_nop, {hot_nop}},
    [A64_PRFUM] = {decode_nop, {hot_nop}},
};
