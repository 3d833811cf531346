/*
 * Checker sync: a system register is written, and before the next context synchronization event
 * something uses it such that it matters which value is in effect: a translation that comes out
 * otherwise, a TLBI for another VMID, an AT, the vectors, a floating-point trap; or PAR_EL1 is
 * read behind an AT with no such event in between.
 *
 * Each use is judged twice, with all waiting writes in effect and with none; only if the two
 * differ it is a violation. So writes to registers that nobody uses before the ISB draw no report.
 * Not judged: mixtures of waiting writes; traps other than of floating point (their registers
 * are another level's, which exception return synchronizes); timers, debug and monitors.
 *
 * DDI 0487: "Synchronization requirements for AArch64 System registers", AT, PAR_EL1.
 */
#include "sim/check/check_states.h"

#include "cpu/sysreg.h"
#include "cpu/sysreg_row.h"

#include <inttypes.h>

#define EC_FP 7u

static const struct {
    uint32_t reg;
    size_t at; /* in struct vmsa_registers */
} places[] = {
    {SR_SCTLR_EL1, offsetof(struct vmsa_registers, sctlr_el1)},
    {SR_TCR_EL1, offsetof(struct vmsa_registers, tcr_el1)},
    {SR_TTBR0_EL1, offsetof(struct vmsa_registers, ttbr0_el1)},
    {SR_TTBR1_EL1, offsetof(struct vmsa_registers, ttbr1_el1)},
    {SR_MAIR_EL1, offsetof(struct vmsa_registers, mair_el1)},
    {SR_SCTLR_EL2, offsetof(struct vmsa_registers, sctlr_el2)},
    {SR_TCR_EL2, offsetof(struct vmsa_registers, tcr_el2)},
    {SR_TTBR0_EL2, offsetof(struct vmsa_registers, ttbr0_el2)},
    {SR_MAIR_EL2, offsetof(struct vmsa_registers, mair_el2)},
    {SR_HCR_EL2, offsetof(struct vmsa_registers, hcr_el2)},
    {SR_VTCR_EL2, offsetof(struct vmsa_registers, vtcr_el2)},
    {SR_VTTBR_EL2, offsetof(struct vmsa_registers, vttbr_el2)},
};

/* A register's value before and after what waits. */
struct both {
    uint64_t old, new;
};

static struct both both_of(const struct checks *c, unsigned pe, uint32_t reg)
{
    const struct sync_state *s = c->own[CHECK_SYNC];
    const struct cpu *cpu = &c->machine->state->cpu[pe];
    struct both both = {cpu->effective[reg], cpu->reg[reg]};
    for (unsigned i = 0; i < s->pe[pe].count; i++) {
        if (s->pe[pe].write[i].reg == reg)
            both.old = s->pe[pe].write[i].old;
    }
    return both;
}

static void regimes_of(const struct checks *c, unsigned pe, enum regime_kind kind,
                       struct regime regime[2])
{
    struct vmsa_registers old, new;
    for (unsigned i = 0; i < ARRAY_COUNT(places); i++) {
        struct both both = both_of(c, pe, places[i].reg);
        *(uint64_t *)(void *)((char *)&old + places[i].at) = both.old;
        *(uint64_t *)(void *)((char *)&new + places[i].at) = both.new;
    }
    regime[0] = regime_make(kind, &old, &c->machine->mmu_config);
    regime[1] = regime_make(kind, &new, &c->machine->mmu_config);
}

/* Whether a translation comes out otherwise; to what, with and without what waits. */
static bool differs(const struct checks *c, unsigned pe, enum regime_kind kind,
                    const struct mmu_request *request, struct walk walk[2])
{
    struct regime regime[2];
    regimes_of(c, pe, kind, regime);
    for (unsigned i = 0; i < 2; i++)
        mmu_peek(&c->machine->mmu[pe], &regime[i], request, &walk[i]);
    const struct translation *a = &walk[0].result, *b = &walk[1].result;
    if (a->fault.kind != FAULT_NONE || b->fault.kind != FAULT_NONE)
        return a->fault.kind != b->fault.kind || a->fault.stage != b->fault.stage;
    /* A fetch brings the same bytes whatever the memory type. */
    return a->pa.bits != b->pa.bits || (request->kind != ACCESS_FETCH && a->memory != b->memory);
}

