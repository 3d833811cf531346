/*
 * Hardware management of the access flag and the dirty state: when a descriptor is updated, by
 * which accesses, at which stage, with which faults, and what the TLB keeps meanwhile.
 * Then the contiguous bit: entries that cover a set, where the choice says so.
 */
#include <criterion/criterion.h>

#include "tests/unit/mmu_world.h"

#define VA0 UINT64_C(0x0000001234567000)
#define IPA UINT64_C(0x0000000010005000)
#define OUT UINT64_C(0x0000000080003000)
#define READ_ONLY field_put(VMSA_LEAF_AP, 2)
#define EL0_TOO field_put(VMSA_LEAF_AP, 1)
#define S2_WRITE field_put(VMSA_S2_LEAF_S2AP, 2)

static struct world *w;

static void setup(void)
{
    w = world_new(256);
    w->config.features = MMU_FEATURE_AF | MMU_FEATURE_DIRTY | MMU_FEATURE_XNX | MMU_FEATURE_HPD;
    w->registers.tcr_el1 |= TCR_EL1_HA | TCR_EL1_HD;
    w->registers.tcr_el2 |= TCR_EL2_HA | TCR_EL2_HD;
    w->registers.ttbr0_el1 = world_page(w);
    w->registers.ttbr0_el2 = world_page(w);
    w->registers.vttbr_el2 = world_page(w);
}

static void teardown(void)
{
    world_free(w);
}

TestSuite(mmu_dirty, .init = setup, .fini = teardown);

static uint64_t leaf1(uint64_t output, uint64_t more)
{
    return (output | (WORLD_LEAF1 & ~VMSA_LEAF_AF) | WORLD_PAGE | EL0_TOO) | more;
}

/* Maps VA0 by one page; where its descriptor is. */
static uint64_t *map_page(uint64_t leaf)
{
    return world_descriptor(w, world_map(w, w->registers.ttbr0_el1, 1, VA0, 3, leaf, 0));
}

static struct translation go(uint64_t va, bool is_write)
{
    struct mmu_request request = world_request(va, 1);
    request.is_write = is_write;
    struct walk walk = world_peek(w, REGIME_EL10, &request);
    struct translation t = world_go(w, 0, REGIME_EL10, &request);
    cr_assert(translation_same(&t, &walk.result), "kind %u, peek %u", t.fault.kind,
              walk.result.fault.kind);
    return t;
}

Test(mmu_dirty, access_flag_is_set_by_a_read)
{
    uint64_t *leaf = map_page(leaf1(OUT, 0));
    cr_assert_eq(go(VA0, false).pa.bits, OUT);
    cr_assert_eq(*leaf, leaf1(OUT, VMSA_LEAF_AF));
    cr_assert_eq(w->writes, 1);
    cr_assert_eq(w->last_write.kind, ACCESS_WALK);
    cr_assert(w->last_write.atomic && w->last_write.is_write);
    cr_assert_eq(w->told[EVENT_MEM], 1);
    cr_assert_eq(w->last[EVENT_MEM].mem.access, ACCESS_WALK);
    cr_assert_eq(w->last[EVENT_MEM].mem.value, *leaf);
    cr_assert_eq(go(VA0, false).cost, 0, "and the entry is there");
    cr_assert_eq(w->writes, 1);
}

Test(mmu_dirty, without_the_feature_or_the_bit_it_is_a_fault)
{
    uint64_t before = leaf1(OUT, 0), *leaf = map_page(before);
    w->registers.tcr_el1 &= ~TCR_EL1_HA; /* HD alone counts for nothing */
    cr_assert_eq(go(VA0, false).fault.kind, FAULT_ACCESS_FLAG);
    w->registers.tcr_el1 |= TCR_EL1_HA;
    w->config.features = 0;
    cr_assert_eq(go(VA0, false).fault.kind, FAULT_ACCESS_FLAG);
    w->config.features = MMU_FEATURE_AF;
    cr_assert_eq(go(VA0, false).fault.kind, FAULT_NONE);
    cr_assert_eq(*leaf, before | VMSA_LEAF_AF);
    *leaf = before | READ_ONLY | VMSA_LEAF_DBM;
    w->registers.ttbr0_el1 |= UINT64_C(1) << 48;
    world_tlbi(w, 0, TLBI_ALLE1, 0, TLBI_LOCAL);
    world_dsb(w, 0, true);
    mmu_synchronize(&w->mmu[0]);
    cr_assert_eq(go(VA0, true).fault.kind, FAULT_PERMISSION, "no dirty state in this feature");
}

