/*
 * MRS, MSR, MSR (immediate) and SYS as instructions: reset, every register written and read back,
 * programmed and effective copies, what reads and writes do beside, traps, TLBI, AT, DC and IC.
 */
#include "tests/unit/core_world.h"

#include "cpu/effective.h"
#include "cpu/syndrome.h"
#include "cpu/sysreg.h"
#include "cpu/sysreg_row.h"
#include "gen/esr.h"

static uint32_t word_of(uint16_t key, bool is_read, unsigned rt)
{
    return 0xd5000000u | (is_read ? 1u << 21 : 0) | (uint32_t)key << 5 | rt;
}

static enum step mrs(struct core_world *w, enum sysreg reg, unsigned rt)
{
    return sysreg_execute_mrs(&w->core, word_of(sysreg_row(reg)->key, true, rt));
}

static enum step msr(struct core_world *w, enum sysreg reg, uint64_t value)
{
    w->cpu.x[5] = value;
    return sysreg_execute_msr(&w->core, word_of(sysreg_row(reg)->key, false, 5));
}

static uint64_t read_of(struct core_world *w, enum sysreg reg)
{
    w->cpu.x[6] = 0x1111;
    cr_assert_eq(mrs(w, reg, 6), STEP_NEXT, "%s", sysreg_name(reg));
    return w->cpu.x[6];
}

static enum step sys(struct core_world *w, enum sysreg operation, uint64_t operand)
{
    w->cpu.x[5] = operand;
    return sysreg_execute_sys(&w->core, word_of(sysreg_row(operation)->key, false, 5));
}

Test(sysreg_execute, reset_follows_the_rows)
{
    struct core_world *w = world_new(2);
    for (enum sysreg reg = 0; reg < SYSREG_STORED_COUNT; reg++) {
        const struct sysreg_row *row = sysreg_row(reg);
        uint64_t value = w->cpu.reg[reg];
        if (row->reset_kind == REG_RESET_VALUE)
            cr_assert_eq(value, row->reset & ~sysreg_zeros(reg, w->model.features), "%s",
                         row->name);
        if (row->reset_kind == REG_RESET_ID)
            cr_assert_eq(value, model_value(&w->model, reg, 0, 3), "%s", row->name);
        cr_assert_eq(value & sysreg_zeros(reg, w->model.features), 0, "%s", row->name);
        cr_assert_eq(value & row->ones, row->ones, "%s", row->name);
        cr_assert_eq(w->cpu.effective[reg], value);
    }
    cr_assert_eq(w->cpu.reg[SR_VPIDR_EL2], w->cpu.reg[SR_MIDR_EL1]);
    cr_assert_eq(w->cpu.reg[SR_VMPIDR_EL2], 0x80000003);
    cr_assert_eq(w->cpu.reg[SR_HCR_EL2], HCR_EL2_RW);
    world_free(w);
}

Test(sysreg_execute, unknown_at_reset_is_a_choice)
{
    for (uint32_t answer = 0; answer < 3; answer++) {
        static const uint64_t wanted[] = {0, UINT64_MAX, UINT64_C(0xa5a5a5a5a5a5a5a5)};
        struct core_world *w = world_new(2);
        world_open(w, CHOICE_UNKNOWN_VALUE, answer);
        core_reset(&w->core, 2, 0, 0);
        cr_assert_eq(w->cpu.reg[SR_TPIDR_EL1], wanted[answer]);
        cr_assert_eq(w->cpu.reg[SR_TCR_EL2] & ~sysreg_zeros(SR_TCR_EL2, w->model.features),
                     w->cpu.reg[SR_TCR_EL2]);
        cr_assert_eq(w->cpu.reg[SR_HCR_EL2], HCR_EL2_RW);
        world_free(w);
    }
}

Test(sysreg_execute, entry_at_el1_is_prepared)
{
    struct core_world *w = world_new(1);
    cr_assert_eq(w->cpu.reg[SR_SCTLR_EL1], 0x30d00980);
    cr_assert_eq(w->cpu.reg[SR_CNTHCTL_EL2], 3);
    w->counter = 77;
    cr_assert_eq(read_of(w, SR_CNTVCT_EL0), 77);
    cr_assert_eq(read_of(w, SR_MPIDR_EL1), 0x80000003);
    world_free(w);
}

