/*
 * Checker cache: instructions that are stale, and accesses that do not see each other.
 *
 * A line from which instructions were executed is
 * stored to; before it is executed again, by whom ever, the store has to be cleaned to the point
 * of unification (DC by address, unless CTR_EL0.IDC), that finished (DSB), instruction caches
 * invalidated for the PE that executes (IC, unless CTR_EL0.DIC), that finished (DSB), and the PE
 * synchronized (ISB, exception entry or return). Only words that were executed before count: what
 * was never fetched is in no instruction cache for certain, and loading a program draws no report.
 *
 * This needs no caches in the model, nor that anything stale is really executed.
 *
 * Where caches are on they tell (CACHE_STALE) when an access passes by a dirty line that says
 * otherwise, hits a clean line over newer memory, reads memory before a clean is finished, or
 * meets an older instruction line; whether the line had been written back or had gone by then is
 * open, so that each is a violation. That dirty data is invalidated is one when it is read again
 * before it was written anew.
 *
 * Not judged: clean operations by set and way count for nobody else's lines; lines beyond
 * CODE_LINE_MAX / 2. DDI 0487: "Synchronization and coherency issues between data and instruction
 * accesses", CTR_EL0.
 */
#include "sim/check/check_states.h"

#include <inttypes.h>
#include <string.h>

static uint64_t line_of(uint64_t pa)
{
    return align_down(pa, CODE_LINE_BYTES);
}

/* The line, or the free place where it would go. */
static struct code_line *line_find(struct cache_state *s, uint64_t pa)
{
    uint64_t key = line_of(pa) | 1;
    uint32_t slot = (uint32_t)hash_mix(key) % CODE_LINE_MAX;
    while (s->line[slot].pa != 0 && s->line[slot].pa != key)
        slot = (slot + 1) % CODE_LINE_MAX;
    return &s->line[slot];
}

static uint32_t word_bit(uint64_t pa)
{
    return UINT32_C(1) << pa / 4 % (CODE_LINE_BYTES / 4);
}

/* Where a PE fetches from; 0 when not known. */
static uint64_t fetch_pa(const struct cache_state *s, unsigned pe, uint64_t va)
{
    unsigned slot = (unsigned)(va / PAGE_BYTES % CODE_PAGES);
    if (s->page_va[pe][slot] != (align_down(va, PAGE_BYTES) | 1))
        return 0;
    return s->page_pa[pe][slot] + va % PAGE_BYTES;
}

static void fetched(struct cache_state *s, const struct event *e)
{
    unsigned slot = (unsigned)(e->fetch_page.va / PAGE_BYTES % CODE_PAGES);
    s->page_va[e->pe][slot] = align_down(e->fetch_page.va, PAGE_BYTES) | 1;
    s->page_pa[e->pe][slot] = align_down(e->fetch_page.pa, PAGE_BYTES);
}

/* What is missing before the PE may execute the line, or NULL. */
static const char *missing(const struct checks *c, const struct code_line *line, unsigned pe)
{
    const struct cache_state *s = c->own[CHECK_CACHE];
    if (line->clean_step == 0)
        return "it was not cleaned to the point of unification";
    if (line->clean_done == 0)
        return "no DSB has finished the clean";
    if (line->ic_step == 0)
        return "no instruction cache was invalidated behind that";
    if ((line->ic_pes >> pe & 1) == 0)
        return "the instruction cache of this CPU was not invalidated";
    if (line->ic_done == 0)
        return "no DSB has finished the invalidation";
    if (s->isb_step[pe] < line->ic_done)
        return "this CPU has not synchronized since (ISB)";
    return NULL;
}

static void report(struct checks *c, const struct event *e, const struct code_line *line,
                   uint64_t pa, const char *what)
{
    struct finding *f = finding_begin(c, CHECK_CACHE, "stale-instruction", e);
    if (!f)
        return;
    finding_event(f, line->store_step, line->store_pe, line->store_pc,
                  "stores to the line at 0x%" PRIx64 ", which was executed before", line->pa - 1);
    if (line->clean_step > 1)
        finding_event(f, line->clean_step, line->clean_pe, 0, "cleans it");
    if (line->ic_step > 1)
        finding_event(f, line->ic_step, line->ic_pe, 0, "invalidates it in instruction caches");
    finding_event(f, e->step, e->pe, e->retire.pc, "executes 0x%08x at PA 0x%" PRIx64 ": %s",
                  e->retire.word, pa, what);
    finding_end(c, f, "CPU %u executes an instruction at PA 0x%" PRIx64 " that CPU %u stored, and "
                "may execute an older one: %s",
                e->pe, pa, line->store_pe, what);
}

