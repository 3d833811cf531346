/*
 * Operations that can be left out, one execution at a time (choice drop): what a program would be
 * without this one barrier or invalidation. The instruction has passed its traps and its
 * translation; then it does nothing, and costs what it costs.
 */
#pragma once
#include "cpu/core.h"
#include "gen/trace.h"

/* ROW(ID, name): the objects of the choice, so that each is counted over all PEs. */
#define DROP_ROWS(ROW) \
    ROW(TLBI, tlbi)    \
    ROW(DSB, dsb)      \
    ROW(DMB, dmb)      \
    ROW(ISB, isb)      \
    ROW(DC, dc)        \
    ROW(IC, ic)        \
    ROW(SEV, sev)

enum drop_kind {
#define DROP_ROW(ID, name) DROP_##ID,
    DROP_ROWS(DROP_ROW)
#undef DROP_ROW
    DROP_KIND_COUNT
};

/* Whether this execution is left out. Nothing is counted unless the configuration opens drop. */
static inline bool core_drops(struct core *c, enum drop_kind what)
{
    if (__builtin_expect(!c->may_drop, 1))
        return false;
    uint32_t number = c->counts->asked[CHOICE_DROP][what];
    if (choose(c->chooser, c->counts, CHOICE_DROP, (uint32_t)what, 2) == 0)
        return false;
    event_emit_DROP(CORE_HEAD(c), (uint8_t)what, number);
    return true;
}
