/*
 * Walks nobody asked for. A PE may walk for any address by its regime at any time and keep what
 * it finds (DDI 0487, "Speculative translation table walks"); nobody can tell before the entry
 * is used. So the question is asked at a use: among the entries that walks at earlier moments
 * would have left and no invalidation since has removed, is one there?
 *
 * Every walk of the past is enumerated, with walk caches: each descriptor may have been read at a
 * time of its own, no earlier than the one before, if the table entry (or the stage 2 only entry)
 * that is kept in between survived the invalidations that came. A walk carries the set of times
 * at which its last step may have been done; a read that leaves no time ends it. Where a word had
 * several values, the walk is done again for each of them.
 *
 * An entry that has since been used by a lookup that found none is not offered again: while an
 * entry is there for the address, only later walks count.
 *
 * HCR_EL2.VM may be cached in a TLB: what was made with stage 2 off under a VMID may serve a use
 * with stage 2 on, and the other way round.
 *
 * Bounds: SPECULATION_MAX entries of different content, RUNS_MAX walks at one use; more are not
 * offered. Not modelled: entries with the tags of this use made under regimes whose stage 1 was on
 * differently.
 */
#include "mmu/speculate.h"

#include "gen/sysreg.h"

#include <string.h>

#define POINTS_MAX 448u
#define SET_WORDS (POINTS_MAX / 64u)
#define RUNS_MAX 128u
#define VALUES_MAX 8u

/* A set of moments, each up to the next. */
struct times {
    uint64_t word[SET_WORDS];
};

struct speculation {
    const struct mmu *mmu;
    const struct version_log *log;
    const struct regime *regime; /* of this walk */
    uint32_t point[POINTS_MAX];  /* the moments, ascending */
    unsigned count;
    struct times active;  /* when this regime could be walked by */
    struct times active2; /* when its stage 2 could */
    struct times left1, left2; /* when the last step of each stage may have been done */
    bool begun1, begun2;
    struct tlb_entry table1, table2; /* the table entry kept since that step */
    struct {
        uint8_t at, count;
    } script[WALK_STEP_MAX * 2]; /* which value each read takes */
    unsigned reads;
};

/* ---- Times ---- */

static bool has(const struct times *t, unsigned i)
{
    return t->word[i / 64] >> i % 64 & 1u;
}

static void put(struct times *t, unsigned i)
{
    t->word[i / 64] |= UINT64_C(1) << i % 64;
}

static bool is_empty(const struct times *t)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < SET_WORDS; i++)
        any |= t->word[i];
    return any == 0;
}

static void keep_both(struct times *t, const struct times *other)
{
    for (unsigned i = 0; i < SET_WORDS; i++)
        t->word[i] &= other->word[i];
}

/* Puts a moment into its place, once; nearly all come in order. */
static void point_add(struct speculation *s, uint32_t horizon, uint32_t time)
{
    if (time <= horizon || time == VERSION_NEVER)
        return;
    unsigned place = s->count;
    while (place > 0 && s->point[place - 1] > time)
        place--;
    if (place > 0 && s->point[place - 1] == time)
        return;
    ensure(s->count < POINTS_MAX);
    memmove(&s->point[place + 1], &s->point[place], (s->count - place) * sizeof s->point[0]);
    s->point[place] = time;
    s->count++;
}

static uint32_t ring_first(uint32_t count, uint32_t size)
{
    return count > size ? count - size : 0;
}

/* The moments at which anything changed for this PE, from the horizon on. */
static void points_make(struct speculation *s)
{
    const struct version_stores *stores = version_stores(s->log);
    const struct version_contexts *contexts = version_contexts(s->log, s->mmu->pe);
    const struct version_removals *removals = version_removals(s->log, s->mmu->pe);
    uint32_t horizon = stores->horizon;
    _Static_assert(POINTS_MAX > VERSION_STORES + 2 * VERSION_CONTEXTS + VERSION_REMOVALS, "fit");
    s->count = 0;
    s->point[s->count++] = horizon;
    for (uint32_t i = ring_first(stores->count, VERSION_STORES); i < stores->count; i++)
        point_add(s, horizon, stores->store[i % VERSION_STORES].time);
    for (uint32_t i = ring_first(contexts->count, VERSION_CONTEXTS); i < contexts->count; i++) {
        point_add(s, horizon, contexts->context[i % VERSION_CONTEXTS].from);
        point_add(s, horizon, contexts->context[i % VERSION_CONTEXTS].to);
    }
    for (uint32_t i = ring_first(removals->count, VERSION_REMOVALS); i < removals->count; i++)
        point_add(s, horizon, removals->removal[i % VERSION_REMOVALS].received);
}

