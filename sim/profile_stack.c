/*
 * Stacks of a profile: the frames of the AArch64 procedure call standard, read through the guest's
 * tables, and a tree of all stacks seen.
 *
 * x29 points to a record of the caller's x29 and the return address; the last one has x29 0. A
 * function that has no record yet, or never makes one, is known by x30: while that leads into
 * another function than the PC, and is not the return address of the record, it is the caller.
 * Records have to go upwards; what is no record ends the stack. Levels are not joined: EL2 has a
 * stack of its own, and EL0 has no names, so that it is one frame.
 *
 * Not modelled: unwind tables. Code built without frame pointers has stacks of one or two frames.
 *
 * AAPCS64, "The Frame Pointer"; DDI 0487: nothing, for all of it is software's convention.
 */
#include "sim/profile_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_SIZE (2 * PROFILE_NODE_MAX)
#define INSTRUCTION_BYTES 4u

uint32_t profile_frame_at(struct profile *p, unsigned pe, uint64_t va, uint64_t *offset)
{
    struct symbol symbol;
    *offset = 0;
    if (p->machine->state->cpu[pe].el == 0)
        return FRAME_EL0;
    if (!p->names || !symbol_at(p->names, p->machine, pe, va, &symbol) ||
        symbol.index >= p->name_count)
        return FRAME_NO_SYMBOL;
    p->name[symbol.index] = symbol.name;
    *offset = symbol.offset;
    return FRAME_SYMBOL + (uint32_t)symbol.index;
}

static uint32_t child_of(struct profile *p, uint32_t parent, uint32_t frame)
{
    uint32_t slot = (uint32_t)hash_mix((uint64_t)parent << 32 | frame) % INDEX_SIZE;
    for (; p->node_index[slot] != 0; slot = (slot + 1) % INDEX_SIZE) {
        const struct profile_node *node = &p->node[p->node_index[slot]];
        if (node->parent == parent && node->frame == frame)
            return p->node_index[slot];
    }
    if (p->node_count == PROFILE_NODE_MAX) {
        p->cut_nodes++;
        return parent;
    }
    p->node[p->node_count] = (struct profile_node){.parent = parent, .frame = frame};
    p->node_index[slot] = p->node_count;
    return p->node_count++;
}

/* Two words at an address of the PE as its own level reads them. */
static bool read_record(const struct profile *p, unsigned pe, uint64_t va, uint64_t record[2])
{
    struct walk walk;
    return va % 8 == 0 && (va & (PAGE_BYTES - 1)) <= PAGE_BYTES - 2 * sizeof *record &&
           machine_peek_va(p->machine, pe, va_make(va), &walk) &&
           machine_peek(p->machine, walk.result.pa, record, 2 * sizeof *record);
}

/* Frames from the innermost out. Returns how many. */
static unsigned unwind(struct profile *p, unsigned pe, uint32_t frame[PROFILE_DEPTH_MAX + 1])
{
    const struct cpu *cpu = &p->machine->state->cpu[pe];
    uint64_t fp = cpu->x[29], record[2], offset;
    unsigned count = 0;
    frame[count++] = profile_frame_at(p, pe, cpu->pc, &offset);
    if (cpu->el == 0)
        return count;
    bool has_record = read_record(p, pe, fp, record);
    uint64_t link = cpu->x[30];
    if (!has_record || record[1] != link) {
        uint32_t caller = profile_frame_at(p, pe, link - INSTRUCTION_BYTES, &offset);
        if (caller >= FRAME_SYMBOL && caller != frame[0])
            frame[count++] = caller;
    }
    while (has_record && record[1] != 0) {
        if (count == PROFILE_DEPTH_MAX) {
            frame[count++] = FRAME_CUT;
            break;
        }
        frame[count] = profile_frame_at(p, pe, record[1] - INSTRUCTION_BYTES, &offset);
        if (frame[count] < FRAME_SYMBOL)
            break;
        count++;
        uint64_t next = record[0];
        if (next <= fp)
            break;
        fp = next;
        has_record = read_record(p, pe, fp, record);
    }
    return count;
}

void profile_stack_add(struct profile *p, unsigned pe, uint64_t cycles)
{
    uint32_t frame[PROFILE_DEPTH_MAX + 1];
    const struct profile_pe *s = &p->pe[pe];
    unsigned count = unwind(p, pe, frame);
    uint32_t node = child_of(p, 0, FRAME_BUCKET + profile_bucket_of(s->vm, s->el));
    while (count > 0)
        node = child_of(p, node, frame[--count]);
    p->node[node].cycles += cycles;
    p->node[node].looks++;
}

void profile_stack_special(struct profile *p, uint32_t bucket, enum profile_frame frame,
                           uint64_t cycles)
{
    uint32_t node = child_of(p, child_of(p, 0, FRAME_BUCKET + bucket), frame);
    p->node[node].cycles += cycles;
}

void profile_vm_text(const struct profile *p, uint32_t vm, char *text, size_t size)
{
    bool is_alone = true;
    if (vm == 0 || vm == PROFILE_VM_MAX - 1) {
        snprintf(text, size, "%s", vm == 0 ? "host" : "more-vms");
        return;
    }
    for (uint32_t i = 1; i < p->vm_count; i++)
        is_alone &= i == vm || p->vm[i].vmid != p->vm[vm].vmid;
    if (is_alone)
        snprintf(text, size, "vm%u", p->vm[vm].vmid);
    else
        snprintf(text, size, "vm%u@0x%" PRIx64, p->vm[vm].vmid, p->vm[vm].root);
}

void profile_frame_text(const struct profile *p, uint32_t frame, char *text, size_t size)
{
    static const char *const special[] = {
        [FRAME_NO_SYMBOL] = "[no symbol]",
        [FRAME_EL0] = "[EL0]",
        [FRAME_UNSEEN] = "[unseen]",
        [FRAME_CUT] = "[deeper]",
    };
    if (frame >= FRAME_SYMBOL) {
        snprintf(text, size, "%s", p->name[frame - FRAME_SYMBOL]);
    } else if (frame >= FRAME_BUCKET) {
        uint32_t bucket = frame - FRAME_BUCKET;
        profile_vm_text(p, bucket / PROFILE_LEVELS, text, size);
        size_t used = strlen(text);
        snprintf(text + used, size - used, ";EL%u", bucket % PROFILE_LEVELS);
    } else {
        snprintf(text, size, "%s", special[frame]);
    }
}
