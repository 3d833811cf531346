/*
 * The rows of cpu/sysreg.def and sysreg_resolve(), by iteration over the rows: encodings, access
 * at each level, every trap of every row, reserved bits, features, models. What must not follow
 * from the table alone is stated again here, in the words of the manual.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cpu/model.h"
#include "mmu/mmu.h"
#include "cpu/sysreg_row.h"
#include "sim/base/base.h"

static uint64_t file[SYSREG_COUNT];

/* A register file in which no rule traps anything. */
static void file_open(void)
{
    memset(file, 0, sizeof file);
    file[SR_SCTLR_EL1] = SCTLR_EL1_UMA | SCTLR_EL1_UCT | SCTLR_EL1_UCI | SCTLR_EL1_DZE;
    file[SR_CPACR_EL1] = CPACR_EL1_FPEN;
    file[SR_CNTKCTL_EL1] = CNTKCTL_EL1_EL0PCTEN | CNTKCTL_EL1_EL0VCTEN | CNTKCTL_EL1_EL0PTEN |
                           CNTKCTL_EL1_EL0VTEN;
    file[SR_CNTHCTL_EL2] = CNTHCTL_EL2_EL1PCTEN | CNTHCTL_EL2_EL1PCEN;
    file[SR_ACTLR_EL2] = UINT64_MAX;
    file[SR_PMUSERENR_EL0] = PMUSERENR_EL0_EN;
    file[SR_MDCR_EL2] = 6;
}

static const uint32_t all_features = (1u << SYSREG_FEATURE_COUNT) - 1;

static struct sysreg_query query_of(uint16_t key, unsigned el, bool is_write)
{
    return (struct sysreg_query){.key = key, .el = (uint8_t)el, .is_write = is_write,
                                 .spsel = true, .features = all_features};
}

static struct sysreg_target resolve(uint16_t key, unsigned el, bool is_write)
{
    struct sysreg_query query = query_of(key, el, is_write);
    return sysreg_resolve(&query, file);
}

Test(sysreg, every_row_is_found_by_its_encoding)
{
    for (enum sysreg reg = 0; reg < SYSREG_COUNT; reg++)
        cr_assert_eq(sysreg_of_key(sysreg_row(reg)->key), reg, "%s", sysreg_row(reg)->name);
}

Test(sysreg, an_encoding_without_a_row_is_undefined)
{
    unsigned without = 0;
    file_open();
    for (unsigned key = 0; key < 0x10000; key++) {
        if (sysreg_of_key((uint16_t)key) != SYSREG_COUNT)
            continue;
        without++;
        for (unsigned i = 0; i < 6; i++)
            cr_assert_eq(resolve((uint16_t)key, i / 2, i & 1).kind, SYSREG_TARGET_UNDEFINED);
    }
    cr_assert_gt(without, 0xe000);
}

Test(sysreg, access_by_level_and_direction)
{
    file_open();
    for (enum sysreg reg = 0; reg < SYSREG_COUNT; reg++) {
        const struct sysreg_row *row = sysreg_row(reg);
        for (unsigned i = 0; i < 6; i++) {
            struct sysreg_target target = resolve(row->key, i / 2, i & 1);
            enum sysreg_target_kind wanted = SYSREG_TARGET_UNDEFINED;
            if ((row->access >> i) & 1u)
                wanted = row->is_unmodelled ? SYSREG_TARGET_UNMODELLED : SYSREG_TARGET_REGISTER;
            cr_assert_eq(target.kind, wanted, "%s at EL%u", row->name, i / 2);
            cr_assert_eq(target.reg, reg);
            cr_assert_eq(target.trap, TRAP_NONE);
        }
    }
}