Test(mmu_dirty, a_write_makes_the_page_dirty)
{
    uint64_t before = leaf1(OUT, VMSA_LEAF_AF | READ_ONLY | VMSA_LEAF_DBM);
    uint64_t *leaf = map_page(before);
    struct translation t = go(VA0, false);
    cr_assert_eq(*leaf, before);
    cr_assert_not(t.permissions & (PERMIT_WRITE | PERMIT_WRITE_EL0), "no pointer to write by");
    cr_assert(t.permissions & PERMIT_READ);
    t = go(VA0, true);
    cr_assert_eq(t.fault.kind, FAULT_NONE);
    cr_assert(t.permissions & PERMIT_WRITE);
    cr_assert_eq(*leaf, before & ~READ_ONLY);
    cr_assert_eq(w->last[EVENT_TLB_GONE].tlb_gone.why, 2);
    unsigned writes = w->writes;
    cr_assert_eq(go(VA0 + 8, true).cost, 0);
    cr_assert_eq(w->writes, writes);
}

Test(mmu_dirty, without_dbm_read_only_is_read_only)
{
    uint64_t before = leaf1(OUT, VMSA_LEAF_AF | READ_ONLY), *leaf = map_page(before);
    cr_assert_eq(go(VA0, true).fault.kind, FAULT_PERMISSION);
    cr_assert_eq(*leaf, before);
}

Test(mmu_dirty, limits_of_the_tables_stay)
{
    uint64_t before = leaf1(OUT, VMSA_LEAF_AF | READ_ONLY | VMSA_LEAF_DBM);
    uint64_t pa =
        world_map(w, w->registers.ttbr0_el1, 1, VA0, 3, before, field_put(VMSA_TABLE_APTABLE, 2));
    cr_assert_eq(go(VA0, true).fault.kind, FAULT_PERMISSION);
    cr_assert_eq(*world_descriptor(w, pa), before, "no dirty state where the write faults");
    w->registers.tcr_el1 |= TCR_EL1_HPD0;
    w->registers.ttbr0_el1 |= UINT64_C(1) << 48;
    world_tlbi(w, 0, TLBI_ALLE1, 0, TLBI_LOCAL);
    world_dsb(w, 0, true);
    mmu_synchronize(&w->mmu[0]);
    cr_assert_eq(go(VA0, true).fault.kind, FAULT_NONE, "HPD0: APTable is not looked at");
    cr_assert_eq(*world_descriptor(w, pa), before & ~READ_ONLY);
}

/* A page with DBM counts as writable, dirty or not: EL1 never fetches what EL0 may write. */
Test(mmu_dirty, clean_pages_are_writable_for_execution)
{
    map_page(leaf1(OUT, VMSA_LEAF_AF | READ_ONLY | VMSA_LEAF_DBM));
    struct mmu_request fetch = world_request(VA0, 1);
    fetch.kind = ACCESS_FETCH;
    cr_assert_eq(world_go(w, 0, REGIME_EL10, &fetch).fault.kind, FAULT_PERMISSION);
}

