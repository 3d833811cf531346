/* Copy-on-write memory, against a naive model that copies everything. */
#include "sim/base/cow.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGES 37u /* three levels would need more; see the sizes below */
#define SNAPSHOTS 8u

static uint64_t random_state;

static uint64_t random_next(void)
{
    return hash_mix(++random_state * UINT64_C(0x9e3779b97f4a7c15));
}

/* The model: whole copies, one byte per page that matters is not enough: all of them. */
struct model {
    uint8_t bytes[PAGES][PAGE_BYTES];
};

struct world {
    struct cow *cow;
    struct model live;
    struct cow_snapshot *snapshot[SNAPSHOTS];
    struct model saved[SNAPSHOTS];
    uint64_t saved_hash[SNAPSHOTS]; /* 0: not asked */
};

static void world_check(const struct world *w)
{
    for (size_t i = 0; i < PAGES; i++)
        cr_assert_eq(memcmp(cow_read(w->cow, i), w->live.bytes[i], PAGE_BYTES), 0, "page %zu", i);
}

/* The hash of the same bytes in a memory that never knew anything else. */
static uint64_t hash_fresh(const struct model *m)
{
    static const uint8_t zeros[PAGE_BYTES];
    struct cow *fresh = cow_new(PAGES);
    for (size_t i = 0; i < PAGES; i++) {
        if (memcmp(m->bytes[i], zeros, PAGE_BYTES) != 0)
            memcpy(cow_write(fresh, i), m->bytes[i], PAGE_BYTES);
    }
    uint64_t hash = cow_hash(fresh);
    cow_free(fresh);
    return hash;
}

static void world_write(struct world *w)
{
    size_t page = random_next() % PAGES, at = random_next() % 4 * 1021;
    /* Small values, so that pages go back to zero and to old content. */
    uint8_t value = (uint8_t)(random_next() % 3);
    uint8_t *bytes = cow_write(w->cow, page);
    cr_assert_eq(memcmp(bytes, w->live.bytes[page], PAGE_BYTES), 0);
    cr_assert_eq(bytes, cow_read(w->cow, page));
    bytes[at] = value;
    w->live.bytes[page][at] = value;
}

static void world_save(struct world *w, size_t slot)
{
    cow_snapshot_free(w->snapshot[slot]);
    w->snapshot[slot] = cow_save(w->cow);
    w->saved[slot] = w->live;
    w->saved_hash[slot] = 0;
}

static void world_restore(struct world *w, size_t slot)
{
    if (!w->snapshot[slot])
        return;
    cow_restore(w->cow, w->snapshot[slot]);
    w->live = w->saved[slot];
    if (w->saved_hash[slot])
        cr_assert_eq(cow_hash(w->cow), w->saved_hash[slot]);
    else if (random_next() % 2)
        w->saved_hash[slot] = cow_hash(w->cow);
}

struct seen {
    const struct model *a, *b;
    size_t next;
};

static bool see(void *context, size_t page, const uint8_t *a, const uint8_t *b)
{
    struct seen *s = context;
    /* Pages that were passed over are equal; this one is as the models have it and differs. */
    for (; s->next < page; s->next++)
        cr_assert_eq(memcmp(s->a->bytes[s->next], s->b->bytes[s->next], PAGE_BYTES), 0);
    cr_assert_eq(page, s->next);
    s->next++;
    cr_assert_eq(memcmp(a, s->a->bytes[page], PAGE_BYTES), 0);
    cr_assert_eq(memcmp(b, s->b->bytes[page], PAGE_BYTES), 0);
    cr_assert_neq(memcmp(a, b, PAGE_BYTES), 0);
    return true;
}

static void world_diff(const struct world *w, size_t i, size_t j)
{
    static const struct model nothing;
    struct seen seen = {w->snapshot[i] ? &w->saved[i] : &nothing,
                        w->snapshot[j] ? &w->saved[j] : &nothing, 0};
    cow_diff(w->snapshot[i], w->snapshot[j], see, &seen);
    for (; seen.next < PAGES; seen.next++)
        cr_assert_eq(memcmp(seen.a->bytes[seen.next], seen.b->bytes[seen.next], PAGE_BYTES), 0);
}

