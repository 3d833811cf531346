/*
 * Cache maintenance: DC by address and by set and way, IC, powering a PE down.
 *
 * DC by address acts on the data caches of all PEs and level 2, whatever the shareability. It is
 * done when it has been executed; that it might not be before its DSB is known by what was below
 * before. DC by set and way acts on the executing PE's own level 1 or on
 * level 2, and numbers outside of the geometry do nothing (they are UNPREDICTABLE). IC takes lines
 * at once; that an older value may be executed until the DSB of the issuer and a context
 * synchronization event of the executing PE is kept in the log of older values.
 *
 * Not modelled: an invalidation that is delayed up to its DSB.
 *
 * DDI 0487: "Cache maintenance operations", AArch64.DC, AArch64.IC, DecodeSW.
 */
#include "mem/cache_parts.h"

#include <string.h>

/* Whether a translation with these attributes lets a PE read ahead. */
static bool is_cacheable(uint8_t memory)
{
    unsigned inner = memory & 15u;
    return (memory & 0xf0u) != 0 && inner != 4 && inner != 0;
}

/* What is there at a point that a clean reaches. */
static void value_at(const struct cache *c, uint64_t pa, bool unification,
                     uint8_t data[CACHE_LINE_BYTES])
{
    if (unification)
        unified_value(c, pa, data);
    else
        memory_line(c, pa, data);
}

static void clean_line(struct cache *c, unsigned pe, uint64_t pa, bool to_unification)
{
    int above, owner = data_owner(c, pa, &above);
    int below = array_find(c, &c->unified, pa);
    uint8_t before[CACHE_LINE_BYTES], after[CACHE_LINE_BYTES];
    value_at(c, pa, to_unification, before);
    if (owner >= 0)
        data_clean(c, (unsigned)owner, above, to_unification);
    else if (below != LINE_NONE && !to_unification)
        unified_clean(c, pe, below);
    value_at(c, pa, to_unification, after);
    if (memcmp(before, after, sizeof after) != 0)
        version_add(c, to_unification ? VERSIONS_UNIFIED : VERSIONS_CLEANED, pa, before, 1u << pe);
}

static unsigned invalidate_line(struct cache *c, unsigned pe, uint64_t pa, bool cleaned)
{
    unsigned found = 0;
    int below = array_find(c, &c->unified, pa);
    if (below != LINE_NONE && !cleaned)
        past_invalidate(c, pe, &c->unified, below);
    for (unsigned other = 0; other < c->config.pe_count; other++) {
        int i = array_find(c, &c->data[other], pa);
        if (i == LINE_NONE)
            continue;
        if (!cleaned)
            past_invalidate(c, pe, &c->data[other], i);
        array_drop(c, &c->data[other], other, i, LINE_INVALIDATED);
        found++;
    }
    if (below != LINE_NONE) {
        unified_drop(c, pe, below, LINE_INVALIDATED);
        found++;
    }
    return found;
}

static void tell_op(struct cache *c, unsigned pe, uint32_t name, uint64_t address, bool broadcast,
                    unsigned lines)
{
    event_emit_CACHE_OP(CACHE_CLOCK(c, pe), (uint16_t)name, address, broadcast, lines);
}

void cache_data_line(struct cache *c, const struct cache_line_op *op)
{
    uint64_t pa = line_base(op->pa);
    unsigned lines = data_cached(c, pa, false);
    bool live = is_cacheable(op->memory);
    if (live)
        use_note(c, op->pe, false, op->el == 2, pa);
    if (op->what & CACHE_CLEAN)
        clean_line(c, op->pe, pa, op->to_unification);
    if (op->what & CACHE_INVALIDATE) {
        lines = invalidate_line(c, op->pe, pa, (op->what & CACHE_CLEAN) != 0);
        ahead_after_drop(c, pa, live);
    }
    tell_op(c, op->pe, op->name, pa, true, lines);
}

/* Bits that number `count` things. */
static unsigned bits_for(unsigned count)
{
    unsigned bits = 0;
    while (1u << bits < count)
        bits++;
    return bits;
}

/* DecodeSW: level, set and way; false where there is no such line. */
static bool decode_set_way(const struct cache *c, unsigned pe, uint64_t operand,
                           const struct cache_array **array, unsigned *set, unsigned *way)
{
    unsigned level = (unsigned)bits_get(operand, 3, 1);
    if (level > 1)
        return false;
    const struct cache_array *a = level == 0 ? &c->data[pe] : &c->unified;
    unsigned way_bits = bits_for(a->ways);
    *array = a;
    *set = (unsigned)(bits_get(operand, 31, 0) / CACHE_LINE_BYTES) & (a->sets - 1);
    *way = way_bits == 0 ? 0 : (unsigned)bits_get(operand, 31, 32 - way_bits);
    return *way < a->ways;
}

