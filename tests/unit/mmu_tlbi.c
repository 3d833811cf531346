/*
 * TLB invalidation: what each operation removes, for every kind of entry; when its message
 * arrives; what DSB and a context synchronization event finish; and the ways to get the order of
 * two operations wrong.
 */
#include <criterion/criterion.h>

#include "mmu/tlb.h"
#include "tests/unit/mmu_world.h"

#define VA UINT64_C(0x5000)
#define IPA UINT64_C(0x10005000)
#define OLD UINT64_C(0x80000000)
#define NEW UINT64_C(0x81000000)

static struct world *w;
static uint64_t leaf1, leaf2; /* descriptors of VA and IPA */
static uint32_t answers[16];  /* to tlbi-deliver, in turn; then 0 */
static unsigned asked;

static uint32_t answer_list(const struct choice_name *name, uint32_t n)
{
    cr_assert_eq(name->kind, CHOICE_TLBI_DELIVER);
    cr_assert_eq(n, 2);
    return asked < ARRAY_COUNT(answers) ? answers[asked++] : 0;
}

/* PE 0 and 1 run a VM with both stages on. */
static void setup(void)
{
    w = world_new(64);
    w->answer = answer_list;
    asked = 0;
    memset(answers, 0, sizeof answers);
    w->registers.hcr_el2 = HCR_EL2_VM;
    w->registers.ttbr0_el1 = world_page(w) | UINT64_C(5) << 48;
    w->registers.vttbr_el2 = world_page(w) | UINT64_C(3) << 48;
    world_map2_tables(w, w->registers.vttbr_el2 & VTTBR_EL2_BADDR);
    leaf1 = world_map1(w, w->registers.ttbr0_el1 & TTBR0_EL1_BADDR, VA, IPA, VMSA_LEAF_NG);
    leaf2 = world_map2(w, w->registers.vttbr_el2 & VTTBR_EL2_BADDR, IPA, OLD);
}

static void teardown(void)
{
    world_free(w);
}

TestSuite(mmu_tlbi, .init = setup, .fini = teardown);

static void change_leaf2(void)
{
    *world_descriptor(w, leaf2) = NEW | WORLD_LEAF2 | WORLD_PAGE;
}

static void change_leaf1(uint64_t ipa)
{
    world_map2(w, w->registers.vttbr_el2 & VTTBR_EL2_BADDR, ipa, NEW);
    *world_descriptor(w, leaf1) = ipa | WORLD_LEAF1 | WORLD_PAGE | VMSA_LEAF_NG;
}

static void finish_everywhere(unsigned issuer)
{
    world_dsb(w, issuer, true);
    mmu_synchronize(&w->mmu[issuer]);
}

/* --- scope: the table of operations, restated column by column --- */

enum by { NO, ALL, BY_VA_ASID, BY_VA, BY_ASID, BY_IPA };

static const struct {
    enum tlbi_operation operation;
    enum by stage1, stage2_only, combined, walk1, walk2;
    bool all_vmids, el2;
} scopes[TLBI_OPERATION_COUNT] = {
    {TLBI_VMALLE1, ALL, NO, ALL, ALL, NO, false, false},
    {TLBI_VAE1, BY_VA_ASID, NO, BY_VA_ASID, BY_VA_ASID, NO, false, false},
    {TLBI_ASIDE1, BY_ASID, NO, BY_ASID, BY_ASID, NO, false, false},
    {TLBI_VAAE1, BY_VA, NO, BY_VA, BY_VA, NO, false, false},
    {TLBI_VALE1, BY_VA_ASID, NO, BY_VA_ASID, NO, NO, false, false},
    {TLBI_VAALE1, BY_VA, NO, BY_VA, NO, NO, false, false},
    {TLBI_IPAS2E1, NO, BY_IPA, NO, NO, BY_IPA, false, false},
    {TLBI_IPAS2LE1, NO, BY_IPA, NO, NO, NO, false, false},
    {TLBI_VMALLS12E1, ALL, ALL, ALL, ALL, ALL, false, false},
    {TLBI_ALLE1, ALL, ALL, ALL, ALL, ALL, true, false},
    {TLBI_ALLE2, ALL, NO, NO, ALL, NO, true, true},
    {TLBI_VAE2, BY_VA, NO, NO, BY_VA, NO, true, true},
    {TLBI_VALE2, BY_VA, NO, NO, NO, NO, true, true},
};

