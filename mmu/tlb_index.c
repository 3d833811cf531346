/*
 * Finding TLB entries: a hash by (stage, regime, VMID, size, page) with chains, a bitmap of used
 * slots, and a list by age that is only made once the TLB is full.
 *
 * Derived data. Chains stand in the order of insertion, which a restore changes; so everything
 * that leaves this file is ordered by serial number or slot.
 */
#include "mmu/tlb_index.h"

#include <stdlib.h>
#include <string.h>

/*
 * Sizes of entries, as log2: pages, blocks and contiguous sets of the three granules, and what
 * tables above these cover.
 */
#define SIZE_COUNT 12u
static const uint8_t shift_of[SIZE_COUNT] = {12, 14, 16, 21, 25, 29, 30, 34, 36, 39, 42, 47};
#define SHIFT_MAX 47u
static const uint8_t class_of[SHIFT_MAX + 1] = {
    [12] = 0, [14] = 1, [16] = 2, [21] = 3, [25] = 4,  [29] = 5,
    [30] = 6, [34] = 7, [36] = 8, [39] = 9, [42] = 10, [47] = 11,
};

struct bucket {
    uint32_t stamp; /* another stamp than the index's: empty */
    uint32_t head;  /* slot */
};

struct aged {
    uint32_t slot, serial;
};

struct tlb_index {
    uint32_t capacity, bucket_mask, stamp;
    bool ignore_vmid;
    const struct tlb_entry **pages;
    struct bucket *buckets;
    uint32_t *next; /* by slot */
    uint64_t *used; /* bit by slot */
    uint32_t used_words;
    uint32_t counts[TLB_STAGE_COUNT][SIZE_COUNT];
    uint32_t pieces; /* combined entries smaller than their stage 1 leaf */
    uint16_t present[TLB_STAGE_COUNT]; /* bit by size: counts is not 0 */
    uint32_t *scratch, *scratch_observer;
    struct aged *age; /* oldest first, with gaps where entries have gone */
    uint32_t age_first, age_count, age_capacity;
    bool age_ready;
};

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    ensure(memory != NULL);
    return memory;
}

struct tlb_index *tlb_index_new(uint32_t capacity, bool ignore_vmid)
{
    ensure(capacity >= 1 && capacity < UINT32_C(1) << 30);
    struct tlb_index *x = zeroed(1, sizeof *x);
    uint32_t buckets = 16;
    while (buckets < capacity * 2)
        buckets *= 2;
    x->capacity = capacity;
    x->bucket_mask = buckets - 1;
    x->stamp = 1;
    x->ignore_vmid = ignore_vmid;
    x->pages = zeroed(capacity / TLB_PAGE_ENTRIES + 1, sizeof *x->pages);
    x->buckets = zeroed(buckets, sizeof *x->buckets);
    x->next = zeroed(capacity, sizeof *x->next);
    x->used_words = (capacity + 63) / 64;
    x->used = zeroed(x->used_words, sizeof *x->used);
    x->scratch = zeroed(capacity, sizeof *x->scratch);
    x->scratch_observer = zeroed(capacity, sizeof *x->scratch_observer);
    x->age_capacity = capacity * 2;
    x->age = zeroed(x->age_capacity, sizeof *x->age);
    return x;
}

void tlb_index_free(struct tlb_index *x)
{
    if (x == NULL)
        return;
    free(x->pages);
    free(x->buckets);
    free(x->next);
    free(x->used);
    free(x->scratch);
    free(x->scratch_observer);
    free(x->age);
    free(x);
}

void tlb_index_clear(struct tlb_index *x)
{
    if (++x->stamp == 0) {
        memset(x->buckets, 0, (x->bucket_mask + (size_t)1) * sizeof *x->buckets);
        x->stamp = 1;
    }
    memset(x->used, 0, x->used_words * sizeof *x->used);
    memset(x->counts, 0, sizeof x->counts);
    memset(x->present, 0, sizeof x->present);
    x->pieces = 0;
    memset(x->pages, 0, (x->capacity / TLB_PAGE_ENTRIES + 1) * sizeof *x->pages);
    x->age_ready = false;
}

void tlb_index_set_page(struct tlb_index *x, size_t page, const uint8_t *bytes)
{
    x->pages[page] = (const struct tlb_entry *)(const void *)bytes;
}

static inline const struct tlb_entry *entry_at(const struct tlb_index *x, uint32_t slot)
{
    return &x->pages[slot / TLB_PAGE_ENTRIES][slot % TLB_PAGE_ENTRIES];
}

