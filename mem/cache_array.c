/*
 * One cache: lines by set and way in copy-on-write pages, and for each set the way that goes next.
 *
 * Replacement is first in, first out, so that a hit changes no state; a set's free ways are filled
 * in order. Lines are found by physical address: all caches are physically indexed and tagged.
 *
 * Not modelled: other replacement policies, virtually indexed instruction caches, line sizes other
 * than 64 bytes, lockdown.
 *
 * DDI 0487: "Caches and memory hierarchy", CCSIDR_EL1.
 */
#include "mem/cache_parts.h"

size_t array_pages(struct cache_array *a, size_t first_page)
{
    size_t lines = (size_t)a->sets * a->ways;
    a->lines_page = first_page;
    a->turns_page = first_page + (lines + LINES_PER_PAGE - 1) / LINES_PER_PAGE;
    return a->turns_page - first_page + (a->sets + PAGE_BYTES - 1) / PAGE_BYTES;
}

const struct cache_line *array_at(const struct cache *c, const struct cache_array *a, int index)
{
    size_t i = (size_t)index;
    const void *page = cow_read(c->memory, a->lines_page + i / LINES_PER_PAGE);
    return (const struct cache_line *)page + i % LINES_PER_PAGE;
}

struct cache_line *array_change(struct cache *c, const struct cache_array *a, int index)
{
    size_t i = (size_t)index;
    void *page = cow_write(c->memory, a->lines_page + i / LINES_PER_PAGE);
    return (struct cache_line *)page + i % LINES_PER_PAGE;
}

static unsigned set_of(const struct cache_array *a, uint64_t pa)
{
    return (unsigned)(pa / CACHE_LINE_BYTES) & (a->sets - 1);
}

int array_find(const struct cache *c, const struct cache_array *a, uint64_t pa)
{
    int first = (int)(set_of(a, pa) * a->ways);
    for (int i = first; i < first + (int)a->ways; i++) {
        const struct cache_line *line = array_at(c, a, i);
        if (line->pa == pa && line->state != LINE_INVALID)
            return i;
    }
    return LINE_NONE;
}

int array_room(struct cache *c, const struct cache_array *a, uint64_t pa)
{
    unsigned set = set_of(a, pa);
    int first = (int)(set * a->ways);
    for (int i = first; i < first + (int)a->ways; i++) {
        if (array_at(c, a, i)->state == LINE_INVALID)
            return i;
    }
    uint8_t *turns = cow_write(c->memory, a->turns_page + set / PAGE_BYTES);
    uint8_t *turn = &turns[set % PAGE_BYTES];
    int index = first + *turn;
    *turn = (uint8_t)(*turn + 1u == a->ways ? 0 : *turn + 1u);
    return index;
}

void line_tell(struct cache *c, const struct cache_array *a, unsigned pe, enum line_change what,
               uint64_t pa, bool dirty)
{
    event_emit_CACHE_LINE(CACHE_CLOCK(c, pe), a->kind, (uint8_t)what, dirty, pa);
}

void stale_tell(struct cache *c, unsigned pe, enum stale_kind what, bool taken, uint64_t pa,
                unsigned kind)
{
    event_emit_CACHE_STALE(CACHE_CLOCK(c, pe), (uint8_t)what, taken, (uint8_t)kind, pa);
}

void array_drop(struct cache *c, const struct cache_array *a, unsigned pe, int index,
                enum line_change why)
{
    struct cache_line *line = array_change(c, a, index);
    uint64_t pa = line->pa;
    bool dirty = line->state == LINE_MODIFIED;
    *line = (struct cache_line){0};
    line_tell(c, a, pe, why, pa, dirty);
}