struct sample {
    unsigned stage, size_log2;
    bool el2, vmid_same, asid_same, global, address_same;
};

static bool scope_expects(enum tlbi_operation operation, const struct sample *s)
{
    enum by by = NO;
    cr_assert_eq(scopes[operation].operation, operation);
    if (s->el2 != scopes[operation].el2 ||
        (!scopes[operation].all_vmids && !s->vmid_same))
        return false;
    switch (s->stage) {
    case TLB_STAGE1:
        by = scopes[operation].stage1;
        break;
    case TLB_COMBINED:
        by = scopes[operation].combined;
        break;
    case TLB_STAGE2:
        by = scopes[operation].stage2_only;
        break;
    case TLB_STAGE1 | TLB_TABLE:
    case TLB_COMBINED | TLB_TABLE:
        by = scopes[operation].walk1;
        break;
    case TLB_STAGE2 | TLB_TABLE:
        by = scopes[operation].walk2;
        break;
    }
    switch (by) {
    case NO:
        return false;
    case ALL:
        return true;
    case BY_VA_ASID:
        return s->address_same && (s->asid_same || s->global);
    case BY_VA:
    case BY_IPA:
        return s->address_same;
    case BY_ASID:
        return s->asid_same && !s->global;
    }
    return false;
}

static uint32_t sample_fill(const struct sample *s)
{
    struct mapping map;
    memset(&map, 0, sizeof map);
    map.input = align_down(s->address_same ? VA : VA + (UINT64_C(1) << 40),
                           UINT64_C(1) << s->size_log2);
    map.size_log2 = map.leaf1_log2 = (uint8_t)s->size_log2;
    map.level1 = map.level2 = (uint8_t)(3 - (s->size_log2 - 12) / 9);
    map.ipa = ADDRESS_UNKNOWN;
    map.is_global = s->global;
    struct tlb_key key = {.vmid = s->el2 ? 0 : s->vmid_same ? 3 : 4,
                          .asid = s->asid_same ? 5 : 6,
                          .regime = s->el2 ? REGIME_EL2 : REGIME_EL10,
                          .stage = (uint8_t)s->stage};
    return tlb_fill(&w->mmu[0], &key, &map, UINT32_MAX);
}

static bool sample_there(uint32_t serial)
{
    struct tlb_view views[64];
    unsigned count = mmu_tlb_list(&w->mmu[0], views, 64);
    for (unsigned i = 0; i < count; i++)
        if (views[i].entry == serial)
            return true;
    return false;
}

static const unsigned stages[] = {
    TLB_STAGE1, TLB_STAGE2, TLB_COMBINED, TLB_STAGE1 | TLB_TABLE, TLB_STAGE2 | TLB_TABLE,
    TLB_COMBINED | TLB_TABLE,
};

static bool sample_possible(const struct sample *s)
{
    bool stage1_alone = (s->stage & TLB_COMBINED) == TLB_STAGE1;
    bool stage2_alone = (s->stage & TLB_COMBINED) == TLB_STAGE2;
    if (s->el2)
        return stage1_alone && s->global && s->vmid_same;
    return !stage2_alone || s->global;
}

