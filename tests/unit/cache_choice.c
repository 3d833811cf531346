/*
 * What may have happened to a line unasked - written back, gone, come by itself - and what
 * instruction fetches may get: each is asked where it makes a difference, and nowhere else.
 */
#include "tests/unit/cache_world.h"

#define LINE WORLD_LINE(0)

Test(cache_choice, a_dirty_line_may_have_been_written_back_before_a_read_past_it)
{
    struct world *w = world_new();
    world_open(w, CHOICE_CACHE_WRITEBACK, 1);
    world_store(w, 0, LINE, WRITE_BACK, 7);
    cr_assert_eq(w->asked, 0);
    cr_assert_eq(world_load(w, 1, LINE + 8, UNCACHED), 0);
    cr_assert_eq(w->asked, 0, "these bytes are the same either way");
    cr_assert_eq(world_load(w, 1, LINE, UNCACHED), 7);
    cr_assert_eq(w->asked, 1);
    cr_assert_eq(w->asked_n, 2);
    cr_assert(world_has(w, 0, 1, LINE) && !world_dirty(w, 0, 1, LINE));
    cr_assert_eq(world_load(w, 1, LINE, UNCACHED), 7);
    cr_assert_eq(w->asked, 1, "it is clean now");
    world_free(w);
}

Test(cache_choice, both_levels_may_be_dirty_and_differ)
{
    for (uint32_t answer = 0; answer < 3; answer++) {
        struct world *w = world_new();
        world_store(w, 0, LINE, WRITE_BACK, 1);
        world_cvau(w, 0, LINE);
        world_store(w, 0, LINE, WRITE_BACK, 2);
        world_open(w, CHOICE_CACHE_WRITEBACK, answer);
        cr_assert_eq(world_load(w, 1, LINE, UNCACHED), answer);
        cr_assert_eq(w->asked_n, 3);
        cr_assert_eq(world_load(w, 1, LINE, WRITE_BACK), 2);
        world_free(w);
    }
}

Test(cache_choice, before_a_write_past_it_too)
{
    for (uint32_t answer = 0; answer < 2; answer++) {
        struct world *w = world_new();
        world_open(w, CHOICE_CACHE_WRITEBACK, answer);
        world_store(w, 0, LINE, WRITE_BACK, 1);
        world_store(w, 1, LINE, UNCACHED, 2);
        cr_assert_eq(w->asked, 1);
        w->chooser.open_mask = 0;
        world_dc(w, 0, LINE, CACHE_CLEAN);
        cr_assert_eq(world_memory(w, LINE), answer ? 2 : 1);
        world_free(w);
    }
}

Test(cache_choice, a_clean_line_over_newer_memory_may_have_gone)
{
    struct world *w = world_new();
    world_load(w, 0, LINE, WRITE_BACK);
    world_load(w, 1, LINE, WRITE_BACK);
    world_store(w, 1, LINE, UNCACHED, 9);
    world_open(w, CHOICE_CACHE_WRITEBACK, 0);
    cr_assert_eq(world_load(w, 0, LINE + 8, WRITE_BACK), 0);
    cr_assert_eq(w->asked, 0);
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 0);
    cr_assert_eq(w->asked, 1);
    w->answer = 1;
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 9);
    cr_assert_eq(world_load(w, 1, LINE, WRITE_BACK), 9, "then it has gone everywhere");
    cr_assert_eq(w->asked, 2);
    world_free(w);
}

Test(cache_choice, invalidated_dirty_data_may_have_reached_memory)
{
    for (uint32_t answer = 0; answer < 2; answer++) {
        struct world *w = world_new();
        world_open(w, CHOICE_CACHE_WRITEBACK, answer);
        world_store(w, 0, LINE, WRITE_BACK, 7);
        world_dc(w, 1, LINE, CACHE_INVALIDATE);
        cr_assert_eq(w->asked, 1);
        cr_assert_eq(world_memory(w, LINE), answer ? 7 : 0);
        world_dc(w, 1, LINE, CACHE_INVALIDATE);
        cr_assert_eq(w->asked, 1);
        world_free(w);
    }
}

Test(cache_choice, a_clean_without_dsb_may_not_be_done)
{
    for (uint32_t answer = 0; answer < 2; answer++) {
        struct world *w = world_new();
        world_store(w, 0, LINE, WRITE_BACK, 7);
        world_dc(w, 0, LINE, CACHE_CLEAN | CACHE_INVALIDATE);
        world_open(w, CHOICE_CACHE_WRITEBACK, answer);
        cache_barrier(w->cache, 1, true); /* not the issuer's */
        cr_assert_eq(world_load(w, 1, LINE, UNCACHED), answer ? 0 : 7);
        cr_assert_eq(w->asked, 1);
        cr_assert_eq(world_load(w, 1, LINE, WRITE_BACK), 7);
        cache_barrier(w->cache, 0, false);
        cr_assert_eq(world_load(w, 1, LINE, UNCACHED), 7);
        cr_assert_eq(w->asked, 1);
        world_free(w);
    }
}

