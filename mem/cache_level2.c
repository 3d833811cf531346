/*
 * Level 2 and memory below it. Level 2 is the point of unification: what is here, or else in
 * memory, is what instruction fetches get; every change of that value goes through this file, which
 * tells the instruction side of it. Memory is the point of coherency.
 *
 * Level 2 holds lines that level 1 has or not (neither inclusive nor exclusive): a line that goes
 * from it stays above, and a copy below a dirty one of level 1 is an older value, which may be
 * written to memory before the newer one.
 *
 * Not modelled: level 3, outer attributes (the inner ones are those of both levels).
 *
 * DDI 0487: "Point of Coherency, Point of Unification", CLIDR_EL1.LoUIS and LoC.
 */
#include "mem/cache_parts.h"

#include <string.h>

void memory_line(const struct cache *c, uint64_t pa, uint8_t data[CACHE_LINE_BYTES])
{
    c->host.read(c->host.owner, pa, data, CACHE_LINE_BYTES);
}

void unified_value(const struct cache *c, uint64_t pa, uint8_t data[CACHE_LINE_BYTES])
{
    int i = array_find(c, &c->unified, pa);
    if (i == LINE_NONE)
        memory_line(c, pa, data);
    else
        memcpy(data, array_at(c, &c->unified, i)->data, CACHE_LINE_BYTES);
}

void unified_clean(struct cache *c, unsigned pe, int index)
{
    if (array_at(c, &c->unified, index)->state != LINE_MODIFIED)
        return;
    struct cache_line *line = array_change(c, &c->unified, index);
    struct cache_line copy = *line;
    line->state = LINE_SHARED;
    c->host.write(c->host.owner, copy.pa, copy.data, CACHE_LINE_BYTES);
    line_tell(c, &c->unified, pe, LINE_WRITTEN_BACK, copy.pa, true);
}

void unified_drop(struct cache *c, unsigned pe, int index, enum line_change why)
{
    struct cache_line before = *array_at(c, &c->unified, index);
    if (why == LINE_EVICTED)
        unified_clean(c, pe, index);
    array_drop(c, &c->unified, pe, index, why);
    code_changed(c, before.pa, before.data);
}

/* A line for pa, which L2 does not have: whoever was there goes. */
static int unified_make(struct cache *c, unsigned pe, uint64_t pa)
{
    int i = array_room(c, &c->unified, pa);
    if (array_at(c, &c->unified, i)->state != LINE_INVALID)
        unified_drop(c, pe, i, LINE_EVICTED);
    return i;
}

void unified_put(struct cache *c, unsigned pe, uint64_t pa, const uint8_t *data, bool dirty)
{
    uint8_t before[CACHE_LINE_BYTES];
    unified_value(c, pa, before);
    int i = array_find(c, &c->unified, pa);
    bool is_new = i == LINE_NONE;
    if (is_new)
        i = unified_make(c, pe, pa);
    struct cache_line *line = array_change(c, &c->unified, i);
    line->pa = pa;
    line->state = dirty ? LINE_MODIFIED : LINE_SHARED;
    memcpy(line->data, data, CACHE_LINE_BYTES);
    ahead_end(c, pa);
    if (is_new)
        line_tell(c, &c->unified, pe, LINE_ALLOCATED, pa, dirty);
    else if (dirty)
        line_tell(c, &c->unified, pe, LINE_DIRTIED, pa, true);
    code_changed(c, pa, before);
}

void unified_write_back(struct cache *c, unsigned pe, uint64_t pa, const uint8_t *data)
{
    uint8_t before[CACHE_LINE_BYTES];
    unified_value(c, pa, before);
    c->host.write(c->host.owner, pa, data, CACHE_LINE_BYTES);
    int i = array_find(c, &c->unified, pa);
    if (i != LINE_NONE) {
        struct cache_line *line = array_change(c, &c->unified, i);
        line->state = LINE_SHARED;
        memcpy(line->data, data, CACHE_LINE_BYTES);
    }
    line_tell(c, &c->unified, pe, LINE_WRITTEN_BACK, pa, true);
    code_changed(c, pa, before);
}

void unified_write_through(struct cache *c, uint64_t pa, const void *bytes, size_t size)
{
    uint8_t before[CACHE_LINE_BYTES];
    uint64_t base = line_base(pa);
    unified_value(c, base, before);
    int i = array_find(c, &c->unified, base);
    if (i != LINE_NONE)
        memcpy(array_change(c, &c->unified, i)->data + (pa - base), bytes, size);
    c->host.write(c->host.owner, pa, bytes, size);
    code_changed(c, base, before);
}

void unified_write_past(struct cache *c, uint64_t pa, const void *bytes, size_t size)
{
    uint8_t before[CACHE_LINE_BYTES];
    uint64_t base = line_base(pa);
    unified_value(c, base, before);
    c->host.write(c->host.owner, pa, bytes, size);
    code_changed(c, base, before);
}

/* An older value of memory, which came here unasked when it was the newest: cache-allocate. */
static bool came_unasked(struct cache *c, unsigned pe, uint64_t pa, uint8_t *data)
{
    if (head_at(c)->count[VERSIONS_DATA] == 0)
        return false;
    struct version_list list =
        version_list(c, VERSIONS_DATA, 0, pa, data, 0, CACHE_LINE_BYTES);
    if (list.count == 0)
        return false;
    uint32_t k = 0;
    if (choice_is_open(c->host.chooser, CHOICE_CACHE_ALLOCATE))
        k = choose(c->host.chooser, c->host.counts, CHOICE_CACHE_ALLOCATE, pe, list.count + 1);
    stale_tell(c, pe, STALE_ALLOCATED, k != 0, pa, ACCESS_PLAIN);
    if (k == 0)
        return false;
    memcpy(data, version_data(c, VERSIONS_DATA, list.slot[k - 1]), CACHE_LINE_BYTES);
    return true;
}

enum cache_served unified_get(struct cache *c, unsigned pe, uint64_t pa, bool allocate,
                              uint8_t data[CACHE_LINE_BYTES])
{
    int i = array_find(c, &c->unified, pa);
    if (i != LINE_NONE) {
        memcpy(data, array_at(c, &c->unified, i)->data, CACHE_LINE_BYTES);
        return CACHE_SERVED_L2;
    }
    memory_line(c, pa, data);
    if (came_unasked(c, pe, pa, data) || allocate)
        unified_put(c, pe, pa, data, false);
    return CACHE_SERVED_MEMORY;
}
