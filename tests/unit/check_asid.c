/*
 * Checker asid, and what vmid, tlb and owner find beside their first rules: aliasing VMIDs, one
 * root with two shapes, the host's VMID; local and EL2's own invalidations; pages in blocks.
 */
#include "tests/unit/check_world.h"

#define ONLY_ASID (1u << CHECK_ASID)
#define ONLY_VMID (1u << CHECK_VMID)
#define ONLY_TLB (1u << CHECK_TLB)
#define ONLY_OWNER (1u << CHECK_OWNER)
#define TABLE_A (MAP_RAM + 0x80000)
#define TABLE_B (MAP_RAM + 0x90000)
#define VCPU(n) (UINT64_C(0x80000000) | (n))

/* vCPU n of VM A, with its stage 1 table, on PE 0. */
static void vcpu(struct check_world *w, unsigned n, uint64_t table)
{
    world_set(w->m, 0, SR_VMPIDR_EL2, VCPU(n));
    world_set(w->m, 0, SR_TTBR0_EL1, table | UINT64_C(1) << 48);
    runs(w, 0, ROOT_A, 5);
}

static void fill_of(struct check_world *w, uint32_t entry, bool global)
{
    send(w, EVENT_TLB_FILL, 0,
         (struct event){.tlb_fill = {.entry = entry, .stage = 3, .level = 3,
                                     .regime = REGIME_EL10, .global = global, .vmid = 5,
                                     .asid = 1, .input = 0x7000, .output = PAGE_OF_VM,
                                     .size_log2 = PAGE_SHIFT}});
}

static void expect(struct check_world *w, const char *kind)
{
    const struct finding *f = found(w);
    if (kind) {
        cr_assert_not_null(f, "%s is expected", kind);
        cr_assert_str_eq(f->kind, kind);
        cr_assert_geq(f->event_count, 2);
    } else {
        cr_assert_null(f, "%s: %s", f ? f->kind : "", f ? f->text : "");
    }
    check_world_close(w);
}

Test(check_asid, an_asid_given_to_other_tables_is_found)
{
    struct check_world w = check_world(ONLY_ASID, false, 0);
    vcpu(&w, 0, TABLE_A);
    fill_of(&w, 9, false);
    hits(&w, 0, 9, 3, 0x7000, PAGE_OF_VM);
    cr_assert_null(found(&w));
    vcpu(&w, 0, TABLE_B);
    hits(&w, 0, 9, 3, 0x7000, PAGE_OF_VM);
    expect(&w, "asid-reuse");
}

Test(check_asid, two_vcpus_with_one_asid_and_other_tables_are_found)
{
    struct check_world w = check_world(ONLY_ASID, false, 0);
    vcpu(&w, 0, TABLE_A);
    fill_of(&w, 9, false);
    vcpu(&w, 1, TABLE_B);
    hits(&w, 0, 9, 3, 0x7000, PAGE_OF_VM);
    expect(&w, "two-vcpus");
}

Test(check_asid, two_vcpus_with_the_same_tables_may_share)
{
    struct check_world w = check_world(ONLY_ASID, false, 0);
    vcpu(&w, 0, TABLE_A);
    fill_of(&w, 9, false);
    vcpu(&w, 1, TABLE_A);
    hits(&w, 0, 9, 3, 0x7000, PAGE_OF_VM);
    expect(&w, NULL);
}

Test(check_asid, an_entry_that_went_is_no_reuse)
{
    struct check_world w = check_world(ONLY_ASID, false, 0);
    vcpu(&w, 0, TABLE_A);
    fill_of(&w, 9, false);
    goes(&w, 0, 9);
    vcpu(&w, 0, TABLE_B);
    fill_of(&w, 10, false);
    hits(&w, 0, 10, 3, 0x7000, PAGE_OF_VM);
    expect(&w, NULL);
}

/* Stage 1 of 25 bits: one level 3 table, whose page 7 is a global page; stage 2 maps one to one. */
static void tables(struct check_world *w, uint64_t table, uint64_t page)
{
    world_set(w->m, 0, SR_TCR_EL1, field_put(TCR_EL1_T0SZ, 39) | field_put(TCR_EL1_IPS, 2));
    world_set(w->m, 0, SR_SCTLR_EL1, SCTLR_EL1_M);
    world_set(w->m, 0, SR_MAIR_EL1, 0xff);
    world_write(w->m, table, (table + 0x1000) | 3);
    world_write(w->m, table + 0x1000 + 7 * 8, page | 0x703);
}

