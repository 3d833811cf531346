/*
 * Effective copies: that everything which looks at registers looks at effective copies of rows
 * that have one, and, use by use, that a lagging register is asked about exactly where its other
 * copy would make a difference, and then takes effect or not as the answer says.
 */
#include "tests/unit/core_world.h"

#include "cpu/debug.h"
#include "cpu/effective.h"
#include "cpu/exception.h"
#include "cpu/interrupt.h"
#include "cpu/sysreg.h"
#include "cpu/sysreg_row.h"

static uint32_t word_of(enum sysreg reg, bool is_read, unsigned rt)
{
    return 0xd5000000u | (is_read ? 1u << 21 : 0) | (uint32_t)sysreg_row(reg)->key << 5 | rt;
}

static void msr(struct core_world *w, enum sysreg reg, uint64_t value)
{
    w->cpu.x[5] = value;
    cr_assert_eq(sysreg_execute_msr(&w->core, word_of(reg, false, 5)), STEP_NEXT, "%s",
                 sysreg_name(reg));
}

static uint64_t mrs(struct core_world *w, enum sysreg reg)
{
    cr_assert_eq(sysreg_execute_mrs(&w->core, word_of(reg, true, 6)), STEP_NEXT, "%s",
                 sysreg_name(reg));
    return w->cpu.x[6];
}

/* ---- The law ---- */

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state ^ *state >> 29;
}

/* Everything that looks at registers for its own sake, as one value for each. */
enum { PROBE_COUNT = 9 };

static uint64_t hash_of_traps(const struct core_world *w)
{
    uint64_t hash = 0;
    for (enum sysreg reg = 0; reg < SYSREG_COUNT; reg++)
        for (unsigned i = 0; i < 6; i++) {
            struct sysreg_query query = {.key = sysreg_row(reg)->key,
                                         .el = (uint8_t)(i / 2),
                                         .is_write = i % 2 != 0,
                                         .spsel = true,
                                         .tge = w->cpu.effective[SR_HCR_EL2] >> 27 & 1,
                                         .features = UINT32_MAX};
            struct sysreg_target t = sysreg_resolve(&query, w->cpu.effective);
            uint64_t digest = (uint64_t)t.kind << 16 | t.trap;
            hash = hash_bytes(&digest, sizeof digest, hash);
        }
    return hash;
}

static uint64_t hash_of_tlbi(const struct core_world *w)
{
    struct vmsa_registers r = core_vmsa(&w->cpu);
    uint64_t hash = 0;
    for (unsigned op = 0; op < TLBI_OPERATION_COUNT; op++) {
        struct tlbi t = tlbi_make((enum tlbi_operation)op, &r, &w->config, UINT64_MAX, 0, 0, 1);
        hash = hash_bytes(&t, sizeof t, hash);
    }
    return hash;
}

static uint64_t hash_of_timers(const struct core_world *w)
{
    uint64_t hash = 0;
    for (uint64_t count = 0; count < 8; count++)
        for (unsigned t = 0; t < TIMER_COUNT; t++) {
            uint64_t digest = timer_deadline(&w->cpu, (enum cpu_timer)t, count) << 1 |
                              timer_line(&w->cpu, (enum cpu_timer)t, count);
            hash = hash_bytes(&digest, sizeof digest, hash);
        }
    uint64_t stream = timer_event_deadline(&w->cpu, 5);
    return hash_bytes(&stream, sizeof stream, hash);
}

/* Direct reads that show something else than their own register. */
static uint64_t hash_of_reads(const struct core_world *w)
{
    static const enum sysreg shown[] = {SR_CNTVCT_EL0, SR_CCSIDR_EL1, SR_DCZID_EL0,
                                        SR_ISR_EL1,    SR_MIDR_EL1,   SR_MPIDR_EL1};
    uint64_t hash = 0;
    for (size_t i = 0; i < ARRAY_COUNT(shown); i++) {
        uint64_t value = sysreg_peek(&w->core, shown[i]);
        hash = hash_bytes(&value, sizeof value, hash);
    }
    return hash;
}

static void probe(struct core_world *w, uint64_t out[PROBE_COUNT])
{
    struct regime el10 = core_regime_peek(&w->cpu, &w->config, REGIME_EL10);
    struct regime el2 = core_regime_peek(&w->cpu, &w->config, REGIME_EL2);
    out[0] = hash_bytes(&el10, sizeof el10, 0);
    out[1] = hash_bytes(&el2, sizeof el2, 0);
    out[2] = hash_of_tlbi(w);
    out[3] = hash_of_traps(w);
    out[4] = (uint64_t)interrupt_to_take(&w->cpu);
    out[5] = hash_of_timers(w);
    out[6] = debug_use(&w->core, NULL);
    out[7] = hash_of_reads(w);
    out[8] = exception_branch_address(&w->cpu, UINT64_C(0xa5a5000000000000));
}

