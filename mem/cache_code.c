/*
 * Instruction fetches: one instruction cache for each PE, which nobody keeps coherent. A line holds
 * what the point of unification had when it was fetched; stores reach it by DC CVAU and IC alone.
 *
 * What a fetch gets where the point of unification has had more than one value since the last IC
 * of the line was complete for this PE is asked as icache-stale: 0 is the value now, the others are
 * the older ones, that of the line first. Where a level 1 data cache has the line dirty, a fetch
 * does not see it; that it has been written back by now is asked as cache-writeback.
 *
 * Where CLIDR_EL1.LoUIS is 0 fetches see the data caches (as on a Neoverse N1): a store to a line
 * that somebody fetches from is passed on to level 2 at once.
 *
 * Caches are physically indexed and tagged: nothing is tagged by VMID or ASID, as CTR_EL0.L1Ip = 3
 * says (for a Cortex-A53, which says 2, that is a stronger cache than it needs to be).
 *
 * DDI 0487: "Synchronization and coherency issues between data and instruction accesses",
 * "Concurrent modification and execution of instructions", IC IVAU, IC IALLU.
 */
#include "mem/cache_parts.h"

#include <string.h>

#define WORD 4u

void code_changed(struct cache *c, uint64_t pa, const uint8_t before[CACHE_LINE_BYTES])
{
    uint8_t now[CACHE_LINE_BYTES];
    unified_value(c, pa, now);
    if (memcmp(now, before, sizeof now) == 0)
        return;
    unsigned reach = use_live(c, true, pa);
    for (unsigned pe = 0; pe < c->config.pe_count; pe++) {
        int i = array_find(c, &c->code[pe], pa);
        if (i == LINE_NONE)
            continue;
        struct cache_line *line = array_change(c, &c->code[pe], i);
        line->state = LINE_OLDER;
        if (memcmp(line->data, before, sizeof now) == 0)
            reach &= ~(1u << pe); /* the line itself has it */
    }
    if (reach != 0)
        version_add(c, VERSIONS_CODE, pa, before, reach);
}

/* What nobody fetches from can wait until somebody does. */
void code_stored(struct cache *c, unsigned pe, int index)
{
    uint64_t pa = array_at(c, &c->data[pe], index)->pa;
    bool matters = use_live(c, true, pa) != 0;
    for (unsigned other = 0; other < c->config.pe_count; other++)
        matters |= array_find(c, &c->code[other], pa) != LINE_NONE;
    if (matters)
        data_clean(c, pe, index, true);
}

/* The line of a PE's L1I becomes this. */
static void code_put(struct cache *c, unsigned pe, uint64_t pa, const uint8_t *data,
                     enum line_state state)
{
    struct cache_array *a = &c->code[pe];
    int i = array_find(c, a, pa);
    if (i == LINE_NONE) {
        i = array_room(c, a, pa);
        if (array_at(c, a, i)->state != LINE_INVALID)
            array_drop(c, a, pe, i, LINE_EVICTED);
        line_tell(c, a, pe, LINE_ALLOCATED, pa, false);
    }
    struct cache_line *line = array_change(c, a, i);
    line->pa = pa;
    line->state = (uint8_t)state;
    memcpy(line->data, data, CACHE_LINE_BYTES);
}

/* A dirty line of a data cache over the instruction: it may have gone to L2 by now. */
static void fetch_past_dirty(struct cache *c, unsigned pe, uint64_t base, unsigned from)
{
    bool asks = choice_is_open(c->host.chooser, CHOICE_CACHE_WRITEBACK);
    bool tells = c->host.events->mask >> EVENT_CACHE_STALE & 1;
    bool sees = c->config.fetch_sees_data;
    int index, owner = asks || tells || sees ? data_owner(c, base, &index) : -1;
    if (owner < 0)
        return;
    if (sees) {
        data_clean(c, (unsigned)owner, index, true);
        return;
    }
    uint8_t data[CACHE_LINE_BYTES];
    unified_value(c, base, data);
    if (memcmp(array_at(c, &c->data[owner], index)->data + from, data + from, WORD) == 0)
        return;
    uint32_t k = 0;
    if (asks)
        k = choose(c->host.chooser, c->host.counts, CHOICE_CACHE_WRITEBACK, pe, 2);
    stale_tell(c, pe, STALE_READ, k == 0, base + from, ACCESS_FETCH);
    if (k != 0)
        data_clean(c, (unsigned)owner, index, true);
}

