/*
 * Walks: address ranges, levels, blocks, faults in their order, stage 2 geometry, walks of stage 1
 * through stage 2, translation switched off, attributes, and the record of the steps.
 */
#include <criterion/criterion.h>

#include "tests/unit/mmu_world.h"

#define VA0 UINT64_C(0x0000001234567000)
#define UPPER UINT64_C(0xffffff8000000000)
#define OUT UINT64_C(0x0000000080003000)

static struct world *w;

static void setup(void)
{
    w = world_new(256);
    w->registers.ttbr0_el1 = world_page(w);
    w->registers.ttbr1_el1 = world_page(w);
    w->registers.ttbr0_el2 = world_page(w);
    w->registers.vttbr_el2 = world_page(w);
    world_page(w); /* the second half of a concatenated start table */
}

static void teardown(void)
{
    world_free(w);
}

TestSuite(mmu_walk, .init = setup, .fini = teardown);

/* Reads at EL1, both by the TLB's way and by peeking, which must agree. */
static struct translation read_kind(uint64_t va, enum regime_kind kind)
{
    struct mmu_request request = world_request(va, kind == REGIME_EL2 ? 2 : 1);
    struct walk walk = world_peek(w, kind, &request);
    struct translation t = world_go(w, 0, kind, &request);
    cr_assert(translation_same(&t, &walk.result));
    return t;
}

static struct translation read_at(uint64_t va)
{
    return read_kind(va, REGIME_EL10);
}

static void expect_fault(uint64_t va, enum fault_kind kind, unsigned stage, unsigned level)
{
    struct translation t = read_at(va);
    cr_assert_eq(t.fault.kind, kind, "%#llx: kind %u", (unsigned long long)va, t.fault.kind);
    cr_assert_eq(t.fault.stage, stage);
    cr_assert_eq(t.fault.level, level, "%#llx: level %u", (unsigned long long)va, t.fault.level);
    cr_assert_eq(t.fault.va.bits, va);
}

static void stage2_on(void)
{
    w->registers.hcr_el2 |= HCR_EL2_VM;
    world_map2_tables(w, w->registers.vttbr_el2);
}

Test(mmu_walk, page_block_and_ranges)
{
    uint64_t lower = w->registers.ttbr0_el1, upper = w->registers.ttbr1_el1;
    world_map1(w, lower, VA0, OUT, 0);
    world_map1(w, upper, UPPER + 0x5000, OUT + 0x1000, 0);
    world_map(w, lower, 1, UINT64_C(0x40000000), 1, UINT64_C(0x100000000) | WORLD_LEAF1, 0);
    world_map(w, lower, 1, UINT64_C(0x80200000), 2, UINT64_C(0x90200000) | WORLD_LEAF1, 0);
    struct translation t = read_at(VA0 + 0x123);
    cr_assert_eq(t.fault.kind, FAULT_NONE);
    cr_assert_eq(t.pa.bits, OUT + 0x123);
    cr_assert_eq(t.size_log2, 12);
    cr_assert_eq(t.memory, 0xff);
    cr_assert_eq(t.shareability, SHAREABILITY_INNER);
    cr_assert_eq(read_at(UPPER + 0x5fff).pa.bits, OUT + 0x1fff);
    t = read_at(UINT64_C(0x7fffffff));
    cr_assert_eq(t.pa.bits, UINT64_C(0x13fffffff));
    cr_assert_eq(t.size_log2, 30);
    t = read_at(UINT64_C(0x803fffff));
    cr_assert_eq(t.pa.bits, UINT64_C(0x903fffff));
    cr_assert_eq(t.size_log2, 21);
    expect_fault(UINT64_C(0x8000000000), FAULT_TRANSLATION, 1, 0);
    expect_fault(UINT64_C(0xffffff7ffffff000), FAULT_TRANSLATION, 1, 0);
    expect_fault(UINT64_C(0x0100001234567000), FAULT_TRANSLATION, 1, 0);
    expect_fault(VA0 + (UINT64_C(1) << 30), FAULT_TRANSLATION, 1, 1);
    expect_fault(VA0 + (UINT64_C(1) << 21), FAULT_TRANSLATION, 1, 2);
    expect_fault(VA0 + 0x1000, FAULT_TRANSLATION, 1, 3);
}