static bool same_stage2(const struct regime *a, const struct regime *b)
{
    return a->kind == b->kind && a->stage2_on == b->stage2_on && a->vmid == b->vmid &&
           a->vttbr == b->vttbr && a->vtcr == b->vtcr &&
           a->stage2_is_big_endian == b->stage2_is_big_endian;
}

/* When this regime, and when its stage 2, could be walked by. */
static void active_make(struct speculation *s, const struct regime *regime)
{
    const struct version_contexts *c = version_contexts(s->log, s->mmu->pe);
    memset(&s->active, 0, sizeof s->active);
    memset(&s->active2, 0, sizeof s->active2);
    for (uint32_t k = ring_first(c->count, VERSION_CONTEXTS); k < c->count; k++) {
        const struct version_context *x = &c->context[k % VERSION_CONTEXTS];
        bool same = memcmp(&x->regime, regime, sizeof *regime) == 0;
        if (!same && !same_stage2(&x->regime, regime))
            continue;
        for (unsigned i = 0; i < s->count; i++) {
            if (s->point[i] < x->from || s->point[i] >= x->to)
                continue;
            put(&s->active2, i);
            if (same)
                put(&s->active, i);
        }
    }
}

/* ---- Survival ---- */

static bool is_removed_at(const struct speculation *s, const struct tlb_entry *e, uint32_t time)
{
    const struct version_removals *r = version_removals(s->log, s->mmu->pe);
    for (uint32_t i = ring_first(r->count, VERSION_REMOVALS); i < r->count; i++) {
        const struct tlbi *t = &r->removal[i % VERSION_REMOVALS];
        if (t->received == time && tlbi_covers(t, e, tlb_ignores_vmid(s->mmu)))
            return true;
    }
    return false;
}

/* An entry made at one of these times: when it may be there. */
static struct times survival(const struct speculation *s, const struct times *made,
                             const struct tlb_entry *e)
{
    struct times there = {{0}};
    bool alive = false;
    for (unsigned i = 0; i < s->count; i++) {
        alive = (alive && !is_removed_at(s, e, s->point[i])) || has(made, i);
        if (alive)
            put(&there, i);
    }
    return there;
}

static struct tlb_entry entry_of(const struct speculation *s, const struct mapping *map,
                                 unsigned stage)
{
    struct tlb_entry e;
    bool has_asid = (stage & TLB_COMBINED) != TLB_STAGE2;
    memset(&e, 0, sizeof e);
    e.map = *map;
    e.vmid = s->regime->vmid;
    e.asid = map->is_global || !has_asid ? 0 : s->regime->asid;
    e.regime = s->regime->kind;
    e.stage = (uint8_t)stage;
    return e;
}

static unsigned tag1(const struct regime *regime)
{
    return regime->stage2_on ? TLB_COMBINED : TLB_STAGE1;
}

/* The entry for the table that a descriptor read here, one level further up, leads to. */
static struct tlb_entry table_entry(const struct speculation *s, const struct walk_state *at)
{
    struct mapping map;
    memset(&map, 0, sizeof map);
    unsigned size = walk_table_size(at);
    map.input = align_down(at->input, UINT64_C(1) << size);
    map.size_log2 = (uint8_t)size;
    map.level1 = (uint8_t)(at->level - 1u);
    map.is_global = at->stage == 2 || s->regime->kind == REGIME_EL2;
    return entry_of(s, &map, (at->stage == 2 ? TLB_STAGE2 : tag1(s->regime)) | TLB_TABLE);
}

/* ---- One walk ---- */

static bool value_pick(struct speculation *s, uint64_t pa, const struct times *left,
                       uint64_t *value, struct times *when)
{
    const struct port *port = s->mmu->port;
    uint64_t now, values[VALUES_MAX];
    struct times times[VALUES_MAX];
    unsigned count = 0;
    if (!port->peek(port->owner, pa_make(pa), &now, sizeof now))
        return false;
    memset(times, 0, sizeof times);
    for (unsigned i = s->count; i-- > 0;) { /* the newest first */
        if (!has(left, i))
            continue;
        uint64_t v = version_value(s->log, pa, s->point[i], now);
        unsigned k = 0;
        while (k < count && values[k] != v)
            k++;
        if (k == VALUES_MAX)
            continue;
        if (k == count)
            values[count++] = v;
        put(&times[k], i);
    }
    if (count == 0 || s->reads == ARRAY_COUNT(s->script))
        return false;
    s->script[s->reads].count = (uint8_t)count;
    unsigned k = s->script[s->reads++].at;
    ensure(k < count);
    *value = values[k];
    *when = times[k];
    return true;
}

