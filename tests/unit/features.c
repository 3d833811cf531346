/*
 * Features of versions later than Armv8.0, where they do more than compute: atomic accesses
 * (alignment, permissions, monitors of other PEs), PSTATE.PAN and PSTATE.UAO, limited ordering
 * regions; that each is UNDEFINED without its feature; and that what a model's identification
 * registers say is what the model has. In both engines where instructions run.
 */
#include "cpu/sysreg.h"
#include "gen/esr.h"
#include "tests/diff/bare.h"

#include <criterion/criterion.h>
#include <string.h>

#define LDADD_X2_X3_X1 UINT32_C(0xf8220023)
#define SWPALH_W2_W3_X1 UINT32_C(0x78e28023)
#define CAS_X2_X3_X1 UINT32_C(0xc8a27c23)
#define CASP_X2_X4_X1 UINT32_C(0x48227c24)
#define CASP_X3_X4_X1 UINT32_C(0x48237c24)
#define LDAPR_X3_X1 UINT32_C(0xf8bfc023)
#define LDLAR_X3_X1 UINT32_C(0xc8df7c23)
#define STLLR_X3_X1 UINT32_C(0xc89f7c23)
#define LDR_X3_X1 UINT32_C(0xf9400023)
#define STR_X3_X1 UINT32_C(0xf9000023)
#define LDTR_X3_X1 UINT32_C(0xf8400823)
#define MSR_PAN_1 UINT32_C(0xd500419f)
#define MSR_UAO_1 UINT32_C(0xd500417f)
#define SVC_0 UINT32_C(0xd4000001)
#define ERET UINT32_C(0xd69f03e0)
#define USER (BARE_USER_BASE + 0x2000)
#define KERNEL (BARE_KERNEL_BASE + 0x6000)

#define ENGINES(kind) for (unsigned kind = 0; kind < 2; kind++)

/* A core at an Exception level with x1 as given. */
static struct bare *core_at(unsigned el, uint64_t x1)
{
    struct bare *b = bare_new();
    bare_enter(b, el, 0);
    b->cpu.x[1] = x1;
    return b;
}

static uint64_t esr(struct bare *b)
{
    return sysreg_get(&b->core, SR_ESR_EL1);
}

static void expect_abort(struct bare *b, unsigned status, bool is_write)
{
    uint64_t iss = esr(b);
    unsigned class = (unsigned)field_get(ESR_ELx_EC, iss);
    cr_expect(class == ESR_EC_DABT_SAME || class == ESR_EC_DABT_LOWER, "ESR %#lx", iss);
    cr_expect_eq(field_get(ISS_DATA_ABORT_DFSC, iss), status, "ESR %#lx", iss);
    cr_expect_eq((iss & ISS_DATA_ABORT_WNR) != 0, is_write, "ESR %#lx", iss);
    cr_expect_eq(iss & ISS_DATA_ABORT_ISV, 0, "ESR %#lx", iss);
    cr_expect_eq(sysreg_get(&b->core, SR_FAR_EL1), b->cpu.x[1]);
}

/* ---- Atomic accesses ---- */

Test(features, atomics_are_aligned_whatever_sctlr_says)
{
    static const struct {
        uint32_t word, offset;
    } rows[] = {{LDADD_X2_X3_X1, 4}, {SWPALH_W2_W3_X1, 1}, {CAS_X2_X3_X1, 1}, {CASP_X2_X4_X1, 8}};
    ENGINES(kind)
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct bare *b = core_at(1, KERNEL + rows[i].offset);
        memset(b->kernel + 0x6000, 0x5a, 32);
        bare_step(b, (enum engine_kind)kind, rows[i].word);
        expect_abort(b, FSC_ALIGNMENT, false);
        cr_expect_eq(b->kernel[0x6000 + rows[i].offset], 0x5a);
        bare_free(b);
    }
}

/* Level 1 block of the user memory becomes read-only. */
static void make_read_only(struct bare *b)
{
    uint64_t block;
    memcpy(&block, b->kernel, sizeof block);
    block |= UINT64_C(0x80);
    memcpy(b->kernel, &block, sizeof block);
}