static void global_story(uint64_t other_page, const char *kind)
{
    struct check_world w = check_world(ONLY_ASID, false, 0);
    world_write(w.m, ROOT_A + 8, MAP_RAM | 0x7fd); /* a block of 1 GiB */
    tables(&w, TABLE_A, PAGE_OF_VM);
    tables(&w, TABLE_B, other_page);
    vcpu(&w, 0, TABLE_A);
    fill_of(&w, 9, true);
    vcpu(&w, 0, TABLE_B);
    hits(&w, 0, 9, 3, 0x7000, PAGE_OF_VM);
    expect(&w, kind);
}

Test(check_asid, a_global_entry_counts_only_where_tables_differ)
{
    global_story(PAGE_OF_VM, NULL);
    global_story(PAGE_OF_VM + 0x1000, "global");
}

Test(check_asid, vmids_that_alias_are_told_as_such)
{
    struct check_world w = check_world(ONLY_VMID, false, 0);
    runs(&w, 0, ROOT_A, 1);
    world_set(w.m, 1, SR_VTTBR_EL2, ROOT_B | UINT64_C(0x101) << 48);
    send(&w, EVENT_CONTEXT, 1,
         (struct event){.context = {.live = 1, .vmid = 1, .root = ROOT_B}});
    cr_assert_not_null(found(&w));
    cr_assert_not_null(strstr(found(&w)->event[1].text, "257"), "%s", found(&w)->event[1].text);
    expect(&w, "two-roots");
}

Test(check_asid, one_root_with_two_shapes_is_found)
{
    struct check_world w = check_world(ONLY_VMID, false, 0);
    runs(&w, 0, ROOT_A, 5);
    runs(&w, 1, ROOT_A, 5);
    cr_assert_null(found(&w));
    world_set(w.m, 1, SR_VTCR_EL2, field_put(VTCR_EL2_T0SZ, 28) | field_put(VTCR_EL2_SL0, 1));
    send(&w, EVENT_CONTEXT, 1,
         (struct event){.context = {.live = 1, .vmid = 5, .root = ROOT_A}});
    expect(&w, "two-vtcrs");
}

Test(check_asid, a_vm_under_the_hosts_vmid_is_found)
{
    for (unsigned vmid = 0; vmid < 2; vmid++) {
        struct check_world w = check_world(ONLY_VMID, false, 0);
        runs(&w, 1, 0, 0);
        w.m->state->cpu[1].el = 1; /* the host, with its MMU on */
        world_set(w.m, 1, SR_SCTLR_EL1, SCTLR_EL1_M);
        runs(&w, 0, ROOT_A, (uint16_t)vmid);
        expect(&w, vmid == 0 ? "host-vmid" : NULL);
    }
}

/* A local invalidation and DSB NSH: they bind their own PE, from its next synchronization on. */
static void local_story(unsigned user, bool synchronizes, const char *kind)
{
    struct check_world w = check_world(ONLY_TLB, false, 0);
    runs(&w, user, ROOT_A, 5);
    fills(&w, user, 9, 3, 0x7000, PAGE_OF_VM, 5);
    send(&w, EVENT_TLBI, 0,
         (struct event){.tlbi = {.message = 1, .operation = TLBI_VMALLE1, .scope = TLBI_LOCAL,
                                 .vmid = 77, .vttbr = ROOT_A | UINT64_C(77) << 48}});
    send(&w, EVENT_TLBI_LOCAL_DONE, 0, (struct event){.tlbi_local_done = {.message = 1}});
    if (synchronizes)
        isb(&w, 0);
    hits(&w, user, 9, 3, 0x7000, PAGE_OF_VM);
    expect(&w, kind);
}

Test(check_asid, local_invalidations_bind_their_own_pe)
{
    local_story(0, true, "stale");
    local_story(0, false, NULL);
    local_story(1, true, NULL);
}

Test(check_asid, a_local_dsb_does_not_finish_what_was_broadcast)
{
    struct check_world w = check_world(ONLY_TLB, false, 0);
    runs(&w, 1, ROOT_A, 5);
    fills(&w, 1, 9, 3, 0x7000, PAGE_OF_VM, 5);
    tlbi(&w, 0, 1, TLBI_VMALLE1, ROOT_A, 77, 0);
    send(&w, EVENT_TLBI_LOCAL_DONE, 0, (struct event){.tlbi_local_done = {.message = 1}});
    hits(&w, 1, 9, 3, 0x7000, PAGE_OF_VM);
    cr_assert_null(found(&w));
    dsb(&w, 0, 1);
    hits(&w, 1, 9, 3, 0x7000, PAGE_OF_VM);
    expect(&w, "stale");
}

