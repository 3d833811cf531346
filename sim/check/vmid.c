/*
 * Checker vmid: what may be live at once. Two PEs at EL1 or EL0 with stage 2 on must not share a
 * VMID unless they share the root, nor a root unless VTCR_EL2 says the same of its shape; a VM
 * must not run under the VMID of a host that runs without stage 2; and where a scenario declares
 * that a root has one VMID, it must not be live under two.
 *
 * VMIDs count as they are in effect: with VTCR_EL2.VS = 0 only the low 8 bits are.
 * DDI 0487: VTTBR_EL2.VMID, VTCR_EL2, "VMSAv8-64 and Virtual Machine Identifiers".
 */
#include "sim/check/check_parts.h"

#include <inttypes.h>
#include <stdio.h>

/* What says how the tables of a root are to be read. */
#define VTCR_SHAPE (VTCR_EL2_T0SZ | VTCR_EL2_SL0 | VTCR_EL2_TG0 | VTCR_EL2_PS)

enum clash { CLASH_NONE, CLASH_ROOTS, CLASH_VTCR, CLASH_VMIDS, CLASH_HOST };

static const char *const clash_kind[] = {
    [CLASH_ROOTS] = "two-roots",
    [CLASH_VTCR] = "two-vtcrs",
    [CLASH_VMIDS] = "two-vmids",
    [CLASH_HOST] = "host-vmid",
};

/* Runs the PE at EL1 or EL0 without stage 2, with stage 1 on, under this VMID? */
static bool is_host_with(const struct checks *c, unsigned pe, uint16_t vmid)
{
    const struct machine *m = c->machine;
    const struct cpu *cpu = &m->state->cpu[pe];
    if (cpu->el == 2 || cpu->wait == CPU_IS_OFF)
        return false;
    struct regime regime = core_regime_peek(cpu, &m->mmu_config, REGIME_EL10);
    return !regime.stage2_on && regime.stage1_on && regime.vmid == vmid;
}

static enum clash clash_of(const struct checks *c, unsigned pe, const struct shadow_context *now)
{
    const struct shadow_context *other = &c->state->context[pe];
    if (!other->live)
        return is_host_with(c, pe, now->vmid) ? CLASH_HOST : CLASH_NONE;
    bool same_id = other->vmid == now->vmid, same_root = other->root == now->root;
    if (same_id && !same_root)
        return CLASH_ROOTS;
    if (same_root && ((other->vtcr ^ now->vtcr) & VTCR_SHAPE) != 0)
        return CLASH_VTCR;
    return same_root && !same_id && c->options.one_root_one_id ? CLASH_VMIDS : CLASH_NONE;
}

/* A VMID, and where it is not all of VTTBR_EL2.VMID, how it came about. */
static const char *vmid_text(const struct shadow_context *x, char text[80])
{
    uint16_t written = (uint16_t)(x->vttbr >> 48);
    if (written == x->vmid)
        snprintf(text, 80, "%u", x->vmid);
    else
        snprintf(text, 80, "%u (VTTBR_EL2.VMID is %u, of which 8 bits count)", x->vmid, written);
    return text;
}

static void report(struct checks *c, const struct event *e, unsigned pe, enum clash clash)
{
    const struct shadow_context *now = &c->state->context[e->pe], *other = &c->state->context[pe];
    struct finding *f = finding_begin(c, CHECK_VMID, clash_kind[clash], e);
    char mine[80], theirs[80];
    if (!f)
        return;
    if (clash == CLASH_HOST)
        finding_event(f, other->step, pe, other->pc,
                      "runs without stage 2, and VTTBR_EL2 gives it VMID %u", now->vmid);
    else
        finding_event(f, other->step, pe, other->pc,
                      "runs stage 2 root 0x%" PRIx64 " with VMID %s from here on", other->root,
                      vmid_text(other, theirs));
    finding_event(f, now->step, e->pe, now->pc, "enters stage 2 root 0x%" PRIx64 " with VMID %s",
                  now->root, vmid_text(now, mine));
    switch (clash) {
    case CLASH_ROOTS:
        finding_end(c, f, "VMID %u is live with two stage 2 roots: 0x%" PRIx64
                    " on CPU %u, 0x%" PRIx64 " on CPU %u",
                    now->vmid, other->root, pe, now->root, e->pe);
        break;
    case CLASH_VTCR:
        finding_end(c, f, "stage 2 root 0x%" PRIx64 " is live with two shapes: VTCR_EL2 is 0x%"
                    PRIx64 " on CPU %u, 0x%" PRIx64 " on CPU %u",
                    now->root, other->vtcr, pe, now->vtcr, e->pe);
        break;
    case CLASH_VMIDS:
        finding_end(c, f, "stage 2 root 0x%" PRIx64 " is live under two VMIDs: %u on CPU %u, "
                    "%u on CPU %u",
                    now->root, other->vmid, pe, now->vmid, e->pe);
        break;
    case CLASH_HOST:
        finding_end(c, f, "stage 2 root 0x%" PRIx64 " is live on CPU %u under VMID %u, under "
                    "which CPU %u runs without stage 2",
                    now->root, e->pe, now->vmid, pe);
        break;
    case CLASH_NONE:
        break;
    }
}

void check_vmid(struct checks *c, const struct event *e)
{
    const struct shadow_context *now = &c->state->context[e->pe];
    for (unsigned pe = 0; now->live && pe < c->machine->config.pe_count; pe++) {
        enum clash clash = pe == e->pe ? CLASH_NONE : clash_of(c, pe, now);
        if (clash != CLASH_NONE) {
            report(c, e, pe, clash);
            return;
        }
    }
}