Test(mmu_dirty, who_dirties)
{
    static const struct {
        struct mmu_request request;
        bool sets_flag, dirties;
    } rows[] = {
        {{.el = 1, .is_write = 1}, true, true},
        {{.el = 1, .is_atomic = 1}, true, true},
        {{.el = 0, .is_write = 1}, true, true},
        {{.el = 1, .is_write = 1, .is_at = 1}, true, false},
        {{.el = 1, .is_write = 1, .is_cache_op = 1}, true, false},
        {{.el = 1}, true, false},
        {{.el = 1, .is_write = 1, .pan = 1}, true, false}, /* a permission fault */
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint64_t before = leaf1(OUT, READ_ONLY | VMSA_LEAF_DBM), *leaf = map_page(before);
        struct mmu_request request = rows[i].request;
        request.va = va_make(VA0);
        struct translation t = world_go(w, 0, REGIME_EL10, &request);
        cr_assert_eq(t.fault.kind, request.pan ? FAULT_PERMISSION : FAULT_NONE, "row %zu", i);
        cr_assert_eq((*leaf & VMSA_LEAF_AF) != 0, rows[i].sets_flag, "row %zu", i);
        cr_assert_eq((*leaf & READ_ONLY) == 0, rows[i].dirties, "row %zu", i);
        world_tlbi(w, 0, TLBI_ALLE1, 0, TLBI_LOCAL);
        world_dsb(w, 0, true);
        mmu_synchronize(&w->mmu[0]);
    }
}

Test(mmu_dirty, el2_does_it_too)
{
    uint64_t before = leaf1(OUT, READ_ONLY | VMSA_LEAF_DBM);
    uint64_t pa = world_map(w, w->registers.ttbr0_el2, 1, VA0, 3, before, 0);
    struct mmu_request request = world_request(VA0, 2);
    request.is_write = 1;
    cr_assert_eq(world_go(w, 0, REGIME_EL2, &request).fault.kind, FAULT_NONE);
    cr_assert_eq(*world_descriptor(w, pa), (before | VMSA_LEAF_AF) & ~READ_ONLY);
}

/* The descriptor has been taken away since the entry was made: the write must not revive it. */
Test(mmu_dirty, the_update_looks_at_memory_again)
{
    uint64_t *leaf = map_page(leaf1(OUT, VMSA_LEAF_AF | READ_ONLY | VMSA_LEAF_DBM));
    cr_assert_eq(go(VA0, false).fault.kind, FAULT_NONE);
    *leaf = 0;
    cr_assert_eq(go(VA0, true).fault.kind, FAULT_TRANSLATION);
    cr_assert_eq(*leaf, 0);
}

static void stage2_on(uint64_t bits)
{
    w->registers.hcr_el2 = HCR_EL2_VM;
    w->registers.vtcr_el2 |= bits;
    world_map2_tables(w, w->registers.vttbr_el2);
}

static uint64_t *map_page2(uint64_t leaf)
{
    return world_descriptor(w, world_map(w, w->registers.vttbr_el2, 1, IPA, 3, leaf, 0));
}

Test(mmu_dirty, stage2_updates_its_own_leaf)
{
    stage2_on(VTCR_EL2_HA | VTCR_EL2_HD);
    map_page(leaf1(IPA, VMSA_LEAF_AF));
    uint64_t before =
        (OUT | WORLD_LEAF2 | WORLD_PAGE | VMSA_LEAF_DBM) & ~S2_WRITE & ~(uint64_t)VMSA_S2_LEAF_AF;
    uint64_t *leaf = map_page2(before);
    struct translation t = go(VA0, false);
    cr_assert_eq(t.fault.kind, FAULT_NONE);
    cr_assert_eq(*leaf, before | VMSA_S2_LEAF_AF);
    cr_assert_not(t.permissions & PERMIT_WRITE);
    t = go(VA0, true);
    cr_assert_eq(t.fault.kind, FAULT_NONE);
    cr_assert_eq(t.pa.bits, OUT);
    cr_assert_eq(*leaf, before | VMSA_S2_LEAF_AF | S2_WRITE);
    cr_assert_eq(go(VA0, true).cost, 0);
}

