/*
 * Checkers owner, guest and progress, and what all share: lists of names, saving and restoring.
 */
#include "tests/unit/check_world.h"

#define ONLY_OWNER (1u << CHECK_OWNER)
#define ONLY_GUEST (1u << CHECK_GUEST)
#define ONLY_PROGRESS (1u << CHECK_PROGRESS)

Test(check_owner, an_entry_made_under_another_root_is_found)
{
    struct check_world w = check_world(ONLY_OWNER, false, 0);
    runs(&w, 0, ROOT_A, 5);
    fills(&w, 0, 9, 3, 0x7000, PAGE_OF_VM, 5);
    hits(&w, 0, 9, 3, 0x7000, PAGE_OF_VM);
    cr_assert_null(found(&w));
    runs(&w, 0, ROOT_B, 5); /* the VMID has gone to another VM, the entry has stayed */
    hits(&w, 0, 9, 3, 0x7000, PAGE_OF_VM);
    const struct finding *f = found(&w);
    cr_assert_not_null(f);
    cr_assert_eq(f->check, CHECK_OWNER);
    cr_assert_str_eq(f->kind, "foreign-page");
    cr_assert_eq(f->event_count, 3);
    cr_assert_eq(f->event[0].step, 2, "the fill");
    cr_assert_eq(f->event[1].step, 4, "the entry into the other VM");
    cr_assert_eq(f->event[2].step, 5, "the use");
    check_world_close(&w);
}

/* EL2 makes entries of a VM by AT: nothing is live then, and the VM uses them afterwards. */
Test(check_owner, an_entry_that_el2_made_for_the_vm_is_the_vms)
{
    struct check_world w = check_world(ONLY_OWNER, false, 0);
    runs(&w, 0, ROOT_A, 5);
    w.m->state->cpu[0].el = 2;
    send(&w, EVENT_CONTEXT, 0, (struct event){.context = {.live = 0}});
    fills(&w, 0, 9, 3, 0x7000, PAGE_OF_VM, 5);
    runs(&w, 0, ROOT_A, 5);
    hits(&w, 0, 9, 3, 0x7000, PAGE_OF_VM);
    cr_assert_null(found(&w));
    check_world_close(&w);
}

/* VM A maps a page; its descriptor goes; then VM B maps the page: A's old entry must not live. */
Test(check_owner, a_page_given_away_too_early_is_found_and_an_honest_unmap_is_not)
{
    struct check_world w = check_world(ONLY_OWNER, false, 0);
    maps(&w, ROOT_A, PAGE_OF_VM);
    maps(&w, ROOT_B, 0);
    runs(&w, 0, ROOT_A, 5);
    fills(&w, 0, 1, 2, IPA_OF_VM, PAGE_OF_VM, 5);
    fills(&w, 0, 2, 3, 0x7000, PAGE_OF_VM, 5);
    hits(&w, 0, 2, 3, 0x7000, PAGE_OF_VM);
    maps(&w, ROOT_A, 0); /* cleared, and the TLBI is on its way */
    dsb(&w, 1, 0);
    hits(&w, 0, 2, 3, 0x7000, PAGE_OF_VM);
    cr_assert_null(found(&w), "the page is nobody else's yet");
    maps(&w, ROOT_B, PAGE_OF_VM);
    runs(&w, 1, ROOT_B, 6);
    fills(&w, 1, 1, 2, IPA_OF_VM, PAGE_OF_VM, 6);
    hits(&w, 0, 2, 3, 0x7000, PAGE_OF_VM);
    cr_assert_not_null(found(&w));
    cr_assert_eq(found(&w)->pe, 0);
    cr_assert_eq(found(&w)->event_count, 4);
    cr_assert_eq(found(&w)->event[1].pe, 1, "who maps it now");
    check_world_close(&w);
}

Test(check_owner, a_page_that_two_vms_share_is_both_ones)
{
    struct check_world w = check_world(ONLY_OWNER, false, 0);
    maps(&w, ROOT_A, PAGE_OF_VM);
    maps(&w, ROOT_B, PAGE_OF_VM);
    for (unsigned pe = 0; pe < 2; pe++) {
        runs(&w, pe, pe ? ROOT_B : ROOT_A, (uint16_t)(5 + pe));
        fills(&w, pe, 1, 2, IPA_OF_VM, PAGE_OF_VM, (uint16_t)(5 + pe));
        fills(&w, pe, 2, 3, 0x7000, PAGE_OF_VM, (uint16_t)(5 + pe));
    }
    for (unsigned pe = 0; pe < 2; pe++)
        hits(&w, pe, 2, 3, 0x7000, PAGE_OF_VM);
    cr_assert_null(found(&w));
    check_world_close(&w);
}

