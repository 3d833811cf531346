/*
 * Checker bbm: break-before-make of both stages and of EL2's own tables. A descriptor that some
 * TLB may hold must be made invalid, that store made visible by DSB, its translation invalidated
 * for everybody who uses the table, and that finished by DSB, before it may say something else
 * (as far as bbm_rules.c demands it), and before a table that hung on it may be stored to.
 *
 * A table is known from its first walk; then its page is watched. A TLB may hold what was walked,
 * what was valid in the table when it was first walked, and what was stored there while some PE's
 * registers led to the table. While none do, a change is only remembered; it is judged when the
 * table is walked, its VM entered, or its process in use again under the same ASID: what was freed
 * is thus nobody's concern.
 *
 * Not judged: tables that no walk has reached, and what exceeds the pools of bbm_table.c.
 * DDI 0487: "Using break-before-make when updating translation table entries".
 */
#include "sim/check/check_states.h"

#include "gen/vmsa.h"

#include <inttypes.h>
#include <string.h>

#define LEVEL_LAST 3u

static uint64_t value_of(const struct bbm_page *page, uint64_t raw)
{
    return page->swap ? __builtin_bswap64(raw) : raw;
}

static bool read_page(const struct checks *c, uint64_t pa, uint64_t words[BBM_WORDS])
{
    return machine_peek(c->machine, pa_make(align_down(pa, PAGE_BYTES)), words, PAGE_BYTES);
}

/* --- tables --------------------------------------------------------------------------------- */

/* log2 of the granule of the tables that a walk goes through. */
static unsigned granule_of(const struct regime *r, const struct event_walk *w)
{
    static const uint8_t low[4] = {12, 16, 14, 12}, high[4] = {12, 14, 12, 16};
    if (w->stage == 2)
        return low[field_get(VTCR_EL2_TG0, r->vtcr)];
    if (r->kind != REGIME_EL2 && w->input >> 55 & 1)
        return high[r->tcr >> 30 & 3];
    return low[r->tcr >> 14 & 3];
}

/* The words of the page that belong to the table: all, but for a first table that is small. */
static void extent_of(const struct regime *r, const struct event_walk *w, unsigned shift,
                      unsigned granule, unsigned *from, unsigned *to)
{
    bool upper = w->stage == 1 && r->kind != REGIME_EL2 && (w->input >> 55 & 1);
    uint64_t tcr = w->stage == 2 ? r->vtcr : r->tcr;
    unsigned bits = 64u - (unsigned)(tcr >> (upper ? 16 : 0) & 63);
    unsigned per_level = granule - 3, word = bbm_word(w->descriptor_pa);
    *from = 0;
    *to = BBM_WORDS;
    if (bits <= shift || bits >= shift + 9 || bits > shift + per_level)
        return;
    unsigned count = 1u << (bits - shift);
    unsigned index = (unsigned)(w->input >> shift) & (count - 1);
    *from = word >= index ? word - index : 0;
    *to = *from + count < BBM_WORDS ? *from + count : BBM_WORDS;
}

static void page_begin(struct checks *c, const struct event *e, const struct regime *r,
                       struct bbm_page *page)
{
    const struct event_walk *w = &e->walk;
    unsigned granule = granule_of(r, w), from, to;
    uint64_t words[BBM_WORDS];
    page->step = e->step;
    page->pc = check_pc(c, e->pe);
    page->pe = e->pe;
    page->stage = w->stage;
    page->level = w->level;
    page->shift = (uint8_t)(granule + (granule - 3) * (LEVEL_LAST - w->level));
    page->base = align_down(w->input, UINT64_C(1) << page->shift) -
                 ((uint64_t)bbm_word(w->descriptor_pa) << page->shift);
    page->swap = w->stage == 1 ? (r->sctlr & SCTLR_EL1_EE) != 0 : r->stage2_is_big_endian;
    extent_of(r, w, page->shift, granule, &from, &to);
    if (!read_page(c, page->pa, words))
        return;
    for (unsigned i = from; i < to; i++)
        bbm_bit_set(page->cached, i, bbm_is_live(page, value_of(page, words[i])));
}

