/*
 * Granules of 4, 16 and 64 KiB: encodings of TG0 and TG1, what an absent granule becomes, start
 * levels over the whole range of TxSZ, pages and blocks, stage 2 start levels and concatenation,
 * tables whose pages stage 2 maps one by one, and stages with different granules.
 */
#include <criterion/criterion.h>

#include "tests/unit/mmu_world.h"

#define ALL_GRANULES (MMU_GRANULE_4K | MMU_GRANULE_16K | MMU_GRANULE_64K)
#define OUT UINT64_C(0x80000000)

static struct world *w;

static void setup(void)
{
    w = world_new(512);
    w->config.pa_bits = 48;
    w->config.granules = ALL_GRANULES;
    w->registers.mair_el1 = 0xff;
}

static void teardown(void)
{
    world_free(w);
}

TestSuite(mmu_granule, .init = setup, .fini = teardown);

static const struct {
    unsigned page_log2, tg0, tg1;
} granules[] = {{12, 0, 2}, {14, 2, 1}, {16, 1, 3}};

static unsigned shift_of(unsigned page_log2, unsigned level)
{
    return page_log2 + (page_log2 - 3) * (3 - level);
}

/* Both ways, which must agree, on a TLB that has forgotten everything. */
static struct translation translate(enum regime_kind kind, const struct mmu_request *request)
{
    struct walk walk = world_peek(w, kind, request);
    world_tlbi(w, 0, TLBI_ALLE1, 0, TLBI_LOCAL);
    world_tlbi(w, 0, TLBI_ALLE2, 0, TLBI_LOCAL);
    world_dsb(w, 0, true);
    mmu_synchronize(&w->mmu[0]);
    struct translation t = world_go(w, 0, kind, request);
    cr_assert(translation_same(&t, &walk.result));
    struct translation again = world_go(w, 0, kind, request);
    cr_assert(translation_same(&t, &again));
    return t;
}

static struct translation read_at(uint64_t va)
{
    struct mmu_request request = world_request(va, 1);
    return translate(REGIME_EL10, &request);
}

Test(mmu_granule, encodings_of_both_fields)
{
    static const uint8_t tg0[4] = {12, 16, 14, 12}, tg1[4] = {12, 14, 12, 16};
    for (unsigned there = 1; there < 8; there++) {
        w->config.granules = (uint8_t)there;
        unsigned smallest = there & 1 ? 12 : there & 2 ? 14 : 16;
        for (unsigned tg = 0; tg < 4; tg++) {
            w->registers.tcr_el1 = field_put(TCR_EL1_TG0, tg) | field_put(TCR_EL1_TG1, tg);
            w->registers.tcr_el2 = field_put(TCR_EL2_TG0, tg);
            w->registers.vtcr_el2 = field_put(VTCR_EL2_TG0, tg);
            w->registers.hcr_el2 = HCR_EL2_VM;
            struct regime r = world_regime(w, REGIME_EL10);
            bool has0 = tg != 3 && there & 1u << (tg0[tg] - 12) / 2;
            bool has1 = tg != 0 && there & 1u << (tg1[tg] - 12) / 2;
            cr_assert_eq(r.page_log2[0], has0 ? tg0[tg] : smallest, "%u TG0 %u", there, tg);
            cr_assert_eq(r.page_log2[1], has1 ? tg1[tg] : smallest, "%u TG1 %u", there, tg);
            cr_assert_eq(r.page2_log2, has0 ? tg0[tg] : smallest);
            r = world_regime(w, REGIME_EL2);
            cr_assert_eq(r.page_log2[0], has0 ? tg0[tg] : smallest);
        }
    }
}

