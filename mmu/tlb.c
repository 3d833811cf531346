/*
 * The tagged TLB of one PE, in copy-on-write pages (DDI 0487, "Translation Lookaside Buffers").
 *
 * Entries carry regime, VMID, ASID or global, stage, level, size, permissions of each stage and
 * memory type. Entries of EL1&0 carry the VMID whether stage 2 is on or not; tables carry the
 * ASID. Descriptors that give Translation, Access flag or Address size faults are never held;
 * those that give Permission faults are.
 *
 * Replacement is first in, first out: a hit changes nothing. Each entry knows the oldest entry
 * that it was made from (source), so that an invalidation also removes what was derived from
 * stale entries after it came, and nothing else that is younger than the message.
 *
 * Not modelled: amalgamation on a conflict. Entries nobody asked for: speculate.c.
 */
#include "mmu/late.h"
#include "mmu/shape.h"
#include "mmu/tlb.h"
#include "mmu/versions.h"

#include <string.h>

/*
 * Kinds of entries, each of which a TLB is allowed to hold:
 *
 *   stage 1 only   VA -> PA         made by each translation while stage 2 is off
 *   combined       VA -> PA         made by each translation while both stages are on; also keeps
 *                                   the IPA and each stage's permissions
 *   stage 2 only   IPA -> PA        made for the IPA of each access and of each stage 1 table
 *   tables         prefix -> table  one for each table descriptor on the way. While stage 2 is on
 *                                   a stage 1 table entry holds the PA of the table, which makes
 *                                   it combined; otherwise it counts as stage 1 only.
 *
 * A lookup with both stages on looks for a combined entry, then walks stage 1 from the nearest
 * table entry, taking the IPAs of tables and of the result through stage 2 only entries where
 * they are there: a translation can thus be made from a stale stage 2 entry although stage 1 was
 * read afresh. With stage 1 off only stage 2 only entries are used and made.
 */

/* Set by the build of a library that tests must find to be wrong. */
#ifndef MMU_FAULT_IGNORE_VMID
#define MMU_FAULT_IGNORE_VMID 0
#endif

bool tlb_ignores_vmid(const struct mmu *mmu)
{
    return MMU_FAULT_IGNORE_VMID || mmu->config->ignore_vmid_tags;
}

size_t tlb_entry_pages(const struct mmu_config *config)
{
    return (config->tlb_entries + (size_t)TLB_PAGE_ENTRIES - 1) / TLB_PAGE_ENTRIES;
}

size_t mmu_tlb_pages(const struct mmu_config *config)
{
    return tlb_entry_pages(config) + shape_pages(config) + late_pages(config);
}

void mmu_wire(struct mmu *mmu)
{
    mmu->index = tlb_index_new(mmu->config->tlb_entries, tlb_ignores_vmid(mmu));
    mmu->revoked.generation = 0;
    mmu_restored(mmu);
}

void mmu_unwire(struct mmu *mmu)
{
    tlb_index_free(mmu->index);
    mmu->index = NULL;
}

void mmu_restored(struct mmu *mmu)
{
    tlb_index_clear(mmu->index);
    memset(mmu->memo, 0, sizeof mmu->memo);
    uint32_t left = mmu->state->tlb_valid;
    for (size_t page = 0; left != 0; page++) {
        ensure(page < tlb_entry_pages(mmu->config));
        const uint8_t *bytes = cow_read(mmu->memory, mmu->tlb_page + page);
        tlb_index_set_page(mmu->index, page, bytes);
        uint32_t slot = (uint32_t)page * TLB_PAGE_ENTRIES;
        for (unsigned i = 0; i < TLB_PAGE_ENTRIES && left != 0; i++, slot++) {
            if (tlb_index_entry(mmu->index, slot)->serial == 0)
                continue;
            tlb_index_insert(mmu->index, slot);
            left--;
        }
    }
    tlb_revoke_all(mmu);
}

void tlb_revoke_all(struct mmu *mmu)
{
    mmu->revoked.all = ++mmu->revoked.generation;
}

void tlb_revoke(struct mmu *mmu, const struct tlb_entry *entry)
{
    struct mmu_revoked *r = &mmu->revoked;
    if (entry->stage & TLB_TABLE)
        return; /* a hit on a leaf looks at no table */
    if (entry->map.size_log2 > MMU_REVOKED_LOG2_MAX) {
        tlb_revoke_all(mmu);
        return;
    }
    unsigned place = (unsigned)(++r->generation % MMU_REVOKED_COUNT);
    r->range[place].address = entry->map.input;
    r->range[place].size_log2 = entry->map.size_log2;
}

