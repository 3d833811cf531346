/*
 * Recording: the run that a set of records makes, executed once more with its state hashed at
 * every interval, so that a replay can tell where it went another way. Which
 * records those are is not decided here: a search or a shrinking found them.
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
    run_execute_watched(r, &trace->verdict, hash_interval, watch, trace);
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
