/*
 * Checker owner: an access under a VMID to a page that the stage 2 root now bound to it does not
 * reach. Two ways to see it: the entry used was made under another root than the live one; or the
 * live root no longer maps the page, and another root has mapped it since.
 *
 * The window of an honest unmap (descriptor cleared, TLBI not yet finished, page not yet given
 * away) is no violation. An entry is verified once per epoch, that is, since the last change
 * of what is live, finished invalidation, or page seen under another root.
 */
#include "sim/check/check_parts.h"

#include <inttypes.h>
#include <string.h>

/* Whether the live root of a PE maps ipa to the page of pa now. */
static bool reaches(const struct checks *c, unsigned pe, uint64_t ipa, uint64_t pa)
{
    const struct machine *m = c->machine;
    struct regime regime =
        core_regime_peek(&m->state->cpu[pe], &m->mmu_config, REGIME_EL10);
    regime.stage1_on = 0;
    struct mmu_request request = {.va = va_make(ipa), .el = 1, .kind = ACCESS_PLAIN,
                                  .alignment = 1};
    struct walk walk;
    mmu_peek(&m->mmu[pe], &regime, &request, &walk);
    return walk.result.fault.kind == FAULT_NONE &&
           align_down(walk.result.pa.bits, PAGE_BYTES) == align_down(pa, PAGE_BYTES);
}

static void report(struct checks *c, const struct event *e, const struct shadow_entry *entry,
                   const struct shadow_page *page)
{
    const struct shadow_context *now = &c->state->context[e->pe];
    struct finding *f = finding_begin(c, CHECK_OWNER, "foreign-page", e);
    if (!f)
        return;
    finding_event(f, entry->step, e->pe, entry->pc,
                  "fills TLB entry %u: 0x%" PRIx64 " to 0x%" PRIx64
                  ", VMID %u, under root 0x%" PRIx64,
                  entry->entry, entry->input, entry->output, entry->vmid, entry->root);
    if (page)
        finding_event(f, page->step, e->pe, 0,
                      "root 0x%" PRIx64 " maps the page, at IPA 0x%" PRIx64, page->root,
                      page->ipa);
    finding_event(f, now->step, e->pe, now->pc, "runs root 0x%" PRIx64 " with VMID %u", now->root,
                  now->vmid);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe),
                  "%s 0x%" PRIx64 " through the entry: PA 0x%" PRIx64 " is not this VM's",
                  e->tlb_hit.write ? "writes" : "uses", e->tlb_hit.va, e->tlb_hit.pa);
    finding_end(c, f, "CPU %u, running stage 2 root 0x%" PRIx64
                " with VMID %u, reaches PA 0x%" PRIx64 ", which belongs to root 0x%" PRIx64,
                e->pe, now->root, now->vmid, e->tlb_hit.pa, page ? page->root : entry->root);
}

void check_owner(struct checks *c, const struct event *e)
{
    struct check_state *s = c->state;
    const struct shadow_context *now = &s->context[e->pe];
    if (e->tlb_hit.regime != REGIME_EL10 || !now->live)
        return;
    struct shadow_entry *entry = shadow_find(c, e->pe, e->tlb_hit.entry);
    if (!entry || entry->checked_step == s->epoch + 1)
        return;
    entry->checked_step = s->epoch + 1;
    if (entry->root != now->root) {
        report(c, e, entry, NULL);
        return;
    }
    if (e->tlb_hit.stage & 4) /* a table entry: its output is a table, no page of the VM */
        return;
    const struct shadow_page *page = shadow_page_find(c, e->tlb_hit.pa);
    if (page && page->root != now->root && e->tlb_hit.ipa != UINT64_MAX &&
        !reaches(c, e->pe, e->tlb_hit.ipa, e->tlb_hit.pa))
        report(c, e, entry, page);
}