Test(mmu_walk, start_levels_follow_the_size)
{
    /* One page mapped at the lowest address, from each start level. */
    static const struct {
        unsigned txsz, level;
    } rows[] = {{16, 0}, {24, 0}, {25, 1}, {33, 1}, {34, 2}, {39, 2}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint64_t root = world_page(w);
        w->registers.ttbr0_el1 = root | (uint64_t)(i + 1) << 48;
        w->registers.tcr_el1 &= ~TCR_EL1_T0SZ;
        w->registers.tcr_el1 |= rows[i].txsz;
        world_map(w, root, rows[i].level, 0x1000, 3,
                  OUT | WORLD_LEAF1 | WORLD_PAGE | VMSA_LEAF_NG, 0);
        struct mmu_request request = world_request(0x1008, 1);
        struct walk walk = world_peek(w, REGIME_EL10, &request);
        cr_assert_eq(walk.result.fault.kind, FAULT_NONE, "T0SZ %u", rows[i].txsz);
        cr_assert_eq(walk.step[0].level, rows[i].level);
        cr_assert_eq(walk.step_count, 4 - rows[i].level);
        cr_assert_eq(read_at(0x1008).pa.bits, OUT + 8);
        expect_fault(UINT64_C(1) << (64 - rows[i].txsz), FAULT_TRANSLATION, 1, 0);
    }
    w->registers.tcr_el1 = (w->registers.tcr_el1 & ~TCR_EL1_T0SZ) | 40;
    expect_fault(0x3000, FAULT_TRANSLATION, 1, 0);
    w->registers.tcr_el1 = (w->registers.tcr_el1 & ~TCR_EL1_T0SZ) | 15;
    expect_fault(0x3000, FAULT_TRANSLATION, 1, 0);
}

Test(mmu_walk, level0_has_no_blocks_and_level3_only_pages)
{
    w->registers.tcr_el1 = (w->registers.tcr_el1 & ~TCR_EL1_T0SZ) | 16;
    *world_descriptor(w, w->registers.ttbr0_el1) = WORLD_LEAF1;
    expect_fault(0, FAULT_TRANSLATION, 1, 0);
    *world_descriptor(w, w->registers.ttbr0_el1) = 0;
    world_map(w, w->registers.ttbr0_el1, 0, VA0, 3, OUT | WORLD_LEAF1, 0);
    expect_fault(VA0, FAULT_TRANSLATION, 1, 3);
}

Test(mmu_walk, disabled_walks_and_tagged_addresses)
{
    world_map1(w, w->registers.ttbr0_el1, VA0, OUT, 0);
    world_map1(w, w->registers.ttbr1_el1, UPPER, OUT, 0);
    w->registers.tcr_el1 |= TCR_EL1_TBI0;
    cr_assert_eq(read_at(VA0 | UINT64_C(0xab) << 56).pa.bits, OUT);
    cr_assert_eq(world_read(w, 0, VA0 | UINT64_C(0xcd) << 56).cost, 0, "the tag is not compared");
    expect_fault(UPPER & ~(UINT64_C(0xab) << 56), FAULT_TRANSLATION, 1, 0);
    w->registers.tcr_el1 |= TCR_EL1_TBI1;
    cr_assert_eq(read_at(UPPER & ~(UINT64_C(0xab) << 56)).pa.bits, OUT);
    w->registers.tcr_el1 |= TCR_EL1_EPD0 | TCR_EL1_EPD1;
    cr_assert_eq(world_read(w, 0, VA0).fault.kind, FAULT_NONE, "EPD stops walks, not hits");
    expect_fault(VA0 + 0x1000, FAULT_TRANSLATION, 1, 0);
    expect_fault(UPPER + 0x1000, FAULT_TRANSLATION, 1, 0);
}

