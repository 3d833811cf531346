/*
 * Copy-on-write memory of one machine: live pages, snapshots, incremental hash.
 *
 * A snapshot is a persistent tree of counted nodes whose leaves are pages; snapshots share what
 * they have in common. The live memory is an array of page pointers, equal to those of the
 * snapshot it was last saved to or restored from (its base), except for the pages on its dirty
 * list, which it owns alone. So a write costs at most one page copy, going back to the base costs
 * the dirty pages, going to another snapshot costs also the nodes in which the trees differ, and
 * saving copies the path to each dirty page. A page that was never written is a NULL everywhere.
 *
 * The hash is a sum over pages of a term of (index, bytes), 0 for a page of zeros: equal bytes
 * give an equal hash whatever way they came about. Terms are kept in the pages, sums in the
 * nodes, so that nothing is hashed twice.
 *
 * Addresses are compared for equality only and never reach a result.
 */
#include "sim/base/cow.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/cow_tree.h"

/* A page that the live memory owns, and what stands at its place in the base. */
struct dirty {
    size_t page;
    struct cow_leaf *base;
};

struct cow {
    struct cow_pool *pool;
    size_t page_count;
    struct cow_leaf **live; /* own pages, or those of the base (counted there) */
    size_t live_count;      /* of them that are not NULL */
    struct cow_snapshot *base;
    struct dirty *dirty;
    size_t dirty_count, dirty_capacity;
    size_t *stale; /* own pages written since their term was added to sum */
    size_t stale_count, stale_capacity;
    uint64_t sum;
    bool sum_known; /* sum is the hash, but for the stale pages */
    uint64_t epoch;
};

static const uint8_t zero_page[PAGE_BYTES] __attribute__((aligned(64)));

struct cow *cow_new(size_t page_count)
{
    ensure(page_count >= 1);
    struct cow *c = calloc(1, sizeof *c);
    ensure(c != NULL);
    c->pool = cow_pool_new();
    c->page_count = page_count;
    c->live = calloc(page_count, sizeof(struct cow_leaf *));
    ensure(c->live != NULL);
    c->base = cow_snapshot_make(c->pool, page_count, NULL);
    c->sum_known = true;
    return c;
}

void cow_free(struct cow *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->dirty_count; i++)
        cow_leaf_unref(c->live[c->dirty[i].page]);
    cow_snapshot_free(c->base);
    cow_pool_unref(c->pool);
    free(c->live);
    free(c->dirty);
    free(c->stale);
    free(c);
}

size_t cow_page_count(const struct cow *c)
{
    return c->page_count;
}

const uint64_t *cow_epoch(const struct cow *c)
{
    return &c->epoch;
}

const uint8_t *cow_read(const struct cow *c, size_t page)
{
    ensure(page < c->page_count);
    return c->live[page] ? c->live[page]->bytes : zero_page;
}

/* Room for one more element. */
static void *grown(void *array, size_t count, size_t *capacity, size_t element)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? 2 * *capacity : 64;
    array = realloc(array, *capacity * element);
    ensure(array != NULL);
    return array;
}

static void page_own(struct cow *c, size_t page)
{
    struct cow_leaf *old = c->live[page], *own = cow_leaf_new(c->pool);

    if (old)
        memcpy(own->bytes, old->bytes, PAGE_BYTES);
    else
        memset(own->bytes, 0, PAGE_BYTES);
    /* While the sum is known, all pages of the base have terms. */
    own->term = old ? old->term : 0;
    own->is_own = true;
    own->is_hashed = true;
    c->dirty = grown(c->dirty, c->dirty_count, &c->dirty_capacity, sizeof *c->dirty);
    c->dirty[c->dirty_count++] = (struct dirty){page, old};
    c->live_count += old == NULL;
    c->live[page] = own;
}

uint8_t *cow_write(struct cow *c, size_t page)
{
    ensure(page < c->page_count);
    struct cow_leaf *leaf = c->live[page];
    if (leaf && leaf->is_own && !leaf->is_hashed)
        return leaf->bytes;

    if (!leaf || !leaf->is_own)
        page_own(c, page);
    c->live[page]->is_hashed = false;
    c->stale = grown(c->stale, c->stale_count, &c->stale_capacity, sizeof *c->stale);
    c->stale[c->stale_count++] = page;
    return c->live[page]->bytes;
}

