/*
 * Checkers vmid and tlb: what they find in stories told by events, and the near misses that they
 * must leave alone.
 */
#include "tests/unit/check_world.h"

#define ONLY_VMID (1u << CHECK_VMID)
#define ONLY_TLB (1u << CHECK_TLB)

Test(check_vmid, one_vmid_with_two_roots_is_found)
{
    struct check_world w = check_world(ONLY_VMID, false, 0);
    runs(&w, 0, ROOT_A, 5);
    cr_assert_null(found(&w));
    runs(&w, 1, ROOT_B, 5);
    const struct finding *f = found(&w);
    cr_assert_not_null(f);
    cr_assert_eq(f->check, CHECK_VMID);
    cr_assert_str_eq(f->kind, "two-roots");
    cr_assert_eq(f->pe, 1);
    cr_assert_eq(f->step, 2);
    cr_assert_eq(f->event_count, 2);
    cr_assert_eq(f->event[0].pe, 0);
    cr_assert_eq(f->event[0].step, 1);
    cr_assert_eq(f->event[1].pe, 1);
    cr_assert(w.m->events.stop, "the run is asked to end");
    check_world_close(&w);
}

Test(check_vmid, what_is_no_violation)
{
    struct check_world w = check_world(ONLY_VMID, false, 0);
    runs(&w, 0, ROOT_A, 5);
    runs(&w, 1, ROOT_A, 5); /* two vCPUs of one VM */
    runs(&w, 1, ROOT_B, 6); /* two VMs */
    runs(&w, 0, 0, 5);      /* left: no longer live */
    runs(&w, 1, ROOT_B, 5);
    runs(&w, 1, ROOT_A, 5); /* one PE, one after the other */
    runs(&w, 0, ROOT_A, 7); /* one root under two VMIDs, where nobody declared it wrong */
    cr_assert_null(found(&w));
    check_world_close(&w);
}

Test(check_vmid, one_root_under_two_vmids_only_where_declared)
{
    struct check_world w = check_world(ONLY_VMID, true, 0);
    runs(&w, 0, ROOT_A, 5);
    runs(&w, 1, ROOT_A, 6);
    cr_assert_not_null(found(&w));
    cr_assert_str_eq(found(&w)->kind, "two-vmids");
    check_world_close(&w);
}

Test(check_vmid, only_the_first_finding_is_kept)
{
    struct check_world w = check_world(ONLY_VMID, false, 0);
    runs(&w, 0, ROOT_A, 5);
    runs(&w, 1, ROOT_B, 5);
    struct finding first = *found(&w);
    runs(&w, 1, ROOT_A, 5);
    runs(&w, 1, ROOT_B, 5);
    cr_assert_eq(memcmp(&first, found(&w), sizeof first), 0);
    check_world_close(&w);
}

/* PE 1 has an entry of VM A; PE 0 invalidates as `operation` says, finishes, PE 1 uses it. */
static struct check_world stale(unsigned operation, uint8_t stage, uint64_t input,
                                uint64_t address, uint16_t tlbi_vmid)
{
    struct check_world w = check_world(ONLY_TLB, false, 0);
    runs(&w, 1, ROOT_A, 5);
    fills(&w, 1, 9, stage, input, PAGE_OF_VM, 5);
    tlbi(&w, 0, 1, operation, ROOT_A, tlbi_vmid, address);
    hits(&w, 1, 9, stage, input, PAGE_OF_VM);
    cr_assert_null(found(&w), "before the DSB nothing is promised");
    dsb(&w, 0, 1);
    hits(&w, 1, 9, stage, input, PAGE_OF_VM);
    return w;
}

Test(check_vmid, a_use_behind_tlbi_and_dsb_is_found_by_each_operation)
{
    static const struct {
        unsigned operation;
        uint8_t stage;
        bool found;
        uint64_t address;
    } rows[] = {
        {TLBI_VMALLS12E1, 3, true, 0},       {TLBI_VMALLS12E1, 2, true, 0},
        {TLBI_VMALLE1, 3, true, 0},          {TLBI_VMALLE1, 2, false, 0},
        {TLBI_ALLE1, 3, true, 0},            {TLBI_IPAS2E1, 2, true, 0x3000},
        {TLBI_IPAS2E1, 2, false, 0x4000},    {TLBI_IPAS2E1, 3, false, 0x3000},
        {TLBI_VAE1, 3, true, 0x3000},        {TLBI_VAE1, 3, false, 0x4000},
        {TLBI_VAAE1, 3, true, 0x3000},       {TLBI_ASIDE1, 3, true, 0},
        {TLBI_VALE1, 3, true, 0x3000},       {TLBI_ALLE2, 3, false, 0},
        {TLBI_VAE2, 3, false, 0x3000},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        struct check_world w = stale(rows[i].operation, rows[i].stage, 0x3000, rows[i].address, 5);
        cr_assert_eq(found(&w) != NULL, rows[i].found, "row %u", i);
        check_world_close(&w);
    }
}

Test(check_vmid, the_chain_of_a_stale_use)
{
    /* The TLBI was done under another VMID of the same VM: that is the historical mistake. */
    struct check_world w = stale(TLBI_VMALLS12E1, 3, 0x3000, 0, 77);
    const struct finding *f = found(&w);
    cr_assert_not_null(f);
    cr_assert_eq(f->check, CHECK_TLB);
    cr_assert_str_eq(f->kind, "stale");
    cr_assert_eq(f->event_count, 4);
    static const uint64_t steps[] = {2, 3, 5, 6};
    static const unsigned pes[] = {1, 0, 0, 1};
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(f->event[i].step, steps[i], "event %u", i);
        cr_assert_eq(f->event[i].pe, pes[i], "event %u", i);
    }
    check_world_close(&w);
}

