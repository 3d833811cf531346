/*
 * Walks nobody asked for (choice spec-fill): that a use may find what a walk at any earlier moment
 * would have left and no invalidation has removed since, and nothing else.
 */
#include <criterion/criterion.h>

#include "mmu/versions.h"
#include "tests/unit/mmu_world.h"

#define VA UINT64_C(0x10000000)
#define IPA UINT64_C(0x20000000) /* of what VA leads to under stage 2 */
#define OLD UINT64_C(0x41000000)
#define NEW UINT64_C(0x42000000)

static struct {
    unsigned fills, fill_n, conflicts; /* questions asked */
    uint32_t fill, deliver;            /* answers: to all of them */
    uint32_t conflict;
} asked;

static uint32_t answer(const struct choice_name *name, uint32_t n)
{
    if (name->kind == CHOICE_TLBI_DELIVER)
        return asked.deliver;
    if (name->kind == CHOICE_TLB_CONFLICT) {
        asked.conflicts++;
        return asked.conflict;
    }
    asked.fills++;
    asked.fill_n = n;
    return asked.fill < n ? asked.fill : n - 1;
}

struct past {
    struct world *w;
    struct version_log log;
    uint64_t root1, root2, leaf1, leaf2; /* leaf: address of the descriptor */
};

static void tell(struct past *p, unsigned el)
{
    struct regime el10 = world_regime(p->w, REGIME_EL10), el2 = world_regime(p->w, REGIME_EL2);
    for (unsigned pe = 0; pe < WORLD_PE_COUNT; pe++)
        mmu_tell_regimes(&p->w->mmu[pe], &el10, &el2, el);
}

/* A world whose PEs run at EL1, stage 1 mapping VA to OLD, through IPA with stage 2. */
static struct past past_new(bool stage2)
{
    struct past p = {.w = world_new(256)};
    memset(&asked, 0, sizeof asked);
    p.w->answer = answer;
    p.w->chooser.open_mask |= 1u << CHOICE_SPEC_FILL | 1u << CHOICE_TLB_CONFLICT;
    p.log = (struct version_log){.memory = cow_new(version_log_pages(WORLD_RAM_PAGES)),
                                 .ram_base = WORLD_RAM_BASE,
                                 .ram_pages = WORLD_RAM_PAGES,
                                 .chooser = &p.w->chooser};
    p.root1 = world_page(p.w);
    world_page(p.w);
    p.root2 = world_page(p.w);
    p.w->registers.ttbr0_el1 = p.root1;
    p.leaf1 = world_map1(p.w, p.root1, VA, stage2 ? IPA : OLD, 0);
    if (stage2) {
        p.w->registers.hcr_el2 = HCR_EL2_VM;
        p.w->registers.vttbr_el2 = p.root2 | UINT64_C(7) << 48;
        world_map2_tables(p.w, p.root2);
        p.leaf2 = world_map2(p.w, p.root2, IPA, OLD);
    }
    return p;
}

/* The log is kept from here on. */
static void past_begin(struct past *p)
{
    for (unsigned pe = 0; pe < WORLD_PE_COUNT; pe++)
        p->w->mmu[pe].versions = &p->log;
    tell(p, 1);
}

static void past_free(struct past *p)
{
    cow_free(p->log.memory);
    world_free(p->w);
}

static void store(struct past *p, uint64_t pa, uint64_t value)
{
    uint64_t offset = align_down(pa, PAGE_BYTES) - WORLD_RAM_BASE;
    version_log_store(&p->log, pa_make(pa), p->w->ram + offset, &value, sizeof value);
    *world_descriptor(p->w, pa) = value;
}

static void invalidate(struct past *p, enum tlbi_operation operation, uint64_t operand)
{
    world_tlbi(p->w, 0, operation, operand, TLBI_INNER);
    for (unsigned pe = 0; pe < WORLD_PE_COUNT; pe++)
        mmu_tlbi_finish(&p->w->mmu[pe], 0, true);
    mmu_synchronize(&p->w->mmu[0]);
}