/* The page was used and flushed; a guest with caches off writes; the owner reads it again. */
Test(cache_choice, a_line_may_come_unasked_between_a_flush_and_a_write_to_memory)
{
    for (uint32_t answer = 0; answer < 3; answer++) {
        struct world *w = world_new();
        world_store(w, 0, LINE, WRITE_BACK, 1);
        world_dc(w, 0, LINE, CACHE_CLEAN | CACHE_INVALIDATE);
        world_store(w, 1, LINE, UNCACHED, 2);
        world_store(w, 1, LINE, UNCACHED, 3);
        world_open(w, CHOICE_CACHE_ALLOCATE, answer);
        cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 3 - answer);
        cr_assert_eq(w->asked, 1);
        cr_assert_eq(w->asked_n, 3);
        cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 3 - answer, "it is there now");
        cr_assert_eq(w->asked, 1);
        world_free(w);
    }
}

Test(cache_choice, a_flush_after_the_write_leaves_nothing_older)
{
    struct world *w = world_new();
    world_store(w, 0, LINE, WRITE_BACK, 1);
    world_dc(w, 0, LINE, CACHE_CLEAN | CACHE_INVALIDATE);
    world_store(w, 1, LINE, UNCACHED, 2);
    world_dc(w, 0, LINE, CACHE_INVALIDATE);
    world_open(w, CHOICE_CACHE_ALLOCATE, 1);
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 2);
    cr_assert_eq(w->asked, 0);
    world_free(w);
}

Test(cache_choice, nothing_comes_through_a_translation_that_is_not_live)
{
    struct world *w = world_new();
    world_open(w, CHOICE_CACHE_ALLOCATE, 1);
    world_store(w, 0, LINE, WRITE_BACK, 1);
    cache_translations_gone(w->cache, 0);
    struct cache_line_op op = world_op(0, LINE, CACHE_CLEAN | CACHE_INVALIDATE, false);
    op.memory = UNCACHED; /* flushed with the MMU off */
    cache_data_line(w->cache, &op);
    world_store(w, 1, LINE, UNCACHED, 2);
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 2);
    cr_assert_eq(w->asked, 0);
    world_free(w);
}

Test(cache_choice, what_came_before_the_translation_went_stays_possible)
{
    struct world *w = world_new();
    world_open(w, CHOICE_CACHE_ALLOCATE, 1);
    world_store(w, 0, LINE, WRITE_BACK, 1);
    world_dc(w, 0, LINE, CACHE_CLEAN | CACHE_INVALIDATE);
    cache_translations_gone(w->cache, 0); /* unmapped only now */
    world_store(w, 1, LINE, UNCACHED, 2);
    world_store(w, 1, LINE, UNCACHED, 3);
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 1);
    cr_assert_eq(w->asked_n, 2, "2 was never to be had");
    world_free(w);
}

Test(cache_choice, a_regime_that_changed_reads_nothing_ahead)
{
    struct world *w = world_new();
    world_load(w, 0, LINE + 64, WRITE_BACK); /* the same page */
    w->regime[1] = 0;                        /* caches off */
    world_store(w, 1, LINE, UNCACHED, 2);
    w->regime[1] = 1;
    world_open(w, CHOICE_CACHE_ALLOCATE, 1);
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 2);
    cr_assert_eq(w->asked, 0);
    world_load(w, 0, WORLD_LINE(3), WRITE_BACK);
    world_store(w, 1, WORLD_LINE(2), UNCACHED, 3);
    cr_assert_eq(world_load(w, 0, WORLD_LINE(2), WRITE_BACK), 0);
    cr_assert_eq(w->asked, 1, "while it is live, what was in memory before is offered");
    world_free(w);
}

Test(cache_choice, closed_kinds_are_not_asked)
{
    struct world *w = world_new();
    world_store(w, 0, LINE, WRITE_BACK, 1);
    world_load(w, 1, LINE, UNCACHED);
    world_dc(w, 0, LINE, CACHE_CLEAN | CACHE_INVALIDATE);
    world_store(w, 1, LINE, UNCACHED, 2);
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 2);
    world_fetch(w, 0, LINE);
    cr_assert_eq(w->asked, 0);
    world_free(w);
}