static void world_run(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    random_state = seed * 1000003;
    w->cow = cow_new(PAGES);
    size_t empty = cow_bytes(w->cow);
    for (unsigned step = 0; step < 2500; step++) {
        uint64_t what = random_next() % 100;
        size_t slot = random_next() % SNAPSHOTS;
        if (what < 60)
            world_write(w);
        else if (what < 70)
            world_save(w, slot);
        else if (what < 82)
            world_restore(w, slot);
        else if (what < 86)
            cr_assert_eq(cow_hash(w->cow), hash_fresh(&w->live), "seed %lu step %u", seed, step);
        else if (what < 90)
            world_diff(w, slot, random_next() % SNAPSHOTS);
        else if (what < 94) {
            cow_snapshot_free(w->snapshot[slot]);
            w->snapshot[slot] = NULL;
        } else if (what < 97)
            cow_hash(w->cow);
        else
            world_check(w);
    }
    world_check(w);
    for (size_t i = 0; i < SNAPSHOTS; i++)
        cow_snapshot_free(w->snapshot[i]);
    struct cow_snapshot *last = cow_save(w->cow);
    cow_free(w->cow);

    /* A picture outlives its memory and fits into another one. */
    w->cow = cow_new(PAGES);
    cr_assert_eq(cow_bytes(w->cow), empty);
    cow_restore(w->cow, last);
    cow_snapshot_free(last);
    world_check(w);
    cr_assert_eq(cow_hash(w->cow), hash_fresh(&w->live));
    world_write(w);
    cow_snapshot_free(cow_save(w->cow));
    world_check(w);
    cow_free(w->cow);
    free(w);
}

Test(cow, random_operations_agree_with_whole_copies)
{
    for (uint64_t seed = 1; seed <= 12; seed++)
        world_run(seed);
}

Test(cow, hash_depends_on_bytes_and_place_only)
{
    struct cow *a = cow_new(1000), *b = cow_new(1000);
    uint64_t empty = cow_hash(a);
    cow_write(a, 5)[100] = 1;
    uint64_t one = cow_hash(a);
    cr_assert_neq(one, empty);
    cow_write(b, 6)[100] = 1;
    cr_assert_neq(cow_hash(b), one, "the same bytes in another page");
    cow_write(b, 6)[100] = 0;
    cr_assert_eq(cow_hash(b), empty, "a page of zeros is as one never written");
    cow_write(b, 5)[100] = 1;
    cr_assert_eq(cow_hash(b), one);
    cow_write(b, 5)[100] = 1;
    cr_assert_eq(cow_hash(b), one, "written, but to what it was");
    cow_free(a);
    cow_free(b);
}

Test(cow, epoch_tells_when_pointers_are_revoked)
{
    struct cow *c = cow_new(4);
    uint64_t epoch = *cow_epoch(c);
    cow_write(c, 1)[0] = 1;
    cow_write(c, 1)[1] = 1;
    cr_assert_eq(*cow_epoch(c), epoch);
    cow_hash(c);
    cr_assert_eq(*cow_epoch(c), epoch + 1, "writes after a hash must be noticed");
    struct cow_snapshot *s = cow_save(c);
    cr_assert_eq(*cow_epoch(c), epoch + 2);
    cow_restore(c, s);
    cr_assert_eq(*cow_epoch(c), epoch + 3);
    cow_snapshot_free(s);
    cow_free(c);
}