static uint64_t read_pa(struct past *p, unsigned pe)
{
    struct translation t = world_read(p->w, pe, VA);
    return t.fault.kind == FAULT_NONE ? t.pa.bits : 0;
}

static uint64_t changed(uint64_t descriptor, uint64_t output)
{
    return (descriptor & ~VMSA_LEAF_ADDRESS) | output;
}

#define VA_OPERAND (VA >> 12)

/* ---- Stage 1 alone ---- */

/* While nothing changes there is nothing to ask. */
Test(mmu_speculate, nothing_is_asked_while_nothing_changes)
{
    struct past p = past_new(true);
    past_begin(&p);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(read_pa(&p, 1), OLD);
        invalidate(&p, TLBI_VMALLS12E1, 0);
    }
    cr_assert_eq(asked.fills, 0);
    past_free(&p);
}

/* The invalidation before the store: a walk in between leaves the old translation. */
static void store_and_flush(bool flush_first, bool breaks, uint32_t fill, uint64_t wanted,
                            unsigned wanted_fills)
{
    struct past p = past_new(false);
    past_begin(&p);
    cr_assert_eq(read_pa(&p, 1), OLD);
    asked.fill = fill;
    if (flush_first)
        invalidate(&p, TLBI_VAE1, VA_OPERAND);
    store(&p, p.leaf1, breaks ? 0 : changed(*world_descriptor(p.w, p.leaf1), NEW));
    if (!flush_first)
        invalidate(&p, TLBI_VAE1, VA_OPERAND);
    cr_expect_eq(read_pa(&p, 1), wanted, "%#lx", (unsigned long)read_pa(&p, 1));
    cr_expect_eq(asked.fills, wanted_fills);
    past_free(&p);
}

Test(mmu_speculate, a_flush_before_the_store_does_not_help)
{
    store_and_flush(true, true, 1, OLD, 1);
    store_and_flush(true, true, 0, 0, 1);
    store_and_flush(true, false, 1, OLD, 1);
    store_and_flush(true, false, 0, NEW, 1);
}

Test(mmu_speculate, a_flush_after_the_store_leaves_no_question)
{
    store_and_flush(false, true, 1, 0, 0);
    store_and_flush(false, false, 1, NEW, 0);
}

/* The log begins with what was there; that a walk never came by before makes no difference. */
Test(mmu_speculate, what_was_never_used_may_be_there)
{
    struct past p = past_new(false);
    past_begin(&p);
    asked.fill = 1;
    store(&p, p.root1, *world_descriptor(p.w, p.root1)); /* no change, no event */
    read_pa(&p, 0);                                      /* another PE's walk shows the tables */
    store(&p, p.leaf1, 0);
    cr_assert_eq(read_pa(&p, 1), OLD);
    past_free(&p);
}

/* An entry is there, and a new one beside it: break-before-make was forgotten. */
Test(mmu_speculate, a_change_without_break_makes_a_conflict)
{
    for (uint32_t conflict = 0; conflict < 3; conflict++) {
        struct past p = past_new(false);
        past_begin(&p);
        cr_assert_eq(read_pa(&p, 1), OLD);
        asked.fill = 1;
        asked.conflict = conflict;
        store(&p, p.leaf1, changed(*world_descriptor(p.w, p.leaf1), NEW));
        struct translation t = world_read(p.w, 1, VA);
        cr_assert_eq(asked.fills, 0); /* a walk now is no walk of the past: the entry is hit */
        store(&p, p.leaf1, 0);
        t = world_read(p.w, 1, VA);
        cr_assert_eq(asked.fills, 1);
        cr_assert_eq(asked.conflicts, 1);
        cr_assert_eq(t.fault.kind, conflict == 2 ? FAULT_TLB_CONFLICT : FAULT_NONE);
        if (conflict < 2)
            cr_assert_eq(t.pa.bits, conflict ? NEW : OLD);
        past_free(&p);
    }
}

