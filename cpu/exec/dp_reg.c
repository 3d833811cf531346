/*
 * Data processing between registers: logical, add and subtract (shifted, extended, with carry),
 * conditional compare and select, one, two and three sources. Compiled once for each engine.
 *
 * DDI 0487, "Data Processing -- Register"; ShiftReg, ExtendReg, AddWithCarry. CRC32 is in
 * crc.c; nothing else of Armv8.0 is left out.
 */
#include "cpu/exec/handlers.h"

/* ---- Logical and add/subtract, shifted register ---- */

static uint64_t operand_shifted(const struct core *c, uint32_t w)
{
    return bits_shift(reg_x(c, a64_rm(w)), a64_shift(w), a64_imm6(w), a64_sf(w));
}

#define LOGICAL(name, expression)                                                             \
    enum step EXEC(name)(struct core *c, uint32_t w)                                          \
    {                                                                                         \
        uint64_t x = reg_x(c, a64_rn(w)), y = operand_shifted(c, w);                          \
        reg_set(c, a64_rd(w), a64_sf(w), expression);                                         \
        return STEP_NEXT;                                                                     \
    }

LOGICAL(AND_reg, x & y)
LOGICAL(BIC, x & ~y)
LOGICAL(ORR_reg, x | y)
LOGICAL(ORN, x | ~y)
LOGICAL(EOR_reg, x ^ y)
LOGICAL(EON, x ^ ~y)

static enum step set_with_flags(struct core *c, uint32_t w, uint64_t result)
{
    c->cpu->nzcv = flags_of_result(result, a64_sf(w));
    reg_set(c, a64_rd(w), a64_sf(w), result);
    return STEP_NEXT;
}

enum step EXEC(ANDS_reg)(struct core *c, uint32_t w)
{
    return set_with_flags(c, w, reg_x(c, a64_rn(w)) & operand_shifted(c, w));
}

enum step EXEC(BICS)(struct core *c, uint32_t w)
{
    return set_with_flags(c, w, reg_x(c, a64_rn(w)) & ~operand_shifted(c, w));
}

enum step EXEC(ADD_reg)(struct core *c, uint32_t w)
{
    reg_set(c, a64_rd(w), a64_sf(w), reg_x(c, a64_rn(w)) + operand_shifted(c, w));
    return STEP_NEXT;
}

enum step EXEC(SUB_reg)(struct core *c, uint32_t w)
{
    reg_set(c, a64_rd(w), a64_sf(w), reg_x(c, a64_rn(w)) - operand_shifted(c, w));
    return STEP_NEXT;
}

/* x + y + carry into rd, with flags. */
static enum step add_flags(struct core *c, uint32_t w, uint64_t x, uint64_t y, bool carry)
{
    bool sf = a64_sf(w);
    reg_set(c, a64_rd(w), sf, add_with_carry(x, y, carry, sf, &c->cpu->nzcv));
    return STEP_NEXT;
}

enum step EXEC(ADDS_reg)(struct core *c, uint32_t w)
{
    return add_flags(c, w, reg_x(c, a64_rn(w)), operand_shifted(c, w), false);
}

enum step EXEC(SUBS_reg)(struct core *c, uint32_t w)
{
    return add_flags(c, w, reg_x(c, a64_rn(w)), ~operand_shifted(c, w), true);
}

/* ---- Extended register: Rn, and Rd without flags, may be SP ---- */

static uint64_t operand_extended(const struct core *c, uint32_t w)
{
    return bits_extend(reg_x(c, a64_rm(w)), a64_option(w), a64_imm3(w));
}

enum step EXEC(ADD_ext)(struct core *c, uint32_t w)
{
    uint64_t x = reg_get_sp(c, a64_rn(w), true);
    reg_set_sp(c, a64_rd(w), a64_sf(w), x + operand_extended(c, w));
    return STEP_NEXT;
}

enum step EXEC(SUB_ext)(struct core *c, uint32_t w)
{
    uint64_t x = reg_get_sp(c, a64_rn(w), true);
    reg_set_sp(c, a64_rd(w), a64_sf(w), x - operand_extended(c, w));
    return STEP_NEXT;
}

enum step EXEC(ADDS_ext)(struct core *c, uint32_t w)
{
    return add_flags(c, w, reg_get_sp(c, a64_rn(w), true), operand_extended(c, w), false);
}

enum step EXEC(SUBS_ext)(struct core *c, uint32_t w)
{
    return add_flags(c, w, reg_get_sp(c, a64_rn(w), true), ~operand_extended(c, w), true);
}

/* ---- With carry ---- */

static bool carry_flag(const struct core *c)
{
    return c->cpu->nzcv & PSTATE_C;
}

enum step EXEC(ADC)(struct core *c, uint32_t w)
{
    uint64_t sum = reg_x(c, a64_rn(w)) + reg_x(c, a64_rm(w)) + carry_flag(c);
    reg_set(c, a64_rd(w), a64_sf(w), sum);
    return STEP_NEXT;
}

