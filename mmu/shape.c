/*
 * The shape of a real core's TLB (mmu/cores.def): fully associative first levels for fetches and
 * data, set-associative arrays behind them.
 *
 * Every array is a number of sets of places; a place holds the number of an entry's slot. A walk
 * puts its result into the first level of the access and into the second; a use that misses the
 * first level fills it again from the second, which costs cycles. Replacement is first in, first
 * out by a pointer for each set, so that a hit in the first level changes nothing. Places and
 * pointers are state, in copy-on-write pages behind the entries.
 *
 * Not modelled: large pages that an array keeps in pieces, the different access times of page
 * sizes, hashes of set numbers (the low bits of the page number are taken), random replacement
 * where a core has it. DDI 0487 leaves all of it open: "Translation Lookaside Buffers".
 */
#include "mmu/shape.h"

#include <string.h>

#define FETCH TLB_HOLDS_FETCH
#define DATA TLB_HOLDS_DATA
#define TABLE TLB_HOLDS_TABLE
#define STAGE2 TLB_HOLDS_STAGE2

static const struct {
    const char *core;
    struct tlb_array array;
} rows[] = {
#define TLB_ARRAY(core, name, entries, ways, level, holds) {core, {entries, ways, level, holds}},
#include "mmu/cores.def"
#undef TLB_ARRAY
};

bool tlb_shape_find(const char *core, struct tlb_shape *shape)
{
    memset(shape, 0, sizeof *shape);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (strcmp(rows[i].core, core) != 0)
            continue;
        ensure(shape->count < TLB_ARRAY_MAX && rows[i].array.entries % rows[i].array.ways == 0);
        shape->array[shape->count++] = rows[i].array;
        shape->entries += rows[i].array.entries;
    }
    return shape->count != 0;
}

/* ---- Places: first all of them, array by array, then the pointers of all sets ---- */

#define WORDS_PER_PAGE (PAGE_BYTES / sizeof(uint32_t))

static uint32_t sets_of(const struct tlb_array *a)
{
    return a->entries / a->ways;
}

size_t shape_pages(const struct mmu_config *config)
{
    size_t words = config->shape.entries;
    for (unsigned i = 0; i < config->shape.count; i++)
        words += sets_of(&config->shape.array[i]);
    return (words + WORDS_PER_PAGE - 1) / WORDS_PER_PAGE;
}

static size_t page_of(const struct mmu *mmu, uint32_t word)
{
    return mmu->tlb_page + tlb_entry_pages(mmu->config) + word / WORDS_PER_PAGE;
}

static uint32_t word_get(const struct mmu *mmu, uint32_t word)
{
    const uint32_t *words = (const void *)cow_read(mmu->memory, page_of(mmu, word));
    return words[word % WORDS_PER_PAGE];
}

static void word_set(struct mmu *mmu, uint32_t word, uint32_t value)
{
    uint32_t *words = (void *)cow_write(mmu->memory, page_of(mmu, word));
    words[word % WORDS_PER_PAGE] = value;
}

/* One set of an array. */
struct set {
    uint32_t first, ways; /* its places */
    uint32_t pointer;     /* where it says which goes next */
};

static struct set set_of(const struct mmu *mmu, unsigned array, const struct tlb_entry *e)
{
    const struct tlb_shape *shape = &mmu->config->shape;
    uint32_t place = 0, pointer = shape->entries;
    for (unsigned i = 0; i < array; i++) {
        place += shape->array[i].entries;
        pointer += sets_of(&shape->array[i]);
    }
    const struct tlb_array *a = &shape->array[array];
    uint32_t number = (uint32_t)((e->map.input >> e->map.size_log2) % sets_of(a));
    return (struct set){place + number * a->ways, a->ways, pointer + number};
}

/* The place that holds a value (a slot + 1, or 0 for an empty one), or past the end. */
static uint32_t place_find(const struct mmu *mmu, const struct set *s, uint32_t value)
{
    uint32_t place = s->first;
    while (place < s->first + s->ways && word_get(mmu, place) != value)
        place++;
    return place;
}