/* Stage 1 alone off: the stage 2 only entry is the one that is clean. */
Test(mmu_dirty, stage2_alone)
{
    stage2_on(VTCR_EL2_HA | VTCR_EL2_HD);
    w->registers.sctlr_el1 = 0;
    uint64_t before =
        (OUT | (WORLD_LEAF2 & ~VMSA_S2_LEAF_MEMATTR) | WORLD_PAGE | VMSA_LEAF_DBM) & ~S2_WRITE;
    uint64_t *leaf = map_page2(before);
    cr_assert_eq(go(IPA, false).fault.kind, FAULT_NONE);
    struct mmu_request request = world_request(IPA + 2, 1);
    request.is_write = 1;
    request.size = 4; /* misaligned in Device memory: a fault, so not dirty */
    cr_assert_eq(world_go(w, 0, REGIME_EL10, &request).fault.kind, FAULT_ALIGNMENT);
    cr_assert_eq(*leaf, before);
    cr_assert_eq(go(IPA, true).fault.kind, FAULT_NONE);
    cr_assert_eq(*leaf, before | S2_WRITE);
}

/* The write of the walker itself needs stage 2 to permit it: S1PTW, and a write. */
Test(mmu_dirty, stage1_update_needs_stage2_to_write)
{
    stage2_on(0);
    uint64_t before = leaf1(IPA, 0), *leaf = map_page(before);
    map_page2(OUT | WORLD_LEAF2 | WORLD_PAGE);
    uint64_t pa = WORLD_RAM_BASE + (uint64_t)((uint8_t *)leaf - w->ram);
    uint64_t block = align_down(pa, UINT64_C(1) << 21);
    uint64_t *leaf2 = world_descriptor(
        w, world_map(w, w->registers.vttbr_el2, 1, block, 2, block | WORLD_LEAF2, 0));
    *leaf2 &= ~S2_WRITE;
    struct translation t = go(VA0, false);
    cr_assert_eq(t.fault.kind, FAULT_PERMISSION);
    cr_assert_eq(t.fault.stage, 2);
    cr_assert_eq(t.fault.level, 2);
    cr_assert_eq(t.fault.s1ptw, 1);
    cr_assert_eq(t.fault.is_write, 1, "of a read: the walker wrote");
    cr_assert_eq(t.fault.ipa.bits, pa);
    cr_assert_eq(*leaf, before);
    /* With dirty state at stage 2 the table's page becomes dirty, and then the descriptor. */
    *leaf2 |= VMSA_LEAF_DBM;
    w->registers.vtcr_el2 |= VTCR_EL2_HA | VTCR_EL2_HD;
    world_tlbi(w, 0, TLBI_ALLE1, 0, TLBI_LOCAL);
    world_dsb(w, 0, true);
    mmu_synchronize(&w->mmu[0]);
    cr_assert_eq(go(VA0, false).fault.kind, FAULT_NONE);
    cr_assert_eq(*leaf, before | VMSA_LEAF_AF);
    cr_assert(*leaf2 & S2_WRITE);
}