/* Every TxSZ of every granule, both ranges: the start level, the reads and the result. */
Test(mmu_granule, start_levels_over_the_whole_range)
{
    for (size_t g = 0; g < ARRAY_COUNT(granules); g++) {
        unsigned page_log2 = granules[g].page_log2, stride = page_log2 - 3;
        for (unsigned txsz = 0; txsz < 64; txsz++) {
            unsigned bits = 64 - txsz;
            w->pages_used = 0;
            memset(w->ram, 0, (size_t)WORLD_RAM_PAGES * PAGE_BYTES);
            w->registers.tcr_el1 = field_put(TCR_EL1_T0SZ, txsz) | field_put(TCR_EL1_T1SZ, txsz) |
                                   field_put(TCR_EL1_IPS, 5) |
                                   field_put(TCR_EL1_TG0, granules[g].tg0) |
                                   field_put(TCR_EL1_TG1, granules[g].tg1);
            w->registers.ttbr0_el1 = world_table(w, UINT64_C(1) << page_log2);
            w->registers.ttbr1_el1 = world_table(w, UINT64_C(1) << page_log2);
            unsigned level = 3;
            while (level > 0 && shift_of(page_log2, level) + stride < bits)
                level--;
            struct mmu_request request = world_request(0, 1);
            if (txsz < 16 || txsz > 39) {
                struct translation t = translate(REGIME_EL10, &request);
                cr_assert_eq(t.fault.kind, FAULT_TRANSLATION);
                cr_assert_eq(t.fault.level, 0);
                continue;
            }
            for (unsigned upper = 0; upper < 2; upper++) {
                uint64_t low = bits_ones(bits) & ~bits_ones(page_log2);
                uint64_t va = upper ? ~bits_ones(bits) | low : low;
                uint64_t root = upper ? w->registers.ttbr1_el1 : w->registers.ttbr0_el1;
                world_map_granule(w, page_log2, root, level, bits, va, 3,
                                  OUT | WORLD_LEAF1 | WORLD_PAGE, 0);
                request = world_request(va + 0x18, 1);
                struct walk walk = world_peek(w, REGIME_EL10, &request);
                cr_assert_eq(walk.step[0].level, level, "granule %u TxSZ %u", page_log2, txsz);
                cr_assert_eq(walk.step_count, 4 - level);
                struct translation t = translate(REGIME_EL10, &request);
                cr_assert_eq(t.pa.bits, OUT + 0x18);
                cr_assert_eq(t.size_log2, page_log2);
                request = world_request(upper ? ~bits_ones(bits) - 1 : bits_ones(bits) + 1, 1);
                t = translate(REGIME_EL10, &request);
                cr_assert_eq(t.fault.kind, FAULT_TRANSLATION);
                cr_assert_eq(t.fault.level, 0);
            }
        }
    }
}

Test(mmu_granule, blocks_where_the_granule_has_them)
{
    for (size_t g = 0; g < ARRAY_COUNT(granules); g++) {
        unsigned page_log2 = granules[g].page_log2;
        for (unsigned level = page_log2 == 16 ? 1 : 0; level < 4; level++) {
            unsigned start = page_log2 == 16 ? 1 : 0, shift = shift_of(page_log2, level);
            bool is_there = level == 3 || level == 2 || (level == 1 && page_log2 == 12);
            w->registers.tcr_el1 = field_put(TCR_EL1_T0SZ, 16) | field_put(TCR_EL1_IPS, 5) |
                                   field_put(TCR_EL1_TG0, granules[g].tg0);
            w->registers.ttbr0_el1 = world_table(w, UINT64_C(1) << page_log2);
            uint64_t va = UINT64_C(0x6543212345678) & bits_ones(48);
            uint64_t output = (UINT64_C(0x123456789000) >> shift << shift) & bits_ones(48);
            uint64_t low = level == 3 ? 0 : UINT64_C(0x3000) & bits_ones(shift); /* RES0 */
            world_map_granule(w, page_log2, w->registers.ttbr0_el1, start, 48, va, level,
                              output | low | WORLD_LEAF1 | (level == 3 ? WORLD_PAGE : 0), 0);
            struct translation t = read_at(va);
            if (!is_there) {
                cr_assert_eq(t.fault.kind, FAULT_TRANSLATION);
                cr_assert_eq(t.fault.level, level);
                continue;
            }
            cr_assert_eq(t.fault.kind, FAULT_NONE, "granule %u level %u", page_log2, level);
            cr_assert_eq(t.pa.bits, output | (va & bits_ones(shift)));
            cr_assert_eq(t.size_log2, shift);
        }
    }
}