Test(features, atomics_write_also_when_they_would_not)
{
    ENGINES(kind) {
        struct bare *b = core_at(1, USER);
        make_read_only(b);
        b->cpu.x[2] = 99; /* CAS will not compare equal: memory is 0 */
        bare_step(b, (enum engine_kind)kind, CAS_X2_X3_X1);
        expect_abort(b, FSC_PERMISSION_L1, true); /* a read would have been permitted */
        cr_expect_eq(b->cpu.x[2], 99);
        bare_free(b);
        b = core_at(0, KERNEL); /* EL0 may neither read nor write */
        bare_step(b, (enum engine_kind)kind, LDADD_X2_X3_X1);
        expect_abort(b, FSC_PERMISSION_L1, false);
        bare_free(b);
    }
}

Test(features, pairs_begin_at_even_registers)
{
    ENGINES(kind) {
        struct bare *b = core_at(1, KERNEL);
        bare_step(b, (enum engine_kind)kind, CASP_X3_X4_X1);
        cr_expect_eq(field_get(ESR_ELx_EC, esr(b)), ESR_EC_UNKNOWN);
        bare_free(b);
        b = core_at(1, KERNEL);
        b->cpu.x[4] = 11;
        b->cpu.x[5] = 22;
        bare_step(b, (enum engine_kind)kind, CASP_X2_X4_X1);
        uint64_t pair[2];
        memcpy(pair, b->kernel + 0x6000, sizeof pair);
        cr_expect(pair[0] == 11 && pair[1] == 22);
        bare_free(b);
    }
}

Test(features, a_row_without_its_feature_is_undefined)
{
    static const struct {
        uint32_t word, feature;
    } rows[] = {
        {LDADD_X2_X3_X1, SYSREG_FEATURE_LSE}, {CAS_X2_X3_X1, SYSREG_FEATURE_LSE},
        {CASP_X2_X4_X1, SYSREG_FEATURE_LSE},  {SWPALH_W2_W3_X1, SYSREG_FEATURE_LSE},
        {LDAPR_X3_X1, SYSREG_FEATURE_RCPC},   {LDLAR_X3_X1, SYSREG_FEATURE_LOR},
        {STLLR_X3_X1, SYSREG_FEATURE_LOR},    {MSR_PAN_1, SYSREG_FEATURE_PAN},
        {MSR_UAO_1, SYSREG_FEATURE_UAO},      {0x9ac34c41 /* crc32x */, SYSREG_FEATURE_CRC32},
        {0xd50b7c21 /* dc cvap, x1 */, SYSREG_FEATURE_DPB},
        {0xd538a460 /* mrs x0, LORC_EL1 */, SYSREG_FEATURE_LOR},
        {0xd5384260 /* mrs x0, PAN */, SYSREG_FEATURE_PAN},
        {0xd5087901 /* at s1e1rp, x1 */, SYSREG_FEATURE_PAN},
    };
    ENGINES(kind)
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct bare *b = core_at(1, KERNEL);
        bare_step(b, (enum engine_kind)kind, rows[i].word);
        cr_expect_eq(b->cpu.pc, BARE_CODE + 4, "%08x with its feature", rows[i].word);
        b->model.features &= ~rows[i].feature;
        bare_enter(b, 1, 0);
        bare_step(b, (enum engine_kind)kind, rows[i].word);
        cr_expect_eq(field_get(ESR_ELx_EC, esr(b)), ESR_EC_UNKNOWN, "%08x", rows[i].word);
        cr_expect_eq(sysreg_get(&b->core, SR_ELR_EL1), BARE_CODE, "%08x", rows[i].word);
        bare_free(b);
    }
}

/* ---- PAN and UAO ---- */