/* The write that matters: of those that wait the last of these registers, or the last. */
static const struct sync_write *last_write(const struct sync_pe *s, uint32_t reg)
{
    for (unsigned i = s->count; i > 0; i--) {
        if (s->write[i - 1].reg == reg)
            return &s->write[i - 1];
    }
    return &s->write[s->count - 1];
}

static void report(struct checks *c, const struct event *e, const char *kind, uint32_t reg,
                   const char *use, uint64_t operand, const char *how)
{
    const struct sync_state *all = c->own[CHECK_SYNC];
    const struct sync_write *w = last_write(&all->pe[e->pe], reg);
    struct both both = both_of(c, e->pe, w->reg);
    struct finding *f = finding_begin(c, CHECK_SYNC, kind, e);
    if (!f)
        return;
    const char *name = sysreg_name((enum sysreg)w->reg);
    finding_event(f, w->step, e->pe, w->pc, "writes 0x%" PRIx64 " to %s, which was 0x%" PRIx64,
                  both.new, name, both.old);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "%s 0x%" PRIx64 " without an ISB: %s",
                  use, operand, how);
    finding_end(c, f, "CPU %u uses %s (%s 0x%" PRIx64 ") before the context synchronization that "
                "makes its write effective",
                e->pe, name, use, operand);
}

/*
 * Whether this use of a page has been found already, with the same writes waiting: behind its LAG
 * a page is accessed by a host pointer, and when that goes is no matter of the run. One for
 * writing is for reading, too.
 */
static bool told_before(struct checks *c, const struct event *e)
{
    struct sync_state *all = c->own[CHECK_SYNC];
    struct sync_pe *s = &all->pe[e->pe];
    uint64_t use = align_down(e->lag.va, PAGE_BYTES) | (e->lag.access == ACCESS_FETCH ? 2u : 0u) |
                   e->lag.write;
    for (unsigned i = 0; i < s->told_count; i++) {
        if (s->told[i] == use || s->told[i] == (use | 1))
            return true;
    }
    if (s->told_count < SYNC_TOLD_MAX)
        s->told[s->told_count++] = use;
    else
        check_gives_up(c, CHECK_SYNC);
    return false;
}

static void translated(struct checks *c, const struct event *e)
{
    const struct cpu *cpu = &c->machine->state->cpu[e->pe];
    const struct sync_state *s = c->own[CHECK_SYNC];
    struct mmu_request request = {.va = va_make(e->lag.va), .el = cpu->el,
                                  .kind = e->lag.access, .is_write = e->lag.write,
                                  .alignment = 1};
    struct walk walk[2];
    if (s->pe[e->pe].count == 0 ||
        !differs(c, e->pe, core_regime_kind(cpu), &request, walk) || told_before(c, e))
        return;
    const char *use = e->lag.access == ACCESS_FETCH ? "fetches from"
                      : e->lag.write                ? "writes"
                                                    : "reads";
    report(c, e, "translation", SYSREG_COUNT, use, e->lag.va,
           "it is translated otherwise afterwards");
}

static void invalidated(struct checks *c, const struct event *e)
{
    const struct sync_state *s = c->own[CHECK_SYNC];
    unsigned operation = e->tlbi.operation;
    struct regime regime[2];
    if (s->pe[e->pe].count == 0 || operation == TLBI_ALLE1 || operation == TLBI_ALLE2 ||
        operation == TLBI_VAE2 || operation == TLBI_VALE2)
        return;
    regimes_of(c, e->pe, REGIME_EL10, regime);
    if (regime[0].vmid != regime[1].vmid)
        report(c, e, "tlbi", SR_VTTBR_EL2, "invalidates, with operand", e->tlbi.address,
               "the VMID may still be the old one");
}

