/*
 * Checker bbm: pools of table pages and of records of changed descriptors, each with buckets by
 * address. All bytes; numbers instead of pointers.
 *
 * What is beyond the pools is not judged. DDI 0487: the tables of VMSAv8-64.
 */
#include "sim/check/check_states.h"

#include <string.h>

static unsigned bucket_of(uint64_t pa, unsigned count)
{
    return (unsigned)(hash_mix(pa) % count);
}

void bbm_bit_set(uint64_t *bits, unsigned i, bool value)
{
    uint64_t bit = UINT64_C(1) << i % 64;
    bits[i / 64] = value ? bits[i / 64] | bit : bits[i / 64] & ~bit;
}

bool bbm_bits_any(const uint64_t *bits)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < BBM_WORDS / 64; i++)
        any |= bits[i];
    return any != 0;
}

struct bbm_page *bbm_page_find(struct bbm_state *b, uint64_t pa)
{
    uint64_t key = align_down(pa, PAGE_BYTES) | 1;
    unsigned n = b->page_bucket[bucket_of(key, BBM_BUCKETS)];
    for (; n != 0; n = b->page[n - 1].next) {
        if (b->page[n - 1].pa == key)
            return &b->page[n - 1];
    }
    return NULL;
}

struct bbm_page *bbm_page_add(struct bbm_state *b, uint64_t pa)
{
    if (b->page_count == b->room)
        return NULL;
    unsigned n = b->page_free;
    while (n < b->page_top && b->page[n].pa != 0)
        n++;
    if (n == b->page_top)
        b->page_top++;
    b->page_free = n + 1;
    struct bbm_page *page = &b->page[n];
    memset(page, 0, sizeof *page);
    page->pa = align_down(pa, PAGE_BYTES) | 1;
    uint16_t *bucket = &b->page_bucket[bucket_of(page->pa, BBM_BUCKETS)];
    page->next = *bucket;
    *bucket = (uint16_t)(n + 1);
    b->page_count++;
    return page;
}

void bbm_page_drop(struct checks *c, struct bbm_page *page)
{
    struct bbm_state *b = c->own[CHECK_BBM];
    uint16_t n = (uint16_t)(page - b->page + 1);
    for (unsigned i = 0; b->record_count != 0 && i < b->record_top; i++) {
        if (bbm_records(b)[i].pa != 0 && bbm_records(b)[i].page + 1u == n)
            bbm_record_remove(b, &bbm_records(b)[i]);
    }
    uint16_t *link = &b->page_bucket[bucket_of(page->pa, BBM_BUCKETS)];
    while (*link != n)
        link = &b->page[*link - 1].next;
    *link = page->next;
    machine_watch_page(c->machine, pa_make(page->pa - 1), WATCHER_BBM, false);
    memset(page, 0, sizeof *page);
    b->page_count--;
    if (n - 1u < b->page_free)
        b->page_free = n - 1u;
}

struct bbm_record *bbm_record_find(struct bbm_state *b, uint64_t pa)
{
    unsigned n = b->record_count ? b->record_bucket[bucket_of(pa | 1, BBM_RECORD_BUCKETS)] : 0;
    for (; n != 0; n = bbm_records(b)[n - 1].next) {
        if (bbm_records(b)[n - 1].pa == (pa | 1))
            return &bbm_records(b)[n - 1];
    }
    return NULL;
}

struct bbm_record *bbm_record_add(struct bbm_state *b, uint64_t pa, const struct bbm_page *page)
{
    unsigned n = 0;
    while (n < b->record_top && bbm_records(b)[n].pa != 0)
        n++;
    if (n == b->room)
        return NULL;
    if (n == b->record_top)
        b->record_top++;
    struct bbm_record *r = &bbm_records(b)[n];
    memset(r, 0, sizeof *r);
    r->pa = pa | 1;
    r->page = (uint16_t)(page - b->page);
    uint16_t *bucket = &b->record_bucket[bucket_of(r->pa, BBM_RECORD_BUCKETS)];
    r->next = *bucket;
    *bucket = (uint16_t)(n + 1);
    b->record_count++;
    return r;
}

/* What it took out of the tables, if anything, is no longer known to hang on it. */
void bbm_record_remove(struct bbm_state *b, struct bbm_record *r)
{
    uint16_t n = (uint16_t)(r - bbm_records(b) + 1);
    for (unsigned i = 0; bbm_is_table(bbm_page_of(b, r), r->old) && i < b->page_top; i++) {
        if (b->page[i].unlinked == n)
            b->page[i].unlinked = 0;
    }
    uint16_t *link = &b->record_bucket[bucket_of(r->pa, BBM_RECORD_BUCKETS)];
    while (*link != n)
        link = &bbm_records(b)[*link - 1].next;
    *link = r->next;
    if (r->state == BBM_SUSPECT)
        b->suspect_count--;
    memset(r, 0, sizeof *r);
    b->record_count--;
    while (b->record_top != 0 && bbm_records(b)[b->record_top - 1].pa == 0)
        b->record_top--;
}

struct bbm_page *bbm_page_of(struct bbm_state *b, const struct bbm_record *r)
{
    return &b->page[r->page];
}
