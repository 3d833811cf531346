/*
 * The version log: a bounded past of what translations are made of, in the time of its own events.
 *
 *   stores    the old values of words in pages that hold tables: where a walk has read a
 *             descriptor, where a register's root is, and where a logged table descriptor leads
 *   contexts  per PE: regimes, and from when to when they could be walked by
 *   removals  per PE: delivered invalidations, with the time when they came
 *
 * A store at time t means: before t the old value, from t on the next one. An invalidation that
 * came at t removes what was made before t. Where one of the rings has forgotten something, the
 * horizon moves: nothing is said about times before it.
 */
#pragma once
#include "mmu/tlb.h"

#define VERSION_STORES 168u
#define VERSION_CONTEXTS 44u
#define VERSION_REMOVALS 100u
#define VERSION_NEVER UINT32_MAX

STATE_BEGIN
struct version_store {
    uint64_t pa; /* of an aligned word of 8 bytes */
    uint64_t old;
    uint32_t time;
    uint32_t reserved;
};

/* The first page. */
struct version_stores {
    uint32_t now;     /* the time of the last event */
    uint32_t horizon;
    uint32_t count;   /* stores ever logged: the ring's next place is count % VERSION_STORES */
    uint32_t reserved;
    struct version_store store[VERSION_STORES];
    uint8_t rest[48];
};

struct version_context {
    struct regime regime;
    uint32_t from, to; /* to: VERSION_NEVER while it goes on */
};

struct version_contexts {
    uint32_t count; /* ever */
    uint32_t current[REGIME_KIND_COUNT]; /* 1 + number of the one that goes on; 0: none */
    struct version_context context[VERSION_CONTEXTS];
    uint8_t rest[208];
};

struct version_removals {
    uint32_t count;
    uint32_t reserved[3];
    struct tlbi removal[VERSION_REMOVALS]; /* received says when */
    uint8_t rest[80];
};
STATE_END

_Static_assert(sizeof(struct version_stores) == PAGE_BYTES, "a page");
_Static_assert(sizeof(struct version_contexts) == PAGE_BYTES, "a page");
_Static_assert(sizeof(struct version_removals) == PAGE_BYTES, "a page");

const struct version_stores *version_stores(const struct version_log *log);
const struct version_contexts *version_contexts(const struct version_log *log, unsigned pe);
const struct version_removals *version_removals(const struct version_log *log, unsigned pe);

/* A new moment, and its time. */
uint32_t version_tick(struct version_log *log);

/* A walk reads a descriptor here: the page is a table of this level. The addresses in it are IPAs
 * when they have yet to go through stage 2. */
void version_see_table(struct version_log *log, uint64_t pa, unsigned level, bool holds_ipas);

/* An invalidation has been delivered to a PE. */
void version_removed(struct version_log *log, unsigned pe, const struct tlbi *message);

/* The value that an aligned word had at a time; `now` is its value now. */
uint64_t version_value(const struct version_log *log, uint64_t pa, uint32_t time, uint64_t now);
