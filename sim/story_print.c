/*
 * Telling a story: a table with the machine's step and one lane per CPU. All choices and all
 * events of the finding are told; of the rest, what is near to them, until the table is full.
 * What there is to tell was collected during the replay (story.c); nothing here runs a machine.
 */
#include "sim/command.h"
#include "sim/drop.h"
#include "sim/story_parts.h"

#include "cpu/core.h"
#include "gen/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_WANTED 120u
#define FOCUS_MAX 64u
#define ROOT_MAX 26u
#define LANES_WIDTH 112u
#define TEXT_BYTES 640u

struct teller {
    FILE *out;
    const struct story *story;
    const struct replay *replay;
    const struct finding *finding; /* or NULL */
    unsigned lanes, width;
    uint64_t focus[FOCUS_MAX];
    unsigned focus_count;
    uint64_t root[ROOT_MAX]; /* stage 2 roots get letters in the order in which they appear */
    unsigned root_count;
    uint64_t held_since[PE_COUNT_MAX];
};

/* --- words -------------------------------------------------------------------------------- */

static void root_text(struct teller *t, uint64_t root, char *text, size_t size)
{
    unsigned i = 0;
    while (i < t->root_count && t->root[i] != root)
        i++;
    if (i == ROOT_MAX) {
        snprintf(text, size, "root 0x%" PRIx64, root);
    } else if (i == t->root_count) {
        t->root[t->root_count++] = root;
        snprintf(text, size, "root %c (0x%" PRIx64 ")", 'A' + (int)i, root);
    } else {
        snprintf(text, size, "root %c", 'A' + (int)i);
    }
}

static void word_text(const struct teller *t, uint64_t address, char *text, size_t size)
{
    const struct names names = {&t->replay->image, t->replay->place};
    address_text(&names, address, text, size);
}

static void place_text(const struct teller *t, unsigned pe, uint64_t pc, char *text, size_t size)
{
    const struct names names = {&t->replay->image, t->replay->place};
    past_code_text(&names, run_machine(t->replay->run), pe, pc, text, size);
}

static void access_text(struct teller *t, const struct event *e, char *text, size_t size)
{
    char place[200];
    const struct event_mem *m = &e->mem;
    word_text(t, m->pa, place, sizeof place);
    snprintf(text, size, "%s %s %s 0x%" PRIx64, m->write ? "stores to" : "loads", place,
             m->write ? "the value" : "and gets", m->value);
}

static void context_text(struct teller *t, const struct event *e, char *text, size_t size)
{
    char root[64];
    if (!e->context.live) {
        snprintf(text, size, "is no longer in a VM");
        return;
    }
    root_text(t, e->context.root, root, sizeof root);
    snprintf(text, size, "runs a VM: VMID %u, %s, vCPU %" PRIu64, e->context.vmid, root,
             e->context.vmpidr & 0xff);
}

static void vttbr_text(struct teller *t, const struct event *e, char *text, size_t size)
{
    char root[64];
    uint64_t value = e->sysreg.new;
    if (value == 0) {
        snprintf(text, size, "VTTBR_EL2 := 0 (VMID 0, the host)");
        return;
    }
    root_text(t, value & VTTBR_EL2_BADDR, root, sizeof root);
    snprintf(text, size, "VTTBR_EL2 := VMID %" PRIu64 ", %s",
             field_get(VTTBR_EL2_VMID, value), root);
}

static void hold_text(struct teller *t, const struct event *e, char *text, size_t size)
{
    if (!e->hold.held) {
        snprintf(text, size, ">>> goes on, after %" PRIu64 " steps of the others",
                 e->step - t->held_since[e->pe]);
    } else {
        t->held_since[e->pe] = e->step;
        if (e->hold.visible == UINT32_MAX)
            snprintf(text, size, "||| CHOICE: is held here until all others wait");
        else
            snprintf(text, size, "||| CHOICE: is held here until the others have executed %u "
                     "visible operations", e->hold.visible);
    }
}