bool speculation_read(struct speculation *s, const struct walk_state *at, uint64_t pa,
                      uint64_t *descriptor)
{
    struct times *left = at->stage == 1 ? &s->left1 : &s->left2;
    bool *begun = at->stage == 1 ? &s->begun1 : &s->begun2;
    struct tlb_entry *table = at->stage == 1 ? &s->table1 : &s->table2;
    if (*begun) {
        *table = table_entry(s, at);
        *left = survival(s, left, table);
    } else {
        *left = at->stage == 1 ? s->active : s->active2;
        *begun = true;
    }
    if (at->stage == 1) {
        keep_both(left, &s->active); /* it is this regime that goes on */
        if (s->regime->stage2_on)
            keep_both(left, &s->left2); /* the table was found then */
    } else {
        keep_both(left, &s->active2);
    }
    return value_pick(s, pa, left, descriptor, left) && !is_empty(left);
}

void speculation_begin_stage2(struct speculation *s)
{
    s->begun2 = false;
}

void speculation_end_stage2(struct speculation *s, const struct mapping *leaf)
{
    struct mapping map = *leaf;
    map.is_global = 1;
    struct tlb_entry e = entry_of(s, &map, TLB_STAGE2);
    s->left2 = survival(s, &s->left2, &e);
}

/* Goes to the next combination of values; false: there is none. */
static bool script_next(struct speculation *s)
{
    while (s->reads > 0) {
        unsigned last = s->reads - 1;
        if (++s->script[last].at < s->script[last].count)
            return true;
        s->script[last].at = 0;
        s->reads--;
    }
    return false;
}

/* ---- Candidates ---- */

struct wanted {
    const struct regime *regime; /* of the use */
    uint64_t address;
    uint32_t after;      /* an entry is there: only what was made since */
    struct mapping seen[SPECULATION_MAX + TLB_MATCH_MAX + 1];
    unsigned seen_count;
};

static bool is_new(const struct wanted *want, const struct mapping *map)
{
    for (unsigned i = 0; i < want->seen_count; i++)
        if (memcmp(&want->seen[i], map, sizeof *map) == 0)
            return false;
    return true;
}

/* Messages on their way that came after this moment remove what was made at it. */
static uint32_t source_at(const struct mmu *mmu, uint32_t time)
{
    uint32_t source = UINT32_MAX;
    for (unsigned i = 0; i < mmu->state->queue_count; i++) {
        const struct tlbi *t = &mmu->state->queue[i];
        if (t->received > time && t->fills < source)
            source = t->fills;
    }
    return source;
}

/* A walk came to its end: whether the entry that it made may be there now. */
static bool is_there(struct speculation *s, const struct wanted *want, const struct mapping *map,
                     struct speculated *out)
{
    const struct regime *r = s->regime;
    unsigned stage = r->stage1_on ? tag1(want->regime) : TLB_STAGE2; /* as it is looked up */
    struct tlb_entry e = entry_of(s, map, stage);
    bool tags_match = r->vmid == want->regime->vmid &&
                      (stage == TLB_STAGE2 || map->is_global || r->asid == want->regime->asid);
    if (!tags_match)
        return false;
    struct times made = r->stage1_on ? s->left1 : s->left2;
    if (r->stage1_on && r->stage2_on)
        keep_both(&made, &s->left2);
    for (unsigned i = s->count; i-- > 0;) {
        if (s->point[i] < want->after)
            break;
        if (has(&made, i)) {
            uint16_t asid = stage == TLB_STAGE2 ? 0 : r->asid;
            out->key = (struct tlb_key){want->address, r->vmid, asid, r->kind, (uint8_t)stage, 0};
            out->map = *map;
            out->root = r->stage2_on ? r->vttbr & VTTBR_EL2_BADDR : 0;
            out->ttbr = !r->stage1_on ? 0 : r->ttbr[want->address >> 55 & 1u] & TTBR0_EL1_BADDR;
            out->source = source_at(s->mmu, s->point[i]);
            return true;
        }
        if (is_removed_at(s, &e, s->point[i]))
            break;
    }
    return false;
}