/* The same below a table that the walk cache knows, whose IPA the entry keeps. */
Test(mmu_dirty, stage1_update_below_a_known_table)
{
    stage2_on(0);
    uint64_t ipa_table = UINT64_C(0x50000000), pa_table;
    map_page(leaf1(IPA, VMSA_LEAF_AF));
    map_page2(OUT | WORLD_LEAF2 | WORLD_PAGE);
    /* The level 3 table at another IPA than PA. */
    uint64_t level2 = *world_descriptor(w, w->registers.ttbr0_el1 + (VA0 >> 30) * 8);
    uint64_t *entry = world_descriptor(w, (level2 & VMSA_TABLE_ADDRESS) + (VA0 >> 21 & 511) * 8);
    pa_table = *entry & VMSA_TABLE_ADDRESS;
    *entry = ipa_table | 3;
    uint64_t pa_leaf2 = world_map2(w, w->registers.vttbr_el2, ipa_table, pa_table);
    uint64_t *leaf2 = world_descriptor(w, pa_leaf2);
    cr_assert_eq(go(VA0, false).fault.kind, FAULT_NONE);
    uint64_t *next = world_descriptor(w, pa_table + (VA0 >> 12 & 511) * 8 + 8);
    *next = leaf1(IPA, 0);
    *leaf2 &= ~S2_WRITE;
    world_tlbi(w, 0, TLBI_IPAS2E1, ipa_table >> 12, TLBI_LOCAL);
    world_dsb(w, 0, true);
    mmu_synchronize(&w->mmu[0]);
    struct translation t = go(VA0 + 0x1000, false);
    cr_assert_eq(t.fault.s1ptw, 1);
    cr_assert_eq(t.fault.ipa.bits, ipa_table + (VA0 >> 12 & 511) * 8 + 8);
    *leaf2 |= S2_WRITE;
    world_tlbi(w, 0, TLBI_IPAS2E1, ipa_table >> 12, TLBI_LOCAL);
    world_dsb(w, 0, true);
    mmu_synchronize(&w->mmu[0]);
    cr_assert_eq(go(VA0 + 0x1000, false).fault.kind, FAULT_NONE);
    cr_assert_eq(*next, leaf1(IPA, VMSA_LEAF_AF));
}

static enum port_result refuse(void *owner, const struct access *access, const uint64_t value[2])
{
    (void)owner, (void)access, (void)value;
    return PORT_EXTERNAL_ABORT;
}

Test(mmu_dirty, an_update_that_the_bus_refuses)
{
    map_page(leaf1(OUT, 0));
    w->port.write = refuse;
    struct translation t = world_read(w, 0, VA0);
    cr_assert_eq(t.fault.kind, FAULT_EXTERNAL_ON_WALK);
    cr_assert_eq(t.fault.stage, 1);
    cr_assert_eq(t.fault.level, 3);
}

/* Somebody else changes the descriptor all the time: the walk ends all the same. */
static enum port_result change(void *owner, const struct access *access, uint64_t value[2])
{
    enum port_result answer = world_port_read(owner, access, value);
    if (access->atomic)
        *world_descriptor(owner, access->pa.bits) ^= VMSA_LEAF_SOFTWARE;
    return answer;
}

Test(mmu_dirty, a_descriptor_that_never_rests)
{
    uint64_t *leaf = map_page(leaf1(OUT, 0));
    w->port.read = change;
    *leaf ^= VMSA_LEAF_SOFTWARE;
    struct translation t = world_read(w, 0, VA0);
    cr_assert_eq(t.pa.bits, OUT);
    cr_assert_leq(w->told[EVENT_WALK], 8 + 3);
}

/* ---- the contiguous bit ---- */

static uint32_t take_contiguous(const struct choice_name *name, uint32_t n)
{
    (void)n;
    return name->kind == CHOICE_TLB_CONTIGUOUS;
}

/* Page i of a set of 16. */
static void map_set(uint64_t output)
{
    for (uint64_t i = 0; i < 16; i++)
        world_map(w, w->registers.ttbr0_el1, 1, i << 12, 3,
                  leaf1(output + (i << 12), VMSA_LEAF_AF | VMSA_LEAF_CONTIGUOUS), 0);
}

Test(mmu_dirty, contiguous_sets_only_where_the_choice_says_so)
{
    map_set(OUT & ~UINT64_C(0xffff));
    cr_assert_eq(world_read(w, 0, 0x3000).size_log2, 12, "closed: never");
    w->chooser.open_mask |= UINT32_C(1) << CHOICE_TLB_CONTIGUOUS;
    cr_assert_eq(world_read(w, 0, 0x4000).size_log2, 12, "answer 0");
    w->answer = take_contiguous;
    struct translation t = world_read(w, 0, 0x5008);
    cr_assert_eq(t.size_log2, 16);
    cr_assert_eq(t.pa.bits, (OUT & ~UINT64_C(0xffff)) + 0x5008);
    unsigned walks = w->told[EVENT_WALK];
    cr_assert_eq(world_read(w, 0, 0xf010).pa.bits, (OUT & ~UINT64_C(0xffff)) + 0xf010);
    cr_assert_eq(w->told[EVENT_WALK], walks);
    /* One page's TLBI takes the entry of the set. */
    world_tlbi(w, 0, TLBI_VAE1, 9, TLBI_LOCAL);
    world_dsb(w, 0, true);
    mmu_synchronize(&w->mmu[0]);
    w->answer = NULL;
    cr_assert_eq(world_read(w, 0, 0xf010).size_log2, 12);
}

