/*
 * Host pointers to pages of RAM and to decoded code, kept over live TLB entries: what makes loads,
 * stores and fetches cheap where nothing needs to see each of them. Derived data of a core.
 *
 * A data pointer is good while the MMU has not revoked it (an entry went, a message came) and the
 * regimes and the port's epoch (snapshot, restore, a page moved or is watched) are those under
 * which it was made; a code pointer while the regimes and the code cache's epoch are. Dropping all
 * is taking the next era, which is part of every tag; a page alone is dropped where it stands.
 */
#pragma once
#include "cpu/code.h"
#include "cpu/core.h"
#include "cpu/exec.h"

#define DIRECT_LOG2 12u
#define DIRECT_COUNT (1u << DIRECT_LOG2)
#define DIRECT_ENTRY_LOG2 5u
#define DIRECT_ALIGNMENT 64u
#define DIRECT_FETCH_LOG2 10u
#define DIRECT_LEVELS 3u
#define DIRECT_FETCH_COUNT (1u << DIRECT_FETCH_LOG2)

/*
 * A tag is a page address with the era in bits 11:6 and direct_view() in bits 5:4. Bits 3:0 are 0:
 * an address that is not aligned to the size of the access does not match at once.
 */
#define DIRECT_ERA_COUNT 64u

struct direct_entry {
    uint64_t read_tag, write_tag; /* 0: not so */
    uintptr_t addend; /* host address less virtual address */
    uint64_t pa;      /* of the page */
};

/*
 * Where code is fetched. The tag is a page address, with the era in bits 11:6, EL in bits 5:4 and
 * the stack pointer in use in bits 3:2; a misaligned PC does not match.
 */
struct direct_fetch {
    uint64_t tag;            /* page is good */
    uint64_t hot_tag;        /* slots are, too */
    struct hot_slot *slots;  /* of the stack pointer in the tag */
    struct code_page *page;
};

struct core_cache {
    /* The engine of hot blocks while it runs: cpu/hot/hot.h. */
    struct core *core;
    uint64_t data_tag;       /* era and EL of accesses now */
    uint64_t fetch_tag;      /* era, EL and stack pointer of fetches now */
    struct direct_fetch *fetch_here; /* those of this Exception level */
    uint64_t page_va;        /* virtual address of the code page being run */
    struct hot_slot *slots;  /* its slots */
    uint32_t flags_kind;     /* enum hot_flags */
    uint32_t outcome;        /* enum hot_outcome */
    uint32_t step;           /* enum step, of the instruction that was done last */
    bool stopped;
    bool asks;               /* about visible operations: core_ops.visible */
    bool held;               /* what it said */
    bool code_gone;          /* pages of code have been dropped since it began */
    bool unaligned;          /* accesses to Normal memory need not be aligned */
    bool vectors;            /* FP and SIMD are not trapped */
    uint8_t sys_asked, sys_open; /* hot forms of DC and IC: asked about when met; system.c */
    bool fpsr_told;          /* somebody is told of changes of FPSR */
    bool host_fp;            /* that, and FPCR as fp_host.h likes it: no rounding mode, no FZ */
    uint64_t steps_end, insns_end, cycles_end; /* what counters are when the budget is 0 */
    uint32_t cost_max;       /* the dearest instruction's cycles */
    const struct hot_slot *at; /* where it stopped */
    uint64_t budget, fa, fb;   /* with these */

    uint64_t generation, epoch, renew, code_epoch;
    uint64_t data_era, fetch_era;
    uint64_t hot_insns; /* executed in the hot half so far: for tests and benchmarks */
    bool legal; /* decided at each run of an engine */
    _Alignas(DIRECT_ALIGNMENT) struct direct_entry data[DIRECT_COUNT]; /* none on two lines */
    struct direct_fetch fetch[DIRECT_LEVELS][DIRECT_FETCH_COUNT]; /* by Exception level */
    uint32_t serial[DIRECT_COUNT]; /* of the TLB entry under each data pointer */
};

/* Decides whether host pointers may be used in the coming run, and by which slots code runs. */
void direct_begin(struct core *c, bool asks);
/* Drops all; data pointers alone. */
void direct_drop(struct core *c);
void direct_drop_data(struct core *c);
/* Drops what has become stale. */
void direct_refresh(struct core *c);

/*
 * Remembers the page of a translation, if it is RAM and may be reached directly; for writing only
 * after a write, which has made the page this memory's own.
 */
