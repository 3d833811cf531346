/*
 * A timeline: one run in which one can go to any step, forwards and backwards. Backwards is the
 * nearest snapshot before, and on from there; there is no other way to undo anything.
 */
#pragma once
#include "sim/run.h"

struct timeline;

/*
 * The run that r makes from its start mark with the chooser policy it has now (which must answer
 * the same each time: default, seeded or a script). A snapshot is taken every `interval` steps;
 * far away from the current step they are thinned out, so that together they take at most
 * bytes_max (and one more). r belongs to the timeline until it is freed.
 */
struct timeline *timeline_new(struct run *r, uint64_t interval, size_t bytes_max);
void timeline_free(struct timeline *t);

/*
 * Goes to a step; false when the run ends before it (then the timeline is at the run's end) or
 * the step lies before the start mark (then it is there).
 */
bool timeline_seek(struct timeline *t, uint64_t step);
/* Goes back by one step: seek(step - 1). */
bool timeline_back(struct timeline *t);

uint64_t timeline_step(const struct timeline *t);
/* Why the last seek forwards ended early. */
enum machine_stop timeline_stop(const struct timeline *t);
size_t timeline_snapshots(const struct timeline *t);
