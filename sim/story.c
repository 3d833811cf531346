/*
 * Collecting a story. What is kept of a run is what a person would point at: holds and releases,
 * who enters and leaves a VM with which VMID, writes of VTTBR_EL2, invalidations and their ends,
 * interrupts from CPU to CPU, waits, and communication: an access to memory whose last access was
 * by another CPU, one of the two being a store. Kept with the PC, which events do not carry.
 */
#include "sim/story_parts.h"

#include <stdlib.h>
#include <string.h>

/* Distributor register GICD_SGIR: its offset from the distributor's frame. */
#define GICD_SGIR_OFFSET 0xf00u
#define WORD_BYTES 8u
#define ENTRY_MAX (UINT32_C(1) << 22)

struct story *story_new(void)
{
    struct story *s = calloc(1, sizeof *s);
    ensure(s != NULL);
    return s;
}

void story_free(struct story *s)
{
    if (!s)
        return;
    free(s->entry);
    free(s->last);
    free(s);
}

void story_listen(struct story *s, const struct replay *replay)
{
    const struct machine_config *config = &replay->trace->setup.config;
    s->machine = run_machine(replay->run);
    s->words = (size_t)(config->ram_bytes / WORD_BYTES);
    s->last = calloc(s->words, sizeof *s->last);
    ensure(s->last != NULL);
}

uint64_t story_mask(void)
{
    return UINT64_C(1) << EVENT_HOLD | UINT64_C(1) << EVENT_CONTEXT | UINT64_C(1) << EVENT_SYSREG |
           UINT64_C(1) << EVENT_TLBI | UINT64_C(1) << EVENT_TLBI_DONE | UINT64_C(1) << EVENT_GIC |
           UINT64_C(1) << EVENT_EXC_TAKE | UINT64_C(1) << EVENT_MEM | UINT64_C(1) << EVENT_CHOICE |
           UINT64_C(1) << EVENT_EXIT | UINT64_C(1) << EVENT_DROP;
}

static void keep(struct story *s, const struct event *event, uint64_t pc)
{
    if (s->count == s->capacity) {
        if (s->count == ENTRY_MAX) {
            s->dropped++;
            return;
        }
        s->capacity = s->capacity ? 2 * s->capacity : 4096;
        s->entry = realloc(s->entry, s->capacity * sizeof *s->entry);
        ensure(s->entry != NULL);
    }
    s->entry[s->count++] = (struct story_entry){.event = *event, .pc = pc};
}

/*
 * An access is told when it communicates. The access before it, by the other CPU, is told too:
 * it was kept when it was the first of its CPU to that word, or is kept now from the notes.
 */
static void keep_access(struct story *s, const struct event *event, uint64_t pc)
{
    uint64_t word = (event->mem.pa - MAP_RAM) / WORD_BYTES;
    if (event->mem.pa < MAP_RAM || word >= s->words)
        return;
    struct story_word *last = &s->last[word];
    bool is_write = event->mem.write != 0;
    bool by_other = last->touched && last->pe != event->pe;
    if (by_other && (is_write || last->written)) {
        if (last->written && last->index != 0 && last->index <= s->count)
            s->entry[last->index - 1].told = true;
        keep(s, event, pc);
        s->entry[s->count - 1].told = true;
        last->index = (uint32_t)s->count;
    } else if (is_write) {
        keep(s, event, pc); /* may be the other half of a later one */
        last->index = (uint32_t)s->count;
    }
    last->touched = true;
    last->pe = event->pe;
    last->written = is_write;
}

static bool matters(const struct story *s, const struct event *event)
{
    const struct cpu *cpu = &s->machine->state->cpu[event->pe];
    switch (event->kind) {
    case EVENT_CONTEXT: /* who was not in a VM does not leave one */
        return event->context.live || s->is_live[event->pe];
    case EVENT_HOLD:
    case EVENT_TLBI:
    case EVENT_TLBI_DONE:
    case EVENT_EXIT:
    case EVENT_DROP:
        return true;
    case EVENT_CHOICE:
        return event->choice.answer != 0 && event->choice.choice != CHOICE_NEXT_CPU;
    case EVENT_SYSREG:
        return event->sysreg.reg == SR_VTTBR_EL2 && event->sysreg.new != event->sysreg.old;
    case EVENT_GIC:
        return event->gic.write && event->gic.frame == 0 &&
               (event->gic.address & 0xfff) == GICD_SGIR_OFFSET;
    case EVENT_EXC_TAKE: /* interrupts, and whatever comes out of a VM */
        return event->exc_take.vector != 0 ||
               (event->exc_take.from_el < 2 && event->exc_take.to_el == 2 &&
                (cpu->effective[SR_HCR_EL2] & HCR_EL2_VM) != 0);
    default: /* the mask of this sink has no other kinds */
        return false;
    }
}

void story_sink(void *context, const struct event *event)
{
    struct story *s = context;
    uint64_t pc = s->machine->state->cpu[event->pe].pc;
    bool is_context = event->kind == EVENT_CONTEXT;
    if (event->kind == EVENT_MEM) {
        keep_access(s, event, pc);
    } else if (matters(s, event)) {
        keep(s, event, pc);
        s->entry[s->count - 1].told = true;
    }
    if (is_context)
        s->is_live[event->pe] = event->context.live != 0;
}