static bool has_place(const struct set *s, uint32_t place)
{
    return place < s->first + s->ways;
}

/* Whether an array holds entries like this, used so. */
static bool holds(const struct tlb_array *a, const struct tlb_entry *e, bool is_fetch)
{
    if (e->stage & TLB_TABLE)
        return a->holds & TABLE;
    if (e->stage == TLB_STAGE2)
        return a->holds & STAGE2;
    return a->holds & (is_fetch ? FETCH : DATA);
}

static bool may_hold(const struct tlb_array *a, const struct tlb_entry *e)
{
    return holds(a, e, false) || holds(a, e, true);
}

/* ---- What goes and what comes ---- */

static bool is_anywhere(const struct mmu *mmu, uint32_t slot)
{
    const struct tlb_entry *e = tlb_index_entry(mmu->index, slot);
    for (unsigned i = 0; i < mmu->config->shape.count; i++) {
        struct set s = set_of(mmu, i, e);
        if (may_hold(&mmu->config->shape.array[i], e) &&
            has_place(&s, place_find(mmu, &s, slot + 1)))
            return true;
    }
    return false;
}

/* An empty place in the set for the entry; who was there first goes. */
static uint32_t place_free(struct mmu *mmu, const struct set *s)
{
    uint32_t place = place_find(mmu, s, 0);
    if (has_place(s, place))
        return place;
    uint32_t way = word_get(mmu, s->pointer);
    place = s->first + way;
    uint32_t victim = word_get(mmu, place) - 1;
    word_set(mmu, s->pointer, (way + 1) % s->ways);
    word_set(mmu, place, 0);
    if (is_anywhere(mmu, victim)) {
        tlb_revoke_all(mmu); /* it may have to be looked for behind the first level now */
        return place;
    }
    mmu->state->evictions++;
    tlb_remove(mmu, victim, TLB_GONE_EVICTED, 0);
    return place;
}

void shape_make_room(struct mmu *mmu, const struct tlb_entry *entry, bool is_fetch)
{
    for (unsigned i = 0; i < mmu->config->shape.count; i++) {
        if (!holds(&mmu->config->shape.array[i], entry, is_fetch))
            continue;
        struct set s = set_of(mmu, i, entry);
        place_free(mmu, &s);
    }
}

void shape_put(struct mmu *mmu, uint32_t slot, bool is_fetch)
{
    struct tlb_entry e = *tlb_index_entry(mmu->index, slot);
    for (unsigned i = 0; i < mmu->config->shape.count; i++) {
        if (!holds(&mmu->config->shape.array[i], &e, is_fetch))
            continue;
        struct set s = set_of(mmu, i, &e);
        word_set(mmu, place_free(mmu, &s), slot + 1);
    }
}

void shape_drop(struct mmu *mmu, uint32_t slot)
{
    const struct tlb_entry *e = tlb_index_entry(mmu->index, slot);
    for (unsigned i = 0; i < mmu->config->shape.count; i++) {
        struct set s = set_of(mmu, i, e);
        uint32_t place = place_find(mmu, &s, slot + 1);
        if (has_place(&s, place))
            word_set(mmu, place, 0);
    }
}

bool shape_use(struct mmu *mmu, uint32_t slot, bool is_fetch)
{
    struct tlb_entry e = *tlb_index_entry(mmu->index, slot);
    bool is_refilled = false;
    for (unsigned i = 0; i < mmu->config->shape.count; i++) {
        const struct tlb_array *a = &mmu->config->shape.array[i];
        if (a->level != 1 || !holds(a, &e, is_fetch))
            continue;
        struct set s = set_of(mmu, i, &e);
        if (has_place(&s, place_find(mmu, &s, slot + 1)))
            continue;
        word_set(mmu, place_free(mmu, &s), slot + 1);
        is_refilled = true;
    }
    return is_refilled;
}