/* Of combined entries the abort may be one of either stage, and so go to EL1 or to EL2. */
Test(mmu_speculate, a_conflict_of_both_stages_goes_to_either_level)
{
    for (uint32_t conflict = 0; conflict < 4; conflict++) {
        struct past p = past_new(true);
        past_begin(&p);
        cr_assert_eq(read_pa(&p, 1), OLD);
        asked.fill = 1;
        asked.conflict = conflict;
        store(&p, p.leaf2, changed(*world_descriptor(p.w, p.leaf2), NEW));
        invalidate(&p, TLBI_IPAS2E1, IPA >> 12); /* the combined entry stays */
        store(&p, p.leaf2, 0);
        struct translation t = world_read(p.w, 1, VA);
        cr_assert_eq(asked.conflicts, 1);
        cr_assert_eq(t.fault.kind, conflict >= 2 ? FAULT_TLB_CONFLICT : FAULT_NONE);
        if (conflict >= 2)
            cr_assert_eq(t.fault.stage, conflict - 1);
        else
            cr_assert_eq(t.pa.bits, conflict ? NEW : OLD);
        past_free(&p);
    }
}

/* A table that is freed while its entry is kept: the walk goes on in what is there now. */
static void table_reused(enum tlbi_operation operation, uint32_t fill, uint64_t wanted)
{
    struct past p = past_new(false);
    past_begin(&p);
    cr_assert_eq(read_pa(&p, 1), OLD);
    asked.fill = fill;
    uint64_t leaf = *world_descriptor(p.w, p.leaf1);
    uint64_t level1 = p.root1, level2;
    level2 = (*world_descriptor(p.w, level1 + 8 * (VA >> 30)) & VMSA_TABLE_ADDRESS) +
             8 * (VA >> 21 & 511);
    store(&p, level2, 0);
    invalidate(&p, operation, VA_OPERAND);
    store(&p, p.leaf1, changed(leaf, NEW));
    if (operation == TLBI_VALE1) /* the live table entry, too, is one that was kept */
        cr_expect_eq(read_pa(&p, 1), NEW);
    else
        cr_expect_eq(read_pa(&p, 1), wanted);
    past_free(&p);
}

Test(mmu_speculate, a_leaf_only_invalidation_keeps_tables)
{
    table_reused(TLBI_VALE1, 0, NEW);
    table_reused(TLBI_VAE1, 1, 0);
}

/* The same where no walk of the program has left a table entry: one in passing may have. */
Test(mmu_speculate, tables_may_be_kept_by_walks_nobody_made)
{
    for (unsigned leaf_only = 0; leaf_only < 2; leaf_only++) {
        struct past p = past_new(false);
        past_begin(&p);
        read_pa(&p, 0);
        asked.fill = 1;
        uint64_t leaf = *world_descriptor(p.w, p.leaf1);
        uint64_t level2 = (*world_descriptor(p.w, p.root1 + 8 * (VA >> 30)) & VMSA_TABLE_ADDRESS) +
                          8 * (VA >> 21 & 511);
        store(&p, p.leaf1, 0);
        store(&p, level2, 0);
        invalidate(&p, leaf_only ? TLBI_VALE1 : TLBI_VAE1, VA_OPERAND);
        store(&p, p.leaf1, changed(leaf, NEW));
        cr_expect_eq(read_pa(&p, 1), leaf_only ? NEW : 0);
        cr_expect_eq(asked.fills, leaf_only);
        past_free(&p);
    }
}

/* ---- Both stages ---- */

/* Unmapping in stage 2: IPAS2E1 first, then VMALLE1; the other order lets combined entries be made
 * again out of stage 2 entries that are still there. */
