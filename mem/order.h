/*
 * The order in which a PE's accesses to memory become visible to others: stores that wait in a
 * buffer (buffer.c), loads, walks and fetches that take an older value (history.c), and what
 * holds them to an order (view.c). It stands above caches and RAM; off, it is not there at all.
 *
 * The rules, by their names in DDI 0487 B2.3 ("Ordering relation", "External visibility
 * requirement"); each has a test of that name in tests/unit/order_*.c:
 *
 *  other-multi-copy-atomic  a store is seen by its own PE first, then by all others at once
 *  internal-visibility      a PE's load gives its own youngest store, or something newer
 *  coherence                stores to overlapping bytes of one PE are seen in program order
 *  barrier-ordered          DMB, DSB, LDAR, STLR as listed at struct order_views and in view.c
 *  dependency               address, data and control dependencies, and forwarding behind them
 *  walk-is-an-observer      a walk or fetch sees its own PE's stores behind a DSB (of any domain)
 *                           and a context synchronization event, not before
 *  tlbi-completes           the DSB behind a TLBI finishes the stores that used what it removed
 *
 * Weaker than the architecture allows nowhere. Stronger, so that these outcomes never come:
 *  - a store never passes a load before it (no LB, nor what rests on it: no promises);
 *  - exclusives and atomic accesses take and leave the newest value when they execute, so that no
 *    later store passes them;
 *  - the bytes of one access come from one time, also where the architecture makes two of it;
 *  - vector registers share one view, and so do system registers and the stack pointers;
 *  - every observer is inside the inner shareable domain: ISH, OSH and SY are one, NSH is the PE.
 */
#pragma once
#include "sim/base/base.h"
#include "sim/base/choice.h"
#include "sim/base/event.h"
#include "sim/base/port.h"

#define ORDER_STORE_MAX 64u    /* stores that a PE's buffer holds, at most */
#define ORDER_HISTORY_MAX 256u /* writes that are remembered, at most */
#define ORDER_ENTRY_MAX 32u    /* TLB entries of a PE whose view is remembered one by one */

/* What has a view of its own: X0..X30, the stack pointers, NZCV, vectors, system registers. */
enum order_cell {
    ORDER_SP = 31,
    ORDER_NZCV,
    ORDER_VECTOR,
    ORDER_SYSTEM,
    ORDER_CELL_COUNT
};

/* Whom an instruction's registers concern: sets of enum order_cell. */
struct order_operands {
    uint64_t address; /* the address of an access is made of these */
    uint64_t data;    /* a stored value */
    uint64_t branch;  /* where execution goes on */
    uint64_t source;  /* what it computes, beside what it loads */
    uint64_t target;  /* takes the view of source and of all that was loaded */
    uint64_t base;    /* takes the view of address: write-back */
    uint64_t status;  /* STXR's result: depends on nothing */
};

/* A DSB has completed a store for its own PE; behind a context synchronization event its walks
   and fetches see it. */
#define ORDER_OWN_NOT 0u
#define ORDER_OWN_COMPLETE 1u
#define ORDER_OWN_SEEN 2u

STATE_BEGIN
/* A store that has been executed and that only its own PE sees. */
struct order_store {
    uint64_t number; /* its place among the stores of all PEs as they were executed, from 1 */
    uint64_t va, pa;
    uint64_t value[2];
    uint64_t insn;  /* of its PE when it was executed */
    uint64_t view;  /* of what its address and data depend on */
    uint32_t entry; /* TLB entry that translated it; 0: none */
    uint32_t group; /* store barriers of its PE before it */
    uint8_t size, memory, shareability, el;
    uint8_t release;   /* STLR: all stores before it go first */
    uint8_t own;       /* ORDER_OWN_*: what a DSB NSH has done for the PE's walks and fetches */
    uint8_t condemned; /* a TLBI has removed entry: it goes before that TLBI's DSB is over;
                          2: with the erratum tlbi-stores it has not, but before the next one's */
    uint8_t put_off;   /* how often it was asked for and not visible yet */
};

/* A write that has become visible, and what it wrote over. */
struct order_record {
    uint64_t time; /* from 1, one more for each write */
    uint64_t pa;
    uint8_t old[16], new[16];
    uint64_t view; /* of the store, for its own PE's loads */
    uint8_t size;
    uint8_t pe;        /* PE_COUNT_MAX: no PE */
    uint8_t seen;      /* PEs that have read or written this or something newer there */
    uint8_t exclusive; /* written by an exclusive or atomic access */
    uint8_t reserved[4];
};

/* What a PE knows: times of writes, before which its reads may not look any more; see view.c. */
struct order_views {
    uint64_t cell[ORDER_CELL_COUNT];
    uint64_t control;    /* branch conditions and addresses so far */
    uint64_t read_old;   /* newest of what loads so far have seen */
    uint64_t write_old;  /* newest store of its own that is visible */
    uint64_t release;    /* newest STLR of its own that is visible */
    uint64_t read_new;   /* no load looks before this */
    uint64_t complete;   /* what a DSB has completed */
    uint64_t translated; /* what the walks of instructions so far have read */
    uint64_t observer;   /* no walk or fetch looks before this */
    uint64_t event;      /* when an event for WFE or an interrupt came last */
    uint64_t tlbi;       /* what was complete when its last TLBI was issued */
    uint64_t address, data, loaded; /* of the instruction under way */
    uint64_t walked;     /* of the walks of the instruction under way */
    uint64_t entry_rest; /* of TLB entries that have no place below */
    uint64_t entry_view[ORDER_ENTRY_MAX];
    uint32_t entry[ORDER_ENTRY_MAX]; /* serial numbers; 0: free */
    uint32_t entry_next;
    uint32_t reserved;
};

