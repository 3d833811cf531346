/*
 * The TLB as a whole. A generator makes page tables of several VMs and address spaces, accesses
 * and table changes; after each change comes the invalidation that the architecture asks for, and
 * then every access must give what a walk without a TLB gives, whatever was left open. Beside it:
 * replacement, restoring, conflicts, eviction, and what observers see.
 */
#include <criterion/criterion.h>

#include "mmu/tlb_index.h"
#include "tests/unit/mmu_world.h"

#define OUT UINT64_C(0x80000000)
#define UPPER UINT64_C(0xffffff8000000000)
#define VM_COUNT 4u   /* 0 is a host: stage 2 off */
#define SPACE_COUNT 2u
#define POOL 6u       /* pages of each region that are used */

struct vm {
    uint64_t stage2, upper, lower[SPACE_COUNT];
};

struct zoo {
    struct world *w;
    struct vm vm[VM_COUNT];
    uint64_t el2;
};

static uint64_t below(struct zoo *z, uint64_t n)
{
    return world_random(z->w) % n;
}

/* Addresses: four regions of 2 MiB, some pages of each. */
static uint64_t pick_input(struct zoo *z)
{
    uint64_t region = below(z, 4), page = below(z, POOL);
    return (region < 3 ? region << 21 : UINT64_C(1) << 30) | page << 12;
}

static uint64_t pick_leaf1(struct zoo *z)
{
    uint64_t leaf = (1u + below(z, 3)) << 30 | pick_input(z) | VMSA_LEAF_AF | WORLD_PAGE | 1u |
                    field_put(VMSA_LEAF_AP, below(z, 4)) |
                    field_put(VMSA_LEAF_ATTRINDX, below(z, 4));
    if (below(z, 4) == 0)
        leaf |= VMSA_LEAF_UXN;
    return below(z, 8) == 0 ? 0 : leaf;
}

static uint64_t pick_leaf2(struct zoo *z)
{
    uint64_t leaf = OUT | below(z, 1u << 12) << 12 | VMSA_S2_LEAF_AF | WORLD_PAGE | 1u |
                    field_put(VMSA_S2_LEAF_S2AP, below(z, 8) ? 3 : below(z, 4)) |
                    field_put(VMSA_S2_LEAF_MEMATTR, below(z, 4) ? 15 : below(z, 16));
    return below(z, 10) == 0 ? 0 : leaf;
}

/* The registers of an address space of a VM. */
static void enter(struct zoo *z, unsigned vm, unsigned space)
{
    struct vmsa_registers *r = &z->w->registers;
    const struct vm *v = &z->vm[vm];
    r->hcr_el2 = vm == 0 ? 0 : HCR_EL2_VM;
    r->vttbr_el2 = v->stage2 | (uint64_t)vm << 48;
    r->ttbr0_el1 = v->lower[space] | (uint64_t)(space + 1) << 48;
    r->ttbr1_el1 = v->upper;
    r->ttbr0_el2 = z->el2;
}

/*
 * Puts a leaf; a block now and then. True: a table went for it, so that entries of other pages are
 * stale too.
 */
static bool change(struct zoo *z, uint64_t root, uint64_t input, uint64_t leaf)
{
    unsigned level = 3;
    bool table_went = false;
    uint64_t *l1 = world_descriptor(z->w, root + (input >> 30 & 511) * 8);
    if ((*l1 & 3) == 3) {
        uint64_t *l2 = world_descriptor(z->w, (*l1 & VMSA_TABLE_ADDRESS) +
                                                  (input >> 21 & 511) * 8);
        bool is_table = (*l2 & 3) == 3;
        if (below(z, is_table ? 12 : 2) == 0) {
            level = 2;
            table_went = is_table;
            leaf &= ~(bits_ones(21) & VMSA_LEAF_ADDRESS) & ~(uint64_t)WORLD_PAGE;
        } else if (!is_table) {
            *l2 = 0;
        }
    }
    world_map(z->w, root, 1, input, level, leaf, 0);
    return table_went;
}

static void invalidate(struct zoo *z, enum tlbi_operation operation, uint64_t operand)
{
    unsigned issuer = (unsigned)below(z, WORLD_PE_COUNT);
    world_tlbi(z->w, issuer, operation, operand, TLBI_INNER);
    world_dsb(z->w, issuer, true);
    mmu_synchronize(&z->w->mmu[issuer]);
}

