/*
 * Recording. In two ways: the run that a set of records makes, which a search or a shrinking has
 * found, executed once more with its state hashed at every interval, so that a replay can tell
 * where it went another way; or a run while it is made, whose records are those of its chooser. A
 * hash costs the pages written since the one before, so that a long run has them further apart.
 */
#include "sim/trace_file.h"

#include <stdlib.h>
#include <string.h>

static void add_hash(struct trace *trace, uint64_t step, uint64_t hash)
{
    trace->hashes = realloc(trace->hashes, (trace->hash_count + 1) * sizeof *trace->hashes);
    ensure(trace->hashes != NULL);
    trace->hashes[trace->hash_count++] = (struct trace_hash){step, hash};
}

static bool watch(void *context, struct machine *m)
{
    add_hash(context, m->state->step, machine_hash(m));
    return true;
}

bool trace_record(struct run *r, const struct choice_record *records, size_t count,
                  uint64_t hash_interval, struct trace *trace, struct error *error)
{
    struct chooser *c = &run_machine(r)->chooser;
    trace->fingerprint = trace_fingerprint();
    trace->setup = *run_setup_of(r);
    trace->hash_interval = hash_interval;
    trace->records = calloc(count + 1, sizeof *trace->records);
    uint8_t *used = calloc(count + 1, 1);
    ensure(trace->records != NULL && used != NULL);
    if (count != 0)
        memcpy(trace->records, records, count * sizeof *records);
    trace->record_count = count;
    choice_records_sort(trace->records, count);

    c->policy = CHOICE_STRICT;
    c->script = trace->records;
    c->script_count = count;
    c->script_used = used;
    const struct run_watcher watcher = {hash_interval, watch, trace};
    run_execute_watched(r, &trace->verdict, &watcher, 1);
    c->policy = CHOICE_DEFAULT;
    c->script = NULL;
    c->script_count = 0;
    c->script_used = NULL;
    free(used);

    if (trace->verdict.result == RUN_DIVERGED)
        return error_set(error, "the run to be recorded does not repeat");
    if (trace->verdict.result == RUN_INTERRUPTED)
        return error_set(error, "interrupted while recording");
    if (trace->hash_count == 0 ||
        trace->hashes[trace->hash_count - 1].step != trace->verdict.steps)
        add_hash(trace, trace->verdict.steps, trace->verdict.hash);
    return true;
}

void trace_record_begin(struct trace *trace, const struct run *r)
{
    trace->fingerprint = trace_fingerprint();
    trace->setup = *run_setup_of(r);
    trace->hash_interval = HASH_INTERVAL_DEFAULT;
}

bool trace_record_watch(void *context, struct machine *m)
{
    struct trace *trace = context;
    if (m->state->step % trace->hash_interval != 0)
        return true;
    add_hash(trace, m->state->step, machine_hash(m));
    if (trace->hash_count < TRACE_HASHES_MAX)
        return true;
    size_t kept = 0;
    trace->hash_interval *= 2;
    for (size_t i = 0; i < trace->hash_count; i++) {
        if (trace->hashes[i].step % trace->hash_interval == 0)
            trace->hashes[kept++] = trace->hashes[i];
    }
    trace->hash_count = kept;
    return true;
}

void trace_record_finish(struct trace *trace, struct run *r, const struct run_verdict *verdict)
{
    const struct chooser *c = &run_machine(r)->chooser;
    trace->verdict = *verdict;
    if ((verdict->result == RUN_LIMIT || verdict->result == RUN_INTERRUPTED) && !verdict->idle)
        trace->setup.max_steps = verdict->steps;
    trace->records = calloc(c->record_count + 1, sizeof *trace->records);
    ensure(trace->records != NULL);
    trace->record_count = c->record_count;
    if (c->record_count != 0)
        memcpy(trace->records, c->record, c->record_count * sizeof *c->record);
    choice_records_sort(trace->records, trace->record_count);
    if (trace->hash_count == 0 ||
        trace->hashes[trace->hash_count - 1].step != trace->verdict.steps)
        add_hash(trace, trace->verdict.steps, trace->verdict.hash);
}
