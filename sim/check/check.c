/*
 * The set of checkers: which events each one wants, their common state, and reports.
 *
 * Each checker is a function of (state so far, event). State is plain bytes: it is saved and
 * restored beside the machine, never hashed, and never read by the machine.
 */
#include "sim/check/check_states.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_EXIT_RESET (EXIT_RESET - EXIT_OFF) /* event EXIT: how */

#define ON(kind) (UINT64_C(1) << EVENT_##kind)

static const struct {
    const char *name, *sentence;
    uint64_t events, spares;
    size_t bytes;
    bool needs_entries;
    void (*check)(struct checks *c, const struct event *e);
} checkers[CHECK_COUNT] = {
#define CHECK_ROW(NAME, name, events, spares, entries, bytes, sentence) \
    {#name, sentence, events, spares, bytes, entries, check_##name},
    CHECK_ROWS(CHECK_ROW)
#undef CHECK_ROW
};

const char *check_name(enum check_kind kind)
{
    return checkers[kind].name;
}

const char *check_sentence(enum check_kind kind)
{
    return checkers[kind].sentence;
}

bool check_parse_list(const char *text, uint32_t *mask, struct error *error)
{
    if (*text == 0)
        return error_set(error, "no checker is named");
    while (*text) {
        size_t length = strcspn(text, ",");
        unsigned kind = 0;
        while (kind < CHECK_COUNT && (strlen(checkers[kind].name) != length ||
                                      strncmp(checkers[kind].name, text, length) != 0))
            kind++;
        if (kind == CHECK_COUNT)
            return error_set(error, "no checker is called '%.*s'", (int)length, text);
        *mask |= 1u << kind;
        text += length;
        if (*text == ',' && *++text == 0)
            return error_set(error, "a checker's name is missing behind the last comma");
    }
    return true;
}

/* Tables of translation and pages of VMs: as many as a machine of that size may need. */
static uint32_t room_of(const struct checks *c, unsigned kind)
{
    uint64_t ram = c->machine->config.ram_bytes;
    switch (kind) {
    case CHECK_BBM: /* a 32nd of RAM is tables; at least what a small one needs */
        ram /= 32 * PAGE_BYTES;
        return (uint32_t)(ram < BBM_ROOM_MIN ? BBM_ROOM_MIN
                          : ram < BBM_ROOM_MAX ? ram
                                                : BBM_ROOM_MAX);
    case CHECK_OWNER: { /* twice all pages of RAM, or what a small guest has */
        uint32_t room = OWNED_MIN;
        while (ram > OWNED_RAM && room < 2 * (ram >> PAGE_SHIFT))
            room *= 2;
        return room;
    }
    default:
        return 0;
    }
}

static size_t bytes_of(const struct checks *c, unsigned kind)
{
    size_t row = kind == CHECK_BBM     ? BBM_ROW_BYTES
                 : kind == CHECK_OWNER ? sizeof(struct owned)
                                       : 0;
    return (checkers[kind].bytes + room_of(c, kind) * row + 7) / 8 * 8;
}

static void rooms_make(struct checks *c)
{
    struct bbm_state *bbm = c->own[CHECK_BBM];
    struct owner_state *owner = c->own[CHECK_OWNER];
    if (bbm)
        bbm->room = room_of(c, CHECK_BBM);
    if (owner)
        owner->room = room_of(c, CHECK_OWNER);
}

/* The machine has been reset: nothing of what was seen is there any more but what was found. */
static void forget(struct checks *c)
{
    struct check_state *s = c->state, kept = *s;
    memset(s, 0, c->state_bytes);
    s->finding = kept.finding;
    s->found = kept.found;
    s->epoch = kept.epoch;
    s->site_count = kept.site_count;
    s->sites_lost = kept.sites_lost;
    memcpy(s->site, kept.site, sizeof s->site);
    memcpy(s->unjudged, kept.unjudged, sizeof s->unjudged);
    rooms_make(c);
    sync_restored(c);
    s->progress_step = c->machine->state->step;
    check_look_again(c);
}

static void hear(void *context, const struct event *e);

static void needs_tell(struct checks *c, unsigned pe)
{
    uint64_t needs = 0;
    for (unsigned kind = 0; kind < CHECK_COUNT; kind++)
        needs |= c->needs[pe][kind];
    events_need(&c->machine->events, hear, c, pe, needs);
}

void check_need(struct checks *c, enum check_kind check, unsigned pe, uint64_t kinds, bool on)
{
    uint64_t *needs = &c->needs[pe][check], now = on ? *needs | kinds : *needs & ~kinds;
    if (*needs == now)
        return;
    *needs = now;
    needs_tell(c, pe);
}

static void hear(void *context, const struct event *e)
{
    struct checks *c = context;
    if (e->kind == EVENT_EXIT && e->exit.how == CHECK_EXIT_RESET) {
        forget(c);
        return;
    }
    if (e->kind == EVENT_TLB_HIT)
        c->hit = shadow_find(c, e->pe, e->tlb_hit.entry);
    else
        shadow_event(c, e);
    for (uint32_t left = c->wants[e->kind]; left != 0; left &= left - 1)
        checkers[__builtin_ctz(left)].check(c, e);
}

/* Where each part of the state lies: what is common, what checkers have, entries. */
static void state_make(struct checks *c)
{
    size_t at[CHECK_COUNT], bytes = sizeof(struct check_state);
    for (unsigned kind = 0; kind < CHECK_COUNT; kind++) {
        at[kind] = bytes;
        if (c->options.mask >> kind & 1)
            bytes += bytes_of(c, kind);
    }
    c->state_bytes = bytes + (size_t)c->machine->config.pe_count * c->entry_slots *
                                 sizeof(struct shadow_entry);
    c->state = calloc(1, c->state_bytes);
    ensure(c->state != NULL);
    for (unsigned kind = 0; kind < CHECK_COUNT; kind++) {
        if ((c->options.mask >> kind & 1) && checkers[kind].bytes != 0)
            c->own[kind] = (char *)c->state + at[kind];
    }
    c->entry = (struct shadow_entry *)(void *)((char *)c->state + bytes);
    rooms_make(c);
}

struct checks *checks_new(struct machine *m, const struct check_options *options)
{
    struct checks *c = calloc(1, sizeof *c);
    ensure(c != NULL);
    c->machine = m;
    c->options = *options;
    bool entries = false;
    uint64_t events = 0;
    for (unsigned kind = 0; kind < CHECK_COUNT; kind++) {
        if (!(options->mask >> kind & 1))
            continue;
        entries |= checkers[kind].needs_entries;
        events |= checkers[kind].events;
        for (unsigned pe = 0; pe < PE_COUNT_MAX; pe++)
            c->needs[pe][kind] = checkers[kind].events & ~checkers[kind].spares;
        for (unsigned event = 0; event < EVENT_KIND_COUNT; event++)
            c->wants[event] |= (uint32_t)(checkers[kind].events >> event & 1) << kind;
    }
    if (entries) {
        c->entry_slots = 16;
        while (c->entry_slots < 2 * m->config.tlb_entries)
            c->entry_slots *= 2;
    }
    state_make(c);
    if (!events)
        return c;
    events_attach(&m->events, hear, c, events | shadow_events(entries) | ON(EXIT));
    for (unsigned pe = 0; pe < PE_COUNT_MAX; pe++)
        needs_tell(c, pe);
    return c;
}

void checks_set_image(struct checks *c, const struct image *image)
{
    c->text_count = 0;
    for (size_t i = 0; image->kind == IMAGE_ELF && i < image->segment_count; i++) {
        const struct image_segment *s = &image->segments[i];
        if ((s->flags & PF_X) == 0 || c->text_count == ARRAY_COUNT(c->text))
            continue;
        c->text[c->text_count].from = s->address.bits;
        c->text[c->text_count++].to = s->address.bits + s->memory_size;
    }
}

void checks_free(struct checks *c)
{
    if (!c)
        return;
    events_detach(&c->machine->events, hear, c);
    free(c->state);
    free(c);
}

const struct finding *checks_finding(const struct checks *c)
{
    return c->state->found ? &c->state->finding : NULL;
}

size_t checks_state_size(const struct checks *c)
{
    return c->state_bytes;
}

void checks_save(const struct checks *c, void *bytes)
{
    memcpy(bytes, c->state, c->state_bytes);
}

void checks_restore(struct checks *c, const void *bytes)
{
    memcpy(c->state, bytes, c->state_bytes);
    bbm_restored(c);
    el2_restored(c);
    tlb_restored(c);
    sync_restored(c);
}

uint64_t check_pc(const struct checks *c, unsigned pe)
{
    return c->machine->state->cpu[pe].pc;
}

void check_look_again(struct checks *c)
{
    c->state->epoch++;
    c->machine->events.renew++;
}

uint64_t check_root(const struct checks *c, unsigned pe)
{
    const uint64_t *effective = check_effective(c, pe);
    return effective[SR_HCR_EL2] & HCR_EL2_VM ? effective[SR_VTTBR_EL2] & VTTBR_EL2_BADDR : 0;
}

uint64_t check_ttbr(const struct checks *c, unsigned pe, unsigned regime, uint64_t va)
{
    const uint64_t *effective = check_effective(c, pe);
    if (regime != REGIME_EL10)
        return effective[SR_TTBR0_EL2] & TTBR0_EL2_BADDR;
    return effective[va >> 55 & 1 ? SR_TTBR1_EL1 : SR_TTBR0_EL1] & TTBR0_EL1_BADDR;
}

uint64_t check_vcpu(const struct checks *c, unsigned pe)
{
    const uint64_t *effective = check_effective(c, pe);
    return effective[SR_HCR_EL2] & HCR_EL2_VM ? effective[SR_VMPIDR_EL2] : pe;
}

void check_peek(const struct checks *c, unsigned pe, enum regime_kind kind, bool stage1,
                const struct mmu_request *request, struct walk *walk)
{
    const struct machine *m = c->machine;
    struct regime regime = core_regime_peek(&m->state->cpu[pe], &m->mmu_config, kind);
    if (!stage1)
        regime.stage1_on = 0;
    mmu_peek(&m->mmu[pe], &regime, request, walk);
}

struct finding *finding_begin(struct checks *c, enum check_kind check, const char *kind,
                              const struct event *at)
{
    if (c->state->found)
        return NULL;
    struct finding *f = &c->state->finding;
    memset(f, 0, sizeof *f);
    f->check = check;
    f->pe = at->pe;
    f->step = at->step;
    snprintf(f->kind, sizeof f->kind, "%s", kind);
    return f;
}

void finding_event(struct finding *f, uint64_t step, unsigned pe, uint64_t pc, const char *format,
                   ...)
{
    ensure(f->event_count < FINDING_EVENT_MAX);
    struct finding_event *e = &f->event[f->event_count++];
    e->step = step;
    e->pe = pe;
    e->pc = pc;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(e->text, sizeof e->text, format, arguments);
    va_end(arguments);
}

/* Counts a finding; whether it is the first of its site, and its class has not had enough. */
static bool is_new_site(struct checks *c, const struct finding *f)
{
    struct check_state *s = c->state;
    uint32_t of_class = 0;
    uint64_t pc = 0, cause_pc = 0;
    if (f->event_count != 0) {
        cause_pc = f->event[0].pc;
        pc = f->event[f->event_count - 1].pc;
    }
    for (uint32_t i = 0; i < s->site_count; i++) {
        struct finding_site *site = &s->site[i];
        if (site->check != f->check || strncmp(site->kind, f->kind, sizeof site->kind) != 0)
            continue;
        if (site->pc == pc && site->cause_pc == cause_pc) {
            site->count++;
            return false;
        }
        of_class++;
    }
    if (s->site_count == FINDING_SITE_MAX) {
        s->sites_lost++;
        return false;
    }
    struct finding_site *site = &s->site[s->site_count++];
    *site = (struct finding_site){.pc = pc, .cause_pc = cause_pc, .count = 1, .check = f->check};
    memcpy(site->kind, f->kind, sizeof site->kind);
    site->reported = of_class < c->options.sites_per_class;
    return site->reported != 0;
}

void finding_end(struct checks *c, struct finding *f, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(f->text, sizeof f->text, format, arguments);
    va_end(arguments);
    if (c->options.sites_per_class != 0 && !is_new_site(c, f))
        return;
    c->state->found = 1;
    machine_request_stop(c->machine);
}

void checks_go_on(struct checks *c)
{
    c->state->found = 0;
}

uint64_t checks_unjudged(const struct checks *c, enum check_kind kind)
{
    return c->state->unjudged[kind];
}

size_t checks_sites(const struct checks *c, const struct finding_site **sites, uint64_t *lost)
{
    *sites = c->state->site;
    *lost = c->state->sites_lost;
    return c->state->site_count;
}
