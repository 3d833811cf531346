/*
 * Data caches: what accesses with different attributes see of each other, coherence among PEs,
 * write-back and loss, DC by address and by set and way, and that nothing of it is outside of the
 * copy-on-write memory.
 */
#include "tests/unit/cache_world.h"

#define LINE WORLD_LINE(0)

Test(cache, a_store_stays_in_the_cache_and_others_past_it_see_memory)
{
    struct world *w = world_new();
    world_store(w, 0, LINE, WRITE_BACK, 7);
    cr_assert_eq(world_memory(w, LINE), 0);
    cr_assert(world_dirty(w, 0, 1, LINE));
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 7);
    cr_assert_eq(world_load(w, 0, LINE, UNCACHED), 0);
    cr_assert_eq(world_load(w, 1, LINE, DEVICE), 0);
    struct access dma = world_access(PE_COUNT_MAX, LINE, 8, WRITE_BACK, false);
    uint64_t value[2];
    dma.kind = ACCESS_DMA;
    cache_read(w->cache, &dma, value);
    cr_assert_eq(value[0], 0, "a bus master is not coherent, whatever its attributes say");
    world_free(w);
}

Test(cache, a_walk_is_a_reader_by_its_own_attributes)
{
    struct world *w = world_new();
    world_store(w, 0, LINE, WRITE_BACK, 7);
    struct access walk = world_access(1, LINE, 8, UNCACHED, false);
    uint64_t value[2];
    walk.kind = ACCESS_WALK;
    cache_read(w->cache, &walk, value);
    cr_assert_eq(value[0], 0);
    walk.memory = WRITE_BACK;
    cache_read(w->cache, &walk, value);
    cr_assert_eq(value[0], 7);
    world_free(w);
}

Test(cache, cleaning_to_coherency_reaches_memory_and_to_unification_does_not)
{
    struct world *w = world_new();
    world_store(w, 0, LINE, WRITE_BACK, 7);
    world_cvau(w, 1, LINE);
    cr_assert_eq(world_memory(w, LINE), 0);
    cr_assert(world_dirty(w, 0, 2, LINE), "level 2 is the point of unification");
    cr_assert_not(world_dirty(w, 0, 1, LINE));
    world_dc(w, 1, LINE, CACHE_CLEAN);
    cr_assert_eq(world_memory(w, LINE), 7);
    cr_assert_not(world_dirty(w, 0, 2, LINE));
    cr_assert(world_has(w, 0, 1, LINE), "a clean line stays");
    world_free(w);
}

Test(cache, a_clean_line_over_newer_memory_is_hit_until_it_is_invalidated)
{
    struct world *w = world_new();
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 0);
    world_store(w, 1, LINE, UNCACHED, 9);
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 0);
    cr_assert_eq(world_load(w, 2, LINE, WRITE_BACK), 0, "coherent with the other's line");
    world_dc(w, 1, LINE, CACHE_CLEAN);
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 0, "cleaning does not take it");
    world_dc(w, 1, LINE, CACHE_INVALIDATE);
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 9);
    world_free(w);
}

Test(cache, an_older_dirty_line_cleaned_over_newer_memory)
{
    struct world *w = world_new();
    world_store(w, 0, LINE, WRITE_BACK, 1);
    world_store(w, 0, LINE, UNCACHED, 2); /* tables written with the MMU off */
    world_dc(w, 0, LINE, CACHE_CLEAN);
    cr_assert_eq(world_memory(w, LINE), 1, "the newer bytes are lost");
    world_store(w, 0, LINE, WRITE_BACK, 3);
    world_store(w, 0, LINE, UNCACHED, 4);
    world_dc(w, 0, LINE, CACHE_INVALIDATE);
    cr_assert_eq(world_memory(w, LINE), 4);
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 4);
    world_free(w);
}

Test(cache, invalidating_loses_what_was_not_cleaned)
{
    struct world *w = world_new();
    world_store(w, 0, LINE, WRITE_BACK, 7);
    world_dc(w, 0, LINE, CACHE_INVALIDATE);
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 0);
    world_store(w, 0, LINE, WRITE_BACK, 7);
    world_dc(w, 0, LINE, CACHE_INVALIDATE | CACHE_CLEAN);
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 7);
    world_free(w);
}