/* Older values that differ from now[] in the instruction: that of the line, then the log's. */
struct candidates {
    unsigned count, fetched; /* fetched: bit by number, in no cache any more */
    uint8_t data[VERSION_ANSWERS + 1][CACHE_LINE_BYTES];
};

static void candidates_find(const struct cache *c, unsigned pe, uint64_t base, unsigned from,
                            const uint8_t *now, struct candidates *out)
{
    int i = array_find(c, &c->code[pe], base);
    out->count = out->fetched = 0;
    if (i != LINE_NONE) {
        const uint8_t *line = array_at(c, &c->code[pe], i)->data;
        if (memcmp(line + from, now + from, WORD) != 0)
            memcpy(out->data[out->count++], line, CACHE_LINE_BYTES);
    }
    if (head_at(c)->count[VERSIONS_CODE] == 0)
        return;
    struct version_list list =
        version_list(c, VERSIONS_CODE, 1u << pe, base, now, from, WORD);
    for (unsigned k = 0; k < list.count; k++) {
        const uint8_t *data = version_data(c, VERSIONS_CODE, list.slot[k]);
        if (out->count != 0 && memcmp(out->data[0] + from, data + from, WORD) == 0)
            continue;
        out->fetched |= (unsigned)version_was_fetched(c, list.slot[k], pe) << out->count;
        memcpy(out->data[out->count++], data, CACHE_LINE_BYTES);
    }
}

/* A fetch that the line of L1I does not simply serve. */
static enum cache_served fetch_slowly(struct cache *c, unsigned pe, uint64_t base, unsigned from,
                                      uint8_t data[CACHE_LINE_BYTES])
{
    struct candidates older;
    bool had = array_find(c, &c->code[pe], base) != LINE_NONE;
    enum cache_served served = unified_get(c, pe, base, true, data);
    candidates_find(c, pe, base, from, data, &older);
    uint32_t k = 0;
    if (older.count != 0) {
        if (choice_is_open(c->host.chooser, CHOICE_ICACHE_STALE))
            k = choose(c->host.chooser, c->host.counts, CHOICE_ICACHE_STALE, pe, older.count + 1);
        stale_tell(c, pe, STALE_CODE, k != 0, base + from, ACCESS_FETCH);
    }
    if (k != 0) {
        memcpy(data, older.data[k - 1], CACHE_LINE_BYTES);
        if (!(older.fetched >> (k - 1) & 1u))
            code_put(c, pe, base, data, LINE_OLDER);
        return CACHE_SERVED_L1;
    }
    if (older.count != 0)
        version_fetched_anew(c, pe, base);
    if (older.count == 0 && had)
        return CACHE_SERVED_L1; /* the line differs elsewhere: it stays */
    code_put(c, pe, base, data, LINE_SHARED);
    return served;
}

enum cache_served code_fetch(struct cache *c, const struct access *access, uint64_t value[2])
{
    unsigned pe = access->pe;
    uint64_t base = line_base(access->pa.bits);
    unsigned from = (unsigned)(access->pa.bits - base);
    uint8_t data[CACHE_LINE_BYTES];
    use_note(c, pe, true, access->el == 2, base);
    fetch_past_dirty(c, pe, base, from);
    int i = array_find(c, &c->code[pe], base);
    if (i != LINE_NONE && head_at(c)->count[VERSIONS_CODE] == 0) {
        const struct cache_line *line = array_at(c, &c->code[pe], i);
        if (line->state == LINE_SHARED) {
            memcpy(value, line->data + from, WORD);
            return CACHE_SERVED_L1;
        }
    }
    enum cache_served served = fetch_slowly(c, pe, base, from, data);
    memcpy(value, data + from, WORD);
    return served;
}
