/*
 * The order of accesses, put together: each access asks the store buffers, takes what is below,
 * and looks into the history; barriers and TLB maintenance move what they order in both. The
 * rules stand in order.h, view.c and buffer.c.
 *
 * Not modelled: limits of what one DSB finishes but those of its domain and access types.
 *
 * DDI 0487 B2.3 and the descriptions of DMB, DSB and ISB; "Completion of TLB maintenance
 * instructions".
 */
#include "mem/order.h"

#include "mem/buffer.h"
#include "mem/history.h"
#include "mem/view.h"

#include <string.h>

#define GRANULE_BYTES 64u /* the exclusives reservation granule */

/* CRm of DMB and DSB: access types in bits 1:0, domain in bits 3:2. */
#define CRM_LOADS 1u
#define CRM_STORES 2u
#define CRM_NON_SHAREABLE 1u

/* order_pe.owes_tlbi, order_store.condemned */
#define OWES_BROADCAST 2u
#define CONDEMNED_TWICE 2u

static bool crm_is_for_others(unsigned crm)
{
    /* reserved types are those of SY, in any domain */
    return (crm & 3u) == 0 || crm >> 2 != CRM_NON_SHAREABLE;
}

size_t order_state_bytes(const struct order *o)
{
    return offsetof(struct order_state, pe) + o->pe_count * sizeof(struct order_pe);
}

static bool is_by_pe(const struct order *o, const struct access *access)
{
    return access->pe < o->pe_count;
}

/* walk-is-an-observer: these do not see the PE's own stores that wait. */
static bool is_apart(const struct access *access)
{
    return access->kind == ACCESS_WALK || access->kind == ACCESS_FETCH ||
           access->kind == ACCESS_DMA;
}

/* Stores by others to these bytes, and for exclusives to all that their monitor watches. */
static void ask_others(struct order *o, const struct access *access)
{
    unsigned spared = is_apart(access) ? ORDER_NO_PE : access->pe;
    uint64_t pa = access->pa.bits;
    size_t size = access->size;
    if (access->exclusive) {
        pa = align_down(pa, GRANULE_BYTES);
        size = GRANULE_BYTES;
    }
    bool writes = access->exclusive || access->atomic || access->is_write;
    buffer_observe(o, spared, pa, size, writes);
}

/* What a PE's read takes; the part that its own stores give is fixed. */
static void read_history(struct order *o, const struct access *access, unsigned forwarded,
                         uint64_t view, uint64_t value[2])
{
    struct order_views *v = &o->state->pe[access->pe].views;
    if (!choice_is_open(o->chooser, CHOICE_LOAD_EARLY)) {
        view_forget(v, o->state->time);
        return;
    }
    uint64_t floor = view_floor(v, access);
    if (forwarded < access->size) {
        bool newest = forwarded != 0 || access->exclusive || access->atomic ||
                      (access->memory & 0xf0u) == 0;
        view_raise(&view, history_read(o, access, floor, !is_apart(access), newest, value));
    }
    view_took(v, access, floor, view);
}

void order_read(struct order *o, const struct access *access, uint64_t value[2])
{
    uint64_t own[2], view = 0;
    unsigned forwarded = 0;
    if (o->capacity != 0) {
        if (!is_apart(access))
            buffer_pass(o, access);
        ask_others(o, access);
        forwarded = buffer_forward(o, access, is_apart(access), own, &view);
    }
    o->below.read(o->below.owner, access, value);
    if (o->history != 0 && is_by_pe(o, access))
        read_history(o, access, forwarded, view, value);
    if (forwarded != 0)
        buffer_forward(o, access, is_apart(access), value, &view);
}

enum port_result order_write(struct order *o, const struct access *access, const uint64_t value[2])
{
    uint64_t view = 0;
    if (is_by_pe(o, access)) {
        const struct order_views *v = &o->state->pe[access->pe].views;
        view_raise(&view, v->address);
        view_raise(&view, v->data);
        view_raise(&view, v->walked);
    }
    if (buffer_takes(o, access)) {
        buffer_put(o, access, value, view);
        return PORT_OK;
    }
    if (o->capacity != 0) {
        buffer_pass(o, access);
        if (!access->atomic) /* nothing comes between the halves of an atomic access */
            ask_others(o, access);
    }
    return history_write(o, access, value, view);
}

void order_device(struct order *o, const struct access *access)
{
    if (o->capacity != 0)
        buffer_pass(o, access);
}

void order_dmb(struct order *o, unsigned pe, unsigned crm)
{
    struct order_pe *p = &o->state->pe[pe];
    unsigned types = crm & 3u;
    if (!crm_is_for_others(crm))
        return;
    if (types == CRM_STORES) {
        if (p->count != 0)
            p->group++;
        return;
    }
    if (types != CRM_LOADS)
        buffer_drain(o, pe, buffer_is_any, 0, ORDER_BARRIER);
    view_dmb(&p->views, true, types != CRM_LOADS);
}

void order_dsb(struct order *o, unsigned pe, unsigned crm)
{
    struct order_pe *p = &o->state->pe[pe];
    unsigned types = crm & 3u;
    if (crm == 0 || crm == 4) /* SSBB and PSSBB */
        return;
    bool others = crm_is_for_others(crm);
    if (types != CRM_LOADS && others)
        buffer_drain(o, pe, buffer_is_any, 0, ORDER_BARRIER);
    for (unsigned i = 0; i < p->count && types != CRM_LOADS; i++) {
        if (p->store[i].own == ORDER_OWN_NOT)
            p->store[i].own = ORDER_OWN_COMPLETE;
    }
    view_dsb(&p->views, types != CRM_STORES, types != CRM_LOADS, others);
}