Test(cache, pes_are_coherent_with_one_writer)
{
    struct world *w = world_new();
    world_store(w, 0, LINE, WRITE_BACK, 1);
    cr_assert_eq(world_load(w, 1, LINE, WRITE_BACK), 1);
    cr_assert(world_has(w, 0, 1, LINE) && world_has(w, 1, 1, LINE));
    cr_assert_not(world_dirty(w, 0, 1, LINE));
    world_store(w, 2, LINE + 8, WRITE_BACK, 2);
    cr_assert_not(world_has(w, 0, 1, LINE) || world_has(w, 1, 1, LINE));
    cr_assert(world_dirty(w, 2, 1, LINE));
    world_store(w, 0, LINE + 16, WRITE_BACK, 3); /* dirty goes over */
    cr_assert_not(world_has(w, 2, 1, LINE));
    cr_assert_eq(world_load(w, 1, LINE, WRITE_BACK), 1);
    cr_assert_eq(world_load(w, 1, LINE + 8, WRITE_BACK), 2);
    cr_assert_eq(world_load(w, 1, LINE + 16, WRITE_BACK), 3);
    world_free(w);
}

Test(cache, write_through_goes_to_memory_at_once)
{
    struct world *w = world_new();
    cr_assert_eq(world_load(w, 1, LINE, WRITE_BACK), 0);
    world_store(w, 0, LINE, WRITE_THROUGH, 5);
    cr_assert_eq(world_memory(w, LINE), 5);
    cr_assert_not(world_dirty(w, 0, 1, LINE));
    cr_assert_eq(world_load(w, 1, LINE, WRITE_BACK), 5);
    world_store(w, 0, LINE + 8, WRITE_BACK, 6);
    world_store(w, 1, LINE + 16, WRITE_THROUGH, 7);
    cr_assert_eq(world_memory(w, LINE + 8), 0, "what was dirty stays so");
    cr_assert_eq(world_memory(w, LINE + 16), 7);
    cr_assert_eq(world_load(w, 0, LINE + 8, WRITE_BACK), 6);
    world_free(w);
}

Test(cache, allocation_is_as_the_hints_say)
{
    struct world *w = world_new();
    cr_assert_eq(world_load(w, 0, LINE, NO_ALLOCATE), 0);
    cr_assert_not(world_has(w, 0, 1, LINE) || world_has(w, 0, 2, LINE));
    world_store(w, 0, LINE, NO_ALLOCATE, 4);
    cr_assert_eq(world_memory(w, LINE), 4);
    cr_assert_not(world_has(w, 0, 1, LINE) || world_has(w, 0, 2, LINE));
    cr_assert_eq(world_load(w, 1, LINE, WRITE_BACK), 4);
    world_store(w, 0, LINE, NO_ALLOCATE, 5); /* one that is there is used all the same */
    cr_assert_eq(world_load(w, 1, LINE, WRITE_BACK), 5);
    cr_assert_eq(world_load(w, 2, LINE, NO_ALLOCATE), 5);
    world_free(w);
}

Test(cache, an_access_may_lie_in_two_lines)
{
    struct world *w = world_new();
    world_store(w, 0, LINE + 60, WRITE_BACK, UINT64_C(0x1122334455667788));
    cr_assert_eq(world_load(w, 1, LINE + 60, WRITE_BACK), UINT64_C(0x1122334455667788));
    cr_assert_eq(world_load(w, 1, LINE + 64, WRITE_BACK), 0x11223344);
    world_dc(w, 0, LINE, CACHE_CLEAN);
    cr_assert_eq(world_load(w, 1, LINE + 60, UNCACHED), 0x55667788);
    world_free(w);
}

Test(cache, a_full_set_gives_up_its_oldest_line)
{
    struct world *w = world_new();
    uint64_t a = WORLD_LINE(0), b = WORLD_LINE(2), c = WORLD_LINE(4); /* one set of level 1 */
    world_store(w, 0, a, WRITE_BACK, 1);
    world_load(w, 0, b, WRITE_BACK);
    world_load(w, 0, a, WRITE_BACK); /* a hit changes nothing */
    world_load(w, 0, c, WRITE_BACK);
    cr_assert_not(world_has(w, 0, 1, a));
    cr_assert(world_has(w, 0, 1, b) && world_has(w, 0, 1, c));
    cr_assert(world_dirty(w, 0, 2, a), "its data went to level 2");
    cr_assert_eq(world_memory(w, a), 0);
    world_load(w, 0, WORLD_LINE(6), WRITE_BACK);
    cr_assert(world_has(w, 0, 1, c) && !world_has(w, 0, 1, b), "then it is the next one's turn");
    for (unsigned n = 1; n < 5; n++)
        world_load(w, 0, WORLD_LINE(4 * n), WRITE_BACK);
    cr_assert_not(world_has(w, 0, 2, a));
    cr_assert_eq(world_memory(w, a), 1, "and from there to memory");
    world_free(w);
}

