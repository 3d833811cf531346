/*
 * Checker el2: whether EL2 is in order.
 *
 *   outside-text     EL2 executes in a page that holds no byte of the payload's executable segments
 *   overwritten      EL2 executes a word that EL1 or EL0 has stored since EL2 first executed in
 *                    that page; other words of the page are data, and may be anybody's
 *   abort, nested    EL2 takes a synchronous abort (undefined, illegal state, instruction or data
 *                    abort, alignment) itself; nested when it is still busy with one
 *   vectors          EL2 leaves to EL1 with a VBAR_EL2 from which nothing can be fetched; only
 *                    where somebody has set VBAR_EL2
 *   mmu              the MMU of EL2 is turned on or off under an address that is not the same on
 *                    both sides
 *
 * Pages are looked at when the first instruction there is fetched, and at each fetch once a lower
 * level has stored there; a payload that is no ELF has no
 * segments, so that the first line is not judged. DDI 0487: VBAR_EL2, SCTLR_EL2.M, ESR_ELx.EC.
 */
#include "sim/check/check_states.h"

#include <inttypes.h>

#define VECTOR_FROM_LOWER 0x400u

static bool is_text(const struct checks *c, uint64_t page)
{
    for (unsigned i = 0; i < c->text_count; i++) {
        if (page + PAGE_BYTES > c->text[i].from && page < c->text[i].to)
            return true;
    }
    return c->text_count == 0;
}

static struct el2_page *page_find(struct el2_state *s, uint64_t pa)
{
    uint64_t key = align_down(pa, PAGE_BYTES) | 1;
    uint32_t slot = (uint32_t)hash_mix(key) % EL2_PAGE_MAX;
    while (s->page[slot].pa != 0 && s->page[slot].pa != key)
        slot = (slot + 1) % EL2_PAGE_MAX;
    return &s->page[slot];
}

static void fetched(struct checks *c, const struct event *e)
{
    struct el2_state *s = c->own[CHECK_EL2];
    uint64_t page = align_down(e->fetch_page.pa, PAGE_BYTES);
    if (e->el != 2)
        return;
    if (!is_text(c, page)) {
        struct finding *f = finding_begin(c, CHECK_EL2, "outside-text", e);
        if (!f)
            return;
        finding_event(f, e->step, e->pe, e->fetch_page.va, "executes at PA 0x%" PRIx64,
                      e->fetch_page.pa);
        finding_end(c, f, "CPU %u executes at EL2 at PA 0x%" PRIx64
                    ", which is in no executable segment of the payload",
                    e->pe, e->fetch_page.pa);
        return;
    }
    struct el2_page *p = page_find(s, page);
    if (p->pa == 0) {
        if (s->count >= EL2_PAGE_MAX / 2) {
            check_gives_up(c, CHECK_EL2);
            return;
        }
        s->count++;
        *p = (struct el2_page){
            .pa = page | 1, .fetch_step = e->step, .fetch_pc = e->fetch_page.va,
            .fetch_pe = e->pe};
    }
    machine_watch_page(c->machine, pa_make(page), WATCHER_EL2, true);
    unsigned word = (unsigned)(e->fetch_page.pa % PAGE_BYTES / 4);
    if (p->store_step == 0 || !(p->stored[word / 64] >> word % 64 & 1))
        return;
    struct finding *f = finding_begin(c, CHECK_EL2, "overwritten", e);
    if (!f)
        return;
    finding_event(f, p->fetch_step, p->fetch_pe, p->fetch_pc, "first executes in the page at EL2");
    finding_event(f, p->store_step, p->store_pe, p->store_pc,
                  "stores to the page at EL%u, the last time before", p->store_el);
    finding_event(f, e->step, e->pe, e->fetch_page.va, "executes there again at PA 0x%" PRIx64,
                  e->fetch_page.pa);
    finding_end(c, f, "CPU %u executes at EL2 at PA 0x%" PRIx64
                ", where EL%u has stored meanwhile",
                e->pe, e->fetch_page.pa, p->store_el);
}

static void stored(struct checks *c, const struct event *e)
{
    struct el2_page *p = page_find(c->own[CHECK_EL2], e->watch_store.pa);
    if (p->pa == 0)
        return;
    for (unsigned half = 0; half < 2; half++) {
        unsigned word = (unsigned)(e->watch_store.pa % PAGE_BYTES / 4) + half;
        if ((e->watch_store.old ^ e->watch_store.new) >> 32 * half << 32 == 0)
            continue;
        if (e->el == 2)
            p->stored[word / 64] &= ~(UINT64_C(1) << word % 64);
        else
            p->stored[word / 64] |= UINT64_C(1) << word % 64;
    }
    if (e->el == 2)
        return;
    p->store_step = e->step;
    p->store_pc = check_pc(c, e->pe);
    p->store_pe = e->pe;
    p->store_el = e->el;
    machine_watch_fetches(c->machine, pa_make(p->pa - 1), 1u << 2);
}

static bool is_abort(uint64_t esr)
{
    uint64_t ec = esr >> 26;
    return ec == 0 || ec == 0x0e || (ec >= 0x20 && ec <= 0x22) || (ec >= 0x24 && ec <= 0x26);
}

