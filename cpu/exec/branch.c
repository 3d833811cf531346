/*
 * Branches, and the instructions that generate or return from an exception. Compiled once for
 * each engine.
 *
 * DDI 0487, "Branches, Exception Generating and System instructions". A branch to a misaligned
 * address succeeds; the fetch there takes the PC alignment fault. Not modelled: Debug state, so
 * that DCPS1..DCPS3 and DRPS are UNDEFINED as they are in Non-debug state.
 */
#include "cpu/effective.h"
#include "cpu/exception.h"
#include "cpu/exec/handlers.h"

static uint64_t target_imm19(const struct core *c, uint32_t w)
{
    return c->cpu->pc + (bits_sign_extend(a64_imm19(w), 19) << 2);
}

static uint64_t target_imm26(const struct core *c, uint32_t w)
{
    return c->cpu->pc + (bits_sign_extend(a64_imm26(w), 26) << 2);
}

static enum step branch_if(struct core *c, bool is_taken, uint64_t target)
{
    return is_taken ? branch_to(c, target) : STEP_NEXT;
}

enum step EXEC(B)(struct core *c, uint32_t w)
{
    return branch_to(c, target_imm26(c, w));
}

enum step EXEC(BL)(struct core *c, uint32_t w)
{
    reg_set(c, 30, true, c->cpu->pc + 4);
    return branch_to(c, target_imm26(c, w));
}

enum step EXEC(B_cond)(struct core *c, uint32_t w)
{
    return branch_if(c, condition_holds(c->cpu->nzcv, a64_bcond(w)), target_imm19(c, w));
}

enum step EXEC(CBZ)(struct core *c, uint32_t w)
{
    return branch_if(c, reg_get(c, a64_rt(w), a64_sf(w)) == 0, target_imm19(c, w));
}

enum step EXEC(CBNZ)(struct core *c, uint32_t w)
{
    return branch_if(c, reg_get(c, a64_rt(w), a64_sf(w)) != 0, target_imm19(c, w));
}

/* Whether the bit that TBZ and TBNZ look at is set. */
static bool tested_bit(const struct core *c, uint32_t w)
{
    return reg_x(c, a64_rt(w)) >> (a64_b5(w) << 5 | a64_b40(w)) & 1u;
}

static uint64_t target_imm14(const struct core *c, uint32_t w)
{
    return c->cpu->pc + (bits_sign_extend(a64_imm14(w), 14) << 2);
}

enum step EXEC(TBZ)(struct core *c, uint32_t w)
{
    return branch_if(c, !tested_bit(c, w), target_imm14(c, w));
}

enum step EXEC(TBNZ)(struct core *c, uint32_t w)
{
    return branch_if(c, tested_bit(c, w), target_imm14(c, w));
}

/* A register may hold a tagged address. */
static enum step branch_to_register(struct core *c, uint64_t target)
{
    effective_before(c, exception_use_branch, &target);
    return branch_to(c, exception_branch_address(c->cpu, target));
}

enum step EXEC(BR)(struct core *c, uint32_t w)
{
    return branch_to_register(c, reg_x(c, a64_rn(w)));
}

enum step EXEC(BLR)(struct core *c, uint32_t w)
{
    uint64_t target = reg_x(c, a64_rn(w)); /* before the link, which may be the same register */
    reg_set(c, 30, true, c->cpu->pc + 4);
    return branch_to_register(c, target);
}

enum step EXEC(RET)(struct core *c, uint32_t w)
{
    return branch_to_register(c, reg_x(c, a64_rn(w)));
}

enum step EXEC(ERET)(struct core *c, uint32_t w)
{
    (void)w;
    return exception_return(c);
}

enum step EXEC(SVC)(struct core *c, uint32_t w)
{
    return exception_svc(c, a64_imm16(w));
}

enum step EXEC(HVC)(struct core *c, uint32_t w)
{
    return exception_hvc(c, a64_imm16(w));
}

enum step EXEC(SMC)(struct core *c, uint32_t w)
{
    return exception_smc(c, a64_imm16(w));
}

enum step EXEC(BRK)(struct core *c, uint32_t w)
{
    return exception_brk(c, a64_imm16(w));
}

enum step EXEC(HLT)(struct core *c, uint32_t w)
{
    return exception_hlt(c, a64_imm16(w));
}

/* What only Debug state has. */
#define DEBUG_STATE_ONLY(name)                       \
    enum step EXEC(name)(struct core *c, uint32_t w) \
    {                                                \
        (void)c, (void)w;                            \
        return STEP_UNDEFINED;                       \
    }

DEBUG_STATE_ONLY(DRPS)
DEBUG_STATE_ONLY(DCPS1)
DEBUG_STATE_ONLY(DCPS2)
DEBUG_STATE_ONLY(DCPS3)