static const struct {
    uint32_t reg;
    uint8_t regime, el, is_write, stage1_only;
} at_rows[] = {
    {SR_AT_S1E1R, REGIME_EL10, 1, 0, 1},  {SR_AT_S1E1W, REGIME_EL10, 1, 1, 1},
    {SR_AT_S1E0R, REGIME_EL10, 0, 0, 1},  {SR_AT_S1E0W, REGIME_EL10, 0, 1, 1},
    {SR_AT_S12E1R, REGIME_EL10, 1, 0, 0}, {SR_AT_S12E1W, REGIME_EL10, 1, 1, 0},
    {SR_AT_S12E0R, REGIME_EL10, 0, 0, 0}, {SR_AT_S12E0W, REGIME_EL10, 0, 1, 0},
    {SR_AT_S1E2R, REGIME_EL2, 2, 0, 1},   {SR_AT_S1E2W, REGIME_EL2, 2, 1, 1},
    {SR_AT_S1E1RP, REGIME_EL10, 1, 0, 1}, {SR_AT_S1E1WP, REGIME_EL10, 1, 1, 1},
};

static void addressed(struct checks *c, const struct event *e)
{
    struct sync_state *all = c->own[CHECK_SYNC];
    struct sync_pe *s = &all->pe[e->pe];
    for (unsigned i = 0; i < ARRAY_COUNT(at_rows); i++) {
        if (at_rows[i].reg != e->system.reg)
            continue;
        struct mmu_request request = {.va = va_make(e->system.value), .el = at_rows[i].el,
                                      .kind = ACCESS_PLAIN, .is_write = at_rows[i].is_write,
                                      .alignment = 1, .is_cache_op = 1, .is_at = 1,
                                      .stage1_only = at_rows[i].stage1_only};
        struct walk walk[2];
        if (s->count != 0 &&
            differs(c, e->pe, (enum regime_kind)at_rows[i].regime, &request, walk))
            report(c, e, "at", SYSREG_COUNT, "executes AT of", e->system.value,
                   "it is translated otherwise afterwards");
        s->at_pending = 1;
        s->at_step = e->step;
        s->at_pc = check_pc(c, e->pe);
    }
}

static void par_read(struct checks *c, const struct event *e)
{
    const struct sync_state *all = c->own[CHECK_SYNC];
    const struct sync_pe *s = &all->pe[e->pe];
    struct finding *f = s->at_pending ? finding_begin(c, CHECK_SYNC, "par", e) : NULL;
    if (!f)
        return;
    finding_event(f, s->at_step, e->pe, s->at_pc, "executes AT");
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "reads PAR_EL1: 0x%" PRIx64,
                  e->system.value);
    finding_end(c, f, "CPU %u reads PAR_EL1 behind an AT without an ISB: it may still hold the "
                "answer of an earlier one",
                e->pe);
}

/*
 * Uses of floating point are told by what they write, and only the precise engine tells of that:
 * it is needed while a register that may trap them waits.
 */
static void listen(struct checks *c, unsigned pe)
{
    static const uint32_t traps[] = {SR_CPACR_EL1, SR_CPTR_EL2};
    const struct sync_state *all = c->own[CHECK_SYNC];
    const struct sync_pe *s = &all->pe[pe];
    const struct cpu *cpu = &c->machine->state->cpu[pe];
    bool waits = false;
    for (unsigned i = 0; s->count != 0 && i < ARRAY_COUNT(traps); i++)
        waits |= last_write(s, traps[i])->reg == traps[i] ||
                 cpu->reg[traps[i]] != cpu->effective[traps[i]];
    check_need(c, CHECK_SYNC, pe, UINT64_C(1) << EVENT_VREG, waits);
}

void sync_restored(struct checks *c)
{
    for (unsigned pe = 0; c->own[CHECK_SYNC] && pe < c->machine->config.pe_count; pe++)
        listen(c, pe);
}