Test(check_owner, hits_of_the_host_and_of_el2_are_not_judged)
{
    struct check_world w = check_world(ONLY_OWNER, false, 0);
    runs(&w, 0, ROOT_A, 5);
    fills(&w, 0, 9, 3, 0x7000, PAGE_OF_VM, 5);
    runs(&w, 0, 0, 5);
    hits(&w, 0, 9, 3, 0x7000, PAGE_OF_VM);
    runs(&w, 0, ROOT_B, 5);
    send(&w, EVENT_TLB_HIT, 0,
         (struct event){.tlb_hit = {.entry = 9, .regime = REGIME_EL2, .stage = 1}});
    cr_assert_null(found(&w));
    check_world_close(&w);
}

Test(check_owner, a_failed_self_check_is_the_exit_status_of_semihosting)
{
    struct check_world w = check_world(ONLY_GUEST, false, 0);
    send(&w, EVENT_EXIT, 0, (struct event){.exit = {.how = 2, .status = 0}});
    send(&w, EVENT_EXIT, 0, (struct event){.exit = {.how = 0, .status = 3}});
    cr_assert_null(found(&w));
    send(&w, EVENT_EXIT, 1, (struct event){.exit = {.how = 2, .status = 3}});
    cr_assert_not_null(found(&w));
    cr_assert_str_eq(found(&w)->kind, "self-check");
    cr_assert_eq(found(&w)->pe, 1);
    check_world_close(&w);
}

#define DATA_ABORT (UINT64_C(0x24) << 26)
#define SVC (UINT64_C(0x15) << 26)

static void aborts(struct check_world *w, uint64_t esr, uint64_t pc, uint64_t far)
{
    send(w, EVENT_EXC_TAKE, 0,
         (struct event){.exc_take = {.from_el = 1, .to_el = 2, .esr = esr, .far = far,
                                     .pc = pc}});
}

static void returns(struct check_world *w, unsigned to_el, uint64_t pc)
{
    send(w, EVENT_ERET, 0, (struct event){.eret = {.from_el = 2, .to_el = (uint8_t)to_el,
                                                   .pc = pc}});
}

Test(check_owner, the_same_abort_a_thousand_times_is_no_progress)
{
    struct check_world w = check_world(ONLY_PROGRESS, false, 0);
    runs(&w, 0, ROOT_A, 5);
    for (unsigned i = 0; i < 1000; i++) {
        cr_assert_null(found(&w), "%u", i);
        aborts(&w, DATA_ABORT, 0x4000, 0x9000);
        returns(&w, 1, 0x4000);
    }
    cr_assert_not_null(found(&w));
    cr_assert_str_eq(found(&w)->kind, "refault");
    check_world_close(&w);
}

/* An abort that is handled in the host in between: EL2 returns to it, and that is no progress. */
Test(check_owner, returning_to_the_host_in_between_is_no_progress)
{
    struct check_world w = check_world(ONLY_PROGRESS, false, 0);
    for (unsigned i = 0; i < 1000; i++) {
        runs(&w, 0, ROOT_A, 5);
        aborts(&w, DATA_ABORT, 0x4000, 0x9000);
        world_set(w.m, 0, SR_HCR_EL2, HCR_EL2_RW);
        returns(&w, 1, 0x100000);
        world_set(w.m, 0, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_VM);
        returns(&w, 1, 0x4000);
    }
    cr_assert_not_null(found(&w));
    check_world_close(&w);
}

Test(check_owner, emulated_accesses_and_calls_in_a_loop_are_progress)
{
    struct check_world w = check_world(ONLY_PROGRESS, false, 0);
    runs(&w, 0, ROOT_A, 5);
    for (unsigned i = 0; i < 3000; i++) {
        aborts(&w, DATA_ABORT, 0x4000, 0x9000);
        returns(&w, 1, 0x4004);
    }
    for (unsigned i = 0; i < 3000; i++)
        aborts(&w, SVC, 0x5000, 0x9000);
    for (unsigned i = 0; i < 3000; i++)
        aborts(&w, DATA_ABORT, 0x6000, 0x9000 + 8 * i);
    cr_assert_null(found(&w));
    world_set(w.m, 0, SR_HCR_EL2, HCR_EL2_RW); /* the host's own, emulated by its EL1 */
    for (unsigned i = 0; i < 3000; i++) {
        aborts(&w, DATA_ABORT, 0x4000, 0x9000);
        returns(&w, 1, 0x4004);
    }
    cr_assert_null(found(&w));
    check_world_close(&w);
}

