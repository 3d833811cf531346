/*
 * Checker asid: a use of a TLB entry that was made from other stage 1 tables than those now in
 * effect, although VMID and ASID agree: the ASID was given to other tables without an
 * invalidation, or two vCPUs of a VM that use one ASID for different tables share a PE's TLB.
 *
 * An entry that is global, or of EL2, may be used under other tables as long as these say the same
 * of the address; that is looked up by walking them. Entries of two vCPUs with the same tables
 * are alike: sharing them harms nobody.
 *
 * DDI 0487: "Use of ASIDs and VMIDs to reduce TLB maintenance requirements", "Global and
 * process-specific translation table entries".
 */
#include "sim/check/check_parts.h"

#include <inttypes.h>

static void report(struct checks *c, const struct event *e, const char *kind, uint64_t now)
{
    const struct shadow_entry *entry = c->hit;
    struct finding *f = finding_begin(c, CHECK_ASID, kind, e);
    if (!f)
        return;
    const char *sort = entry->is_global ? "global" : "non-global";
    finding_event(f, entry->step, e->pe, entry->pc,
                  "%s %s TLB entry %u from the table at 0x%" PRIx64 ": 0x%" PRIx64 " to 0x%"
                  PRIx64 ", VMID %u, ASID %u, vCPU 0x%" PRIx64,
                  shadow_fills(entry), sort, entry->entry, entry->ttbr, entry->input,
                  entry->output, entry->vmid,
                  entry->asid, entry->vmpidr);
    const struct shadow_context *context = &c->state->context[e->pe];
    if (context->live && context->step > entry->step)
        finding_event(f, context->step, e->pe, context->pc,
                      "enters vCPU 0x%" PRIx64 " with VMID %u, ASID %u", context->vmpidr,
                      context->vmid, context->asid);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe),
                  "%s 0x%" PRIx64 " through the entry: PA 0x%" PRIx64
                  "; the table is at 0x%" PRIx64,
                  e->tlb_hit.write ? "writes" : "uses", e->tlb_hit.va, e->tlb_hit.pa, now);
    finding_end(c, f, "CPU %u uses a %s translation of 0x%" PRIx64
                " made from the table at 0x%" PRIx64 ", while the table is at 0x%" PRIx64
                " (VMID %u, ASID %u)",
                e->pe, sort, e->tlb_hit.va, entry->ttbr, now, entry->vmid, entry->asid);
}

/* Whether the tables in effect lead the same way; a table entry says nothing by itself. */
static bool says_the_same(const struct checks *c, const struct event *e)
{
    if (e->tlb_hit.stage & 4u)
        return true;
    struct mmu_request request = {.va = va_make(e->tlb_hit.va), .el = e->el == 2 ? 2 : 1,
                                  .kind = ACCESS_PLAIN, .alignment = 1, .is_at = 1};
    struct walk walk;
    check_peek(c, e->pe, (enum regime_kind)e->tlb_hit.regime, true, &request, &walk);
    /* Whether an access is permitted is no matter of where it leads. */
    if (walk.result.fault.kind == FAULT_PERMISSION)
        return true;
    return walk.result.fault.kind == FAULT_NONE && walk.result.pa.bits == e->tlb_hit.pa;
}

void check_asid(struct checks *c, const struct event *e)
{
    struct shadow_entry *entry = c->hit;
    if (!entry || (entry->stage & 3u) == 2)
        return;
    uint64_t now = check_ttbr(c, e->pe, entry->regime, entry->input);
    if (now == entry->ttbr || now == entry->asid_ttbr)
        return;
    bool is_el10 = entry->regime == REGIME_EL10;
    if (is_el10 && !entry->is_global) {
        if (entry->root == check_root(c, e->pe)) /* otherwise it is another VM's: checker owner */
            report(c, e, entry->vmpidr != check_vcpu(c, e->pe) ? "two-vcpus" : "asid-reuse", now);
        return;
    }
    if (is_el10 && entry->root != check_root(c, e->pe))
        return;
    if (says_the_same(c, e))
        entry->asid_ttbr = now;
    else
        report(c, e, is_el10 ? "global" : "el2-table", now);
}
