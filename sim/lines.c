/*
 * Lines with latency: the edges that are on their way, and what becomes of one that is overtaken.
 *
 * An interrupt line of real hardware goes through synchronizers and an interconnect, so that an
 * edge is seen some time later, and no manual bounds that: a level may be seen that its source has
 * left, and an interrupt be taken whose cause is gone (IHI 0048B.b: spurious interrupts; DDI 0487:
 * an interrupt is taken in finite time). What is left out: edges of one line that are seen in
 * another order than they were made, and several PEs that see the same SPI's line differently.
 */
#include "sim/lines.h"

#include <string.h>

const uint64_t line_delay[LINE_ANSWERS] = {0, 16, 128, 1024, 8192};

static void next_update(struct lines *lines)
{
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0, left = (unsigned)lines->count; left != 0; i++) {
        const struct line *l = &lines->line[i];
        if (l->count == 0)
            continue;
        left--;
        if (l->at[0] < next)
            next = l->at[0];
    }
    lines->next = lines->count != 0 ? next : 0;
}

bool lines_source(const struct lines *lines, unsigned line, bool seen)
{
    const struct line *l = &lines->line[line];
    if (l->count == 0)
        return seen;
    return l->count % 2 != 0 ? l->level : !l->level;
}

/* The last edge is not seen. */
static void take_back(struct line *l)
{
    l->at[--l->count] = 0;
    if (l->count == 0)
        l->level = 0;
}

void lines_put(struct lines *lines, unsigned line, bool seen, uint64_t at, bool keeps_edges)
{
    ensure(line < LINE_COUNT && !lines_is_full(lines, line));
    struct line *l = &lines->line[line];
    bool level = !lines_source(lines, line, seen);
    unsigned before = l->count;
    if (before != 0 && keeps_edges && at <= l->at[before - 1])
        at = l->at[before - 1] + 1;
    while (l->count != 0 && l->at[l->count - 1] >= at)
        take_back(l);
    if (lines_source(lines, line, seen) != level) {
        if (l->count == 0)
            l->level = level;
        l->at[l->count++] = at;
    }
    lines->count += (uint64_t)(l->count != 0);
    lines->count -= (uint64_t)(before != 0);
    next_update(lines);
}

bool lines_take(struct lines *lines, unsigned line)
{
    struct line *l = &lines->line[line];
    ensure(l->count != 0);
    bool level = l->level;
    l->at[0] = l->at[1];
    l->at[1] = 0;
    l->level = --l->count != 0 && !level;
    lines->count -= (uint64_t)(l->count == 0);
    next_update(lines);
    return level;
}

unsigned lines_due(const struct lines *lines, uint64_t cycles)
{
    if (lines->count == 0 || lines->next > cycles)
        return LINE_NONE;
    for (unsigned i = 0; i < LINE_COUNT; i++) {
        const struct line *l = &lines->line[i];
        if (l->count != 0 && l->at[0] == lines->next)
            return i;
    }
    bug("lines: no edge at %llu", (unsigned long long)lines->next);
}

void lines_drop(struct lines *lines, unsigned line)
{
    struct line *l = &lines->line[line];
    if (l->count == 0)
        return;
    memset(l, 0, sizeof *l);
    lines->count--;
    next_update(lines);
}