/* --- instructions ---------------------------------------------------------------------------- */

/* A code line with 1, fetched by PE 0 and 1; then 2 is stored and cleaned to unification. */
static struct world *code_world(void)
{
    struct world *w = world_new();
    world_set_memory(w, LINE, 1);
    cr_assert_eq(world_fetch(w, 0, LINE), 1);
    cr_assert_eq(world_fetch(w, 1, LINE), 1);
    world_store(w, 0, LINE, WRITE_BACK, 2);
    world_cvau(w, 0, LINE);
    cache_barrier(w->cache, 0, true);
    return w;
}

Test(cache_choice, a_fetch_does_not_see_a_dirty_line)
{
    for (uint32_t answer = 0; answer < 2; answer++) {
        struct world *w = world_new();
        world_store(w, 0, LINE, WRITE_BACK, 2);
        world_open(w, CHOICE_CACHE_WRITEBACK, answer);
        cr_assert_eq(world_fetch(w, 0, LINE), answer ? 2 : 0);
        cr_assert_eq(w->asked, 1);
        world_free(w);
    }
}

Test(cache_choice, code_that_was_cleaned_is_fetched_by_default)
{
    struct world *w = code_world();
    cr_assert_eq(world_fetch(w, 0, LINE), 2);
    cr_assert_eq(world_fetch(w, 1, LINE), 2);
    world_free(w);
}

Test(cache_choice, without_ic_an_older_instruction_may_be_fetched)
{
    struct world *w = code_world();
    world_open(w, CHOICE_ICACHE_STALE, 1);
    cr_assert_eq(world_fetch(w, 0, LINE), 1);
    cr_assert_eq(world_fetch(w, 1, LINE), 1);
    cr_assert_eq(w->asked, 2);
    cr_assert_eq(world_fetch(w, 1, LINE + 4), 0);
    cr_assert_eq(w->asked, 2, "the other words are the same");
    w->answer = 0;
    cr_assert_eq(world_fetch(w, 1, LINE), 2);
    world_free(w);
}

Test(cache_choice, an_ic_counts_after_dsb_and_synchronization)
{
    /* Which of DSB by the issuer and synchronization by the fetching PE are done, in order. */
    for (unsigned done = 0; done < 4; done++) {
        for (unsigned fetcher = 0; fetcher < 2; fetcher++) {
            struct world *w = code_world();
            world_open(w, CHOICE_ICACHE_STALE, 1);
            world_ivau(w, 0, LINE);
            if (done & 1)
                cache_barrier(w->cache, 0, true);
            if (done & 2)
                cache_synchronize(w->cache, fetcher);
            cr_assert_eq(world_fetch(w, fetcher, LINE), done == 3 ? 2 : 1, "%u", done);
            cr_assert_eq(w->asked, done == 3 ? 0 : 1);
            world_free(w);
        }
    }
}

Test(cache_choice, an_ic_before_the_clean_is_finished_does_not_count)
{
    struct world *w = world_new();
    world_set_memory(w, LINE, 1);
    cr_assert_eq(world_fetch(w, 0, LINE), 1);
    world_store(w, 0, LINE, WRITE_BACK, 2);
    world_cvau(w, 0, LINE);
    world_ivau(w, 0, LINE);
    cache_barrier(w->cache, 0, true);
    cache_synchronize(w->cache, 0);
    world_open(w, CHOICE_ICACHE_STALE, 1);
    cr_assert_eq(world_fetch(w, 0, LINE), 1, "it was fetched again in between");
    world_ivau(w, 0, LINE);
    cache_barrier(w->cache, 0, true);
    cache_synchronize(w->cache, 0);
    cr_assert_eq(world_fetch(w, 0, LINE), 2);
    world_free(w);
}

Test(cache_choice, synchronization_before_the_dsb_does_not_count)
{
    struct world *w = code_world();
    world_open(w, CHOICE_ICACHE_STALE, 1);
    world_ivau(w, 0, LINE);
    cache_synchronize(w->cache, 1);
    cache_barrier(w->cache, 0, true);
    cr_assert_eq(world_fetch(w, 1, LINE), 1);
    world_free(w);
}

Test(cache_choice, a_dsb_of_another_or_of_too_small_a_domain_does_not_complete_it)
{
    struct world *w = code_world();
    world_open(w, CHOICE_ICACHE_STALE, 1);
    world_ivau(w, 0, LINE);
    cache_barrier(w->cache, 1, true);
    cache_barrier(w->cache, 0, false);
    cache_synchronize(w->cache, 0);
    cache_synchronize(w->cache, 1);
    cr_assert_eq(world_fetch(w, 1, LINE), 1);
    cr_assert_eq(world_fetch(w, 0, LINE), 2, "for itself the non-shareable one is enough");
    world_free(w);
}