/* Some rows as the manual has them: encoding, and who may read and write. */
Test(sysreg, access_as_in_the_manual)
{
    static const struct {
        uint16_t key;
        enum sysreg reg;
        const char *access; /* letters of EL0, EL1, EL2 */
    } rows[] = {
        {SYSREG_KEY(3, 0, 1, 0, 0), SR_SCTLR_EL1, "--rwrw"},
        {SYSREG_KEY(3, 4, 1, 1, 0), SR_HCR_EL2, "----rw"},
        {SYSREG_KEY(3, 4, 2, 1, 0), SR_VTTBR_EL2, "----rw"},
        {SYSREG_KEY(3, 0, 0, 0, 0), SR_MIDR_EL1, "--r-r-"},
        {SYSREG_KEY(3, 3, 13, 0, 2), SR_TPIDR_EL0, "rwrwrw"},
        {SYSREG_KEY(3, 3, 13, 0, 3), SR_TPIDRRO_EL0, "r-rwrw"},
        {SYSREG_KEY(3, 3, 14, 0, 0), SR_CNTFRQ_EL0, "r-r-rw"},
        {SYSREG_KEY(3, 3, 14, 0, 2), SR_CNTVCT_EL0, "r-r-r-"},
        {SYSREG_KEY(3, 3, 14, 3, 2), SR_CNTV_CVAL_EL0, "rwrwrw"},
        {SYSREG_KEY(3, 3, 4, 2, 0), SR_NZCV, "rwrwrw"},
        {SYSREG_KEY(3, 0, 4, 2, 2), SR_CurrentEL, "--r-r-"},
        {SYSREG_KEY(3, 0, 4, 1, 0), SR_SP_EL0, "--rwrw"},
        {SYSREG_KEY(3, 4, 4, 1, 0), SR_SP_EL1, "----rw"},
        {SYSREG_KEY(3, 3, 0, 0, 1), SR_CTR_EL0, "r-r-r-"},
        {SYSREG_KEY(3, 0, 0, 7, 0), SR_ID_AA64MMFR0_EL1, "--r-r-"},
        {SYSREG_KEY(3, 0, 0, 7, 7), SR_ID_RESERVED, "--r-r-"},
        {SYSREG_KEY(2, 0, 1, 0, 4), SR_OSLAR_EL1, "---w-w"},
        {SYSREG_KEY(2, 0, 0, 5, 4), SR_DBGBVR5_EL1, "--rwrw"},
        {SYSREG_KEY(1, 0, 8, 3, 0), SR_TLBI_VMALLE1IS, "---w-w"},
        {SYSREG_KEY(1, 4, 8, 7, 6), SR_TLBI_VMALLS12E1, "-----w"},
        {SYSREG_KEY(1, 3, 7, 4, 1), SR_DC_ZVA, "-w-w-w"},
        {SYSREG_KEY(1, 0, 7, 8, 0), SR_AT_S1E1R, "---w-w"},
        {SYSREG_KEY(0, 3, 4, 2, 6), SR_MSR_DAIFSet, "-w-w-w"},
        {SYSREG_KEY(0, 0, 4, 1, 5), SR_MSR_SPSel, "---w-w"},
    };
    file_open();
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        cr_assert_eq(sysreg_of_key(rows[i].key), rows[i].reg, "row %zu", i);
        for (unsigned k = 0; k < 6; k++) {
            bool allowed = resolve(rows[i].key, k / 2, k & 1).kind == SYSREG_TARGET_REGISTER;
            cr_assert_eq(allowed, rows[i].access[k] != '-', "%s: place %u",
                         sysreg_row(rows[i].reg)->name, k);
        }
    }
}

/* Registers of EL3, of GICv3, of statistical profiling and of EL2&0 are absent. */
Test(sysreg, absent_features_are_undefined)
{
    static const uint16_t keys[] = {
        SYSREG_KEY(3, 6, 1, 1, 0),  SYSREG_KEY(3, 6, 4, 0, 1),  SYSREG_KEY(3, 0, 12, 12, 5),
        SYSREG_KEY(3, 4, 12, 11, 0), SYSREG_KEY(3, 0, 9, 10, 0), SYSREG_KEY(3, 5, 1, 0, 0),
        SYSREG_KEY(3, 4, 2, 0, 1),  SYSREG_KEY(3, 3, 4, 2, 5),  SYSREG_KEY(1, 6, 8, 7, 0),
        SYSREG_KEY(3, 0, 5, 3, 0), SYSREG_KEY(2, 1, 0, 0, 1),  SYSREG_KEY(3, 7, 14, 2, 1),
    };
    file_open();
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        for (unsigned k = 0; k < 6; k++)
            cr_assert_eq(resolve(keys[i], k / 2, k & 1).kind, SYSREG_TARGET_UNDEFINED, "%zu", i);
}