static bool is_placed_so(const struct bbm_page *page, const struct event_walk *w)
{
    uint64_t input = page->base + ((uint64_t)bbm_word(w->descriptor_pa) << page->shift);
    return page->stage == w->stage && page->level == w->level &&
           (w->input ^ input) >> page->shift == 0;
}

/* Records count users by their place: it may be given away only while there is none. */
static bool has_records(const struct bbm_state *b, const struct bbm_page *page)
{
    for (unsigned i = 0; b->record_count != 0 && i < b->record_top; i++) {
        if (bbm_records(b)[i].pa != 0 && bbm_records(b)[i].page == page - b->page)
            return true;
    }
    return false;
}

static void user_note(const struct bbm_state *b, struct bbm_page *page, const struct event *e,
                      const struct regime *r)
{
    const struct event_walk *w = &e->walk;
    bool is_el2 = r->kind == REGIME_EL2, upper = !is_el2 && (w->input >> 55 & 1);
    struct bbm_user now = {
        .root = r->stage2_on ? r->vttbr & VTTBR_EL2_BADDR : 0,
        .ttbr = w->stage == 1 ? r->ttbr[upper] & TTBR0_EL1_BADDR : 0,
        .vmid = r->vmid,
        .asid = r->asid,
        .regime = w->regime,
        .pes = (uint8_t)(1u << e->pe),
    };
    for (unsigned i = 0; i < page->user_count; i++) {
        struct bbm_user *u = &page->user[i];
        if (u->root != now.root || u->ttbr != now.ttbr || u->vmid != now.vmid ||
            u->regime != now.regime)
            continue;
        u->pes |= now.pes;
        u->any_asid |= u->asid != now.asid;
        return;
    }
    for (unsigned i = 0; i < page->user_count; i++) {
        if (page->user[i].pes == 0 && !has_records(b, page)) {
            page->user[i] = now;
            return;
        }
    }
    if (page->user_count < BBM_USERS)
        page->user[page->user_count++] = now;
}

/* The page of a descriptor that was walked; NULL: not kept. */
static struct bbm_page *page_walked(struct checks *c, const struct event *e)
{
    struct bbm_state *b = c->own[CHECK_BBM];
    const struct regime *r = &c->machine->core[e->pe].regime[e->walk.regime];
    uint64_t pa = e->walk.descriptor_pa;
    struct bbm_page *page = bbm_page_find(b, pa);
    if (page && !is_placed_so(page, &e->walk)) {
        if (page->unlinked == 0 && bbm_in_use(c, page) != 0) {
            page->mixed = 1;
        } else { /* it has become another table */
            bbm_page_drop(c, page);
            page = NULL;
        }
    }
    if (!page) {
        page = bbm_page_add(b, pa);
        if (!page) {
            check_gives_up(c, CHECK_BBM);
            return NULL;
        }
        machine_watch_page(c->machine, pa_make(align_down(pa, PAGE_BYTES)), WATCHER_BBM, true);
        page_begin(c, e, r, page);
    }
    user_note(b, page, e, r);
    return page;
}

/* --- records -------------------------------------------------------------------------------- */

/* The page of the table that a descriptor points to, if it is known. */
static struct bbm_page *table_below(const struct checks *c, const struct bbm_page *page,
                                    uint64_t descriptor)
{
    struct bbm_state *b = c->own[CHECK_BBM];
    uint64_t pa = bbm_table_address(descriptor);
    if (!bbm_is_table(page, descriptor))
        return NULL;
    if (page->stage == 1 && page->user[0].root != 0) { /* an IPA */
        unsigned pes = bbm_in_use(c, page);
        struct mmu_request request = {.va = va_make(pa), .el = 1, .kind = ACCESS_PLAIN,
                                      .alignment = 1};
        struct walk walk;
        if (pes == 0)
            return NULL;
        check_peek(c, (unsigned)__builtin_ctz(pes), REGIME_EL10, false, &request, &walk);
        if (walk.result.fault.kind != FAULT_NONE)
            return NULL;
        pa = walk.result.pa.bits;
    }
    struct bbm_page *below = bbm_page_find(b, pa);
    return below && below->stage == page->stage && below->level == page->level + 1u ? below : NULL;
}

