/*
 * Shrinking: the smallest set of choices that still leads to the same class of verdict, and each
 * answer as near to the ordinary one as it goes.
 */
#pragma once
#include "sim/run.h"

struct shrink_options {
    /* At most so many runs, at least 2: the first repeats what is shrunk, the last verifies what
       it has become; 0: no limit. */
    uint64_t runs_max;
    void (*progress)(void *context, uint64_t runs, size_t choices);
    void *progress_context;
};

struct shrink_result {
    struct choice_record *records; /* sorted by name; freed by the caller */
    size_t record_count;
    struct run_verdict verdict; /* of the records; where there is no result, of the last run */
    uint64_t runs;
    bool complete; /* nothing more can be taken away or lowered; false: stopped before that */
    bool interrupted; /* stopped by run_interrupt(), which has been cleared */
};

/*
 * Shrinks records, which must lead to `class`. False with a reason when a lenient replay of them
 * does not, or when the result, replayed strictly, is not the run that was found. r's chooser is
 * left with the default policy.
 */
bool shrink_run(struct run *r, const struct choice_record *records, size_t count,
                const char *class, const struct shrink_options *options,
                struct shrink_result *result, struct error *error);