static void tlbi_text(struct teller *t, const struct event *e, char *text, size_t size)
{
    static const char *const names[TLBI_OPERATION_COUNT] = {
        "VMALLE1", "VAE1", "ASIDE1", "VAAE1", "VALE1", "VAALE1", "IPAS2E1", "IPAS2LE1",
        "VMALLS12E1", "ALLE1", "ALLE2", "VAE2", "VALE2"};
    char root[64] = "";
    bool by_vmid = e->tlbi.operation < TLBI_ALLE1;
    if (by_vmid)
        root_text(t, e->tlbi.vttbr & VTTBR_EL2_BADDR, root, sizeof root);
    snprintf(text, size, "TLBI %s%s%s", names[e->tlbi.operation],
             e->tlbi.scope == TLBI_LOCAL ? "" : "IS", by_vmid ? "" : ": every VM");
    size_t used = strlen(text);
    if (by_vmid)
        snprintf(text + used, size - used, " for VMID %u, %s", e->tlbi.vmid, root);
}

static void exception_text(const struct event *e, char *text, size_t size)
{
    static const char *const vectors[] = {"an exception", "IRQ", "FIQ", "SError"};
    snprintf(text, size, "takes %s from EL%u to EL%u", vectors[e->exc_take.vector & 3],
             e->exc_take.from_el, e->exc_take.to_el);
    size_t used = strlen(text);
    if (e->exc_take.vector == 0)
        snprintf(text + used, size - used, " (EC 0x%02" PRIx64 ")", e->exc_take.esr >> 26 & 0x3f);
}

static void event_words(struct teller *t, const struct event *e, char *text, size_t size)
{
    switch (e->kind) {
    case EVENT_MEM:
        access_text(t, e, text, size);
        break;
    case EVENT_CONTEXT:
        context_text(t, e, text, size);
        break;
    case EVENT_SYSREG:
        vttbr_text(t, e, text, size);
        break;
    case EVENT_HOLD:
        hold_text(t, e, text, size);
        break;
    case EVENT_TLBI:
        tlbi_text(t, e, text, size);
        break;
    case EVENT_TLBI_DONE:
        snprintf(text, size, "DSB: its invalidations are complete on every CPU");
        break;
    case EVENT_GIC:
        snprintf(text, size, "sends interrupt %u to other CPUs (GICD_SGIR := 0x%x)",
                 e->gic.value & 15, e->gic.value);
        break;
    case EVENT_EXC_TAKE:
        exception_text(e, text, size);
        break;
    case EVENT_CHOICE:
        snprintf(text, size, "CHOICE: %s is answered %u of %u",
                 choice_rows[e->choice.choice].name, e->choice.answer, e->choice.n);
        break;
    case EVENT_DROP:
        snprintf(text, size, "CHOICE: %s:%" PRIu64 " is left out", drop_kind_name(e->drop.what),
                 (uint64_t)e->drop.number + 1);
        break;
    case EVENT_EXIT:
        snprintf(text, size, "ends the run with status %u", e->exit.status);
        break;
    default:
        snprintf(text, size, "event %u", e->kind);
        break;
    }
}

/* --- rows --------------------------------------------------------------------------------- */

/* One piece of a text that fits into a lane, cut at a space if there is one. */
static size_t piece(const char *text, size_t width)
{
    size_t length = strlen(text);
    if (length <= width)
        return length;
    for (size_t at = width; at > width / 2; at--) {
        if (text[at] == ' ')
            return at;
    }
    return width;
}

