/*
 * The host's side of the console: what is typed, or piped in, and the terminal that it is typed on.
 * Nothing here is part of a run; what comes from here reaches it as recorded input.
 */
#pragma once
#include "sim/base/base.h"

/*
 * If standard input is a terminal: from now on each key comes at once, also Ctrl-C, and is not
 * echoed. However the program ends, the terminal is as it was.
 */
void terminal_open(void);
void terminal_close(void);

/*
 * Takes what has come, at most size bytes; with wait, on a terminal, sleeps until something comes
 * or a signal does. Ctrl-A on a terminal is for us: x ends the run (run_interrupt), h helps,
 * Ctrl-A sends one.
 */
size_t terminal_read(uint8_t *bytes, size_t size, bool wait);
