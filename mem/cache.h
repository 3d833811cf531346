/*
 * The caches of a machine: for each PE a level 1 data and a level 1 instruction cache, and one
 * unified level 2 cache that all share. They stand between the accesses of the PEs and memory,
 * which is the point of coherency; level 2 is the point of unification.
 *
 * Everything is state, in pages of the machine's copy-on-write memory: nothing here needs to be
 * saved or restored beside it. What is not said by lines - whether one has been written back or
 * evicted by now, came unasked, or is an older one of instructions - is asked at a use where the
 * answers would differ (choices cache-writeback, cache-allocate, icache-stale).
 */
#pragma once
#include "sim/base/base.h"
#include "sim/base/choice.h"
#include "sim/base/cow.h"
#include "sim/base/event.h"
#include "sim/base/port.h"

#define CACHE_LINE_BYTES 64u
#define CACHE_WAYS_MAX 32u

/* What CCSIDR_EL1 says of one cache; sets are a power of two. */
struct cache_shape {
    uint32_t sets, ways;
};

struct cache_config {
    uint32_t pe_count;
    uint32_t fetch_sees_data; /* fetches see L1D, too: CLIDR_EL1.LoUIS is 0 */
    uint32_t stale_fetch;     /* erratum stale-fetch: IC does not reach what others have fetched */
    struct cache_shape data, code, unified; /* L1D, L1I, L2 */
    uint64_t ram_base, ram_bytes;           /* multiples of a page */
};

/* What a PE's events carry in their heads. */
struct cache_clock {
    const uint64_t *insn, *time;
    const uint8_t *el;
};

/* Wiring: who owns what the caches stand before and are told by. */
struct cache_host {
    void *owner;
    /* Memory: bytes within one line, which are RAM. */
    void (*read)(void *owner, uint64_t pa, void *bytes, size_t size);
    void (*write)(void *owner, uint64_t pa, const void *bytes, size_t size);
    /*
     * What makes a translation live on a PE: a value that stands for its regime (el2: that of
     * EL2, else EL1&0) with its tables and cacheability, the same as long as they are; 0 while
     * the PE can read nothing there ahead of the program.
     */
    uint64_t (*regime)(void *owner, unsigned pe, bool el2);
    struct chooser *chooser;
    struct choice_counts *counts;
    struct events *events;
    struct cache_clock clock[PE_COUNT_MAX + 1]; /* the last is for bus masters */
};

/* One cache's lines, then a byte for each set: the way that goes next. */
struct cache_array {
    size_t lines_page, turns_page;
    uint32_t sets, ways;
    uint8_t kind; /* 0 L1D, 1 L1I, 2 L2 */
};

/* Wiring of one machine's caches: where they lie, nothing that changes. */
struct cache {
    struct cache_config config;
    struct cache_host host;
    struct cow *memory;
    size_t head_page, uses_page, versions_page, ahead_page, page_end;
    struct cache_array data[PE_COUNT_MAX], code[PE_COUNT_MAX], unified;
};

/* How many pages of copy-on-write memory the state takes, from `first_page` on. */
size_t cache_pages(const struct cache_config *config);
void cache_init(struct cache *c, const struct cache_config *config, struct cow *memory,
                size_t first_page, const struct cache_host *host);

/* Where the slowest part of an access was served. */
enum cache_served { CACHE_SERVED_L1, CACHE_SERVED_L2, CACHE_SERVED_MEMORY };

/*
 * A load, descriptor read, fetch or store of RAM, as its attributes say: cacheable by the inner
 * attribute of access->memory, else past the caches, as bus masters (ACCESS_DMA) always are.
 */
enum cache_served cache_read(struct cache *c, const struct access *access, uint64_t value[2]);
enum cache_served cache_write(struct cache *c, const struct access *access,
                              const uint64_t value[2]);

/* What DC does; both together is clean and invalidate. */
#define CACHE_CLEAN 1u
#define CACHE_INVALIDATE 2u

/* An operation by address that has been translated. */
struct cache_line_op {
    uint64_t pa;
    uint32_t name; /* the instruction, for events: enum sysreg */
    uint8_t pe, el;
    uint8_t what;           /* CACHE_CLEAN, CACHE_INVALIDATE; DC only */
    uint8_t to_unification; /* else to the point of coherency */
    uint8_t memory, shareability;
};

/* DC by address: in all data caches of the shareability domain, and level 2. Done at once. */
void cache_data_line(struct cache *c, const struct cache_line_op *op);
/* DC by set and way as Xt names them: on this PE's own L1D (level 1), or on L2. */
void cache_set_way(struct cache *c, unsigned pe, uint32_t name, uint64_t operand, unsigned what);
/* IC by address, and of everything: it counts for a PE from its first context synchronization
   event behind the issuer's DSB on. */
void cache_code_line(struct cache *c, const struct cache_line_op *op);
void cache_code_all(struct cache *c, unsigned pe, uint32_t name, bool broadcast);
/* A DSB of this PE that completes maintenance; of broadcast ones too, if it reaches so far. */
void cache_barrier(struct cache *c, unsigned pe, bool covers_broadcast);
/* A context synchronization event. */
void cache_synchronize(struct cache *c, unsigned pe);
/* Translations went away on this PE: what it used them for no longer shows that they are live. */
void cache_translations_gone(struct cache *c, unsigned pe);
/* Powers a PE's caches down: data is written back to L2, all is invalid. */
void cache_power_down(struct cache *c, unsigned pe);

/* Observers: bytes as a cacheable load would get them, without any effect. */
void cache_peek(const struct cache *c, uint64_t pa, void *bytes, size_t size);
/* The machine itself has written these bytes to memory: whoever has a copy gets them too. */
void cache_poke(struct cache *c, uint64_t pa, const void *bytes, size_t size);
/* For tests: writes all dirty data back to memory. */
void cache_write_back_all(struct cache *c);

/* For observers and tests: what a cache holds of the line at pa; level 1 or 2. */
struct cache_line_view {
    bool valid, dirty;
    uint8_t data[CACHE_LINE_BYTES];
};
struct cache_line_view cache_look(const struct cache *c, unsigned pe, unsigned level, bool code,
                                  uint64_t pa);
