/*
 * Host pointers to pages of RAM, kept over live TLB entries: what makes loads, stores and fetches
 * cheap where nothing needs to see each of them. Derived data of a core.
 *
 * A pointer is good while the MMU's generation (an entry went, a message came), the regimes and
 * the port's epoch (snapshot, restore, decoded pages) are those under which it was made.
 */
#pragma once
#include "cpu/core.h"

#define DIRECT_COUNT 256u

/* Hint of an access that went through a host pointer: nobody asks for it there. */
#define VISIBLE_UNKNOWN (VISIBLE_SPECIAL)

struct direct_entry {
    uint64_t tag; /* page address | era << 3 | el << 1 | 1 */
    uint8_t *read, *write;
};

struct core_cache {
    uint64_t generation, epoch;
    uint64_t era; /* part of every tag: dropping all entries is taking the next era */
    bool legal; /* decided at each run of an engine */
    struct direct_entry data[DIRECT_COUNT];
    struct direct_entry fetch;
};

/*
 * Decides whether host pointers may be used in the coming run, and drops stale ones. sees_each:
 * the run must see the address of each access.
 */
void direct_begin(struct core *c, bool sees_each);
void direct_drop(struct core *c);

/* Remembers the page of a translation, if it is RAM and may be reached directly. */
void direct_fill(struct core *c, uint64_t va, unsigned el, const struct translation *t);

#define DIRECT_ERA_COUNT 512u

static inline uint64_t direct_tag(const struct core *c, uint64_t va, unsigned el)
{
    return (va & ~UINT64_C(0xfff)) | c->cache->era << 3 | (uint64_t)el << 1 | 1u;
}

/* The host bytes at va for an access of size bytes, or NULL: go the long way. */
static inline uint8_t *direct_find(struct core *c, uint64_t va, unsigned size, unsigned el,
                                   bool is_write)
{
    struct core_cache *cache = c->cache;
    if (!cache->legal)
        return NULL;
    if (__builtin_expect(cache->generation != c->mmu->generation ||
                             cache->epoch != *c->port->epoch || c->regimes_stale, 0)) {
        direct_drop(c);
        return NULL;
    }
    struct direct_entry *e = &cache->data[(va >> PAGE_SHIFT) % DIRECT_COUNT];
    if (e->tag != direct_tag(c, va, el) || (va & (size - 1u)) != 0)
        return NULL;
    if (is_write)
        return e->write && *c->port->monitors_armed == 0 ? e->write + (va & 0xfff) : NULL;
    return e->read ? e->read + (va & 0xfff) : NULL;
}