Test(sysreg_execute, every_register_keeps_what_is_legal)
{
    static const uint64_t values[] = {0, UINT64_MAX, UINT64_C(0x0123456789abcdef),
                                      UINT64_C(0xfedcba9876543210)};
    unsigned written = 0;
    for (enum sysreg reg = 0; reg < SYSREG_STORED_COUNT; reg++) {
        const struct sysreg_row *row = sysreg_row(reg);
        if ((row->access & 0x30u) != 0x30u || row->needs != 0 || reg == SR_DBGCLAIMCLR_EL1)
            continue;
        written++;
        for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
            struct core_world *w = world_new(2);
            w->cpu.reg[SR_OSLSR_EL1] &= ~OSLSR_EL1_OSLK; /* it opens bits of MDSCR_EL1 */
            uint64_t old = w->cpu.reg[reg], value = values[i];
            cr_assert_eq(msr(w, reg, value), STEP_NEXT, "%s", row->name);
            uint64_t kept = sysreg_legal(reg, w->model.features, old, value);
            cr_assert_eq(w->cpu.reg[reg], kept, "%s", row->name);
            if (row->on_read == SYSREG_ON_READ_NONE)
                cr_assert_eq(read_of(w, reg), kept, "%s", row->name);
            bool lags = row->is_effective && !row->is_soon;
            cr_assert_eq(w->cpu.effective[reg], lags ? old : kept, "%s", row->name);
            cr_assert_eq(w->told[EVENT_SYSREG], old != kept, "%s", row->name);
            core_synchronize(&w->core);
            cr_assert_eq(w->cpu.effective[reg], kept, "%s", row->name);
            cr_assert_eq(w->cpu.unsynchronized_count, 0);
            world_free(w);
        }
    }
    cr_assert_gt(written, 60);
}

Test(sysreg_execute, effective_list_forgets_what_agrees_again)
{
    struct core_world *w = world_new(2);
    uint64_t old = w->cpu.reg[SR_VTTBR_EL2];
    msr(w, SR_VTTBR_EL2, 0x1000);
    msr(w, SR_HCR_EL2, HCR_EL2_VM);
    msr(w, SR_VTTBR_EL2, 0x2000);
    cr_assert_eq(w->cpu.unsynchronized_count, 2);
    cr_assert_eq(w->cpu.unsynchronized[0], SR_VTTBR_EL2);
    msr(w, SR_VTTBR_EL2, old);
    cr_assert_eq(w->cpu.unsynchronized_count, 1);
    cr_assert_eq(w->cpu.unsynchronized[0], SR_HCR_EL2);
    cr_assert_eq(w->cpu.unsynchronized[1], 0);
    w->core.regimes_stale = false;
    core_synchronize(&w->core);
    cr_assert(w->core.regimes_stale);
    cr_assert_eq(w->told[EVENT_EFFECTIVE], 1);
    world_free(w);
}

/* The choice is asked only at a use that looks at the register. */
Test(sysreg_execute, effective_early_by_choice)
{
    for (uint32_t answer = 0; answer < 2; answer++) {
        struct core_world *w = world_new(2);
        world_open(w, CHOICE_SYSREG_EFFECTIVE, answer);
        msr(w, SR_VTTBR_EL2, 0x3000);
        core_regime(&w->core, REGIME_EL2);
        cr_assert_eq(w->asked, 0);
        core_regime(&w->core, REGIME_EL10); /* stage 2 is off: its table makes no difference */
        cr_assert_eq(w->asked, 0);
        world_set(w, SR_HCR_EL2, w->cpu.reg[SR_HCR_EL2] | HCR_EL2_VM);
        core_regime(&w->core, REGIME_EL10);
        cr_assert_eq(w->asked, 1);
        cr_assert_eq(w->cpu.effective[SR_VTTBR_EL2], answer ? 0x3000 : 0);
        cr_assert_eq(w->cpu.unsynchronized_count, answer ? 0 : 1);
        world_free(w);
    }
}