/* Xt of DC by set and way: level 1 has 2 sets of 2 ways, level 2 4 of 4. */
static uint64_t set_way(unsigned level, unsigned set, unsigned way)
{
    return (uint64_t)way << (level == 1 ? 31 : 30) | set << 6 | (level - 1u) << 1;
}

static void flush_by_set_way(struct world *w, unsigned pe, unsigned what)
{
    for (unsigned level = 1; level <= 2; level++) {
        unsigned count = level == 1 ? 2 : 4;
        for (unsigned i = 0; i < count * count; i++)
            cache_set_way(w->cache, pe, 0, set_way(level, i / count, i % count), what);
    }
}

Test(cache, set_and_way_reach_the_own_cache_only)
{
    struct world *w = world_new();
    unsigned both = CACHE_CLEAN | CACHE_INVALIDATE;
    world_store(w, 0, LINE, WRITE_BACK, 7);
    flush_by_set_way(w, 1, both);
    cr_assert_eq(world_memory(w, LINE), 0, "the other PE's level 1 keeps it");
    cr_assert(world_dirty(w, 0, 1, LINE));
    flush_by_set_way(w, 0, both);
    cr_assert_eq(world_memory(w, LINE), 7);
    cr_assert_not(world_has(w, 0, 1, LINE) || world_has(w, 0, 2, LINE));
    world_free(w);
}

Test(cache, set_and_way_go_level_by_level)
{
    struct world *w = world_new();
    world_store(w, 0, LINE, WRITE_BACK, 7);
    unsigned set = (unsigned)(LINE / 64) & 1;
    for (unsigned way = 0; way < 2; way++)
        cache_set_way(w->cache, 0, 0, set_way(1, set, way), CACHE_CLEAN);
    cr_assert(world_has(w, 0, 1, LINE) && !world_dirty(w, 0, 1, LINE));
    cr_assert(world_dirty(w, 0, 2, LINE));
    cr_assert_eq(world_memory(w, LINE), 0);
    flush_by_set_way(w, 0, CACHE_INVALIDATE); /* what was only in level 2 is lost */
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 0);
    uint64_t hash = cow_hash(w->memory);
    cache_set_way(w->cache, 0, 0, 2u << 1, CACHE_INVALIDATE);       /* there is no level 3 */
    cache_set_way(w->cache, 0, 0, 7u << 1, CACHE_INVALIDATE);
    cr_assert_eq(cow_hash(w->memory), hash);
    world_free(w);
}

Test(cache, powering_down_keeps_the_data)
{
    struct world *w = world_new();
    world_store(w, 0, LINE, WRITE_BACK, 7);
    world_fetch(w, 0, WORLD_LINE(9));
    cache_power_down(w->cache, 0);
    cr_assert_not(world_has(w, 0, 1, LINE));
    cr_assert_not(cache_look(w->cache, 0, 1, true, WORLD_LINE(9)).valid);
    cr_assert_eq(world_load(w, 1, LINE, WRITE_BACK), 7);
    world_free(w);
}

Test(cache, observers_see_the_newest_and_change_nothing)
{
    struct world *w = world_new();
    uint64_t value, line[16];
    world_store(w, 0, LINE, WRITE_BACK, 7);
    uint64_t hash = cow_hash(w->memory);
    cache_peek(w->cache, LINE, &value, sizeof value);
    cr_assert_eq(value, 7);
    cache_peek(w->cache, LINE - 64, line, sizeof line);
    cr_assert_eq(line[8], 7);
    cr_assert_eq(cow_hash(w->memory), hash);
    value = 8;
    world_set_memory(w, LINE, value);
    cache_poke(w->cache, LINE, &value, sizeof value);
    cr_assert_eq(world_load(w, 0, LINE, WRITE_BACK), 8);
    cr_assert_eq(world_load(w, 0, LINE, UNCACHED), 8);
    world_free(w);
}

Test(cache, all_of_it_is_in_the_memory_that_is_saved)
{
    struct world *w = world_new();
    world_store(w, 0, LINE, WRITE_BACK, 7);
    struct cow_snapshot *save = cow_save(w->memory);
    uint64_t hash = cow_hash(w->memory);
    world_store(w, 1, LINE, WRITE_BACK, 8);
    world_dc(w, 1, LINE, CACHE_CLEAN | CACHE_INVALIDATE);
    world_store(w, 1, LINE, UNCACHED, 9);
    cr_assert_neq(cow_hash(w->memory), hash);
    cow_restore(w->memory, save);
    cr_assert_eq(cow_hash(w->memory), hash);
    cr_assert(world_dirty(w, 0, 1, LINE));
    cr_assert_eq(world_load(w, 1, LINE, WRITE_BACK), 7);
    cow_snapshot_free(save);
    world_free(w);
}

