/*
 * Replaying a trace: the same images, configuration and choices, executed again and compared.
 * With the same fingerprint it is strict: every question and every hash must be the recorded
 * one. With another model it is lenient: the verdict is compared and the hashes are not.
 */
#pragma once
#include "sim/base/image.h"
#include "sim/symbols.h"
#include "sim/trace_file.h"

struct replay_options {
    enum engine_kind engine;
    bool checks_given;     /* check_mask replaces the trace's own checkers */
    uint32_t check_mask;
    bool to_given;
    uint64_t to_step;      /* stop there */
    event_sink *sink;      /* listens to the whole replay, or NULL */
    void *sink_context;
    uint64_t sink_mask;
    /* Hears now and then how far it is, or NULL. */
    void (*progress)(void *context, uint64_t step, uint64_t last);
    void *progress_context;
};

#define REPLAY_DIVERGENCE_MAX 400u

struct replay_result {
    bool strict;
    bool interrupted; /* this replay; the verdict may be that the recorded run was */
    bool diverged;
    char divergence[REPLAY_DIVERGENCE_MAX]; /* one line: where, what was recorded, what came */
    bool verdict_compared;
    bool same_verdict;
    uint64_t hashes_compared;
    struct run_verdict verdict;
};

/* A trace made ready to run: its image taken apart, its machine at the start mark. */
struct replay {
    const struct trace *trace;
    struct image image;
    struct run *run;
    uint8_t *used;
    struct replay_options options;
    const struct symbol_place *place; /* the caller's, for a story: NULL: the image's own names */
};

/* False with one line. The trace must outlive the replay. */
bool replay_open(struct replay *replay, const struct trace *trace,
                 const struct replay_options *options, struct error *error);
void replay_close(struct replay *replay);

/* Sets the chooser to the trace's records, as the run's policy for what comes. */
void replay_set_script(struct replay *replay);

/* Runs to the end (or options.to_step) and compares. */
void replay_execute(struct replay *replay, struct replay_result *result);

/* For who executes it himself. Whether the model is that of the recording. */
bool replay_is_strict(const struct replay *replay);
/* False with a line when there is a recorded hash of this step and it is another. */
bool replay_hash_compare(const struct replay *replay, uint64_t step, uint64_t hash,
                         char text[REPLAY_DIVERGENCE_MAX]);
/* The question that a strict chooser has diverged at. */
void replay_question_text(const struct chooser *chooser, char text[REPLAY_DIVERGENCE_MAX]);
/* What there is to say of the machine as it is: all of a verdict but what it is compared by. */
void replay_measure(const struct replay *replay, struct run_verdict *verdict);