/* VTCR_EL2: granule, SL0, T0SZ and PA size: where the walk starts, -1 for a level 0 fault. */
Test(mmu_granule, stage2_start_levels)
{
    static const struct {
        unsigned tg0, sl0, t0sz, pa_bits;
        int level;
    } rows[] = {
        /* 16 KiB: level 3 resolves 25..29 bits, level 2 26..40, level 1 37..51. */
        {2, 0, 39, 48, 3},
        {2, 0, 35, 48, 3},
        {2, 0, 34, 48, -1},
        {2, 1, 39, 48, -1},
        {2, 1, 38, 48, 2},
        {2, 1, 24, 48, 2},
        {2, 1, 23, 48, -1},
        {2, 2, 28, 48, -1},
        {2, 2, 27, 48, 1},
        {2, 2, 16, 48, 1},
        {2, 2, 24, 40, -1},
        {2, 2, 24, 42, 1},
        {2, 3, 20, 48, -1},
        {2, 1, 24, 40, 2},
        {2, 1, 16, 48, -1},
        /* 64 KiB: level 3 17..33, level 2 30..46, level 1 43..59. */
        {1, 0, 39, 48, 3},
        {1, 0, 31, 48, 3},
        {1, 0, 30, 48, -1},
        {1, 1, 35, 48, -1},
        {1, 1, 34, 48, 2},
        {1, 1, 18, 48, 2},
        {1, 1, 17, 48, -1},
        {1, 2, 22, 48, -1},
        {1, 2, 21, 48, 1},
        {1, 2, 16, 48, 1},
        {1, 2, 21, 42, -1},
        {1, 2, 20, 44, 1},
        {1, 3, 20, 48, -1},
        {1, 1, 24, 40, 2},
        {1, 1, 23, 40, -1},
        {1, 0, 40, 48, -1},
    };
    w->registers.hcr_el2 = HCR_EL2_VM;
    w->registers.sctlr_el1 = 0;
    w->registers.vttbr_el2 = UINT64_C(0x40200000);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        w->config.pa_bits = (uint8_t)rows[i].pa_bits;
        w->registers.vtcr_el2 = field_put(VTCR_EL2_T0SZ, rows[i].t0sz) |
                                field_put(VTCR_EL2_SL0, rows[i].sl0) |
                                field_put(VTCR_EL2_TG0, rows[i].tg0) | field_put(VTCR_EL2_PS, 5);
        struct mmu_request request = world_request(0x1000, 1);
        struct walk walk = world_peek(w, REGIME_EL10, &request);
        cr_assert_eq(walk.result.fault.kind, FAULT_TRANSLATION);
        cr_assert_eq(walk.result.fault.stage, 2);
        cr_assert_eq(walk.result.fault.level, rows[i].level < 0 ? 0 : rows[i].level, "row %zu", i);
        cr_assert_eq(walk.step_count, rows[i].level < 0 ? 0 : 1, "row %zu", i);
    }
}