/* Whether software changes a row: itself, or OSLSR_EL1 by way of OSLAR_EL1. */
static bool is_written(enum sysreg reg)
{
    return (sysreg_row(reg)->access & 0x2a) != 0 || reg == SR_OSLSR_EL1;
}

static void randomize(struct core_world *w, uint64_t *seed)
{
    for (enum sysreg reg = 0; reg < SYSREG_STORED_COUNT; reg++) {
        uint64_t value = next_random(seed) & next_random(seed);
        if (!is_written(reg))
            continue;
        bool is_near = sysreg_row(reg)->owner == SYSREG_OWNER_TIMER;
        value = sysreg_legal(reg, w->model.features, w->cpu.reg[reg], is_near ? value & 7 : value);
        w->cpu.reg[reg] = w->cpu.effective[reg] = value;
    }
    w->cpu.el = (uint8_t)(next_random(seed) >> 40 & 1);
    w->cpu.lines = (uint8_t)(next_random(seed) >> 33 & 31);
    w->cpu.daif = (uint32_t)(next_random(seed) >> 30) & PSTATE_DAIF;
}

/* No use looks at a programmed copy that software writes; and one that looks at a register looks
 * at a row that says so. */
Test(effective, uses_look_at_effective_copies_of_rows_that_have_one)
{
    struct core_world *w = world_new(2);
    uint64_t seed = 7, before[PROBE_COUNT], after[PROBE_COUNT];
    bool used[SYSREG_STORED_COUNT] = {false};
    for (unsigned round = 0; round < 60; round++) {
        randomize(w, &seed);
        probe(w, before);
        for (enum sysreg reg = 0; reg < SYSREG_STORED_COUNT; reg++) {
            const struct sysreg_row *row = sysreg_row(reg);
            if (!is_written(reg) || row->owner == SYSREG_OWNER_PMU)
                continue;
            uint64_t kept = w->cpu.reg[reg];
            uint64_t other = next_random(&seed) | next_random(&seed) >> 60;
            uint64_t flipped = sysreg_legal(reg, w->model.features, kept, kept ^ other);
            w->cpu.reg[reg] = flipped;
            probe(w, after);
            for (unsigned i = 0; i < PROBE_COUNT; i++)
                cr_assert_eq(before[i], after[i], "use %u looks at the programmed copy of %s", i,
                             row->name);
            w->cpu.reg[reg] = kept;
            w->cpu.effective[reg] = flipped;
            probe(w, after);
            bool differs = memcmp(before, after, sizeof before) != 0;
            used[reg] |= differs;
            cr_assert(!differs || row->is_effective, "%s is looked at and has no effective copy",
                      row->name);
            w->cpu.effective[reg] = kept;
        }
    }
    /* The other way round: no row lags for nothing. Some are seen by instructions alone. */
    static const enum sysreg elsewhere[] = {SR_VBAR_EL1, SR_VBAR_EL2, SR_PAR_EL1, SR_HSTR_EL2};
    for (enum sysreg reg = 0; reg < SYSREG_EFFECTIVE_COUNT; reg++) {
        bool is_elsewhere = sysreg_row(reg)->owner == SYSREG_OWNER_PMU;
        for (size_t i = 0; i < ARRAY_COUNT(elsewhere); i++)
            is_elsewhere |= elsewhere[i] == reg;
        cr_assert(used[reg] || is_elsewhere, "%s lags, but nothing looks at it",
                  sysreg_name(reg));
    }
    world_free(w);
}

/* ---- Use by use ---- */

/* A write, what looks at it afterwards, and whether it then had its effect. */
struct row {
    const char *what;
    enum sysreg reg;
    uint64_t value;
    unsigned el;                             /* where the use is */
    bool (*use)(struct core_world *w);       /* true: as after the write */
    void (*prepare)(struct core_world *w);   /* before the write, or NULL */
};

static bool sees_regime(struct core_world *w)
{
    return (core_regime(&w->core, REGIME_EL10)->ttbr[0] & 0xfff000) == 0x7000;
}