enum step EXEC(SBC)(struct core *c, uint32_t w)
{
    uint64_t sum = reg_x(c, a64_rn(w)) + ~reg_x(c, a64_rm(w)) + carry_flag(c);
    reg_set(c, a64_rd(w), a64_sf(w), sum);
    return STEP_NEXT;
}

enum step EXEC(ADCS)(struct core *c, uint32_t w)
{
    return add_flags(c, w, reg_x(c, a64_rn(w)), reg_x(c, a64_rm(w)), carry_flag(c));
}

enum step EXEC(SBCS)(struct core *c, uint32_t w)
{
    return add_flags(c, w, reg_x(c, a64_rn(w)), ~reg_x(c, a64_rm(w)), carry_flag(c));
}

/* ---- Conditional compare and select ---- */

static bool condition_of(const struct core *c, uint32_t w)
{
    return condition_holds(c->cpu->nzcv, a64_cond(w));
}

static enum step compare_if(struct core *c, uint32_t w, uint64_t y, bool is_subtract)
{
    if (condition_of(c, w))
        add_with_carry(reg_x(c, a64_rn(w)), is_subtract ? ~y : y, is_subtract, a64_sf(w),
                       &c->cpu->nzcv);
    else
        c->cpu->nzcv = a64_nzcv(w) << 28;
    return STEP_NEXT;
}

enum step EXEC(CCMN_reg)(struct core *c, uint32_t w)
{
    return compare_if(c, w, reg_x(c, a64_rm(w)), false);
}

enum step EXEC(CCMP_reg)(struct core *c, uint32_t w)
{
    return compare_if(c, w, reg_x(c, a64_rm(w)), true);
}

enum step EXEC(CCMN_imm)(struct core *c, uint32_t w)
{
    return compare_if(c, w, a64_imm5(w), false);
}

enum step EXEC(CCMP_imm)(struct core *c, uint32_t w)
{
    return compare_if(c, w, a64_imm5(w), true);
}

#define SELECT(name, otherwise)                                                               \
    enum step EXEC(name)(struct core *c, uint32_t w)                                          \
    {                                                                                         \
        uint64_t x = reg_x(c, a64_rn(w)), y = reg_x(c, a64_rm(w));                            \
        reg_set(c, a64_rd(w), a64_sf(w), condition_of(c, w) ? x : (otherwise));               \
        return STEP_NEXT;                                                                     \
    }

SELECT(CSEL, y)
SELECT(CSINC, y + 1)
SELECT(CSINV, ~y)
SELECT(CSNEG, -y)

/* ---- Two sources ---- */

enum step EXEC(UDIV)(struct core *c, uint32_t w)
{
    bool sf = a64_sf(w);
    uint64_t x = reg_get(c, a64_rn(w), sf), y = reg_get(c, a64_rm(w), sf);
    reg_set(c, a64_rd(w), sf, y == 0 ? 0 : x / y);
    return STEP_NEXT;
}

enum step EXEC(SDIV)(struct core *c, uint32_t w)
{
    bool sf = a64_sf(w);
    unsigned width = sf ? 64 : 32;
    int64_t x = (int64_t)bits_sign_extend(reg_x(c, a64_rn(w)), width);
    int64_t y = (int64_t)bits_sign_extend(reg_x(c, a64_rm(w)), width);
    uint64_t result = 0;
    if (y == -1)
        result = -(uint64_t)x; /* the most negative number has no opposite, and stays */
    else if (y != 0)
        result = (uint64_t)(x / y);
    reg_set(c, a64_rd(w), sf, result);
    return STEP_NEXT;
}

static enum step shift_variable(struct core *c, uint32_t w, unsigned type)
{
    bool sf = a64_sf(w);
    unsigned amount = (unsigned)reg_x(c, a64_rm(w)) & (sf ? 63 : 31);
    reg_set(c, a64_rd(w), sf, bits_shift(reg_x(c, a64_rn(w)), type, amount, sf));
    return STEP_NEXT;
}

enum step EXEC(LSLV)(struct core *c, uint32_t w)
{
    return shift_variable(c, w, 0);
}

enum step EXEC(LSRV)(struct core *c, uint32_t w)
{
    return shift_variable(c, w, 1);
}

enum step EXEC(ASRV)(struct core *c, uint32_t w)
{
    return shift_variable(c, w, 2);
}

enum step EXEC(RORV)(struct core *c, uint32_t w)
{
    return shift_variable(c, w, 3);
}

/* ---- One source ---- */

enum step EXEC(RBIT)(struct core *c, uint32_t w)
{
    bool sf = a64_sf(w);
    uint64_t x = reg_get(c, a64_rn(w), sf), result = 0;
    for (unsigned i = 0; i < (sf ? 64u : 32u); i++)
        result = result << 1 | (x >> i & 1u);
    reg_set(c, a64_rd(w), sf, result);
    return STEP_NEXT;
}

