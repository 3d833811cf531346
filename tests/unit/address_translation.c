/*
 * AT instructions: PAR_EL1 bit by bit for successes and faults of either stage, with stages off,
 * default cacheability, and where an exception is taken instead of an answer.
 */
#include "tests/unit/core_world.h"

#include "cpu/maintenance.h"
#include "cpu/syndrome.h"
#include "cpu/sysreg.h"
#include "gen/esr.h"
#include "gen/vmsa.h"

#define RAM UINT64_C(0x40000000)
#define RAM_PAGES 32u
#define LEAF (VMSA_LEAF_AF | field_put(VMSA_LEAF_SH, 3) | 3u)
#define LEAF2 (VMSA_S2_LEAF_AF | VMSA_S2_LEAF_S2AP | VMSA_S2_LEAF_MEMATTR | 3u)
#define EL0_TOO UINT64_C(0x40)   /* AP[1] */
#define READ_ONLY UINT64_C(0x80) /* AP[2] */

/* Tables: stage 1 in pages 0..2, that of EL2 in 3..5, stage 2 in 8..10. */
static uint64_t ram[RAM_PAGES][512];

static bool ram_has(uint64_t pa)
{
    return pa >= RAM && pa - RAM < sizeof ram;
}

static enum port_result ram_read(void *owner, const struct access *access, uint64_t value[2])
{
    (void)owner;
    if (!ram_has(access->pa.bits))
        return PORT_EXTERNAL_ABORT;
    value[0] = ((const uint64_t *)ram)[(access->pa.bits - RAM) / 8];
    return PORT_OK;
}

static uint64_t page_at(unsigned n)
{
    return RAM + n * PAGE_BYTES;
}

/* VA n << 12 below the level 3 table in a page of ram. */
static void map1(unsigned n, uint64_t leaf)
{
    ram[2][n] = leaf;
}

/* IPA 2 GiB + n << 12. */
static void map2(unsigned n, uint64_t leaf)
{
    ram[10][n] = leaf;
}

#define IPA(n) (UINT64_C(0x80000000) + ((uint64_t)(n) << PAGE_SHIFT))
#define OUT(n) (UINT64_C(0xc0000000) + ((uint64_t)(n) << PAGE_SHIFT))

static struct core_world *at_world(unsigned el)
{
    struct core_world *w = world_new(2);
    memset(ram, 0, sizeof ram);
    w->port.read = ram_read;
    w->cpu.el = (uint8_t)el;
    uint64_t t0sz = field_put(TCR_EL1_T0SZ, 25);
    world_set(w, SR_TCR_EL1,
              t0sz | field_put(TCR_EL1_T1SZ, 25) | field_put(TCR_EL1_TG1, 2) |
                  field_put(TCR_EL1_IPS, 4));
    world_set(w, SR_TCR_EL2, t0sz | field_put(TCR_EL2_PS, 4));
    world_set(w, SR_MAIR_EL1, 0x0c4404ff);
    world_set(w, SR_MAIR_EL2, 0x0c4404ff);
    world_set(w, SR_TTBR0_EL1, page_at(0));
    world_set(w, SR_TTBR0_EL2, page_at(0));
    world_set(w, SR_SCTLR_EL1, SCTLR_EL1_M | SCTLR_EL1_C | SCTLR_EL1_I);
    world_set(w, SR_SCTLR_EL2, SCTLR_EL2_M | SCTLR_EL2_C | SCTLR_EL2_I);
    world_set(w, SR_HCR_EL2, HCR_EL2_RW);
    world_set(w, SR_VTTBR_EL2, page_at(8));
    world_set(w, SR_VTCR_EL2, t0sz | field_put(VTCR_EL2_SL0, 1) | field_put(VTCR_EL2_PS, 4));
    ram[0][0] = page_at(1) | 3;
    ram[1][0] = page_at(2) | 3;
    ram[8][1] = RAM | (LEAF2 & ~UINT64_C(2)); /* the tables themselves: a block of 1 GiB */
    ram[8][2] = page_at(9) | 3;
    ram[9][0] = page_at(10) | 3;
    return w;
}

