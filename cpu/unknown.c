/*
 * UNKNOWN registers: the syndrome registers that an exception does not set or that an exception
 * return leaves, and PAR_EL1 after an address translation that took an exception.
 *
 * A register is marked where it becomes UNKNOWN, and the choice is asked at the next read, because
 * nobody can tell before. The answers: its previous value; all zeros; all ones as far as the
 * register has bits; a pattern; and for HPFAR_EL2 what a walk of stage 1 for FAR_EL2 gives now,
 * which is what software hopes to find there.
 *
 * Not modelled: SPSR_ELx and ELR_ELx, which an exception return leaves UNKNOWN too, and general
 * registers.
 *
 * DDI 0487: AArch64.ReportException, IPAValid, AArch64.AT; ESR_ELx, FAR_ELx, HPFAR_EL2, PAR_EL1.
 */
#include "cpu/unknown.h"
#include "cpu/effective.h"
#include "cpu/model.h"
#include "cpu/sysreg.h"

/* Bits of cpu.unknown. */
static const enum sysreg rows[] = {SR_ESR_EL1, SR_FAR_EL1,   SR_ESR_EL2,
                                   SR_FAR_EL2, SR_HPFAR_EL2, SR_PAR_EL1};

/* Its bit, or 0: it is never UNKNOWN here. */
static uint32_t bit_of(enum sysreg reg)
{
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++)
        if (rows[i] == reg)
            return UINT32_C(1) << i;
    return 0;
}

void unknown_mark(struct core *c, enum sysreg reg)
{
    uint32_t bit = bit_of(reg);
    ensure(bit != 0);
    if (choice_is_open(c->chooser, CHOICE_UNKNOWN_VALUE))
        c->cpu->unknown |= bit;
}

void unknown_leave(struct core *c, unsigned el)
{
    unknown_mark(c, el == 2 ? SR_ESR_EL2 : SR_ESR_EL1);
    unknown_mark(c, el == 2 ? SR_FAR_EL2 : SR_FAR_EL1);
    if (el == 2)
        unknown_mark(c, SR_HPFAR_EL2);
}

void unknown_clear(struct cpu *cpu, enum sysreg reg)
{
    if (cpu->unknown != 0)
        cpu->unknown &= ~bit_of(reg);
}

/* What HPFAR_EL2 would hold if it were valid; false: stage 1 gives no address. */
static bool right_value(const struct core *c, uint64_t *value)
{
    struct regime regime = core_regime_peek(c->cpu, c->mmu->config, REGIME_EL10);
    struct mmu_request request = {.va = va_make(c->cpu->reg[SR_FAR_EL2]),
                                  .el = 1,
                                  .kind = ACCESS_PLAIN,
                                  .stage1_only = 1,
                                  .is_at = 1};
    struct walk walk;
    mmu_peek(c->mmu, &regime, &request, &walk);
    *value = field_put(HPFAR_EL2_FIPA, walk.result.pa.bits >> PAGE_SHIFT);
    return walk.result.fault.kind == FAULT_NONE;
}

void unknown_settle(struct core *c, enum sysreg reg)
{
    uint64_t other[4] = {0, UINT64_MAX, UINT64_C(0xa5a5a5a5a5a5a5a5)};
    uint32_t bit = bit_of(reg), count = 3;
    if ((c->cpu->unknown & bit) == 0)
        return;
    c->cpu->unknown &= ~bit;
    if (reg == SR_HPFAR_EL2 && right_value(c, &other[count]))
        count++;
    uint32_t k = choose(c->chooser, c->counts, CHOICE_UNKNOWN_VALUE, c->pe, count + 1);
    if (k == 0)
        return;
    uint64_t old = c->cpu->reg[reg];
    effective_set_both(c, reg, sysreg_legal(reg, c->model->features, old, other[k - 1]));
}