Test(sysreg, a_row_needs_its_feature)
{
    file_open();
    for (enum sysreg reg = 0; reg < SYSREG_COUNT; reg++) {
        const struct sysreg_row *row = sysreg_row(reg);
        struct sysreg_query query = query_of(row->key, 2, (row->access & 16u) == 0);
        query.features = all_features & ~row->needs;
        enum sysreg_target_kind kind = sysreg_resolve(&query, file).kind;
        if (row->needs != 0)
            cr_assert_eq(kind, SYSREG_TARGET_UNDEFINED, "%s", row->name);
    }
    cr_assert_eq(sysreg_row(SR_FPCR)->needs, SYSREG_FEATURE_FP);
    cr_assert_eq(sysreg_row(SR_DACR32_EL2)->needs, SYSREG_FEATURE_AARCH32);
}

/* Makes the condition of a rule true, and of no other rule of the same row. */
static void file_trip(const struct sysreg_trap_row *rule, struct sysreg_query *query)
{
    file_open();
    if (rule->function == NULL) {
        file[rule->reg] &= ~rule->mask;
        file[rule->reg] |= field_put(rule->mask, rule->value);
    } else if (strcmp(rule->function, "sp_el0_in_use") == 0) {
        query->spsel = false;
    } else if (strcmp(rule->function, "fpen") == 0) {
        file[SR_CPACR_EL1] = 0;
    } else if (strcmp(rule->function, "no_counter") == 0) {
        file[SR_CNTKCTL_EL1] = 0;
    } else if (strcmp(rule->function, "debug_tda") == 0) {
        file[SR_MDCR_EL2] = MDCR_EL2_TDA;
    } else if (strcmp(rule->function, "debug_tdosa") == 0) {
        file[SR_MDCR_EL2] = MDCR_EL2_TDOSA;
    } else if (strcmp(rule->function, "pmu_hpmn") == 0) {
        file[SR_MDCR_EL2] = 0;
    } else if (strncmp(rule->function, "pmu_", 4) == 0) {
        file[SR_PMUSERENR_EL0] = 0;
    } else {
        cr_assert_str_eq(rule->function, "debug_tdra");
        file[SR_MDCR_EL2] = MDCR_EL2_TDRA;
    }
}

static enum sysreg_target_kind kind_of(enum sysreg_to to)
{
    return to == SYSREG_TO_UNDEF ? SYSREG_TARGET_UNDEFINED
           : to == SYSREG_TO_EL1 ? SYSREG_TARGET_TRAP_EL1
                                 : SYSREG_TARGET_TRAP_EL2;
}

Test(sysreg, every_trap_of_every_row)
{
    unsigned taken[SYSREG_TRAP_COUNT] = {0};
    for (enum sysreg reg = 0; reg < SYSREG_COUNT; reg++) {
        const struct sysreg_row *row = sysreg_row(reg);
        bool is_trap_only = row->kind == SYSREG_KIND_SPACE && row->access == 0;
        for (unsigned i = 0; i < row->trap_count; i++) {
            const struct sysreg_trap_row *rule = sysreg_trap_row(row->trap[i]);
            for (unsigned k = 0; k < 6; k++) {
                struct sysreg_query query = query_of(row->key, k / 2, k & 1);
                file_trip(rule, &query);
                struct sysreg_target target = sysreg_resolve(&query, file);
                bool reaches = ((row->access >> k) & 1u) || is_trap_only;
                bool applies = reaches && ((rule->els >> (k / 2)) & 1u) &&
                               ((rule->dirs >> (k & 1)) & 1u);
                if (!applies) {
                    cr_assert_eq(target.trap, TRAP_NONE, "%s %s", row->name, rule->name);
                    continue;
                }
                cr_assert_eq(target.trap, row->trap[i], "%s %s", row->name, rule->name);
                cr_assert_eq(target.kind, kind_of(rule->to), "%s %s", row->name, rule->name);
                cr_assert_eq(target.ec, rule->ec);
                taken[row->trap[i]]++;
            }
        }
    }
    for (enum sysreg_trap trap = TRAP_NONE + 1; trap < SYSREG_TRAP_COUNT; trap++)
        cr_assert_gt(taken[trap], 0, "%s never applies", sysreg_trap_row(trap)->name);
}