struct cow_snapshot *cow_save(struct cow *c)
{
    c->epoch++;
    if (c->dirty_count == 0)
        return cow_snapshot_ref(c->base);

    struct cow_edit edit = cow_edit_begin(c->pool, c->base);
    for (size_t i = 0; i < c->dirty_count; i++) {
        struct cow_leaf *leaf = c->live[c->dirty[i].page];
        leaf->is_own = false;
        cow_edit_set(&edit, c->dirty[i].page, leaf);
    }
    struct cow_snapshot *s = cow_edit_end(&edit);
    c->sum_known = c->sum_known && c->stale_count == 0;
    if (c->sum_known)
        cow_snapshot_set_sum(s, c->sum);
    cow_snapshot_free(c->base);
    c->base = cow_snapshot_ref(s);
    c->dirty_count = 0;
    c->stale_count = 0;
    return s;
}

static void live_set(void *context, size_t page, struct cow_leaf *from, struct cow_leaf *to)
{
    struct cow *c = context;
    c->live_count += (size_t)(to != NULL) - (size_t)(from != NULL);
    c->live[page] = to;
}

void cow_restore(struct cow *c, const struct cow_snapshot *s)
{
    ensure(cow_snapshot_page_count(s) == c->page_count);
    for (size_t i = 0; i < c->dirty_count; i++) {
        struct dirty *d = &c->dirty[i];
        cow_leaf_unref(c->live[d->page]);
        c->live[d->page] = d->base;
        c->live_count -= d->base == NULL;
    }
    c->dirty_count = 0;
    c->stale_count = 0;
    if (s != c->base) {
        cow_tree_compare(c->base, s, live_set, c);
        /* Counting a reference changes nothing that a holder of a const picture can see. */
        struct cow_snapshot *next = cow_snapshot_ref((struct cow_snapshot *)(uintptr_t)s);
        cow_snapshot_free(c->base);
        c->base = next;
    }
    c->sum_known = false;
    c->epoch++;
}

/* Adds up anew: the base's sum, and the difference that each dirty page makes. */
static void sum_make(struct cow *c)
{
    c->sum = cow_snapshot_sum(c->base);
    for (size_t i = 0; i < c->dirty_count; i++) {
        struct dirty *d = &c->dirty[i];
        struct cow_leaf *own = c->live[d->page];
        cow_leaf_hash(own, d->page);
        c->sum += own->term - (d->base ? d->base->term : 0);
    }
    c->sum_known = true;
}

uint64_t cow_hash(struct cow *c)
{
    if (!c->sum_known) {
        sum_make(c);
    } else {
        for (size_t i = 0; i < c->stale_count; i++) {
            struct cow_leaf *own = c->live[c->stale[i]];
            uint64_t old = own->term;
            cow_leaf_hash(own, c->stale[i]);
            c->sum += own->term - old;
        }
    }
    if (c->stale_count) {
        c->stale_count = 0;
        c->epoch++;
    }
    return c->sum;
}

size_t cow_bytes(const struct cow *c)
{
    return cow_pool_bytes(c->pool) + sizeof *c + c->page_count * sizeof(struct cow_leaf *) +
           c->dirty_capacity * sizeof *c->dirty + c->stale_capacity * sizeof *c->stale;
}

size_t cow_live_bytes(const struct cow *c)
{
    return sizeof *c + c->page_count * sizeof(struct cow_leaf *) +
           c->live_count * sizeof(struct cow_leaf);
}

struct difference {
    bool (*report)(void *context, size_t page, const uint8_t *a, const uint8_t *b);
    void *context;
    bool stopped;
};

static void difference_report(void *context, size_t page, struct cow_leaf *a, struct cow_leaf *b)
{
    struct difference *d = context;
    const uint8_t *old = a ? a->bytes : zero_page, *new = b ? b->bytes : zero_page;

    if (!d->stopped && memcmp(old, new, PAGE_BYTES) != 0)
        d->stopped = !d->report(d->context, page, old, new);
}

void cow_diff(const struct cow_snapshot *a, const struct cow_snapshot *b,
              bool (*report)(void *context, size_t page, const uint8_t *a, const uint8_t *b),
              void *context)
{
    struct difference d = {report, context, false};
    cow_tree_compare(a, b, difference_report, &d);
}
