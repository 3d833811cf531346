/*
 * The TLB of a PE to the rest of this part: lookups that ask choices, filling, removing, and what
 * pending invalidations say about an entry. See tlb.c for which entries there are.
 */
#pragma once
#include "gen/trace.h"
#include "mmu/tlb_index.h"

/* Why an entry went, as in TLB_GONE. */
#define TLB_GONE_TLBI 0u
#define TLB_GONE_EVICTED 1u
#define TLB_GONE_REPLACED 2u

/* The head of an event of this PE, for event_emit_*(). */
#define MMU_HEAD(mmu) \
    (mmu)->events, (mmu)->pe, *(mmu)->clock->el, *(mmu)->clock->insn, *(mmu)->clock->time

/*
 * The leaf entry to use for a key, or NULL: none. Asks about pending invalidations, about
 * eviction and, where several match, which one; *conflict: the stage of a TLB conflict abort
 * instead, or 0. Combined entries may conflict as either. The pointer is good until the next fill
 * or removal.
 */
const struct tlb_entry *tlb_find(struct mmu *mmu, const struct tlb_key *key, unsigned *conflict);

/* The walk cache entry from which a walk can go on lowest, or NULL. Asks likewise. */
const struct tlb_entry *tlb_find_table(struct mmu *mmu, const struct tlb_key *key);

/*
 * Makes an entry with the tags of key; source is the smallest serial number of the entries that
 * the mapping was made from, UINT32_MAX for none. Returns its serial number.
 */
uint32_t tlb_fill(struct mmu *mmu, const struct tlb_key *key, const struct mapping *map,
                  uint32_t source);

/* Host pointers over any entry, and those over one entry, may be kept no longer. */
void tlb_revoke_all(struct mmu *mmu);
void tlb_revoke(struct mmu *mmu, const struct tlb_entry *entry);

/* Removes the entry in a slot; message for TLB_GONE_TLBI. */
void tlb_remove(struct mmu *mmu, uint32_t slot, unsigned why, uint32_t message);

/* Removes the entry with this serial number that key finds: another will be made instead. */
void tlb_drop(struct mmu *mmu, const struct tlb_key *key, uint32_t serial);

/* Whether a message removes an entry, by its row in tlbi.def. Pure. */
bool tlbi_covers(const struct tlbi *message, const struct tlb_entry *entry, bool ignore_vmid);

/*
 * Asks about each pending message that removes the entry, oldest first. False: one of them has
 * been delivered now, look up again.
 */
bool tlbi_lets_use(struct mmu *mmu, const struct tlb_entry *entry);
/* Whether a pending message removes the entry; nobody is asked. */
bool tlbi_awaits(const struct mmu *mmu, const struct tlb_entry *entry);

/* Pages of the array of entries alone. */
size_t tlb_entry_pages(const struct mmu_config *config);

/* Whether lookups and invalidations compare no VMIDs: a planted fault, never in the product. */
bool tlb_ignores_vmid(const struct mmu *mmu);