void direct_fill(struct core *c, uint64_t va, unsigned el, const struct translation *t,
                 bool is_write);

/* As whom accesses are checked: an Exception level, or EL1 under PSTATE.PAN. */
#define DIRECT_VIEW_PAN 3u

static inline unsigned direct_view(const struct cpu *cpu)
{
    return cpu->el == 1 && (cpu->access & PSTATE_PAN) != 0 ? DIRECT_VIEW_PAN : cpu->el;
}

static inline uint64_t direct_data_tag(const struct core_cache *cache, unsigned el)
{
    return cache->data_era << 6 | (uint64_t)el << 4;
}

static inline uint64_t direct_fetch_tag(const struct core_cache *cache, const struct cpu *cpu)
{
    unsigned stack = cpu->spsel ? cpu->el : 0;
    return cache->fetch_era << 6 | (uint64_t)cpu->el << 4 | (uint64_t)stack << 2;
}

static inline uint64_t direct_page(uint64_t va)
{
    return va & ~(uint64_t)(PAGE_BYTES - 1);
}

static inline struct direct_entry *direct_entry(struct core_cache *cache, uint64_t va)
{
    /* Number and size of the entry in one shift and one mask: this is in every load and store. */
    _Static_assert(sizeof(struct direct_entry) == 1u << DIRECT_ENTRY_LOG2, "a power of two");
    size_t offset = (va >> (PAGE_SHIFT - DIRECT_ENTRY_LOG2)) &
                    ((DIRECT_COUNT - 1u) << DIRECT_ENTRY_LOG2);
    return (struct direct_entry *)(void *)((char *)cache->data + offset);
}

static inline size_t direct_fetch_index(uint64_t va)
{
    return (va >> PAGE_SHIFT) % DIRECT_FETCH_COUNT;
}

static inline struct direct_fetch *direct_fetch(struct core_cache *cache, unsigned el, uint64_t va)
{
    return &cache->fetch[el][direct_fetch_index(va)];
}

/* Whether pointers to code may be stale, and those to data with them. */
static inline bool direct_code_is_stale(const struct core *c)
{
    const struct core_cache *cache = c->cache;
    return cache->generation != c->mmu->revoked.generation || cache->renew != c->events->renew ||
           c->regimes_stale || (c->code && cache->code_epoch != c->code->epoch);
}

static inline bool direct_is_stale(const struct core *c)
{
    return c->cache->epoch != *c->port->epoch || direct_code_is_stale(c);
}

static inline void *direct_host(const struct direct_entry *e, uint64_t va)
{
    return (void *)(e->addend + (uintptr_t)va);
}

/* Whether an access of size bytes at va is one that an entry with this tag serves. */
static inline bool direct_matches(uint64_t tag, uint64_t va, unsigned size, uint64_t data_tag)
{
    return (va & (~(uint64_t)(PAGE_BYTES - 1) | (size - 1u))) + data_tag == tag;
}

/* The same for an access to Normal memory that need not be aligned, but does not cross a page. */
static inline bool direct_matches_unaligned(uint64_t tag, uint64_t va, unsigned size,
                                            uint64_t data_tag)
{
    return direct_page(va) + data_tag == tag && (va & (PAGE_BYTES - 1)) + size <= PAGE_BYTES;
}

/* AArch64.CheckAlignment, by the regimes, which must not be stale. */
static inline bool direct_allows_unaligned(const struct core *c)
{
    return (c->regime[core_regime_kind(c->cpu)].sctlr & SCTLR_EL1_A) == 0;
}

/* The entry for an access of size bytes that may go straight to host memory, or NULL. */
static inline const struct direct_entry *direct_find(struct core *c, uint64_t va,
                                                     const struct mem_op *op, unsigned el,
                                                     bool is_write)
{
    struct core_cache *cache = c->cache;
    if (!cache->legal)
        return NULL;
    if (__builtin_expect(direct_is_stale(c), 0))
        direct_refresh(c);
    const struct direct_entry *e = direct_entry(cache, va);
    uint64_t tag = is_write ? e->write_tag : e->read_tag, data_tag = direct_data_tag(cache, el);
    if (__builtin_expect(direct_matches(tag, va, op->size, data_tag), 1))
        return e;
    return !op->aligned && direct_matches_unaligned(tag, va, op->size, data_tag) &&
                   direct_allows_unaligned(c)
               ? e
               : NULL;
}
