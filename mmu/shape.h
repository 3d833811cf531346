/*
 * The shape of a real core's TLB: which entries of the array are in which place. An entry is there
 * while it is in one place at least. With the architectural shape nothing here does anything.
 */
#pragma once
#include "mmu/tlb.h"

/* Pages that the places take, behind those of the entries. */
size_t shape_pages(const struct mmu_config *config);

/* Makes room for an entry about to be made in every array that will hold it: others may go. */
void shape_make_room(struct mmu *mmu, const struct tlb_entry *entry, bool is_fetch);
/* Puts the entry of a slot there. */
void shape_put(struct mmu *mmu, uint32_t slot, bool is_fetch);
/* The entry of a slot goes. */
void shape_drop(struct mmu *mmu, uint32_t slot);
/* A leaf is used: true when the first level did not have it, and has it now. */
bool shape_use(struct mmu *mmu, uint32_t slot, bool is_fetch);