static void row_print(struct teller *t, uint64_t step, unsigned pe, const char *text)
{
    bool is_first = true;
    while (is_first || *text) {
        size_t length = piece(text, t->width);
        if (is_first)
            fprintf(t->out, "%10" PRIu64, step);
        else
            fprintf(t->out, "%10s", "");
        for (unsigned lane = 0; lane < t->lanes; lane++) {
            if (lane == pe)
                fprintf(t->out, " | %-*.*s", (int)t->width, (int)length, text);
            else if (lane + 1 < t->lanes || lane < pe)
                fprintf(t->out, " | %-*s", (int)t->width, "");
        }
        fputc('\n', t->out);
        text += length;
        while (*text == ' ')
            text++;
        is_first = false;
    }
}

static void row_entry(struct teller *t, const struct story_entry *entry, unsigned repeats)
{
    char text[TEXT_BYTES], place[240];
    event_words(t, &entry->event, text, 320);
    size_t used = strlen(text);
    place_text(t, entry->event.pe, entry->pc, place, sizeof place);
    if (entry->event.kind != EVENT_CONTEXT)
        used += (size_t)snprintf(text + used, sizeof text - used, " in %s", place);
    if (repeats > 1)
        snprintf(text + used, sizeof text - used, " (%u times)", repeats);
    row_print(t, entry->event.step, entry->event.pe, text);
}

static void row_finding(struct teller *t, const struct finding_event *e)
{
    char text[TEXT_BYTES], place[240];
    place_text(t, e->pe, e->pc, place, sizeof place);
    snprintf(text, sizeof text, "!!! %s, in %s", e->text, place);
    row_print(t, e->step, e->pe, text);
}

static void head_print(struct teller *t)
{
    fprintf(t->out, "%10s", "step");
    for (unsigned lane = 0; lane < t->lanes; lane++)
        fprintf(t->out, " | CPU %u%*s", lane, lane + 1 < t->lanes ? (int)t->width - 5 : 0, "");
    fputc('\n', t->out);
    for (unsigned i = 0; i < 10 + t->lanes * (t->width + 3); i++)
        fputc(i >= 10 && (i - 10) % (t->width + 3) == 1 ? '+' : '-', t->out);
    fputc('\n', t->out);
}

/* --- what to tell ------------------------------------------------------------------------- */

static void focus_add(struct teller *t, uint64_t step)
{
    if (t->focus_count < FOCUS_MAX)
        t->focus[t->focus_count++] = step;
}

static void focus_find(struct teller *t)
{
    for (size_t i = 0; i < t->story->count; i++) {
        const struct event *e = &t->story->entry[i].event;
        if (e->kind == EVENT_HOLD || e->kind == EVENT_CHOICE || e->kind == EVENT_DROP)
            focus_add(t, e->step);
    }
    for (uint32_t i = 0; t->finding && i < t->finding->event_count; i++)
        focus_add(t, t->finding->event[i].step);
    if (t->focus_count == 0 && t->story->count != 0)
        focus_add(t, t->story->entry[t->story->count - 1].event.step);
}

static uint64_t distance(const struct teller *t, uint64_t step)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < t->focus_count; i++) {
        uint64_t away = step > t->focus[i] ? step - t->focus[i] : t->focus[i] - step;
        if (away < least)
            least = away;
    }
    return least;
}

/* How much less an event matters than a choice: its distance counts this many times. */
static uint64_t weight(const struct event *e)
{
    switch (e->kind) {
    case EVENT_HOLD:
    case EVENT_CHOICE:
    case EVENT_DROP:
    case EVENT_EXIT:
        return 0;
    case EVENT_CONTEXT:
    case EVENT_SYSREG:
    case EVENT_TLBI:
    case EVENT_TLBI_DONE:
    case EVENT_GIC:
        return 1;
    case EVENT_MEM:
        return 4;
    default:
        return 8;
    }
}

static bool is_within(const struct teller *t, const struct story_entry *entry, uint64_t reach)
{
    uint64_t w = weight(&entry->event);
    return entry->told && (w == 0 || distance(t, entry->event.step) <= reach / w);
}

