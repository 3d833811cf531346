/*
 * A profile as text: CPUs, levels and VMs, exits, symbols, and where barriers and invalidations
 * stand; and its stacks, for flame graphs.
 *
 * Rows go by what they cost, and then by name, so that equal runs have equal reports. Of symbols
 * and sites only the first are printed, and how many were left out is said; the stacks are all.
 */
#include "cpu/drop.h"
#include "sim/base/regs.h"
#include "sim/check/check_parts.h"
#include "sim/drop.h"
#include "sim/profile_parts.h"

#include "gen/esr.inc"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 60u
#define FRAME_TEXT 200u

struct row {
    uint64_t cycles, looks;
    uint32_t bucket, frame;
    char text[FRAME_TEXT];
};

static int row_compare(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->cycles != y->cycles)
        return x->cycles < y->cycles ? 1 : -1;
    int by_name = strcmp(x->text, y->text);
    if (by_name != 0)
        return by_name;
    return x->bucket != y->bucket ? (x->bucket > y->bucket) - (x->bucket < y->bucket)
                                  : (x->frame > y->frame) - (x->frame < y->frame);
}

static double share(uint64_t part, uint64_t all)
{
    return all == 0 ? 0 : 100.0 * (double)part / (double)all;
}

static uint64_t busy_cycles(const struct profile *p)
{
    uint64_t sum = 0;
    for (uint32_t bucket = 0; bucket < PROFILE_BUCKETS; bucket++)
        sum += p->bucket[bucket].cycles;
    return sum;
}

static void print_pes(const struct profile *p, FILE *out)
{
    fprintf(out, "\nCPUs\n%16s %16s  CPU\n", "busy cycles", "waiting cycles");
    for (unsigned pe = 0; pe < p->machine->config.pe_count; pe++) {
        const struct profile_pe *s = &p->pe[pe];
        fprintf(out, "%16" PRIu64 " %16" PRIu64 "  CPU %u\n", s->since - s->start - s->waited,
                s->waited, pe);
    }
}

static void print_levels(const struct profile *p, FILE *out)
{
    uint64_t all = busy_cycles(p);
    char vm[FRAME_TEXT];
    fprintf(out, "\nlevels\n%16s %7s %16s  VM and level\n", "cycles", "%", "instructions");
    for (uint32_t bucket = 0; bucket < PROFILE_BUCKETS; bucket++) {
        const struct profile_bucket *b = &p->bucket[bucket];
        if (b->cycles == 0 && b->insns == 0)
            continue;
        profile_vm_text(p, bucket / PROFILE_LEVELS, vm, sizeof vm);
        fprintf(out, "%16" PRIu64 " %7.2f %16" PRIu64 "  %s EL%u\n", b->cycles,
                share(b->cycles, all), b->insns, vm, bucket % PROFILE_LEVELS);
    }
}

static void reason_text(uint32_t reason, char *text, size_t size)
{
    static const char *const vectors[] = {"IRQ", "FIQ", "SError"};
    if (reason > PROFILE_REASON_VECTOR) {
        snprintf(text, size, "%s", vectors[reason - PROFILE_REASON_VECTOR - 1]);
        return;
    }
    snprintf(text, size, "exception class 0x%02x", reason);
    for (size_t i = 0; i < ARRAY_COUNT(esr_ec_rows); i++) {
        if (esr_ec_rows[i].value == reason)
            snprintf(text, size, "%s: %s", esr_ec_rows[i].name, esr_ec_rows[i].what);
    }
}

