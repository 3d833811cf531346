/*
 * Older values of lines, kept for the choices that make them visible, and what shows that a PE can
 * read ahead of its program: bounded logs, which are state.
 *
 * Data: where no data cache has a line, a PE may have read it into one unasked, as long as a
 * cacheable translation of it was live. When memory then changes behind the caches' back the older
 * value is remembered, until the line is invalidated by address or really allocated. Code: the
 * values that the point of unification had of a line in a page that a PE fetches from, until an IC
 * of it is complete for the PE. Cleaned: what a DC has replaced below, until its issuer's DSB. A
 * full log loses its oldest value.
 *
 * That a translation is live is known from its use: an access or DC through it, under the regime
 * that is still the PE's, with no TLB maintenance received since. What a PE could reach without
 * having used it once is taken not to be read ahead: fewer values are offered than hardware might
 * have, never more. Reading ahead goes through translations of the current Exception level and of
 * EL2.
 *
 * DDI 0487: "Behavior of caches", "Synchronization and coherency issues between data and
 * instruction accesses".
 */
#include "mem/cache_parts.h"

#include <string.h>

const struct cache_head *head_at(const struct cache *c)
{
    const void *page = cow_read(c->memory, c->head_page);
    return page;
}

struct cache_head *head_change(struct cache *c)
{
    void *page = cow_write(c->memory, c->head_page);
    return page;
}

/* --- who uses which page ------------------------------------------------------------------- */

_Static_assert(sizeof(struct cache_uses) <= PAGE_BYTES, "a page for each PE");
_Static_assert(sizeof(struct cache_head) <= PAGE_BYTES, "a page");

static const struct cache_uses *uses_at(const struct cache *c, unsigned pe)
{
    const void *page = cow_read(c->memory, c->uses_page + pe);
    return page;
}

static unsigned use_slot(uint64_t page)
{
    return (unsigned)((page >> PAGE_SHIFT) ^ (page >> (PAGE_SHIFT + 6)) ^ (page & 1u) << 5) %
           USE_SLOTS;
}

static struct cache_use use_now(const struct cache *c, unsigned pe, bool el2, uint64_t pa)
{
    uint64_t regime = c->host.regime(c->host.owner, pe, el2);
    if (regime != 0)
        regime = hash_mix(regime + head_at(c)->gone[pe]) | 1;
    return (struct cache_use){align_down(pa, PAGE_BYTES) | el2, regime};
}

void use_note(struct cache *c, unsigned pe, bool code, bool el2, uint64_t pa)
{
    struct cache_use now = use_now(c, pe, el2, pa);
    const struct cache_uses *uses = uses_at(c, pe);
    const struct cache_use *old = &(code ? uses->code : uses->data)[use_slot(now.page)];
    if (now.regime == 0 || (old->page == now.page && old->regime == now.regime))
        return;
    void *page = cow_write(c->memory, c->uses_page + pe);
    struct cache_uses *change = page;
    (code ? change->code : change->data)[use_slot(now.page)] = now;
}

unsigned use_live(const struct cache *c, bool code, uint64_t pa)
{
    unsigned live = 0;
    for (unsigned pe = 0; pe < c->config.pe_count; pe++) {
        const struct cache_uses *uses = uses_at(c, pe);
        for (unsigned el2 = 0; el2 < 2; el2++) {
            struct cache_use now = use_now(c, pe, el2 != 0, pa);
            const struct cache_use *old =
                &(code ? uses->code : uses->data)[use_slot(now.page)];
            if (now.regime != 0 && old->page == now.page && old->regime == now.regime)
                live |= 1u << pe;
        }
    }
    return live;
}

void cache_translations_gone(struct cache *c, unsigned pe)
{
    head_change(c)->gone[pe]++;
    version_fetched_anew(c, pe, FETCHED_ALL);
}

/* --- the logs ------------------------------------------------------------------------------ */

static const struct cache_version *version_at(const struct cache *c, unsigned side, size_t slot)
{
    size_t page = c->versions_page + side * VERSION_PAGES + slot / VERSIONS_PER_PAGE;
    const void *bytes = cow_read(c->memory, page);
    return (const struct cache_version *)bytes + slot % VERSIONS_PER_PAGE;
}

static struct cache_version *version_change(struct cache *c, unsigned side, size_t slot)
{
    size_t page = c->versions_page + side * VERSION_PAGES + slot / VERSIONS_PER_PAGE;
    void *bytes = cow_write(c->memory, page);
    return (struct cache_version *)bytes + slot % VERSIONS_PER_PAGE;
}

const uint8_t *version_data(const struct cache *c, unsigned side, unsigned slot)
{
    return version_at(c, side, slot)->data;
}

bool version_was_fetched(const struct cache *c, unsigned slot, unsigned pe)
{
    return version_at(c, VERSIONS_CODE, slot)->fetched >> pe & 1;
}

static bool is_marked(const struct cache_version *v)
{
    return (v->issued_local | v->issued_inner | v->done | v->fetched) != 0;
}

