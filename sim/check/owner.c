/*
 * Checker owner: an access under a VMID to a page that the stage 2 root now bound to it does not
 * reach. Two ways to see it: the entry used was made under another root than the live one; or the
 * live root no longer maps the page, and another root has mapped it since, as a page or in a
 * block.
 *
 * The window of an honest unmap (descriptor cleared, TLBI not yet finished, page not yet given
 * away) is no violation. An entry is verified once per epoch, that is, since the last change
 * of what is live, finished invalidation, or range seen under another root.
 *
 * Not judged: what the host does with a page that it took back (it may be its own again at once);
 * and ranges beyond the room for them. DDI 0487: VTTBR_EL2, stage 2 translations.
 */
#include "sim/check/check_states.h"

#include <inttypes.h>

/* Whether the live root of a PE maps ipa to the page of pa now. */
static bool reaches(const struct checks *c, unsigned pe, uint64_t ipa, uint64_t pa)
{
    struct mmu_request request = {.va = va_make(ipa), .el = 1, .kind = ACCESS_PLAIN,
                                  .alignment = 1};
    struct walk walk;
    check_peek(c, pe, REGIME_EL10, false, &request, &walk);
    if (walk.result.fault.kind == FAULT_PERMISSION) /* it is mapped; the walk does not say where */
        return true;
    return walk.result.fault.kind == FAULT_NONE &&
           align_down(walk.result.pa.bits, PAGE_BYTES) == align_down(pa, PAGE_BYTES);
}

/* The range of this size at pa: its place in the log, or the free one where it would go. */
static struct owned *owned_at(struct owner_state *o, uint64_t pa, unsigned size_log2,
                              uint64_t *key)
{
    *key = align_down(pa, UINT64_C(1) << size_log2) | size_log2;
    uint32_t slot = (uint32_t)hash_mix(*key) % o->room;
    while (o->owned[slot].key != 0 && o->owned[slot].key != *key)
        slot = (slot + 1) % o->room;
    return &o->owned[slot];
}

/* A stage 2 walk found that a root maps this range. */
static void filled(struct checks *c, const struct event *e)
{
    struct owner_state *o = c->own[CHECK_OWNER];
    const struct event_tlb_fill *fill = &e->tlb_fill;
    const struct shadow_context *context = &c->state->context[e->pe];
    if (!context->live || fill->stage != 2)
        return;
    uint64_t key;
    struct owned *owned = owned_at(o, fill->output, fill->size_log2, &key);
    if (owned->key == 0) {
        if (o->count >= o->room / 2) {
            check_gives_up(c, CHECK_OWNER);
            return;
        }
        o->count++;
        o->sizes |= UINT64_C(1) << fill->size_log2;
    }
    if (owned->root != context->root)
        check_look_again(c);
    *owned = (struct owned){.key = key, .ipa = fill->input, .root = context->root,
                            .step = e->step, .pc = check_pc(c, e->pe), .pe = e->pe};
}

/* The last mapping of the page by another root, or NULL. */
static const struct owned *owned_by_other(struct owner_state *o, uint64_t pa, uint64_t root)
{
    const struct owned *last = NULL;
    for (uint64_t left = o->sizes; left != 0; left &= left - 1) {
        uint64_t key;
        const struct owned *owned = owned_at(o, pa, (unsigned)__builtin_ctzll(left), &key);
        if (owned->key != 0 && owned->root != root && (!last || owned->step > last->step))
            last = owned;
    }
    return last;
}

static void report(struct checks *c, const struct event *e, const struct owned *owned)
{
    const struct shadow_context *now = &c->state->context[e->pe];
    const struct shadow_entry *entry = c->hit;
    struct finding *f = finding_begin(c, CHECK_OWNER, "foreign-page", e);
    if (!f)
        return;
    finding_event(f, entry->step, e->pe, entry->pc,
                  "%s TLB entry %u: 0x%" PRIx64 " to 0x%" PRIx64
                  ", VMID %u, under root 0x%" PRIx64,
                  shadow_fills(entry), entry->entry, entry->input, entry->output, entry->vmid,
                  entry->root);
    if (owned)
        finding_event(f, owned->step, owned->pe, owned->pc,
                      "root 0x%" PRIx64 " maps the page, at IPA 0x%" PRIx64 " (%" PRIu64 " bytes)",
                      owned->root, owned->ipa, UINT64_C(1) << (owned->key & 63));
    finding_event(f, now->step, e->pe, now->pc, "runs root 0x%" PRIx64 " with VMID %u", now->root,
                  now->vmid);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe),
                  "%s 0x%" PRIx64 " through the entry: PA 0x%" PRIx64 " is not this VM's",
                  e->tlb_hit.write ? "writes" : "uses", e->tlb_hit.va, e->tlb_hit.pa);
    finding_end(c, f, "CPU %u, running stage 2 root 0x%" PRIx64
                " with VMID %u, reaches PA 0x%" PRIx64 ", which belongs to root 0x%" PRIx64,
                e->pe, now->root, now->vmid, e->tlb_hit.pa, owned ? owned->root : entry->root);
}

static void used(struct checks *c, const struct event *e)
{
    struct check_state *s = c->state;
    const struct shadow_context *now = &s->context[e->pe];
    struct shadow_entry *entry = c->hit;
    if (e->tlb_hit.regime != REGIME_EL10 || !now->live || !entry ||
        entry->owner_epoch == s->epoch + 1)
        return;
    entry->owner_epoch = s->epoch + 1;
    if (entry->root != now->root) {
        report(c, e, NULL);
        return;
    }
    if ((e->tlb_hit.stage & 4) || e->tlb_hit.ipa == UINT64_MAX) /* a table is no page of the VM */
        return;
    const struct owned *owned =
        owned_by_other(c->own[CHECK_OWNER], e->tlb_hit.pa, now->root);
    if (owned && !reaches(c, e->pe, e->tlb_hit.ipa, e->tlb_hit.pa))
        report(c, e, owned);
}

void check_owner(struct checks *c, const struct event *e)
{
    if (e->kind == EVENT_TLB_FILL)
        filled(c, e);
    else
        used(c, e);
}