static void el2_story(unsigned operation, uint64_t address, const char *kind)
{
    struct check_world w = check_world(ONLY_TLB, false, 0);
    send(&w, EVENT_TLB_FILL, 1,
         (struct event){.tlb_fill = {.entry = 9, .stage = 1, .regime = REGIME_EL2, .global = 1,
                                     .input = 0x7000, .output = PAGE_OF_VM,
                                     .size_log2 = PAGE_SHIFT}});
    tlbi(&w, 0, 1, operation, 0, 0, address);
    dsb(&w, 0, 1);
    send(&w, EVENT_TLB_HIT, 1,
         (struct event){.tlb_hit = {.entry = 9, .regime = REGIME_EL2, .stage = 1,
                                    .va = 0x7000, .pa = PAGE_OF_VM}});
    expect(&w, kind);
}

Test(check_asid, entries_of_el2_are_held_to_the_same)
{
    el2_story(TLBI_ALLE2, 0, "stale");
    el2_story(TLBI_VAE2, 0x7000, "stale");
    el2_story(TLBI_VAE2, 0x8000, NULL);
    el2_story(TLBI_ALLE1, 0, NULL);
}

Test(check_asid, a_host_without_stage_2_is_held_to_the_same)
{
    struct check_world w = check_world(ONLY_TLB, false, 0);
    runs(&w, 1, 0, 0);
    w.m->state->cpu[1].el = 1;
    fills(&w, 1, 9, 1, 0x7000, PAGE_OF_VM, 3); /* it runs under a VM's VMID */
    tlbi(&w, 0, 1, TLBI_VAAE1, 0, 0, 0x7000);
    dsb(&w, 0, 1);
    hits(&w, 1, 9, 1, 0x7000, PAGE_OF_VM);
    expect(&w, "stale");
}

/* VM A had a page that VM B now has in a block of 2 MiB. */
static void block_story(bool still_mapped, const char *kind)
{
    struct check_world w = check_world(ONLY_OWNER, false, 0);
    maps(&w, ROOT_A, PAGE_OF_VM);
    runs(&w, 0, ROOT_A, 5);
    fills(&w, 0, 2, 3, 0x7000, PAGE_OF_VM, 5);
    if (!still_mapped)
        maps(&w, ROOT_A, 0);
    runs(&w, 1, ROOT_B, 6);
    send(&w, EVENT_TLB_FILL, 1,
         (struct event){.tlb_fill = {.entry = 1, .stage = 2, .level = 2, .regime = REGIME_EL10,
                                     .vmid = 6, .input = 0x400000, .output = PAGE_OF_VM,
                                     .size_log2 = 21}});
    hits(&w, 0, 2, 3, 0x7000, PAGE_OF_VM);
    expect(&w, kind);
}

Test(check_asid, a_page_inside_another_vms_block_is_found)
{
    block_story(false, "foreign-page");
    block_story(true, NULL);
}

/* A store waits in a buffer while its translation is invalidated: it may drain up to the DSB. */
static void late_story(bool before, bool of_entry, const char *kind)
{
    struct check_world w = check_world(ONLY_TLB, false, 0);
    runs(&w, 1, ROOT_A, 5);
    fills(&w, 1, 9, 3, 0x7000, PAGE_OF_VM, 5);
    struct event store = {.store_buffered = {.store = 3, .pa = PAGE_OF_VM, .entry = 9,
                                             .size = 8}};
    struct event drain = {.store_drained = {.store = 3, .pa = PAGE_OF_VM, .entry = 9, .size = 8}};
    send(&w, EVENT_STORE_BUFFERED, 1, store);
    tlbi(&w, 0, 1, TLBI_VAAE1, ROOT_A, 5, of_entry ? 0x7000 : 0x8000);
    goes(&w, 1, 9);
    if (before)
        send(&w, EVENT_STORE_DRAINED, 1, drain);
    dsb(&w, 0, 1);
    cr_assert_null(found(&w));
    if (!before)
        send(&w, EVENT_STORE_DRAINED, 1, drain);
    expect(&w, kind);
}

Test(check_asid, stores_that_drain_behind_the_dsb)
{
    late_story(false, true, "late-store");
    late_story(true, true, NULL);
    late_story(false, false, NULL);
}