static void version_free(struct cache *c, unsigned side, size_t slot)
{
    struct cache_head *head = head_change(c);
    struct cache_version *v = version_change(c, side, slot);
    head->count[side]--;
    head->marked -= is_marked(v);
    *v = (struct cache_version){0};
}

void version_add(struct cache *c, unsigned side, uint64_t pa, const uint8_t *data, unsigned reach)
{
    for (size_t slot = 0; head_at(c)->count[side] != 0 && slot < VERSION_COUNT; slot++) {
        const struct cache_version *v = version_at(c, side, slot);
        if (v->number == 0 || v->pa != pa || is_marked(v) ||
            memcmp(v->data, data, CACHE_LINE_BYTES) != 0)
            continue;
        struct cache_version *same = version_change(c, side, slot);
        same->number = ++head_change(c)->numbers;
        same->reach |= (uint8_t)reach;
        return;
    }
    size_t slot = head_at(c)->next[side];
    if (version_at(c, side, slot)->number != 0) {
        version_free(c, side, slot);
        head_change(c)->lost[side]++;
    }
    struct cache_head *head = head_change(c);
    struct cache_version *v = version_change(c, side, slot);
    *v = (struct cache_version){.pa = pa, .number = ++head->numbers, .reach = (uint8_t)reach};
    memcpy(v->data, data, CACHE_LINE_BYTES);
    head->count[side]++;
    head->next[side] = (uint32_t)((slot + 1) % VERSION_COUNT);
}

bool version_cleaning(const struct cache *c, uint64_t pa)
{
    for (unsigned side = VERSIONS_CLEANED; side <= VERSIONS_UNIFIED; side++) {
        size_t slots = head_at(c)->count[side] != 0 ? VERSION_COUNT : 0;
        for (size_t slot = 0; slot < slots; slot++) {
            const struct cache_version *v = version_at(c, side, slot);
            if (v->number != 0 && v->pa == pa)
                return true;
        }
    }
    return false;
}

void version_drop(struct cache *c, unsigned side, uint64_t pa)
{
    for (size_t slot = 0; head_at(c)->count[side] != 0 && slot < VERSION_COUNT; slot++) {
        const struct cache_version *v = version_at(c, side, slot);
        if (v->number != 0 && v->pa == pa)
            version_free(c, side, slot);
    }
}

/* Whether a value is another one than that now and those listed already. */
static bool is_another(const struct cache *c, unsigned side, const struct version_list *list,
                       const uint8_t *value, const uint8_t *data, unsigned from, unsigned size)
{
    if (memcmp(value + from, data + from, size) == 0)
        return false;
    for (unsigned i = 0; i < list->count; i++) {
        if (memcmp(value + from, version_data(c, side, list->slot[i]) + from, size) == 0)
            return false;
    }
    return true;
}

struct version_list version_list(const struct cache *c, unsigned side, unsigned reach, uint64_t pa,
                                 const uint8_t *data, unsigned from, unsigned size)
{
    struct version_list list = {0};
    for (uint64_t below = UINT64_MAX; list.count < VERSION_ANSWERS;) {
        const struct cache_version *newest = NULL;
        size_t at = 0;
        for (size_t slot = 0; slot < VERSION_COUNT; slot++) {
            const struct cache_version *v = version_at(c, side, slot);
            if (v->number == 0 || v->pa != pa || v->number >= below ||
                (reach != 0 && (v->reach & reach) == 0) || (newest && v->number < newest->number))
                continue;
            newest = v;
            at = slot;
        }
        if (!newest)
            break;
        below = newest->number;
        if (is_another(c, side, &list, newest->data, data, from, size))
            list.slot[list.count++] = (uint16_t)at;
    }
    return list;
}

/* --- data that may have come unasked ------------------------------------------------------- */

static bool ahead_at(const struct cache *c, uint64_t pa)
{
    uint64_t line = (pa - c->config.ram_base) / CACHE_LINE_BYTES;
    const uint8_t *bytes = cow_read(c->memory, c->ahead_page + line / 8 / PAGE_BYTES);
    return bytes[line / 8 % PAGE_BYTES] >> line % 8 & 1;
}

static void ahead_set(struct cache *c, uint64_t pa, bool value)
{
    if (ahead_at(c, pa) == value)
        return;
    uint64_t line = (pa - c->config.ram_base) / CACHE_LINE_BYTES;
    uint8_t *bytes = cow_write(c->memory, c->ahead_page + line / 8 / PAGE_BYTES);
    bytes[line / 8 % PAGE_BYTES] ^= (uint8_t)(1u << line % 8);
}

void ahead_before_write(struct cache *c, uint64_t pa)
{
    bool live = use_live(c, false, pa) != 0;
    if (live || ahead_at(c, pa)) {
        uint8_t data[CACHE_LINE_BYTES];
        memory_line(c, pa, data);
        version_add(c, VERSIONS_DATA, pa, data, 0);
    }
    ahead_set(c, pa, live);
}

