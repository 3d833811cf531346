/*
 * Checker vmid: what may be live at once. Two PEs at EL1 or EL0 with stage 2 on must not share a
 * VMID unless they share the root; and where a scenario declares that a root has one VMID, it
 * must not be live under two.
 */
#include "sim/check/check_parts.h"

#include <inttypes.h>

void check_vmid(struct checks *c, const struct event *e)
{
    const struct shadow_context *now = &c->state->context[e->pe];
    if (!now->live)
        return;
    for (unsigned pe = 0; pe < c->machine->config.pe_count; pe++) {
        const struct shadow_context *other = &c->state->context[pe];
        if (pe == e->pe || !other->live)
            continue;
        bool same_id = other->vmid == now->vmid, same_root = other->root == now->root;
        bool two_roots = same_id && !same_root;
        bool two_ids = same_root && !same_id && c->options.one_root_one_id;
        if (!two_roots && !two_ids)
            continue;
        struct finding *f =
            finding_begin(c, CHECK_VMID, two_roots ? "two-roots" : "two-vmids", e);
        if (!f)
            return;
        finding_event(f, other->step, pe, other->pc,
                      "runs stage 2 root 0x%" PRIx64 " with VMID %u from here on", other->root,
                      other->vmid);
        finding_event(f, now->step, e->pe, now->pc,
                      "enters stage 2 root 0x%" PRIx64 " with VMID %u", now->root, now->vmid);
        if (two_roots)
            finding_end(c, f, "VMID %u is live with two stage 2 roots: 0x%" PRIx64
                        " on CPU %u, 0x%" PRIx64 " on CPU %u",
                        now->vmid, other->root, pe, now->root, e->pe);
        else
            finding_end(c, f, "stage 2 root 0x%" PRIx64 " is live under two VMIDs: %u on CPU %u, "
                        "%u on CPU %u",
                        now->root, other->vmid, pe, now->vmid, e->pe);
        return;
    }
}