void order_synchronize(struct order *o, unsigned pe)
{
    struct order_pe *p = &o->state->pe[pe];
    for (unsigned i = 0; i < p->count; i++) {
        if (p->store[i].own == ORDER_OWN_COMPLETE)
            p->store[i].own = ORDER_OWN_SEEN;
    }
    view_synchronize(&p->views);
}

void order_event(struct order *o, unsigned pe)
{
    o->state->pe[pe].views.event = o->state->time;
}

void order_woken(struct order *o, unsigned pe)
{
    struct order_views *v = &o->state->pe[pe].views;
    view_raise(&v->read_new, v->event);
    view_raise(&v->observer, v->event);
}

static bool is_on_line(const struct order_store *s, uint64_t line)
{
    return order_overlaps(s->pa, s->size, line, GRANULE_BYTES);
}

void order_clean(struct order *o, unsigned pe, pa_t pa)
{
    buffer_drain(o, pe, is_on_line, align_down(pa.bits, GRANULE_BYTES), ORDER_BEFORE);
}

void order_tlbi(struct order *o, unsigned pe, bool broadcast)
{
    struct order_pe *p = &o->state->pe[pe];
    if (broadcast || p->owes_tlbi == 0)
        p->owes_tlbi = broadcast ? OWES_BROADCAST : 1;
    p->views.tlbi = p->views.complete;
}

bool order_owes_tlbi(const struct order *o, unsigned pe)
{
    return o->state->pe[pe].owes_tlbi == OWES_BROADCAST;
}

void order_tlbi_delivered(struct order *o, unsigned pe, unsigned issuer)
{
    view_raise(&o->state->pe[pe].views.observer, o->state->pe[issuer].views.tlbi);
}

static bool is_condemned(const struct order_store *s, uint64_t least)
{
    return s->condemned >= least;
}

/*
 * Erratum tlbi-stores: the DSB does not wait for other PEs' stores; one behind a further TLBI does,
 * which is the workaround.
 */
void order_tlbi_finish(struct order *o, unsigned pe, unsigned issuer)
{
    struct order_pe *p = &o->state->pe[pe];
    bool waits = !o->late_stores || pe == issuer;
    if (!waits && !order_owes_tlbi(o, issuer))
        return;
    buffer_drain(o, pe, is_condemned, waits ? 1 : CONDEMNED_TWICE, ORDER_TLBI);
    for (unsigned i = 0; i < p->count; i++) {
        if (p->store[i].condemned != 0)
            p->store[i].condemned = CONDEMNED_TWICE;
    }
}

void order_tlbi_done(struct order *o, unsigned issuer)
{
    struct order_pe *p = &o->state->pe[issuer];
    if (p->owes_tlbi == 0)
        return;
    p->owes_tlbi = 0;
    view_raise(&p->views.read_new, o->state->time);
    view_raise(&p->views.complete, o->state->time);
}

/* The last write that is forgotten: views up to it bind nobody. */
static uint64_t forgotten_time(const struct order *o)
{
    return o->state->time - o->state->count;
}

void order_entry_made(struct order *o, unsigned pe, uint32_t entry)
{
    if (o->history != 0)
        view_entry_made(&o->state->pe[pe].views, entry, forgotten_time(o));
}

void order_entry_used(struct order *o, unsigned pe, uint32_t entry)
{
    if (o->history != 0)
        view_entry_used(&o->state->pe[pe].views, entry);
}

static bool used_entry(const struct order_store *s, uint64_t entry)
{
    return s->entry == entry && s->condemned == 0;
}

void order_entry_gone(struct order *o, unsigned pe, uint32_t entry, bool invalidated)
{
    struct order_pe *p = &o->state->pe[pe];
    view_entry_gone(&p->views, entry);
    for (unsigned i = 0; i < p->count; i++) {
        struct order_store *s = &p->store[i];
        if (!used_entry(s, entry))
            continue;
        /* one that was evicted cannot be named by a later TLBI: its stores go now */
        if (!invalidated || choose(o->chooser, o->counts, CHOICE_TLBI_DRAIN, pe, 2) == 0) {
            uint64_t number = s->number;
            buffer_drain(o, pe, buffer_is_number, number, ORDER_TLBI);
            i = (unsigned)-1; /* others have gone with it */
        } else {
            s->condemned = 1;
        }
    }
}

void order_look(struct order *o, pa_t pa, size_t size)
{
    buffer_observe(o, ORDER_NO_PE, pa.bits, size, false);
}

bool order_drain(struct order *o, unsigned pe)
{
    return buffer_drain(o, pe, buffer_is_any, 0, ORDER_SETTLED);
}

bool order_drain_all(struct order *o)
{
    bool any = false;
    for (uint64_t number; (number = buffer_oldest(o)) != 0; any = true) {
        for (unsigned pe = 0; pe < o->pe_count; pe++)
            buffer_drain(o, pe, buffer_is_number, number, ORDER_SETTLED);
    }
    return any;
}

void order_instruction_begin(struct order *o, unsigned pe, const struct order_operands *operands)
{
    view_begin(&o->state->pe[pe].views, operands);
}

void order_instruction_end(struct order *o, unsigned pe, const struct order_operands *operands,
                           bool completed)
{
    view_end(&o->state->pe[pe].views, operands, completed);
}