/* All tables from one on downwards are taken out by a record. */
static void tree_mark(struct checks *c, struct bbm_page *page, uint16_t unlinked)
{
    uint64_t words[BBM_WORDS];
    page->unlinked = unlinked;
    if (page->level < LEVEL_LAST && read_page(c, page->pa, words)) {
        for (unsigned i = 0; i < BBM_WORDS; i++) {
            struct bbm_page *below = bbm_bit(page->cached, i)
                                         ? table_below(c, page, value_of(page, words[i]))
                                         : NULL;
            if (below && below != page)
                tree_mark(c, below, unlinked);
        }
    }
}

static struct bbm_record *record_begin(struct checks *c, const struct event *e,
                                       struct bbm_page *page, uint64_t old, unsigned state)
{
    struct bbm_state *b = c->own[CHECK_BBM];
    struct bbm_record *r = bbm_record_add(b, e->watch_store.pa, page);
    if (!r) {
        check_gives_up(c, CHECK_BBM);
        bbm_bit_set(page->cached, bbm_word(e->watch_store.pa), false);
        return NULL;
    }
    r->old = old;
    r->step = e->step;
    r->pc = check_pc(c, e->pe);
    r->pe = e->pe;
    if (c->state->dsb_step[e->pe] == e->step) /* it waited in a buffer for that DSB */
        r->visible_step = e->step;
    r->state = (uint8_t)state;
    b->suspect_count += state == BBM_SUSPECT;
    for (unsigned i = 0; i < page->user_count; i++) {
        page->user[i].pes |= (uint8_t)bbm_user_in_use(c, page, &page->user[i]);
        r->combined[i] = page->user[i].pes;
        r->stage2[i] = page->stage == 2 ? r->combined[i] : 0;
    }
    struct bbm_page *below = table_below(c, page, old);
    if (below) {
        memcpy(r->below, below->cached, sizeof r->below);
        r->child_shift = below->shift;
        tree_mark(c, below, (uint16_t)(r - bbm_records(b) + 1));
    }
    return r;
}

/* Nothing of the old value is left anywhere. */
static void record_clean(struct checks *c, struct bbm_record *r)
{
    struct bbm_state *b = c->own[CHECK_BBM];
    struct bbm_page *page = bbm_page_of(b, r);
    uint16_t n = (uint16_t)(r - bbm_records(b) + 1);
    uint64_t pa = r->pa - 1, raw = 0;
    machine_peek(c->machine, pa_make(pa), &raw, sizeof raw);
    bool is_held = bbm_is_live(page, value_of(page, raw)) && bbm_in_use(c, page) != 0;
    bbm_bit_set(page->cached, bbm_word(pa), is_held);
    for (unsigned i = 0; i < b->page_top; i++) { /* the tables that hung on it are none now */
        if (b->page[i].pa != 0 && b->page[i].unlinked == n)
            bbm_page_drop(c, &b->page[i]);
    }
    if (r->pa != 0) /* unless it lay in one of them */
        bbm_record_remove(b, r);
}

/* --- events --------------------------------------------------------------------------------- */

static void walked(struct checks *c, const struct event *e)
{
    struct bbm_state *b = c->own[CHECK_BBM];
    const struct event_walk *w = &e->walk;
    struct bbm_page *page = page_walked(c, e);
    if (!page || page->unlinked || !bbm_is_live(page, w->descriptor))
        return;
    bbm_bit_set(page->cached, bbm_word(w->descriptor_pa), true);
    const struct bbm_record *r = bbm_record_find(b, w->descriptor_pa);
    if (r && r->state == BBM_SUSPECT)
        bbm_report(c, e, "no-break", page, r, w->descriptor_pa, w->descriptor,
                   bbm_demands_break(c, page, r->old, w->descriptor));
}

