/*
 * Signals of the host that ask for an end. They are no part of a run: it ends between two steps,
 * what it has found is kept, and a recording ends there.
 */
#pragma once
#include <stdbool.h>

/*
 * From now on SIGINT, SIGTERM and SIGHUP call run_interrupt() instead of ending the process; a
 * second one, half a second later or more, ends it. SIGHUP stays ignored where it is (nohup).
 * A read or write that waits is given up, or goes on, as who prints to a slow reader wants it.
 */
void signals_catch(bool waits_go_on);
/* Whether one of them came that is no mere Ctrl-C: nobody will say how to go on. */
bool signals_must_end(void);
/* The exit status of an interrupted command: 128 and the signal; Ctrl-A x is like Ctrl-C. */
int signals_status(void);
