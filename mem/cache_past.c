/*
 * Lines and accesses that do not see each other, and what may have happened to a line unasked: at
 * any time a dirty line may be written back, and a clean one may go. Both are asked as
 * cache-writeback where it makes a difference: an access past the caches under a dirty line, a
 * clean line that is not what memory holds by now, a dirty line that is invalidated, a line whose
 * DC awaits its DSB. Answer 0 is that nothing has happened yet but what was asked for; the default
 * thus loses what an incorrect program can lose, but for DSBs that it leaves out.
 *
 * DDI 0487: "Behavior of caches": a line may be evicted at any time, and is then written back if
 * it is dirty; "Non-cacheable accesses and instruction caches".
 */
#include "mem/cache_parts.h"

#include <string.h>

static bool asks(const struct cache *c)
{
    return choice_is_open(c->host.chooser, CHOICE_CACHE_WRITEBACK);
}

static bool tells(const struct cache *c)
{
    return c->host.events->mask >> EVENT_CACHE_STALE & 1;
}

static uint32_t ask(struct cache *c, unsigned pe, uint32_t n)
{
    return asks(c) ? choose(c->host.chooser, c->host.counts, CHOICE_CACHE_WRITEBACK, pe, n) : 0;
}

int data_owner(const struct cache *c, uint64_t pa, int *index)
{
    *index = LINE_NONE;
    for (unsigned pe = 0; pe < c->config.pe_count; pe++) {
        *index = array_find(c, &c->data[pe], pa);
        if (*index != LINE_NONE && array_at(c, &c->data[pe], *index)->state == LINE_MODIFIED)
            return (int)pe;
    }
    return -1;
}

/* The index of L2's dirty line. */
static int unified_dirty(const struct cache *c, uint64_t pa)
{
    int i = array_find(c, &c->unified, pa);
    bool dirty = i != LINE_NONE && array_at(c, &c->unified, i)->state == LINE_MODIFIED;
    return dirty ? i : LINE_NONE;
}

bool data_cached(const struct cache *c, uint64_t pa, bool dirty)
{
    int index = LINE_NONE;
    if (dirty)
        return unified_dirty(c, pa) != LINE_NONE || data_owner(c, pa, &index) >= 0;
    for (unsigned pe = 0; pe < c->config.pe_count; pe++) {
        if (array_find(c, &c->data[pe], pa) != LINE_NONE)
            return true;
    }
    return array_find(c, &c->unified, pa) != LINE_NONE;
}

void data_clean(struct cache *c, unsigned pe, int index, bool to_unification)
{
    struct cache_line *line = array_change(c, &c->data[pe], index);
    struct cache_line copy = *line;
    line->state = LINE_EXCLUSIVE;
    line_tell(c, &c->data[pe], pe, LINE_WRITTEN_BACK, copy.pa, true);
    if (to_unification)
        unified_put(c, pe, copy.pa, copy.data, true);
    else
        unified_write_back(c, pe, copy.pa, copy.data);
}

/* Bytes of memory within a line. */
static bool memory_differs(const struct cache *c, uint64_t pa, const uint8_t *line, size_t size)
{
    uint8_t bytes[CACHE_LINE_BYTES];
    c->host.read(c->host.owner, pa, bytes, size);
    return memcmp(bytes, line + (pa - line_base(pa)), size) != 0;
}

void past_read(struct cache *c, unsigned pe, unsigned kind, uint64_t pa, size_t size)
{
    uint64_t base = line_base(pa);
    int below = unified_dirty(c, base), above = LINE_NONE, owner = data_owner(c, base, &above);
    if ((below == LINE_NONE && owner < 0) || (!asks(c) && !tells(c)))
        return;
    const uint8_t *low = below != LINE_NONE ? array_at(c, &c->unified, below)->data : NULL;
    const uint8_t *high = owner >= 0 ? array_at(c, &c->data[owner], above)->data : NULL;
    bool low_counts = low && memory_differs(c, pa, low, size);
    bool high_counts = high && memory_differs(c, pa, high, size) &&
                       !(low_counts && memcmp(low + (pa - base), high + (pa - base), size) == 0);
    if (!low_counts && !high_counts)
        return;
    uint32_t k = ask(c, pe, 1u + low_counts + high_counts);
    stale_tell(c, pe, STALE_READ, k == 0, pa, kind);
    if (k == 0)
        return;
    if (low_counts && k == 1)
        unified_clean(c, pe, below);
    else
        data_clean(c, (unsigned)owner, above, false);
}