/* A store to a table that was taken out of the tables, which are not clean yet. */
static void stored_unlinked(struct checks *c, const struct event *e, struct bbm_page *page,
                            uint64_t new)
{
    struct bbm_state *b = c->own[CHECK_BBM];
    const struct bbm_record *r = &bbm_records(b)[page->unlinked - 1u];
    const struct bbm_page *above = bbm_page_of(b, r);
    if (bbm_is_live(page, new) && bbm_in_use(c, above) != 0)
        bbm_report(c, e, "table-reuse", page, r, e->watch_store.pa, new, NULL);
}

static void stored(struct checks *c, const struct event *e)
{
    struct bbm_state *b = c->own[CHECK_BBM];
    uint64_t pa = e->watch_store.pa;
    struct bbm_page *page = bbm_page_find(b, pa);
    if (!page)
        return;
    uint64_t old = value_of(page, e->watch_store.old), new = value_of(page, e->watch_store.new);
    bool is_live = bbm_is_live(page, new);
    if (page->unlinked) {
        stored_unlinked(c, e, page, new);
        return;
    }
    if (!bbm_bit(page->cached, bbm_word(pa))) {
        if (is_live && bbm_in_use(c, page) != 0)
            bbm_bit_set(page->cached, bbm_word(pa), true);
        return;
    }
    struct bbm_record *r = bbm_record_find(b, pa);
    if (!is_live) {
        if (!r)
            record_begin(c, e, page, old, BBM_BROKEN);
        else if (r->state == BBM_SUSPECT) {
            r->state = BBM_BROKEN;
            b->suspect_count--;
        }
        return;
    }
    const char *detail = bbm_demands_break(c, page, r ? r->old : old, new);
    if (!detail) {
        if (r)
            bbm_record_remove(b, r);
    } else if (bbm_in_use(c, page) != 0) {
        bool was_broken = r && r->state == BBM_BROKEN;
        bbm_report(c, e, was_broken ? "unclean" : "no-break", page, r, pa, new, detail);
    } else if (!r) {
        record_begin(c, e, page, old, BBM_SUSPECT);
    } else if (r->state == BBM_BROKEN) {
        r->state = BBM_SUSPECT;
        b->suspect_count++;
    }
}

/* A DSB has finished invalidations. */
static void finished(struct checks *c)
{
    struct bbm_state *b = c->own[CHECK_BBM];
    uint32_t end = c->state->tlbi_done;
    uint32_t n = end - b->done > TLBI_LOG_MAX ? end - TLBI_LOG_MAX : b->done;
    for (; n != end; n++) {
        const struct shadow_tlbi *t = shadow_tlbi_done(c, n);
        for (unsigned i = 0; t && i < b->record_top; i++) {
            struct bbm_record *r = &bbm_records(b)[i];
            if (r->pa != 0 && bbm_invalidate(b, r, t))
                record_clean(c, r);
        }
        bool is_whole = t && (t->operation == TLBI_ALLE1 || t->operation == TLBI_ALLE2 ||
                              t->operation == TLBI_VMALLS12E1);
        for (unsigned i = 0; is_whole && i < b->page_top; i++) {
            struct bbm_page *page = &b->page[i];
            if (page->pa != 0 && bbm_forget_users(c, page, t))
                bbm_page_drop(c, page);
        }
    }
    b->done = end;
}