/* All walks by one regime. */
static unsigned walks_of(struct speculation *s, struct wanted *want, struct speculated *out,
                         unsigned count)
{
    memset(s->script, 0, sizeof s->script);
    active_make(s, s->regime);
    for (unsigned run = 0; run < RUNS_MAX && count < SPECULATION_MAX; run++) {
        struct mapping map;
        s->reads = 0;
        s->begun1 = s->begun2 = false;
        bool ends = speculation_walk(s->mmu, s, s->regime, want->address, &map);
        if (ends && is_new(want, &map) && is_there(s, want, &map, &out[count])) {
            want->seen[want->seen_count++] = map;
            count++;
        }
        if (!script_next(s))
            break;
    }
    return count;
}

/* Whether entries made under this regime could serve a use under that one. */
static bool may_serve(const struct regime *made, const struct regime *use)
{
    return made->kind == use->kind && made->vmid == use->vmid &&
           made->stage1_on == use->stage1_on &&
           (made->stage1_on || made->stage2_on == use->stage2_on);
}

static unsigned candidates(struct speculation *s, struct wanted *want, struct speculated *out)
{
    const struct version_contexts *c = version_contexts(s->log, s->mmu->pe);
    uint32_t first = ring_first(c->count, VERSION_CONTEXTS);
    unsigned count = 0;
    points_make(s);
    for (uint32_t i = c->count; i-- > first && count < SPECULATION_MAX;) {
        const struct regime *regime = &c->context[i % VERSION_CONTEXTS].regime;
        bool is_repeated = false;
        for (uint32_t k = i + 1; k < c->count && !is_repeated; k++)
            is_repeated = memcmp(&c->context[k % VERSION_CONTEXTS].regime, regime,
                                 sizeof *regime) == 0;
        if (is_repeated || !may_serve(regime, want->regime))
            continue;
        s->regime = regime;
        count = walks_of(s, want, out, count);
    }
    return count;
}

/* ---- The use ---- */

/* What the TLB holds for the use already. */
static void see_present(const struct speculation *s, struct wanted *want, const uint32_t *slots,
                        unsigned count)
{
    const struct mmu *mmu = s->mmu;
    for (unsigned i = 0; i < count; i++) {
        const struct tlb_entry *e = tlb_index_entry(mmu->index, slots[i]);
        want->seen[want->seen_count++] = e->map;
        if (e->made >= want->after)
            want->after = e->made + 1;
    }
}

/* What a walk would find now. */
static void see_walk(const struct speculation *s, struct wanted *want)
{
    struct mapping *map = &want->seen[want->seen_count];
    if (speculation_walk(s->mmu, NULL, want->regime, want->address, map))
        want->seen_count++;
}

void speculate(struct mmu *mmu, const struct regime *regime, uint64_t address)
{
    unsigned stage = regime->stage1_on ? tag1(regime) : TLB_STAGE2;
    struct tlb_key key = {address, regime->vmid, stage == TLB_STAGE2 ? 0 : regime->asid,
                          regime->kind, (uint8_t)stage, 0};
    uint32_t slots[TLB_MATCH_MAX];
    struct speculation s = {.mmu = mmu, .log = mmu->versions};
    struct wanted want = {.regime = regime, .address = address};
    struct speculated found[SPECULATION_MAX];
    unsigned present = tlb_index_match(mmu->index, &key, slots);
    see_present(&s, &want, slots, present);
    struct speculation_memo now = {hash_bytes(regime, sizeof *regime, 0), address >> PAGE_SHIFT,
                                   version_stores(s.log)->now, want.after};
    struct speculation_memo *memo =
        &mmu->memo[(now.page ^ regime->vmid) % SPECULATION_MEMO_COUNT];
    if (memcmp(memo, &now, sizeof now) == 0)
        return;
    see_walk(&s, &want);
    unsigned count = candidates(&s, &want, found);
    if (count == 0) {
        *memo = now;
        return;
    }
    uint32_t answer = choose(mmu->chooser, mmu->counts, CHOICE_SPEC_FILL, mmu->pe, count + 1);
    if (answer == 0)
        return;
    const struct speculated *made = &found[answer - 1];
    uint32_t serial = tlb_fill(mmu, &made->key, &made->map, made->source);
    event_emit_TLB_AHEAD(MMU_HEAD(mmu), serial, made->root, made->ttbr);
}
