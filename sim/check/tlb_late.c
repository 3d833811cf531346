/*
 * Accesses that outlive their translation: the part of the checker tlb for stores that wait in a
 * buffer and loads that come late. What a TLBI and its DSB have finished includes the accesses of
 * all PEs that the removed translations served.
 *
 * With an erratum that leaves these under way (cpu/errata.def: tlbi-stores, tlbi-loads) that one of
 * them comes behind the DSB is the core's doing, and a second TLBI with a DSB mends it. It is the
 * program's mistake from when the page has been given to a new use without that: then what it
 * holds is changed, and the late access destroys or reads that. Until then nobody can tell the late
 * access from one in time. So the pages of such accesses are watched from the first DSB on.
 *
 * DDI 0487: "Ordering and completion of TLB maintenance instructions".
 */
#include "sim/check/tlb.h"

#include "cpu/errata.h"

#include <inttypes.h>

static bool has_erratum(const struct checks *c, enum erratum erratum)
{
    return erratum_is_on(c->machine->config.errata, erratum);
}

void tlb_tell_reuse(struct finding *f, const struct tlb_reuse *reuse)
{
    finding_event(f, reuse->step, reuse->pe, reuse->pc,
                  "changes PA 0x%" PRIx64 ": the page has a new use", reuse->pa);
}

/* --- stores that wait ------------------------------------------------------------------------ */

static void buffered(struct checks *c, const struct event *e)
{
    struct tlb_state *t = c->own[CHECK_TLB];
    const struct shadow_entry *entry = shadow_find(c, e->pe, e->store_buffered.entry);
    for (unsigned i = 0; entry && i < LATE_STORE_MAX; i++) {
        struct late_store *l = &t->late[e->pe][i];
        if (l->store != 0)
            continue;
        *l = (struct late_store){.entry = *entry, .store = e->store_buffered.store + 1,
                                 .pa = e->store_buffered.pa, .step = e->step,
                                 .pc = check_pc(c, e->pe)};
        t->count++;
        return;
    }
}

static void store_outlives(struct checks *c, struct late_store *l, const struct shadow_tlbi *t)
{
    l->tlbi_step = t->step;
    l->tlbi_pc = t->pc;
    l->tlbi_pe = t->pe;
    l->operation = t->operation;
    l->done_step = t->done_step;
    l->done_pc = t->done_pc;
    if (has_erratum(c, ERRATUM_TLBI_STORES))
        machine_watch_page(c->machine, pa_make(align_down(l->pa, PAGE_BYTES)), WATCHER_TLB, true);
}

static void report_late(struct checks *c, const struct event *e, const struct late_store *l)
{
    struct finding *f = finding_begin(c, CHECK_TLB, "late-store", e);
    if (!f)
        return;
    finding_event(f, l->step, e->pe, l->pc,
                  "stores through TLB entry %u (VMID %u, root 0x%" PRIx64 ") to PA 0x%" PRIx64
                  "; the store waits",
                  l->entry.entry, l->entry.vmid, l->entry.root, l->pa);
    finding_event(f, l->tlbi_step, l->tlbi_pe, l->tlbi_pc, "invalidates the entry by TLBI %s",
                  shadow_tlbi_name(l->operation));
    finding_event(f, l->done_step, l->tlbi_pe, l->done_pc,
                  "has finished the invalidation by its DSB");
    if (l->reuse.step != 0)
        tlb_tell_reuse(f, &l->reuse);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "the store becomes visible only now");
    finding_end(c, f, "a store of CPU %u to PA 0x%" PRIx64 " through a translation that CPU %u had "
                "invalidated lands behind the DSB that finished the invalidation",
                e->pe, l->pa, l->tlbi_pe);
}

static void drained(struct checks *c, const struct event *e)
{
    struct tlb_state *t = c->own[CHECK_TLB];
    for (unsigned i = 0; t->count != 0 && i < LATE_STORE_MAX; i++) {
        struct late_store *l = &t->late[e->pe][i];
        if (l->store != e->store_drained.store + 1)
            continue;
        if (l->done_step != 0 && e->step > l->done_step) {
            if (l->reuse.step != 0 || !has_erratum(c, ERRATUM_TLBI_STORES))
                report_late(c, e, l);
            t->landing_pa = l->pa | 1;
            t->landing_step = e->step;
            t->landing_pe = e->pe;
        }
        l->store = 0;
        t->count--;
        return;
    }
}

/* --- loads that come late ------------------------------------------------------------------- */

static void went(struct checks *c, const struct event *e)
{
    struct tlb_state *t = c->own[CHECK_TLB];
    if (c->gone.entry != 0)
        t->gone[e->pe][t->gone_count++ % GONE_MAX] = (struct tlb_gone){.entry = c->gone};
}

struct tlb_gone *tlb_gone_find(struct checks *c, const struct event *e)
{
    struct tlb_state *t = c->own[CHECK_TLB];
    for (unsigned i = 0; e->tlb_hit.entry != 0 && i < GONE_MAX; i++) {
        if (t->gone[e->pe][i].entry.entry == e->tlb_hit.entry)
            return &t->gone[e->pe][i];
    }
    return NULL;
}

bool tlb_gone_is_harmless(const struct checks *c, const struct tlb_gone *gone)
{
    return has_erratum(c, ERRATUM_TLBI_LOADS) && gone->reuse.step == 0;
}