/* With every condition true the first rule that fits the level and direction is the one. */
Test(sysreg, rules_apply_in_their_order)
{
    memset(file, 0, sizeof file);
    file[SR_HCR_EL2] = UINT64_MAX;
    file[SR_CPTR_EL2] = UINT64_MAX;
    file[SR_MDCR_EL2] = UINT64_MAX;
    file[SR_MDSCR_EL1] = UINT64_MAX;
    unsigned several = 0;
    for (enum sysreg reg = 0; reg < SYSREG_COUNT; reg++) {
        const struct sysreg_row *row = sysreg_row(reg);
        several += row->trap_count > 1;
        for (unsigned k = 0; k < 6; k++) {
            if (((row->access >> k) & 1u) == 0)
                continue;
            struct sysreg_query query = query_of(row->key, k / 2, k & 1);
            query.spsel = false;
            enum sysreg_trap wanted = TRAP_NONE;
            for (unsigned i = 0; i < row->trap_count && wanted == TRAP_NONE; i++) {
                const struct sysreg_trap_row *rule = sysreg_trap_row(row->trap[i]);
                if (((rule->els >> (k / 2)) & 1u) && ((rule->dirs >> (k & 1)) & 1u))
                    wanted = row->trap[i];
            }
            cr_assert_eq(sysreg_resolve(&query, file).trap, wanted, "%s", row->name);
        }
    }
    cr_assert_gt(several, 5);
}

Test(sysreg, tge_sends_el0_traps_to_el2)
{
    file_open();
    file[SR_SCTLR_EL1] &= ~SCTLR_EL1_UCT;
    struct sysreg_query query = query_of(sysreg_row(SR_CTR_EL0)->key, 0, false);
    cr_assert_eq(sysreg_resolve(&query, file).kind, SYSREG_TARGET_TRAP_EL1);
    query.tge = true;
    cr_assert_eq(sysreg_resolve(&query, file).kind, SYSREG_TARGET_TRAP_EL2);
}

Test(sysreg, fpen_by_level)
{
    static const bool trapped[4][3] = {
        {true, true, false}, {true, false, false}, {true, true, false}, {false, false, false}};
    for (unsigned fpen = 0; fpen < 4; fpen++)
        for (unsigned el = 0; el < 3; el++) {
            file_open();
            file[SR_CPACR_EL1] = field_put(CPACR_EL1_FPEN, fpen);
            cr_assert_eq(resolve(sysreg_row(SR_FPCR)->key, el, true).trap == TRAP_FPEN,
                         trapped[fpen][el]);
        }
}

Test(sysreg, cntfrq_is_hidden_only_with_both_counters)
{
    uint16_t key = sysreg_row(SR_CNTFRQ_EL0)->key;
    for (unsigned bits = 0; bits < 4; bits++) {
        file_open();
        file[SR_CNTKCTL_EL1] = bits;
        bool trapped = resolve(key, 0, false).kind == SYSREG_TARGET_TRAP_EL1;
        cr_assert_eq(trapped, bits == 0);
    }
}

Test(sysreg, debug_traps_follow_tde_and_tge)
{
    uint16_t key = sysreg_row(SR_OSLSR_EL1)->key;
    file_open();
    file[SR_MDCR_EL2] = MDCR_EL2_TDE;
    cr_assert_eq(resolve(key, 1, false).trap, TRAP_TDOSA);
    cr_assert_eq(resolve(sysreg_row(SR_MDSCR_EL1)->key, 1, true).trap, TRAP_TDA);
    file[SR_MDCR_EL2] = 0;
    struct sysreg_query query = query_of(sysreg_row(SR_MDCCSR_EL0)->key, 0, false);
    cr_assert_eq(sysreg_resolve(&query, file).kind, SYSREG_TARGET_REGISTER);
    query.tge = true;
    cr_assert_eq(sysreg_resolve(&query, file).trap, TRAP_TDA);
}