Test(cache_choice, a_local_ic_is_the_issuers_own)
{
    struct world *w = code_world();
    world_open(w, CHOICE_ICACHE_STALE, 1);
    cache_code_all(w->cache, 0, 0, false);
    cache_barrier(w->cache, 0, true);
    cache_synchronize(w->cache, 0);
    cache_synchronize(w->cache, 1);
    cr_assert_eq(world_fetch(w, 0, LINE), 2);
    cr_assert_eq(world_fetch(w, 1, LINE), 1);
    w->answer = 0;
    cr_assert_eq(world_fetch(w, 1, LINE), 2);
    world_free(w);
}

Test(cache_choice, ic_before_the_clean_leaves_the_older_value)
{
    struct world *w = world_new();
    world_set_memory(w, LINE, 1);
    world_fetch(w, 0, LINE);
    world_store(w, 0, LINE, WRITE_BACK, 2);
    world_ivau(w, 0, LINE);
    cache_barrier(w->cache, 0, true);
    cache_synchronize(w->cache, 0);
    world_fetch(w, 0, LINE + 64); /* the page is still being fetched from */
    world_cvau(w, 0, LINE);
    world_open(w, CHOICE_ICACHE_STALE, 1);
    cr_assert_eq(world_fetch(w, 0, LINE), 1);
    world_free(w);
}

Test(cache_choice, a_page_never_fetched_from_has_nothing_older)
{
    struct world *w = world_new();
    world_set_memory(w, LINE, 1);
    world_store(w, 0, LINE, WRITE_BACK, 2);
    world_cvau(w, 0, LINE);
    world_open(w, CHOICE_ICACHE_STALE, 1);
    cr_assert_eq(world_fetch(w, 0, LINE), 2);
    cr_assert_eq(w->asked, 0);
    world_free(w);
}

Test(cache_choice, several_older_values_are_offered_newest_first)
{
    for (uint32_t answer = 0; answer < 4; answer++) {
        struct world *w = world_new();
        world_fetch(w, 0, LINE + 64); /* the page, not the line */
        for (uint64_t value = 1; value <= 3; value++) {
            world_store(w, 0, LINE, WRITE_BACK, value);
            world_cvau(w, 0, LINE);
        }
        world_open(w, CHOICE_ICACHE_STALE, answer);
        cr_assert_eq(world_fetch(w, 0, LINE), 3 - answer);
        cr_assert_eq(w->asked_n, 4);
        world_free(w);
    }
}

Test(cache_choice, a_full_log_loses_the_oldest_and_goes_on)
{
    struct world *w = world_new();
    for (uint64_t value = 1; value <= 500; value++) {
        world_fetch(w, 0, WORLD_LINE(value % 60));
        world_store(w, 0, WORLD_LINE(value % 60), WRITE_BACK, value);
        world_cvau(w, 0, WORLD_LINE(value % 60));
    }
    world_open(w, CHOICE_ICACHE_STALE, 100);
    uint32_t oldest = world_fetch(w, 0, WORLD_LINE(20)); /* 500 = 20 mod 60 */
    cr_assert_eq(oldest % 60, 20);
    cr_assert_lt(oldest, 500);
    cr_assert_gt(oldest, 0);
    world_free(w);
}

Test(cache_choice, what_is_met_is_told_with_or_without_a_choice)
{
    struct world *w = world_new();
    events_attach(&w->events, world_hear, w, UINT64_C(1) << EVENT_CACHE_STALE);
    world_store(w, 0, LINE, WRITE_BACK, 7);
    cr_assert_eq(w->heard, 0);
    world_load(w, 1, LINE, UNCACHED);
    cr_assert_eq(w->heard, 1);
    cr_assert_eq(w->last.cache_stale.what, 0);
    cr_assert_eq(w->last.cache_stale.taken, 1);
    cr_assert_eq(w->last.cache_stale.pa, LINE);
    cr_assert_eq(w->last.pe, 1);
    world_dc(w, 1, LINE, CACHE_INVALIDATE);
    cr_assert_eq(w->last.cache_stale.what, 4);
    world_free(w);
    w = code_world();
    events_attach(&w->events, world_hear, w, UINT64_C(1) << EVENT_CACHE_STALE);
    cr_assert_eq(world_fetch(w, 1, LINE), 2);
    cr_assert_eq(w->last.cache_stale.what, 3);
    cr_assert_eq(w->last.cache_stale.taken, 0);
    world_free(w);
}