/* A trap bit counts only when it is in effect. */
Test(sysreg_execute, traps_use_the_effective_copy)
{
    struct core_world *w = world_new(2);
    msr(w, SR_HCR_EL2, HCR_EL2_TVM);
    w->cpu.el = 1;
    cr_assert_eq(msr(w, SR_TTBR0_EL1, 0x5000), STEP_NEXT);
    core_synchronize(&w->core);
    cr_assert_eq(msr(w, SR_TTBR0_EL1, 0x6000), STEP_EXCEPTION);
    cr_assert_eq(w->cpu.el, 2);
    cr_assert_eq(w->cpu.reg[SR_TTBR0_EL1], 0x5000);
    world_free(w);
}

/* ISS of a trapped access: 3:0:2:0:0, Rt, direction. */
Test(sysreg_execute, trap_syndrome)
{
    struct core_world *w = world_new(2);
    world_set(w, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_TVM | HCR_EL2_TRVM | HCR_EL2_TID2);
    w->cpu.el = 1;
    w->cpu.pc = 0x4000;
    cr_assert_eq(mrs(w, SR_TCR_EL1, 17), STEP_EXCEPTION);
    cr_assert_eq(w->cpu.reg[SR_ESR_EL2], 0x18u << 26 | 1u << 25 | 3u << 20 | 2u << 17 | 2u << 10 |
                                             17u << 5 | 1u);
    cr_assert_eq(w->cpu.reg[SR_ELR_EL2], 0x4000);
    w->cpu.el = 1;
    cr_assert_eq(msr(w, SR_CSSELR_EL1, 0), STEP_EXCEPTION);
    cr_assert_eq(w->cpu.reg[SR_ESR_EL2], 0x18u << 26 | 1u << 25 | 3u << 20 | 2u << 14 | 5u << 5);
    world_free(w);
}

Test(sysreg_execute, syndrome_has_every_field_of_the_word)
{
    for (unsigned n = 0; n < 4096; n++) {
        uint32_t word = 0xd5000000u | ((n * 2654435761u) & 0x3fffffu);
        uint32_t iss = syndrome_sysreg(word);
        cr_assert_eq(iss >> 20, word >> 19 & 3);
        cr_assert_eq(iss >> 17 & 7, word >> 5 & 7);
        cr_assert_eq(iss >> 14 & 7, word >> 16 & 7);
        cr_assert_eq(iss >> 10 & 15, word >> 12 & 15);
        cr_assert_eq(iss >> 5 & 31, word & 31);
        cr_assert_eq(iss >> 1 & 15, word >> 8 & 15);
        cr_assert_eq(iss & 1, word >> 21 & 1);
    }
}

Test(sysreg_execute, undefined_and_unmodelled)
{
    struct core_world *w = world_new(2);
    w->model.features &= ~(uint32_t)SYSREG_FEATURE_FP;
    cr_assert_eq(mrs(w, SR_FPCR, 1), STEP_UNDEFINED);
    cr_assert_eq(sysreg_execute_mrs(&w->core, word_of(SYSREG_KEY(3, 0, 9, 10, 0), true, 1)),
                 STEP_UNDEFINED);
    w->model.features |= SYSREG_FEATURE_IMPNEOVERSE;
    cr_assert_eq(mrs(w, SR_N1_CLUSTER0_EL1, 1), STEP_UNMODELLED);
    cr_assert_str_eq(w->core.unmodelled, "N1_CLUSTER0_EL1");
    cr_assert_eq(sysreg_execute_sys(&w->core, word_of(SYSREG_KEY(1, 0, 7, 8, 0), true, 1)),
                 STEP_UNDEFINED); /* SYSL */
    w->cpu.el = 0;
    cr_assert_eq(mrs(w, SR_SCTLR_EL1, 1), STEP_UNDEFINED);
    world_free(w);
}