/* Of an entry of stage 1 alone the output is an IPA: its pages are those of stage 2's entries. */
static bool serves_memory(const struct tlb_gone *gone)
{
    return gone->entry.entry != 0 && (gone->entry.stage & 4) == 0 &&
           ((gone->entry.stage & 3) != 1 || gone->entry.root == 0);
}

static void watch_gone(struct checks *c, const struct tlb_gone *gone)
{
    uint64_t size = UINT64_C(1) << gone->entry.size_log2;
    uint64_t first = align_down(gone->entry.output, size);
    for (uint64_t at = 0; at < size; at += PAGE_BYTES)
        machine_watch_page(c->machine, pa_make(first + at), WATCHER_TLB, true);
}

static void loads_outlive(struct checks *c, const struct shadow_tlbi *t)
{
    struct tlb_state *own = c->own[CHECK_TLB];
    for (unsigned i = 0; i < PE_COUNT_MAX * GONE_MAX; i++) {
        struct tlb_gone *gone = &own->gone[i / GONE_MAX][i % GONE_MAX];
        if (!serves_memory(gone) || gone->done_step != 0 || t->step <= gone->entry.step ||
            !tlb_covers(t, &gone->entry, i / GONE_MAX))
            continue;
        gone->done_step = t->done_step;
        watch_gone(c, gone);
    }
}

/* --- invalidations and what follows them ------------------------------------------------------ */

/* What waits and was translated by entries whose invalidation a DSB has finished now. */
static void finished(struct checks *c)
{
    struct tlb_state *own = c->own[CHECK_TLB];
    bool loads = has_erratum(c, ERRATUM_TLBI_LOADS);
    for (uint32_t n = c->state->tlbi_done; (own->count != 0 || loads) && n > 0; n--) {
        const struct shadow_tlbi *t = shadow_tlbi_done(c, n - 1);
        if (!t || t->done_step != c->machine->events.step)
            return;
        for (unsigned i = 0; i < PE_COUNT_MAX * LATE_STORE_MAX; i++) {
            struct late_store *l = &own->late[i / LATE_STORE_MAX][i % LATE_STORE_MAX];
            if (l->store != 0 && l->done_step == 0 && t->step > l->entry.step &&
                tlb_covers(t, &l->entry, i / LATE_STORE_MAX))
                store_outlives(c, l, t);
        }
        if (loads)
            loads_outlive(c, t);
    }
}

/* A page changes: by a late store itself, or since it has a new use. */
static void changed(struct checks *c, const struct event *e)
{
    struct tlb_state *t = c->own[CHECK_TLB];
    uint64_t pa = e->watch_store.pa, page = align_down(pa, PAGE_BYTES);
    bool loads = has_erratum(c, ERRATUM_TLBI_LOADS), stores = has_erratum(c, ERRATUM_TLBI_STORES);
    if (!loads && !stores) /* then only other checkers watch pages */
        return;
    if (t->landing_pa != 0 && t->landing_step == e->step && t->landing_pe == e->pe &&
        align_down(t->landing_pa, PAGE_BYTES) == page)
        return;
    struct tlb_reuse reuse = {.step = e->step, .pc = check_pc(c, e->pe), .pa = pa, .pe = e->pe};
    for (unsigned i = 0; stores && t->count != 0 && i < PE_COUNT_MAX * LATE_STORE_MAX; i++) {
        struct late_store *l = &t->late[i / LATE_STORE_MAX][i % LATE_STORE_MAX];
        if (l->store != 0 && l->done_step != 0 && l->reuse.step == 0 &&
            align_down(l->pa, PAGE_BYTES) == page)
            l->reuse = reuse;
    }
    for (unsigned i = 0; loads && t->gone_count != 0 && i < PE_COUNT_MAX * GONE_MAX; i++) {
        struct tlb_gone *gone = &t->gone[i / GONE_MAX][i % GONE_MAX];
        uint64_t size = UINT64_C(1) << gone->entry.size_log2;
        if (gone->done_step == 0 || gone->reuse.step != 0 ||
            align_down(gone->entry.output, size) != align_down(pa, size))
            continue;
        gone->reuse = reuse;
        check_look_again(c);
    }
}

void tlb_late_event(struct checks *c, const struct event *e)
{
    if (e->kind == EVENT_TLB_GONE)
        went(c, e);
    else if (e->kind == EVENT_STORE_BUFFERED)
        buffered(c, e);
    else if (e->kind == EVENT_STORE_DRAINED)
        drained(c, e);
    else if (e->kind == EVENT_WATCH_STORE)
        changed(c, e);
    else
        finished(c);
}

void tlb_restored(struct checks *c)
{
    const struct tlb_state *t = c->own[CHECK_TLB];
    if (!t)
        return;
    for (unsigned i = 0; i < PE_COUNT_MAX * LATE_STORE_MAX; i++) {
        const struct late_store *l = &t->late[i / LATE_STORE_MAX][i % LATE_STORE_MAX];
        if (l->store != 0 && l->done_step != 0 && has_erratum(c, ERRATUM_TLBI_STORES))
            machine_watch_page(c->machine, pa_make(align_down(l->pa, PAGE_BYTES)), WATCHER_TLB,
                               true);
    }
    for (unsigned i = 0; i < PE_COUNT_MAX * GONE_MAX; i++) {
        if (t->gone[i / GONE_MAX][i % GONE_MAX].done_step != 0)
            watch_gone(c, &t->gone[i / GONE_MAX][i % GONE_MAX]);
    }
}