/* The reach with which the table has about as many rows as wanted. */
static uint64_t reach_find(const struct teller *t)
{
    uint64_t reach = 32;
    for (; reach < UINT64_C(1) << 40; reach *= 2) {
        size_t rows = 0;
        for (size_t i = 0; i < t->story->count; i++)
            rows += is_within(t, &t->story->entry[i], 2 * reach);
        if (rows > ROWS_WANTED)
            break;
    }
    return reach;
}

/* Entries that say the same from the same place: a loop that looks again and again. */
static bool is_repeat(const struct story_entry *a, const struct story_entry *b)
{
    return a->event.kind == EVENT_MEM && b->event.kind == EVENT_MEM && a->pc == b->pc &&
           a->event.pe == b->event.pe && a->event.mem.pa == b->event.mem.pa;
}

static void rows_print(struct teller *t)
{
    uint64_t reach = reach_find(t);
    uint32_t next_finding = 0;
    size_t left_out = 0;
    for (size_t i = 0; i < t->story->count; i++) {
        const struct story_entry *entry = &t->story->entry[i];
        while (t->finding && next_finding < t->finding->event_count &&
               t->finding->event[next_finding].step < entry->event.step)
            row_finding(t, &t->finding->event[next_finding++]);
        if (!is_within(t, entry, reach)) {
            left_out += entry->told;
            continue;
        }
        if (left_out != 0)
            fprintf(t->out, "%10s   (%zu more events)\n", "...", left_out);
        left_out = 0;
        unsigned repeats = 1;
        while (i + 1 < t->story->count && is_repeat(entry, &t->story->entry[i + 1])) {
            repeats++;
            i++;
        }
        row_entry(t, entry, repeats);
    }
    while (t->finding && next_finding < t->finding->event_count)
        row_finding(t, &t->finding->event[next_finding++]);
}

/* With nothing found: how the run ended, or that it did not end here. */
static void end_print(const struct teller *t, const struct replay_result *result)
{
    const struct run_verdict *v = &result->verdict, *recorded = &t->replay->trace->verdict;
    if (result->interrupted)
        fprintf(t->out, "\ninterrupted at step %" PRIu64 " of %" PRIu64 "\n\n", v->steps,
                recorded->steps);
    else if (t->replay->options.to_given && v->result == RUN_LIMIT && v->steps < recorded->steps)
        fprintf(t->out, "\nstopped at step %" PRIu64 " of %" PRIu64 "\n\n", v->steps,
                recorded->steps);
    else
        fprintf(t->out, "\nno finding: the run ended with result %s\n\n",
                run_result_name(v->result));
}

void story_print(struct story *story, const struct replay *replay,
                 const struct replay_result *result, void *stream)
{
    const struct trace *trace = replay->trace;
    struct teller t = {.out = stream, .story = story, .replay = replay};
    t.lanes = trace->setup.config.pe_count;
    t.width = LANES_WIDTH / t.lanes < 28 ? 28 : LANES_WIDTH / t.lanes;
    if (result->verdict.result == RUN_VIOLATION)
        t.finding = &result->verdict.finding;
    fprintf(t.out, "%s\n", trace->title);
    if (trace->scenario[0] != 0)
        fprintf(t.out, "scenario %s, variant %s, payload %s\n", trace->scenario, trace->variant,
                trace->image_name);
    fprintf(t.out, "%zu choices from step %" PRIu64 "; everything else is as it ordinarily is\n\n",
            trace->record_count, run_start_step(replay->run));
    focus_find(&t);
    head_print(&t);
    rows_print(&t);
    if (story->dropped != 0)
        fprintf(t.out, "(%zu later events were not collected)\n", story->dropped);
    if (t.finding)
        fprintf(t.out, "\n%s/%s on CPU %u at step %" PRIu64 ": %s\n\n",
                check_name((enum check_kind)t.finding->check), t.finding->kind, t.finding->pe,
                t.finding->step, t.finding->text);
    else
        end_print(&t, result);
}
