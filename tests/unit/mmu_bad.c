/*
 * Tables and registers as no software should leave them: tables that are their own next table,
 * tables outside memory, every encoding of the stage 2 registers; and what the feature flags change
 * in descriptors (XNX, hierarchical permission disables). Every walk ends, with a fault as
 * architected or a translation.
 */
#include <criterion/criterion.h>

#include "tests/unit/mmu_world.h"

#define VA0 UINT64_C(0x0000001234567000)
#define OUT UINT64_C(0x0000000080003000)
#define NOWHERE UINT64_C(0x10000000)

static struct world *w;

static void setup(void)
{
    w = world_new(256);
    w->registers.ttbr0_el1 = world_page(w);
    w->registers.ttbr1_el1 = world_page(w);
    w->registers.ttbr0_el2 = world_page(w);
    w->registers.vttbr_el2 = world_page(w);
}

static void teardown(void)
{
    world_free(w);
}

TestSuite(mmu_bad, .init = setup, .fini = teardown);

static struct walk walk_at(uint64_t va)
{
    struct mmu_request request = world_request(va, 1);
    struct walk walk = world_peek(w, REGIME_EL10, &request);
    struct translation t = world_go(w, 0, REGIME_EL10, &request);
    cr_assert(translation_same(&t, &walk.result));
    return walk;
}

/* Entry 5 of the root leads to the root: the last level takes it for a page. */
Test(mmu_bad, a_table_that_is_its_own_next)
{
    uint64_t root = w->registers.ttbr0_el1, *entry = world_descriptor(w, root + 5 * 8);
    uint64_t va = UINT64_C(5) << 30 | UINT64_C(5) << 21 | UINT64_C(5) << 12 | 0x28;
    *entry = root | 3;
    struct walk walk = walk_at(va);
    cr_assert_eq(walk.step_count, 3);
    cr_assert_eq(walk.result.fault.kind, FAULT_ACCESS_FLAG);
    cr_assert_eq(walk.result.fault.level, 3);
    *entry |= VMSA_LEAF_AF; /* a table ignores the bit */
    walk = walk_at(va);
    cr_assert_eq(walk.result.pa.bits, root + 0x28);
}

/* Stage 2 below itself, and stage 1 whose tables are those of stage 2. */
Test(mmu_bad, stage_2_that_is_its_own_next)
{
    uint64_t root = w->registers.vttbr_el2;
    w->registers.hcr_el2 = HCR_EL2_VM;
    for (unsigned i = 0; i < 512; i++)
        *world_descriptor(w, root + i * 8) = root | VMSA_S2_LEAF_S2AP | VMSA_LEAF_AF | 3;
    w->registers.ttbr0_el1 = root;
    struct walk walk = walk_at(VA0 + 8);
    cr_assert_leq(walk.step_count, WALK_STEP_MAX);
    cr_assert_eq(walk.result.fault.kind, FAULT_NONE);
    cr_assert_eq(walk.result.pa.bits, root + 8);
}

/* Each level's table in turn where there is no memory. */
Test(mmu_bad, tables_outside_memory)
{
    static const unsigned shifts[] = {30, 21};
    w->registers.ttbr0_el1 = NOWHERE;
    struct walk walk = walk_at(VA0);
    cr_assert_eq(walk.result.fault.kind, FAULT_EXTERNAL_ON_WALK);
    cr_assert_eq(walk.result.fault.level, 1);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t root = world_page(w);
        w->registers.ttbr0_el1 = root;
        uint64_t pa = world_map(w, root, 1, VA0, i + 1, NOWHERE | 3, 0);
        cr_assert_eq(pa & 0xfff, (VA0 >> shifts[i] & 511) * 8);
        w->registers.ttbr0_el1 |= (uint64_t)(i + 1) << 48;
        world_tlbi(w, 0, TLBI_ALLE1, 0, TLBI_LOCAL);
        world_dsb(w, 0, true);
        mmu_synchronize(&w->mmu[0]);
        walk = walk_at(VA0);
        cr_assert_eq(walk.result.fault.kind, FAULT_EXTERNAL_ON_WALK);
        cr_assert_eq(walk.result.fault.level, i + 2);
        cr_assert_eq(walk.result.fault.stage, 1);
    }
}

