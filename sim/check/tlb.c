/*
 * Checker tlb: a VM (its stage 2 root) has invalidated a translation, and the DSB has finished;
 * afterwards nobody of that VM may use an entry made before. The hardware keeps that promise for
 * the VMID that was effective at the TLBI: the checker keeps it for the VM, so that an entry
 * which survives under another VMID is found. A host without stage 2 and EL2 are held to the same;
 * local invalidations and DSB NSH count for their own PE. A store that waits in a buffer, and was
 * translated by such an entry, must be done when the DSB is, and so must a load that comes late.
 *
 * TLBI scopes as in mmu/tlbi.def; an entry is judged when it is used, once per finished TLBI.
 */
#include "sim/check/check_states.h"

#include <inttypes.h>

static bool in_range(const struct shadow_entry *entry, uint64_t address)
{
    uint64_t size = UINT64_C(1) << entry->size_log2;
    return align_down(address, size) == align_down(entry->input, size);
}

/* Would the entry have gone if VMIDs were right? Stage 1 = 1, stage 2 only = 2, combined = 3. */
static bool covers(const struct shadow_tlbi *t, const struct shadow_entry *entry, unsigned pe)
{
    unsigned stage = entry->stage & 3;
    bool is_table = (entry->stage & 4) != 0, is_el10 = entry->regime == REGIME_EL10;
    if (t->scope == TLBI_LOCAL && t->pe != pe)
        return false;
    if (is_el10 && t->operation != TLBI_ALLE1 && t->root != entry->root)
        return false;
    bool asid = entry->is_global || entry->asid == t->asid;
    switch ((enum tlbi_operation)t->operation) {
    case TLBI_ALLE1:
    case TLBI_VMALLS12E1:
        return is_el10;
    case TLBI_VMALLE1:
        return is_el10 && stage != 2;
    case TLBI_ASIDE1:
        return is_el10 && stage != 2 && !entry->is_global && entry->asid == t->asid;
    case TLBI_VAE1:
        return is_el10 && stage != 2 && asid && in_range(entry, t->address);
    case TLBI_VALE1:
        return is_el10 && stage != 2 && !is_table && asid && in_range(entry, t->address);
    case TLBI_VAAE1:
        return is_el10 && stage != 2 && in_range(entry, t->address);
    case TLBI_VAALE1:
        return is_el10 && stage != 2 && !is_table && in_range(entry, t->address);
    case TLBI_IPAS2E1:
        return is_el10 && stage == 2 && in_range(entry, t->address);
    case TLBI_IPAS2LE1:
        return is_el10 && stage == 2 && !is_table && in_range(entry, t->address);
    case TLBI_ALLE2:
        return entry->regime == REGIME_EL2;
    case TLBI_VAE2:
        return entry->regime == REGIME_EL2 && in_range(entry, t->address);
    case TLBI_VALE2:
        return entry->regime == REGIME_EL2 && !is_table && in_range(entry, t->address);
    case TLBI_OPERATION_COUNT:
        break;
    }
    return false;
}