Test(features, pan_forbids_el1_what_el0_may)
{
    ENGINES(kind)
    for (unsigned warm = 0; warm < 2; warm++) {
        static const uint32_t words[] = {LDR_X3_X1, STR_X3_X1, LDADD_X2_X3_X1};
        for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
            struct bare *b = core_at(1, USER);
            if (warm) { /* a host pointer or TLB entry must not pass PAN by */
                bare_step(b, (enum engine_kind)kind, words[i]);
                cr_assert_eq(b->cpu.pc, BARE_CODE + 4);
            }
            bare_step(b, (enum engine_kind)kind, MSR_PAN_1);
            bare_step(b, (enum engine_kind)kind, words[i]);
            expect_abort(b, FSC_PERMISSION_L1, words[i] == STR_X3_X1);
            cr_expect(sysreg_get(&b->core, SR_SPSR_EL1) & SPSR_PAN);
            bare_free(b);
        }
    }
}

Test(features, pan_leaves_the_rest_alone)
{
    ENGINES(kind) {
        struct bare *b = core_at(1, KERNEL);
        bare_step(b, (enum engine_kind)kind, MSR_PAN_1);
        bare_step(b, (enum engine_kind)kind, STR_X3_X1); /* EL0 may not: EL1 may */
        cr_expect_eq(b->cpu.pc, BARE_CODE + 4);
        b->cpu.x[1] = USER;
        bare_step(b, (enum engine_kind)kind, LDTR_X3_X1); /* as EL0 */
        cr_expect_eq(b->cpu.pc, BARE_CODE + 4);
        bare_step(b, (enum engine_kind)kind, 0xd50b7e21 /* dc civac, x1 */);
        cr_expect_eq(b->cpu.pc, BARE_CODE + 4);
        bare_step(b, (enum engine_kind)kind, 0xd5087801 /* at s1e1r, x1 */);
        cr_expect_eq(sysreg_get(&b->core, SR_PAR_EL1) & PAR_DONE_F, 0);
        bare_step(b, (enum engine_kind)kind, 0xd5087901 /* at s1e1rp, x1 */);
        cr_expect_eq(sysreg_get(&b->core, SR_PAR_EL1) & PAR_ABORT_F, 1);
        sysreg_set(&b->core, SR_SCTLR_EL1, sysreg_get(&b->core, SR_SCTLR_EL1) & ~SCTLR_EL1_M);
        core_synchronize(&b->core);
        bare_step(b, (enum engine_kind)kind, LDR_X3_X1); /* no stage 1, no PAN */
        cr_expect_eq(b->cpu.pc, BARE_CODE + 4);
        bare_free(b);
    }
}

Test(features, uao_makes_unprivileged_accesses_plain)
{
    ENGINES(kind) {
        struct bare *b = core_at(1, KERNEL);
        bare_step(b, (enum engine_kind)kind, LDTR_X3_X1);
        expect_abort(b, FSC_PERMISSION_L1, false);
        bare_free(b);
        b = core_at(1, KERNEL);
        bare_step(b, (enum engine_kind)kind, MSR_UAO_1);
        bare_step(b, (enum engine_kind)kind, LDTR_X3_X1);
        cr_expect_eq(b->cpu.pc, BARE_CODE + 4);
        b->cpu.x[1] = USER;
        bare_step(b, (enum engine_kind)kind, MSR_PAN_1);
        bare_step(b, (enum engine_kind)kind, LDTR_X3_X1); /* now it is EL1's, and PAN forbids it */
        expect_abort(b, FSC_PERMISSION_L1, false);
        cr_expect_eq(sysreg_get(&b->core, SR_SPSR_EL1) & (SPSR_PAN | SPSR_UAO),
                     SPSR_PAN | SPSR_UAO);
        bare_free(b);
    }
}

Test(features, exceptions_set_pan_and_clear_uao)
{
    ENGINES(kind)
    for (unsigned span = 0; span < 2; span++) {
        struct bare *b = core_at(0, 0);
        uint64_t sctlr = sysreg_get(&b->core, SR_SCTLR_EL1) & ~SCTLR_EL1_SPAN;
        sysreg_set(&b->core, SR_SCTLR_EL1, sctlr | field_put(SCTLR_EL1_SPAN, span));
        core_synchronize(&b->core);
        b->cpu.access = PSTATE_UAO;
        bare_step(b, (enum engine_kind)kind, SVC_0);
        cr_expect_eq(b->cpu.access, span ? 0 : PSTATE_PAN);
        cr_expect_eq(sysreg_get(&b->core, SR_SPSR_EL1) & (SPSR_PAN | SPSR_UAO), SPSR_UAO);
        bare_step(b, (enum engine_kind)kind, ERET);
        cr_expect_eq(b->cpu.access, PSTATE_UAO);
        bare_free(b);
    }
}

