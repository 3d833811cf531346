/*
 * TLBI, AT, DC and IC. A TLBI becomes a message that the machine carries to every PE in scope;
 * AT asks the MMU and leaves its answer in PAR_EL1; DC and IC by address are translated, so that
 * they fault as the architecture says, and are then handed to the machine's caches.
 *
 * TLBI acts on the effective VTTBR_EL2.VMID at its execution.
 *
 * Not modelled: level hints of later architecture versions.
 *
 * DDI 0487: the TLBI, AT, DC and IC instruction descriptions; AArch64.AT, PAR_EL1.
 */
#include "cpu/maintenance.h"
#include "cpu/drop.h"
#include "cpu/effective.h"
#include "cpu/exec.h"
#include "cpu/syndrome.h"
#include "cpu/sysreg_row.h"
#include "cpu/unknown.h"
#include "gen/vmsa.h"

struct tlbi_row {
    enum sysreg reg;
    enum tlbi_operation operation;
    uint8_t scope;
};

static const struct tlbi_row tlbi_rows[] = {
    {SR_TLBI_VMALLE1, TLBI_VMALLE1, TLBI_LOCAL},
    {SR_TLBI_VMALLE1IS, TLBI_VMALLE1, TLBI_INNER},
    {SR_TLBI_VAE1, TLBI_VAE1, TLBI_LOCAL},
    {SR_TLBI_VAE1IS, TLBI_VAE1, TLBI_INNER},
    {SR_TLBI_ASIDE1, TLBI_ASIDE1, TLBI_LOCAL},
    {SR_TLBI_ASIDE1IS, TLBI_ASIDE1, TLBI_INNER},
    {SR_TLBI_VAAE1, TLBI_VAAE1, TLBI_LOCAL},
    {SR_TLBI_VAAE1IS, TLBI_VAAE1, TLBI_INNER},
    {SR_TLBI_VALE1, TLBI_VALE1, TLBI_LOCAL},
    {SR_TLBI_VALE1IS, TLBI_VALE1, TLBI_INNER},
    {SR_TLBI_VAALE1, TLBI_VAALE1, TLBI_LOCAL},
    {SR_TLBI_VAALE1IS, TLBI_VAALE1, TLBI_INNER},
    {SR_TLBI_IPAS2E1, TLBI_IPAS2E1, TLBI_LOCAL},
    {SR_TLBI_IPAS2E1IS, TLBI_IPAS2E1, TLBI_INNER},
    {SR_TLBI_IPAS2LE1, TLBI_IPAS2LE1, TLBI_LOCAL},
    {SR_TLBI_IPAS2LE1IS, TLBI_IPAS2LE1, TLBI_INNER},
    {SR_TLBI_VMALLS12E1, TLBI_VMALLS12E1, TLBI_LOCAL},
    {SR_TLBI_VMALLS12E1IS, TLBI_VMALLS12E1, TLBI_INNER},
    {SR_TLBI_ALLE1, TLBI_ALLE1, TLBI_LOCAL},
    {SR_TLBI_ALLE1IS, TLBI_ALLE1, TLBI_INNER},
    {SR_TLBI_ALLE2, TLBI_ALLE2, TLBI_LOCAL},
    {SR_TLBI_ALLE2IS, TLBI_ALLE2, TLBI_INNER},
    {SR_TLBI_VAE2, TLBI_VAE2, TLBI_LOCAL},
    {SR_TLBI_VAE2IS, TLBI_VAE2, TLBI_INNER},
    {SR_TLBI_VALE2, TLBI_VALE2, TLBI_LOCAL},
    {SR_TLBI_VALE2IS, TLBI_VALE2, TLBI_INNER},
};

/* Where and as whom an AT instruction translates. */
struct at_row {
    enum sysreg reg;
    enum regime_kind regime;
    uint8_t el, is_write, stage1_only, respects_pan;
};