/* Start tables side by side: the last of the 2^4, and a base whose low bits are ignored. */
Test(mmu_granule, stage2_start_tables_side_by_side)
{
    static const struct {
        unsigned page_log2, tg0, sl0, level, t0sz;
    } rows[] = {{14, 2, 0, 3, 35}, {16, 1, 0, 3, 31}, {12, 0, 0, 2, 30}};
    w->registers.hcr_el2 = HCR_EL2_VM;
    w->registers.sctlr_el1 = 0;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        unsigned page_log2 = rows[i].page_log2, bits = 64 - rows[i].t0sz;
        uint64_t root = world_table(w, UINT64_C(16) << page_log2);
        w->registers.vtcr_el2 = field_put(VTCR_EL2_T0SZ, rows[i].t0sz) |
                                field_put(VTCR_EL2_SL0, rows[i].sl0) |
                                field_put(VTCR_EL2_TG0, rows[i].tg0) | field_put(VTCR_EL2_PS, 5);
        w->registers.vttbr_el2 = root + (UINT64_C(1) << page_log2) + 0x40;
        uint64_t ipa = bits_ones(bits) & ~UINT64_C(0xff);
        world_map_granule(w, page_log2, root, rows[i].level, bits, ipa, rows[i].level,
                          OUT | WORLD_LEAF2 | (rows[i].level == 3 ? WORLD_PAGE : 0), 0);
        struct mmu_request request = world_request(ipa, 1);
        struct walk walk = world_peek(w, REGIME_EL10, &request);
        unsigned shift = shift_of(page_log2, rows[i].level);
        cr_assert_eq(walk.step[0].descriptor_pa.bits, root + (UINT64_C(16) << page_log2) - 8);
        struct translation t = translate(REGIME_EL10, &request);
        cr_assert_eq(t.pa.bits, (OUT >> shift << shift) | (ipa & bits_ones(shift)));
        request = world_request(UINT64_C(1) << bits, 1);
        cr_assert_eq(translate(REGIME_EL10, &request).fault.level, 0);
    }
}

/* Every pair of granules; the smaller leaf decides how much one entry covers. */
Test(mmu_granule, stages_with_different_granules)
{
    uint64_t va = UINT64_C(0x123456718000), ipa = UINT64_C(0x200000000);
    for (size_t g = 0; g < ARRAY_COUNT(granules); g++) {
        for (size_t h = 0; h < ARRAY_COUNT(granules); h++) {
            unsigned page1 = granules[g].page_log2, page2 = granules[h].page_log2;
            unsigned start1 = page1 == 16 ? 1 : 0, start2 = 1;
            w->pages_used = 0;
            memset(w->ram, 0, (size_t)WORLD_RAM_PAGES * PAGE_BYTES);
            w->registers.hcr_el2 = HCR_EL2_VM;
            w->registers.tcr_el1 = field_put(TCR_EL1_T0SZ, 16) | field_put(TCR_EL1_IPS, 5) |
                                   field_put(TCR_EL1_TG0, granules[g].tg0);
            unsigned bits2 = page2 == 12 ? 40 : 44;
            w->registers.vtcr_el2 = field_put(VTCR_EL2_T0SZ, 64 - bits2) |
                                    field_put(VTCR_EL2_PS, 5) |
                                    field_put(VTCR_EL2_SL0, page2 == 12 ? 1 : 2) |
                                    field_put(VTCR_EL2_TG0, granules[h].tg0);
            uint64_t root1 = world_table(w, UINT64_C(1) << page1);
            uint64_t root2 = world_table(w, UINT64_C(16) << page2);
            w->registers.ttbr0_el1 = root1;
            w->registers.vttbr_el2 = root2;
            world_map_granule(w, page1, root1, start1, 48, va, 3, ipa | WORLD_LEAF1 | WORLD_PAGE,
                              0);
            uint64_t step = UINT64_C(1) << page2;
            for (uint64_t o = 0; o < UINT64_C(1) << 22; o += step)
                world_map_granule(w, page2, root2, start2, bits2, WORLD_RAM_BASE + o, 3,
                                  (WORLD_RAM_BASE + o) | WORLD_LEAF2 | WORLD_PAGE, 0);
            for (uint64_t o = 0; o < 0x10000; o += step)
                world_map_granule(w, page2, root2, start2, bits2, ipa + o, 3,
                                  (OUT + o) | WORLD_LEAF2 | WORLD_PAGE, 0);
            uint64_t offset = (va & bits_ones(page1)) + 0x234;
            struct translation t = read_at((va & ~bits_ones(page1)) + offset);
            cr_assert_eq(t.fault.kind, FAULT_NONE, "%u over %u: %u level %u", page1, page2,
                         t.fault.kind, t.fault.level);
            cr_assert_eq(t.pa.bits, OUT + offset);
            cr_assert_eq(t.ipa.bits, ipa + offset);
            cr_assert_eq(t.size_log2, page1 < page2 ? page1 : page2);
        }
    }
}

