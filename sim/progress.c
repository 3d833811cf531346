/*
 * The bar and the clock. Nothing here is part of a run: the host's time is read for people only,
 * and a bar is drawn over itself, at most ten times a second. Where standard error is no terminal,
 * nothing is drawn.
 */
#include "sim/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_BETWEEN 0.1
#define BAR_WIDTH 30u

static double clock_seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double progress_seconds(void)
{
    return clock_seconds(CLOCK_MONOTONIC);
}

double progress_core_seconds(void)
{
    return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

void progress_begin(struct progress *p, const char *what)
{
    *p = (struct progress){.what = what, .started = progress_seconds()};
}

void progress_show(struct progress *p, uint64_t done, uint64_t total, const char *note)
{
    double now = progress_seconds();
    if (!isatty(STDERR_FILENO) || now - p->shown < SECONDS_BETWEEN)
        return;
    char bar[BAR_WIDTH + 1];
    unsigned full = 0;
    if (total != 0)
        full = (unsigned)(done >= total ? BAR_WIDTH : done * BAR_WIDTH / total);
    for (unsigned i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR_WIDTH] = 0;
    double seconds = now - p->started;
    double rate = seconds > 0 ? (double)done / seconds : 0;
    if (total != 0)
        fprintf(stderr, "\r%s [%s] %llu/%llu  %.0f/s  %s\033[K", p->what, bar,
                (unsigned long long)done, (unsigned long long)total, rate, note);
    else
        fprintf(stderr, "\r%s %llu  %.0f/s  %s\033[K", p->what, (unsigned long long)done, rate,
                note);
    fflush(stderr);
    p->shown = now;
    p->is_shown = true;
}

void progress_end(struct progress *p)
{
    if (p->is_shown)
        fputs("\r\033[K", stderr);
    p->is_shown = false;
}
