/*
 * The story of a run: who did what on which CPU, step by step, ending in what was found. An
 * observer collects events while the trace is replayed; afterwards those that matter are told as
 * a table with one lane per CPU.
 */
#pragma once
#include "sim/replay.h"

struct story;

/* Listens to the machine of an opened replay; attach story_sink with story_mask(). */
struct story *story_new(void);
void story_free(struct story *story);
void story_listen(struct story *story, const struct replay *replay);
void story_sink(void *context, const struct event *event);
uint64_t story_mask(void);

/* Prints it to a stdio stream (FILE *). The replay is still open. */
void story_print(struct story *story, const struct replay *replay,
                 const struct replay_result *result, void *stream);
