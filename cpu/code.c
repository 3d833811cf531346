/*
 * The cache of decoded code: pages by physical address, compared with RAM again after a restore,
 * dropped by a store to a word that had been decoded.
 *
 * Models no instruction cache: with caches off, a fetch sees what RAM holds. What IC IVAU leaves
 * stale is a matter of the instruction-cache model (choice icache-stale), which stands before this.
 *
 * DDI 0487: "Instruction caches", "Implications of the instruction and data caches being separate".
 */
#include "cpu/code.h"
#include "cpu/hot/hot.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS (CODE_WORDS + 1u)

struct code_cache *code_new(void)
{
    struct code_cache *code = calloc(1, sizeof *code);
    ensure(code != NULL);
    code->blank = calloc(SLOTS, sizeof *code->blank);
    ensure(code->blank != NULL);
    code->stamp = 1;
    code->most = CODE_PAGES_MAX;
    return code;
}

static void pages_free(struct code_cache *code)
{
    for (unsigned i = 0; i < CODE_BUCKETS; i++) {
        struct code_page *page = code->bucket[i];
        while (page) {
            struct code_page *next = page->next;
            for (unsigned set = 0; set < CODE_SETS; set++)
                free(page->slots[set]);
            free(page);
            page = next;
        }
        code->bucket[i] = NULL;
    }
    code->count = 0;
    code->epoch++;
}

void code_free(struct code_cache *code)
{
    if (!code)
        return;
    pages_free(code);
    free(code->blank);
    free(code);
}

static struct code_page **bucket_of(struct code_cache *code, uint64_t pa)
{
    return &code->bucket[(pa >> PAGE_SHIFT) % CODE_BUCKETS];
}

static struct code_page *page_at(struct code_cache *code, uint64_t pa)
{
    struct code_page *page = *bucket_of(code, pa);
    while (page && page->pa != pa)
        page = page->next;
    return page;
}

/* Nothing of the page counts as decoded any more. Its memory stays: somebody may run in it. */
static void page_drop(struct code_cache *code, struct code_page *page)
{
    memset(page->op, 0, sizeof page->op);
    for (unsigned set = 0; set < CODE_SETS; set++) {
        if (page->slots[set])
            memcpy(page->slots[set], code->blank, SLOTS * sizeof *code->blank);
    }
    code->epoch++;
}

/* Words from..to are now those of bytes; true if one that was decoded has changed. */
static bool words_take(struct code_page *page, unsigned from, unsigned to, const uint8_t *bytes)
{
    bool changed = false;
    for (unsigned i = from; i <= to; i++) {
        uint32_t word;
        memcpy(&word, bytes + 4 * i, sizeof word);
        changed |= page->op[i] != 0 && page->word[i] != word;
        page->word[i] = word;
    }
    return changed;
}

static struct code_page *page_make(struct code_cache *code, uint64_t pa, const uint8_t *bytes)
{
    if (code->count == code->most)
        pages_free(code);
    struct code_page *page = calloc(1, sizeof *page);
    ensure(page != NULL);
    struct code_page **bucket = bucket_of(code, pa);
    page->pa = pa;
    page->next = *bucket;
    memcpy(page->word, bytes, PAGE_BYTES);
    *bucket = page;
    code->count++;
    return page;
}

struct code_page *code_find(struct code_cache *code, const struct port *port, pa_t pa)
{
    struct code_page *page = page_at(code, pa.bits);
    if (page && page->stamp == code->stamp)
        return page;
    uint8_t told = 0;
    const uint8_t *bytes = port->code(port->owner, pa, &told);
    if (!bytes)
        return NULL;
    if (!page)
        page = page_make(code, pa.bits, bytes);
    else if (memcmp(page->word, bytes, PAGE_BYTES) != 0 &&
             words_take(page, 0, CODE_WORDS - 1, bytes))
        page_drop(code, page);
    page->stamp = code->stamp;
    page->told = told;
    return page;
}

/*
 * The break point is in a page whose slots come into use there. What has been decoded goes: runs
 * are to end before it, and no pair to reach over it. A word that has no hot form stops anyway.
 */
static void slots_break(struct code_cache *code, struct code_page *page, struct hot_slot *slots)
{
    struct hot_slot *at = &slots[(code->break_pc & (PAGE_BYTES - 1)) / 4];
    if (at->go == hot_stop)
        return;
    memcpy(slots, code->blank, SLOTS * sizeof *code->blank);
    at->go = hot_stop;
    page->has_break = true;
}

struct hot_slot *code_slots(struct code_cache *code, struct code_page *page, unsigned stack,
                            bool asks, uint64_t va)
{
    struct hot_slot **slots = &page->slots[asks ? CODE_STACKS + stack : stack];
    if (!*slots) {
        *slots = malloc(SLOTS * sizeof *code->blank);
        ensure(*slots != NULL);
        memcpy(*slots, code->blank, SLOTS * sizeof *code->blank);
    }
    if (code->break_on && ((va ^ code->break_pc) & code->break_mask) < PAGE_BYTES)
        slots_break(code, page, *slots);
    return *slots;
}

void code_break_at(struct code_cache *code, bool on, uint64_t pc, uint64_t mask)
{
    if (code->break_on == on && (!on || (code->break_pc == pc && code->break_mask == mask)))
        return;
    code->break_on = on;
    code->break_pc = pc;
    code->break_mask = mask;
    for (unsigned i = 0; i < CODE_BUCKETS; i++) {
        for (struct code_page *page = code->bucket[i]; page; page = page->next) {
            if (page->has_break)
                page_drop(code, page);
            page->has_break = false;
        }
    }
    code->epoch++; /* whoever has slots asks for them again */
}

bool code_written(struct code_cache *code, pa_t pa, size_t size, const uint8_t *bytes)
{
    uint64_t offset = pa.bits & (PAGE_BYTES - 1);
    ensure(size >= 1 && offset + size <= PAGE_BYTES);
    struct code_page *page = page_at(code, align_down(pa.bits, PAGE_BYTES));
    if (!page)
        return false;
    if (!words_take(page, (unsigned)(offset / 4), (unsigned)((offset + size - 1) / 4), bytes))
        return true;
    page_drop(code, page);
    page->stamp = 0; /* while it is not watched its words are not kept up either */
    code->dropped++;
    return false;
}

void code_forget(struct code_cache *code, pa_t pa)
{
    struct code_page *page = page_at(code, pa.bits);
    if (!page)
        return;
    page_drop(code, page);
    page->stamp = 0;
    code->dropped++;
}

void code_restored(struct code_cache *code)
{
    code->stamp++;
    code->epoch++;
}
