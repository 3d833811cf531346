/*
 * One translation on its way, shared by the two halves of the driver: translate.c (the access and
 * the TLB), walker.c (walks of either stage) and walker_descriptor.c (descriptors in memory).
 */
#pragma once
#include "mmu/permission.h"
#include "mmu/tlb.h"

#define WALKER_NO_SOURCE UINT32_MAX

struct walker {
    const struct mmu *mmu;
    struct mmu *live; /* the same, when TLB, events and choices take part; NULL for observers */
    const struct regime *regime;
    const struct mmu_request *request;
    struct walk *walk;        /* the record of an observer, or NULL */
    struct speculation *past; /* says what descriptors were, for a walk in the past; or NULL */
    struct fault *fault;
    uint32_t source; /* oldest entry used so far */
    uint32_t entry;  /* the entry that gives the result */
    uint32_t cost;
    bool missed;
};

/* Notes a fault of this translation; always false. */
bool walker_fault(const struct walker *w, enum fault_kind kind, unsigned stage, unsigned level,
                  bool s1ptw, uint64_t ipa);

struct tlb_key walker_key(const struct walker *w, unsigned stage, uint64_t input);

/* The tag of stage 1 entries: combined while stage 2 is on. */
static inline unsigned walker_stage1_tag(const struct regime *regime)
{
    return regime->stage2_on ? TLB_COMBINED : TLB_STAGE1;
}

/* What was made of an entry depends on what that was made from. */
static inline void walker_tell_used(const struct walker *w, const struct tlb_entry *e)
{
    const struct mmu_listener *listener = w->live->listener;
    if (__builtin_expect(listener != NULL, 0))
        listener->used(listener->owner, w->live->pe, e->serial);
}

/* Whether the access changes memory, so that a clean page becomes dirty first. */
bool walker_writes(const struct walker *w);

/* The fault of one access by what a stage's mapping says: none, alignment or permission. */
enum fault_kind walker_stage1_fault(const struct walker *w, const struct mapping *m);
enum fault_kind walker_stage2_fault(const struct walker *w, const struct mapping *m);

/* A leaf descriptor and where it was read. */
struct walker_leaf {
    uint64_t descriptor;
    uint64_t pa;
    uint64_t ipa; /* before stage 2; of stage 1 under stage 2 */
    struct attributes access;
};

enum walker_update { UPDATE_DONE, UPDATE_AGAIN, UPDATE_FAULT };

/* Reads and tells one descriptor; false: external abort. */
bool walker_read(struct walker *w, const struct walk_state *s, uint64_t pa, struct attributes a,
                 uint64_t *descriptor);

/* Compares and swaps a descriptor in memory; again: it is no longer what was read. */
enum walker_update walker_swap(struct walker *w, unsigned stage, const struct walker_leaf *leaf,
                               uint64_t pa, struct attributes a, uint64_t wanted);

/*
 * Stage 1 by a walk from the nearest table that the TLB knows; stage 2 of the address that stage 1
 * gave, by a stage 2 entry or a walk, which makes one. False: a fault.
 */
bool walker_stage1(struct walker *w, struct mapping *out);
bool walker_stage2(struct walker *w, const struct mapping *stage1, uint64_t va,
                   struct mapping *out);

/* Stage 2 of an address that no stage 1 has given. */
bool walker_stage2_alone(struct walker *w, uint64_t ipa, struct mapping *out);
