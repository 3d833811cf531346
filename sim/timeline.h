/*
 * A timeline: one run in which one can go to any step, forwards and backwards. Backwards is the
 * nearest snapshot before, and on from there; there is no other way to undo anything.
 */
#pragma once
#include "sim/run.h"

struct timeline;

/*
 * The run that r makes from its start mark with the chooser policy it has now (which must answer
 * the same each time: default, seeded or a script). A snapshot is taken every `interval` steps,
 * and more of them on the last way to a step that was sought, so that going back from it is
 * short. Beside what the machine itself takes, snapshots take at most bytes_max (and one more):
 * those go whose absence costs least, so that far away from the current step they are rarer.
 * r belongs to the timeline until it is freed.
 */
struct timeline *timeline_new(struct run *r, uint64_t interval, size_t bytes_max);
void timeline_free(struct timeline *t);

/* Looks at each multiple of `interval` steps when the run gets there first; false ends the way. */
void timeline_set_watch(struct timeline *t, uint64_t interval, run_watch *watch, void *context);

/*
 * Goes to a step; false when the run ends before it (then the timeline is at the run's end), when
 * the step lies before the start mark (then it is there), or when it was stopped on the way: by an
 * observer, a break point, the watch, or run_interrupt(); it can go on from there.
 */
bool timeline_seek(struct timeline *t, uint64_t step);
/* The same to a step that lies ahead, executing everything in between: for observers. */
bool timeline_run(struct timeline *t, uint64_t step);
/* Goes back by one step: seek(step - 1). */
bool timeline_back(struct timeline *t);

uint64_t timeline_step(const struct timeline *t);
/* The last step before `step` from which going on costs no more than the way to it. */
uint64_t timeline_before(const struct timeline *t, uint64_t step);
/* Why the last way forwards ended; MACHINE_LIMIT: it did not, or the watch or an interrupt did. */
enum machine_stop timeline_stop(const struct timeline *t);
size_t timeline_snapshots(const struct timeline *t);
/* Steps of the snapshots, ascending; index below timeline_snapshots(). */
uint64_t timeline_snapshot_step(const struct timeline *t, size_t index);
/* What they take beside the machine's own memory. */
size_t timeline_bytes(const struct timeline *t);
