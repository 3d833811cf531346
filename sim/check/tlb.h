/*
 * The two halves of the checker tlb to each other: uses of entries (tlb.c) and accesses under way
 * that outlive theirs (tlb_late.c).
 */
#pragma once
#include "sim/check/check_states.h"

/* Would the entry have gone if VMIDs were right? Stage 1 = 1, stage 2 only = 2, combined = 3. */
bool tlb_covers(const struct shadow_tlbi *t, const struct shadow_entry *entry, unsigned pe);

/* Any event of the checker's but TLB_HIT. */
void tlb_late_event(struct checks *c, const struct event *e);
/* The entry of a use that is no longer there, of the last ones that went; NULL: another. */
struct tlb_gone *tlb_gone_find(struct checks *c, const struct event *e);
/* Whether a late load through it reads what one in time would have read. */
bool tlb_gone_is_harmless(const struct checks *c, const struct tlb_gone *gone);
/* The event of a report that tells the new use of a page. */
void tlb_tell_reuse(struct finding *f, const struct tlb_reuse *reuse);