static void taken(struct checks *c, const struct event *e)
{
    struct el2_state *s = c->own[CHECK_EL2];
    struct el2_pe *p = &s->pe[e->pe];
    const struct event_exc_take *take = &e->exc_take;
    if (take->from_el != 2 || take->vector != 0 || !is_abort(take->esr))
        return;
    bool nested = p->abort_step != 0;
    struct el2_pe before = *p;
    p->abort_step = e->step;
    p->abort_pc = take->pc;
    p->abort_esr = take->esr;
    struct finding *f = finding_begin(c, CHECK_EL2, nested ? "nested" : "abort", e);
    if (!f)
        return;
    if (nested)
        finding_event(f, before.abort_step, e->pe, before.abort_pc,
                      "takes an abort at EL2 itself: ESR_EL2 0x%" PRIx64, before.abort_esr);
    finding_event(f, e->step, e->pe, take->pc,
                  "takes an abort at EL2 itself: ESR_EL2 0x%" PRIx64 ", FAR_EL2 0x%" PRIx64,
                  take->esr, take->far);
    finding_end(c, f,
                "CPU %u takes a synchronous abort at EL2 at 0x%" PRIx64 ": ESR_EL2 0x%" PRIx64,
                e->pe, take->pc, take->esr);
}

/* Whether EL2 could fetch at an address; where that is. */
static bool can_fetch(const struct checks *c, unsigned pe, uint64_t va, uint64_t *pa)
{
    struct mmu_request request = {
        .va = va_make(va), .el = 2, .kind = ACCESS_FETCH, .alignment = 1};
    struct walk walk;
    uint32_t word;
    check_peek(c, pe, REGIME_EL2, true, &request, &walk);
    *pa = walk.result.pa.bits;
    return walk.result.fault.kind == FAULT_NONE &&
           machine_peek(c->machine, walk.result.pa, &word, sizeof word);
}

static void returned(struct checks *c, const struct event *e)
{
    struct el2_state *s = c->own[CHECK_EL2];
    struct el2_pe *p = &s->pe[e->pe];
    uint64_t vbar = check_effective(c, e->pe)[SR_VBAR_EL2], pa;
    if (e->eret.from_el != 2)
        return;
    p->abort_step = 0;
    if (e->eret.to_el == 2 || p->vbar_step == 0 ||
        (can_fetch(c, e->pe, vbar + VECTOR_FROM_LOWER, &pa) &&
         is_text(c, align_down(pa, PAGE_BYTES))))
        return;
    struct finding *f = finding_begin(c, CHECK_EL2, "vectors", e);
    if (!f)
        return;
    finding_event(f, p->vbar_step, e->pe, 0, "VBAR_EL2 0x%" PRIx64 " comes into effect", vbar);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "leaves EL2 for EL%u", e->eret.to_el);
    finding_end(c, f, "CPU %u leaves EL2 with vectors at 0x%" PRIx64
                ", from which no text of EL2 can be fetched",
                e->pe, vbar);
}

/* The MMU goes on or off: the code must be at the same place on both sides. */
static void mmu_switched(struct checks *c, const struct event *e)
{
    uint64_t changed = e->effective.old ^ e->effective.new, pa;
    uint64_t pc = check_pc(c, e->pe);
    bool on = e->effective.new & SCTLR_EL2_M;
    if ((changed & SCTLR_EL2_M) == 0 || e->el != 2 ||
        (can_fetch(c, e->pe, pc, &pa) && pa == pc))
        return;
    struct finding *f = finding_begin(c, CHECK_EL2, "mmu", e);
    if (!f)
        return;
    finding_event(f, e->step, e->pe, pc,
                  "SCTLR_EL2 0x%" PRIx64 " comes into effect; it was 0x%" PRIx64,
                  e->effective.new, e->effective.old);
    finding_end(c, f, "CPU %u turns its MMU %s at EL2 at 0x%" PRIx64
                ", which is another place with it than without",
                e->pe, on ? "on" : "off", pc);
}

void check_el2(struct checks *c, const struct event *e)
{
    struct el2_state *s = c->own[CHECK_EL2];
    if (e->kind == EVENT_FETCH_PAGE)
        fetched(c, e);
    else if (e->kind == EVENT_WATCH_STORE)
        stored(c, e);
    else if (e->kind == EVENT_EXC_TAKE)
        taken(c, e);
    else if (e->kind == EVENT_ERET)
        returned(c, e);
    else if (e->effective.reg == SR_SCTLR_EL2)
        mmu_switched(c, e);
    else if (e->effective.reg == SR_VBAR_EL2)
        s->pe[e->pe].vbar_step = e->step;
}

void el2_restored(struct checks *c)
{
    const struct el2_state *s = c->own[CHECK_EL2];
    for (unsigned i = 0; s && i < EL2_PAGE_MAX; i++) {
        if (s->page[i].pa == 0)
            continue;
        machine_watch_page(c->machine, pa_make(s->page[i].pa - 1), WATCHER_EL2, true);
        if (s->page[i].store_step != 0)
            machine_watch_fetches(c->machine, pa_make(s->page[i].pa - 1), 1u << 2);
    }
}