static void print_exits(const struct profile *p, FILE *out)
{
    char vm[FRAME_TEXT], reason[80];
    fprintf(out, "\nexits to EL2\n%12s %16s %10s %16s %10s  from, reason\n", "count",
            "cycles at EL2", "each", "cycles away", "each");
    for (uint32_t from = 0; from < PROFILE_VM_MAX; from++) {
        for (uint32_t why = 0; why < PROFILE_REASONS; why++) {
            const struct profile_exit *x = &p->exit[from][why];
            if (x->count == 0)
                continue;
            profile_vm_text(p, from, vm, sizeof vm);
            reason_text(why, reason, sizeof reason);
            fprintf(out, "%12" PRIu64 " %16" PRIu64 " %10" PRIu64, x->count, x->el2_cycles,
                    x->el2_cycles / x->count);
            if (x->returns != 0)
                fprintf(out, " %16" PRIu64 " %10" PRIu64, x->away_cycles,
                        x->away_cycles / x->returns);
            else
                fprintf(out, " %16s %10s", "-", "-");
            fprintf(out, "  %s, %s\n", vm, reason);
        }
    }
}

/* The bucket that a stack stands in. */
static uint32_t bucket_of(const struct profile *p, uint32_t node)
{
    while (p->node[node].parent != 0)
        node = p->node[node].parent;
    return p->node[node].frame - FRAME_BUCKET;
}

static int row_by_place(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->bucket != y->bucket)
        return x->bucket < y->bucket ? -1 : 1;
    return (x->frame > y->frame) - (x->frame < y->frame);
}

/* Rows of one bucket and frame become one. Returns how many are left. */
static uint32_t rows_join(struct row *row, uint32_t count)
{
    uint32_t left = 0;
    qsort(row, count, sizeof *row, row_by_place);
    for (uint32_t i = 0; i < count; i++) {
        if (left != 0 && row_by_place(&row[left - 1], &row[i]) == 0) {
            row[left - 1].cycles += row[i].cycles;
            row[left - 1].looks += row[i].looks;
        } else {
            row[left++] = row[i];
        }
    }
    return left;
}

static void print_symbols(const struct profile *p, FILE *out)
{
    struct row *row = calloc(p->node_count, sizeof *row);
    uint32_t count = 0;
    uint64_t all = busy_cycles(p);
    char vm[FRAME_TEXT];
    ensure(row != NULL);
    for (uint32_t node = 1; node < p->node_count; node++) {
        const struct profile_node *n = &p->node[node];
        if (n->cycles == 0)
            continue;
        struct row *r = &row[count++];
        *r = (struct row){.cycles = n->cycles, .looks = n->looks, .bucket = bucket_of(p, node),
                          .frame = n->frame};
        profile_frame_text(p, n->frame, r->text, sizeof r->text);
    }
    count = rows_join(row, count);
    qsort(row, count, sizeof *row, row_compare);
    fprintf(out, "\nsymbols\n%16s %7s %10s  VM, level and symbol\n", "cycles", "%", "looks");
    for (uint32_t i = 0; i < count && i < ROWS_MAX; i++) {
        profile_vm_text(p, row[i].bucket / PROFILE_LEVELS, vm, sizeof vm);
        fprintf(out, "%16" PRIu64 " %7.2f %10" PRIu64 "  %s EL%u %s\n", row[i].cycles,
                share(row[i].cycles, all), row[i].looks, vm, row[i].bucket % PROFILE_LEVELS,
                row[i].text);
    }
    if (count > ROWS_MAX)
        fprintf(out, "%" PRIu32 " more are in the stacks\n", count - ROWS_MAX);
    free(row);
}

