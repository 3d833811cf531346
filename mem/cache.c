/*
 * Data accesses through the caches: loads, stores and descriptor reads.
 *
 * Level 1 data caches are write-back and allocate as the attributes say; stores to Write-Through
 * memory go to memory at once and leave no dirty line. They are coherent among PEs by the usual
 * protocol: one writer with the only copy, or readers with equal ones; a dirty line that another
 * PE reads goes to level 2, one that another PE writes goes over to it. Accesses past the caches
 * - Device and Non-cacheable memory, caches off, bus masters - use no lookup: they see memory and
 * leave lines alone.
 *
 * Simplified: the inner attribute is that of both levels; Non-shareable memory is coherent like
 * shareable memory (an implementation may do that), and maintenance of it reaches all PEs.
 * Allocation hints are followed; transience is not a property of lines.
 *
 * DDI 0487: "Memory types and attributes", "Mismatched memory attributes", AArch64.MemSingle.
 */
#include "mem/cache_parts.h"

#include <string.h>

#define POLICY_NON_CACHEABLE 4u

/* The inner attribute of a MAIR byte. */
struct policy {
    bool cacheable, write_back, read_allocate, write_allocate;
};

static struct policy policy_of(const struct access *access)
{
    unsigned inner = access->memory & 15u;
    bool is_device = (access->memory & 0xf0u) == 0;
    if (access->kind == ACCESS_DMA || is_device || inner == POLICY_NON_CACHEABLE || inner == 0)
        return (struct policy){0};
    return (struct policy){.cacheable = true,
                           .write_back = (inner & 4u) != 0,
                           .read_allocate = (inner & 2u) != 0,
                           .write_allocate = (inner & 1u) != 0};
}

/* --- lines of the L1 data caches ----------------------------------------------------------- */

static void data_evict(struct cache *c, unsigned pe, int index)
{
    if (array_at(c, &c->data[pe], index)->state == LINE_MODIFIED)
        data_clean(c, pe, index, true);
    array_drop(c, &c->data[pe], pe, index, LINE_EVICTED);
}

/* A line for a PE that has none. */
static int data_make(struct cache *c, unsigned pe, uint64_t pa, const uint8_t *data,
                     enum line_state state)
{
    struct cache_array *a = &c->data[pe];
    int i = array_room(c, a, pa);
    if (array_at(c, a, i)->state != LINE_INVALID)
        data_evict(c, pe, i);
    struct cache_line *line = array_change(c, a, i);
    line->pa = pa;
    line->state = (uint8_t)state;
    memcpy(line->data, data, CACHE_LINE_BYTES);
    ahead_end(c, pa);
    line_tell(c, a, pe, LINE_ALLOCATED, pa, state == LINE_MODIFIED);
    return i;
}

/*
 * What the other L1 data caches have of a line: LINE_INVALID for nothing. After it theirs are
 * shared and clean, or, for a writer, gone; then LINE_MODIFIED says that the data is dirty.
 */
static enum line_state snoop(struct cache *c, unsigned pe, uint64_t pa, bool for_write,
                             uint8_t data[CACHE_LINE_BYTES])
{
    enum line_state found = LINE_INVALID;
    for (unsigned other = 0; other < c->config.pe_count; other++) {
        struct cache_array *a = &c->data[other];
        int i = other == pe ? LINE_NONE : array_find(c, a, pa);
        if (i == LINE_NONE)
            continue;
        enum line_state state = (enum line_state)array_at(c, a, i)->state;
        memcpy(data, array_at(c, a, i)->data, CACHE_LINE_BYTES);
        found = state == LINE_MODIFIED && for_write ? LINE_MODIFIED : LINE_SHARED;
        if (for_write) {
            array_drop(c, a, other, i, LINE_INVALIDATED);
            continue;
        }
        if (state == LINE_MODIFIED)
            data_clean(c, other, i, true);
        if (array_at(c, a, i)->state != LINE_SHARED)
            array_change(c, a, i)->state = LINE_SHARED;
    }
    return found;
}

/* --- accesses of parts that lie in one line ------------------------------------------------ */

