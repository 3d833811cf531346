/*
 * A small world for tests of the MMU: one or more PEs with their TLBs, a RAM for tables, a port
 * that reads it, a builder of page tables, and counts of the events told.
 */
#pragma once
#include <stdlib.h>
#include <string.h>

#include "gen/sysreg.h"
#include "gen/trace.h"
#include "gen/vmsa.h"
#include "mmu/mmu.h"

#define WORLD_RAM_BASE UINT64_C(0x40000000)
#define WORLD_RAM_PAGES 2048u
#define WORLD_PE_COUNT 2u

struct world {
    struct mmu_config config;
    struct vmsa_registers registers;
    uint8_t *ram;
    uint32_t pages_used;
    struct cow *memory;
    struct chooser chooser;
    struct choice_counts counts;
    struct events events;
    struct event_clock clock;
    uint64_t insn, time;
    uint8_t el;
    struct port port;
    struct mmu_state state[WORLD_PE_COUNT];
    struct mmu mmu[WORLD_PE_COUNT];
    unsigned writes;          /* by the walker */
    struct access last_write;
    unsigned told[64]; /* events by kind */
    struct event last[64];
    uint32_t messages;
    uint32_t (*answer)(const struct choice_name *name, uint32_t n);
    uint64_t random;
};

static inline uint64_t world_random(struct world *w)
{
    w->random += UINT64_C(0x9e3779b97f4a7c15);
    return hash_mix(w->random);
}

static inline bool world_read_ram(const struct world *w, uint64_t pa, void *bytes, size_t size)
{
    uint64_t offset = pa - WORLD_RAM_BASE;
    if (pa < WORLD_RAM_BASE || offset + size > (uint64_t)WORLD_RAM_PAGES * PAGE_BYTES)
        return false;
    memcpy(bytes, w->ram + offset, size);
    return true;
}

static inline enum port_result world_port_read(void *owner, const struct access *access,
                                               uint64_t value[2])
{
    return world_read_ram(owner, access->pa.bits, value, access->size) ? PORT_OK
                                                                       : PORT_EXTERNAL_ABORT;
}

static inline enum port_result world_port_write(void *owner, const struct access *access,
                                                const uint64_t value[2])
{
    struct world *w = owner;
    uint64_t offset = access->pa.bits - WORLD_RAM_BASE;
    if (access->pa.bits < WORLD_RAM_BASE ||
        offset + access->size > (uint64_t)WORLD_RAM_PAGES * PAGE_BYTES)
        return PORT_EXTERNAL_ABORT;
    memcpy(w->ram + offset, value, access->size);
    w->writes++;
    w->last_write = *access;
    return PORT_OK;
}

static inline bool world_port_peek(const void *owner, pa_t pa, void *bytes, size_t size)
{
    return world_read_ram(owner, pa.bits, bytes, size);
}

static inline void world_hear(void *context, const struct event *event)
{
    struct world *w = context;
    w->told[event->kind]++;
    w->last[event->kind] = *event;
}

static inline uint32_t world_decide(void *context, const struct choice_name *name, uint32_t n,
                                    uint64_t hint)
{
    struct world *w = context;
    (void)hint;
    return w->answer ? w->answer(name, n) : 0;
}

/* Registers: EL1&0 with 39-bit ranges, EL2 with 39 bits, stage 2 with 39 bits from level 1. */
static inline void world_registers(struct vmsa_registers *r)
{
    memset(r, 0, sizeof *r);
    r->sctlr_el1 = SCTLR_EL1_M | SCTLR_EL1_C | SCTLR_EL1_I;
    r->sctlr_el2 = SCTLR_EL2_M | SCTLR_EL2_C | SCTLR_EL2_I;
    r->tcr_el1 = field_put(TCR_EL1_T0SZ, 25) | field_put(TCR_EL1_T1SZ, 25) |
                 field_put(TCR_EL1_IPS, 5) | TCR_EL1_AS;
    r->tcr_el2 = field_put(TCR_EL2_T0SZ, 25) | field_put(TCR_EL2_PS, 5);
    r->mair_el1 = r->mair_el2 = UINT64_C(0x00000000004404ff); /* WB, nGnRE, NC, nGnRnE */
    r->vtcr_el2 = field_put(VTCR_EL2_T0SZ, 25) | field_put(VTCR_EL2_SL0, 1) |
                  field_put(VTCR_EL2_PS, 5) | VTCR_EL2_VS;
}

static inline uint64_t world_page(struct world *w)
{
    ensure(w->pages_used < WORLD_RAM_PAGES);
    uint64_t pa = WORLD_RAM_BASE + (uint64_t)w->pages_used++ * PAGE_BYTES;
    memset(w->ram + (pa - WORLD_RAM_BASE), 0, PAGE_BYTES);
    return pa;
}