Test(sysreg, implementation_defined_space)
{
    static const uint16_t keys[] = {SYSREG_KEY(3, 0, 11, 0, 0), SYSREG_KEY(3, 7, 15, 15, 7),
                                    SYSREG_KEY(1, 0, 15, 3, 2), SYSREG_KEY(1, 5, 11, 7, 1)};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        for (unsigned el = 0; el < 3; el++) {
            file_open();
            cr_assert_eq(resolve(keys[i], el, true).kind, SYSREG_TARGET_UNDEFINED);
            file[SR_HCR_EL2] = HCR_EL2_TIDCP;
            cr_assert_eq(resolve(keys[i], el, true).kind,
                         el == 1 ? SYSREG_TARGET_TRAP_EL2 : SYSREG_TARGET_UNDEFINED);
        }
    file_open();
    uint16_t cpuectlr = SYSREG_KEY(3, 1, 15, 2, 1);
    cr_assert_eq(resolve(cpuectlr, 1, false).kind, SYSREG_TARGET_REGISTER);
    file[SR_ACTLR_EL2] = 0;
    cr_assert_eq(resolve(cpuectlr, 1, true).trap, TRAP_ACTLR_EL2_1);
    file[SR_ACTLR_EL2] = ACTLR_EL2_CPUECTLR;
    cr_assert_eq(resolve(cpuectlr, 1, true).kind, SYSREG_TARGET_REGISTER);
    cr_assert_eq(resolve(cpuectlr, 0, true).kind, SYSREG_TARGET_UNDEFINED);
    file[SR_HCR_EL2] = HCR_EL2_TIDCP;
    cr_assert_eq(resolve(cpuectlr, 1, true).trap, TRAP_TIDCP);
    cr_assert_eq(resolve(cpuectlr, 2, true).kind, SYSREG_TARGET_REGISTER);
}

/* A field at a time: what a write of all ones and of all zeroes leaves; with all features, with
 * none, and with each and without each. */
Test(sysreg, reserved_and_fixed_bits)
{
    for (unsigned set_number = 0; set_number < 2 * SYSREG_FEATURE_COUNT + 2; set_number++) {
        uint32_t one_feature = (uint32_t)((UINT64_C(1) << set_number / 2) & all_features);
        uint32_t features = set_number & 1 ? one_feature : all_features & ~one_feature;
        for (enum sysreg reg = 0; reg < SYSREG_COUNT; reg++) {
            const struct sysreg_row *row = sysreg_row(reg);
            uint64_t set = sysreg_legal(reg, features, 0, UINT64_MAX);
            uint64_t clear = sysreg_legal(reg, features, UINT64_MAX, 0);
            uint64_t seen = 0;
            for (unsigned i = 0; i < row->field_count; i++) {
                const struct reg_field *f = &row->fields[i];
                uint64_t mask = bits_ones(f->high - f->low + 1u) << f->low;
                uint64_t absent = f->needs & ~features ? mask : 0;
                if (f->upper_needs & ~features)
                    absent |= mask & ~bits_ones((f->high + f->low + 1u) / 2);
                bool one = f->kind == REG_FIELD_RES1 || f->kind == REG_FIELD_FIXED1 ||
                           (absent != 0 && f->else_one);
                bool writable = f->kind == REG_FIELD_RW;
                uint64_t wanted = one ? mask : writable ? mask & ~absent : 0;
                cr_assert_eq(set & mask, wanted, "%s.%s", row->name, f->name);
                wanted = one ? mask : f->kind == REG_FIELD_RO ? mask & ~absent : 0;
                cr_assert_eq(clear & mask, wanted, "%s.%s", row->name, f->name);
                cr_assert_eq(seen & mask, 0);
                seen |= mask;
            }
            cr_assert(row->field_count == 0 || seen == UINT64_MAX, "%s", row->name);
        }
    }
}

/* Values that other documents and programs know. */
Test(sysreg, well_known_bits)
{
    cr_assert_eq(sysreg_legal(SR_SCTLR_EL1, 0, 0, 0), 0x30d00980);
    cr_assert_eq(sysreg_legal(SR_SCTLR_EL2, 0, 0, 0), 0x30c50830);
    cr_assert_eq(sysreg_legal(SR_HCR_EL2, 0, 0, 0), UINT64_C(1) << 31);
    cr_assert_eq(sysreg_legal(SR_CPTR_EL2, 0, 0, 0), 0x33ff);
    cr_assert_eq(sysreg_legal(SR_VTCR_EL2, 0, 0, 0), UINT64_C(1) << 31);
    cr_assert_eq(sysreg_legal(SR_TCR_EL2, 0, 0, 0), 0x80800000);
    cr_assert_eq(HCR_EL2_VM | HCR_EL2_FMO | HCR_EL2_IMO | HCR_EL2_AMO, 0x39);
    cr_assert_eq(HCR_EL2_TGE, UINT64_C(1) << 27);
    cr_assert_eq(sysreg_legal(SR_VTTBR_EL2, 0, 0, UINT64_MAX), UINT64_C(0x00fffffffffffffe));
    cr_assert_eq(sysreg_legal(SR_VTTBR_EL2, SYSREG_FEATURE_VMID16, 0, UINT64_MAX),
                 UINT64_C(0xfffffffffffffffe));
    cr_assert_eq(sysreg_legal(SR_CNTV_CTL_EL0, 0, 0, UINT64_MAX), 3);
}

