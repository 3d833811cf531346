/*
 * The shadow that checkers keep of what is live on each PE and of every valid TLB entry with the
 * tables from which, and the vCPU for which, it was made. It comes from events; tables and vCPU
 * are those of the PE's registers in effect at the event.
 *
 * Invalidations: shadow_tlbi.c. TLB entries as in DDI 0487, "Translation Lookaside Buffers".
 */
#include "sim/check/shadow.h"

#include <string.h>

static struct shadow_entry *table(struct checks *c, unsigned pe)
{
    return &c->entry[(size_t)pe * c->entry_slots];
}

static uint32_t slot_of(const struct checks *c, uint32_t entry)
{
    return (uint32_t)hash_mix(entry) & (c->entry_slots - 1);
}

struct shadow_entry *shadow_find(struct checks *c, unsigned pe, uint32_t entry)
{
    if (c->entry_slots == 0)
        return NULL;
    struct shadow_entry *t = table(c, pe);
    uint32_t slot = slot_of(c, entry);
    while (t[slot].entry != 0) {
        if (t[slot].entry == entry)
            return &t[slot];
        slot = (slot + 1) & (c->entry_slots - 1);
    }
    return NULL;
}

const char *shadow_fills(const struct shadow_entry *entry)
{
    return entry->is_ahead ? "has, from a walk that nobody asked for," : "fills";
}

/* The root is not what is live: EL2 makes entries of a VM by AT instructions. */
static void entry_add(struct checks *c, const struct event *e)
{
    const struct event_tlb_fill *fill = &e->tlb_fill;
    struct shadow_entry *t = table(c, e->pe);
    uint32_t slot = slot_of(c, fill->entry);
    if (c->entry_slots == 0)
        return;
    while (t[slot].entry != 0)
        slot = (slot + 1) & (c->entry_slots - 1);
    bool has_stage1 = (fill->stage & 3u) != 2, is_el10 = fill->regime == REGIME_EL10;
    t[slot] = (struct shadow_entry){
        .root = is_el10 ? check_root(c, e->pe) : 0,
        .ttbr = has_stage1 ? check_ttbr(c, e->pe, fill->regime, fill->input) : 0,
        .vmpidr = is_el10 ? check_vcpu(c, e->pe) : e->pe,
        .input = fill->input,
        .output = fill->output,
        .step = e->step,
        .pc = check_pc(c, e->pe),
        .entry = fill->entry,
        .checked_tlbi = c->state->tlbi_done,
        .size_log2 = fill->size_log2,
        .vmid = fill->vmid,
        .asid = fill->asid,
        .stage = fill->stage,
        .level = fill->level,
        .regime = fill->regime,
        .is_global = fill->global,
    };
}

/* It was made by other registers than those now in effect. */
static void entry_ahead(struct checks *c, const struct event *e)
{
    struct shadow_entry *entry = shadow_find(c, e->pe, e->tlb_ahead.entry);
    if (!entry)
        return;
    bool has_stage1 = (entry->stage & 3u) != 2;
    entry->root = entry->regime == REGIME_EL10 ? e->tlb_ahead.root : 0;
    entry->ttbr = has_stage1 ? e->tlb_ahead.ttbr : 0;
    entry->is_ahead = 1;
}

/* Removal from an open-addressed table: what follows in the run of slots is put in again. */
static void entry_remove(struct checks *c, const struct event *e)
{
    struct shadow_entry *gone = shadow_find(c, e->pe, e->tlb_gone.entry);
    c->gone.entry = 0;
    if (!gone)
        return;
    c->gone = *gone;
    struct shadow_entry *t = table(c, e->pe);
    uint32_t mask = c->entry_slots - 1;
    uint32_t hole = (uint32_t)(gone - t);
    uint32_t slot = hole;
    for (;;) {
        slot = (slot + 1) & mask;
        if (t[slot].entry == 0)
            break;
        uint32_t home = slot_of(c, t[slot].entry);
        if (((slot - home) & mask) >= ((slot - hole) & mask)) {
            t[hole] = t[slot];
            hole = slot;
        }
    }
    memset(&t[hole], 0, sizeof t[hole]);
}

static void context_changed(struct checks *c, const struct event *e)
{
    const struct event_context *now = &e->context;
    const uint64_t *effective = check_effective(c, e->pe);
    c->state->context[e->pe] = (struct shadow_context){
        .root = now->root,
        .step = e->step,
        .pc = check_pc(c, e->pe),
        .vmpidr = now->vmpidr,
        .vttbr = effective[SR_VTTBR_EL2],
        .vtcr = effective[SR_VTCR_EL2],
        .vmid = now->vmid,
        .asid = now->asid,
        .live = now->live,
    };
    c->state->epoch++; /* its own regime has changed with it: the next uses are told anew */
}

/* What the PE's own TLBIs removed counts for itself from here on. */
static void synchronized(struct checks *c, const struct event *e)
{
    struct check_state *s = c->state;
    uint64_t before = s->synchronized_step[e->pe];
    s->synchronized_step[e->pe] = e->step;
    if (s->finished_step[e->pe] >= before && s->tlbi_done != 0)
        check_look_again(c);
}

static void barrier(struct checks *c, const struct event *e)
{
    if (e->barrier.barrier == BARRIER_ISB)
        synchronized(c, e);
    else if (e->barrier.barrier == BARRIER_DSB)
        shadow_dsb(c, e);
}

static const struct {
    uint64_t kind;
    bool of_entries;
    void (*hear)(struct checks *c, const struct event *e);
} kinds[] = {
    {EVENT_CONTEXT, false, context_changed},
    {EVENT_TLB_FILL, true, entry_add},
    {EVENT_TLB_AHEAD, true, entry_ahead},
    {EVENT_TLB_GONE, true, entry_remove},
    {EVENT_TLBI, false, shadow_tlbi_issued},
    {EVENT_TLBI_DONE, false, shadow_tlbi_finished},
    {EVENT_TLBI_LOCAL_DONE, false, shadow_tlbi_finished},
    {EVENT_BARRIER, false, barrier},
    {EVENT_EXC_TAKE, false, synchronized},
    {EVENT_ERET, false, synchronized},
};

uint64_t shadow_events(bool entries)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (entries || !kinds[i].of_entries)
            mask |= UINT64_C(1) << kinds[i].kind;
    }
    return mask;
}

void shadow_event(struct checks *c, const struct event *e)
{
    for (unsigned i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (kinds[i].kind == e->kind) {
            kinds[i].hear(c, e);
            return;
        }
    }
}