Test(mmu_walk, faults_of_registers_and_descriptors)
{
    uint64_t root = w->registers.ttbr0_el1;
    uint64_t far = UINT64_C(1) << 45; /* beyond 44 bits of PA */
    world_map1(w, root, VA0, OUT & ~VMSA_LEAF_AF, 0);
    *world_descriptor(w, world_map1(w, root, VA0, OUT, 0)) &= ~VMSA_LEAF_AF;
    expect_fault(VA0, FAULT_ACCESS_FLAG, 1, 3);
    uint64_t pa = world_map1(w, root, VA0 + 0x1000, far, 0);
    expect_fault(VA0 + 0x1000, FAULT_ADDRESS_SIZE, 1, 3);
    *world_descriptor(w, pa) &= ~VMSA_LEAF_AF;
    expect_fault(VA0 + 0x1000, FAULT_ADDRESS_SIZE, 1, 3);
    *world_descriptor(w, root) = far | 3;
    expect_fault(0x1000, FAULT_ADDRESS_SIZE, 1, 1);
    *world_descriptor(w, root) = UINT64_C(0x1000) | 3; /* a table where there is no RAM */
    expect_fault(0x1000, FAULT_EXTERNAL_ON_WALK, 1, 2);
    w->registers.tcr_el1 &= ~TCR_EL1_IPS; /* 32 bits */
    world_map1(w, root, VA0 + 0x2000, UINT64_C(1) << 32, 0);
    expect_fault(VA0 + 0x2000, FAULT_ADDRESS_SIZE, 1, 3);
    w->registers.ttbr0_el1 = UINT64_C(1) << 33;
    expect_fault(VA0 + 0x2000, FAULT_ADDRESS_SIZE, 1, 0);
}

