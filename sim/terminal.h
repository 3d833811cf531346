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

#define TERMINAL_KEYS_MAX 256u
/* Keys that are no bytes. */
#define TERMINAL_POWER_BUTTON 0x100u
#define TERMINAL_OTHER_CONSOLE 0x101u

/*
 * Takes what has come; if nothing has, sleeps up to so many milliseconds (200 at most) until
 * something does. Bytes, and on a terminal what Ctrl-A and a key mean: p and c are the keys above,
 * Ctrl-A is one of its own, x ends the run (run_interrupt) and h helps.
 */
size_t terminal_read(uint16_t keys[TERMINAL_KEYS_MAX], unsigned milliseconds);
/* Whether somebody can still type: it is a terminal, and it has not gone. */
bool terminal_is_open(void);
/* False: it is none, or does not know. */
bool terminal_size(unsigned *columns, unsigned *rows);
