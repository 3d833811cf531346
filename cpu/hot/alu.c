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
HOT(movk_x)
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

HOT(extr_x)
{
    RD = RN << 1 << (63 - s->ra) | RM >> s->ra;
    HOT_NEXT(1);
}

HOT(extr_w)
{
    RD = (uint32_t)((RN << 32 | (uint32_t)RM) >> s->ra);
    HOT_NEXT(1);
}

/* ---- Conditions: rn and rm are chosen from by ra ---- */

BOTH(csel, hot_condition(h, fa, fb, s->ra) ? RN : RM)
BOTH(csinc, hot_condition(h, fa, fb, s->ra) ? RN : RM + 1)
BOTH(csinv, hot_condition(h, fa, fb, s->ra) ? RN : ~RM)
BOTH(csneg, hot_condition(h, fa, fb, s->ra) ? RN : -RM)

/* imm has the flags that are set if the condition does not hold, and for an immediate the other
 * operand above them. */
#define CCMP(name, operand, sf)                                                                 \
    HOT(name)                                                                                   \
    {                                                                                           \
        uint64_t p = RN, q = operand;                                                           \
        if (hot_condition(h, fa, fb, s->ra)) {                                                  \
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

HOT(rev_x)
{
    RD = __builtin_bswap64(RN);
    HOT_NEXT(1);
}

HOT(rev_w)
{
    RD = __builtin_bswap32((uint32_t)RN);
    HOT_NEXT(1);
}

HOT(clz_x)
{
    RD = RN == 0 ? 64 : (unsigned)__builtin_clzll(RN);
    HOT_NEXT(1);
}

HOT(clz_w)
{
    RD = (uint32_t)RN == 0 ? 32 : (unsigned)__builtin_clz((uint32_t)RN);
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
