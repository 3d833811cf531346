/*
 * Ctrl-C, and what a system sends to programs that are to end. The handlers say so to runs, which
 * look between two parts of what they execute, and nothing else; the terminal is given back by who
 * took it. Whoever is asked twice does what the signal does by default.
 *
 * Not here: signals of crashes and stops (terminal.c), and SIGPIPE, which is an error of writing.
 */
#include "sim/signals.h"

#include "sim/run.h"
#include "sim/terminal.h"

#include <signal.h>

static const int catches[] = {SIGINT, SIGTERM, SIGHUP};
static volatile sig_atomic_t caught; /* the last one, Ctrl-C the least of them; 0: none */

static void on_interrupt(int number)
{
    if (!signals_must_end())
        caught = number;
    if (run_is_interrupted()) {
        terminal_close();
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    run_interrupt();
}

void signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_interrupt}, before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ARRAY_COUNT(catches); i++) {
        sigaction(catches[i], NULL, &before);
        if (catches[i] != SIGHUP || before.sa_handler != SIG_IGN)
            sigaction(catches[i], &action, NULL);
    }
}

bool signals_must_end(void)
{
    return caught != 0 && caught != SIGINT;
}

int signals_status(void)
{
    return 128 + (caught != 0 ? caught : SIGINT);
}