static void executed(struct checks *c, const struct event *e)
{
    struct cache_state *s = c->own[CHECK_CACHE];
    uint64_t pa = fetch_pa(s, e->pe, e->retire.pc);
    if (pa == 0 || e->retire.word == 0)
        return;
    struct code_line *line = line_find(s, pa);
    if (line->pa == 0) {
        if (s->count >= CODE_LINE_MAX / 2) {
            check_gives_up(c, CHECK_CACHE);
            return;
        }
        s->count++;
        line->pa = line_of(pa) | 1;
    }
    if (line->store_step != 0 && (line->stale & word_bit(pa))) {
        const char *what = missing(c, line, e->pe);
        if (what)
            report(c, e, line, pa, what);
    }
    line->words |= word_bit(pa);
}

static void stored(struct checks *c, const struct event *e)
{
    struct cache_state *s = c->own[CHECK_CACHE];
    if (!e->mem.write)
        return;
    for (uint64_t at = align_down(e->mem.pa, 4); at < e->mem.pa + e->mem.size; at += 4) {
        struct code_line *line = line_find(s, at);
        if (line->pa == 0 || (line->words & word_bit(at)) == 0)
            continue;
        bool idc = c->machine->state->cpu[e->pe].reg[SR_CTR_EL0] >> 28 & 1;
        bool dic = c->machine->state->cpu[e->pe].reg[SR_CTR_EL0] >> 29 & 1;
        s->has_stores = 1;
        line->stale |= word_bit(at);
        line->store_step = e->step;
        line->store_pc = check_pc(c, e->pe);
        line->store_pe = e->pe;
        line->clean_step = idc;
        line->ic_step = dic;
        line->ic_pes = dic ? UINT32_MAX : 0;
        line->clean_done = line->ic_done = 0;
    }
}

static void cleaned(struct cache_state *s, const struct event *e, uint64_t pa)
{
    struct code_line *line = line_find(s, pa);
    if (line->pa == 0 || line->store_step == 0 || line->clean_step != 0)
        return;
    line->clean_step = e->step;
    line->clean_pe = e->pe;
}

/* An IC counts only behind a clean that is finished. */
static void invalidated(struct code_line *line, const struct event *e, uint32_t pes)
{
    if (line->pa == 0 || line->store_step == 0 || line->clean_done == 0)
        return;
    line->ic_step = e->step;
    line->ic_pe = e->pe;
    line->ic_pes |= pes;
    line->ic_done = 0;
}

static bool address_of(const struct checks *c, const struct event *e, uint64_t *pa)
{
    struct mmu_request request = {.va = va_make(e->system.value), .el = e->el,
                                  .kind = ACCESS_PLAIN, .alignment = 1, .is_cache_op = 1};
    struct walk walk;
    check_peek(c, e->pe, e->el == 2 ? REGIME_EL2 : REGIME_EL10, true, &request, &walk);
    *pa = walk.result.pa.bits;
    return walk.result.fault.kind == FAULT_NONE;
}

static void maintained(struct checks *c, const struct event *e)
{
    struct cache_state *s = c->own[CHECK_CACHE];
    uint32_t reg = e->system.reg;
    uint64_t pa;
    bool all = reg == SR_IC_IALLU || reg == SR_IC_IALLUIS;
    bool by_address = reg == SR_DC_CVAU || reg == SR_DC_CVAC || reg == SR_DC_CIVAC ||
                      reg == SR_DC_CVAP || reg == SR_IC_IVAU;
    if (all) {
        bool fb = e->el == 1 && (check_effective(c, e->pe)[SR_HCR_EL2] & HCR_EL2_FB);
        uint32_t pes = reg == SR_IC_IALLUIS || fb ? UINT32_MAX : 1u << e->pe;
        for (unsigned i = 0; s->has_stores && i < CODE_LINE_MAX; i++)
            invalidated(&s->line[i], e, pes);
    } else if (by_address && address_of(c, e, &pa)) {
        if (reg == SR_IC_IVAU)
            invalidated(line_find(s, pa), e, UINT32_MAX);
        else
            cleaned(s, e, pa);
    }
}