Test(cache, moves_of_lines_are_told)
{
    struct world *w = world_new();
    events_attach(&w->events, world_hear, w, UINT64_C(1) << EVENT_CACHE_LINE);
    world_store(w, 1, LINE, WRITE_BACK, 7);
    cr_assert_eq(w->last.cache_line.what, 4, "became dirty");
    cr_assert_eq(w->last.cache_line.pa, LINE);
    cr_assert_eq(w->last.pe, 1);
    unsigned heard = w->heard;
    world_store(w, 1, LINE + 8, WRITE_BACK, 7);
    cr_assert_eq(w->heard, heard, "once");
    world_dc(w, 1, LINE, CACHE_CLEAN);
    cr_assert_eq(w->last.cache_line.what, 1);
    world_dc(w, 1, LINE, CACHE_INVALIDATE);
    cr_assert_eq(w->last.cache_line.what, 2);
    cr_assert_eq(w->last.cache_line.dirty, 0);
    events_detach(&w->events, world_hear, w);
    events_attach(&w->events, world_hear, w, UINT64_C(1) << EVENT_CACHE_OP);
    world_store(w, 0, LINE, WRITE_BACK, 7);
    heard = w->heard;
    world_dc(w, 1, LINE, CACHE_INVALIDATE);
    cr_assert_eq(w->heard, heard + 1);
    cr_assert_eq(w->last.cache_op.address, LINE);
    cr_assert_geq(w->last.cache_op.lines, 1);
    world_free(w);
}

/*
 * Random accesses by all PEs to few lines, maintenance that loses nothing among them, and random
 * answers: what cacheable accesses read is what was written last.
 */
static void random_coherence(uint64_t seed, uint32_t open_mask)
{
    static const uint8_t memories[] = {WRITE_BACK, WRITE_BACK, WRITE_THROUGH, NO_ALLOCATE, 0xee,
                                       0xdd};
    struct world *w = world_new();
    uint64_t model[48 * 8] = {0};
    w->chooser.open_mask = open_mask;
    w->random = hash_mix(seed) | 1;
    for (unsigned step = 0; step < 20000; step++) {
        uint64_t r = hash_mix(seed * 100000 + step);
        unsigned pe = (unsigned)(r % WORLD_PES), word = (unsigned)(r >> 8) % (48 * 8);
        uint64_t pa = WORLD_LINE(0) + 8 * (uint64_t)word;
        unsigned memory = memories[(r >> 24) % sizeof memories];
        switch (r >> 32 & 15) {
        case 0:
            world_dc(w, pe, pa, r >> 40 & 1 ? CACHE_CLEAN : CACHE_CLEAN | CACHE_INVALIDATE);
            break;
        case 1:
            world_cvau(w, pe, pa);
            break;
        case 2:
            cache_set_way(w->cache, pe, 0,
                          set_way(1 + (r >> 41 & 1), r >> 42 & 1, r >> 43 & 1),
                          r >> 40 & 1 ? CACHE_CLEAN : CACHE_CLEAN | CACHE_INVALIDATE);
            break;
        case 3:
            world_fetch(w, pe, pa);
            break;
        case 4:
            if ((r >> 44) % 64 == 0)
                cache_power_down(w->cache, pe);
            break;
        case 5:
        case 6:
        case 7:
        case 8:
        case 9:
            model[word] = r;
            world_store(w, pe, pa, memory, r);
            break;
        default:
            cr_assert_eq(world_load(w, pe, pa, memory), model[word], "seed %lu step %u",
                         (unsigned long)seed, step);
        }
    }
    cache_write_back_all(w->cache);
    for (unsigned word = 0; word < 48 * 8; word++)
        cr_assert_eq(world_memory(w, WORLD_LINE(0) + 8 * (uint64_t)word), model[word]);
    world_free(w);
}

Test(cache, cacheable_accesses_are_coherent_whatever_is_answered)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        random_coherence(seed, 0);
        random_coherence(seed, 1u << CHOICE_CACHE_WRITEBACK | 1u << CHOICE_CACHE_ALLOCATE |
                                   1u << CHOICE_ICACHE_STALE);
    }
}