void cache_set_way(struct cache *c, unsigned pe, uint32_t name, uint64_t operand, unsigned what)
{
    const struct cache_array *a;
    unsigned set, way, lines = 0;
    if (!decode_set_way(c, pe, operand, &a, &set, &way)) {
        tell_op(c, pe, name, operand, false, 0);
        return;
    }
    int index = (int)(set * a->ways + way);
    bool is_level2 = a == &c->unified;
    enum line_state state = (enum line_state)array_at(c, a, index)->state;
    if (state != LINE_INVALID) {
        lines = 1;
        if ((what & CACHE_CLEAN) == 0)
            past_invalidate(c, pe, a, index);
        else if (is_level2)
            unified_clean(c, pe, index);
        else if (state == LINE_MODIFIED)
            data_clean(c, pe, index, true);
        if ((what & CACHE_INVALIDATE) && is_level2)
            unified_drop(c, pe, index, LINE_INVALIDATED);
        else if (what & CACHE_INVALIDATE)
            array_drop(c, a, pe, index, LINE_INVALIDATED);
    }
    if (is_level2 && way == 0 && (what & CACHE_INVALIDATE))
        ahead_drop_set(c, set); /* what came unasked is in one of its ways: it goes with them */
    tell_op(c, pe, name, operand, false, lines);
}

/* Takes a line of an L1I: what is no longer the value stays possible until the IC is complete. */
static void code_drop(struct cache *c, unsigned pe, int index)
{
    struct cache_line line = *array_at(c, &c->code[pe], index);
    uint8_t now[CACHE_LINE_BYTES];
    unified_value(c, line.pa, now);
    if (memcmp(now, line.data, sizeof now) != 0)
        version_add(c, VERSIONS_CODE, line.pa, line.data, 1u << pe);
    array_drop(c, &c->code[pe], pe, index, LINE_INVALIDATED);
}

void cache_code_line(struct cache *c, const struct cache_line_op *op)
{
    uint64_t pa = line_base(op->pa);
    bool broadcast = op->shareability != 0;
    unsigned lines = 0;
    for (unsigned pe = 0; pe < c->config.pe_count; pe++) {
        int i = array_find(c, &c->code[pe], pa);
        if (i == LINE_NONE || !(broadcast || pe == op->pe))
            continue;
        code_drop(c, pe, i);
        lines++;
    }
    version_ic(c, pa, false, op->pe, broadcast);
    tell_op(c, op->pe, op->name, pa, broadcast, lines);
}

void cache_code_all(struct cache *c, unsigned pe, uint32_t name, bool broadcast)
{
    unsigned lines = 0;
    for (unsigned other = 0; other < c->config.pe_count; other++) {
        const struct cache_array *a = &c->code[other];
        for (int i = 0; (broadcast || other == pe) && i < (int)(a->sets * a->ways); i++) {
            if (array_at(c, a, i)->state == LINE_INVALID)
                continue;
            code_drop(c, other, i);
            lines++;
        }
    }
    version_ic(c, 0, true, pe, broadcast);
    tell_op(c, pe, name, 0, broadcast, lines);
}

void cache_power_down(struct cache *c, unsigned pe)
{
    for (unsigned side = 0; side < 2; side++) {
        const struct cache_array *a = side == 0 ? &c->data[pe] : &c->code[pe];
        for (int i = 0; i < (int)(a->sets * a->ways); i++) {
            enum line_state state = (enum line_state)array_at(c, a, i)->state;
            if (state == LINE_MODIFIED)
                data_clean(c, pe, i, true);
            if (state != LINE_INVALID)
                array_drop(c, a, pe, i, LINE_INVALIDATED);
        }
    }
    version_ic(c, 0, true, pe, false);
    cache_barrier(c, pe, false);
    cache_synchronize(c, pe);
}

void cache_write_back_all(struct cache *c)
{
    for (unsigned pe = 0; pe < c->config.pe_count; pe++) {
        for (int i = 0; i < (int)(c->data[pe].sets * c->data[pe].ways); i++) {
            if (array_at(c, &c->data[pe], i)->state == LINE_MODIFIED)
                data_clean(c, pe, i, false);
        }
    }
    for (int i = 0; i < (int)(c->unified.sets * c->unified.ways); i++) {
        if (array_at(c, &c->unified, i)->state != LINE_INVALID)
            unified_clean(c, 0, i);
    }
}