/* Reset values and trap conditions only make sense on rows of the file. */
Test(sysreg, order_of_the_rows)
{
    for (enum sysreg reg = 0; reg < SYSREG_COUNT; reg++) {
        const struct sysreg_row *row = sysreg_row(reg);
        bool is_stored =
            row->kind == SYSREG_KIND_REG && !row->is_special && !row->is_unmodelled;
        cr_assert_eq(row->is_effective, reg < SYSREG_EFFECTIVE_COUNT, "%s", row->name);
        cr_assert_eq(is_stored, reg < SYSREG_STORED_COUNT, "%s", row->name);
    }
}

Test(model, widths_follow_the_configuration)
{
    const struct cpu_model *row = model_find("armv8.0");
    cr_assert_not_null(row);
    cr_assert_eq(model_at(0), row);
    cr_assert_null(model_find("armv0"));
    for (unsigned i = 0; i < 9; i++) {
        static const unsigned widths[] = {0, 8, 16};
        struct cpu_model model = model_configure(row, widths[i / 3], widths[i % 3]);
        unsigned vmid = i / 3 == 2 ? 16 : 8, asid = i % 3 == 1 ? 8 : 16;
        cr_assert_eq(model_vmid_bits(&model), vmid);
        cr_assert_eq(model_asid_bits(&model), asid);
        cr_assert_eq(field_get(ID_AA64MMFR1_EL1_VMIDBits,
                               model_value(&model, SR_ID_AA64MMFR1_EL1, 0, 0)),
                     vmid == 16 ? 2 : 0);
        cr_assert_eq(field_get(ID_AA64MMFR0_EL1_ASIDBits,
                               model_value(&model, SR_ID_AA64MMFR0_EL1, 0, 0)),
                     asid == 16 ? 2 : 0);
    }
}

Test(model, says_only_what_is_there)
{
    struct cpu_model model = model_configure(model_find("armv8.0"), 0, 0);
    cr_assert_eq(model_pa_bits(&model), 44);
    cr_assert_eq(model_value(&model, SR_MIDR_EL1, 0, 5), 0x411fd070);
    cr_assert_eq(model_value(&model, SR_MPIDR_EL1, 0, 5), 0x80000005);
    cr_assert_eq(model_value(&model, SR_ID_AA64PFR0_EL1, 0, 0), 0x00000111);
    cr_assert_eq(model_value(&model, SR_ID_AA64ISAR0_EL1, 0, 0), 0);
    uint64_t mmfr0 = model_value(&model, SR_ID_AA64MMFR0_EL1, 0, 0);
    cr_assert_eq(field_get(ID_AA64MMFR0_EL1_TGran4, mmfr0), 0);
    cr_assert_eq(field_get(ID_AA64MMFR0_EL1_TGran64, mmfr0), 0);
    cr_assert_eq(field_get(ID_AA64MMFR0_EL1_TGran16, mmfr0), 0);
    cr_assert_eq(model_granules(&model), MMU_GRANULE_4K | MMU_GRANULE_64K);
    cr_assert_eq(model_mmu_features(&model), 0);
    model = model_configure(model_find("neoverse-n1"), 0, 0);
    cr_assert_eq(model_pa_bits(&model), 48);
    cr_assert_eq(model_granules(&model), MMU_GRANULE_4K | MMU_GRANULE_16K | MMU_GRANULE_64K);
    cr_assert_eq(model_mmu_features(&model), MMU_FEATURE_AF | MMU_FEATURE_DIRTY |
                                                 MMU_FEATURE_XNX | MMU_FEATURE_HPD);
    model = model_configure(model_find("armv8.0"), 0, 0);
    cr_assert_eq(model_value(&model, SR_CCSIDR_EL1, 2, 0), 0x70ffe07a);
    cr_assert_eq(model_value(&model, SR_CCSIDR_EL1, 9, 0), 0);
}
