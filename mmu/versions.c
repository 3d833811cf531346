/*
 * The version log: what happened to descriptors, registers and TLBs in the recent past, for walks
 * that nobody asked for (choice spec-fill; see versions.h and speculate.c).
 *
 * It lies in copy-on-write pages behind the TLB arrays: one page of stores, a byte for each page
 * of RAM that says whether it holds a table, and two pages for each PE. It is written only while
 * spec-fill is open, when no store goes around the port.
 *
 * Not modelled: stores to a page before anything has shown that it is a table; of a table below
 * stage 1 under stage 2, that is before a walk reads it, since its address is not known earlier.
 * With caches or store buffers on, versions are those of memory.
 *
 * DDI 0487: "Translation table walks", "Speculative translation table walks", "Out-of-context
 * translation regimes".
 */
#include "mmu/versions.h"

#include "gen/vmsa.h"

#include <string.h>

#define STORE_PAGES 1u
#define PE_PAGES 2u

/* What is known of a page of RAM: 1 + level of the table, and whether it holds IPAs. */
#define MARK_LEVEL 7u
#define MARK_IPAS 8u

static size_t mark_pages(size_t ram_pages)
{
    return (ram_pages + PAGE_BYTES - 1) / PAGE_BYTES;
}

size_t version_log_pages(size_t ram_pages)
{
    return STORE_PAGES + mark_pages(ram_pages) + (size_t)PE_COUNT_MAX * PE_PAGES;
}

static size_t pe_page(const struct version_log *log, unsigned pe)
{
    return log->first_page + STORE_PAGES + mark_pages(log->ram_pages) + (size_t)pe * PE_PAGES;
}

const struct version_stores *version_stores(const struct version_log *log)
{
    return (const void *)cow_read(log->memory, log->first_page);
}

const struct version_contexts *version_contexts(const struct version_log *log, unsigned pe)
{
    return (const void *)cow_read(log->memory, pe_page(log, pe));
}

const struct version_removals *version_removals(const struct version_log *log, unsigned pe)
{
    return (const void *)cow_read(log->memory, pe_page(log, pe) + 1);
}

static struct version_stores *stores_write(struct version_log *log)
{
    return (void *)cow_write(log->memory, log->first_page);
}

static struct version_contexts *contexts_write(struct version_log *log, unsigned pe)
{
    return (void *)cow_write(log->memory, pe_page(log, pe));
}

uint32_t version_tick(struct version_log *log)
{
    struct version_stores *s = stores_write(log);
    ensure(s->now < VERSION_NEVER - 1);
    return ++s->now;
}

static void forget_before(struct version_log *log, uint32_t time)
{
    if (version_stores(log)->horizon < time)
        stores_write(log)->horizon = time;
}

/* ---- Tables ---- */

static bool is_ram(const struct version_log *log, uint64_t pa)
{
    return pa >= log->ram_base && (pa - log->ram_base) >> PAGE_SHIFT < log->ram_pages;
}

static unsigned mark_of(const struct version_log *log, uint64_t pa)
{
    size_t page = (size_t)((pa - log->ram_base) >> PAGE_SHIFT);
    return cow_read(log->memory, log->first_page + STORE_PAGES + page / PAGE_BYTES)[page %
                                                                                    PAGE_BYTES];
}

void version_see_table(struct version_log *log, uint64_t pa, unsigned level, bool holds_ipas)
{
    if (!is_ram(log, pa))
        return;
    unsigned mark = (level + 1) | (holds_ipas ? MARK_IPAS : 0);
    if (mark_of(log, pa) == mark)
        return;
    size_t page = (size_t)((pa - log->ram_base) >> PAGE_SHIFT);
    cow_write(log->memory, log->first_page + STORE_PAGES + page / PAGE_BYTES)[page % PAGE_BYTES] =
        (uint8_t)mark;
    if (level == 3 || holds_ipas)
        return;
    /* Walks nobody asked for may have been in the tables that it leads to as well. */
    for (size_t at = 0; at < PAGE_BYTES; at += sizeof(uint64_t)) {
        uint64_t descriptor;
        memcpy(&descriptor, cow_read(log->memory, page) + at, sizeof descriptor);
        if ((descriptor & 3u) == 3u)
            version_see_table(log, descriptor & VMSA_TABLE_ADDRESS, level + 1, false);
    }
}

/* ---- Stores ---- */

static void log_word(struct version_log *log, uint64_t pa, uint64_t old, uint64_t value,
                     unsigned mark)
{
    uint32_t time = version_tick(log);
    struct version_stores *s = stores_write(log);
    struct version_store *place = &s->store[s->count % VERSION_STORES];
    if (s->count >= VERSION_STORES && s->horizon < place->time)
        s->horizon = place->time;
    *place = (struct version_store){.pa = pa, .old = old, .time = time};
    s->count++;
    unsigned level = (mark & MARK_LEVEL) - 1;
    if ((value & 3u) == 3u && level < 3 && !(mark & MARK_IPAS))
        version_see_table(log, value & VMSA_TABLE_ADDRESS, level + 1, false);
}

