/*
 * Lines with latency: what is on its way between the source of a level line (a timer, a device,
 * an output of the GIC) and whoever sees it (an input of the GIC, a PE). How late an edge is seen
 * is a choice of the line, answered by an index into line_delay[].
 *
 * Edges of one line stay in order. One that an earlier one would be seen behind overtakes it, and
 * both are gone: the destination never sees a pulse, or a dip, that is shorter than the difference
 * of the delays. An edge-triggered input sees every edge. Two edges are on their way at
 * most: before a third one starts, the first is seen.
 */
#pragma once
#include "sim/base/base.h"

/* The lines of a PE; the wires from the GIC have the order of CPU_LINE_*. */
enum line_kind {
    LINE_CNTP,
    LINE_CNTV,
    LINE_CNTHP,
    LINE_PMU,
    LINE_MAINTENANCE,
    LINE_IRQ,
    LINE_FIQ,
    LINE_VIRQ,
    LINE_VFIQ,
    LINES_OF_PE
};

/* Numbers of lines, which are the objects of their choices: those of the PEs, then SPIs. */
#define LINE_DEVICES (PE_COUNT_MAX * LINES_OF_PE)
#define LINE_SPI_COUNT 56u /* SPIs 0..55: all that the board wires to a device */
#define LINE_COUNT (LINE_DEVICES + LINE_SPI_COUNT)
#define LINE_NONE UINT32_MAX

/* Cycles until an edge is seen, by answer: at once, within a handler's prologue, within it, about
 * as long as a world switch, and long after it. */
#define LINE_ANSWERS 5u
extern const uint64_t line_delay[LINE_ANSWERS];

#define LINE_EDGES 2u

STATE_BEGIN
/* Edges on their way. All bytes are 0 while there are none. */
struct line {
    uint64_t at[LINE_EDGES]; /* cycles: when each is seen; not descending */
    uint8_t count;
    uint8_t level; /* after the first of them; they alternate */
    uint8_t reserved[6];
};

struct lines {
    uint64_t next;    /* the first edge that will be seen, of all lines; 0 while count is 0 */
    uint64_t count;   /* lines with edges on their way */
    struct line line[LINE_COUNT];
};
STATE_END

static inline unsigned line_of_pe(unsigned pe, enum line_kind kind)
{
    return pe * LINES_OF_PE + (unsigned)kind;
}

/* The level that the source of a line has, whose destination sees `seen`. */
bool lines_source(const struct lines *lines, unsigned line, bool seen);

/* The source goes to the other level than it had, an edge that is to be seen at `at`;
 * keeps_edges: the destination is edge-triggered. There is room: lines_is_full(). */
void lines_put(struct lines *lines, unsigned line, bool seen, uint64_t at, bool keeps_edges);

static inline bool lines_is_pending(const struct lines *lines, unsigned line)
{
    return lines->line[line].count != 0;
}

static inline bool lines_is_full(const struct lines *lines, unsigned line)
{
    return lines->line[line].count == LINE_EDGES;
}

/* Takes the first edge on its way along a line that has one: the level behind it. */
bool lines_take(struct lines *lines, unsigned line);

/* The line whose edge is to be seen next, if that is due at `cycles`, or LINE_NONE. Ties by
 * number. */
unsigned lines_due(const struct lines *lines, uint64_t cycles);

/* Forgets what is on its way along a line. */
void lines_drop(struct lines *lines, unsigned line);