static int site_compare(const void *a, const void *b)
{
    const struct profile_site *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

static void site_text(const struct profile_site *s, char *text, size_t size)
{
    static const char *const option[16] = {
        [1] = "oshld", [2] = "oshst", [3] = "osh", [5] = "nshld", [6] = "nshst", [7] = "nsh",
        [9] = "ishld", [10] = "ishst", [11] = "ish", [13] = "ld", [14] = "st", [15] = "sy"};
    if (s->kind == DROP_TLBI)
        snprintf(text, size, "tlbi %s%s", shadow_tlbi_name(s->operation),
                 s->scope == TLBI_LOCAL ? "" : "is");
    else if (s->kind == DROP_ISB || !option[s->operation & 15u])
        snprintf(text, size, "%s", drop_kind_name(s->kind));
    else
        snprintf(text, size, "%s %s", drop_kind_name(s->kind), option[s->operation & 15u]);
}

/* The numbers are those that --drop takes. */
static void print_sites(const struct profile *p, FILE *out)
{
    struct profile_site *site = calloc(PROFILE_SITE_MAX, sizeof *site);
    uint32_t count = 0;
    char vm[FRAME_TEXT], frame[FRAME_TEXT], what[40];
    ensure(site != NULL);
    for (uint32_t i = 0; i < PROFILE_SITE_MAX; i++) {
        if (p->site[i].count != 0)
            site[count++] = p->site[i];
    }
    qsort(site, count, sizeof *site, site_compare);
    fprintf(out, "\nbarriers and invalidations\n%10s %12s %12s  operation, VM, level and place\n",
            "count", "first", "last");
    for (uint32_t i = 0; i < count; i++) {
        const struct profile_site *s = &site[i];
        profile_vm_text(p, s->bucket / PROFILE_LEVELS, vm, sizeof vm);
        site_text(s, what, sizeof what);
        fprintf(out, "%10" PRIu64 " %12" PRIu64 " %12" PRIu64 "  %s, %s EL%u ", s->count, s->first,
                s->last, what, vm, s->bucket % PROFILE_LEVELS);
        if (s->frame >= FRAME_SYMBOL) {
            profile_frame_text(p, s->frame, frame, sizeof frame);
            fprintf(out, "%s+0x%" PRIx64 "\n", frame, s->offset);
        } else {
            fprintf(out, "0x%" PRIx64 "\n", s->pc);
        }
    }
    if (p->sites_lost != 0)
        fprintf(out, "%" PRIu64 " more, at places for which there was no room\n", p->sites_lost);
    free(site);
}

void profile_print(const struct profile *p, FILE *out)
{
    const struct machine *m = p->machine;
    fprintf(out,
            "%" PRIu64 " steps from step %" PRIu64 "; %" PRIu64 " looks, one in %u steps; "
            "%" PRIu64 " cycles of CPUs that did not wait\n",
            m->state->step - p->first_step, p->first_step, p->looks, PROFILE_PERIOD,
            busy_cycles(p));
    print_pes(p, out);
    print_levels(p, out);
    print_exits(p, out);
    print_symbols(p, out);
    print_sites(p, out);
}

/* --- stacks ------------------------------------------------------------------------------- */

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "VM;EL;symbol;...;symbol CYCLES"; what would be taken for a separator is not. */
static char *stack_text(const struct profile *p, uint32_t node)
{
    uint32_t path[PROFILE_DEPTH_MAX + 4];
    unsigned count = 0;
    for (uint32_t at = node; at != 0 && count < ARRAY_COUNT(path); at = p->node[at].parent)
        path[count++] = at;
    size_t size = (size_t)count * FRAME_TEXT + 32, used = 0;
    char *text = malloc(size), frame[FRAME_TEXT];
    ensure(text != NULL);
    while (count > 0) {
        uint32_t at = path[--count];
        profile_frame_text(p, p->node[at].frame, frame, sizeof frame);
        for (char *c = frame; p->node[at].frame >= FRAME_SYMBOL && *c; c++)
            *c = *c == ';' || *c == ' ' ? '_' : *c;
        used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ";", frame);
    }
    snprintf(text + used, size - used, " %" PRIu64, p->node[node].cycles);
    return text;
}

void profile_print_stacks(const struct profile *p, FILE *out)
{
    char **line = calloc(p->node_count, sizeof *line);
    uint32_t count = 0;
    ensure(line != NULL);
    for (uint32_t node = 1; node < p->node_count; node++) {
        if (p->node[node].cycles != 0)
            line[count++] = stack_text(p, node);
    }
    qsort(line, count, sizeof *line, text_compare);
    for (uint32_t i = 0; i < count; i++) {
        fprintf(out, "%s\n", line[i]);
        free(line[i]);
    }
    free(line);
}