/* A set that does not agree: two entries, and which one is used is the choice tlb-conflict. */
Test(mmu_dirty, a_misprogrammed_contiguous_set)
{
    map_set(OUT & ~UINT64_C(0xffff));
    uint64_t odd = UINT64_C(0x90000000);
    world_map(w, w->registers.ttbr0_el1, 1, 0x2000, 3,
              leaf1(odd, VMSA_LEAF_AF | VMSA_LEAF_CONTIGUOUS), 0);
    cr_assert_eq(world_read(w, 0, 0x2000).pa.bits, odd);
    w->chooser.open_mask |= UINT32_C(1) << CHOICE_TLB_CONTIGUOUS;
    w->answer = take_contiguous;
    cr_assert_eq(world_read(w, 0, 0x7000).size_log2, 16);
    struct regime regime = world_regime(w, REGIME_EL10);
    struct mmu_request request = world_request(0x2000, 1);
    struct translation t;
    mmu_translate(&w->mmu[0], &regime, &request, &t);
    cr_assert_eq(t.pa.bits, odd, "the older entry");
}

Test(mmu_dirty, contiguous_sizes)
{
    static const struct {
        unsigned page_log2, tg0, level, set_log2;
    } rows[] = {{12, 0, 3, 16}, {12, 0, 2, 25}, {12, 0, 1, 34}, {14, 2, 3, 21},
                {14, 2, 2, 30}, {16, 1, 3, 21}, {16, 1, 2, 34}};
    w->config.granules = MMU_GRANULE_4K | MMU_GRANULE_16K | MMU_GRANULE_64K;
    w->config.pa_bits = 48;
    w->chooser.open_mask |= UINT32_C(1) << CHOICE_TLB_CONTIGUOUS;
    w->answer = take_contiguous;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint64_t va = UINT64_C(0x2345678901), out = UINT64_C(0x400000000000);
        uint64_t set = bits_ones(rows[i].set_log2);
        unsigned page_log2 = rows[i].page_log2;
        unsigned shift = page_log2 + (page_log2 - 3) * (3 - rows[i].level);
        w->registers.tcr_el1 = field_put(TCR_EL1_T0SZ, 16) | field_put(TCR_EL1_IPS, 5) |
                               field_put(TCR_EL1_TG0, rows[i].tg0) | TCR_EL1_AS;
        w->registers.ttbr0_el1 = world_table(w, UINT64_C(1) << page_log2) | (uint64_t)i << 48;
        uint64_t leaf = (out | (va & set)) >> shift << shift;
        leaf |= WORLD_LEAF1 | VMSA_LEAF_CONTIGUOUS | VMSA_LEAF_NG | (rows[i].level == 3 ? 2 : 0);
        world_map_granule(w, page_log2, w->registers.ttbr0_el1 & bits_ones(48),
                          page_log2 == 16 ? 1 : 0, 48, va, rows[i].level, leaf, 0);
        struct translation t = world_read(w, 0, va);
        cr_assert_eq(t.size_log2, rows[i].set_log2, "row %zu", i);
        cr_assert_eq(t.pa.bits, out | (va & set));
        cr_assert_eq(world_read(w, 0, va ^ (UINT64_C(1) << (rows[i].set_log2 - 1))).pa.bits,
                     out | ((va & set) ^ (UINT64_C(1) << (rows[i].set_log2 - 1))));
    }
}
