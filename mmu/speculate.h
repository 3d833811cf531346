/*
 * Walks nobody asked for (choice spec-fill): which entries a PE may hold because it walked by
 * itself at some moment of the version log's past.
 */
#pragma once
#include "mmu/versions.h"

#define SPECULATION_MAX 7u /* entries offered at one use */

/* An entry that may be there: its tags and what it says. */
struct speculation;
struct speculated {
    struct tlb_key key;
    struct mapping map;
    uint32_t source; /* for tlb_fill() */
    uint64_t root, ttbr; /* by which registers it was walked; root: 0 with stage 2 off */
};

/*
 * Reads and steps of a walk in the past, called by the walker (translate.c). A read gives one of
 * the values that the word had at the times that are left; false: none are.
 */
bool speculation_read(struct speculation *s, const struct walk_state *at, uint64_t pa,
                      uint64_t *descriptor);
void speculation_begin_stage2(struct speculation *s);
void speculation_end_stage2(struct speculation *s, const struct mapping *leaf);

/*
 * A use of a translation of this PE, before its TLB is looked at: asks spec-fill, when there is
 * more than one answer, and makes the entry chosen. For EL1&0 with stage 1 off, and for nothing
 * else, address is an IPA.
 */
void speculate(struct mmu *mmu, const struct regime *regime, uint64_t address);

/* In translate.c: walks once, by what speculation_read() gives; false: a fault. */
bool speculation_walk(const struct mmu *mmu, struct speculation *s, const struct regime *regime,
                      uint64_t address, struct mapping *out);
