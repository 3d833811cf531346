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
#define DIRECT_FETCH_COUNT 32u

struct direct_entry {
    uint64_t tag; /* page address | era << 3 | el << 1 | 1 */
    uint8_t *read, *write;
    uint64_t pa;    /* of the page */
    uint32_t entry; /* serial number of the TLB entry under it */
    uint32_t reserved;
};

struct core_cache {
    uint64_t generation, epoch, renew;
    uint64_t era; /* part of every tag: dropping all entries is taking the next era */
    bool legal; /* decided at each run of an engine */
    struct direct_entry data[DIRECT_COUNT];
    struct direct_entry fetch[DIRECT_FETCH_COUNT];
};

/* Decides whether host pointers may be used in the coming run. */
void direct_begin(struct core *c);
void direct_drop(struct core *c);

/* Remembers the page of a translation, if it is RAM and may be reached directly. */
void direct_fill(struct core *c, uint64_t va, unsigned el, const struct translation *t);

#define DIRECT_ERA_COUNT 512u

static inline uint64_t direct_tag(const struct core *c, uint64_t va, unsigned el)
{
    return (va & ~UINT64_C(0xfff)) | c->cache->era << 3 | (uint64_t)el << 1 | 1u;
}

static inline bool direct_is_stale(const struct core *c)
{
    const struct core_cache *cache = c->cache;
    return cache->generation != c->mmu->generation || cache->epoch != *c->port->epoch ||
           cache->renew != c->events->renew || c->regimes_stale;
}

/* The entry for an access of size bytes that may go straight to host memory, or NULL. */
static inline const struct direct_entry *direct_find(struct core *c, uint64_t va, unsigned size,
                                                     unsigned el, bool is_write)
{
    struct core_cache *cache = c->cache;
    if (!cache->legal)
        return NULL;
    if (__builtin_expect(direct_is_stale(c), 0)) {
        direct_drop(c);
        return NULL;
    }
    const struct direct_entry *e = &cache->data[(va >> PAGE_SHIFT) % DIRECT_COUNT];
    if (e->tag != direct_tag(c, va, el) || (va & (size - 1u)) != 0)
        return NULL;
    if (is_write)
        return e->write && *c->port->monitors_armed == 0 ? e : NULL;
    return e->read ? e : NULL;
}
