/*
 * What a system register encoding means, for whom: a register, a trap or UNDEFINED. The tables
 * and the conditions of the rules come from cpu/sysreg.def; here are the conditions that are more
 * than one field, and the order: access rights, then the row's rules by priority.
 *
 * Not modelled: redirection by HCR_EL2.E2H, and the nested virtualization of HCR_EL2.NV, NV1 and
 * NV2; their place is in struct sysreg_query and in SYSREG_TARGET_MEMORY.
 *
 * DDI 0487: the "Accessibility" pseudocode of each register; AArch64.SystemAccessTrap.
 */
#include "cpu/sysreg_row.h"
#include "sim/base/base.h"

/* MRS and MSR of SP_EL0 are UNDEFINED while it is the stack pointer (PSTATE.SP is 0). */
static bool sysreg_when_sp_el0_in_use(const struct sysreg_query *query, const uint64_t *effective)
{
    (void)effective;
    return !query->spsel;
}

/* CPACR_EL1.FPEN: 01 traps EL0 only, 00 and 10 trap both. */
static bool sysreg_when_fpen(const struct sysreg_query *query, const uint64_t *effective)
{
    uint64_t fpen = field_get(CPACR_EL1_FPEN, effective[SR_CPACR_EL1]);
    return fpen == 1 ? query->el == 0 : fpen != 3;
}

/* CNTFRQ_EL0 is trapped from EL0 when neither counter is visible there. */
static bool sysreg_when_no_counter(const struct sysreg_query *query, const uint64_t *effective)
{
    (void)query;
    return (effective[SR_CNTKCTL_EL1] & (CNTKCTL_EL1_EL0PCTEN | CNTKCTL_EL1_EL0VCTEN)) == 0;
}

/* MDCR_EL2.TDA, TDOSA and TDRA count as set while MDCR_EL2.TDE or HCR_EL2.TGE is. */
static bool debug_trapped(uint64_t mask, const struct sysreg_query *query,
                          const uint64_t *effective)
{
    return query->tge || (effective[SR_MDCR_EL2] & (mask | MDCR_EL2_TDE)) != 0;
}

static bool sysreg_when_debug_tda(const struct sysreg_query *query, const uint64_t *effective)
{
    return debug_trapped(MDCR_EL2_TDA, query, effective);
}

static bool sysreg_when_debug_tdosa(const struct sysreg_query *query, const uint64_t *effective)
{
    return debug_trapped(MDCR_EL2_TDOSA, query, effective);
}

static bool sysreg_when_debug_tdra(const struct sysreg_query *query, const uint64_t *effective)
{
    return debug_trapped(MDCR_EL2_TDRA, query, effective);
}

/* EL0 and the performance monitors: PMUSERENR_EL0.EN, or the bit for this use. */
static bool pmu_denied(const uint64_t *effective, uint64_t bits)
{
    return (effective[SR_PMUSERENR_EL0] & (bits | PMUSERENR_EL0_EN)) == 0;
}

static bool sysreg_when_pmu_en(const struct sysreg_query *query, const uint64_t *effective)
{
    (void)query;
    return pmu_denied(effective, 0);
}

static bool sysreg_when_pmu_sw(const struct sysreg_query *query, const uint64_t *effective)
{
    (void)query;
    return pmu_denied(effective, PMUSERENR_EL0_SW);
}

static bool sysreg_when_pmu_cr(const struct sysreg_query *query, const uint64_t *effective)
{
    return pmu_denied(effective, query->is_write ? 0 : PMUSERENR_EL0_CR);
}

static bool sysreg_when_pmu_er(const struct sysreg_query *query, const uint64_t *effective)
{
    (void)query;
    return pmu_denied(effective, PMUSERENR_EL0_ER);
}

static bool sysreg_when_pmu_er_read(const struct sysreg_query *query, const uint64_t *effective)
{
    return pmu_denied(effective, query->is_write ? 0 : PMUSERENR_EL0_ER);
}

/* PMEVCNTR<n>_EL0 and PMEVTYPER<n>_EL0 have their number in op2, and six are there. */
static bool sysreg_when_pmu_hpmn(const struct sysreg_query *query, const uint64_t *effective)
{
    return (query->key & 7u) >= field_get(MDCR_EL2_HPMN, effective[SR_MDCR_EL2]);
}