Test(mmu_tlbi, scope_of_each_operation_on_each_kind_of_entry)
{
    unsigned removed = 0, kept = 0;
    for (unsigned op = 0; op < TLBI_OPERATION_COUNT; op++)
        for (unsigned i = 0; i < ARRAY_COUNT(stages) * 32 * 3; i++) {
            struct sample s = {stages[i % ARRAY_COUNT(stages)], 12, false, false, false, false,
                               false};
            unsigned bits = i / ARRAY_COUNT(stages);
            s.el2 = bits & 1;
            s.vmid_same = bits & 2;
            s.asid_same = bits & 4;
            s.global = bits & 8;
            s.address_same = bits & 16;
            s.size_log2 = (s.stage & TLB_TABLE ? 21 : 12) + 9 * (bits >> 5 & 1);
            if (!sample_possible(&s) || bits >> 5 > 1)
                continue;
            uint32_t serial = sample_fill(&s);
            bool by_ipa = op == TLBI_IPAS2E1 || op == TLBI_IPAS2LE1;
            uint64_t operand = by_ipa ? VA >> 12 : VA >> 12 | UINT64_C(5) << 48;
            world_tlbi(w, 1, (enum tlbi_operation)op, operand, TLBI_INNER);
            cr_assert(sample_there(serial), "nothing goes before delivery");
            world_dsb(w, 1, true);
            mmu_synchronize(&w->mmu[1]);
            bool expected = scope_expects((enum tlbi_operation)op, &s);
            cr_assert_eq(sample_there(serial), !expected, "operation %u stage %u bits %#x", op,
                         s.stage, bits);
            removed += expected;
            kept += !expected;
            world_tlbi(w, 1, TLBI_ALLE1, 0, TLBI_INNER);
            world_tlbi(w, 1, TLBI_ALLE2, 0, TLBI_INNER);
            finish_everywhere(1);
            cr_assert_eq(w->state[0].tlb_valid, 0);
        }
    cr_assert_gt(removed, 100);
    cr_assert_gt(kept, 100);
}

Test(mmu_tlbi, operands)
{
    struct vmsa_registers *r = &w->registers;
    uint64_t operand = UINT64_C(0x0305) << 48 | UINT64_C(0xf8000012345);
    struct tlbi t = tlbi_make(TLBI_VAE1, r, &w->config, operand, TLBI_INNER, 1, 1);
    cr_assert_eq(t.address, UINT64_C(0xfff8000012345000), "bit 55 is the sign");
    cr_assert_eq(t.asid, 0x305);
    cr_assert_eq(t.vmid, 3);
    cr_assert_eq(t.vttbr, r->vttbr_el2);
    cr_assert_eq(t.issuer, 1);
    cr_assert_eq(t.scope, TLBI_INNER);
    r->tcr_el1 &= ~TCR_EL1_AS;
    cr_assert_eq(tlbi_make(TLBI_ASIDE1, r, &w->config, operand, 0, 0, 1).asid, 5);
    t = tlbi_make(TLBI_IPAS2E1, r, &w->config, UINT64_C(0xfff0000fedcba987), 0, 0, 2);
    cr_assert_eq(t.address, UINT64_C(0xfedcba987000));
    t = tlbi_make(TLBI_VAE2, r, &w->config, UINT64_C(0xf8000012345), 0, 0, 2);
    cr_assert_eq(t.address, UINT64_C(0xf8000012345000));
    cr_assert_eq(t.vmid, 0);
}

Test(mmu_tlbi, forced_broadcast)
{
    struct vmsa_registers *r = &w->registers;
    cr_assert_eq(tlbi_make(TLBI_VMALLE1, r, &w->config, 0, TLBI_LOCAL, 0, 1).scope, TLBI_LOCAL);
    r->hcr_el2 |= HCR_EL2_FB;
    cr_assert_eq(tlbi_make(TLBI_VMALLE1, r, &w->config, 0, TLBI_LOCAL, 0, 1).scope, TLBI_INNER);
    cr_assert_eq(tlbi_make(TLBI_VMALLE1, r, &w->config, 0, TLBI_LOCAL, 0, 2).scope, TLBI_LOCAL);
    cr_assert_eq(tlbi_make(TLBI_VMALLE1, r, &w->config, 0, TLBI_OUTER, 0, 1).scope, TLBI_OUTER);
}

/* --- delivery --- */

Test(mmu_tlbi, a_stale_entry_stays_until_the_message_arrives)
{
    cr_assert_eq(world_read(w, 0, VA).pa.bits, OLD);
    change_leaf1(IPA + 0x1000);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, OLD, "no invalidation: stale for ever");
    cr_assert_eq(asked, 0);
    uint32_t message = world_tlbi(w, 1, TLBI_VMALLE1, 0, TLBI_INNER);
    answers[0] = answers[1] = 1;
    cr_assert_eq(world_read(w, 0, VA).pa.bits, OLD, "1: not yet");
    cr_assert_eq(world_read(w, 0, VA).pa.bits, OLD);
    cr_assert_eq(asked, 2);
    cr_assert_eq(w->told[EVENT_TLBI_DELIVER], 0);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, NEW, "0: it has arrived");
    cr_assert_eq(asked, 3);
    cr_assert_eq(w->told[EVENT_TLBI_DELIVER], 1);
    cr_assert_eq(w->last[EVENT_TLBI_DELIVER].tlbi_deliver.message, message);
    cr_assert_gt(w->last[EVENT_TLBI_DELIVER].tlbi_deliver.entries, 0);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, NEW);
    cr_assert_eq(asked, 3, "nothing is open any more");
}

