/*
 * Random instances of a row, with operands that make sense for it: addresses in the window,
 * branches to landing pads, and otherwise values that like to be at the ends of their ranges.
 */
#pragma once
#include "gen/a64.h"
#include "tests/diff/program.h"

struct operands {
    struct instance instances[PROGRAM_WORDS];
    struct registers in[PROGRAM_RECORDS];
};

/* NULL, or why the row cannot run in a Linux process; tests/diff/privileged.c runs it then. */
const char *operands_excluded(enum a64_op op);

/* The same for the same op, always. */
void operands_make(enum a64_op op, struct operands *o);