Test(check_owner, silence_is_noticed_at_the_bound_and_not_before)
{
    struct check_world w = check_world(ONLY_PROGRESS, false, 100);
    machine_run(w.m, 99);
    cr_assert_eq(checks_poll_step(w.checks), 100);
    cr_assert_not(checks_poll(w.checks));
    cr_assert_null(found(&w));
    w.step = 49;
    send(&w, EVENT_CONSOLE, 0, (struct event){.console = {.byte = 'x'}});
    machine_run(w.m, 149);
    cr_assert_not(checks_poll(w.checks));
    cr_assert_eq(checks_poll_step(w.checks), 150);
    cr_assert_null(found(&w), "something was put out at 50");
    machine_run(w.m, 150);
    cr_assert(checks_poll(w.checks));
    cr_assert_eq(checks_poll_step(w.checks), UINT64_MAX, "until somebody goes on");
    cr_assert_not_null(found(&w));
    cr_assert_str_eq(found(&w)->kind, "no-progress");
    cr_assert_eq(found(&w)->event_count, 2, "where each PE is");
    check_world_close(&w);
}

Test(check_owner, state_is_bytes_that_can_be_put_back)
{
    struct check_world w = check_world(ONLY_OWNER, false, 0);
    runs(&w, 0, ROOT_A, 5);
    fills(&w, 0, 9, 3, 0x7000, PAGE_OF_VM, 5);
    void *saved = malloc(checks_state_size(w.checks));
    cr_assert_not_null(saved);
    checks_save(w.checks, saved);
    for (unsigned round = 0; round < 2; round++) {
        cr_assert_null(found(&w));
        runs(&w, 0, ROOT_B, 5);
        hits(&w, 0, 9, 3, 0x7000, PAGE_OF_VM);
        cr_assert_not_null(found(&w));
        checks_restore(w.checks, saved);
    }
    free(saved);
    check_world_close(&w);
}

/* More entries than the shadow has slots come and go; each is found while it is there. */
Test(check_owner, the_shadow_follows_entries_that_come_and_go)
{
    struct check_world w = check_world(ONLY_OWNER, false, 0);
    runs(&w, 0, ROOT_A, 5);
    enum { LIVE = 700 };
    for (uint32_t entry = 1; entry <= 40000; entry++) {
        fills(&w, 0, entry, 3, 0x7000, PAGE_OF_VM, 5);
        if (entry > LIVE)
            goes(&w, 0, entry - LIVE);
    }
    runs(&w, 0, ROOT_B, 5);
    hits(&w, 0, 40000 - LIVE, 3, 0x7000, PAGE_OF_VM);
    cr_assert_null(found(&w), "it has gone");
    hits(&w, 0, 40000 - LIVE + 1, 3, 0x7000, PAGE_OF_VM);
    cr_assert_not_null(found(&w), "the oldest that is there");
    check_world_close(&w);
}

Test(check_owner, lists_of_names_are_read_strictly)
{
    struct error error;
    uint32_t mask = 0;
    cr_assert(check_parse_list("tlb,owner", &mask, &error));
    cr_assert_eq(mask, ONLY_OWNER | 1u << CHECK_TLB);
    for (unsigned kind = 0; kind < CHECK_COUNT; kind++) {
        mask = 0;
        cr_assert(check_parse_list(check_name((enum check_kind)kind), &mask, &error));
        cr_assert_eq(mask, 1u << kind);
        cr_assert(check_parse_list("tlb", &mask, &error));
        cr_assert_eq(mask, 1u << kind | 1u << CHECK_TLB, "it adds");
    }
    static const char *const refused[] = {"", "tl",         "tlbs", "tlb,", ",tlb",
                                          "tlb,,owner", "TLB",  " tlb"};
    for (unsigned i = 0; i < ARRAY_COUNT(refused); i++)
        cr_assert_not(check_parse_list(refused[i], &mask, &error), "%s", refused[i]);
}