Test(mmu_tlbi, dsb_of_the_issuer_finishes_it_elsewhere)
{
    world_read(w, 0, VA);
    change_leaf1(IPA + 0x1000);
    world_tlbi(w, 1, TLBI_VAE1, VA >> 12 | UINT64_C(5) << 48, TLBI_INNER);
    world_dsb(w, 0, true); /* another PE's DSB finishes nothing of it */
    cr_assert_eq(w->state[0].queue_count, 1);
    world_dsb(w, 1, false); /* a DSB that does not reach the domain neither */
    cr_assert_eq(w->state[0].queue_count, 1);
    world_dsb(w, 1, true);
    cr_assert_eq(w->state[0].queue_count, 0);
    answers[0] = 1;
    cr_assert_eq(world_read(w, 0, VA).pa.bits, NEW);
    cr_assert_eq(asked, 0);
}

Test(mmu_tlbi, at_the_issuer_it_counts_from_the_next_synchronization)
{
    world_read(w, 0, VA);
    change_leaf1(IPA + 0x1000);
    world_tlbi(w, 0, TLBI_VMALLE1, 0, TLBI_INNER);
    mmu_synchronize(&w->mmu[0]); /* ISB without DSB: nothing */
    answers[0] = answers[1] = 1;
    cr_assert_eq(world_read(w, 0, VA).pa.bits, OLD);
    world_dsb(w, 0, true);
    cr_assert_eq(w->state[0].queue_count, 1);
    cr_assert_eq(w->state[1].queue_count, 0);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, OLD, "after DSB, before ISB");
    mmu_synchronize(&w->mmu[0]);
    cr_assert_eq(w->state[0].queue_count, 0);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, NEW);
    cr_assert_eq(asked, 2);
}

Test(mmu_tlbi, local_operations)
{
    world_read(w, 0, VA);
    world_read(w, 1, VA);
    change_leaf1(IPA + 0x1000);
    world_tlbi(w, 0, TLBI_VMALLE1, 0, TLBI_LOCAL);
    cr_assert_eq(w->state[1].queue_count, 0);
    world_dsb(w, 0, false);
    mmu_synchronize(&w->mmu[0]);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, NEW);
    cr_assert_eq(world_read(w, 1, VA).pa.bits, OLD);
}

Test(mmu_tlbi, a_closed_kind_is_delivered_at_the_first_use)
{
    w->chooser.open_mask = 0;
    world_read(w, 0, VA);
    change_leaf1(IPA + 0x1000);
    world_tlbi(w, 1, TLBI_VMALLE1, 0, TLBI_INNER);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, NEW);
    cr_assert_eq(asked, 0);
    cr_assert_eq(w->state[0].queue_count, 0);
}

Test(mmu_tlbi, a_full_queue_delivers_its_oldest)
{
    world_read(w, 0, VA);
    change_leaf1(IPA + 0x1000);
    world_tlbi(w, 1, TLBI_VMALLE1, 0, TLBI_INNER);
    for (unsigned i = 1; i < TLBI_QUEUE_MAX; i++)
        world_tlbi(w, 1, TLBI_ASIDE1, UINT64_C(0x77) << 48, TLBI_INNER);
    cr_assert_eq(w->state[0].queue_count, TLBI_QUEUE_MAX);
    cr_assert_eq(w->told[EVENT_TLBI_DELIVER], 0);
    world_tlbi(w, 1, TLBI_ASIDE1, UINT64_C(0x77) << 48, TLBI_INNER);
    cr_assert_eq(w->state[0].queue_count, TLBI_QUEUE_MAX);
    cr_assert_eq(w->told[EVENT_TLBI_DELIVER], 2, "one on each PE");
    cr_assert_eq(w->last[EVENT_TLBI_DELIVER].tlbi_deliver.message, 1);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, NEW);
    finish_everywhere(1);
    struct mmu_state empty = w->state[0];
    memset(empty.queue, 0, sizeof empty.queue);
    cr_assert_eq(memcmp(&empty, &w->state[0], sizeof empty), 0, "an empty queue is all zero");
}