const struct tlb_entry *tlb_index_entry(const struct tlb_index *x, uint32_t slot)
{
    return entry_at(x, slot);
}

static unsigned size_class(unsigned size_log2)
{
    unsigned class = class_of[size_log2];
    ensure(shift_of[class] == size_log2);
    return class;
}

static unsigned class_shift(unsigned class)
{
    return shift_of[class];
}

static uint32_t bucket_of(const struct tlb_index *x, const struct tlb_key *key, unsigned class)
{
    uint64_t vmid = x->ignore_vmid ? 0 : key->vmid;
    uint64_t tag = vmid << 9 | (uint64_t)key->regime << 7 | (uint64_t)key->stage << 4 | class;
    uint64_t h = (key->input >> class_shift(class)) + tag * UINT64_C(0x9e3779b97f4a7c15);
    h *= UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(h >> 32) & x->bucket_mask;
}

static uint32_t chain_head(const struct tlb_index *x, uint32_t bucket)
{
    const struct bucket *b = &x->buckets[bucket];
    return b->stamp == x->stamp ? b->head : TLB_NO_SLOT;
}

/* All tags but the ASID. */
static bool covers(const struct tlb_index *x, const struct tlb_entry *e,
                   const struct tlb_key *key, unsigned class)
{
    unsigned shift = class_shift(class);
    return (e->map.input ^ key->input) >> shift == 0 && e->map.size_log2 == shift &&
           e->stage == key->stage && e->regime == key->regime &&
           (e->vmid == key->vmid || x->ignore_vmid);
}

static struct tlb_key key_of(const struct tlb_entry *e)
{
    return (struct tlb_key){e->map.input, e->vmid, e->asid, e->regime, e->stage, 0};
}

static void age_append(struct tlb_index *x, uint32_t slot)
{
    if (!x->age_ready)
        return;
    if (x->age_count == x->age_capacity) {
        x->age_ready = false; /* mostly gaps: made anew when it is asked for */
        return;
    }
    x->age[x->age_count++] = (struct aged){slot, entry_at(x, slot)->serial};
}

void tlb_index_insert(struct tlb_index *x, uint32_t slot)
{
    const struct tlb_entry *e = entry_at(x, slot);
    struct tlb_key key = key_of(e);
    unsigned class = size_class(e->map.size_log2);
    uint32_t bucket = bucket_of(x, &key, class);
    x->next[slot] = chain_head(x, bucket);
    x->buckets[bucket] = (struct bucket){x->stamp, slot};
    x->used[slot / 64] |= UINT64_C(1) << slot % 64;
    x->counts[e->stage][class]++;
    x->present[e->stage] |= (uint16_t)(1u << class);
    x->pieces += tlb_index_leaf_size(e) != e->map.size_log2;
    age_append(x, slot);
}

void tlb_index_erase(struct tlb_index *x, uint32_t slot)
{
    const struct tlb_entry *e = entry_at(x, slot);
    struct tlb_key key = key_of(e);
    unsigned class = size_class(e->map.size_log2);
    uint32_t *link = &x->buckets[bucket_of(x, &key, class)].head;
    while (*link != slot)
        link = &x->next[*link];
    *link = x->next[slot];
    x->used[slot / 64] &= ~(UINT64_C(1) << slot % 64);
    if (--x->counts[e->stage][class] == 0)
        x->present[e->stage] &= (uint16_t) ~(1u << class);
    x->pieces -= tlb_index_leaf_size(e) != e->map.size_log2;
}

bool tlb_index_has_pieces(const struct tlb_index *x)
{
    return x->pieces != 0;
}

uint32_t tlb_index_free_slot(const struct tlb_index *x)
{
    for (uint32_t word = 0; word < x->used_words; word++) {
        if (~x->used[word] == 0)
            continue;
        uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(~x->used[word]);
        return slot < x->capacity ? slot : TLB_NO_SLOT;
    }
    return TLB_NO_SLOT;
}

unsigned tlb_index_valid(const struct tlb_index *x, uint32_t *slots)
{
    unsigned count = 0;
    for (uint32_t word = 0; word < x->used_words; word++)
        for (uint64_t left = x->used[word]; left != 0; left &= left - 1)
            slots[count++] = word * 64 + (uint32_t)__builtin_ctzll(left);
    return count;
}