/* A slot for writing; makes its page this machine's own. */
static struct tlb_entry *entry_write(struct mmu *mmu, uint32_t slot)
{
    size_t page = slot / TLB_PAGE_ENTRIES;
    uint8_t *bytes = cow_write(mmu->memory, mmu->tlb_page + page);
    tlb_index_set_page(mmu->index, page, bytes);
    return (struct tlb_entry *)(void *)bytes + slot % TLB_PAGE_ENTRIES;
}

void tlb_remove(struct mmu *mmu, uint32_t slot, unsigned why, uint32_t message)
{
    uint32_t serial = tlb_index_entry(mmu->index, slot)->serial;
    tlb_revoke(mmu, tlb_index_entry(mmu->index, slot));
    shape_drop(mmu, slot);
    tlb_index_erase(mmu->index, slot);
    memset(entry_write(mmu, slot), 0, sizeof(struct tlb_entry));
    mmu->state->tlb_valid--;
    event_emit_TLB_GONE(MMU_HEAD(mmu), serial, why, message);
    if (mmu->listener)
        mmu->listener->gone(mmu->listener->owner, mmu->pe, serial, why == TLB_GONE_TLBI);
}

void tlb_drop(struct mmu *mmu, const struct tlb_key *key, uint32_t serial)
{
    uint32_t slots[TLB_MATCH_MAX];
    unsigned count = tlb_index_match(mmu->index, key, slots);
    for (unsigned i = 0; i < count; i++)
        if (tlb_index_entry(mmu->index, slots[i])->serial == serial)
            tlb_remove(mmu, slots[i], TLB_GONE_REPLACED, 0);
}

static void evict_oldest(struct mmu *mmu)
{
    mmu->state->evictions++;
    tlb_remove(mmu, tlb_index_oldest(mmu->index), TLB_GONE_EVICTED, 0);
}

/* Serial numbers have 32 bits; order by age must survive their end, so all entries go then. */
static uint32_t serial_next(struct mmu *mmu)
{
    if ((uint32_t)++mmu->state->fills == 0) {
        while (mmu->state->tlb_valid != 0)
            evict_oldest(mmu);
        mmu->state->fills++;
    }
    return (uint32_t)mmu->state->fills;
}

/* Whether a new leaf may share addresses with older ones, over which pointers may be cached. */
static bool may_overlap(const struct mmu *mmu, uint32_t slot)
{
    const struct tlb_entry *e = tlb_index_entry(mmu->index, slot);
    if (e->stage & TLB_TABLE)
        return false;
    struct tlb_key key = {e->map.input, e->vmid, e->asid, e->regime, e->stage, 0};
    return e->map.size_log2 != PAGE_SHIFT ||
           tlb_index_gather(mmu->index, &key, tlb_index_scratch(mmu->index)) > 1;
}

uint32_t tlb_fill(struct mmu *mmu, const struct tlb_key *key, const struct mapping *map,
                  uint32_t source)
{
    uint32_t serial = serial_next(mmu);
    struct tlb_entry e;
    memset(&e, 0, sizeof e);
    e.map = *map;
    e.serial = serial;
    e.source = source < serial ? source : serial;
    e.vmid = key->vmid;
    e.asid = map->is_global ? 0 : key->asid;
    e.regime = key->regime;
    e.stage = key->stage;
    if (mmu_keeps_versions(mmu))
        e.made = version_stores(mmu->versions)->now;
    shape_make_room(mmu, &e, key->is_fetch);
    if (mmu->state->tlb_valid == mmu->config->tlb_entries)
        evict_oldest(mmu);
    uint32_t slot = tlb_index_free_slot(mmu->index);
    ensure(slot != TLB_NO_SLOT);
    mmu->last_slot = slot;
    *entry_write(mmu, slot) = e;
    tlb_index_insert(mmu->index, slot);
    shape_put(mmu, slot, key->is_fetch);
    mmu->state->tlb_valid++;
    if (may_overlap(mmu, slot))
        tlb_revoke(mmu, tlb_index_entry(mmu->index, slot));
    bool is_stage2 = key->stage == TLB_STAGE2;
    event_emit_TLB_FILL(MMU_HEAD(mmu), serial, key->stage, is_stage2 ? map->level2 : map->level1,
                        key->regime, map->is_global, e.vmid, e.asid, map->input, map->output,
                        map->size_log2);
    if (mmu->listener)
        mmu->listener->made(mmu->listener->owner, mmu->pe, serial);
    return serial;
}