/* Under stage 2: the table of stage 1 is mapped to nowhere, then stage 2's own is there. */
Test(mmu_bad, tables_outside_memory_under_stage_2)
{
    uint64_t root = w->registers.vttbr_el2;
    w->registers.hcr_el2 = HCR_EL2_VM;
    uint64_t ipa = w->registers.ttbr0_el1;
    uint64_t pa = world_map2(w, root, ipa, NOWHERE);
    struct walk walk = walk_at(VA0);
    cr_assert_eq(walk.result.fault.kind, FAULT_EXTERNAL_ON_WALK);
    cr_assert_eq(walk.result.fault.stage, 1);
    cr_assert_eq(walk.result.fault.level, 1);
    *world_descriptor(w, root + (ipa >> 30) * 8) = NOWHERE | 3;
    cr_assert_neq(pa, 0);
    world_tlbi(w, 0, TLBI_ALLE1, 0, TLBI_LOCAL);
    world_dsb(w, 0, true);
    mmu_synchronize(&w->mmu[0]);
    walk = walk_at(VA0);
    cr_assert_eq(walk.result.fault.kind, FAULT_EXTERNAL_ON_WALK);
    cr_assert_eq(walk.result.fault.stage, 2);
    cr_assert_eq(walk.result.fault.s1ptw, 1);
    cr_assert_eq(walk.result.fault.level, 2);
}

/* AArch64.S2StartLevel and its companions said again, by the bits that a start level resolves. */
static int start_of(unsigned page_log2, unsigned sl0, unsigned t0sz, unsigned pa_bits)
{
    unsigned stride = page_log2 - 3, bits = 64 - t0sz;
    if (t0sz < 16 || t0sz > 39 || bits > pa_bits || sl0 == 3)
        return -1;
    unsigned level = (page_log2 == 12 ? 2 : 3) - sl0;
    if (sl0 == 2 && pa_bits < (page_log2 == 14 ? 42u : 44u))
        return -1;
    unsigned below = page_log2 + (3 - level) * stride; /* resolved below the start */
    return bits >= below + 1 && bits <= below + stride + 4 ? (int)level : -1;
}

Test(mmu_bad, every_encoding_of_vtcr)
{
    static const uint8_t sizes[] = {32, 36, 40, 42, 44, 48}, pages[4] = {12, 16, 14, 12};
    unsigned legal = 0;
    w->config.granules = MMU_GRANULE_4K | MMU_GRANULE_16K | MMU_GRANULE_64K;
    w->registers.hcr_el2 = HCR_EL2_VM;
    w->registers.sctlr_el1 = 0;
    w->registers.vttbr_el2 = NOWHERE;
    for (size_t s = 0; s < ARRAY_COUNT(sizes); s++)
        for (unsigned tg = 0; tg < 4; tg++)
            for (unsigned sl0 = 0; sl0 < 4; sl0++)
                for (unsigned t0sz = 0; t0sz < 64; t0sz++) {
                    w->config.pa_bits = sizes[s];
                    w->registers.vtcr_el2 =
                        field_put(VTCR_EL2_TG0, tg) | field_put(VTCR_EL2_SL0, sl0) |
                        field_put(VTCR_EL2_T0SZ, t0sz) | field_put(VTCR_EL2_PS, 7);
                    int level = start_of(pages[tg], sl0, t0sz, sizes[s]);
                    struct walk walk = walk_at(0x1000);
                    const struct fault *f = &walk.result.fault;
                    cr_assert_eq(f->stage, 2);
                    cr_assert_eq(f->kind, level < 0 ? FAULT_TRANSLATION : FAULT_EXTERNAL_ON_WALK,
                                 "TG %u SL0 %u T0SZ %u PA %u", tg, sl0, t0sz, sizes[s]);
                    cr_assert_eq(f->level, level < 0 ? 0 : level);
                    legal += level >= 0;
                }
    cr_assert_gt(legal, 300);
}