static bool sees_regime_el2(struct core_world *w)
{
    return core_regime(&w->core, REGIME_EL2)->stage1_on;
}

static bool sees_tlbi(struct core_world *w)
{
    cr_assert_eq(sysreg_execute_sys(&w->core, word_of(SR_TLBI_VMALLE1, false, 5)), STEP_NEXT);
    return w->tlbi.vmid == 9;
}

static bool sees_broadcast(struct core_world *w)
{
    cr_assert_eq(sysreg_execute_sys(&w->core, word_of(SR_TLBI_VMALLE1, false, 5)), STEP_NEXT);
    return w->tlbi.scope == TLBI_INNER;
}

static bool sees_trap(struct core_world *w)
{
    return sysreg_execute_mrs(&w->core, word_of(SR_TTBR0_EL1, true, 6)) == STEP_EXCEPTION;
}

static bool sees_vector(struct core_world *w)
{
    exception_svc(&w->core, 0);
    return align_down(w->cpu.pc, 0x800) == 0x40000;
}

static bool sees_route(struct core_world *w)
{
    exception_svc(&w->core, 0);
    return w->cpu.el == 2;
}

static bool sees_hvc(struct core_world *w)
{
    exception_hvc(&w->core, 0);
    return w->cpu.el == 1;
}

static bool sees_smc(struct core_world *w)
{
    return exception_smc(&w->core, 0) == STEP_EXCEPTION;
}

static bool sees_wfi(struct core_world *w)
{
    return exception_wait(&w->core, false) == STEP_EXCEPTION;
}

#define A64_FADD 0x1e622820u

static bool sees_fp(struct core_world *w)
{
    exception_settle_fp(&w->core, A64_FADD);
    return exception_check_fp(&w->core) == STEP_EXCEPTION;
}

static bool sees_interrupt(struct core_world *w)
{
    w->cpu.lines = CPU_LINE_IRQ;
    effective_before_step(&w->core);
    return interrupt_to_take(&w->cpu) == INTERRUPT_IRQ;
}

static bool sees_debug(struct core_world *w)
{
    effective_before_step(&w->core);
    return w->core.debug_on;
}

static void arm_debug(struct core_world *w)
{
    world_set(w, SR_DBGBCR0_EL1, BCR_E);
}

static bool sees_stack(struct core_world *w)
{
    w->cpu.sp[1] = 8;
    w->cpu.spsel = 1;
    extern bool mem_check_sp(struct core * c);
    return !mem_check_sp(&w->core);
}

static bool sees_tag(struct core_world *w)
{
    uint64_t target = UINT64_C(0x5a00000000001000);
    effective_before(&w->core, exception_use_branch, &target);
    return exception_branch_address(&w->cpu, target) == 0x1000;
}

static bool sees_offset(struct core_world *w)
{
    w->cpu.cycles = w->counter = 0;
    return mrs(w, SR_CNTVCT_EL0) == (uint64_t)-5;
}

static bool sees_identity(struct core_world *w)
{
    return mrs(w, SR_MIDR_EL1) == 0x1234;
}

static bool sees_zva(struct core_world *w)
{
    return (mrs(w, SR_DCZID_EL0) & DCZID_EL0_DZP) != 0;
}

static const struct row uses[] = {
    {"a table base", SR_TTBR0_EL1, 0x7000, 1, sees_regime, NULL},
    {"the MMU of EL2", SR_SCTLR_EL2, 0x30c50831, 2, sees_regime_el2, NULL},
    {"the VMID of a TLBI", SR_VTTBR_EL2, UINT64_C(9) << 48, 2, sees_tlbi, NULL},
    {"a forced broadcast", SR_HCR_EL2, HCR_EL2_FB, 1, sees_broadcast, NULL},
    {"a trap", SR_HCR_EL2, HCR_EL2_TRVM, 1, sees_trap, NULL},
    {"a vector of EL1", SR_VBAR_EL1, 0x40000, 1, sees_vector, NULL},
    {"a vector of EL2", SR_VBAR_EL2, 0x40000, 2, sees_vector, NULL},
    {"a route", SR_HCR_EL2, HCR_EL2_TGE, 0, sees_route, NULL},
    {"HVC switched off", SR_HCR_EL2, HCR_EL2_HCD, 1, sees_hvc, NULL},
    {"SMC trapped", SR_HCR_EL2, HCR_EL2_TSC, 1, sees_smc, NULL},
    {"WFI trapped", SR_HCR_EL2, HCR_EL2_TWI, 1, sees_wfi, NULL},
    {"floating point trapped to EL2", SR_CPTR_EL2, 0x33ff | CPTR_EL2_TFP, 2, sees_fp, NULL},
    {"an interrupt routed", SR_HCR_EL2, HCR_EL2_IMO, 2, sees_interrupt, NULL},
    {"debug switched on", SR_MDSCR_EL1, MDSCR_EL1_MDE, 1, sees_debug, arm_debug},
    {"stack alignment", SR_SCTLR_EL1, SCTLR_EL1_SA, 1, sees_stack, NULL},
    {"a tagged address", SR_TCR_EL1, TCR_EL1_TBI0, 1, sees_tag, NULL},
    {"the virtual counter", SR_CNTVOFF_EL2, 5, 2, sees_offset, NULL},
    {"a virtual identity", SR_VPIDR_EL2, 0x1234, 1, sees_identity, NULL},
    {"DC ZVA prohibited", SR_HCR_EL2, HCR_EL2_TDZ, 1, sees_zva, NULL},
};