static void change_stage1(struct zoo *z)
{
    unsigned vm = (unsigned)below(z, VM_COUNT), space = (unsigned)below(z, SPACE_COUNT);
    bool upper = below(z, 3) == 0;
    uint64_t input = pick_input(z), va = upper ? UPPER | input : input;
    uint64_t leaf = pick_leaf1(z);
    static const enum tlbi_operation wide[] = {TLBI_VMALLE1, TLBI_VMALLS12E1, TLBI_ALLE1};
    enter(z, vm, space);
    bool all = change(z, upper ? z->vm[vm].upper : z->vm[vm].lower[space], input,
                      leaf && !upper ? leaf | VMSA_LEAF_NG : leaf);
    uint64_t page = va >> 12 & bits_ones(44), asid = (uint64_t)(space + 1) << 48;
    switch (all ? 0 : below(z, 6)) {
    case 0:
        invalidate(z, wide[below(z, ARRAY_COUNT(wide))], 0);
        break;
    case 1:
        invalidate(z, TLBI_VAAE1, page);
        break;
    case 2:
        invalidate(z, TLBI_VAALE1, page); /* only a leaf has changed */
        break;
    case 3:
        invalidate(z, TLBI_VALE1, page | asid); /* an upper one is global */
        break;
    case 4:
        if (!upper) {
            invalidate(z, TLBI_ASIDE1, asid);
            break;
        }
        /* fall through */
    default:
        /* Upper tables are shared by all address spaces: each has table entries. */
        for (unsigned s = 0; s < SPACE_COUNT; s++)
            if (upper || s == space)
                invalidate(z, TLBI_VAE1, page | (uint64_t)(s + 1) << 48);
        break;
    }
}

static void change_stage2(struct zoo *z)
{
    unsigned vm = 1 + (unsigned)below(z, VM_COUNT - 1);
    uint64_t ipa = (1u + below(z, 3)) << 30 | pick_input(z);
    if (ipa >= WORLD_RAM_BASE && ipa < WORLD_RAM_BASE + WORLD_RAM_PAGES * (uint64_t)PAGE_BYTES)
        ipa += UINT64_C(1) << 30; /* that is where the tables are */
    enter(z, vm, 0);
    bool all = change(z, z->vm[vm].stage2, ipa, pick_leaf2(z));
    if (!all && below(z, 2)) {
        invalidate(z, below(z, 2) ? TLBI_IPAS2E1 : TLBI_IPAS2LE1, ipa >> 12);
        invalidate(z, TLBI_VMALLE1, 0);
    } else {
        invalidate(z, below(z, 2) ? TLBI_VMALLS12E1 : TLBI_ALLE1, 0);
    }
}

static void change_el2(struct zoo *z)
{
    uint64_t va = pick_input(z);
    static const enum tlbi_operation ways[] = {TLBI_ALLE2, TLBI_VAE2, TLBI_VALE2};
    bool all = change(z, z->el2, va, pick_leaf1(z));
    invalidate(z, ways[all ? 0 : below(z, ARRAY_COUNT(ways))], va >> 12);
}

static void access_one(struct zoo *z)
{
    bool el2 = below(z, 5) == 0;
    uint64_t va = pick_input(z) | below(z, 4096);
    if (!el2 && below(z, 3) == 0)
        va |= UPPER;
    enter(z, (unsigned)below(z, VM_COUNT), (unsigned)below(z, SPACE_COUNT));
    struct mmu_request r = world_request(va, el2 ? 2 : (unsigned)below(z, 2));
    r.kind = below(z, 3) ? ACCESS_PLAIN : ACCESS_FETCH;
    r.is_write = r.kind == ACCESS_PLAIN && below(z, 2);
    r.size = below(z, 2) ? 8 : 0;
    r.stage1_only = r.is_at = below(z, 16) == 0;
    enum regime_kind kind = el2 ? REGIME_EL2 : REGIME_EL10;
    struct walk walk = world_peek(z->w, kind, &r);
    struct translation t = world_go(z->w, (unsigned)below(z, WORLD_PE_COUNT), kind, &r);
    if (r.stage1_only) { /* an entry of both stages may be smaller than the leaf of the first */
        cr_assert_leq(t.size_log2, walk.result.size_log2);
        t.size_log2 = walk.result.size_log2;
    }
    cr_assert(translation_same(&t, &walk.result), "va %#llx: fault %u stage %u, walk %u %u",
              (unsigned long long)va, t.fault.kind, t.fault.stage, walk.result.fault.kind,
              walk.result.fault.stage);
}