static void unmap_stage2(bool right_order, uint32_t fill, uint64_t wanted, unsigned wanted_fills)
{
    struct past p = past_new(true);
    past_begin(&p);
    cr_assert_eq(read_pa(&p, 1), OLD);
    asked.fill = fill;
    store(&p, p.leaf2, 0);
    if (right_order) {
        invalidate(&p, TLBI_IPAS2E1, IPA >> 12);
        invalidate(&p, TLBI_VMALLE1, 0);
    } else {
        invalidate(&p, TLBI_VMALLE1, 0);
        invalidate(&p, TLBI_IPAS2E1, IPA >> 12);
    }
    cr_expect_eq(read_pa(&p, 1), wanted);
    cr_expect_eq(asked.fills, wanted_fills);
    past_free(&p);
}

Test(mmu_speculate, stage2_is_to_be_invalidated_before_stage1)
{
    unmap_stage2(true, 1, 0, 0);
    unmap_stage2(false, 0, 0, 1);
    unmap_stage2(false, 1, OLD, 1);
}

/* Without VMALLE1 the combined entry is simply still there; VMALLS12E1 does all. */
Test(mmu_speculate, one_operation_for_both_stages_leaves_no_question)
{
    struct past p = past_new(true);
    past_begin(&p);
    read_pa(&p, 1);
    asked.fill = 1;
    store(&p, p.leaf2, 0);
    invalidate(&p, TLBI_VMALLS12E1, 0);
    cr_expect_eq(read_pa(&p, 1), 0);
    cr_expect_eq(asked.fills, 0);
    past_free(&p);
}

/* With stage 1 off only stage 2 only entries are used. */
Test(mmu_speculate, stage2_alone)
{
    for (uint32_t fill = 0; fill < 2; fill++) {
        struct past p = past_new(true);
        p.w->registers.sctlr_el1 = 0;
        world_map2(p.w, p.root2, VA, OLD);
        uint64_t leaf = world_map2(p.w, p.root2, VA, OLD);
        past_begin(&p);
        cr_assert_eq(read_pa(&p, 1), OLD);
        asked.fill = fill;
        invalidate(&p, TLBI_IPAS2E1, VA >> 12);
        store(&p, leaf, 0);
        cr_expect_eq(read_pa(&p, 1), fill ? OLD : 0);
        cr_expect_eq(asked.fills, 1);
        past_free(&p);
    }
}

/* ---- Registers ---- */

/* Under an ASID that was given other tables without invalidation. */
Test(mmu_speculate, an_earlier_table_base_under_the_same_asid)
{
    for (unsigned same = 0; same < 2; same++)
        for (uint32_t fill = 0; fill < 2; fill++) {
            struct past p = past_new(false);
            uint64_t other = world_page(p.w);
            world_page(p.w);
            world_map1(p.w, other, VA, NEW, VMSA_LEAF_NG);
            store(&p, p.leaf1, *world_descriptor(p.w, p.leaf1) | VMSA_LEAF_NG);
            past_begin(&p);
            asked.fill = fill;
            p.w->registers.ttbr0_el1 = other | (same ? 0 : UINT64_C(1) << 48);
            tell(&p, 1);
            cr_expect_eq(read_pa(&p, 1), same && fill ? OLD : NEW);
            cr_expect_eq(asked.fills, same);
            past_free(&p);
        }
}

/* Half a world switch at EL2: the new guest's VMID with the old one's tables. Only a PE with the
 * erratum walks by registers of a regime that is out of context. */