static enum step at(struct core_world *w, enum sysreg operation, uint64_t va)
{
    return maintenance_execute(&w->core, operation, va);
}

static uint64_t done(uint64_t pa, unsigned attr, unsigned sh)
{
    return field_put(PAR_DONE_ATTR, attr) | pa | PAR_DONE_RES1 | PAR_DONE_NS |
           field_put(PAR_DONE_SH, sh);
}

static uint64_t fault1(unsigned code)
{
    return PAR_ABORT_F | PAR_ABORT_RES1 | field_put(PAR_ABORT_FST, code);
}

static uint64_t fault2(unsigned code, bool ptw)
{
    return fault1(code) | PAR_ABORT_S | field_put(PAR_ABORT_PTW, ptw);
}

/* From the EL that may, and the answer; a world that is used up. */
static void expect(struct core_world *w, enum sysreg operation, uint64_t va, uint64_t par)
{
    cr_assert_eq(at(w, operation, va), STEP_NEXT, "%s", sysreg_name(operation));
    cr_assert_eq(w->cpu.reg[SR_PAR_EL1], par, "%s %#lx: %#lx, not %#lx", sysreg_name(operation),
                 (unsigned long)va, (unsigned long)w->cpu.reg[SR_PAR_EL1], (unsigned long)par);
    cr_assert_eq(w->told[EVENT_EXC_TAKE], 0);
}