static struct zoo zoo_new(uint64_t seed, uint32_t tlb_entries)
{
    struct zoo z = {.w = world_new(tlb_entries)};
    z.w->random = seed;
    z.el2 = world_page(z.w);
    for (unsigned vm = 0; vm < VM_COUNT; vm++) {
        z.vm[vm].stage2 = world_page(z.w);
        world_map2_tables(z.w, z.vm[vm].stage2);
        z.vm[vm].upper = world_page(z.w);
        for (unsigned s = 0; s < SPACE_COUNT; s++)
            z.vm[vm].lower[s] = world_page(z.w);
    }
    return z;
}

static void zoo_step(struct zoo *z)
{
    uint64_t what = below(z, 40);
    if (what < 2)
        change_stage1(z);
    else if (what == 2)
        change_stage2(z);
    else if (what == 3)
        change_el2(z);
    else
        access_one(z);
}

static uint32_t answer_random(const struct choice_name *name, uint32_t n)
{
    return (uint32_t)(hash_mix(name->ordinal * 64 + name->object + name->kind * 131) % n);
}

static void zoo_run(uint64_t seed, uint32_t tlb_entries, unsigned steps, bool restoring)
{
    struct zoo z = zoo_new(seed, tlb_entries);
    z.w->answer = answer_random;
    z.w->chooser.open_mask |= 1u << CHOICE_TLB_EVICT;
    for (unsigned i = 0; i < steps; i++) {
        zoo_step(&z);
        if (restoring && i % 7 == 0)
            mmu_restored(&z.w->mmu[i & 1]);
    }
    cr_assert_gt(z.w->told[EVENT_TLB_HIT], steps / 4);
    cr_assert_gt(z.w->told[EVENT_TLB_GONE], 0);
    world_free(z.w);
}

Test(mmu_tlb, after_maintenance_a_hit_is_a_walk)
{
    unsigned rounds = getenv("LONG") ? 600 : 40;
    for (uint64_t seed = 1; seed <= rounds; seed++)
        zoo_run(seed, 512, 6000, false);
}

Test(mmu_tlb, also_when_small_and_restored)
{
    static const uint32_t sizes[] = {1, 3, 16, 65, 130};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++)
        zoo_run(1000 + i, sizes[i], 4000, true);
}

/* The index is rebuilt after each step in one world and never in the other: all bytes agree. */
Test(mmu_tlb, results_do_not_depend_on_the_index)
{
    struct zoo a = zoo_new(77, 100), b = zoo_new(77, 100);
    for (unsigned i = 0; i < 3000; i++) {
        zoo_step(&a);
        zoo_step(&b);
        mmu_restored(&b.w->mmu[0]);
        mmu_restored(&b.w->mmu[1]);
        cr_assert_eq(a.w->random, b.w->random);
        cr_assert_eq(memcmp(a.w->state, b.w->state, sizeof a.w->state), 0, "step %u", i);
        if (i % 16 == 0)
            cr_assert_eq(cow_hash(a.w->memory), cow_hash(b.w->memory), "step %u", i);
    }
    cr_assert_eq(memcmp(a.w->told, b.w->told, sizeof a.w->told), 0);
    world_free(a.w);
    world_free(b.w);
}

/* --- single properties --- */

static struct world *w;

static void setup(void)
{
    w = world_new(8);
    w->registers.ttbr0_el1 = world_page(w);
    w->registers.vttbr_el2 = world_page(w);
    for (uint64_t i = 0; i < 32; i++)
        world_map1(w, w->registers.ttbr0_el1, i << 12, OUT + (i << 12), VMSA_LEAF_NG);
}

static void teardown(void)
{
    world_free(w);
}

TestSuite(mmu_tlb_single, .init = setup, .fini = teardown);

Test(mmu_tlb_single, a_hit_changes_nothing)
{
    struct translation miss = world_read(w, 0, 0x3000), hit;
    cr_assert_eq(miss.cost, 3 * 10 + 5);
    uint64_t before = cow_hash(w->memory);
    struct mmu_state state = w->state[0];
    hit = world_read(w, 0, 0x3ff8);
    cr_assert_eq(hit.cost, 0);
    cr_assert_eq(hit.entry, miss.entry);
    cr_assert_eq(hit.pa.bits, OUT + 0x3ff8);
    cr_assert_eq(cow_hash(w->memory), before);
    cr_assert_eq(memcmp(&state, &w->state[0], sizeof state), 0);
    cr_assert_eq(w->last[EVENT_TLB_HIT].tlb_hit.entry, miss.entry);
}

