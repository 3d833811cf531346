/*
 * The host's side of a run's console: standard output, and what is typed or piped in. What goes in
 * is recorded with its moment, so that nothing here is needed for a replay.
 */
#pragma once
#include "sim/run.h"

struct console {
    struct run *run;
    bool is_fixed;               /* somebody has said where keys go */
    enum machine_input_device to;
    unsigned columns, rows;      /* as last told; 0: never */
    double ahead;                /* seconds by which waiting guests are ahead of the host's clock */
};

/* The run's console is the terminal, or standard output and what is piped in. */
void console_open(struct console *c, struct run *r);
/* The same things as before; a line that the guest has begun is ended. */
void console_close(struct console *c);

/* So that what we say has lines of its own. */
void console_end_line(void);
