/*
 * Views: what holds a PE's reads to an order. A view is a time in the history of writes; a read
 * may take what was there at its floor or later.
 *
 * The table of floors and of what raises them is in view.h.
 *
 * Registers carry the view of what they were computed from: so do address dependencies, and data
 * dependencies through a store that the PE itself reads. A DMB or DSB of the non-shareable domain
 * orders nothing for others; DSB NSH completes for the PE's own walks. Stores need no floor: they
 * become visible after all that their PE has read by then. There is no FEAT_ETS: a load-acquire
 * does not order walks behind it.
 *
 * Not modelled: views of single vector and system registers and stack pointers; they never fall.
 *
 * DDI 0487 B2.3, "Dependency-ordered-before", "Barrier-ordered-before"; D8, "Ordering and
 * completion of TLB maintenance instructions", "Translation table walks as observers".
 */
#include "mem/view.h"

void view_wrote(struct order_views *v, uint64_t time, bool is_release)
{
    view_raise(&v->write_old, time);
    if (is_release)
        view_raise(&v->release, time);
}

uint64_t view_floor(const struct order_views *v, const struct access *access)
{
    uint64_t floor = v->walked;
    switch ((enum access_kind)access->kind) {
    case ACCESS_WALK:
        view_raise(&floor, v->address);
        view_raise(&floor, v->observer);
        break;
    case ACCESS_FETCH:
        view_raise(&floor, v->observer);
        break;
    case ACCESS_ACQUIRE:
        if (!access->weak)
            view_raise(&floor, v->release);
        view_raise(&floor, v->address);
        view_raise(&floor, v->read_new);
        break;
    case ACCESS_PLAIN:
    case ACCESS_RELEASE:
    case ACCESS_DMA:
    case ACCESS_KIND_COUNT:
        view_raise(&floor, v->address);
        view_raise(&floor, v->read_new);
        break;
    }
    return floor;
}

void view_took(struct order_views *v, const struct access *access, uint64_t floor, uint64_t view)
{
    if (access->kind == ACCESS_WALK) {
        view_raise(&v->walked, view);
        return;
    }
    view_raise(&view, floor);
    if (access->kind == ACCESS_FETCH) {
        v->walked = 0; /* what its walk has read is done with */
    } else {
        view_raise(&v->loaded, view);
        view_raise(&v->read_old, view);
        if (access->kind == ACCESS_ACQUIRE)
            view_raise(&v->read_new, view);
    }
}

void view_forget(struct order_views *v, uint64_t now)
{
    v->read_new = v->observer = now;
}

void view_dmb(struct order_views *v, bool loads, bool stores)
{
    if (loads)
        view_raise(&v->read_new, v->read_old);
    if (stores)
        view_raise(&v->read_new, v->write_old);
}

void view_dsb(struct order_views *v, bool loads, bool stores, bool others)
{
    if (others)
        view_dmb(v, loads, stores);
    if (loads)
        view_raise(&v->complete, v->read_old);
    if (stores)
        view_raise(&v->complete, v->write_old);
}

void view_synchronize(struct order_views *v)
{
    view_raise(&v->control, v->walked); /* an exception depends on the walk that found it */
    /* Nothing before it can fault any more: the walks are done. */
    view_raise(&v->control, v->translated);
    view_raise(&v->read_new, v->control);
    view_raise(&v->observer, v->control);
    view_raise(&v->observer, v->complete);
    view_raise(&v->cell[ORDER_SYSTEM], v->cell[ORDER_NZCV]); /* SPSR_ELx */
}

void view_entry_made(struct order_views *v, uint32_t entry, uint64_t forgotten)
{
    if (v->walked <= forgotten)
        return;
    unsigned place = v->entry_next;
    v->entry_next = (place + 1) % ORDER_ENTRY_MAX;
    if (v->entry[place] != 0)
        view_raise(&v->entry_rest, v->entry_view[place]);
    v->entry[place] = entry;
    v->entry_view[place] = v->walked;
}

void view_entry_used(struct order_views *v, uint32_t entry)
{
    view_raise(&v->walked, v->entry_rest);
    for (unsigned i = 0; i < ORDER_ENTRY_MAX; i++) {
        if (v->entry[i] == entry && entry != 0)
            view_raise(&v->walked, v->entry_view[i]);
    }
}

void view_entry_gone(struct order_views *v, uint32_t entry)
{
    for (unsigned i = 0; i < ORDER_ENTRY_MAX; i++) {
        if (v->entry[i] == entry)
            v->entry[i] = 0, v->entry_view[i] = 0;
    }
}

static uint64_t cells_max(const struct order_views *v, uint64_t cells)
{
    uint64_t view = 0;
    for (; cells != 0; cells &= cells - 1)
        view_raise(&view, v->cell[__builtin_ctzll(cells)]);
    return view;
}

/* Several registers are behind one of the last cells: its view never falls. */
static void cells_set(struct order_views *v, uint64_t cells, uint64_t view)
{
    const uint64_t shared = 1u << ORDER_SP | UINT64_C(1) << ORDER_VECTOR |
                            UINT64_C(1) << ORDER_SYSTEM;
    for (; cells != 0; cells &= cells - 1) {
        unsigned cell = (unsigned)__builtin_ctzll(cells);
        if (shared >> cell & 1)
            view_raise(&v->cell[cell], view);
        else
            v->cell[cell] = view;
    }
}

void view_begin(struct order_views *v, const struct order_operands *operands)
{
    v->address = cells_max(v, operands->address);
    v->data = cells_max(v, operands->data);
    v->loaded = v->walked = 0;
}

void view_end(struct order_views *v, const struct order_operands *operands, bool completed)
{
    view_raise(&v->control, v->address);
    view_raise(&v->translated, v->walked);
    if (completed) {
        uint64_t made = cells_max(v, operands->source);
        view_raise(&made, v->loaded);
        view_raise(&v->control, cells_max(v, operands->branch));
        cells_set(v, operands->base, v->address);
        cells_set(v, operands->status, 0);
        cells_set(v, operands->target, made);
    } else { /* the exception, and its registers, depend on what the instruction has read */
        view_raise(&v->control, v->loaded);
        view_raise(&v->control, v->walked);
        view_raise(&v->read_new, v->control);
        view_raise(&v->observer, v->control);
        view_raise(&v->cell[ORDER_SYSTEM], v->control);
    }
    v->address = v->data = v->loaded = v->walked = 0;
}
