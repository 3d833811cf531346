/*
 * Caches by themselves: small ones over a piece of memory, accesses by PE and attribute, and
 * choices that are answered by a table.
 */
#pragma once
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "gen/trace.h"
#include "mem/cache.h"

#define WORLD_RAM UINT64_C(0x40000000)
#define WORLD_BYTES UINT64_C(0x200000)
#define WORLD_LINE(n) (WORLD_RAM + 0x1000 + 64 * (uint64_t)(n))
#define WORLD_PES 3u

#define WRITE_BACK 0xffu
#define WRITE_THROUGH 0xbbu
#define NO_ALLOCATE 0xccu
#define UNCACHED 0x44u
#define DEVICE 0x00u

struct world {
    struct cache *cache, wiring;
    struct cow *memory;
    struct chooser chooser;
    struct choice_counts counts;
    struct events events;
    uint64_t insn, time;
    uint8_t el;
    uint64_t regime[2]; /* of EL1&0 and EL2, on every PE */
    uint32_t answer;    /* to each question; too large: the last answer */
    uint64_t random;    /* not 0: answers at random */
    unsigned asked, asked_n;
    enum choice_kind asked_kind;
    struct event last; /* of the kinds that are listened to */
    unsigned heard;
};

static inline void world_host_read(void *owner, uint64_t pa, void *bytes, size_t size)
{
    struct world *w = owner;
    uint64_t at = pa - WORLD_RAM;
    cr_assert(at / 64 == (at + size - 1) / 64 && at < WORLD_BYTES, "within a line of RAM");
    memcpy(bytes, cow_read(w->memory, at / PAGE_BYTES) + at % PAGE_BYTES, size);
}

static inline void world_host_write(void *owner, uint64_t pa, const void *bytes, size_t size)
{
    struct world *w = owner;
    uint64_t at = pa - WORLD_RAM;
    cr_assert(at / 64 == (at + size - 1) / 64 && at < WORLD_BYTES, "within a line of RAM");
    memcpy(cow_write(w->memory, at / PAGE_BYTES) + at % PAGE_BYTES, bytes, size);
}

static inline uint64_t world_regime(void *owner, unsigned pe, bool el2)
{
    (void)pe;
    return ((struct world *)owner)->regime[el2];
}

static inline uint32_t world_decide(void *context, const struct choice_name *name, uint32_t n,
                                    uint64_t hint)
{
    struct world *w = context;
    (void)hint;
    w->asked++;
    w->asked_n = n;
    w->asked_kind = (enum choice_kind)name->kind;
    if (w->random) {
        w->random = hash_mix(w->random + 1);
        return (uint32_t)(w->random % n);
    }
    return w->answer < n ? w->answer : n - 1;
}

static inline void world_hear(void *context, const struct event *event)
{
    struct world *w = context;
    w->last = *event;
    w->heard++;
}

static inline struct world *world_new_of(struct cache_shape data, struct cache_shape code,
                                         struct cache_shape unified)
{
    struct world *w = calloc(1, sizeof *w);
    struct cache_config config = {.pe_count = WORLD_PES, .data = data, .code = code,
                                  .unified = unified, .ram_base = WORLD_RAM,
                                  .ram_bytes = WORLD_BYTES};
    struct cache_host host = {.owner = w, .read = world_host_read, .write = world_host_write,
                              .regime = world_regime, .chooser = &w->chooser,
                              .counts = &w->counts, .events = &w->events};
    cr_assert_not_null(w);
    for (unsigned pe = 0; pe <= PE_COUNT_MAX; pe++)
        host.clock[pe] = (struct cache_clock){&w->insn, &w->time, &w->el};
    chooser_init(&w->chooser, CHOICE_DECIDE);
    w->chooser.decide = world_decide;
    w->chooser.decide_context = w;
    w->regime[0] = w->regime[1] = 1;
    w->el = 2;
    w->memory = cow_new(WORLD_BYTES / PAGE_BYTES + cache_pages(&config));
    w->cache = &w->wiring;
    cache_init(w->cache, &config, w->memory, WORLD_BYTES / PAGE_BYTES, &host);
    return w;
}

static inline struct world *world_new(void)
{
    struct cache_shape two = {2, 2}, four = {4, 4};
    return world_new_of(two, two, four);
}

static inline void world_free(struct world *w)
{
    cow_free(w->memory);
    chooser_free(&w->chooser);
    free(w);
}

static inline void world_open(struct world *w, enum choice_kind kind, uint32_t answer)
{
    w->chooser.open_mask = 1u << kind;
    w->answer = answer;
}

static inline struct access world_access(unsigned pe, uint64_t pa, unsigned size, unsigned memory,
                                         bool is_write)
{
    return (struct access){.pa = pa_make(pa), .pe = (uint8_t)pe, .size = (uint8_t)size,
                           .memory = (uint8_t)memory, .shareability = 3, .el = 2,
                           .is_write = is_write};
}

static inline uint64_t world_load(struct world *w, unsigned pe, uint64_t pa, unsigned memory)
{
    struct access access = world_access(pe, pa, 8, memory, false);
    uint64_t value[2];
    cache_read(w->cache, &access, value);
    return value[0];
}

static inline void world_store(struct world *w, unsigned pe, uint64_t pa, unsigned memory,
                               uint64_t value)
{
    struct access access = world_access(pe, pa, 8, memory, true);
    uint64_t both[2] = {value, 0};
    cache_write(w->cache, &access, both);
}

static inline uint32_t world_fetch(struct world *w, unsigned pe, uint64_t pa)
{
    struct access access = world_access(pe, pa, 4, WRITE_BACK, false);
    uint64_t value[2];
    access.kind = ACCESS_FETCH;
    cache_read(w->cache, &access, value);
    return (uint32_t)value[0];
}

/* What memory holds, past everything. */
static inline uint64_t world_memory(struct world *w, uint64_t pa)
{
    uint64_t value;
    world_host_read(w, pa, &value, sizeof value);
    return value;
}

static inline void world_set_memory(struct world *w, uint64_t pa, uint64_t value)
{
    world_host_write(w, pa, &value, sizeof value);
}

static inline struct cache_line_op world_op(unsigned pe, uint64_t pa, unsigned what, bool to_pou)
{
    return (struct cache_line_op){.pa = pa, .pe = (uint8_t)pe, .el = 2, .what = (uint8_t)what,
                                  .to_unification = to_pou, .memory = WRITE_BACK,
                                  .shareability = 3};
}

static inline void world_dc(struct world *w, unsigned pe, uint64_t pa, unsigned what)
{
    struct cache_line_op op = world_op(pe, pa, what, false);
    cache_data_line(w->cache, &op);
}

static inline void world_cvau(struct world *w, unsigned pe, uint64_t pa)
{
    struct cache_line_op op = world_op(pe, pa, CACHE_CLEAN, true);
    cache_data_line(w->cache, &op);
}

static inline void world_ivau(struct world *w, unsigned pe, uint64_t pa)
{
    struct cache_line_op op = world_op(pe, pa, 0, true);
    cache_code_line(w->cache, &op);
}

static inline bool world_has(struct world *w, unsigned pe, unsigned level, uint64_t pa)
{
    return cache_look(w->cache, pe, level, false, pa).valid;
}

static inline bool world_dirty(struct world *w, unsigned pe, unsigned level, uint64_t pa)
{
    return cache_look(w->cache, pe, level, false, pa).dirty;
}