Test(mmu_tlbi, host_pointers_over_entries_are_revoked)
{
    const struct mmu_revoked *r = &w->mmu[0].revoked;
    world_read(w, 0, VA);
    uint64_t generation = r->generation;
    world_read(w, 0, VA);
    cr_assert_eq(r->generation, generation);
    world_tlbi(w, 1, TLBI_VMALLE1, 0, TLBI_INNER);
    cr_assert_gt(r->generation, generation);
    cr_assert_eq(r->all, r->generation);
}

/* Those to one page, when the message comes and when the entry goes; what else is there stays. */
Test(mmu_tlbi, host_pointers_to_one_page_are_revoked)
{
    const struct mmu_revoked *r = &w->mmu[0].revoked;
    const uint64_t operand = VA >> 12 | UINT64_C(5) << 48, page = UINT64_C(0x1000);
    world_map1(w, w->registers.ttbr0_el1 & TTBR0_EL1_BADDR, VA + page, IPA, VMSA_LEAF_NG);
    world_read(w, 0, VA);
    world_read(w, 0, VA + page);
    uint64_t generation = r->generation, all = r->all;
    world_tlbi(w, 1, TLBI_VAE1, operand + 2, TLBI_INNER);
    cr_assert_eq(r->generation, generation, "no entry is there");
    world_tlbi(w, 1, TLBI_VAE1, operand, TLBI_INNER);
    cr_assert_eq(r->generation, ++generation, "while it is on its way none may be kept");
    cr_assert_eq(r->range[generation % MMU_REVOKED_COUNT].address, VA);
    cr_assert_eq(r->range[generation % MMU_REVOKED_COUNT].size_log2, 12);
    finish_everywhere(1);
    cr_assert_eq(r->generation, ++generation, "the entry has gone; tables make no difference");
    cr_assert_eq(r->range[generation % MMU_REVOKED_COUNT].address, VA);
    cr_assert_eq(r->all, all);
}

/* --- what goes wrong --- */

Test(mmu_tlbi, ipas2_alone_leaves_combined_entries)
{
    cr_assert_eq(world_read(w, 0, VA).pa.bits, OLD);
    change_leaf2();
    world_tlbi(w, 1, TLBI_IPAS2E1, IPA >> 12, TLBI_INNER);
    finish_everywhere(1);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, OLD);
    world_tlbi(w, 1, TLBI_VMALLE1, 0, TLBI_INNER);
    finish_everywhere(1);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, NEW);
}

Test(mmu_tlbi, stage1_before_stage2_is_the_wrong_order)
{
    cr_assert_eq(world_read(w, 0, VA).pa.bits, OLD);
    change_leaf2();
    world_tlbi(w, 1, TLBI_VMALLE1, 0, TLBI_INNER);
    finish_everywhere(1);
    struct translation t = world_read(w, 0, VA);
    cr_assert_eq(t.pa.bits, OLD, "a combined entry made from the stale stage 2 entry");
    world_tlbi(w, 1, TLBI_IPAS2E1, IPA >> 12, TLBI_INNER);
    finish_everywhere(1);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, OLD, "and there it stays");
    world_tlbi(w, 1, TLBI_VMALLS12E1, 0, TLBI_INNER);
    finish_everywhere(1);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, NEW);
}

Test(mmu_tlbi, last_level_operations_leave_tables)
{
    uint64_t root = w->registers.ttbr0_el1 & TTBR0_EL1_BADDR;
    world_read(w, 0, VA);
    /* Another table for the same 2 MiB, with another page in it. */
    uint64_t table = world_page(w);
    uint64_t level1 = *world_descriptor(w, root) & VMSA_TABLE_ADDRESS;
    *world_descriptor(w, table + 5 * 8) = (IPA + 0x1000) | WORLD_LEAF1 | WORLD_PAGE | VMSA_LEAF_NG;
    world_map2(w, w->registers.vttbr_el2 & VTTBR_EL2_BADDR, IPA + 0x1000, NEW);
    *world_descriptor(w, level1) = table | 3;
    world_tlbi(w, 1, TLBI_VALE1, VA >> 12 | UINT64_C(5) << 48, TLBI_INNER);
    finish_everywhere(1);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, OLD, "through the stale table entry");
    world_tlbi(w, 1, TLBI_VAE1, VA >> 12 | UINT64_C(5) << 48, TLBI_INNER);
    finish_everywhere(1);
    cr_assert_eq(world_read(w, 0, VA).pa.bits, NEW);
}