static uint32_t serial_of(const struct tlb_index *x, uint32_t slot)
{
    return entry_at(x, slot)->serial;
}

/* One element of a heap whose largest serial is at the top sinks to its place. */
static void heap_sink(const struct tlb_index *x, uint32_t *slots, unsigned count, unsigned i)
{
    uint32_t slot = slots[i];
    for (;;) {
        unsigned child = 2 * i + 1;
        if (child >= count)
            break;
        if (child + 1 < count && serial_of(x, slots[child + 1]) > serial_of(x, slots[child]))
            child++;
        if (serial_of(x, slots[child]) <= serial_of(x, slot))
            break;
        slots[i] = slots[child];
        i = child;
    }
    slots[i] = slot;
}

void tlb_index_sort(const struct tlb_index *x, uint32_t *slots, unsigned count)
{
    for (unsigned i = count / 2; i-- > 0;)
        heap_sink(x, slots, count, i);
    for (unsigned end = count; end > 1; end--) {
        uint32_t largest = slots[0];
        slots[0] = slots[end - 1];
        slots[end - 1] = largest;
        heap_sink(x, slots, end - 1, 0);
    }
}

uint32_t *tlb_index_scratch(const struct tlb_index *x)
{
    return x->scratch;
}

uint32_t *tlb_index_scratch_observer(const struct tlb_index *x)
{
    return x->scratch_observer;
}

static void age_make(struct tlb_index *x)
{
    unsigned count = tlb_index_valid(x, x->scratch);
    tlb_index_sort(x, x->scratch, count);
    for (unsigned i = 0; i < count; i++)
        x->age[i] = (struct aged){x->scratch[i], serial_of(x, x->scratch[i])};
    x->age_first = 0;
    x->age_count = count;
    x->age_ready = true;
}

uint32_t tlb_index_oldest(struct tlb_index *x)
{
    if (!x->age_ready)
        age_make(x);
    for (; x->age_first < x->age_count; x->age_first++) {
        struct aged a = x->age[x->age_first];
        bool used = x->used[a.slot / 64] >> a.slot % 64 & 1u;
        if (used && serial_of(x, a.slot) == a.serial)
            return a.slot;
    }
    bug("the oldest entry of an empty TLB was asked for");
}

unsigned tlb_index_match(const struct tlb_index *x, const struct tlb_key *key,
                         uint32_t slots[TLB_MATCH_MAX])
{
    unsigned count = 0;
    for (unsigned left = x->present[key->stage]; left != 0; left &= left - 1) {
        unsigned class = (unsigned)__builtin_ctz(left);
        uint32_t slot = chain_head(x, bucket_of(x, key, class));
        for (; slot != TLB_NO_SLOT; slot = x->next[slot]) {
            const struct tlb_entry *e = entry_at(x, slot);
            if (!covers(x, e, key, class) || !(e->map.is_global || e->asid == key->asid))
                continue;
            ensure(count < TLB_MATCH_MAX);
            slots[count++] = slot;
        }
    }
    if (__builtin_expect(count > 1, 0))
        tlb_index_sort(x, slots, count);
    return count;
}

uint32_t tlb_index_nearest(const struct tlb_index *x, const struct tlb_key *key)
{
    for (unsigned left = x->present[key->stage]; left != 0; left &= left - 1) {
        unsigned class = (unsigned)__builtin_ctz(left);
        uint32_t best = TLB_NO_SLOT;
        uint32_t slot = chain_head(x, bucket_of(x, key, class));
        for (; slot != TLB_NO_SLOT; slot = x->next[slot]) {
            const struct tlb_entry *e = entry_at(x, slot);
            if (covers(x, e, key, class) && (e->map.is_global || e->asid == key->asid) &&
                (best == TLB_NO_SLOT || e->serial < serial_of(x, best)))
                best = slot;
        }
        if (best != TLB_NO_SLOT)
            return best;
    }
    return TLB_NO_SLOT;
}

unsigned tlb_index_gather(const struct tlb_index *x, const struct tlb_key *key, uint32_t *slots)
{
    unsigned count = 0;
    for (unsigned left = x->present[key->stage]; left != 0; left &= left - 1) {
        unsigned class = (unsigned)__builtin_ctz(left);
        uint32_t slot = chain_head(x, bucket_of(x, key, class));
        for (; slot != TLB_NO_SLOT; slot = x->next[slot])
            if (covers(x, entry_at(x, slot), key, class))
                slots[count++] = slot;
    }
    return count;
}
