/*
 * The shadow that checkers keep of what is live on each PE, of every valid TLB entry with the
 * stage 2 root under which it was made, of invalidations, and of which root maps which page. It
 * comes from events alone.
 */
#include "sim/check/check_parts.h"

#include <string.h>

/* Entries are to be judged again at their next use. */
static void look_again(struct checks *c)
{
    c->state->epoch++;
    c->machine->events.renew++;
}

static struct shadow_entry *table(struct checks *c, unsigned pe)
{
    return &c->state->entry[(size_t)pe * c->entry_slots];
}

static uint32_t slot_of(const struct checks *c, uint32_t entry)
{
    return (uint32_t)hash_mix(entry) & (c->entry_slots - 1);
}

struct shadow_entry *shadow_find(struct checks *c, unsigned pe, uint32_t entry)
{
    struct shadow_entry *t = table(c, pe);
    uint32_t slot = slot_of(c, entry);
    while (t[slot].entry != 0) {
        if (t[slot].entry == entry)
            return &t[slot];
        slot = (slot + 1) & (c->entry_slots - 1);
    }
    return NULL;
}

/*
 * The stage 2 root under which an entry is made, 0 for none. Not what is live: EL2 makes entries
 * of a VM by AT instructions.
 */
static uint64_t root_of_fill(const struct checks *c, const struct event *e)
{
    const uint64_t *effective = c->machine->state->cpu[e->pe].effective;
    if (e->tlb_fill.regime != REGIME_EL10 || (effective[SR_HCR_EL2] & HCR_EL2_VM) == 0)
        return 0;
    return effective[SR_VTTBR_EL2] & VTTBR_EL2_BADDR;
}