Test(mmu_speculate, a_world_switch_is_no_context_without_the_erratum)
{
    for (unsigned erratum = 0; erratum < 2; erratum++)
        for (uint32_t fill = 0; fill < 2; fill++) {
            struct past p = past_new(true);
            struct world *w = p.w;
            p.log.out_of_context = erratum;
            uint64_t root1 = world_page(w), root2;
            world_page(w);
            root2 = world_page(w);
            world_page(w);
            world_map1(w, root1, VA, IPA, 0);
            world_map2_tables(w, root2);
            world_map(w, root2, 1, IPA, 3, NEW | WORLD_LEAF2 | WORLD_PAGE, 0);
            world_map(w, root2, 1, IPA + PAGE_BYTES, 3, (NEW + PAGE_BYTES) | WORLD_LEAF2 |
                      WORLD_PAGE, 0);
            *world_descriptor(w, p.leaf1) = changed(*world_descriptor(w, p.leaf1),
                                                    IPA + PAGE_BYTES);
            past_begin(&p);
            tell(&p, 2);
            w->registers.vttbr_el2 = root2 | UINT64_C(8) << 48; /* stage 1 is still the other's */
            tell(&p, 2);
            w->registers.ttbr0_el1 = root1;
            tell(&p, 2);
            tell(&p, 1);
            asked.fill = fill;
            cr_expect_eq(read_pa(&p, 1), erratum && fill ? NEW + PAGE_BYTES : NEW);
            cr_expect_eq(asked.fills, erratum);
            past_free(&p);
        }
}

/* ---- Messages on their way ---- */

/* What was made before a message came is removed by it even if it was made unasked. */
Test(mmu_speculate, a_message_on_its_way_covers_what_was_made_before_it)
{
    for (uint32_t deliver = 0; deliver < 2; deliver++) {
        struct past p = past_new(false);
        past_begin(&p);
        read_pa(&p, 0);
        asked.fill = 1;
        asked.deliver = deliver;
        store(&p, p.leaf1, 0);
        world_tlbi(p.w, 0, TLBI_VAE1, VA_OPERAND, TLBI_INNER);
        cr_expect_eq(read_pa(&p, 1), deliver ? OLD : 0);
        cr_expect_eq(asked.fills, 1);
        past_free(&p);
    }
}

/* ---- Bounds ---- */

/* So many stores that the log forgets: nothing is offered of what it no longer knows. */
Test(mmu_speculate, what_is_forgotten_is_not_offered)
{
    struct past p = past_new(false);
    past_begin(&p);
    read_pa(&p, 0);
    store(&p, p.leaf1, 0);
    for (unsigned i = 0; i < VERSION_STORES; i++)
        store(&p, align_down(p.leaf1, PAGE_BYTES) + 8 * (i % 100 + 300), 8 * (i + 1));
    asked.fill = 1;
    cr_expect_eq(read_pa(&p, 1), 0);
    cr_expect_eq(asked.fills, 0);
    past_free(&p);
}

Test(mmu_speculate, many_versions_are_offered_up_to_the_bound)
{
    struct past p = past_new(false);
    past_begin(&p);
    read_pa(&p, 0);
    uint64_t leaf = *world_descriptor(p.w, p.leaf1);
    for (unsigned i = 1; i < 20; i++)
        store(&p, p.leaf1, changed(leaf, OLD + i * PAGE_BYTES));
    cr_expect_eq(read_pa(&p, 1), OLD + 19 * PAGE_BYTES);
    cr_expect_eq(asked.fills, 1);
    cr_expect_eq(asked.fill_n, 8);
    past_free(&p);
}

/* Going back: the same questions again. */
Test(mmu_speculate, it_is_state)
{
    struct past p = past_new(false);
    past_begin(&p);
    read_pa(&p, 0);
    store(&p, p.leaf1, 0);
    struct cow_snapshot *tlb = cow_save(p.w->memory), *log = cow_save(p.log.memory);
    struct mmu_state state = p.w->state[1];
    for (unsigned i = 0; i < 3; i++) {
        asked.fill = i != 1;
        asked.fills = 0;
        cr_expect_eq(read_pa(&p, 1), i != 1 ? OLD : 0);
        cr_expect_eq(asked.fills, 1);
        cow_restore(p.w->memory, tlb);
        cow_restore(p.log.memory, log);
        p.w->state[1] = state;
        mmu_restored(&p.w->mmu[1]);
    }
    cow_snapshot_free(tlb);
    cow_snapshot_free(log);
    past_free(&p);
}