static void report(struct checks *c, const struct event *e, const struct shadow_entry *entry,
                   const struct shadow_tlbi *t)
{
    struct finding *f = finding_begin(c, CHECK_TLB, "stale", e);
    if (!f)
        return;
    finding_event(f, entry->step, e->pe, entry->pc,
                  "%s TLB entry %u: 0x%" PRIx64 " to 0x%" PRIx64 ", VMID %u, root 0x%" PRIx64,
                  shadow_fills(entry), entry->entry, entry->input, entry->output, entry->vmid,
                  entry->root);
    finding_event(f, t->step, t->pe, t->pc,
                  "invalidates it by TLBI %s%s with VMID %u, root 0x%" PRIx64,
                  shadow_tlbi_name(t->operation), t->scope == TLBI_LOCAL ? "" : "IS", t->vmid,
                  t->root);
    finding_event(f, t->done_step, t->pe, t->done_pc,
                  "has finished the invalidation by its DSB");
    finding_event(f, e->step, e->pe, check_pc(c, e->pe),
                  "%s 0x%" PRIx64 " through the entry all the same (PA 0x%" PRIx64 ")",
                  e->tlb_hit.write ? "writes" : "uses", e->tlb_hit.va, e->tlb_hit.pa);
    if (entry->regime == REGIME_EL10)
        finding_end(c, f, "CPU %u uses a translation of 0x%" PRIx64
                    " that its VM had invalidated: the entry has VMID %u, the TLBI had VMID %u",
                    e->pe, e->tlb_hit.va, entry->vmid, t->vmid);
    else
        finding_end(c, f, "CPU %u uses a translation of 0x%" PRIx64 " that EL2 had invalidated",
                    e->pe, e->tlb_hit.va);
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

/* Invalidations that a DSB has finished now: what waits and was translated by their entries. */
static void finished(struct checks *c)
{
    struct tlb_state *own = c->own[CHECK_TLB];
    for (uint32_t n = c->state->tlbi_done; own->count != 0 && n > 0; n--) {
        const struct shadow_tlbi *t = shadow_tlbi_done(c, n - 1);
        if (!t || t->done_step != c->machine->events.step)
            return;
        for (unsigned i = 0; i < PE_COUNT_MAX * LATE_STORE_MAX; i++) {
            struct late_store *l = &own->late[i / LATE_STORE_MAX][i % LATE_STORE_MAX];
            if (l->store == 0 || l->done_step != 0 || t->step <= l->entry.step ||
                !covers(t, &l->entry, i / LATE_STORE_MAX))
                continue;
            l->tlbi_step = t->step;
            l->tlbi_pc = t->pc;
            l->tlbi_pe = t->pe;
            l->operation = t->operation;
            l->done_step = t->done_step;
            l->done_pc = t->done_pc;
        }
    }
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
        if (l->done_step != 0 && e->step > l->done_step)
            report_late(c, e, l);
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
        t->gone[e->pe][t->gone_count++ % GONE_MAX] = c->gone;
}

/* The entry of a use that is no longer there. */
static struct shadow_entry *gone_find(struct checks *c, const struct event *e)
{
    struct tlb_state *t = c->own[CHECK_TLB];
    for (unsigned i = 0; e->tlb_hit.entry != 0 && i < GONE_MAX; i++) {
        if (t->gone[e->pe][i].entry == e->tlb_hit.entry)
            return &t->gone[e->pe][i];
    }
    return NULL;
}

/* --- uses ------------------------------------------------------------------------------------ */

static void used(struct checks *c, const struct event *e)
{
    struct check_state *s = c->state;
    struct shadow_entry *entry = c->hit ? c->hit : gone_find(c, e);
    if (!entry || entry->checked_tlbi == s->tlbi_done)
        return;
    bool all_count = true; /* a PE's own TLBI counts for itself behind its next synchronization */
    uint32_t n = entry->checked_tlbi;
    if (s->tlbi_done - n > TLBI_LOG_MAX)
        n = s->tlbi_done - TLBI_LOG_MAX;
    for (; n != s->tlbi_done; n++) {
        const struct shadow_tlbi *t = shadow_tlbi_done(c, n);
        if (!t || t->step <= entry->step || !covers(t, entry, e->pe)) {
            entry->checked_tlbi = all_count ? n + 1 : entry->checked_tlbi;
            continue;
        }
        if (t->pe != e->pe || s->synchronized_step[e->pe] > t->done_step) {
            report(c, e, entry, t);
            return;
        }
        all_count = false;
    }
}

void check_tlb(struct checks *c, const struct event *e)
{
    if (e->kind == EVENT_TLB_HIT)
        used(c, e);
    else if (e->kind == EVENT_TLB_GONE)
        went(c, e);
    else if (e->kind == EVENT_STORE_BUFFERED)
        buffered(c, e);
    else if (e->kind == EVENT_STORE_DRAINED)
        drained(c, e);
    else
        finished(c);
}