/* An invalidation by address of a store that no DSB has made visible: it may come too early. */
static void issued(struct checks *c, const struct event *e)
{
    struct bbm_state *b = c->own[CHECK_BBM];
    const struct shadow_tlbi *t = &c->state->tlbi[(c->state->tlbi_count - 1) % TLBI_LOG_MAX];
    for (unsigned i = 0; b->record_count != 0 && i < b->record_top; i++) {
        struct bbm_record *r = &bbm_records(b)[i];
        if (r->pa == 0 || r->pe != t->pe || bbm_is_visible(r, t) || !bbm_names(b, r, t))
            continue;
        struct finding *f = finding_begin(c, CHECK_BBM, "no-dsb", e);
        if (!f)
            return;
        finding_event(f, r->step, r->pe, r->pc,
                      "changes the descriptor at 0x%" PRIx64 ", which was 0x%" PRIx64, r->pa - 1,
                      r->old);
        finding_event(f, t->step, t->pe, t->pc, "executes TLBI %s%s for its address, and no DSB "
                      "stands in between",
                      shadow_tlbi_name(t->operation), t->scope == TLBI_LOCAL ? "" : "IS");
        finding_end(c, f, "CPU %u invalidates a translation before its change of the descriptor is "
                    "visible to walks: they may bring the old one back", e->pe);
    }
}

/*
 * A VM is entered, or a process of EL1 comes into use: changes to its tables that were made
 * meanwhile count now.
 */
static void entered(struct checks *c, const struct event *e, unsigned stage)
{
    struct bbm_state *b = c->own[CHECK_BBM];
    for (unsigned i = 0; b->suspect_count != 0 && i < b->record_top; i++) {
        const struct bbm_record *r = &bbm_records(b)[i];
        const struct bbm_page *page = bbm_page_of(b, r);
        uint64_t raw = 0;
        if (r->pa == 0 || r->state != BBM_SUSPECT || page->stage != stage ||
            !(stage == 2 ? bbm_in_use(c, page) >> e->pe & 1 : bbm_is_reached(c, page, r, e->pe)))
            continue;
        machine_peek(c->machine, pa_make(r->pa - 1), &raw, sizeof raw);
        uint64_t value = value_of(page, raw);
        const char *detail = bbm_is_live(page, value)
                                 ? bbm_demands_break(c, page, r->old, value)
                                 : NULL;
        if (detail)
            bbm_report(c, e, "no-break", page, r, r->pa - 1, value, detail);
    }
}

static void context(struct checks *c, const struct event *e)
{
    if (e->context.live)
        entered(c, e, 2);
}

static void effective(struct checks *c, const struct event *e)
{
    uint32_t reg = e->effective.reg;
    bool selects = reg == SR_TTBR0_EL1 || reg == SR_TTBR1_EL1 || reg == SR_TCR_EL1 ||
                   reg == SR_SCTLR_EL1;
    if (selects && e->el < 2)
        entered(c, e, 1);
}

static void returned(struct checks *c, const struct event *e)
{
    if (e->eret.from_el == 2 && e->eret.to_el < 2)
        entered(c, e, 1);
}

static void barrier(struct checks *c, const struct event *e)
{
    struct bbm_state *b = c->own[CHECK_BBM];
    if (b->record_count == 0 || c->state->dsb_step[e->pe] != e->step)
        return;
    for (unsigned i = 0; i < b->record_top; i++) {
        struct bbm_record *r = &bbm_records(b)[i];
        if (r->pa != 0 && r->pe == e->pe && r->visible_step == 0 && r->step <= e->step)
            r->visible_step = e->step;
    }
}

void check_bbm(struct checks *c, const struct event *e)
{
    if (e->kind == EVENT_WALK)
        walked(c, e);
    else if (e->kind == EVENT_WATCH_STORE)
        stored(c, e);
    else if (e->kind == EVENT_TLBI)
        issued(c, e);
    else if (e->kind == EVENT_CONTEXT)
        context(c, e);
    else if (e->kind == EVENT_EFFECTIVE)
        effective(c, e);
    else if (e->kind == EVENT_ERET)
        returned(c, e);
    else if (e->kind == EVENT_BARRIER)
        barrier(c, e);
    else
        finished(c);
}

void bbm_restored(struct checks *c)
{
    const struct bbm_state *b = c->own[CHECK_BBM];
    for (unsigned i = 0; b && i < b->page_top; i++) {
        if (b->page[i].pa != 0)
            machine_watch_page(c->machine, pa_make(b->page[i].pa - 1), WATCHER_BBM, true);
    }
}