static struct core_world *world_for(const struct row *row)
{
    struct core_world *w = world_new(2);
    world_set(w, SR_SCTLR_EL1, SCTLR_EL1_RES1 | SCTLR_EL1_M);
    if (row->prepare)
        row->prepare(w);
    w->cpu.daif = 0;
    return w;
}

/* What a write does without the choice: nothing before the synchronization. */
Test(effective, closed_it_is_synchronization_that_counts)
{
    for (size_t i = 0; i < ARRAY_COUNT(uses); i++)
        for (unsigned synchronized = 0; synchronized < 2; synchronized++) {
            struct core_world *w = world_for(&uses[i]);
            msr(w, uses[i].reg, uses[i].value);
            if (synchronized)
                core_synchronize(&w->core);
            w->cpu.el = (uint8_t)uses[i].el;
            cr_expect_eq(uses[i].use(w), synchronized, "%s", uses[i].what);
            cr_expect_eq(w->asked, 0);
            world_free(w);
        }
}

Test(effective, open_it_is_asked_once_where_it_differs)
{
    for (size_t i = 0; i < ARRAY_COUNT(uses); i++)
        for (uint32_t answer = 0; answer < 2; answer++) {
            struct core_world *w = world_for(&uses[i]);
            world_open(w, CHOICE_SYSREG_EFFECTIVE, answer);
            msr(w, SR_HSTR_EL2, 0xffff); /* lags, too, and matters to none of these */
            msr(w, uses[i].reg, uses[i].value);
            w->cpu.el = (uint8_t)uses[i].el;
            cr_expect_eq(w->asked, 0, "%s", uses[i].what);
            cr_expect_eq(uses[i].use(w), answer == 1, "%s", uses[i].what);
            cr_expect_eq(w->asked, 1, "%s: %u", uses[i].what, w->asked);
            world_free(w);
        }
}

/* What a write does not change, nobody is asked about. */
Test(effective, open_it_is_not_asked_where_nothing_differs)
{
    for (size_t i = 0; i < ARRAY_COUNT(uses); i++) {
        struct core_world *w = world_for(&uses[i]);
        world_open(w, CHOICE_SYSREG_EFFECTIVE, 1);
        msr(w, SR_HSTR_EL2, 0xffff);
        w->cpu.el = (uint8_t)uses[i].el;
        uses[i].use(w);
        cr_expect_eq(w->asked, 0, "%s", uses[i].what);
        world_free(w);
    }
}

/* Two rules that trap the same access: to see neither, both registers must have taken effect. */
Test(effective, registers_that_matter_only_together_are_asked_about)
{
    struct core_world *w = world_new(2);
    world_set(w, SR_MDCR_EL2, MDCR_EL2_TDA | 6);
    world_set(w, SR_HCR_EL2, w->cpu.reg[SR_HCR_EL2] | HCR_EL2_TGE);
    world_open(w, CHOICE_SYSREG_EFFECTIVE, 1);
    msr(w, SR_MDCR_EL2, 6);
    msr(w, SR_HCR_EL2, 0);
    w->cpu.el = 1;
    cr_expect_eq(sysreg_execute_mrs(&w->core, word_of(SR_MDSCR_EL1, true, 6)), STEP_NEXT);
    cr_expect_eq(w->asked, 2);
    world_free(w);
}

