/*
 * The set of checkers: which events each one wants, their common state, and reports.
 *
 * Each checker is a function of (state so far, event). State is plain bytes: it is saved and
 * restored beside the machine, never hashed, and never read by the machine.
 */
#include "sim/check/check_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WANTS(kind) (UINT64_C(1) << EVENT_##kind)

static const struct {
    const char *name, *sentence;
    uint64_t events;
    void (*check)(struct checks *c, const struct event *e);
} checkers[CHECK_COUNT] = {
    [CHECK_VMID] = {"vmid", "one VMID with two stage 2 roots live at once, or (where declared) "
                            "one root under two VMIDs",
                    WANTS(CONTEXT), check_vmid},
    [CHECK_TLB] = {"tlb", "an access through a translation that a finished TLBI and DSB of its VM "
                          "had removed",
                   WANTS(TLB_HIT), check_tlb},
    [CHECK_OWNER] = {"owner", "an access to a page that the stage 2 root now bound to the VMID "
                              "does not reach",
                     WANTS(TLB_HIT), check_owner},
    [CHECK_GUEST] = {"guest", "the guest software reports that its self-check failed",
                     WANTS(EXIT), check_guest},
    [CHECK_PROGRESS] = {"progress", "nothing goes forward: the same abort again and again, or no "
                                    "VM entered or left, no wait, no output",
                        WANTS(EXC_TAKE) | WANTS(ERET) | WANTS(CONTEXT) | WANTS(WAIT) |
                            WANTS(CONSOLE) | WANTS(FIRMWARE) | WANTS(EXIT),
                        check_progress},
};

#define SHADOW_EVENTS                                                                        \
    (WANTS(CONTEXT) | WANTS(TLB_FILL) | WANTS(TLB_GONE) | WANTS(TLBI) | WANTS(TLBI_DONE) |   \
     WANTS(BARRIER) | WANTS(EXC_TAKE) | WANTS(ERET))

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
    *mask = 0;
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

static void hear(void *context, const struct event *e)
{
    struct checks *c = context;
    if (SHADOW_EVENTS >> e->kind & 1)
        shadow_event(c, e);
    for (uint32_t left = c->wants[e->kind]; left != 0; left &= left - 1)
        checkers[__builtin_ctz(left)].check(c, e);
}

struct checks *checks_new(struct machine *m, const struct check_options *options)
{
    struct checks *c = calloc(1, sizeof *c);
    ensure(c != NULL);
    c->machine = m;
    c->options = *options;
    c->entry_slots = 16;
    while (c->entry_slots < 2 * m->config.tlb_entries)
        c->entry_slots *= 2;
    c->state_bytes = sizeof(struct check_state) +
                     (size_t)m->config.pe_count * c->entry_slots * sizeof(struct shadow_entry);
    c->state = calloc(1, c->state_bytes);
    ensure(c->state != NULL);
    uint64_t events = options->mask ? SHADOW_EVENTS : 0;
    for (unsigned kind = 0; kind < CHECK_COUNT; kind++) {
        if (!(options->mask >> kind & 1))
            continue;
        events |= checkers[kind].events;
        for (unsigned event = 0; event < EVENT_KIND_COUNT; event++)
            c->wants[event] |= (uint32_t)(checkers[kind].events >> event & 1) << kind;
    }
    if (events)
        events_attach(&m->events, hear, c, events);
    return c;
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
}

uint64_t check_pc(const struct checks *c, unsigned pe)
{
    return c->machine->state->cpu[pe].pc;
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

void finding_end(struct checks *c, struct finding *f, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(f->text, sizeof f->text, format, arguments);
    va_end(arguments);
    c->state->found = 1;
    machine_request_stop(c->machine);
}