struct order_pe {
    uint32_t count; /* stores that wait, oldest first */
    uint32_t group; /* store barriers so far */
    uint32_t owes_tlbi; /* TLBIs since the last DSB that completes them; 2: broadcast ones */
    uint32_t reserved;
    struct order_store store[ORDER_STORE_MAX];
    struct order_views views;
};

struct order_state {
    uint64_t number; /* stores executed while buffers are on */
    uint64_t time;   /* writes that have become visible */
    uint32_t first, count; /* of the ring of records */
    struct order_record record[ORDER_HISTORY_MAX];
    struct order_pe pe[PE_COUNT_MAX];
};
STATE_END

/* Caches and RAM, and the rest of the machine, as this part sees them. */
struct order_below {
    void *owner;
    void (*read)(void *owner, const struct access *access, uint64_t value[2]);
    enum port_result (*write)(void *owner, const struct access *access, const uint64_t value[2]);
    /* What a read would give, without side effects. */
    void (*peek)(void *owner, pa_t pa, void *bytes, size_t size);
    /* Whether a visible store there would be noticed: another PE's monitor is armed. */
    bool (*watches)(void *owner, const struct access *access);
};

/* What a PE's events carry in their heads. */
struct order_clock {
    const uint64_t *insn, *time;
    const uint8_t *el;
};

/* Wiring, made by the machine. */
struct order {
    struct order_state *state;
    uint32_t pe_count;
    uint32_t capacity; /* of each store buffer; 0: stores do not wait */
    uint32_t history;  /* writes remembered; 0: nothing older is read */
    bool late_stores;  /* erratum tlbi-stores */
    struct order_below below;
    struct chooser *chooser;
    struct choice_counts *counts;
    struct events *events;
    struct order_clock clock[PE_COUNT_MAX];
    /* Scratch of one observation: numbers of the stores that it has found not visible yet. */
    uint64_t put_off[PE_COUNT_MAX * ORDER_STORE_MAX];
    unsigned put_off_count;
};

/* Bytes of the state in use. */
size_t order_state_bytes(const struct order *o);

/* An access to RAM. DMA has access.pe PE_COUNT_MAX. */
void order_read(struct order *o, const struct access *access, uint64_t value[2]);
enum port_result order_write(struct order *o, const struct access *access,
                             const uint64_t value[2]);

/* An access to a device is about to be done: stores that a barrier puts before it go. */
void order_device(struct order *o, const struct access *access);

/* DMB (crm as encoded), DSB. The latter before the DSB's TLBIs are finished. */
void order_dmb(struct order *o, unsigned pe, unsigned crm);
void order_dsb(struct order *o, unsigned pe, unsigned crm);

/* A context synchronization event: ISB, exception, exception return. */
void order_synchronize(struct order *o, unsigned pe);

/* An event for WFE reaches a PE, or an interrupt line of it rises; it takes that. */
void order_event(struct order *o, unsigned pe);
void order_woken(struct order *o, unsigned pe);

/* DC by address, before it is done: the PE's own stores to its line go first. */
void order_clean(struct order *o, unsigned pe, pa_t pa);

/* A TLBI is issued. */
void order_tlbi(struct order *o, unsigned pe, bool broadcast);
/* Whether a broadcast one awaits a DSB of its PE. */
bool order_owes_tlbi(const struct order *o, unsigned pe);
/* An invalidation has been delivered to pe. */
void order_tlbi_delivered(struct order *o, unsigned pe, unsigned issuer);
/* A DSB of issuer finishes TLBIs at pe: stores that used a removed entry go. */
void order_tlbi_finish(struct order *o, unsigned pe, unsigned issuer);
/* ... and all of them are finished, everywhere. */
void order_tlbi_done(struct order *o, unsigned issuer);

/* TLB entries of a PE: made by a walk, used, and gone (by a TLBI, or for another reason). */
void order_entry_made(struct order *o, unsigned pe, uint32_t entry);
void order_entry_used(struct order *o, unsigned pe, uint32_t entry);
void order_entry_gone(struct order *o, unsigned pe, uint32_t entry, bool invalidated);

/* Somebody outside of the machine is about to read bytes. */
void order_look(struct order *o, pa_t pa, size_t size);

/* All stores of a PE, or of all, become visible. False: there was none. */
bool order_drain(struct order *o, unsigned pe);
bool order_drain_all(struct order *o);

/* Around each instruction of a PE, while load-early is open; completed: not ended by a fault. */
void order_instruction_begin(struct order *o, unsigned pe, const struct order_operands *operands);
void order_instruction_end(struct order *o, unsigned pe, const struct order_operands *operands,
                           bool completed);
