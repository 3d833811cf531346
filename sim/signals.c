/*
 * Ctrl-C, and what a system sends to programs that are to end. The handlers say so to runs, which
 * look between two parts of what they execute, and nothing else; the terminal is given back by who
 * took it. Whoever is asked twice does what the signal does by default.
 *
 * One end is often asked for by several signals: a hangup comes from the kernel and from the
 * shell, timeout(1) asks its child and then its group, of which that is one. So what comes within
 * half a second is no second time, or such an end would cost the recording that it is to keep.
 *
 * Not here: signals of crashes and stops (terminal.c), and SIGPIPE, which is an error of writing.
 */
#include "sim/signals.h"

#include "sim/progress.h"
#include "sim/run.h"
#include "sim/terminal.h"

#include <signal.h>

#define SECONDS_OF_ONE 0.5

static const int catches[] = {SIGINT, SIGTERM, SIGHUP};
static volatile sig_atomic_t caught; /* the last one, Ctrl-C the least of them; 0: none */
static double asked; /* when the first one came; handlers do not interrupt each other */

static void on_interrupt(int number)
{
    if (!signals_must_end())
        caught = number;
    double now = progress_seconds();
    if (!run_is_interrupted()) {
        asked = now;
        run_interrupt();
    } else if (now - asked >= SECONDS_OF_ONE) {
        terminal_close();
        signal(number, SIG_DFL);
        raise(number); /* comes when this returns */
    }
}

void signals_catch(bool waits_go_on)
{
    struct sigaction action = {.sa_handler = on_interrupt,
                               .sa_flags = waits_go_on ? SA_RESTART : 0}, before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ARRAY_COUNT(catches); i++)
        sigaddset(&action.sa_mask, catches[i]);
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