/* ---- Limited ordering regions ---- */

Test(features, lorc_selects_the_descriptor)
{
    struct bare *b = core_at(1, 0);
    struct core *c = &b->core;
    for (uint64_t n = 0; n < 6; n++) {
        sysreg_set(c, SR_LORC_EL1, field_put(LORC_EL1_DS, n));
        sysreg_set(c, SR_LORSA_EL1, n << 16 | 1);
        sysreg_set(c, SR_LOREA_EL1, (n + 1) << 16);
        sysreg_set(c, SR_LORN_EL1, n);
    }
    for (uint64_t n = 0; n < 6; n++) {
        sysreg_set(c, SR_LORC_EL1, field_put(LORC_EL1_DS, n));
        bool exists = n < field_get(LORID_EL1_LD, sysreg_get(c, SR_LORID_EL1));
        cr_expect_eq(sysreg_get(c, SR_LORSA_EL1), exists ? n << 16 | 1 : 0);
        cr_expect_eq(sysreg_get(c, SR_LOREA_EL1), exists ? (n + 1) << 16 : 0);
        cr_expect_eq(sysreg_get(c, SR_LORN_EL1), exists ? n : 0);
    }
    bare_free(b);
}

/* ---- Models ---- */

/* A feature and the field that tells of it. */
static const struct claim {
    uint32_t feature;
    enum sysreg reg;
    uint64_t mask, there, absent;
} claims[] = {
    {SYSREG_FEATURE_FP, SR_ID_AA64PFR0_EL1, ID_AA64PFR0_EL1_FP, 0, 15},
    {SYSREG_FEATURE_FP, SR_ID_AA64PFR0_EL1, ID_AA64PFR0_EL1_AdvSIMD, 0, 15},
    {SYSREG_FEATURE_CRC32, SR_ID_AA64ISAR0_EL1, ID_AA64ISAR0_EL1_CRC32, 1, 0},
    {SYSREG_FEATURE_SHA1, SR_ID_AA64ISAR0_EL1, ID_AA64ISAR0_EL1_SHA1, 1, 0},
    {SYSREG_FEATURE_SHA256, SR_ID_AA64ISAR0_EL1, ID_AA64ISAR0_EL1_SHA2, 1, 0},
    {SYSREG_FEATURE_PMULL, SR_ID_AA64ISAR0_EL1, ID_AA64ISAR0_EL1_AES, 2, 0},
    {SYSREG_FEATURE_AES, SR_ID_AA64ISAR0_EL1, ID_AA64ISAR0_EL1_AES, 2, 0},
    {SYSREG_FEATURE_RDM, SR_ID_AA64ISAR0_EL1, ID_AA64ISAR0_EL1_RDM, 1, 0},
    {SYSREG_FEATURE_LSE, SR_ID_AA64ISAR0_EL1, ID_AA64ISAR0_EL1_Atomic, 2, 0},
    {SYSREG_FEATURE_RCPC, SR_ID_AA64ISAR1_EL1, ID_AA64ISAR1_EL1_LRCPC, 1, 0},
    {SYSREG_FEATURE_DPB, SR_ID_AA64ISAR1_EL1, ID_AA64ISAR1_EL1_DPB, 1, 0},
    {SYSREG_FEATURE_PAN, SR_ID_AA64MMFR1_EL1, ID_AA64MMFR1_EL1_PAN, 2, 0},
    {SYSREG_FEATURE_LOR, SR_ID_AA64MMFR1_EL1, ID_AA64MMFR1_EL1_LO, 1, 0},
    {SYSREG_FEATURE_HAFDBS, SR_ID_AA64MMFR1_EL1, ID_AA64MMFR1_EL1_HAFDBS, 2, 0},
    {SYSREG_FEATURE_HPDS, SR_ID_AA64MMFR1_EL1, ID_AA64MMFR1_EL1_HPDS, 2, 0},
    {SYSREG_FEATURE_XNX, SR_ID_AA64MMFR1_EL1, ID_AA64MMFR1_EL1_XNX, 1, 0},
    {SYSREG_FEATURE_UAO, SR_ID_AA64MMFR2_EL1, ID_AA64MMFR2_EL1_UAO, 1, 0},
    {SYSREG_FEATURE_CNP, SR_ID_AA64MMFR2_EL1, ID_AA64MMFR2_EL1_CnP, 1, 0},
    {SYSREG_FEATURE_VMID16, SR_ID_AA64MMFR1_EL1, ID_AA64MMFR1_EL1_VMIDBits, 2, 0},
    {SYSREG_FEATURE_ASID16, SR_ID_AA64MMFR0_EL1, ID_AA64MMFR0_EL1_ASIDBits, 2, 0},
    {SYSREG_FEATURE_PMU, SR_ID_AA64DFR0_EL1, ID_AA64DFR0_EL1_PMUVer, 1, 0},
    {SYSREG_FEATURE_BIGEND, SR_ID_AA64MMFR0_EL1, ID_AA64MMFR0_EL1_BigEnd, 1, 0},
};