void past_clean(struct cache *c, unsigned pe, unsigned kind, uint64_t pa, size_t size,
                uint8_t *bytes)
{
    if (head_at(c)->count[VERSIONS_CLEANED] == 0 || (!asks(c) && !tells(c)))
        return;
    uint64_t base = line_base(pa);
    unsigned from = (unsigned)(pa - base);
    uint8_t now[CACHE_LINE_BYTES];
    memory_line(c, base, now);
    struct version_list list =
        version_list(c, VERSIONS_CLEANED, 0, base, now, from, (unsigned)size);
    if (list.count == 0)
        return;
    uint32_t k = ask(c, pe, list.count + 1);
    stale_tell(c, pe, STALE_UNFINISHED, k != 0, pa, kind);
    if (k != 0)
        memcpy(bytes, version_data(c, VERSIONS_CLEANED, list.slot[k - 1]) + from, size);
}

void past_write(struct cache *c, unsigned pe, unsigned kind, uint64_t pa)
{
    uint64_t base = line_base(pa);
    int below = unified_dirty(c, base), above = LINE_NONE, owner = data_owner(c, base, &above);
    if (below == LINE_NONE && owner < 0)
        return;
    uint32_t k = ask(c, pe, 2);
    stale_tell(c, pe, STALE_WRITE, k == 0, pa, kind);
    if (k == 0)
        return;
    if (below != LINE_NONE)
        unified_clean(c, pe, below);
    if (owner >= 0)
        data_clean(c, (unsigned)owner, above, false);
}

/* Takes all copies of a clean line out. */
static void all_evict(struct cache *c, unsigned pe, uint64_t base)
{
    for (unsigned other = 0; other < c->config.pe_count; other++) {
        int i = array_find(c, &c->data[other], base);
        if (i != LINE_NONE)
            array_drop(c, &c->data[other], other, i, LINE_EVICTED);
    }
    int i = array_find(c, &c->unified, base);
    if (i != LINE_NONE)
        unified_drop(c, pe, i, LINE_EVICTED);
}

void past_hit(struct cache *c, unsigned pe, unsigned kind, uint64_t pa, size_t size)
{
    uint64_t base = line_base(pa);
    if ((!asks(c) && !tells(c)) || !data_cached(c, base, false) || data_cached(c, base, true))
        return;
    uint8_t data[CACHE_LINE_BYTES];
    cache_peek(c, base, data, sizeof data);
    if (size == 0 ? !memory_differs(c, base, data, sizeof data)
                  : !memory_differs(c, pa, data, size))
        return;
    uint32_t k = ask(c, pe, 2);
    stale_tell(c, pe, STALE_HIT, k == 0, pa, kind);
    if (k != 0)
        all_evict(c, pe, base);
}

void past_invalidate(struct cache *c, unsigned pe, const struct cache_array *a, int index)
{
    struct cache_line line = *array_at(c, a, index);
    if (line.state != LINE_MODIFIED || (!asks(c) && !tells(c)))
        return;
    uint8_t below[CACHE_LINE_BYTES];
    memory_line(c, line.pa, below);
    if (memcmp(below, line.data, sizeof below) == 0)
        return;
    uint32_t k = ask(c, pe, 2);
    stale_tell(c, pe, STALE_LOST, k == 0, line.pa, ACCESS_PLAIN);
    if (k == 0)
        return;
    if (a == &c->unified)
        unified_clean(c, pe, index);
    else
        data_clean(c, (unsigned)(a - c->data), index, false);
}