/* What is made from stale entries goes with the message; what is made afresh stays. */
Test(mmu_tlbi, descendants_of_stale_entries_go_too)
{
    uint64_t other = UINT64_C(0x9000);
    world_map1(w, w->registers.ttbr0_el1 & TTBR0_EL1_BADDR, other, IPA, VMSA_LEAF_NG);
    world_read(w, 0, VA);
    change_leaf2();
    world_tlbi(w, 1, TLBI_VMALLS12E1, 0, TLBI_INNER);
    for (unsigned i = 0; i < ARRAY_COUNT(answers); i++)
        answers[i] = 1;
    cr_assert_eq(world_read(w, 0, other).pa.bits, OLD, "made now, from the stale stage 2 entry");
    world_dsb(w, 1, true);
    cr_assert_eq(world_read(w, 0, other).pa.bits, NEW);
    struct translation fresh = world_read(w, 0, other);
    cr_assert_eq(fresh.cost, 0);
}

Test(mmu_tlbi, entries_made_after_the_message_stay)
{
    world_tlbi(w, 1, TLBI_VMALLS12E1, 0, TLBI_INNER);
    struct translation t = world_read(w, 0, VA);
    cr_assert_eq(world_read(w, 0, VA).entry, t.entry);
    cr_assert_eq(asked, 0, "it cannot remove what was made after it came");
    world_dsb(w, 1, true);
    cr_assert_eq(world_read(w, 0, VA).entry, t.entry);
}

Test(mmu_tlbi, by_address_inside_a_block)
{
    uint64_t root = w->registers.ttbr0_el1 & TTBR0_EL1_BADDR, block = UINT64_C(0x40000000);
    world_map(w, root, 1, block, 2, WORLD_RAM_BASE | WORLD_LEAF1 | VMSA_LEAF_NG, 0);
    w->registers.hcr_el2 = 0; /* stage 1 only: the entry is as large as the block */
    struct translation t = world_read(w, 0, block + 0x1000);
    cr_assert_eq(t.size_log2, 21);
    world_tlbi(w, 0, TLBI_VAE1, (block + 0x1ff000) >> 12 | UINT64_C(5) << 48, TLBI_LOCAL);
    finish_everywhere(0);
    cr_assert_gt(world_read(w, 0, block + 0x1000).cost, 0);
}

/* Stage 2 maps it in pages: each piece of the block in the TLB goes with any address of it. */
Test(mmu_tlbi, by_address_all_pieces_of_a_block)
{
    uint64_t root = w->registers.ttbr0_el1 & TTBR0_EL1_BADDR;
    uint64_t s2 = w->registers.vttbr_el2 & VTTBR_EL2_BADDR;
    uint64_t block = UINT64_C(0x80000000), ipa = UINT64_C(0x20000000);
    uint64_t leaf = world_map(w, root, 1, block, 2, ipa | WORLD_LEAF1 | VMSA_LEAF_NG, 0);
    world_map2(w, s2, ipa + 0x1000, OLD);
    world_map2(w, s2, ipa + 0x2000, OLD + 0x1000);
    cr_assert_eq(world_read(w, 0, block + 0x1000).pa.bits, OLD);
    cr_assert_eq(world_read(w, 0, block + 0x2000).size_log2, 12);
    *world_descriptor(w, leaf) = 0;
    world_tlbi(w, 1, TLBI_VALE1, (block + 0x1ff000) >> 12 | UINT64_C(5) << 48, TLBI_INNER);
    finish_everywhere(1);
    cr_assert_eq(world_read(w, 0, block + 0x1000).fault.kind, FAULT_TRANSLATION);
    cr_assert_eq(world_read(w, 0, block + 0x2000).fault.kind, FAULT_TRANSLATION);
}