Test(sysreg_execute, parts_of_pstate)
{
    struct core_world *w = world_new(2);
    w->cpu.sp[0] = 0x10;
    w->cpu.sp[1] = 0x20;
    w->cpu.nzcv = PSTATE_N | PSTATE_C;
    w->cpu.daif = PSTATE_I;
    cr_assert_eq(read_of(w, SR_SP_EL0), 0x10);
    cr_assert_eq(read_of(w, SR_SP_EL1), 0x20);
    cr_assert_eq(read_of(w, SR_SPSel), 1);
    cr_assert_eq(read_of(w, SR_CurrentEL), 8);
    cr_assert_eq(read_of(w, SR_NZCV), PSTATE_N | PSTATE_C);
    cr_assert_eq(read_of(w, SR_DAIF), PSTATE_I);
    msr(w, SR_SP_EL1, 0x40);
    msr(w, SR_SP_EL0, 0x50);
    msr(w, SR_NZCV, UINT64_MAX);
    msr(w, SR_DAIF, UINT64_MAX);
    cr_assert_eq(w->cpu.sp[0], 0x50);
    cr_assert_eq(w->cpu.sp[1], 0x40);
    cr_assert_eq(w->cpu.nzcv, PSTATE_N | PSTATE_Z | PSTATE_C | PSTATE_V);
    cr_assert_eq(w->cpu.daif, PSTATE_DAIF);
    msr(w, SR_SPSel, 0);
    cr_assert_eq(w->cpu.spsel, 0);
    cr_assert_eq(mrs(w, SR_SP_EL0, 1), STEP_UNDEFINED); /* it is the stack pointer */
    world_free(w);
}

Test(sysreg_execute, msr_immediate)
{
    for (unsigned imm = 0; imm < 16; imm++)
        for (unsigned daif = 0; daif < 16; daif++) {
            struct core_world *w = world_new(2);
            w->cpu.daif = daif << 6;
            uint16_t set = SYSREG_KEY(0, 3, 4, 0, 6), clear = SYSREG_KEY(0, 3, 4, 0, 7);
            uint32_t field = imm << 8;
            sysreg_execute_msr_imm(&w->core, word_of(set, false, 31) | field);
            cr_assert_eq(w->cpu.daif, (daif | imm) << 6);
            sysreg_execute_msr_imm(&w->core, word_of(clear, false, 31) | field);
            cr_assert_eq(w->cpu.daif, (daif & ~imm) << 6);
            uint16_t spsel = SYSREG_KEY(0, 0, 4, 0, 5);
            sysreg_execute_msr_imm(&w->core, word_of(spsel, false, 31) | field);
            cr_assert_eq(w->cpu.spsel, imm & 1);
            world_free(w);
        }
    struct core_world *w = world_new(2);
    w->cpu.el = 0;
    uint32_t word = word_of(SYSREG_KEY(0, 3, 4, 2, 6), false, 31);
    cr_assert_eq(sysreg_execute_msr_imm(&w->core, word), STEP_EXCEPTION); /* UMA is 0 */
    cr_assert_eq(w->cpu.el, 1);
    cr_assert_eq(w->cpu.reg[SR_ESR_EL1] >> 26, 0x18);
    w->cpu.el = 0;
    world_set(w, SR_SCTLR_EL1, SCTLR_EL1_UMA);
    w->cpu.daif = 0;
    cr_assert_eq(sysreg_execute_msr_imm(&w->core, word), STEP_NEXT);
    cr_assert_eq(w->cpu.daif, PSTATE_I);
    world_free(w);
}

Test(sysreg_execute, identification_at_el1_is_virtual)
{
    struct core_world *w = world_new(2);
    msr(w, SR_VPIDR_EL2, 0x1234);
    msr(w, SR_VMPIDR_EL2, 0x80000107);
    cr_assert_eq(read_of(w, SR_MIDR_EL1), 0x411fd070);
    cr_assert_eq(read_of(w, SR_MPIDR_EL1), 0x80000003);
    w->cpu.el = 1;
    cr_assert_eq(read_of(w, SR_MIDR_EL1), 0x411fd070); /* not yet effective */
    core_synchronize(&w->core);
    cr_assert_eq(read_of(w, SR_MIDR_EL1), 0x1234);
    cr_assert_eq(read_of(w, SR_MPIDR_EL1), 0x80000107);
    cr_assert_eq(sysreg_execute_mrs(&w->core, word_of(SYSREG_KEY(3, 0, 0, 6, 7), true, 6)),
                 STEP_NEXT);
    cr_assert_eq(w->cpu.x[6], 0); /* the reserved space is RAZ */
    world_free(w);
}