/* XN[1:0] of stage 2: with XNX EL1 and EL0 are forbidden one by one. */
Test(mmu_bad, xnx)
{
    static const bool el1[2][4] = {{true, true, false, false}, {true, false, false, true}};
    static const bool el0[2][4] = {{true, true, false, false}, {true, true, false, false}};
    w->registers.hcr_el2 = HCR_EL2_VM;
    w->registers.sctlr_el1 = 0;
    for (unsigned xnx = 0; xnx < 2; xnx++)
        for (unsigned xn = 0; xn < 4; xn++)
            for (unsigned el = 0; el < 2; el++) {
                w->config.features = xnx ? MMU_FEATURE_XNX : 0;
                uint64_t ipa = UINT64_C(0x50000000) + (xn << 12);
                world_map(w, w->registers.vttbr_el2, 1, ipa, 3,
                          OUT | WORLD_LEAF2 | WORLD_PAGE | field_put(VMSA_S2_LEAF_XN, xn), 0);
                struct mmu_request request = world_request(ipa, el);
                request.kind = ACCESS_FETCH;
                struct walk walk = world_peek(w, REGIME_EL10, &request);
                bool may = el ? el1[xnx][xn] : el0[xnx][xn];
                cr_assert_eq(walk.result.fault.kind, may ? FAULT_NONE : FAULT_PERMISSION,
                             "XNX %u XN %u EL%u", xnx, xn, el);
            }
}

/* TCR_ELx.HPDn: limits of the tables of that range count no more, with the feature. */
Test(mmu_bad, hierarchical_permissions_switched_off)
{
    const uint64_t upper = UINT64_C(0xffffff8000005000);
    const uint64_t limits =
        field_put(VMSA_TABLE_APTABLE, 3) | VMSA_TABLE_UXNTABLE | VMSA_TABLE_PXNTABLE;
    const uint64_t leaf = OUT | WORLD_LEAF1 | WORLD_PAGE | field_put(VMSA_LEAF_AP, 3);
    world_map(w, w->registers.ttbr0_el1, 1, VA0, 3, leaf, limits);
    world_map(w, w->registers.ttbr1_el1, 1, upper & bits_ones(39), 3, leaf, limits);
    world_map(w, w->registers.ttbr0_el2, 1, VA0, 3, leaf & ~field_put(VMSA_LEAF_AP, 2), limits);
    for (unsigned bits = 0; bits < 16; bits++) {
        bool has = bits & 1, hpd0 = bits & 2, hpd1 = bits & 4, hpd = bits & 8;
        w->config.features = has ? MMU_FEATURE_HPD : 0;
        uint64_t t = w->registers.tcr_el1 & ~(TCR_EL1_HPD0 | TCR_EL1_HPD1);
        w->registers.tcr_el1 = t | (hpd0 ? TCR_EL1_HPD0 : 0) | (hpd1 ? TCR_EL1_HPD1 : 0);
        w->registers.tcr_el2 &= ~TCR_EL2_HPD;
        w->registers.tcr_el2 |= hpd ? TCR_EL2_HPD : 0;
        struct mmu_request request = world_request(VA0, 1);
        uint8_t full = PERMIT_READ | PERMIT_READ_EL0 | PERMIT_FETCH | PERMIT_FETCH_EL0;
        cr_assert_eq(world_peek(w, REGIME_EL10, &request).result.permissions,
                     has && hpd0 ? full : PERMIT_READ, "bits %u", bits);
        request.va = va_make(upper);
        cr_assert_eq(world_peek(w, REGIME_EL10, &request).result.permissions,
                     has && hpd1 ? full : PERMIT_READ, "bits %u", bits);
        request = world_request(VA0, 2);
        cr_assert_eq(world_peek(w, REGIME_EL2, &request).result.permissions,
                     has && hpd ? PERMIT_READ | PERMIT_WRITE | PERMIT_FETCH : PERMIT_READ);
    }
}