void version_log_store(struct version_log *log, pa_t pa, const uint8_t *page, const void *bytes,
                       size_t size)
{
    if (!choice_is_open(log->chooser, CHOICE_SPEC_FILL) || !is_ram(log, pa.bits))
        return;
    unsigned mark = mark_of(log, pa.bits);
    if (mark == 0)
        return;
    size_t first = pa.bits % PAGE_BYTES, end = first + size;
    for (size_t word = first & ~(size_t)7; word < end; word += 8) {
        uint64_t old, value;
        memcpy(&old, page + word, sizeof old);
        value = old;
        size_t from = word < first ? first : word, to = word + 8 < end ? word + 8 : end;
        memcpy((uint8_t *)&value + (from - word), (const uint8_t *)bytes + (from - first),
               to - from);
        if (value != old)
            log_word(log, align_down(pa.bits, PAGE_BYTES) + word, old, value, mark);
    }
}

uint64_t version_value(const struct version_log *log, uint64_t pa, uint32_t time, uint64_t now)
{
    const struct version_stores *s = version_stores(log);
    uint32_t first = s->count > VERSION_STORES ? s->count - VERSION_STORES : 0;
    for (uint32_t i = first; i < s->count; i++) {
        const struct version_store *store = &s->store[i % VERSION_STORES];
        if (store->pa == pa && store->time > time)
            return store->old;
    }
    return now;
}

/* ---- Contexts ---- */

static void context_begin(struct version_log *log, unsigned pe, const struct regime *regime,
                          uint32_t from, uint32_t to)
{
    struct version_contexts *c = contexts_write(log, pe);
    struct version_context *place = &c->context[c->count % VERSION_CONTEXTS];
    for (unsigned kind = 0; kind < REGIME_KIND_COUNT; kind++)
        if (c->current[kind] != 0 && (c->current[kind] - 1) % VERSION_CONTEXTS ==
                                         c->count % VERSION_CONTEXTS)
            c->current[kind] = 0; /* it went on for very long */
    *place = (struct version_context){.regime = *regime, .from = from, .to = to};
    c->count++;
    if (to == VERSION_NEVER)
        c->current[regime->kind] = c->count;
}

static void root_see(struct version_log *log, const struct walk_state *s, bool is_ipa)
{
    if (s->fault != FAULT_NONE || is_ipa)
        return;
    uint64_t bytes = UINT64_C(8) << s->index_bits;
    for (uint64_t o = 0; o < bytes; o += PAGE_BYTES)
        version_see_table(log, s->table + o, s->level, false);
}

/* Where a regime's walks begin. Under stage 2 the roots of stage 1 are IPAs. */
static void roots_see(struct version_log *log, const struct regime *regime)
{
    if (regime->stage1_on && !regime->stage2_on) {
        struct walk_state low = walk_start_stage1(regime, 0);
        root_see(log, &low, false);
        struct walk_state high = walk_start_stage1(regime, UINT64_MAX);
        if (regime->kind != REGIME_EL2)
            root_see(log, &high, false);
    }
    if (regime->stage2_on) {
        struct walk_state s = walk_start_stage2(regime, 0);
        root_see(log, &s, false);
    }
}

static void context_set(struct version_log *log, unsigned pe, enum regime_kind kind,
                        const struct regime *regime)
{
    const struct version_contexts *c = version_contexts(log, pe);
    uint32_t number = c->current[kind];
    if (number != 0) {
        const struct version_context *now = &c->context[(number - 1) % VERSION_CONTEXTS];
        if (regime && memcmp(&now->regime, regime, sizeof *regime) == 0)
            return;
        uint32_t time = version_tick(log);
        struct version_contexts *w = contexts_write(log, pe);
        w->context[(number - 1) % VERSION_CONTEXTS].to = time;
        w->current[kind] = 0;
    }
    if (!regime)
        return;
    roots_see(log, regime);
    context_begin(log, pe, regime, version_tick(log), VERSION_NEVER);
}

void mmu_tell_regimes(struct mmu *mmu, const struct regime *el10, const struct regime *el2,
                      unsigned el)
{
    struct version_log *log = mmu->versions;
    if (!mmu_keeps_versions(mmu))
        return;
    bool el10_walks = el < 2 || log->out_of_context;
    context_set(log, mmu->pe, REGIME_EL10, el10_walks ? el10 : NULL);
    context_set(log, mmu->pe, REGIME_EL2, el == 2 ? el2 : NULL);
}

void mmu_tell_passing(struct mmu *mmu, const struct regime *el10, unsigned el)
{
    struct version_log *log = mmu->versions;
    if (!mmu_keeps_versions(mmu) || (el == 2 && !log->out_of_context))
        return;
    roots_see(log, el10);
    uint32_t from = version_tick(log);
    context_begin(log, mmu->pe, el10, from, version_tick(log));
}

/* ---- Removals ---- */

void version_removed(struct version_log *log, unsigned pe, const struct tlbi *message)
{
    struct version_removals *r = (void *)cow_write(log->memory, pe_page(log, pe) + 1);
    struct tlbi *place = &r->removal[r->count % VERSION_REMOVALS];
    if (r->count >= VERSION_REMOVALS)
        forget_before(log, place->received);
    *place = *message;
    r->count++;
    version_tick(log); /* what a lookup may find has changed */
}