Test(sysreg_execute, cache_geometry_follows_the_selector)
{
    struct core_world *w = world_new(2);
    static const uint64_t wanted[] = {0x701fe00a, 0x201fe012, 0x70ffe07a, 0, 0};
    for (unsigned i = 0; i < ARRAY_COUNT(wanted); i++) {
        msr(w, SR_CSSELR_EL1, i);
        cr_assert_eq(read_of(w, SR_CCSIDR_EL1), wanted[i]);
    }
    world_free(w);
}

Test(sysreg_execute, dczid_says_where_dc_zva_is_prohibited)
{
    for (unsigned n = 0; n < 12; n++) {
        unsigned el = n % 3;
        bool dze = n / 3 & 1, tdz = n / 6;
        struct core_world *w = world_new(2);
        world_set(w, SR_SCTLR_EL1, dze ? SCTLR_EL1_DZE : 0);
        world_set(w, SR_HCR_EL2, tdz ? HCR_EL2_TDZ : 0);
        w->cpu.el = (uint8_t)el;
        bool prohibited = (el == 0 && !dze) || (el < 2 && tdz);
        cr_assert_eq(read_of(w, SR_DCZID_EL0), 4u | (prohibited ? 16u : 0));
        world_free(w);
    }
}

Test(sysreg_execute, timers)
{
    static const struct {
        enum sysreg ctl, cval, tval;
        uint64_t offset;
    } rows[] = {
        {SR_CNTP_CTL_EL0, SR_CNTP_CVAL_EL0, SR_CNTP_TVAL_EL0, 0},
        {SR_CNTV_CTL_EL0, SR_CNTV_CVAL_EL0, SR_CNTV_TVAL_EL0, 300},
        {SR_CNTHP_CTL_EL2, SR_CNTHP_CVAL_EL2, SR_CNTHP_TVAL_EL2, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct core_world *w = world_new(2);
        world_set(w, SR_CNTVOFF_EL2, 300);
        w->counter = 1000;
        unsigned changes = w->timer_changes;
        msr(w, rows[i].tval, 50);
        cr_assert_eq(w->timer_changes, changes + 1);
        cr_assert(w->core.lines_may_change);
        cr_assert_eq(read_of(w, rows[i].cval), 1050 - rows[i].offset);
        cr_assert_eq(read_of(w, rows[i].ctl), 0);
        msr(w, rows[i].ctl, 7);
        cr_assert_eq(read_of(w, rows[i].ctl), 3); /* ISTATUS cannot be written */
        w->counter = 1020;
        cr_assert_eq(read_of(w, rows[i].tval), 30);
        w->counter = 1051;
        cr_assert_eq(read_of(w, rows[i].tval), 0xffffffff);
        cr_assert_eq(read_of(w, rows[i].ctl), 7);
        msr(w, rows[i].tval, UINT64_C(0xffffffff)); /* -1 */
        cr_assert_eq(read_of(w, rows[i].cval), 1050 - rows[i].offset);
        world_free(w);
    }
    struct core_world *w = world_new(2);
    world_set(w, SR_CNTVOFF_EL2, 300);
    w->counter = 1000;
    cr_assert_eq(read_of(w, SR_CNTPCT_EL0), 1000);
    cr_assert_eq(read_of(w, SR_CNTVCT_EL0), 700);
    world_free(w);
}

Test(sysreg_execute, isr_and_the_os_lock_and_claims)
{
    struct core_world *w = world_new(2);
    w->cpu.lines = CPU_LINE_IRQ | CPU_LINE_VFIQ;
    cr_assert_eq(read_of(w, SR_ISR_EL1), ISR_EL1_I);
    cr_assert_eq(read_of(w, SR_OSLSR_EL1), 0xa);
    msr(w, SR_OSLAR_EL1, 0);
    cr_assert_eq(read_of(w, SR_OSLSR_EL1), 0x8);
    msr(w, SR_OSLAR_EL1, 1);
    cr_assert_eq(read_of(w, SR_OSLSR_EL1), 0xa);
    msr(w, SR_DBGCLAIMSET_EL1, 0x31);
    msr(w, SR_DBGCLAIMCLR_EL1, 0x11);
    cr_assert_eq(read_of(w, SR_DBGCLAIMCLR_EL1), 0x20);
    cr_assert_eq(read_of(w, SR_DBGCLAIMSET_EL1), 0xff);
    world_free(w);
}

Test(sysreg_execute, translation_registers_are_visible_operations)
{
    struct core_world *w = world_new(2);
    w->core.visible = VISIBLE_NONE;
    msr(w, SR_TPIDR_EL2, 1);
    cr_assert_eq(w->core.visible, VISIBLE_NONE);
    msr(w, SR_VTTBR_EL2, 0x1000);
    cr_assert_eq(w->core.visible, VISIBLE_REGISTER);
    world_free(w);
}

/* Every TLBI row: what is sent, and how far. */
Test(sysreg_execute, tlbi_messages)
{
    unsigned count = 0;
    for (enum sysreg reg = 0; reg < SYSREG_COUNT; reg++) {
        const char *name = sysreg_name(reg);
        if (strncmp(name, "TLBI_", 5) != 0)
            continue;
        count++;
        struct core_world *w = world_new(2);
        world_set(w, SR_VTTBR_EL2, UINT64_C(7) << 48 | 0x9000);
        world_set(w, SR_TCR_EL1, TCR_EL1_AS);
        uint64_t operand = UINT64_C(0x1234) << 48 | 0x8abcdef;
        cr_assert_eq(sys(w, reg, operand), STEP_NEXT, "%s", name);
        cr_assert_eq(w->tlbi_count, 1, "%s", name);
        bool is_shared = strcmp(name + strlen(name) - 2, "IS") == 0;
        cr_assert_eq(w->tlbi.scope, is_shared ? TLBI_INNER : TLBI_LOCAL, "%s", name);
        cr_assert_eq(w->tlbi.issuer, 3);
        cr_assert_eq(w->core.visible, VISIBLE_TLBI);
        bool is_el2 = strstr(name, "E2") != NULL && strstr(name, "S2E1") == NULL &&
                      strstr(name, "IPAS2") == NULL;
        cr_assert_eq(w->tlbi.vmid, is_el2 ? 0 : 7, "%s", name);
        if (strstr(name, "VA") || strstr(name, "IPAS"))
            cr_assert_eq(w->tlbi.address, UINT64_C(0x8abcdef000), "%s", name);
        if (strstr(name, "_ASID") || strstr(name, "_VAE1") || strstr(name, "_VALE1"))
            cr_assert_eq(w->tlbi.asid, 0x1234, "%s", name);
        world_free(w);
    }
    cr_assert_eq(count, 2 * TLBI_OPERATION_COUNT);
}

Test(sysreg_execute, tlbi_operations_go_by_their_names)
{
    static const struct {
        enum sysreg reg;
        enum tlbi_operation operation;
    } rows[] = {
        {SR_TLBI_VMALLE1IS, TLBI_VMALLE1},     {SR_TLBI_VAE1IS, TLBI_VAE1},
        {SR_TLBI_ASIDE1IS, TLBI_ASIDE1},       {SR_TLBI_VAAE1IS, TLBI_VAAE1},
        {SR_TLBI_VALE1IS, TLBI_VALE1},         {SR_TLBI_VAALE1IS, TLBI_VAALE1},
        {SR_TLBI_IPAS2E1IS, TLBI_IPAS2E1},     {SR_TLBI_IPAS2LE1IS, TLBI_IPAS2LE1},
        {SR_TLBI_VMALLS12E1IS, TLBI_VMALLS12E1}, {SR_TLBI_ALLE1IS, TLBI_ALLE1},
        {SR_TLBI_ALLE2IS, TLBI_ALLE2},         {SR_TLBI_VAE2IS, TLBI_VAE2},
        {SR_TLBI_VALE2IS, TLBI_VALE2},         {SR_TLBI_VMALLE1, TLBI_VMALLE1},
        {SR_TLBI_VAE1, TLBI_VAE1},             {SR_TLBI_ASIDE1, TLBI_ASIDE1},
        {SR_TLBI_VAAE1, TLBI_VAAE1},           {SR_TLBI_VALE1, TLBI_VALE1},
        {SR_TLBI_VAALE1, TLBI_VAALE1},         {SR_TLBI_IPAS2E1, TLBI_IPAS2E1},
        {SR_TLBI_IPAS2LE1, TLBI_IPAS2LE1},     {SR_TLBI_VMALLS12E1, TLBI_VMALLS12E1},
        {SR_TLBI_ALLE1, TLBI_ALLE1},           {SR_TLBI_ALLE2, TLBI_ALLE2},
        {SR_TLBI_VAE2, TLBI_VAE2},             {SR_TLBI_VALE2, TLBI_VALE2},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct core_world *w = world_new(2);
        sys(w, rows[i].reg, 0);
        cr_assert_eq(w->tlbi.operation, rows[i].operation, "%s", sysreg_name(rows[i].reg));
        world_free(w);
    }
}

Test(sysreg_execute, fb_broadcasts_what_el1_invalidates)
{
    for (unsigned el = 1; el < 3; el++)
        for (unsigned fb = 0; fb < 2; fb++) {
            struct core_world *w = world_new(2);
            world_set(w, SR_HCR_EL2, fb ? HCR_EL2_FB : 0);
            w->cpu.el = (uint8_t)el;
            sys(w, SR_TLBI_VMALLE1, 0);
            cr_assert_eq(w->tlbi.scope, el == 1 && fb ? TLBI_INNER : TLBI_LOCAL);
            world_free(w);
        }
}

/* A lagging VTTBR_EL2 is not the one that a TLBI acts on. */
Test(sysreg_execute, tlbi_uses_the_effective_vmid)
{
    struct core_world *w = world_new(2);
    world_set(w, SR_VTTBR_EL2, UINT64_C(3) << 48);
    msr(w, SR_VTTBR_EL2, UINT64_C(4) << 48);
    sys(w, SR_TLBI_VMALLS12E1IS, 0);
    cr_assert_eq(w->tlbi.vmid, 3);
    core_synchronize(&w->core);
    sys(w, SR_TLBI_VMALLS12E1IS, 0);
    cr_assert_eq(w->tlbi.vmid, 4);
    world_free(w);
}

/* With translation off the address is its own; Device memory, outer shareable. */
Test(sysreg_execute, at_with_the_mmu_off)
{
    struct core_world *w = world_new(2);
    cr_assert_eq(sys(w, SR_AT_S1E2R, 0x40001234), STEP_NEXT);
    uint64_t par = read_of(w, SR_PAR_EL1);
    cr_assert_eq(par & PAR_DONE_F, 0);
    cr_assert_eq(par & PAR_DONE_PA, 0x40001000);
    cr_assert_eq(par >> 56, 0);
    cr_assert_eq(field_get(PAR_DONE_SH, par), 2);
    world_free(w);
}

/* Every descriptor of the world is invalid: AT answers with a fault, and takes none. */
Test(sysreg_execute, at_that_faults)
{
    struct core_world *w = world_new(2);
    world_set(w, SR_TCR_EL1, field_put(TCR_EL1_T0SZ, 25) | field_put(TCR_EL1_T1SZ, 25) |
                                 field_put(TCR_EL1_TG1, 2));
    world_set(w, SR_SCTLR_EL1, SCTLR_EL1_M);
    cr_assert_eq(sys(w, SR_AT_S1E1R, 0x1234), STEP_NEXT);
    uint64_t par = read_of(w, SR_PAR_EL1);
    cr_assert_eq(par & PAR_ABORT_F, 1);
    cr_assert_eq(field_get(PAR_ABORT_FST, par), FSC_TRANSLATION_L1);
    cr_assert_eq(par & (PAR_ABORT_S | PAR_ABORT_PTW), 0);
    cr_assert_eq(w->told[EVENT_EXC_TAKE], 0);
    world_free(w);
}

/* The same fault of the table walk in stage 2: an answer at EL2, an exception from EL1. */
Test(sysreg_execute, at_with_a_stage_2_fault_on_its_walk)
{
    for (unsigned el = 1; el < 3; el++) {
        struct core_world *w = world_new(2);
        world_set(w, SR_TCR_EL1, field_put(TCR_EL1_T0SZ, 25) | field_put(TCR_EL1_T1SZ, 25) |
                                     field_put(TCR_EL1_TG1, 2));
        world_set(w, SR_SCTLR_EL1, SCTLR_EL1_M);
        world_set(w, SR_TTBR0_EL1, 0x40000000);
        world_set(w, SR_VTCR_EL2, VTCR_EL2_RES1 | field_put(VTCR_EL2_T0SZ, 25) |
                                      field_put(VTCR_EL2_SL0, 1) | field_put(VTCR_EL2_PS, 2));
        world_set(w, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_VM);
        w->cpu.el = (uint8_t)el;
        enum step step = sys(w, SR_AT_S1E1W, 0x1234);
        if (el == 2) {
            cr_assert_eq(step, STEP_NEXT);
            uint64_t par = read_of(w, SR_PAR_EL1);
            cr_assert_eq(par & (PAR_ABORT_F | PAR_ABORT_S | PAR_ABORT_PTW),
                         PAR_ABORT_F | PAR_ABORT_S | PAR_ABORT_PTW);
            cr_assert_eq(field_get(PAR_ABORT_FST, par), FSC_TRANSLATION_L1);
        } else {
            cr_assert_eq(step, STEP_FAULT);
            cr_assert_eq(w->core.fault.stage, 2);
            cr_assert_eq(w->core.fault.s1ptw, 1);
            world_open(w, CHOICE_UNKNOWN_VALUE, 2);
            cr_assert_eq(sys(w, SR_AT_S1E1W, 0x1234), STEP_FAULT);
            cr_assert_eq(w->cpu.unknown != 0, true, "PAR_EL1");
            cr_assert_eq(read_of(w, SR_PAR_EL1), UINT64_MAX);
            cr_assert_eq(syndrome_abort(&w->core.fault, 0),
                         FSC_TRANSLATION_L1 | 1u << 8 | 1u << 7 | 1u << 6);
        }
        world_free(w);
    }
}

Test(sysreg_execute, cache_maintenance_reaches_the_machine)
{
    static const struct {
        enum sysreg operation;
        bool by_address;
    } rows[] = {
        {SR_IC_IALLUIS, false}, {SR_IC_IALLU, false}, {SR_IC_IVAU, true}, {SR_DC_IVAC, true},
        {SR_DC_ISW, false},     {SR_DC_CSW, false},   {SR_DC_CISW, false}, {SR_DC_CVAC, true},
        {SR_DC_CVAU, true},     {SR_DC_CIVAC, true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct core_world *w = world_new(2);
        cr_assert_eq(sys(w, rows[i].operation, 0x40000040), STEP_NEXT);
        cr_assert_eq(w->cache_count, 1);
        cr_assert_eq(w->cache_operation, rows[i].operation);
        cr_assert_eq(w->cache_address.bits, rows[i].by_address ? 0x40000040 : 0);
        cr_assert_eq(w->cache_operand, 0x40000040);
        world_free(w);
    }
}

Test(sysreg_execute, cache_maintenance_by_address_faults)
{
    struct core_world *w = world_new(2);
    world_set(w, SR_TCR_EL1, field_put(TCR_EL1_T0SZ, 25) | field_put(TCR_EL1_T1SZ, 25) |
                                 field_put(TCR_EL1_TG1, 2));
    world_set(w, SR_SCTLR_EL1, SCTLR_EL1_M);
    w->cpu.el = 1;
    cr_assert_eq(sys(w, SR_DC_CIVAC, 0x1040), STEP_FAULT);
    cr_assert_eq(w->cache_count, 0);
    cr_assert_eq(w->core.fault.va.bits, 0x1040);
    cr_assert_eq(syndrome_abort(&w->core.fault, w->core.fault_iss),
                 FSC_TRANSLATION_L1 | 1u << 8 | 1u << 6);
    world_free(w);
}

Test(sysreg_execute, peek_changes_nothing)
{
    struct core_world *w = world_new(2);
    for (enum sysreg reg = 0; reg < SYSREG_COUNT; reg++) {
        const struct sysreg_row *row = sysreg_row(reg);
        if (row->kind != SYSREG_KIND_REG || (row->access & 16u) == 0 || row->is_unmodelled)
            continue;
        struct cpu before = w->cpu;
        uint64_t value = sysreg_peek(&w->core, reg);
        cr_assert_eq(memcmp(&before, &w->cpu, sizeof before), 0);
        if (row->on_read != SYSREG_ON_READ_TIMER)
            cr_assert_eq(value, sysreg_get(&w->core, reg), "%s", row->name);
    }
    world_free(w);
}