Test(address_translation, stage_1_of_each_level_and_right)
{
    static const struct {
        uint64_t leaf;
        uint8_t el0r, el0w, el1r, el1w, el2r, el2w; /* 1: permitted */
    } rows[] = {
        {0, 0, 0, 1, 1, 1, 1},
        {EL0_TOO, 1, 1, 1, 1, 1, 1},
        {READ_ONLY, 0, 0, 1, 0, 1, 0},
        {EL0_TOO | READ_ONLY, 1, 0, 1, 0, 1, 0},
        {EL0_TOO | VMSA_LEAF_UXN | VMSA_LEAF_PXN, 1, 1, 1, 1, 1, 1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct core_world *w = at_world(2);
        map1(5, OUT(5) | LEAF | rows[i].leaf);
        const struct {
            enum sysreg operation;
            uint8_t permitted;
        } ops[] = {{SR_AT_S1E0R, rows[i].el0r},  {SR_AT_S1E0W, rows[i].el0w},
                   {SR_AT_S1E1R, rows[i].el1r},  {SR_AT_S1E1W, rows[i].el1w},
                   {SR_AT_S1E2R, rows[i].el2r},  {SR_AT_S1E2W, rows[i].el2w},
                   {SR_AT_S12E0R, rows[i].el0r}, {SR_AT_S12E0W, rows[i].el0w},
                   {SR_AT_S12E1R, rows[i].el1r}, {SR_AT_S12E1W, rows[i].el1w}};
        for (size_t k = 0; k < ARRAY_COUNT(ops); k++)
            expect(w, ops[k].operation, 0x5678,
                   ops[k].permitted ? done(OUT(5), 0xff, 3) : fault1(FSC_PERMISSION_L1 + 2));
        world_free(w);
    }
}

Test(address_translation, memory_as_par_tells_it)
{
    static const struct {
        unsigned index, sh;
        uint64_t sctlr;
        unsigned attr, par_sh;
    } rows[] = {
        {0, 3, SCTLR_EL1_C, 0xff, 3}, {0, 2, SCTLR_EL1_C, 0xff, 2}, {0, 0, SCTLR_EL1_C, 0xff, 0},
        {1, 3, SCTLR_EL1_C, 0x04, 2}, {2, 3, SCTLR_EL1_C, 0x44, 2}, {3, 0, SCTLR_EL1_C, 0x0c, 2},
        {4, 0, SCTLR_EL1_C, 0x00, 2}, {0, 3, 0, 0x44, 2},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct core_world *w = at_world(1);
        world_set(w, SR_SCTLR_EL1, SCTLR_EL1_M | rows[i].sctlr);
        map1(5, (OUT(5) | LEAF | field_put(VMSA_LEAF_ATTRINDX, rows[i].index)) & ~VMSA_LEAF_SH);
        ram[2][5] |= field_put(VMSA_LEAF_SH, rows[i].sh);
        expect(w, SR_AT_S1E1R, 0x5ff0, done(OUT(5), rows[i].attr, rows[i].par_sh));
        world_free(w);
    }
}

Test(address_translation, faults_of_stage_1)
{
    struct core_world *w = at_world(2);
    expect(w, SR_AT_S1E1R, UINT64_C(1) << 39, fault1(FSC_TRANSLATION_L0));
    expect(w, SR_AT_S1E1R, UINT64_C(1) << 30, fault1(FSC_TRANSLATION_L1));
    expect(w, SR_AT_S1E1R, UINT64_C(1) << 21, fault1(FSC_TRANSLATION_L2));
    expect(w, SR_AT_S1E1R, 0x9000, fault1(FSC_TRANSLATION_L3));
    map1(6, (OUT(6) | LEAF) & ~VMSA_LEAF_AF);
    expect(w, SR_AT_S1E1R, 0x6000, fault1(FSC_ACCESS_FLAG_L1 + 2));
    map1(7, (UINT64_C(1) << 44) | LEAF);
    expect(w, SR_AT_S1E2R, 0x7000, fault1(FSC_ADDRESS_SIZE_L0 + 3));
    world_set(w, SR_TTBR0_EL2, UINT64_C(1) << 46);
    expect(w, SR_AT_S1E2W, 0x7000, fault1(FSC_ADDRESS_SIZE_L0));
    world_free(w);
}

/* Both stages: the IPA is the answer of S1, the PA that of S12; memory is combined. */
Test(address_translation, two_stages)
{
    for (unsigned vm = 0; vm < 2; vm++) {
        struct core_world *w = at_world(2);
        world_set(w, SR_HCR_EL2, HCR_EL2_RW | (vm ? HCR_EL2_VM : 0));
        map1(5, IPA(1) | LEAF | EL0_TOO);
        map2(1, OUT(3) | (LEAF2 & ~VMSA_S2_LEAF_MEMATTR) | field_put(VMSA_S2_LEAF_MEMATTR, 5));
        uint64_t s12 = vm ? done(OUT(3), 0x44, 2) : done(IPA(1), 0xff, 3);
        expect(w, SR_AT_S1E1R, 0x5123, done(IPA(1), 0xff, 3));
        expect(w, SR_AT_S1E0W, 0x5123, done(IPA(1), 0xff, 3));
        expect(w, SR_AT_S12E1R, 0x5123, s12);
        expect(w, SR_AT_S12E0W, 0x5123, s12);
        world_free(w);
    }
}

Test(address_translation, faults_of_stage_2)
{
    struct core_world *w = at_world(2);
    world_set(w, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_VM);
    map1(1, IPA(1) | LEAF);
    map1(2, IPA(2) | LEAF);
    map1(3, IPA(3) | LEAF);
    map1(4, IPA(4) | LEAF | READ_ONLY);
    map1(5, UINT64_C(0x100000000) | LEAF);
    map2(2, (OUT(2) | LEAF2) & ~VMSA_S2_LEAF_AF);
    map2(3, (OUT(3) | LEAF2) & ~VMSA_S2_LEAF_S2AP);
    expect(w, SR_AT_S12E1R, 0x1000, fault2(FSC_TRANSLATION_L3, false));
    expect(w, SR_AT_S12E1R, 0x2000, fault2(FSC_ACCESS_FLAG_L1 + 2, false));
    expect(w, SR_AT_S12E1R, 0x3000, fault2(FSC_PERMISSION_L1 + 2, false));
    expect(w, SR_AT_S12E1W, 0x4000, fault1(FSC_PERMISSION_L1 + 2)); /* stage 1 comes first */
    expect(w, SR_AT_S12E1R, 0x5000, fault2(FSC_TRANSLATION_L1, false));
    expect(w, SR_AT_S1E1R, 0x1000, done(IPA(1), 0xff, 3)); /* stage 2 is not asked for the IPA */
    ram[1][0] = IPA(9) | 3; /* the level 3 table is where stage 2 has nothing */
    world_set(w, SR_VTTBR_EL2, page_at(8) | UINT64_C(1) << 48);
    expect(w, SR_AT_S1E1R, 0x1000, fault2(FSC_TRANSLATION_L3, true));
    expect(w, SR_AT_S12E0R, 0x1000, fault2(FSC_TRANSLATION_L3, true));
    world_free(w);
}

/* Stage 1 off: the VA is the IPA, Device memory; HCR_EL2.DC makes it cacheable and stage 2 on. */
Test(address_translation, stages_that_are_off)
{
    struct core_world *w = at_world(2);
    world_set(w, SR_SCTLR_EL1, 0);
    expect(w, SR_AT_S1E1R, IPA(1) + 5, done(IPA(1), 0x00, 2));
    expect(w, SR_AT_S12E1W, IPA(1) + 5, done(IPA(1), 0x00, 2));
    expect(w, SR_AT_S1E1R, UINT64_C(1) << 44, fault1(FSC_ADDRESS_SIZE_L0));
    world_set(w, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_VM);
    map2(1, OUT(1) | LEAF2);
    expect(w, SR_AT_S1E1R, IPA(1) + 5, done(IPA(1), 0x00, 2));
    expect(w, SR_AT_S12E1W, IPA(1) + 5, done(OUT(1), 0x00, 2));
    expect(w, SR_AT_S12E1W, IPA(2), fault2(FSC_TRANSLATION_L3, false));
    world_set(w, SR_SCTLR_EL1, SCTLR_EL1_M); /* DC wins over M */
    world_set(w, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_DC);
    expect(w, SR_AT_S1E1R, IPA(1) + 5, done(IPA(1), 0xff, 0));
    expect(w, SR_AT_S12E1W, IPA(1) + 5, done(OUT(1), 0xff, 0));
    expect(w, SR_AT_S12E0R, IPA(2), fault2(FSC_TRANSLATION_L3, false));
    world_set(w, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_DC | HCR_EL2_CD);
    expect(w, SR_AT_S12E1W, IPA(1) + 5, done(OUT(1), 0x44, 2));
    world_free(w);
}

/* External aborts are exceptions, whoever asks; so are stage 2 faults on the walk, from EL1. */
Test(address_translation, exceptions_instead_of_an_answer)
{
    for (unsigned el = 1; el < 3; el++) {
        struct core_world *w = at_world(el);
        world_set(w, SR_PAR_EL1, 0x1234);
        ram[0][1] = UINT64_C(0x1000) | 3; /* no memory there */
        cr_assert_eq(at(w, SR_AT_S1E1R, UINT64_C(1) << 30), STEP_FAULT);
        cr_assert_eq(w->cpu.reg[SR_PAR_EL1], 0x1234);
        cr_assert_eq(w->core.fault.stage, 1);
        cr_assert_eq(syndrome_abort(&w->core.fault, 0),
                     (FSC_EXTERNAL_WALK_L0 + 2) | ISS_DATA_ABORT_CM | ISS_DATA_ABORT_WNR);
        world_set(w, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_VM);
        ram[8][1] = UINT64_C(0x2000) | 3; /* nor has the walk of stage 2 any */
        cr_assert_eq(at(w, SR_AT_S1E1R, 0x1000), STEP_FAULT);
        cr_assert_eq(w->core.fault.stage, 2);
        cr_assert_eq(w->core.fault.s1ptw, 1);
        cr_assert_eq(syndrome_abort(&w->core.fault, 0), (FSC_EXTERNAL_WALK_L0 + 2) |
                                                            ISS_DATA_ABORT_CM | ISS_DATA_ABORT_WNR |
                                                            ISS_DATA_ABORT_S1PTW);
        cr_assert_not(syndrome_ipa_is_valid(&w->core.fault));
        world_free(w);
    }
}