/* A table of 64 KiB whose pages stage 2 has scattered: no walk may go on by one PA for all. */
Test(mmu_granule, tables_may_be_scattered_by_stage2)
{
    w->registers.hcr_el2 = HCR_EL2_VM;
    w->registers.tcr_el1 =
        field_put(TCR_EL1_T0SZ, 16) | field_put(TCR_EL1_IPS, 5) | field_put(TCR_EL1_TG0, 1);
    w->registers.vtcr_el2 =
        field_put(VTCR_EL2_T0SZ, 25) | field_put(VTCR_EL2_SL0, 1) | field_put(VTCR_EL2_PS, 5);
    uint64_t root1 = world_table(w, 0x10000), root2 = world_page(w), last = UINT64_C(0x70000000);
    w->registers.ttbr0_el1 = root1;
    w->registers.vttbr_el2 = root2;
    world_map2_tables(w, root2);
    /* VAs 0.. and 2^29 - 64 KiB.. use the first and the last page of the same level 3 table. */
    uint64_t level2 = world_table(w, 0x10000), first_page = world_page(w);
    world_page(w); /* what lies behind it is no part of the table */
    uint64_t last_page = world_page(w);
    *world_descriptor(w, root1) = level2 | 3;
    *world_descriptor(w, level2) = last | 3;
    world_map(w, root2, 1, last, 3, first_page | WORLD_LEAF2 | WORLD_PAGE, 0);
    world_map(w, root2, 1, last + 0xf000, 3, last_page | WORLD_LEAF2 | WORLD_PAGE, 0);
    *world_descriptor(w, first_page) = OUT | WORLD_LEAF1 | WORLD_PAGE;
    *world_descriptor(w, last_page + 0xff8) = (OUT + 0x10000) | WORLD_LEAF1 | WORLD_PAGE;
    world_map(w, root2, 1, OUT, 2, OUT | WORLD_LEAF2, 0);
    cr_assert_eq(world_read(w, 0, 0x8).pa.bits, OUT + 8);
    cr_assert_eq(world_read(w, 0, UINT64_C(0x1fff0008)).pa.bits, OUT + 0x10008);
}

/* A table of the walk cache left by another granule is not gone on from. */
Test(mmu_granule, walk_cache_of_another_granule)
{
    uint64_t root = world_table(w, 0x4000);
    w->registers.tcr_el1 =
        field_put(TCR_EL1_T0SZ, 28) | field_put(TCR_EL1_IPS, 5) | field_put(TCR_EL1_TG0, 2);
    w->registers.ttbr0_el1 = root; /* 36 bits: level 2 at 16 KiB, level 1 at 4 KiB */
    world_map_granule(w, 14, root, 2, 36, 0, 3, OUT | WORLD_LEAF1 | WORLD_PAGE, 0);
    cr_assert_eq(world_read(w, 0, 0).pa.bits, OUT);
    w->registers.tcr_el1 &= ~TCR_EL1_TG0;
    w->registers.ttbr0_el1 = world_page(w);
    world_map_granule(w, 12, w->registers.ttbr0_el1, 1, 36, 0x5000, 3,
                      (OUT + 0x5000) | WORLD_LEAF1 | WORLD_PAGE, 0);
    cr_assert_eq(world_read(w, 0, 0x5000).pa.bits, OUT + 0x5000);
}