Test(mmu_walk, table_limits_reach_the_leaf)
{
    const struct {
        uint64_t table;
        uint8_t lost;
    } rows[] = {
        {0, 0},
        {field_put(VMSA_TABLE_APTABLE, 2), PERMIT_WRITE | PERMIT_WRITE_EL0},
        {field_put(VMSA_TABLE_APTABLE, 1), PERMIT_READ_EL0 | PERMIT_WRITE_EL0},
        {VMSA_TABLE_UXNTABLE, PERMIT_FETCH_EL0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint64_t va = VA0 + i * (UINT64_C(1) << 31);
        world_map(w, w->registers.ttbr0_el1, 1, va, 3,
                  OUT | WORLD_LEAF1 | WORLD_PAGE | field_put(VMSA_LEAF_AP, 1) | VMSA_LEAF_PXN,
                  rows[i].table);
        uint8_t all = PERMIT_READ | PERMIT_WRITE | PERMIT_READ_EL0 | PERMIT_WRITE_EL0 |
                      PERMIT_FETCH_EL0;
        cr_assert_eq(read_at(va).permissions, all & ~rows[i].lost, "row %zu", i);
        /* Again by way of the table entries that the first walk left. */
        world_map1(w, w->registers.ttbr0_el1, va + 0x1000, OUT, VMSA_LEAF_PXN);
        cr_assert_eq(read_at(va + 0x1000).permissions, all & ~rows[i].lost);
    }
    uint64_t va = VA0 + 7 * (UINT64_C(1) << 31);
    world_map(w, w->registers.ttbr0_el1, 1, va, 3, OUT | WORLD_LEAF1 | WORLD_PAGE,
              VMSA_TABLE_PXNTABLE);
    cr_assert_not(read_at(va).permissions & PERMIT_FETCH);
}

Test(mmu_walk, el2_has_one_range_and_no_asid)
{
    uint64_t root = w->registers.ttbr0_el2;
    world_map1(w, root, VA0, OUT, VMSA_LEAF_NG);
    struct translation t = read_kind(VA0, REGIME_EL2);
    cr_assert_eq(t.pa.bits, OUT);
    cr_assert_eq(t.permissions, PERMIT_READ | PERMIT_WRITE | PERMIT_FETCH);
    cr_assert_eq(read_kind(UPPER, REGIME_EL2).fault.kind, FAULT_TRANSLATION);
    w->registers.ttbr0_el1 = UINT64_C(7) << 48;
    cr_assert_eq(world_read_el2(w, 0, VA0).cost, 0, "EL2 entries match whatever the ASID is");
    w->registers.tcr_el2 |= TCR_EL2_TBI;
    cr_assert_eq(read_kind(VA0 | UINT64_C(0x7f) << 56, REGIME_EL2).pa.bits, OUT);
}

Test(mmu_walk, stage2_geometry)
{
    w->registers.hcr_el2 = HCR_EL2_VM;
    w->registers.sctlr_el1 = 0; /* VA is IPA */
    static const struct {
        unsigned t0sz, sl0, pa_bits;
        int level; /* where the walk starts; -1: fault */
    } rows[] = {
        {24, 1, 44, 1},  {25, 1, 44, 1}, {21, 1, 44, 1},  {20, 1, 44, -1}, {33, 1, 44, 1},
        {34, 1, 44, -1}, {34, 0, 44, 2}, {30, 0, 44, 2},  {29, 0, 44, -1}, {39, 0, 44, 2},
        {40, 0, 44, -1}, {20, 2, 44, 0}, {24, 2, 44, 0},  {25, 2, 44, -1}, {20, 2, 40, -1},
        {24, 2, 43, -1}, {24, 1, 39, -1}, {25, 3, 44, -1}, {19, 2, 44, -1}, {16, 2, 48, 0},
        {15, 2, 48, -1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        w->config.pa_bits = (uint8_t)rows[i].pa_bits;
        w->registers.vtcr_el2 = field_put(VTCR_EL2_T0SZ, rows[i].t0sz) |
                                field_put(VTCR_EL2_SL0, rows[i].sl0) |
                                field_put(VTCR_EL2_PS, 5);
        w->registers.vttbr_el2 = UINT64_C(0x40100000);
        struct mmu_request request = world_request(0x1000, 1);
        struct walk walk = world_peek(w, REGIME_EL10, &request);
        cr_assert_eq(walk.result.fault.kind, FAULT_TRANSLATION);
        cr_assert_eq(walk.result.fault.stage, 2);
        cr_assert_eq(walk.result.fault.level, rows[i].level < 0 ? 0 : rows[i].level, "row %zu", i);
        cr_assert_eq(walk.step_count, rows[i].level < 0 ? 0 : 1, "row %zu", i);
    }
}

Test(mmu_walk, stage2_start_tables_side_by_side)
{
    w->registers.hcr_el2 = HCR_EL2_VM;
    w->registers.sctlr_el1 = 0;
    w->registers.vtcr_el2 = field_put(VTCR_EL2_T0SZ, 24) | field_put(VTCR_EL2_SL0, 1) |
                            field_put(VTCR_EL2_PS, 5);
    while (w->pages_used % 2 != 0)
        world_page(w);
    uint64_t root = world_page(w);
    world_page(w);
    w->registers.vttbr_el2 = root;
    uint64_t ipa = (UINT64_C(1) << 39) + 0x4000; /* in the second table */
    world_map2(w, root, ipa, OUT);
    cr_assert_eq(read_at(ipa).pa.bits, OUT);
    struct mmu_request request = world_request(ipa, 1);
    cr_assert_eq(world_peek(w, REGIME_EL10, &request).step[0].descriptor_pa.bits,
                 root + PAGE_BYTES);
    w->registers.vttbr_el2 = root + PAGE_BYTES; /* not aligned to two tables: the bit is ignored */
    cr_assert_eq(world_peek(w, REGIME_EL10, &request).result.pa.bits, OUT);
    expect_fault(UINT64_C(1) << 40, FAULT_TRANSLATION, 2, 0);
}

Test(mmu_walk, two_stages_are_24_reads)
{
    w->config.pa_bits = 48;
    w->registers.tcr_el1 = field_put(TCR_EL1_T0SZ, 16) | field_put(TCR_EL1_IPS, 5);
    w->registers.vtcr_el2 = field_put(VTCR_EL2_T0SZ, 16) | field_put(VTCR_EL2_SL0, 2) |
                            field_put(VTCR_EL2_PS, 5);
    w->registers.hcr_el2 = HCR_EL2_VM;
    uint64_t s2 = w->registers.vttbr_el2, ipa = UINT64_C(0x7654321000);
    world_map(w, w->registers.ttbr0_el1, 0, VA0, 3, ipa | WORLD_LEAF1 | WORLD_PAGE, 0);
    uint32_t used = w->pages_used;
    for (uint32_t i = 0; i < used; i++) {
        uint64_t pa = WORLD_RAM_BASE + (uint64_t)i * PAGE_BYTES;
        world_map(w, s2, 0, pa, 3, pa | WORLD_LEAF2 | WORLD_PAGE, 0);
    }
    world_map(w, s2, 0, ipa, 3, OUT | WORLD_LEAF2 | WORLD_PAGE, 0);
    struct mmu_request request = world_request(VA0 + 0x18, 1);
    struct walk walk = world_peek(w, REGIME_EL10, &request);
    cr_assert_eq(walk.result.fault.kind, FAULT_NONE);
    cr_assert_eq(walk.step_count, 24);
    for (unsigned i = 0; i < 24; i++) {
        cr_assert_eq(walk.step[i].stage, i % 5 == 4 && i < 20 ? 1 : 2, "step %u", i);
        cr_assert_eq(walk.step[i].level, i % 5 == 4 && i < 20 ? i / 5 : i % 5, "step %u", i);
    }
    cr_assert_eq(walk.step[23].descriptor & VMSA_LEAF_ADDRESS, OUT);
    cr_assert_eq(walk.step[20].input, ipa + 0x18);
    struct translation t = world_read(w, 0, VA0 + 0x18);
    cr_assert(translation_same(&t, &walk.result));
    cr_assert_eq(t.ipa.bits, ipa + 0x18);
    cr_assert_eq(world_read(w, 0, VA0 + 0x20).cost, 0);
}

Test(mmu_walk, stage2_faults_on_the_access)
{
    stage2_on();
    uint64_t s1 = w->registers.ttbr0_el1, s2 = w->registers.vttbr_el2;
    uint64_t ipa = UINT64_C(0x10005000);
    world_map1(w, s1, VA0, ipa, 0);
    struct translation t = read_at(VA0 + 0x10);
    cr_assert_eq(t.fault.kind, FAULT_TRANSLATION);
    cr_assert_eq(t.fault.stage, 2);
    cr_assert_eq(t.fault.level, 1);
    cr_assert_eq(t.fault.s1ptw, 0);
    cr_assert_eq(t.fault.ipa.bits, ipa + 0x10);
    uint64_t pa = world_map2(w, s2, ipa, OUT);
    *world_descriptor(w, pa) &= ~VMSA_S2_LEAF_AF;
    expect_fault(VA0, FAULT_ACCESS_FLAG, 2, 3);
    *world_descriptor(w, pa) = UINT64_C(1) << 45 | WORLD_LEAF2 | WORLD_PAGE;
    expect_fault(VA0, FAULT_ADDRESS_SIZE, 2, 3);
    *world_descriptor(w, pa) = OUT | (WORLD_LEAF2 & ~VMSA_S2_LEAF_S2AP) | WORLD_PAGE;
    t = read_at(VA0 + 0x10);
    cr_assert_eq(t.fault.kind, FAULT_PERMISSION);
    cr_assert_eq(t.fault.stage, 2);
    cr_assert_eq(t.fault.ipa.bits, ipa + 0x10);
}

Test(mmu_walk, stage1_permission_comes_before_stage2)
{
    stage2_on();
    world_map1(w, w->registers.ttbr0_el1, VA0, UINT64_C(0x10005000), field_put(VMSA_LEAF_AP, 2));
    struct mmu_request request = world_request(VA0, 1);
    request.is_write = 1;
    struct translation t = world_go(w, 0, REGIME_EL10, &request);
    cr_assert_eq(t.fault.kind, FAULT_PERMISSION);
    cr_assert_eq(t.fault.stage, 1);
    cr_assert_eq(t.fault.is_write, 1);
    request.is_write = 0;
    t = world_go(w, 0, REGIME_EL10, &request);
    cr_assert_eq(t.fault.kind, FAULT_TRANSLATION);
    cr_assert_eq(t.fault.stage, 2);
}

Test(mmu_walk, stage2_faults_on_stage1_walks)
{
    w->registers.hcr_el2 = HCR_EL2_VM;
    uint64_t s1 = w->registers.ttbr0_el1, s2 = w->registers.vttbr_el2;
    world_map1(w, s1, VA0, OUT, 0);
    struct translation t = read_at(VA0);
    cr_assert_eq(t.fault.kind, FAULT_TRANSLATION);
    cr_assert_eq(t.fault.stage, 2);
    cr_assert_eq(t.fault.s1ptw, 1);
    cr_assert_eq(t.fault.ipa.bits, s1 + (VA0 >> 30) * 8);
    uint64_t leaf = world_map2(w, s2, s1, s1);
    t = read_at(VA0);
    cr_assert_eq(t.fault.s1ptw, 1);
    cr_assert_eq(t.fault.level, 3, "the next table's IPA is in the same region");
    *world_descriptor(w, leaf) &= ~VMSA_S2_LEAF_S2AP;
    for (unsigned i = 0; i < WORLD_PE_COUNT; i++) {
        world_tlbi(w, 0, TLBI_ALLE1, 0, TLBI_INNER);
        world_dsb(w, 0, true);
    }
    mmu_synchronize(&w->mmu[0]);
    t = read_at(VA0);
    cr_assert_eq(t.fault.kind, FAULT_PERMISSION);
    cr_assert_eq(t.fault.s1ptw, 1);
    cr_assert_eq(t.fault.level, 3);
}

Test(mmu_walk, tables_in_device_memory_fault_with_ptw)
{
    w->registers.hcr_el2 = HCR_EL2_VM;
    uint64_t s2 = w->registers.vttbr_el2;
    world_map1(w, w->registers.ttbr0_el1, VA0, OUT, 0);
    world_map(w, s2, 1, WORLD_RAM_BASE, 1,
              WORLD_RAM_BASE | (WORLD_LEAF2 & ~VMSA_S2_LEAF_MEMATTR), 0);
    world_map2(w, s2, OUT, OUT);
    cr_assert_eq(read_at(VA0).fault.kind, FAULT_NONE);
    w->registers.hcr_el2 |= HCR_EL2_PTW;
    w->registers.vttbr_el2 |= UINT64_C(1) << 48;
    struct translation t = read_at(VA0);
    cr_assert_eq(t.fault.kind, FAULT_PERMISSION);
    cr_assert_eq(t.fault.stage, 2);
    cr_assert_eq(t.fault.s1ptw, 1);
    cr_assert_eq(t.fault.level, 1);
}

Test(mmu_walk, translation_off)
{
    w->registers.sctlr_el1 = 0;
    struct translation t = read_at(UINT64_C(0x12345678));
    cr_assert_eq(t.pa.bits, UINT64_C(0x12345678));
    cr_assert_eq(t.memory, DEVICE_nGnRnE);
    cr_assert_eq(t.entry, 0);
    cr_assert_eq(t.cost, 0);
    expect_fault(UINT64_C(1) << 44, FAULT_ADDRESS_SIZE, 1, 0);
    struct mmu_request fetch = world_request(0x4000, 1);
    fetch.kind = ACCESS_FETCH;
    cr_assert_eq(world_go(w, 0, REGIME_EL10, &fetch).memory, 0x44);
    w->registers.sctlr_el1 = SCTLR_EL1_I;
    cr_assert_eq(world_go(w, 0, REGIME_EL10, &fetch).memory, 0xaa);
    w->registers.tcr_el1 |= TCR_EL1_TBI0;
    cr_assert_eq(read_at(UINT64_C(0xff00000012345678)).pa.bits, UINT64_C(0x12345678));
}

Test(mmu_walk, default_cacheable)
{
    w->registers.hcr_el2 = HCR_EL2_DC; /* stage 1 off and stage 2 on, whatever SCTLR_EL1.M says */
    world_map2(w, w->registers.vttbr_el2, VA0, OUT);
    struct translation t = read_at(VA0);
    cr_assert_eq(t.pa.bits, OUT);
    cr_assert_eq(t.memory, 0xff);
    w->registers.hcr_el2 |= HCR_EL2_CD;
    cr_assert_eq(read_at(VA0).memory, 0x44);
}

Test(mmu_walk, attributes_combine)
{
    stage2_on();
    static const struct {
        unsigned index, mem_attr;
        uint8_t memory;
    } rows[] = {
        {0, 15, 0xff}, {0, 10, 0xbb}, {0, 5, 0x44},  {0, 0, 0x00},  {0, 3, 0x0c}, {1, 15, 0x04},
        {1, 2, 0x04},  {1, 0, 0x00},  {2, 15, 0x44}, {3, 15, 0x00}, {0, 7, 0x4f},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint64_t va = VA0 + i * PAGE_BYTES, ipa = UINT64_C(0x10000000) + i * PAGE_BYTES;
        world_map1(w, w->registers.ttbr0_el1, va, ipa,
                   field_put(VMSA_LEAF_ATTRINDX, rows[i].index));
        uint64_t pa = world_map2(w, w->registers.vttbr_el2, ipa, OUT);
        *world_descriptor(w, pa) &= ~VMSA_S2_LEAF_MEMATTR;
        *world_descriptor(w, pa) |= field_put(VMSA_S2_LEAF_MEMATTR, rows[i].mem_attr);
        struct translation t = read_at(va);
        cr_assert_eq(t.memory, rows[i].memory, "row %zu: %#x", i, t.memory);
        bool outer = (t.memory & 0xf0) == 0 || t.memory == 0x44;
        cr_assert_eq(t.shareability, outer ? SHAREABILITY_OUTER : SHAREABILITY_INNER);
    }
    w->registers.sctlr_el1 &= ~SCTLR_EL1_C;
    cr_assert_eq(read_at(VA0).memory, 0x44, "SCTLR_EL1.C counts at each access");
}

Test(mmu_walk, alignment_in_its_order)
{
    uint64_t root = w->registers.ttbr0_el1;
    uint64_t device = field_put(VMSA_LEAF_ATTRINDX, 1);
    world_map1(w, root, VA0, OUT, 0);
    world_map1(w, root, VA0 + 0x1000, OUT, device | field_put(VMSA_LEAF_AP, 2));
    struct mmu_request r = world_request(VA0 + 1, 1);
    r.size = 4;
    cr_assert_eq(world_go(w, 0, REGIME_EL10, &r).fault.kind, FAULT_NONE);
    r.alignment = 4;
    cr_assert_eq(world_go(w, 0, REGIME_EL10, &r).fault.kind, FAULT_ALIGNMENT);
    r.alignment = 0;
    r.va.bits += 0x1000;
    r.is_write = 1; /* read-only Device: alignment comes first */
    cr_assert_eq(world_go(w, 0, REGIME_EL10, &r).fault.kind, FAULT_ALIGNMENT);
    r.va.bits &= ~UINT64_C(3);
    cr_assert_eq(world_go(w, 0, REGIME_EL10, &r).fault.kind, FAULT_PERMISSION);
    r.is_write = 0;
    cr_assert_eq(world_go(w, 0, REGIME_EL10, &r).fault.kind, FAULT_NONE);
    r.size = 64;
    cr_assert_eq(world_go(w, 0, REGIME_EL10, &r).fault.kind, FAULT_ALIGNMENT, "DC ZVA");
    r.size = 4;
    r.va.bits = VA0 + 0x2001; /* not mapped: translation comes before Device alignment */
    cr_assert_eq(world_go(w, 0, REGIME_EL10, &r).fault.kind, FAULT_TRANSLATION);
    w->registers.sctlr_el1 |= SCTLR_EL1_A;
    cr_assert_eq(world_go(w, 0, REGIME_EL10, &r).fault.kind, FAULT_ALIGNMENT);
}

Test(mmu_walk, stage2_device_alignment_is_of_stage2)
{
    stage2_on();
    uint64_t ipa = UINT64_C(0x10005000);
    world_map1(w, w->registers.ttbr0_el1, VA0, ipa, 0);
    uint64_t pa = world_map2(w, w->registers.vttbr_el2, ipa, OUT);
    *world_descriptor(w, pa) &= ~VMSA_S2_LEAF_MEMATTR;
    struct mmu_request r = world_request(VA0 + 2, 1);
    r.size = 4;
    struct translation t = world_go(w, 0, REGIME_EL10, &r);
    cr_assert_eq(t.fault.kind, FAULT_ALIGNMENT);
    cr_assert_eq(t.fault.stage, 2);
}

Test(mmu_walk, big_endian_tables)
{
    uint64_t pa = world_map1(w, w->registers.ttbr0_el1, VA0, OUT, 0);
    (void)pa;
    for (uint64_t i = 0; i < (uint64_t)w->pages_used * 512; i++) {
        uint64_t *d = world_descriptor(w, WORLD_RAM_BASE + i * 8);
        *d = __builtin_bswap64(*d);
    }
    w->registers.sctlr_el1 |= SCTLR_EL1_EE;
    cr_assert_eq(read_at(VA0).pa.bits, OUT);
}

Test(mmu_walk, at_stage1_only)
{
    stage2_on();
    uint64_t ipa = UINT64_C(0x10005000);
    world_map1(w, w->registers.ttbr0_el1, VA0, ipa, 0);
    struct mmu_request r = world_request(VA0 + 8, 1);
    r.stage1_only = r.is_at = 1;
    struct translation t = world_go(w, 0, REGIME_EL10, &r);
    cr_assert_eq(t.fault.kind, FAULT_NONE);
    cr_assert_eq(t.pa.bits, ipa + 8);
    world_map2(w, w->registers.vttbr_el2, ipa, OUT);
    cr_assert_eq(world_read(w, 0, VA0).pa.bits, OUT);
    t = world_go(w, 0, REGIME_EL10, &r);
    cr_assert_eq(t.pa.bits, ipa + 8, "from the combined entry too");
    cr_assert_eq(t.cost, 0);
    cr_assert_eq(t.memory, 0xff);
}

/* A VM's tables lie elsewhere than it thinks: walk cache entries must hold where they are. */
Test(mmu_walk, tables_behind_stage2)
{
    uint64_t s2 = w->registers.vttbr_el2, hidden = w->registers.ttbr0_el1;
    uint64_t guest_base = UINT64_C(0x20000000);
    w->registers.hcr_el2 = HCR_EL2_VM;
    uint64_t pa = world_map1(w, hidden, VA0, OUT, 0);
    world_map1(w, hidden, VA0 + 0x1000, OUT + 0x1000, 0);
    /* Give the three tables the IPAs that stand in their descriptors, and map those. */
    uint64_t *l1 = world_descriptor(w, hidden + (VA0 >> 30) * 8);
    uint64_t table2 = *l1 & VMSA_TABLE_ADDRESS;
    uint64_t *l2 = world_descriptor(w, table2 + (VA0 >> 21 & 511) * 8);
    uint64_t table3 = *l2 & VMSA_TABLE_ADDRESS;
    cr_assert_eq(align_down(pa, PAGE_BYTES), table3);
    *l1 = (guest_base + 0x5000) | 3;
    *l2 = (guest_base + 0x9000) | 3;
    world_map2(w, s2, guest_base, hidden);
    world_map2(w, s2, guest_base + 0x5000, table2);
    world_map2(w, s2, guest_base + 0x9000, table3);
    world_map2(w, s2, OUT, OUT + 0x100000);
    world_map2(w, s2, OUT + 0x1000, OUT + 0x200000);
    w->registers.ttbr0_el1 = guest_base;
    cr_assert_eq(read_at(VA0).pa.bits, OUT + 0x100000);
    unsigned reads = w->told[EVENT_WALK];
    cr_assert_eq(read_at(VA0 + 0x1000).pa.bits, OUT + 0x200000, "from the table entry");
    cr_assert_eq(w->told[EVENT_WALK], reads + 2, "the last level of each stage");
    struct tlb_view views[64];
    unsigned count = mmu_tlb_list(&w->mmu[0], views, 64), tables = 0;
    for (unsigned i = 0; i < count; i++)
        if (views[i].is_table && views[i].stage == 3) {
            cr_assert(views[i].output == table2 || views[i].output == table3);
            cr_assert(views[i].ipa == guest_base + 0x5000 || views[i].ipa == guest_base + 0x9000);
            tables++;
        }
    cr_assert_eq(tables, 2);
}
