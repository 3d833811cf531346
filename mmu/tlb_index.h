/*
 * The derived half of a TLB: where entries are by page, which slots are free, who is oldest.
 * Thrown away and rebuilt at any time; nothing that it answers depends on its history.
 */
#pragma once
#include "mmu/walk.h"

/* Stages of entries, as trace.def numbers them. */
#define TLB_STAGE1 1u
#define TLB_STAGE2 2u
#define TLB_COMBINED 3u
#define TLB_TABLE 4u /* added to the above: a walk cache entry */
#define TLB_STAGE_COUNT 8u

#define TLB_NO_SLOT UINT32_MAX

STATE_BEGIN
/* One slot of the array. Serial 0: the slot is free and all its bytes are 0. */
struct tlb_entry {
    struct mapping map;
    uint32_t serial; /* order of filling on this PE */
    uint32_t source; /* the smallest serial of the entries that it was made from, itself included */
    uint16_t vmid, asid;
    uint8_t regime; /* enum regime_kind */
    uint8_t stage;  /* TLB_* */
    uint8_t reserved[2];
    uint32_t made;  /* when, in the version log's time; 0 while there is none */
    uint32_t reserved2;
};
STATE_END

#define TLB_PAGE_ENTRIES 64u
_Static_assert(sizeof(struct tlb_entry) * TLB_PAGE_ENTRIES == PAGE_BYTES,
               "entries fill pages without a rest");

/* What a lookup compares. The VMID is 0 when the planted fault ignores it. */
struct tlb_key {
    uint64_t input;
    uint16_t vmid, asid;
    uint8_t regime, stage;
    uint8_t is_fetch; /* who asks: which first level of a core's TLB has it */
};

struct tlb_index *tlb_index_new(uint32_t capacity, bool ignore_vmid);
void tlb_index_free(struct tlb_index *x);

/* Forgets all entries and pages. */
void tlb_index_clear(struct tlb_index *x);
/* Tells where a page of the array is now. */
void tlb_index_set_page(struct tlb_index *x, size_t page, const uint8_t *bytes);

const struct tlb_entry *tlb_index_entry(const struct tlb_index *x, uint32_t slot);

/* Takes in and forgets the entry that stands in a slot. */
void tlb_index_insert(struct tlb_index *x, uint32_t slot);
void tlb_index_erase(struct tlb_index *x, uint32_t slot);

/* log2 of the bytes that the leaf (or table) descriptor covers, of stage 1 if that is in it. */
static inline unsigned tlb_index_leaf_size(const struct tlb_entry *e)
{
    return e->stage == TLB_COMBINED ? e->map.leaf1_log2 : e->map.size_log2;
}

/* Whether there are combined entries smaller than their stage 1 leaf. */
bool tlb_index_has_pieces(const struct tlb_index *x);

/* The lowest free slot or TLB_NO_SLOT. */
uint32_t tlb_index_free_slot(const struct tlb_index *x);
/* The valid slot with the smallest serial; there must be one. */
uint32_t tlb_index_oldest(struct tlb_index *x);

/*
 * Entries that translate key->input, oldest first: no more than a global one and one of the ASID
 * for each size.
 */
#define TLB_MATCH_MAX 24u
unsigned tlb_index_match(const struct tlb_index *x, const struct tlb_key *key,
                         uint32_t slots[TLB_MATCH_MAX]);

/* The entry with the smallest size, then serial, that covers key->input, or TLB_NO_SLOT. */
uint32_t tlb_index_nearest(const struct tlb_index *x, const struct tlb_key *key);

/* Slots of entries of one stage that cover an address, of any ASID; appended in no order. */
unsigned tlb_index_gather(const struct tlb_index *x, const struct tlb_key *key, uint32_t *slots);

/* All valid slots in ascending order; and any slots sorted by serial. Scratch: capacity slots. */
unsigned tlb_index_valid(const struct tlb_index *x, uint32_t *slots);
void tlb_index_sort(const struct tlb_index *x, uint32_t *slots, unsigned count);
uint32_t *tlb_index_scratch(const struct tlb_index *x);
/* Another one for observers, who may look in the middle of a removal. */
uint32_t *tlb_index_scratch_observer(const struct tlb_index *x);