/* A DSB of the PE that cleaned or invalidated. */
static void finished(struct cache_state *s, const struct event *e)
{
    for (unsigned i = 0; s->has_stores && i < CODE_LINE_MAX; i++) {
        struct code_line *line = &s->line[i];
        if (line->store_step == 0)
            continue;
        bool is_own = line->clean_step <= 1 ? e->pe == line->store_pe : e->pe == line->clean_pe;
        if (line->clean_step != 0 && line->clean_done == 0 && is_own)
            line->clean_done = e->step;
        if (line->ic_step > 1 ? line->ic_done == 0 && e->pe == line->ic_pe
                              : line->ic_step == 1 && line->clean_done != 0)
            line->ic_done = e->step;
    }
}

/* --- lines, where caches are on --------------------------------------------------------------- */

/* What CACHE_LINE and CACHE_STALE call them. */
enum { LINE_WRITTEN_BACK = 1, LINE_DIRTY = 4 };
enum {
    STALE_READ, STALE_WRITE, STALE_CLEAN, STALE_CODE, STALE_LOST, STALE_ALLOCATED, STALE_UNFINISHED
};

static struct data_line *data_at(struct cache_state *s, uint64_t pa)
{
    return &s->data[hash_mix(line_of(pa)) % DATA_LINE_MAX];
}

static void line_moved(struct checks *c, const struct event *e)
{
    const struct event_cache_line *l = &e->cache_line;
    if (l->what != LINE_DIRTY && l->what != LINE_WRITTEN_BACK)
        return;
    *data_at(c->own[CHECK_CACHE], l->pa) =
        (struct data_line){.pa = line_of(l->pa) | 1, .step = e->step, .pc = check_pc(c, e->pe),
                           .pe = e->pe, .what = l->what};
}

/* Dirty data is invalidated. That may be meant: it counts when somebody misses it. */
static void lost_note(struct checks *c, const struct event *e)
{
    struct cache_state *s = c->own[CHECK_CACHE];
    const struct cache *caches = c->machine->cache;
    uint64_t pa = line_of(e->cache_stale.pa);
    struct cache_line_view line = {0};
    if (!caches)
        return;
    for (unsigned pe = 0; !line.dirty && pe < c->machine->config.pe_count; pe++)
        line = cache_look(caches, pe, 1, false, pa);
    if (!line.dirty)
        line = cache_look(caches, e->pe, 2, false, pa);
    struct lost_line *lost = &s->lost[s->lost_count++ % LOST_LINE_MAX];
    s->lost_left += lost->pa == 0;
    *lost = (struct lost_line){.pa = pa | 1, .step = e->step, .pc = check_pc(c, e->pe),
                               .pe = e->pe};
    caches->host.read(caches->host.owner, pa, lost->memory, sizeof lost->memory);
    for (unsigned i = 0; line.dirty && i < sizeof lost->memory; i++)
        lost->bytes |= (uint64_t)(line.data[i] != lost->memory[i]) << i;
}

static void report_lost(struct checks *c, const struct event *e, const struct lost_line *lost)
{
    struct finding *f = finding_begin(c, CHECK_CACHE, "lost-data", e);
    if (!f)
        return;
    const struct data_line *line = data_at(c->own[CHECK_CACHE], lost->pa - 1);
    if (line->pa == lost->pa)
        finding_event(f, line->step, line->pe, line->pc, "stores to the line at 0x%" PRIx64,
                      line->pa - 1);
    finding_event(f, lost->step, lost->pe, lost->pc, "invalidates it; the data was nowhere else");
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "reads 0x%" PRIx64, e->mem.pa);
    finding_end(c, f, "CPU %u reads at PA 0x%" PRIx64 " what was stored before, and thrown away by "
                "an invalidation of the line on CPU %u",
                e->pe, e->mem.pa, lost->pe);
}

