/*
 * Checker tlb: a VM (its stage 2 root) has invalidated a translation, and the DSB has finished;
 * afterwards nobody of that VM may use an entry made before. The hardware keeps that promise for
 * the VMID that was effective at the TLBI: the checker keeps it for the VM, so that an entry
 * which survives under another VMID is found. A host without stage 2 and EL2 are held to the same;
 * local invalidations and DSB NSH count for their own PE. Accesses under way that such an entry
 * translated must be done when the DSB is: tlb_late.c.
 *
 * TLBI scopes as in mmu/tlbi.def; an entry is judged when it is used, once per finished TLBI.
 */
#include "sim/check/tlb.h"

#include <inttypes.h>

static bool in_range(const struct shadow_entry *entry, uint64_t address)
{
    uint64_t size = UINT64_C(1) << entry->size_log2;
    return align_down(address, size) == align_down(entry->input, size);
}

bool tlb_covers(const struct shadow_tlbi *t, const struct shadow_entry *entry, unsigned pe)
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
                   const struct shadow_tlbi *t, const struct tlb_gone *gone)
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
    if (gone && gone->reuse.step != 0)
        tlb_tell_reuse(f, &gone->reuse);
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

/*
 * The VM has another VMID than the one that was invalidated, and the entry, made under that, is
 * what the tables say: it came from them behind the change that the TLBI was for, or there was
 * none. So it is when VMIDs roll over between the reading of one for a TLBI and the TLBI itself:
 * what that was meant for went with the rollover.
 */
static bool is_new_number(const struct checks *c, const struct event *e,
                          const struct shadow_entry *entry, const struct shadow_tlbi *t)
{
    if (entry->regime != REGIME_EL10 || entry->vmid == t->vmid || (entry->stage & 4) != 0)
        return false;
    bool has_stage1 = (entry->stage & 3) != 2;
    uint64_t input = has_stage1 ? e->tlb_hit.va : e->tlb_hit.ipa;
    struct mmu_request request = {.va = va_make(input), .el = e->el < 2 ? e->el : 1,
                                  .kind = e->tlb_hit.access, .is_write = e->tlb_hit.write,
                                  .alignment = 1};
    struct walk walk;
    check_peek(c, e->pe, REGIME_EL10, has_stage1, &request, &walk);
    return walk.result.fault.kind == FAULT_NONE && walk.result.pa.bits == e->tlb_hit.pa;
}

static void used(struct checks *c, const struct event *e)
{
    struct check_state *s = c->state;
    struct tlb_gone *gone = c->hit ? NULL : tlb_gone_find(c, e);
    struct shadow_entry *entry = gone ? &gone->entry : c->hit;
    if (!entry || entry->checked_tlbi == s->tlbi_done || (gone && tlb_gone_is_harmless(c, gone)))
        return;
    bool all_count = true; /* a PE's own TLBI counts for itself behind its next synchronization */
    uint32_t n = entry->checked_tlbi;
    if (s->tlbi_done - n > TLBI_LOG_MAX)
        n = s->tlbi_done - TLBI_LOG_MAX;
    for (; n != s->tlbi_done; n++) {
        const struct shadow_tlbi *t = shadow_tlbi_done(c, n);
        if (!t || t->step <= entry->step || !tlb_covers(t, entry, e->pe)) {
            entry->checked_tlbi = all_count ? n + 1 : entry->checked_tlbi;
            continue;
        }
        if ((t->pe != e->pe || s->synchronized_step[e->pe] > t->done_step) &&
            !is_new_number(c, e, entry, t)) {
            report(c, e, entry, t, gone);
            return;
        }
        all_count = false;
    }
}

void check_tlb(struct checks *c, const struct event *e)
{
    if (e->kind == EVENT_TLB_HIT)
        used(c, e);
    else
        tlb_late_event(c, e);
}