/* All heights of the tree, the first and the last page. */
Test(cow, sizes)
{
    static const size_t sizes[] = {1, 15, 16, 17, 255, 256, 257, 4096, 4097, 70000, 262144};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct cow *c = cow_new(sizes[i]);
        size_t last = sizes[i] - 1;
        cr_assert_eq(cow_page_count(c), sizes[i]);
        struct cow_snapshot *before = cow_save(c);
        cow_write(c, 0)[0] = 1;
        cow_write(c, last)[1] = 2;
        uint64_t hash = cow_hash(c);
        struct cow_snapshot *after = cow_save(c);
        cow_restore(c, before);
        cr_assert_eq(cow_read(c, 0)[0], 0);
        cr_assert_eq(cow_read(c, last)[1], 0);
        cr_assert_eq(cow_hash(c), 0u);
        cow_restore(c, after);
        cr_assert_eq(cow_read(c, 0)[0], 1);
        cr_assert_eq(cow_read(c, last)[1], 2);
        cr_assert_eq(cow_hash(c), hash);
        cow_snapshot_free(before);
        cow_snapshot_free(after);
        cow_free(c);
    }
}

Test(cow, pictures_share_what_they_have_in_common)
{
    struct cow *c = cow_new(4096);
    for (size_t page = 0; page < 4096; page++)
        cow_write(c, page)[0] = 1;
    struct cow_snapshot *s[64];
    s[0] = cow_save(c);
    size_t before = cow_bytes(c);
    for (size_t i = 1; i < 64; i++) {
        cow_write(c, i * 61)[0] = (uint8_t)(i + 1);
        s[i] = cow_save(c);
    }
    cr_assert_lt(cow_bytes(c) - before, 63 * (PAGE_BYTES + 2048));
    for (size_t i = 0; i < 64; i++)
        cow_snapshot_free(s[i]);
    cr_assert_lt(cow_bytes(c), before + 16384);
    cow_free(c);
}

Test(cow, page_out_of_range_is_our_bug, .signal = SIGABRT)
{
    struct cow *c = cow_new(4);
    cow_write(c, 4);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/*
 * Exploring goes back to one snapshot thousands of times a second. The bounds are loose, since
 * the machine may be busy and sanitizers slow everything; the best of the rounds counts.
 */
Test(cow, going_back_is_fast)
{
    struct cow *c = cow_new(4096);
    for (size_t page = 0; page < 4096; page++)
        memset(cow_write(c, page), (int)page | 1, PAGE_BYTES);
    struct cow_snapshot *s = cow_save(c);
    double best_restore = 1, best_hash = 1, best_save = 1;
    uint64_t hash = cow_hash(c);
    for (unsigned round = 0; round < 200; round++) {
        for (size_t i = 0; i < 50; i++)
            cow_write(c, (i * 997 + round) % 4096)[round % PAGE_BYTES] ^= 0x5a;
        double start = seconds();
        uint64_t changed = cow_hash(c);
        double hashed = seconds();
        struct cow_snapshot *other = cow_save(c);
        double saved = seconds();
        cow_snapshot_free(other);
        for (size_t i = 0; i < 50; i++)
            cow_write(c, (i * 991 + round) % 4096)[round % PAGE_BYTES] ^= 0x5a;
        cow_restore(c, s);
        for (size_t i = 0; i < 50; i++)
            cow_write(c, (i * 991 + round) % 4096)[round % PAGE_BYTES] ^= 0x5a;
        double restore = seconds();
        cow_restore(c, s);
        double restored = seconds();
        cr_assert_neq(changed, hash);
        cr_assert_eq(cow_hash(c), hash);
        best_hash = hashed - start < best_hash ? hashed - start : best_hash;
        best_save = saved - hashed < best_save ? saved - hashed : best_save;
        best_restore = restored - restore < best_restore ? restored - restore : best_restore;
    }
    cow_snapshot_free(s);
    cow_free(c);
    cr_log_info("50 of 4096 pages: hash %.1f us, save %.1f us, restore %.1f us\n", 1e6 * best_hash,
                1e6 * best_save, 1e6 * best_restore);
    cr_assert_lt(best_restore, 200e-6);
    cr_assert_lt(best_save, 1e-3);
    cr_assert_lt(best_hash, 2e-3);
}
