/*
 * Translations that a late load may still use: the erratum tlbi-loads. See late.c.
 */
#pragma once
#include "mmu/tlb.h"

struct walker;

/* Pages of what is kept of one PE, behind its TLB; none without the erratum. */
size_t late_pages(const struct mmu_config *config);

/* A message of another PE is about to remove an entry. */
void late_keep(struct mmu *mmu, const struct tlb_entry *entry, const struct tlbi *message);

/*
 * The translation with which a load that finds nothing of its own was under way when a message
 * removed it; NULL: none, or it is answered that it has ended. Good until the next removal.
 */
const struct tlb_entry *late_find(struct walker *w, const struct tlb_key *key);