/* A rollover has come between: the VM's entries of now were made from the tables of now. */
Test(check_vmid, under_a_new_vmid_an_entry_is_stale_when_the_tables_say_otherwise)
{
    struct check_world w = check_world(ONLY_TLB, false, 0);
    maps(&w, ROOT_A, PAGE_OF_VM);
    runs(&w, 1, ROOT_A, 6);
    fills(&w, 1, 9, 2, IPA_OF_VM, PAGE_OF_VM, 6);
    tlbi(&w, 0, 1, TLBI_IPAS2E1, ROOT_A, 5, IPA_OF_VM);
    dsb(&w, 0, 1);
    hits(&w, 1, 9, 2, IPA_OF_VM, PAGE_OF_VM);
    cr_assert_null(found(&w), "what the tables say");
    maps(&w, ROOT_A, PAGE_OF_VM + PAGE_BYTES);
    hits(&w, 1, 9, 2, IPA_OF_VM, PAGE_OF_VM);
    cr_assert_not_null(found(&w), "what they said");
    cr_assert_str_eq(found(&w)->kind, "stale");
    check_world_close(&w);
}

Test(check_vmid, entries_of_others_and_newer_ones_are_left_alone)
{
    struct check_world w = check_world(ONLY_TLB, false, 0);
    runs(&w, 1, ROOT_B, 6);
    fills(&w, 1, 1, 3, 0x3000, PAGE_OF_VM, 6);
    tlbi(&w, 0, 1, TLBI_VMALLS12E1, ROOT_A, 5, 0);
    dsb(&w, 0, 1);
    hits(&w, 1, 1, 3, 0x3000, PAGE_OF_VM); /* another VM's */
    cr_assert_null(found(&w));
    runs(&w, 1, ROOT_A, 5);
    fills(&w, 1, 2, 3, 0x3000, PAGE_OF_VM, 5);
    hits(&w, 1, 2, 3, 0x3000, PAGE_OF_VM); /* made afterwards */
    cr_assert_null(found(&w));
    tlbi(&w, 0, 9, TLBI_VMALLS12E1, ROOT_B, 6, 0);
    dsb(&w, 0, 9);
    hits(&w, 1, 2, 3, 0x3000, PAGE_OF_VM); /* judged again, by the first one too */
    cr_assert_null(found(&w));
    fills(&w, 1, 3, 3, 0x5000, PAGE_OF_VM, 5);
    tlbi(&w, 0, 10, TLBI_VMALLS12E1, ROOT_A, 5, 0);
    goes(&w, 1, 3);
    dsb(&w, 0, 10);
    fills(&w, 1, 4, 3, 0x5000, PAGE_OF_VM, 5);
    hits(&w, 1, 4, 3, 0x5000, PAGE_OF_VM); /* gone, and made anew */
    cr_assert_null(found(&w));
    hits(&w, 1, 99, 3, 0x5000, PAGE_OF_VM); /* an entry that nobody has seen come */
    cr_assert_null(found(&w));
    hits(&w, 1, 2, 3, 0x3000, PAGE_OF_VM); /* and this one is older than the second TLBI */
    cr_assert_not_null(found(&w));
    check_world_close(&w);
}

Test(check_vmid, a_dsb_finishes_its_own_pes_messages_only)
{
    struct check_world w = check_world(ONLY_TLB, false, 0);
    runs(&w, 1, ROOT_A, 5);
    fills(&w, 1, 9, 3, 0x3000, PAGE_OF_VM, 5);
    tlbi(&w, 0, 1, TLBI_VMALLS12E1, ROOT_A, 5, 0);
    dsb(&w, 1, 1);
    hits(&w, 1, 9, 3, 0x3000, PAGE_OF_VM);
    cr_assert_null(found(&w));
    dsb(&w, 0, 1);
    hits(&w, 1, 9, 3, 0x3000, PAGE_OF_VM);
    cr_assert_not_null(found(&w));
    check_world_close(&w);
}

Test(check_vmid, the_issuer_itself_may_use_it_until_it_synchronizes)
{
    struct check_world w = check_world(ONLY_TLB, false, 0);
    runs(&w, 0, ROOT_A, 5);
    fills(&w, 0, 9, 3, 0x3000, PAGE_OF_VM, 5);
    isb(&w, 0);
    tlbi(&w, 0, 1, TLBI_VMALLE1, ROOT_A, 5, 0);
    dsb(&w, 0, 1);
    hits(&w, 0, 9, 3, 0x3000, PAGE_OF_VM);
    cr_assert_null(found(&w));
    isb(&w, 1); /* somebody else's */
    hits(&w, 0, 9, 3, 0x3000, PAGE_OF_VM);
    cr_assert_null(found(&w));
    uint64_t renewed = w.m->events.renew;
    isb(&w, 0);
    cr_assert_gt(w.m->events.renew, renewed, "the next use is to be told");
    hits(&w, 0, 9, 3, 0x3000, PAGE_OF_VM);
    cr_assert_not_null(found(&w));
    check_world_close(&w);
}