Test(mmu_tlb_single, walks_start_at_the_nearest_table)
{
    world_read(w, 0, 0);
    cr_assert_eq(w->told[EVENT_WALK], 3);
    cr_assert_eq(world_read(w, 0, 0x1000).cost, 10 + 5, "only the last level is read");
    cr_assert_eq(w->told[EVENT_WALK], 4);
}

Test(mmu_tlb_single, the_oldest_goes_first)
{
    for (uint64_t i = 0; i < 6; i++)
        world_read(w, 0, i << 12); /* two tables and six pages */
    cr_assert_eq(w->state[0].tlb_valid, 8);
    cr_assert_eq(w->state[0].evictions, 0);
    world_read(w, 0, 0); /* a hit does not make it younger */
    world_read(w, 0, 6 << 12);
    cr_assert_eq(w->state[0].evictions, 1);
    cr_assert_eq(w->last[EVENT_TLB_GONE].tlb_gone.entry, 1);
    cr_assert_eq(w->last[EVENT_TLB_GONE].tlb_gone.why, 1);
    world_read(w, 0, 7 << 12);
    world_read(w, 0, 8 << 12);
    cr_assert_gt(world_read(w, 0, 0).cost, 0, "page 0 was the third entry");
    struct tlb_view views[8];
    cr_assert_eq(mmu_tlb_list(&w->mmu[0], views, 8), 8);
    for (unsigned i = 1; i < 8; i++)
        cr_assert_lt(views[i - 1].entry, views[i].entry);
    cr_assert_eq(mmu_tlb_list(&w->mmu[0], views, 3), 3);
}

Test(mmu_tlb_single, a_snapshot_brings_entries_back)
{
    world_read(w, 0, 0x2000);
    struct cow_snapshot *snapshot = cow_save(w->memory);
    struct mmu_state state = w->state[0];
    for (uint64_t i = 3; i < 20; i++)
        world_read(w, 0, i << 12);
    cr_assert_gt(world_read(w, 0, 0x2000).cost, 0);
    uint64_t generation = w->mmu[0].revoked.generation;
    cow_restore(w->memory, snapshot);
    w->state[0] = state;
    mmu_restored(&w->mmu[0]);
    cr_assert_gt(w->mmu[0].revoked.generation, generation);
    cr_assert_eq(world_read(w, 0, 0x2000).cost, 0);
    cr_assert_eq(world_read(w, 0, 0x3000).cost, 15);
    cow_snapshot_free(snapshot);
}

Test(mmu_tlb_single, spaces_and_globals)
{
    uint64_t other = world_page(w), root = w->registers.ttbr0_el1;
    world_map1(w, other, 0x1000, OUT + 0x100000, VMSA_LEAF_NG);
    world_map1(w, root, 0x40000, OUT + 0x200000, 0);
    w->registers.ttbr0_el1 = root | UINT64_C(1) << 48;
    cr_assert_eq(world_read(w, 0, 0x1000).pa.bits, OUT + 0x1000);
    world_read(w, 0, 0x40000);
    w->registers.ttbr0_el1 = other | UINT64_C(2) << 48;
    cr_assert_eq(world_read(w, 0, 0x1000).pa.bits, OUT + 0x100000);
    cr_assert_eq(world_read(w, 0, 0x40000).pa.bits, OUT + 0x200000, "global: any ASID");
    w->registers.ttbr0_el1 = other | UINT64_C(1) << 48; /* forgot to change the ASID */
    cr_assert_eq(world_read(w, 0, 0x1000).pa.bits, OUT + 0x1000, "the stale one is hit");
    w->registers.tcr_el1 |= TCR_EL1_A1;
    w->registers.ttbr1_el1 = UINT64_C(2) << 48;
    cr_assert_eq(world_read(w, 0, 0x1000).pa.bits, OUT + 0x100000);
}

Test(mmu_tlb_single, asid_and_vmid_widths)
{
    uint64_t root = w->registers.ttbr0_el1;
    w->registers.tcr_el1 &= ~TCR_EL1_AS;
    w->registers.ttbr0_el1 = root | UINT64_C(0x0101) << 48;
    w->registers.vttbr_el2 = UINT64_C(0x0203) << 48;
    w->registers.vtcr_el2 &= ~VTCR_EL2_VS;
    struct regime regime = world_regime(w, REGIME_EL10);
    cr_assert_eq(regime.asid, 1);
    cr_assert_eq(regime.vmid, 3);
    w->registers.tcr_el1 |= TCR_EL1_AS;
    w->registers.vtcr_el2 |= VTCR_EL2_VS;
    regime = world_regime(w, REGIME_EL10);
    cr_assert_eq(regime.asid, 0x101);
    cr_assert_eq(regime.vmid, 0x203);
    w->config.asid_bits = w->config.vmid_bits = 8;
    regime = world_regime(w, REGIME_EL10);
    cr_assert_eq(regime.asid, 1);
    cr_assert_eq(regime.vmid, 3);
}