static enum cache_served part_read(struct cache *c, const struct access *access,
                                   struct policy policy, uint64_t pa, void *bytes, size_t size)
{
    unsigned pe = access->pe;
    uint64_t base = line_base(pa);
    if (!policy.cacheable) {
        past_read(c, pe, access->kind, pa, size);
        c->host.read(c->host.owner, pa, bytes, size);
        past_clean(c, pe, access->kind, pa, size, bytes);
        return CACHE_SERVED_MEMORY;
    }
    uint8_t data[CACHE_LINE_BYTES];
    past_hit(c, pe, access->kind, pa, size);
    int i = array_find(c, &c->data[pe], base);
    if (i != LINE_NONE) {
        memcpy(bytes, array_at(c, &c->data[pe], i)->data + (pa - base), size);
        return CACHE_SERVED_L1;
    }
    enum cache_served served = CACHE_SERVED_L2;
    enum line_state others = snoop(c, pe, base, false, data);
    if (others == LINE_INVALID)
        served = unified_get(c, pe, base, policy.read_allocate, data);
    if (policy.read_allocate)
        data_make(c, pe, base, data, others == LINE_INVALID ? LINE_EXCLUSIVE : LINE_SHARED);
    memcpy(bytes, data + (pa - base), size);
    return served;
}

/* The line of a PE that is about to write it, alone; LINE_NONE: it writes past the caches. */
static int line_for_write(struct cache *c, const struct access *access, struct policy policy,
                          uint64_t pa, enum cache_served *served)
{
    unsigned pe = access->pe;
    uint64_t base = line_base(pa);
    uint8_t data[CACHE_LINE_BYTES];
    int i = array_find(c, &c->data[pe], base);
    if (i != LINE_NONE) {
        *served = CACHE_SERVED_L1;
        if (array_at(c, &c->data[pe], i)->state == LINE_SHARED) {
            snoop(c, pe, base, true, data);
            array_change(c, &c->data[pe], i)->state = LINE_EXCLUSIVE;
        }
        return i;
    }
    enum line_state others = snoop(c, pe, base, true, data);
    bool allocate = others != LINE_INVALID || policy.write_allocate;
    *served = CACHE_SERVED_L2;
    if (others == LINE_INVALID) {
        *served = unified_get(c, pe, base, allocate, data);
        allocate |= data_cached(c, base, false);
    }
    if (!allocate)
        return LINE_NONE;
    return data_make(c, pe, base, data,
                     others == LINE_MODIFIED ? LINE_MODIFIED : LINE_EXCLUSIVE);
}

static enum cache_served part_write(struct cache *c, const struct access *access,
                                    struct policy policy, uint64_t pa, const void *bytes,
                                    size_t size)
{
    unsigned pe = access->pe;
    uint64_t base = line_base(pa);
    enum cache_served served = CACHE_SERVED_MEMORY;
    if (!policy.cacheable) {
        if (data_cached(c, base, false))
            past_write(c, pe, access->kind, pa);
        else
            ahead_before_write(c, base);
        version_drop(c, VERSIONS_CLEANED, base);
        unified_write_past(c, pa, bytes, size);
        return served;
    }
    past_hit(c, pe, access->kind, pa, 0);
    int i = line_for_write(c, access, policy, pa, &served);
    if (i != LINE_NONE) {
        struct cache_line *line = array_change(c, &c->data[pe], i);
        bool was_dirty = line->state == LINE_MODIFIED;
        memcpy(line->data + (pa - base), bytes, size);
        if (policy.write_back) {
            line->state = LINE_MODIFIED;
            if (!was_dirty)
                line_tell(c, &c->data[pe], pe, LINE_DIRTIED, base, true);
            if (c->config.fetch_sees_data)
                code_stored(c, pe, i);
            return served;
        }
    } else {
        ahead_after_drop(c, base, true); /* copies that came unasked are invalid by coherency */
    }
    unified_write_through(c, pa, bytes, size);
    return served;
}

static size_t part_size(uint64_t pa, size_t left)
{
    size_t room = CACHE_LINE_BYTES - (size_t)(pa % CACHE_LINE_BYTES);
    return left < room ? left : room;
}

enum cache_served cache_read(struct cache *c, const struct access *access, uint64_t value[2])
{
    struct policy policy = policy_of(access);
    value[0] = value[1] = 0;
    if (policy.cacheable && access->kind == ACCESS_FETCH)
        return code_fetch(c, access, value);
    if (policy.cacheable && access->kind != ACCESS_WALK)
        use_note(c, access->pe, false, access->el == 2, access->pa.bits);
    enum cache_served served = CACHE_SERVED_L1;
    for (size_t done = 0, part; done < access->size; done += part) {
        uint64_t pa = access->pa.bits + done;
        part = part_size(pa, access->size - done);
        enum cache_served s = part_read(c, access, policy, pa, (uint8_t *)value + done, part);
        served = s > served ? s : served;
    }
    return served;
}