void ahead_after_drop(struct cache *c, uint64_t pa, bool live)
{
    version_drop(c, VERSIONS_DATA, pa);
    ahead_set(c, pa, live || use_live(c, false, pa) != 0);
}

void ahead_end(struct cache *c, uint64_t pa)
{
    version_drop(c, VERSIONS_DATA, pa);
    ahead_set(c, pa, false);
}

void ahead_drop_set(struct cache *c, unsigned set)
{
    uint64_t stride = (uint64_t)c->unified.sets * CACHE_LINE_BYTES;
    uint64_t first = c->config.ram_base + (uint64_t)set * CACHE_LINE_BYTES;
    for (uint64_t pa = first; pa < c->config.ram_base + c->config.ram_bytes; pa += stride)
        ahead_set(c, pa, false);
    for (size_t slot = 0; head_at(c)->count[VERSIONS_DATA] != 0 && slot < VERSION_COUNT; slot++) {
        const struct cache_version *v = version_at(c, VERSIONS_DATA, slot);
        if (v->number != 0 && (v->pa - first) % stride == 0)
            version_free(c, VERSIONS_DATA, slot);
    }
}

/* --- IC on its way ------------------------------------------------------------------------- */

void version_ic(struct cache *c, uint64_t pa, bool all, unsigned pe, bool broadcast)
{
    uint8_t bit = (uint8_t)(1u << pe);
    for (size_t slot = 0; head_at(c)->count[VERSIONS_CODE] != 0 && slot < VERSION_COUNT; slot++) {
        const struct cache_version *v = version_at(c, VERSIONS_CODE, slot);
        if (v->number == 0 || !(all || v->pa == pa) || !(broadcast || (v->reach & bit)))
            continue;
        if (version_cleaning(c, v->pa))
            continue; /* it may be fetched once more behind the IC */
        struct cache_version *change = version_change(c, VERSIONS_CODE, slot);
        head_change(c)->marked += !is_marked(change);
        if (broadcast)
            change->issued_inner |= bit;
        else
            change->issued_local |= bit;
    }
}

static void cleans_end(struct cache *c, unsigned side, uint8_t bit)
{
    for (size_t slot = 0; head_at(c)->count[side] != 0 && slot < VERSION_COUNT; slot++) {
        const struct cache_version *v = version_at(c, side, slot);
        if (v->number != 0 && (v->reach & bit))
            version_free(c, side, slot);
    }
}

void cache_barrier(struct cache *c, unsigned pe, bool covers_broadcast)
{
    uint8_t bit = (uint8_t)(1u << pe);
    cleans_end(c, VERSIONS_CLEANED, bit);
    cleans_end(c, VERSIONS_UNIFIED, bit);
    for (size_t slot = 0; head_at(c)->marked != 0 && slot < VERSION_COUNT; slot++) {
        const struct cache_version *v = version_at(c, VERSIONS_CODE, slot);
        if (v->number == 0 || ((v->issued_inner | v->issued_local) & bit) == 0)
            continue;
        struct cache_version *change = version_change(c, VERSIONS_CODE, slot);
        bool reaches_all = covers_broadcast && (change->issued_inner & bit);
        uint8_t reached = (uint8_t)((reaches_all ? 0xffu : bit) & change->reach);
        if (c->config.stale_fetch) {
            change->fetched |= (uint8_t)(reached & ~bit);
            reached &= bit;
        }
        change->done |= reached;
        change->issued_local &= (uint8_t)~bit;
        if (reaches_all)
            change->issued_inner &= (uint8_t)~bit;
        head_change(c)->marked -= !is_marked(change);
    }
}

/* A PE can have it no longer. */
static void reach_end(struct cache *c, size_t slot, uint8_t bit)
{
    struct cache_version *change = version_change(c, VERSIONS_CODE, slot);
    change->done &= (uint8_t)~bit;
    change->fetched &= (uint8_t)~bit;
    change->reach &= (uint8_t)~bit;
    head_change(c)->marked -= !is_marked(change);
    if (change->reach == 0)
        version_free(c, VERSIONS_CODE, slot);
}

void cache_synchronize(struct cache *c, unsigned pe)
{
    uint8_t bit = (uint8_t)(1u << pe);
    for (size_t slot = 0; head_at(c)->marked != 0 && slot < VERSION_COUNT; slot++) {
        const struct cache_version *v = version_at(c, VERSIONS_CODE, slot);
        if (v->number == 0 || (v->done & bit) == 0)
            continue;
        reach_end(c, slot, bit);
    }
}

void version_fetched_anew(struct cache *c, unsigned pe, uint64_t pa)
{
    uint8_t bit = (uint8_t)(1u << pe);
    for (size_t slot = 0; c->config.stale_fetch && slot < VERSION_COUNT; slot++) {
        const struct cache_version *v = version_at(c, VERSIONS_CODE, slot);
        if (v->number != 0 && (v->fetched & bit) && (pa == FETCHED_ALL || v->pa == pa))
            reach_end(c, slot, bit);
    }
}