#include "gen/sysreg.inc"

enum sysreg sysreg_of_key(uint16_t key)
{
    unsigned page = sysreg_page[key / SYSREG_PAGE_KEYS];
    return (enum sysreg)sysreg_slot[page][key % SYSREG_PAGE_KEYS];
}

const struct sysreg_row *sysreg_row(enum sysreg reg)
{
    ensure(reg < SYSREG_COUNT);
    return &sysreg_rows[reg];
}

const struct sysreg_trap_row *sysreg_trap_row(enum sysreg_trap trap)
{
    ensure(trap < SYSREG_TRAP_COUNT);
    return &sysreg_trap_rows[trap];
}

/* Where a rule leads from here: what would go to EL1 goes to EL2 from EL0 under HCR_EL2.TGE. */
static enum sysreg_target_kind trap_target(enum sysreg_to to, const struct sysreg_query *query)
{
    switch (to) {
    case SYSREG_TO_UNDEF:
        return SYSREG_TARGET_UNDEFINED;
    case SYSREG_TO_EL1:
        return query->el == 0 && query->tge ? SYSREG_TARGET_TRAP_EL2 : SYSREG_TARGET_TRAP_EL1;
    case SYSREG_TO_EL2:
        return SYSREG_TARGET_TRAP_EL2;
    }
    bug("trap to nowhere");
}

/* Encodings that are UNDEFINED unless trapped: the implementation defined spaces. */
static bool is_trap_only(const struct sysreg_row *row)
{
    return row->kind == SYSREG_KIND_SPACE && row->access == 0;
}

struct sysreg_target sysreg_resolve(const struct sysreg_query *query, const uint64_t *effective)
{
    enum sysreg reg = sysreg_of_key(query->key);
    struct sysreg_target target = {.kind = SYSREG_TARGET_UNDEFINED, .reg = reg};
    if (reg == SYSREG_COUNT)
        return target;
    const struct sysreg_row *row = &sysreg_rows[reg];
    unsigned direction = query->is_write ? 1u : 0u;
    bool allowed = (row->access >> (2u * query->el + direction)) & 1u;
    if ((row->needs & ~query->features) != 0 || (!allowed && !is_trap_only(row)))
        return target;
    for (unsigned i = 0; i < row->trap_count; i++) {
        const struct sysreg_trap_row *rule = &sysreg_trap_rows[row->trap[i]];
        if (((rule->els >> query->el) & 1u) == 0 || ((rule->dirs >> direction) & 1u) == 0)
            continue;
        if (!sysreg_trap_holds(row->trap[i], query, effective))
            continue;
        target.kind = trap_target(rule->to, query);
        target.trap = row->trap[i];
        target.ec = rule->ec;
        return target;
    }
    if (!allowed)
        return target;
    target.kind = row->is_unmodelled ? SYSREG_TARGET_UNMODELLED : SYSREG_TARGET_REGISTER;
    return target;
}

uint64_t sysreg_zeros(enum sysreg reg, uint32_t features)
{
    const struct sysreg_row *row = sysreg_row(reg);
    uint64_t zeros = row->zeros;
    for (unsigned i = 0; i < row->absent_count; i++)
        if ((row->absent[i].feature & ~features) != 0)
            zeros |= row->absent[i].bits;
    return zeros;
}

uint64_t sysreg_ones(enum sysreg reg, uint32_t features)
{
    const struct sysreg_row *row = sysreg_row(reg);
    uint64_t ones = row->ones;
    for (unsigned i = 0; i < row->absent_count; i++)
        if ((row->absent[i].feature & ~features) != 0)
            ones |= row->absent[i].ones;
    return ones;
}

uint64_t sysreg_legal(enum sysreg reg, uint32_t features, uint64_t old, uint64_t value)
{
    const struct sysreg_row *row = sysreg_row(reg);
    uint64_t kept = row->read_only;
    value = (value & ~kept) | (old & kept);
    return (value & ~sysreg_zeros(reg, features)) | sysreg_ones(reg, features);
}