/* Nobody has written there since, a bus master for instance, of whom no event tells. */
static bool is_as_it_was(const struct checks *c, const struct lost_line *lost)
{
    uint8_t now[CODE_LINE_BYTES];
    return machine_peek(c->machine, pa_make(lost->pa - 1), now, sizeof now) &&
           memcmp(now, lost->memory, sizeof now) == 0;
}

/* An access to bytes that were lost: a write ends it. */
static void lost_accessed(struct checks *c, const struct event *e)
{
    struct cache_state *s = c->own[CHECK_CACHE];
    uint64_t pa = line_of(e->mem.pa);
    unsigned from = (unsigned)(e->mem.pa - pa);
    uint64_t bytes = bits_ones(e->mem.size < 64 ? e->mem.size : 64) << from;
    for (unsigned i = 0; i < LOST_LINE_MAX; i++) {
        struct lost_line *lost = &s->lost[i];
        if (lost->pa != (pa | 1) || (lost->bytes & bytes) == 0)
            continue;
        if (!e->mem.write && is_as_it_was(c, lost))
            report_lost(c, e, lost);
        lost->bytes &= ~bytes;
        if (lost->bytes == 0) {
            *lost = (struct lost_line){0};
            s->lost_left--;
        }
    }
}

static void met_stale(struct checks *c, const struct event *e)
{
    static const char *const kinds[] = {
        [STALE_READ] = "past-dirty",        [STALE_WRITE] = "write-past-dirty",
        [STALE_CLEAN] = "stale-line",       [STALE_CODE] = "stale-instruction",
        [STALE_UNFINISHED] = "unfinished-clean"};
    static const char *const words[] = {
        [STALE_READ] = "reads memory past a dirty line, which says otherwise",
        [STALE_WRITE] = "writes memory under a dirty line, which may be written over it",
        [STALE_CLEAN] = "hits a line that is older than memory",
        [STALE_CODE] = "fetches, and meets an older line of its instruction cache",
        [STALE_UNFINISHED] = "reads memory under a line that was cleaned, before any DSB"};
    unsigned what = e->cache_stale.what;
    if (what == STALE_LOST)
        lost_note(c, e);
    if (what >= ARRAY_COUNT(kinds) || kinds[what] == NULL)
        return;
    bool is_walk = e->cache_stale.access == ACCESS_WALK;
    const struct data_line *line = data_at(c->own[CHECK_CACHE], e->cache_stale.pa);
    struct finding *f =
        finding_begin(c, CHECK_CACHE, is_walk ? "walk-past-dirty" : kinds[what], e);
    if (!f)
        return;
    if (line->pa == (line_of(e->cache_stale.pa) | 1))
        finding_event(f, line->step, line->pe, line->pc, "%s the line at 0x%" PRIx64,
                      line->what == LINE_DIRTY ? "stores to" : "writes back", line->pa - 1);
    finding_event(f, e->step, e->pe, check_pc(c, e->pe), "%s0x%" PRIx64 ": %s",
                  is_walk ? "walks through the descriptor at " : "at ", e->cache_stale.pa,
                  words[what]);
    finding_end(c, f, "CPU %u %s%s (PA 0x%" PRIx64 ")", e->pe, is_walk ? "in a table walk " : "",
                words[what], e->cache_stale.pa);
}

void check_cache(struct checks *c, const struct event *e)
{
    struct cache_state *s = c->own[CHECK_CACHE];
    if (e->kind == EVENT_RETIRE)
        executed(c, e);
    else if (e->kind == EVENT_MEM) {
        stored(c, e);
        if (s->lost_left != 0)
            lost_accessed(c, e);
    }
    else if (e->kind == EVENT_FETCH_PAGE)
        fetched(s, e);
    else if (e->kind == EVENT_CACHE_LINE)
        line_moved(c, e);
    else if (e->kind == EVENT_CACHE_STALE)
        met_stale(c, e);
    else if (e->kind == EVENT_SYSTEM) {
        if (e->system.write)
            maintained(c, e);
    } else if (e->kind == EVENT_BARRIER && e->barrier.barrier == BARRIER_DSB) {
        finished(s, e);
    } else if (e->kind != EVENT_BARRIER || e->barrier.barrier == BARRIER_ISB) {
        s->isb_step[e->pe] = e->step;
    }
}