/* A register write that waits: its uses are to be told from now on. */
static void written(struct checks *c, const struct event *e)
{
    struct sync_state *all = c->own[CHECK_SYNC];
    struct sync_pe *s = &all->pe[e->pe];
    const struct cpu *cpu = &c->machine->state->cpu[e->pe];
    uint32_t reg = e->system.reg;
    if (!sysreg_row((enum sysreg)reg)->is_effective || cpu->reg[reg] == cpu->effective[reg])
        return;
    c->machine->events.renew++;
    s->told_count = 0;
    for (unsigned i = 0; i < s->count; i++) {
        if (s->write[i].reg != reg)
            continue;
        s->write[i].step = e->step;
        s->write[i].pc = check_pc(c, e->pe);
        return;
    }
    if (s->count == SYNC_PENDING_MAX)
        check_gives_up(c, CHECK_SYNC);
    else
        s->write[s->count++] = (struct sync_write){
            .old = cpu->effective[reg], .step = e->step, .pc = check_pc(c, e->pe), .reg = reg};
}

/* AArch64.CheckFPEnabled, for one set of values. */
static bool fp_traps(unsigned el, uint64_t cpacr, uint64_t cptr)
{
    uint64_t fpen = field_get(CPACR_EL1_FPEN, cpacr);
    bool on = el == 2 || fpen == 3 || (fpen == 1 && el == 1);
    return !on || (cptr & CPTR_EL2_TFP);
}

static void fp_used(struct checks *c, const struct event *e, unsigned el, bool trapped)
{
    const struct sync_state *s = c->own[CHECK_SYNC];
    if (s->pe[e->pe].count == 0)
        return;
    struct both cpacr = both_of(c, e->pe, SR_CPACR_EL1), cptr = both_of(c, e->pe, SR_CPTR_EL2);
    if (fp_traps(el, cpacr.old, cptr.old) == fp_traps(el, cpacr.new, cptr.new))
        return;
    report(c, e, "trap", cptr.old != cptr.new ? SR_CPTR_EL2 : SR_CPACR_EL1,
           "uses floating point at", check_pc(c, e->pe),
           trapped ? "it traps, and would not afterwards"
                   : "it does not trap, and would afterwards");
}

/* A context synchronization event; taking an exception uses the vectors before it is one. */
static void synchronized(struct checks *c, const struct event *e)
{
    struct sync_state *all = c->own[CHECK_SYNC];
    struct sync_pe *s = &all->pe[e->pe];
    if (e->kind == EVENT_EXC_TAKE && s->count != 0) {
        uint32_t vbar = e->exc_take.to_el == 2 ? SR_VBAR_EL2 : SR_VBAR_EL1;
        struct both both = both_of(c, e->pe, vbar);
        if (last_write(s, vbar)->reg == vbar && last_write(s, vbar)->old != both.new)
            report(c, e, "vectors", vbar, "takes an exception to", e->exc_take.to_pc,
                   "the vectors may be the old ones");
        if (e->exc_take.vector == 0 && e->exc_take.esr >> 26 == EC_FP)
            fp_used(c, e, e->exc_take.from_el, true);
    }
    if (s->count != 0)
        check_need(c, CHECK_SYNC, e->pe, UINT64_C(1) << EVENT_VREG, false);
    s->count = s->at_pending = s->told_count = 0;
}

void check_sync(struct checks *c, const struct event *e)
{
    const struct sync_state *all = c->own[CHECK_SYNC];
    if (e->kind == EVENT_LAG)
        translated(c, e);
    else if (e->kind == EVENT_TLBI)
        invalidated(c, e);
    else if (e->kind == EVENT_VREG)
        fp_used(c, e, e->el, false);
    else if (e->kind == EVENT_SYSTEM && e->system.write) {
        addressed(c, e);
        written(c, e);
        if (all->pe[e->pe].count != 0)
            listen(c, e->pe);
    } else if (e->kind == EVENT_SYSTEM) {
        if (e->system.reg == SR_PAR_EL1)
            par_read(c, e);
    } else if (e->kind != EVENT_BARRIER || e->barrier.barrier == BARRIER_ISB) {
        synchronized(c, e);
    }
}