/* Of two writes to one register the first may have taken effect before the second. */
Test(effective, the_first_of_two_writes_may_be_in_effect)
{
    for (uint32_t answer = 0; answer < 2; answer++) {
        struct core_world *w = world_new(2);
        world_open(w, CHOICE_SYSREG_EFFECTIVE, answer);
        msr(w, SR_VTTBR_EL2, UINT64_C(3) << 48);
        msr(w, SR_VTTBR_EL2, UINT64_C(4) << 48);
        cr_expect_eq(w->asked, 1);
        cr_expect_eq(w->cpu.effective[SR_VTTBR_EL2] >> 48, answer ? 3 : 0);
        cr_expect_eq(mrs(w, SR_VTTBR_EL2) >> 48, 4);
        core_synchronize(&w->core);
        cr_expect_eq(w->cpu.effective[SR_VTTBR_EL2] >> 48, 4);
        world_free(w);
    }
}

/* ---- What is soon ---- */

/* A timer that is switched off without ISB may still fire. */
Test(effective, a_timer_may_lag_by_choice_only)
{
    for (unsigned open = 0; open < 2; open++)
        for (uint32_t answer = 0; answer < 2; answer++) {
            struct core_world *w = world_new(2);
            world_set(w, SR_CNTV_CTL_EL0, 1);
            world_set(w, SR_CNTVOFF_EL2, 0);
            world_set(w, SR_CNTV_CVAL_EL0, 100);
            if (open)
                world_open(w, CHOICE_SYSREG_EFFECTIVE, answer);
            msr(w, SR_CNTV_CTL_EL0, 0);
            cr_expect_eq(w->timer_changes, 1);
            effective_before_timers(&w->core, 99); /* the line is low either way */
            cr_expect_eq(w->asked, 0);
            cr_expect_eq(timer_look(&w->cpu, TIMER_V, 99), open ? 100 : UINT64_MAX);
            effective_before_timers(&w->core, 100);
            cr_expect_eq(w->asked, open);
            cr_expect_eq(timer_line(&w->cpu, TIMER_V, 100), open && answer == 1);
            effective_before_wait(&w->core); /* in finite time it is off */
            cr_expect_not(timer_line(&w->cpu, TIMER_V, 100));
            world_free(w);
        }
}

/* AT's result is an indirect write: without ISB a read may find what was there before. */
Test(effective, par_may_be_old_without_isb)
{
    for (unsigned open = 0; open < 2; open++)
        for (uint32_t answer = 0; answer < 2; answer++) {
            struct core_world *w = world_for(&uses[0]);
            msr(w, SR_PAR_EL1, 0x1110);
            cr_expect_eq(w->cpu.unsynchronized_count, 0);
            if (open)
                world_open(w, CHOICE_SYSREG_EFFECTIVE, answer);
            cr_assert_eq(sysreg_execute_sys(&w->core, word_of(SR_AT_S1E1R, false, 5)),
                         STEP_NEXT);
            bool is_old = open && answer == 1;
            cr_expect_eq(mrs(w, SR_PAR_EL1) == 0x1110, is_old);
            cr_expect_eq(w->asked, open);
            core_synchronize(&w->core);
            cr_expect_neq(mrs(w, SR_PAR_EL1), 0x1110);
            cr_expect_eq(w->asked, open);
            world_free(w);
        }
}

/* A direct write is later in program order than the AT before it. */
Test(effective, par_written_after_at_is_what_was_written)
{
    struct core_world *w = world_for(&uses[0]);
    world_open(w, CHOICE_SYSREG_EFFECTIVE, 1);
    sysreg_execute_sys(&w->core, word_of(SR_AT_S1E1R, false, 5));
    msr(w, SR_PAR_EL1, 0x2220);
    cr_expect_eq(mrs(w, SR_PAR_EL1), 0x2220);
    core_synchronize(&w->core);
    cr_expect_eq(mrs(w, SR_PAR_EL1), 0x2220);
    world_free(w);
}

Test(effective, a_selector_may_lag_by_choice_only)
{
    for (unsigned open = 0; open < 2; open++)
        for (uint32_t answer = 0; answer < 2; answer++) {
            struct core_world *w = world_new(2);
            world_set(w, SR_CSSELR_EL1, 0);
            uint64_t first = mrs(w, SR_CCSIDR_EL1);
            if (open)
                world_open(w, CHOICE_SYSREG_EFFECTIVE, answer);
            msr(w, SR_CSSELR_EL1, 1);
            bool is_first = mrs(w, SR_CCSIDR_EL1) == first;
            cr_expect_eq(is_first, open && answer == 1);
            cr_expect_eq(w->asked, open);
            world_free(w);
        }
}