/* clang-format off */
static const struct at_row at_rows[] = {
    {SR_AT_S1E1R, REGIME_EL10, 1, 0, 1, 0},
    {SR_AT_S1E1W, REGIME_EL10, 1, 1, 1, 0},
    {SR_AT_S1E0R, REGIME_EL10, 0, 0, 1, 0},
    {SR_AT_S1E0W, REGIME_EL10, 0, 1, 1, 0},
    {SR_AT_S12E1R, REGIME_EL10, 1, 0, 0, 0},
    {SR_AT_S12E1W, REGIME_EL10, 1, 1, 0, 0},
    {SR_AT_S12E0R, REGIME_EL10, 0, 0, 0, 0},
    {SR_AT_S12E0W, REGIME_EL10, 0, 1, 0, 0},
    {SR_AT_S1E2R, REGIME_EL2, 2, 0, 1, 0},
    {SR_AT_S1E2W, REGIME_EL2, 2, 1, 1, 0},
    {SR_AT_S1E1RP, REGIME_EL10, 1, 0, 1, 1}, {SR_AT_S1E1WP, REGIME_EL10, 1, 1, 1, 1},
};
/* clang-format on */

/* The regime of an instruction that may act on another one than the current. */
static const struct regime *regime_for(struct core *c, enum regime_kind kind)
{
    return core_regime(c, kind);
}

struct tlbi_use {
    const struct tlbi_row *row;
    uint64_t operand;
};

static struct tlbi message_of(const struct core *c, const struct tlbi_use *use)
{
    struct vmsa_registers registers = core_vmsa(c->cpu);
    return tlbi_make(use->row->operation, &registers, c->mmu->config, use->operand,
                     use->row->scope, c->pe, c->cpu->el);
}

/* The table base is for observers; everything else says what is removed where. */
static uint64_t use_tlbi(const struct core *c, const void *context)
{
    struct tlbi message = message_of(c, context);
    message.vttbr = 0;
    return hash_bytes(&message, sizeof message, 0);
}

static enum step execute_tlbi(struct core *c, const struct tlbi_row *row, uint64_t operand,
                              bool *dropped)
{
    struct tlbi_use use = {row, operand};
    *dropped = core_drops(c, DROP_TLBI);
    if (*dropped)
        return STEP_NEXT;
    effective_before(c, use_tlbi, &use);
    struct tlbi message = message_of(c, &use);
    c->visible = VISIBLE_TLBI;
    c->ops->tlbi(c->owner, c->pe, &message);
    return STEP_NEXT;
}

/* PAR_EL1 after a translation that succeeded. Memory that is Device or not cacheable reads as
 * outer shareable; NS is set as there is no Secure state. */
static uint64_t par_done(const struct translation *t)
{
    bool is_device = (t->memory & 0xf0u) == 0;
    bool is_uncached = t->memory == 0x44;
    unsigned shareability = is_device || is_uncached ? SHAREABILITY_OUTER : t->shareability;
    return field_put(PAR_DONE_ATTR, t->memory) | (t->pa.bits & PAR_DONE_PA) | PAR_DONE_RES1 |
           PAR_DONE_NS | field_put(PAR_DONE_SH, shareability);
}

static uint64_t par_abort(const struct fault *fault)
{
    return PAR_ABORT_RES1 | PAR_ABORT_F | field_put(PAR_ABORT_FST, syndrome_status(fault)) |
           field_put(PAR_ABORT_S, fault->stage == 2) |
           field_put(PAR_ABORT_PTW, fault->stage == 2 && fault->s1ptw);
}