/* Zeroed memory for a table of `bytes`, aligned to that and at least to a page. */
static inline uint64_t world_table(struct world *w, uint64_t bytes)
{
    uint64_t pages = bytes < PAGE_BYTES ? 1 : bytes / PAGE_BYTES;
    w->pages_used = (uint32_t)align_down(w->pages_used + pages - 1, pages);
    uint64_t pa = world_page(w);
    for (uint64_t i = 1; i < pages; i++)
        world_page(w);
    return pa;
}

static inline struct world *world_new_shaped(uint32_t tlb_entries, const struct tlb_shape *shape)
{
    struct world *w = calloc(1, sizeof *w);
    ensure(w != NULL);
    w->config = (struct mmu_config){.pa_bits = 44,
                                    .vmid_bits = 16,
                                    .asid_bits = 16,
                                    .tlb_entries = tlb_entries,
                                    .cost_walk_step = 10,
                                    .cost_tlb_miss = 5,
                                    .cost_tlb_second = 3};
    if (shape) {
        w->config.shape = *shape;
        w->config.tlb_entries = shape->entries;
    }
    world_registers(&w->registers);
    w->ram = calloc(WORLD_RAM_PAGES, PAGE_BYTES);
    ensure(w->ram != NULL);
    size_t pages = mmu_tlb_pages(&w->config);
    w->memory = cow_new(pages * WORLD_PE_COUNT);
    chooser_init(&w->chooser, CHOICE_DECIDE);
    w->chooser.decide = world_decide;
    w->chooser.decide_context = w;
    w->chooser.open_mask = 1u << CHOICE_TLBI_DELIVER;
    w->clock = (struct event_clock){&w->insn, &w->time, &w->el};
    w->port = (struct port){.owner = w,
                            .read = world_port_read,
                            .write = world_port_write,
                            .peek = world_port_peek};
    events_attach(&w->events, world_hear, w, ~UINT64_C(0));
    for (unsigned i = 0; i < WORLD_PE_COUNT; i++) {
        w->mmu[i] = (struct mmu){.state = &w->state[i],
                                 .memory = w->memory,
                                 .tlb_page = i * pages,
                                 .config = &w->config,
                                 .port = &w->port,
                                 .chooser = &w->chooser,
                                 .counts = &w->counts,
                                 .events = &w->events,
                                 .clock = &w->clock,
                                 .pe = (uint8_t)i};
        mmu_wire(&w->mmu[i]);
    }
    return w;
}

static inline struct world *world_new(uint32_t tlb_entries)
{
    return world_new_shaped(tlb_entries, NULL);
}

static inline void world_free(struct world *w)
{
    for (unsigned i = 0; i < WORLD_PE_COUNT; i++)
        mmu_unwire(&w->mmu[i]);
    chooser_free(&w->chooser);
    cow_free(w->memory);
    free(w->ram);
    free(w);
}

static inline uint64_t *world_descriptor(struct world *w, uint64_t pa)
{
    ensure(pa >= WORLD_RAM_BASE && pa - WORLD_RAM_BASE < WORLD_RAM_PAGES * PAGE_BYTES);
    return (uint64_t *)(void *)(w->ram + (pa - WORLD_RAM_BASE));
}

/*
 * Puts a leaf at `level` for an input below the table at root (PA, of start_level), making the
 * tables between; table_bits go into each table descriptor made. Returns the descriptor's PA.
 */
static inline uint64_t world_map(struct world *w, uint64_t root, unsigned start_level,
                                 uint64_t input, unsigned level, uint64_t leaf,
                                 uint64_t table_bits)
{
    uint64_t table = root;
    input &= bits_ones(48);
    for (unsigned l = start_level;; l++) {
        unsigned shift = 12 + 9 * (3 - l);
        uint64_t index = input >> shift & (l == start_level ? bits_ones(13) : 511);
        if (l == 1 && start_level == 1)
            index = input >> shift & 1023;
        if (l == start_level && start_level == 0)
            index &= 511;
        uint64_t pa = table + index * 8;
        if (l == level) {
            *world_descriptor(w, pa) = leaf;
            return pa;
        }
        if (!(*world_descriptor(w, pa) & 1))
            *world_descriptor(w, pa) = world_page(w) | 3 | table_bits;
        table = *world_descriptor(w, pa) & VMSA_TABLE_ADDRESS;
    }
}