enum step EXEC(REV16)(struct core *c, uint32_t w)
{
    uint64_t x = reg_x(c, a64_rn(w)), low = UINT64_C(0x00ff00ff00ff00ff);
    reg_set(c, a64_rd(w), a64_sf(w), (x & low) << 8 | (x >> 8 & low));
    return STEP_NEXT;
}

enum step EXEC(REV_w)(struct core *c, uint32_t w)
{
    reg_set(c, a64_rd(w), false, __builtin_bswap32((uint32_t)reg_x(c, a64_rn(w))));
    return STEP_NEXT;
}

enum step EXEC(REV32)(struct core *c, uint32_t w)
{
    uint64_t x = __builtin_bswap64(reg_x(c, a64_rn(w)));
    reg_set(c, a64_rd(w), true, x << 32 | x >> 32);
    return STEP_NEXT;
}

enum step EXEC(REV_x)(struct core *c, uint32_t w)
{
    reg_set(c, a64_rd(w), true, __builtin_bswap64(reg_x(c, a64_rn(w))));
    return STEP_NEXT;
}

/* CountLeadingZeroBits(), also of 0. */
static unsigned leading_zeros(uint64_t x, unsigned width)
{
    return x == 0 ? width : (unsigned)__builtin_clzll(x) - (64 - width);
}

enum step EXEC(CLZ)(struct core *c, uint32_t w)
{
    bool sf = a64_sf(w);
    reg_set(c, a64_rd(w), sf, leading_zeros(reg_get(c, a64_rn(w), sf), sf ? 64 : 32));
    return STEP_NEXT;
}

enum step EXEC(CLS)(struct core *c, uint32_t w)
{
    bool sf = a64_sf(w);
    unsigned width = sf ? 64 : 32;
    uint64_t x = reg_get(c, a64_rn(w), sf);
    uint64_t changes = (x ^ x >> 1) & bits_ones(width - 1); /* where a bit differs from the next */
    reg_set(c, a64_rd(w), sf, leading_zeros(changes, width) - 1);
    return STEP_NEXT;
}

/* ---- Three sources ---- */

enum step EXEC(MADD)(struct core *c, uint32_t w)
{
    uint64_t product = reg_x(c, a64_rn(w)) * reg_x(c, a64_rm(w));
    reg_set(c, a64_rd(w), a64_sf(w), reg_x(c, a64_ra(w)) + product);
    return STEP_NEXT;
}

enum step EXEC(MSUB)(struct core *c, uint32_t w)
{
    uint64_t product = reg_x(c, a64_rn(w)) * reg_x(c, a64_rm(w));
    reg_set(c, a64_rd(w), a64_sf(w), reg_x(c, a64_ra(w)) - product);
    return STEP_NEXT;
}

static uint64_t product_signed(const struct core *c, uint32_t w)
{
    int64_t x = (int32_t)reg_x(c, a64_rn(w)), y = (int32_t)reg_x(c, a64_rm(w));
    return (uint64_t)(x * y);
}

static uint64_t product_unsigned(const struct core *c, uint32_t w)
{
    return reg_get(c, a64_rn(w), false) * reg_get(c, a64_rm(w), false);
}

enum step EXEC(SMADDL)(struct core *c, uint32_t w)
{
    reg_set(c, a64_rd(w), true, reg_x(c, a64_ra(w)) + product_signed(c, w));
    return STEP_NEXT;
}

enum step EXEC(SMSUBL)(struct core *c, uint32_t w)
{
    reg_set(c, a64_rd(w), true, reg_x(c, a64_ra(w)) - product_signed(c, w));
    return STEP_NEXT;
}

enum step EXEC(UMADDL)(struct core *c, uint32_t w)
{
    reg_set(c, a64_rd(w), true, reg_x(c, a64_ra(w)) + product_unsigned(c, w));
    return STEP_NEXT;
}

enum step EXEC(UMSUBL)(struct core *c, uint32_t w)
{
    reg_set(c, a64_rd(w), true, reg_x(c, a64_ra(w)) - product_unsigned(c, w));
    return STEP_NEXT;
}

enum step EXEC(SMULH)(struct core *c, uint32_t w)
{
    __int128 x = (int64_t)reg_x(c, a64_rn(w)), y = (int64_t)reg_x(c, a64_rm(w));
    reg_set(c, a64_rd(w), true, (uint64_t)(x * y >> 64));
    return STEP_NEXT;
}

enum step EXEC(UMULH)(struct core *c, uint32_t w)
{
    unsigned __int128 x = reg_x(c, a64_rn(w)), y = reg_x(c, a64_rm(w));
    reg_set(c, a64_rd(w), true, (uint64_t)(x * y >> 64));
    return STEP_NEXT;
}