static enum step execute_at(struct core *c, const struct at_row *row, uint64_t operand)
{
    const struct regime *regime = regime_for(c, row->regime);
    struct mmu_request request = {
        .va = va_make(operand),
        .el = row->el,
        .kind = ACCESS_PLAIN,
        .is_write = row->is_write,
        .alignment = 1,
        .is_cache_op = 1,
        .stage1_only = row->stage1_only,
        .is_at = 1,
        .pan = row->respects_pan && (c->cpu->access & PSTATE_PAN),
    };
    struct translation t;
    mmu_translate(c->mmu, regime, &request, &t);
    c->extra_cost += t.cost;
    c->visible = VISIBLE_WALK;
    bool is_external = t.fault.kind == FAULT_EXTERNAL || t.fault.kind == FAULT_EXTERNAL_ON_WALK;
    if (is_external || (c->cpu->el == 1 && t.fault.stage == 2 && t.fault.s1ptw &&
                        t.fault.kind != FAULT_NONE)) {
        /* AArch64.AT: these are exceptions, not answers. */
        c->fault = t.fault;
        c->fault.is_cache_op = 1;
        c->fault_iss = 0;
        unknown_mark(c, SR_PAR_EL1);
        return STEP_FAULT;
    }
    unknown_clear(c->cpu, SR_PAR_EL1);
    uint64_t par = t.fault.kind == FAULT_NONE ? par_done(&t) : par_abort(&t.fault);
    effective_result(c, SR_PAR_EL1, par);
    return STEP_NEXT;
}

static bool is_by_address(enum sysreg operation)
{
    return operation == SR_IC_IVAU || operation == SR_DC_IVAC || operation == SR_DC_CVAC ||
           operation == SR_DC_CVAU || operation == SR_DC_CVAP || operation == SR_DC_CIVAC;
}

static bool is_instruction_cache(enum sysreg operation)
{
    return operation == SR_IC_IVAU || operation == SR_IC_IALLU || operation == SR_IC_IALLUIS;
}

static enum step execute_cache(struct core *c, enum sysreg operation, uint64_t operand,
                               bool *dropped)
{
    struct translation t = {.pa = pa_make(0)};
    if (is_by_address(operation)) {
        struct mmu_request request = {
            .va = va_make(operand),
            .el = c->cpu->el,
            .kind = ACCESS_PLAIN,
            .is_write = operation == SR_DC_IVAC, /* it wants the right to write */
            .alignment = 1,
            .is_cache_op = 1,
        };
        mmu_translate(c->mmu, core_regime(c, core_regime_kind(c->cpu)), &request, &t);
        c->extra_cost += t.cost;
        if (t.fault.kind != FAULT_NONE) {
            c->fault = t.fault;
            c->fault.is_cache_op = 1;
            c->fault_iss = 0;
            return STEP_FAULT;
        }
    }
    *dropped = core_drops(c, is_instruction_cache(operation) ? DROP_IC : DROP_DC);
    if (!*dropped)
        c->ops->cache(c->owner, c->pe, operation, &t, operand);
    return STEP_NEXT;
}

/* dropped: it was left out, and has done nothing. */
static enum step execute(struct core *c, enum sysreg operation, uint64_t operand, bool *dropped)
{
    if (operation == SR_DC_ZVA) /* the same in both engines; this is the name of one of them */
        return mem_zero_block_precise(c, operand) ? STEP_NEXT : STEP_FAULT;
    for (unsigned i = 0; i < ARRAY_COUNT(tlbi_rows); i++)
        if (tlbi_rows[i].reg == operation)
            return execute_tlbi(c, &tlbi_rows[i], operand, dropped);
    for (unsigned i = 0; i < ARRAY_COUNT(at_rows); i++)
        if (at_rows[i].reg == operation)
            return execute_at(c, &at_rows[i], operand);
    return execute_cache(c, operation, operand, dropped);
}

enum step maintenance_execute(struct core *c, enum sysreg operation, uint64_t operand)
{
    bool dropped = false;
    enum step step = execute(c, operation, operand, &dropped);
    if (step == STEP_NEXT && !dropped)
        event_emit_SYSTEM(CORE_HEAD(c), operation, 1, operand);
    return step;
}