enum cache_served cache_write(struct cache *c, const struct access *access,
                              const uint64_t value[2])
{
    struct policy policy = policy_of(access);
    enum cache_served served = CACHE_SERVED_L1;
    if (policy.cacheable)
        use_note(c, access->pe, false, access->el == 2, access->pa.bits);
    for (size_t done = 0, part; done < access->size; done += part) {
        uint64_t pa = access->pa.bits + done;
        part = part_size(pa, access->size - done);
        enum cache_served s =
            part_write(c, access, policy, pa, (const uint8_t *)value + done, part);
        served = s > served ? s : served;
    }
    return served;
}

/* --- wiring, observers --------------------------------------------------------------------- */

static struct cache_array array_make(struct cache_shape shape, enum line_cache kind, size_t *page)
{
    struct cache_array a = {.sets = shape.sets, .ways = shape.ways, .kind = (uint8_t)kind};
    ensure(a.sets != 0 && (a.sets & (a.sets - 1)) == 0 && a.ways - 1u < CACHE_WAYS_MAX);
    *page += array_pages(&a, *page);
    return a;
}

/* Where everything lies from first_page on. */
static struct cache layout(const struct cache_config *config, size_t first_page)
{
    struct cache c = {.config = *config};
    size_t page = first_page;
    c.head_page = page++;
    c.uses_page = page;
    page += config->pe_count;
    c.versions_page = page;
    page += VERSION_SIDES * VERSION_PAGES;
    c.ahead_page = page; /* a bit for each line of RAM */
    page += (size_t)(config->ram_bytes / CACHE_LINE_BYTES / 8 + PAGE_BYTES - 1) / PAGE_BYTES;
    for (unsigned pe = 0; pe < config->pe_count; pe++) {
        c.data[pe] = array_make(config->data, LINE_IN_L1D, &page);
        c.code[pe] = array_make(config->code, LINE_IN_L1I, &page);
    }
    c.unified = array_make(config->unified, LINE_IN_L2, &page);
    c.page_end = page;
    return c;
}

size_t cache_pages(const struct cache_config *config)
{
    return layout(config, 0).page_end;
}

void cache_init(struct cache *c, const struct cache_config *config, struct cow *memory,
                size_t first_page, const struct cache_host *host)
{
    *c = layout(config, first_page);
    ensure(c->page_end <= cow_page_count(memory));
    c->memory = memory;
    c->host = *host;
}

void cache_peek(const struct cache *c, uint64_t pa, void *bytes, size_t size)
{
    for (size_t done = 0, part; done < size; done += part) {
        uint64_t base = line_base(pa + done);
        uint8_t data[CACHE_LINE_BYTES];
        part = part_size(pa + done, size - done);
        unified_value(c, base, data);
        for (unsigned pe = 0; pe < c->config.pe_count; pe++) { /* equal ones, or only one */
            int i = array_find(c, &c->data[pe], base);
            if (i != LINE_NONE)
                memcpy(data, array_at(c, &c->data[pe], i)->data, CACHE_LINE_BYTES);
        }
        memcpy((uint8_t *)bytes + done, data + (pa + done - base), part);
    }
}

static void array_poke(struct cache *c, const struct cache_array *a, uint64_t pa,
                       const void *bytes, size_t size)
{
    int i = array_find(c, a, line_base(pa));
    if (i != LINE_NONE)
        memcpy(array_change(c, a, i)->data + pa % CACHE_LINE_BYTES, bytes, size);
}

void cache_poke(struct cache *c, uint64_t pa, const void *bytes, size_t size)
{
    for (size_t done = 0, part; done < size; done += part) {
        const uint8_t *at = (const uint8_t *)bytes + done;
        part = part_size(pa + done, size - done);
        for (unsigned pe = 0; pe < c->config.pe_count; pe++) {
            array_poke(c, &c->data[pe], pa + done, at, part);
            array_poke(c, &c->code[pe], pa + done, at, part);
        }
        array_poke(c, &c->unified, pa + done, at, part);
    }
}

struct cache_line_view cache_look(const struct cache *c, unsigned pe, unsigned level, bool code,
                                  uint64_t pa)
{
    const struct cache_array *a = level == 2 ? &c->unified : code ? &c->code[pe] : &c->data[pe];
    struct cache_line_view view = {0};
    int i = array_find(c, a, line_base(pa));
    if (i == LINE_NONE)
        return view;
    const struct cache_line *line = array_at(c, a, i);
    view.valid = true;
    view.dirty = line->state == LINE_MODIFIED;
    memcpy(view.data, line->data, CACHE_LINE_BYTES);
    return view;
}