static uint32_t wanted;

static uint32_t answer_wanted(const struct choice_name *name, uint32_t n)
{
    return name->kind == CHOICE_TLB_CONFLICT || name->kind == CHOICE_TLB_EVICT
               ? wanted < n ? wanted : n - 1
               : 0;
}

Test(mmu_tlb_single, two_entries_match)
{
    uint64_t root = w->registers.ttbr0_el1;
    world_read(w, 0, 0x1000);
    /* Break before make forgotten: a block over the pages. */
    world_map(w, root, 1, 0, 2, UINT64_C(0x90000000) | WORLD_LEAF1 | VMSA_LEAF_NG, 0);
    w->answer = answer_wanted;
    world_tlbi(w, 0, TLBI_ASIDE1, UINT64_C(9) << 48, TLBI_INNER); /* removes nothing */
    world_dsb(w, 0, true);
    mmu_synchronize(&w->mmu[0]);
    cr_assert_eq(world_read(w, 0, 0x9000).pa.bits, OUT + 0x9000, "the table entry is used");
    world_tlbi(w, 0, TLBI_VAE1, 0x9, TLBI_INNER); /* the table entries for it go, page 1 stays */
    world_dsb(w, 0, true);
    mmu_synchronize(&w->mmu[0]);
    cr_assert_eq(world_read(w, 0, 0x9000).pa.bits, UINT64_C(0x90009000));
    w->chooser.open_mask |= 1u << CHOICE_TLB_CONFLICT;
    wanted = 0;
    cr_assert_eq(world_read(w, 0, 0x1000).pa.bits, OUT + 0x1000, "0: the older entry");
    wanted = 1;
    cr_assert_eq(world_read(w, 0, 0x1000).pa.bits, UINT64_C(0x90001000));
    wanted = 2;
    cr_assert_eq(world_read(w, 0, 0x1000).fault.kind, FAULT_TLB_CONFLICT);
}

Test(mmu_tlb_single, an_entry_may_vanish)
{
    world_read(w, 0, 0x1000);
    w->answer = answer_wanted;
    w->chooser.open_mask |= 1u << CHOICE_TLB_EVICT;
    wanted = 0;
    cr_assert_eq(world_read(w, 0, 0x1000).cost, 0);
    wanted = 1;
    cr_assert_gt(world_read(w, 0, 0x1000).cost, 0);
    cr_assert_eq(w->last[EVENT_TLB_GONE].tlb_gone.why, 1);
}

Test(mmu_tlb_single, peeking_changes_nothing)
{
    world_read(w, 0, 0x1000);
    world_tlbi(w, 1, TLBI_VMALLE1, 0, TLBI_INNER);
    struct mmu_state state = w->state[0];
    uint64_t hash = cow_hash(w->memory), generation = w->mmu[0].revoked.generation;
    unsigned told[64];
    struct choice_counts counts = w->counts;
    memcpy(told, w->told, sizeof told);
    struct mmu_request r = world_request(0x1000, 1);
    cr_assert_eq(world_peek(w, REGIME_EL10, &r).step_count, 3);
    cr_assert_eq(memcmp(&state, &w->state[0], sizeof state), 0);
    cr_assert_eq(memcmp(told, w->told, sizeof told), 0);
    cr_assert_eq(memcmp(&counts, &w->counts, sizeof counts), 0);
    cr_assert_eq(cow_hash(w->memory), hash);
    cr_assert_eq(w->mmu[0].revoked.generation, generation);
}

/* Serial numbers have 32 bits: at their end everything goes, and order by age stays right. */
Test(mmu_tlb_single, serial_numbers_end)
{
    world_read(w, 0, 0x1000);
    w->state[0].fills = UINT32_MAX - 1;
    world_read(w, 0, 0x2000);
    cr_assert_eq(world_read(w, 0, 0x3000).entry, 1);
    cr_assert_eq(w->state[0].tlb_valid, 1);
    cr_assert_gt(world_read(w, 0, 0x2000).cost, 0);
}
