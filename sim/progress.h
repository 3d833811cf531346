/*
 * Progress for people: a bar on standard error if that is a terminal, and nothing otherwise; and
 * the host's clock, which may be looked at only by what tells people how fast something was.
 */
#pragma once
#include "sim/base/base.h"

/* Seconds of the host's monotonic clock. Never for anything that reaches a run. */
double progress_seconds(void);
/* Seconds of one core that this process has used: what a measurement counts on a busy host. */
double progress_core_seconds(void);

struct progress {
    const char *what;
    double started, shown;
    bool is_shown; /* there is something on the line */
};

/* what is a word or two in front of the bar; it must outlive the progress. */
void progress_begin(struct progress *p, const char *what);
/* Shows done of total, at most ten times a second; total 0: unknown. note may be "". */
void progress_show(struct progress *p, uint64_t done, uint64_t total, const char *note);
/* Wipes the bar away. */
void progress_end(struct progress *p);