static void entry_add(struct checks *c, const struct event *e)
{
    const struct event_tlb_fill *fill = &e->tlb_fill;
    struct shadow_entry *t = table(c, e->pe);
    uint32_t slot = slot_of(c, fill->entry);
    while (t[slot].entry != 0)
        slot = (slot + 1) & (c->entry_slots - 1);
    t[slot] = (struct shadow_entry){
        .root = root_of_fill(c, e),
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

/* Removal from an open-addressed table: what follows in the run of slots is put in again. */
static void entry_remove(struct checks *c, unsigned pe, uint32_t entry)
{
    struct shadow_entry *gone = shadow_find(c, pe, entry);
    if (!gone)
        return;
    struct shadow_entry *t = table(c, pe);
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

const struct shadow_page *shadow_page_find(const struct checks *c, uint64_t pa)
{
    const struct check_state *s = c->state;
    uint64_t page = align_down(pa, PAGE_BYTES) | 1;
    uint32_t slot = (uint32_t)hash_mix(page) % PAGE_LOG_MAX;
    while (s->page[slot].pa != 0) {
        if (s->page[slot].pa == page)
            return &s->page[slot];
        slot = (slot + 1) % PAGE_LOG_MAX;
    }
    return NULL;
}

/* A stage 2 walk found that the live root maps this page. Larger blocks have one owner. */
static void page_seen(struct checks *c, const struct event *e)
{
    struct check_state *s = c->state;
    const struct event_tlb_fill *fill = &e->tlb_fill;
    const struct shadow_context *context = &s->context[e->pe];
    if (!context->live || fill->size_log2 != PAGE_SHIFT)
        return;
    uint64_t page = align_down(fill->output, PAGE_BYTES) | 1;
    uint32_t slot = (uint32_t)hash_mix(page) % PAGE_LOG_MAX;
    while (s->page[slot].pa != 0 && s->page[slot].pa != page)
        slot = (slot + 1) % PAGE_LOG_MAX;
    if (s->page[slot].pa == 0) {
        if (s->page_count >= PAGE_LOG_MAX / 2)
            return; /* the log is bounded: what is not in it is not judged */
        s->page_count++;
    }
    if (s->page[slot].root != context->root)
        look_again(c);
    s->page[slot] = (struct shadow_page){
        .pa = page, .ipa = fill->input, .root = context->root, .step = e->step};
}

static void tlbi_issued(struct checks *c, const struct event *e)
{
    struct check_state *s = c->state;
    const struct event_tlbi *t = &e->tlbi;
    s->tlbi[s->tlbi_count++ % TLBI_LOG_MAX] = (struct shadow_tlbi){
        .root = t->vttbr & VTTBR_EL2_BADDR,
        .address = t->address,
        .step = e->step,
        .pc = check_pc(c, e->pe),
        .message = t->message,
        .vmid = t->vmid,
        .asid = t->asid,
        .operation = t->operation,
        .scope = t->scope,
        .pe = e->pe,
    };
}

static void tlbi_finished(struct checks *c, const struct event *e)
{
    struct check_state *s = c->state;
    uint32_t oldest = s->tlbi_count > TLBI_LOG_MAX ? s->tlbi_count - TLBI_LOG_MAX : 0;
    for (uint32_t i = oldest; i < s->tlbi_count; i++) {
        struct shadow_tlbi *t = &s->tlbi[i % TLBI_LOG_MAX];
        if (t->pe == e->pe && t->done_step == 0 && t->message <= e->tlbi_done.message) {
            t->done_step = e->step;
            s->tlbi_done++;
        }
    }
    s->finished_step[e->pe] = e->step;
    look_again(c);
}

/* What the PE's own TLBIs removed counts for itself from here on. */
static void synchronized(struct checks *c, const struct event *e)
{
    struct check_state *s = c->state;
    uint64_t before = s->synchronized_step[e->pe];
    s->synchronized_step[e->pe] = e->step;
    if (s->finished_step[e->pe] >= before && s->tlbi_done != 0)
        look_again(c);
}

static void context_changed(struct checks *c, const struct event *e)
{
    const struct event_context *now = &e->context;
    c->state->context[e->pe] = (struct shadow_context){
        .root = now->root,
        .step = e->step,
        .pc = check_pc(c, e->pe),
        .vmpidr = now->vmpidr,
        .vmid = now->vmid,
        .asid = now->asid,
        .live = now->live,
    };
    c->state->epoch++; /* its own regime has changed with it: the next uses are told anew */
}

void shadow_event(struct checks *c, const struct event *e)
{
    switch ((enum event_kind)e->kind) {
    case EVENT_CONTEXT:
        context_changed(c, e);
        break;
    case EVENT_TLB_FILL:
        entry_add(c, e);
        if (e->tlb_fill.stage == 2)
            page_seen(c, e);
        break;
    case EVENT_TLB_GONE:
        entry_remove(c, e->pe, e->tlb_gone.entry);
        break;
    case EVENT_TLBI:
        tlbi_issued(c, e);
        break;
    case EVENT_TLBI_DONE:
        tlbi_finished(c, e);
        break;
    case EVENT_BARRIER:
        if (e->barrier.barrier == 2) /* ISB */
            synchronized(c, e);
        break;
    case EVENT_EXC_TAKE:
    case EVENT_ERET:
        synchronized(c, e);
        break;
    case EVENT_RETIRE:
    case EVENT_REG:
    case EVENT_VREG:
    case EVENT_SYSREG:
    case EVENT_EFFECTIVE:
    case EVENT_MEM:
    case EVENT_WALK:
    case EVENT_TLB_HIT:
    case EVENT_TLBI_DELIVER:
    case EVENT_LINE:
    case EVENT_GIC:
    case EVENT_WAIT:
    case EVENT_FIRMWARE:
    case EVENT_CONSOLE:
    case EVENT_EXIT:
    case EVENT_CACHE_LINE:
    case EVENT_CACHE_STALE:
    case EVENT_CACHE_OP:
    case EVENT_CHOICE:
    case EVENT_HOLD:
    case EVENT_KIND_COUNT:
        break;
    }
}

const char *shadow_tlbi_name(unsigned operation)
{
    static const char *const names[TLBI_OPERATION_COUNT] = {
        [TLBI_VMALLE1] = "VMALLE1",   [TLBI_VAE1] = "VAE1",
        [TLBI_ASIDE1] = "ASIDE1",     [TLBI_VAAE1] = "VAAE1",
        [TLBI_VALE1] = "VALE1",       [TLBI_VAALE1] = "VAALE1",
        [TLBI_IPAS2E1] = "IPAS2E1",   [TLBI_IPAS2LE1] = "IPAS2LE1",
        [TLBI_VMALLS12E1] = "VMALLS12E1", [TLBI_ALLE1] = "ALLE1",
        [TLBI_ALLE2] = "ALLE2",       [TLBI_VAE2] = "VAE2",
        [TLBI_VALE2] = "VALE2",
    };
    return operation < TLBI_OPERATION_COUNT ? names[operation] : "?";
}