/* Fields of what no model has. */
static const struct {
    enum sysreg reg;
    uint64_t mask, absent;
} never[] = {
    {SR_ID_AA64PFR0_EL1, ID_AA64PFR0_EL1_SVE, 0},
    {SR_ID_AA64PFR0_EL1, ID_AA64PFR0_EL1_RAS, 0},
    {SR_ID_AA64PFR0_EL1, ID_AA64PFR0_EL1_GIC, 0},
    {SR_ID_AA64PFR0_EL1, ID_AA64PFR0_EL1_EL3, 0},
    {SR_ID_AA64PFR0_EL1, ID_AA64PFR0_EL1_EL1, 1},
    {SR_ID_AA64DFR0_EL1, ID_AA64DFR0_EL1_PMSVer, 0},
    {SR_ID_AA64DFR0_EL1, ID_AA64DFR0_EL1_TraceVer, 0},
    {SR_ID_AA64ISAR0_EL1, ID_AA64ISAR0_EL1_DP, 0},
    {SR_ID_AA64MMFR0_EL1, ID_AA64MMFR0_EL1_TGran4, 0},
    {SR_ID_AA64MMFR0_EL1, ID_AA64MMFR0_EL1_TGran64, 0},
    {SR_ID_AA64MMFR1_EL1, ID_AA64MMFR1_EL1_VH, 0},
};

Test(features, identification_says_what_is_there)
{
    const struct cpu_model *model;
    unsigned n = 0;
    for (; (model = model_at(n)) != NULL; n++) {
        for (size_t i = 0; i < ARRAY_COUNT(claims); i++) {
            const struct claim *k = &claims[i];
            uint64_t said = field_get(k->mask, model_value(model, k->reg, 0, 0));
            bool has = (model->features & k->feature) != 0;
            bool is_pmuv81 = (model->features & SYSREG_FEATURE_PMUV81) != 0;
            if (k->feature == SYSREG_FEATURE_PMU && is_pmuv81)
                said -= 3; /* PMUVer of Armv8.1 is 4 */
            cr_expect_eq(said, has ? k->there : k->absent, "%s: %s, mask %#lx", model->name,
                         sysreg_name(k->reg), (unsigned long)k->mask);
        }
        for (size_t i = 0; i < ARRAY_COUNT(never); i++)
            cr_expect_eq(field_get(never[i].mask, model_value(model, never[i].reg, 0, 0)),
                         never[i].absent, "%s: %s", model->name, sysreg_name(never[i].reg));
        cr_expect_eq(model->features & SYSREG_FEATURE_AARCH32, 0);
        struct timing timing = timing_make(model->name, false);
        cr_expect_gt(timing.instruction[A64_CLASS_ALU], 0);
    }
    cr_expect_geq(n, 5);
}