/* Whether the entry about to be used is still there. False: look up again. */
static bool entry_usable(struct mmu *mmu, uint32_t slot)
{
    if (mmu->state->queue_count != 0 &&
        !tlbi_lets_use(mmu, tlb_index_entry(mmu->index, slot)))
        return false;
    if (choice_is_open(mmu->chooser, CHOICE_TLB_EVICT) &&
        choose_about(mmu->chooser, mmu->counts, CHOICE_TLB_EVICT, mmu->pe, 2,
                     tlb_index_entry(mmu->index, slot)->map.input) != 0) {
        tlb_remove(mmu, slot, TLB_GONE_EVICTED, 0);
        return false;
    }
    return true;
}

/* The entry that a lookup ends with; a core's first level is filled again where it lacks it. */
static const struct tlb_entry *entry_found(struct mmu *mmu, const struct tlb_key *key,
                                           uint32_t slot)
{
    mmu->last_slot = slot;
    if (__builtin_expect(mmu->config->shape.count != 0, 0))
        mmu->refills += shape_use(mmu, slot, key->is_fetch);
    return tlb_index_entry(mmu->index, slot);
}

const struct tlb_entry *tlb_find(struct mmu *mmu, const struct tlb_key *key, unsigned *conflict)
{
    uint32_t slots[TLB_MATCH_MAX];
    *conflict = 0;
    for (;;) {
        unsigned count = tlb_index_match(mmu->index, key, slots), usable = 0;
        if (count == 0)
            return NULL;
        if (__builtin_expect(count == 1 && mmu->state->queue_count == 0 &&
                                 !choice_is_open(mmu->chooser, CHOICE_TLB_EVICT), 1))
            return entry_found(mmu, key, slots[0]);
        while (usable < count && entry_usable(mmu, slots[usable]))
            usable++;
        if (usable < count)
            continue;
        if (count == 1)
            return entry_found(mmu, key, slots[0]);
        /* Not asked, and so not counted, while it is closed: host pointers skip hits then. */
        unsigned aborts = key->stage == TLB_COMBINED ? 2 : 1;
        uint32_t answer =
            choice_is_open(mmu->chooser, CHOICE_TLB_CONFLICT)
                ? choose(mmu->chooser, mmu->counts, CHOICE_TLB_CONFLICT, mmu->pe, count + aborts)
                : 0;
        if (answer < count)
            return entry_found(mmu, key, slots[answer]);
        *conflict = key->stage == TLB_STAGE2 || answer > count ? 2 : 1;
        return NULL;
    }
}

const struct tlb_entry *tlb_find_table(struct mmu *mmu, const struct tlb_key *key)
{
    for (;;) {
        uint32_t slot = tlb_index_nearest(mmu->index, key);
        if (slot == TLB_NO_SLOT)
            return NULL;
        if (entry_usable(mmu, slot))
            return tlb_index_entry(mmu->index, slot);
    }
}

unsigned mmu_tlb_list(const struct mmu *mmu, struct tlb_view *views, unsigned capacity)
{
    uint32_t *slots = tlb_index_scratch_observer(mmu->index);
    unsigned count = tlb_index_valid(mmu->index, slots);
    tlb_index_sort(mmu->index, slots, count);
    for (unsigned i = 0; i < count && i < capacity; i++) {
        const struct tlb_entry *e = tlb_index_entry(mmu->index, slots[i]);
        views[i] = (struct tlb_view){
            .entry = e->serial,
            .vmid = e->vmid,
            .asid = e->asid,
            .regime = e->regime,
            .stage = (uint8_t)(e->stage & ~TLB_TABLE),
            .level = e->stage == TLB_STAGE2 ? e->map.level2 : e->map.level1,
            .is_global = e->map.is_global,
            .is_table = (e->stage & TLB_TABLE) != 0,
            .memory = e->map.memory,
            .permissions = e->map.permissions1 & e->map.permissions2,
            .size_log2 = e->map.size_log2,
            .input = e->map.input,
            .output = e->map.output,
            .ipa = e->map.ipa,
        };
    }
    return count < capacity ? count : capacity;
}
