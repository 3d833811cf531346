/*
 * Decoded code, by physical page: what the fetch of a word means, kept as long as the word stays.
 * Derived data, one cache for all PEs of a machine; it is keyed by the content of RAM, so that it
 * survives a restore wherever the page is the same again.
 *
 * The port watches a page from which something was decoded: it hands out no writable pointers to
 * it and tells of every store there (code_written). Instruction set is A64 only; what else a
 * decoded form depends on - the stack pointer in use, whether visible operations are asked about -
 * picks one of CODE_SETS sets of slots.
 * Which virtual address leads to a page, and for which EL and regime, is direct.h's matter.
 */
#pragma once
#include "gen/a64.h"
#include "sim/base/port.h"

#define CODE_WORDS (PAGE_BYTES / 4u)
#define CODE_STACKS 3u /* SP_EL0, SP_EL1, SP_EL2 */
#define CODE_SETS (2 * CODE_STACKS) /* of slots; the second half asks about visible operations */
#define CODE_PAGES_MAX 4096u /* what a kernel, its guest and their programs run at a time */
#define CODE_BUCKETS 1024u

struct hot_slot; /* cpu/hot/hot.h */

struct code_page {
    uint64_t pa;
    uint64_t stamp;         /* the cache's when the words were last seen to be those in RAM */
    struct code_page *next; /* in its bucket */
    uint8_t told; /* bit per Exception level that no pointer here is kept for; struct port */
    struct hot_slot *slots[CODE_SETS]; /* CODE_WORDS and one more; NULL: not asked for yet */
    bool has_break; /* a slot is one to stop before because of a break point */
    uint16_t op[CODE_WORDS];   /* enum a64_op + 1; 0: nobody has asked */
    uint32_t word[CODE_WORDS]; /* the page's bytes */
};

struct code_cache {
    uint64_t epoch; /* grows when a pointer to decoded code may be stale */
    uint64_t stamp; /* grows when all of RAM may have changed (a restore) */
    uint64_t dropped; /* pages whose decoded code was dropped because of a store, for tests */
    struct hot_slot *blank; /* what a set of slots is when nothing is decoded; the fast engine's */
    bool break_on;
    uint64_t break_pc, break_mask;
    unsigned count, most; /* pages; CODE_PAGES_MAX but for tests */
    struct code_page *bucket[CODE_BUCKETS];
};

struct code_cache *code_new(void);
void code_free(struct code_cache *code);

/*
 * The page of RAM at pa with its words as they are now; NULL where the port does not let code be
 * kept. The pointer is good while epoch stays.
 */
struct code_page *code_find(struct code_cache *code, const struct port *port, pa_t pa);

/*
 * The set of slots for a stack pointer, all as *blank at first; see cpu/hot/hot.h. It is to be
 * executed at the page of va, so that the hot half stops before the break point if that is there.
 */
struct hot_slot *code_slots(struct code_cache *code, struct code_page *page, unsigned stack,
                            bool asks, uint64_t va);

/*
 * Before whatever is executed at this virtual address the hot half stops, for the engine's loop to
 * look whether that is the end of its budget. Bits that are not in the mask do not count: all do,
 * or those within a page. One address at a time; free while it stays.
 */
void code_break_at(struct code_cache *code, bool on, uint64_t pc, uint64_t mask);

/* The row that word i of the page decodes to. */
static inline enum a64_op code_op(struct code_page *page, unsigned i)
{
    if (__builtin_expect(page->op[i] == 0, 0))
        page->op[i] = (uint16_t)(a64_decode(page->word[i]) + 1u);
    return (enum a64_op)(page->op[i] - 1u);
}

/*
 * Bytes pa .. pa+size-1 of a watched page have been written; bytes is the page as it now is. Drops
 * what was decoded if a decoded word has changed. False: nothing decoded is left, the page need
 * not be watched any more.
 */
bool code_written(struct code_cache *code, pa_t pa, size_t size, const uint8_t *bytes);

/* Nothing of the page is kept any more: whoever fetches there asks the port first. */
void code_forget(struct code_cache *code, pa_t pa);

/* All of RAM may have changed: pages are compared again before they are used. */
void code_restored(struct code_cache *code);