/* The same with any granule; input_bits of the region decide how many entries the start has. */
static inline uint64_t world_map_granule(struct world *w, unsigned page_log2, uint64_t root,
                                         unsigned start_level, unsigned input_bits,
                                         uint64_t input, unsigned level, uint64_t leaf,
                                         uint64_t table_bits)
{
    uint64_t table = root, address = ~bits_ones(page_log2) & bits_ones(48);
    input &= bits_ones(input_bits);
    for (unsigned l = start_level;; l++) {
        unsigned shift = page_log2 + (page_log2 - 3) * (3 - l);
        uint64_t index = input >> shift;
        if (l != start_level)
            index &= bits_ones(page_log2 - 3);
        uint64_t pa = table + index * 8;
        if (l == level) {
            *world_descriptor(w, pa) = leaf;
            return pa;
        }
        if (!(*world_descriptor(w, pa) & 1))
            *world_descriptor(w, pa) =
                world_table(w, UINT64_C(1) << page_log2) | 3 | table_bits;
        table = *world_descriptor(w, pa) & address;
    }
}

#define WORLD_LEAF1 (VMSA_LEAF_AF | field_put(VMSA_LEAF_SH, 3) | 1u)
#define WORLD_LEAF2 \
    (VMSA_S2_LEAF_AF | VMSA_S2_LEAF_S2AP | VMSA_S2_LEAF_MEMATTR | field_put(VMSA_LEAF_SH, 3) | 1u)
#define WORLD_PAGE 2u

/* A page of stage 1 or 2 with full rights; EL0 too. */
static inline uint64_t world_map1(struct world *w, uint64_t root, uint64_t va, uint64_t output,
                                  uint64_t more)
{
    uint64_t leaf = output | WORLD_LEAF1 | WORLD_PAGE | field_put(VMSA_LEAF_AP, 1) | more;
    return world_map(w, root, 1, va & bits_ones(39), 3, leaf, 0);
}

static inline uint64_t world_map2(struct world *w, uint64_t root, uint64_t ipa, uint64_t pa)
{
    return world_map(w, root, 1, ipa, 3, pa | WORLD_LEAF2 | WORLD_PAGE, 0);
}

/* Stage 2 maps the table RAM to itself, in 2 MiB blocks. */
static inline void world_map2_tables(struct world *w, uint64_t root)
{
    for (uint64_t o = 0; o < (uint64_t)WORLD_RAM_PAGES * PAGE_BYTES; o += UINT64_C(1) << 21)
        world_map(w, root, 1, WORLD_RAM_BASE + o, 2, (WORLD_RAM_BASE + o) | WORLD_LEAF2, 0);
}

static inline struct regime world_regime(const struct world *w, enum regime_kind kind)
{
    return regime_make(kind, &w->registers, &w->config);
}

static inline struct mmu_request world_request(uint64_t va, unsigned el)
{
    return (struct mmu_request){.va = va_make(va), .el = (uint8_t)el, .kind = ACCESS_PLAIN};
}

static inline struct translation world_go(struct world *w, unsigned pe, enum regime_kind kind,
                                          const struct mmu_request *request)
{
    struct regime regime = world_regime(w, kind);
    struct translation t;
    mmu_translate(&w->mmu[pe], &regime, request, &t);
    return t;
}

/* A plain read at EL1 (EL2) on a PE. */
static inline struct translation world_read(struct world *w, unsigned pe, uint64_t va)
{
    struct mmu_request request = world_request(va, 1);
    return world_go(w, pe, REGIME_EL10, &request);
}

static inline struct translation world_read_el2(struct world *w, unsigned pe, uint64_t va)
{
    struct mmu_request request = world_request(va, 2);
    return world_go(w, pe, REGIME_EL2, &request);
}

static inline struct walk world_peek(const struct world *w, enum regime_kind kind,
                                     const struct mmu_request *request)
{
    struct regime regime = world_regime(w, kind);
    struct walk walk;
    mmu_peek(&w->mmu[0], &regime, request, &walk);
    return walk;
}

/* A TLBI executed on a PE with the registers now: its message goes to all or to itself. */
static inline uint32_t world_tlbi(struct world *w, unsigned issuer,
                                  enum tlbi_operation operation, uint64_t operand,
                                  unsigned scope)
{
    struct tlbi t = tlbi_make(operation, &w->registers, &w->config, operand, scope, issuer, 2);
    t.message = ++w->messages;
    for (unsigned i = 0; i < WORLD_PE_COUNT; i++)
        if (t.scope != TLBI_LOCAL || i == issuer)
            mmu_tlbi_receive(&w->mmu[i], &t);
    return t.message;
}

static inline void world_dsb(struct world *w, unsigned issuer, bool covers_broadcast)
{
    for (unsigned i = 0; i < WORLD_PE_COUNT; i++)
        mmu_tlbi_finish(&w->mmu[i], issuer, covers_broadcast);
}

static inline bool translation_same(const struct translation *a, const struct translation *b)
{
    return memcmp(&a->fault, &b->fault, sizeof a->fault) == 0 && a->pa.bits == b->pa.bits &&
           a->ipa.bits == b->ipa.bits && a->memory == b->memory &&
           a->shareability == b->shareability && a->permissions == b->permissions &&
           a->size_log2 == b->size_log2;
}
