/*
 * A recording that one can walk in: what the commands of `replay --steps`, a window and a
 * debugger's stub stand on. Positions are machine steps; at position n the first n steps have been
 * done. Nothing that is done here changes the run: the state at a step is that of the recording,
 * and is compared with it wherever it has a hash, when the walk gets there first.
 */
#pragma once
#include "gen/trace.h"
#include "sim/replay.h"
#include "sim/timeline.h"

struct session;

struct session_options {
    struct replay_options replay; /* to_given, to_step and the sink are not looked at */
    uint64_t interval;            /* steps between two snapshots; 0: SESSION_INTERVAL */
    size_t bytes_max;             /* what snapshots may take beside the machine */
};
#define SESSION_INTERVAL UINT64_C(4000000)
#define SESSION_BYTES_MAX ((size_t)512 << 20)

/* At the start mark. NULL with one line. The trace must outlive the session. */
struct session *session_open(const struct trace *trace, const struct session_options *options,
                             struct error *error);
void session_close(struct session *s);

/* Where a walk ended. */
enum session_stop {
    SESSION_THERE,       /* where it was to go, or behind what it looked for */
    SESSION_START,       /* at the start: there is nothing before it */
    SESSION_END,         /* at the end of the recording */
    SESSION_DIVERGED,    /* the run is not the recorded one: session_divergence() */
    SESSION_INTERRUPTED, /* by run_interrupt(), which is taken back; somewhere on the way */
};
/* One line, for SESSION_DIVERGED. */
const char *session_divergence(const struct session *s);

/* The machine at the position; what is read from it holds until the next walk. */
struct machine *session_machine(const struct session *s);
struct replay *session_replay(struct session *s);
const struct timeline *session_timeline(const struct session *s);
uint64_t session_step(const struct session *s);
/* The first position, and that of the recording's end. */
uint64_t session_first(const struct session *s);
uint64_t session_last(const struct session *s);

/* Goes to a position, at most to the first or last one. */
enum session_stop session_seek(struct session *s, uint64_t step);

/* What to look for; what is 0 or NULL is not looked for, the first that comes counts. */
struct session_target {
    uint64_t events;    /* bit per kind (enum event_kind) */
    bool (*wants)(void *context, const struct event *event); /* of these events; NULL: all */
    void *context;
    bool has_pc; /* an instruction is about to be executed at pc, by pe (-1: any) */
    uint64_t pc;
    const struct symbol_place *place; /* that is linked to pc, wherever it is; NULL: at pc */
    int pe;
    uint64_t watch_size; /* bytes at watch, in one page of RAM, are changed by a store */
    pa_t watch;
};

/* What was found. */
struct session_found {
    bool is_event; /* else an instruction at its address */
    struct event event;
};

/*
 * Goes on, or back, to what is looked for: to the step behind an event, to the step before an
 * instruction. Forwards the first behind the position, backwards the last before it. SESSION_END
 * or SESSION_START when there is none.
 */
enum session_stop session_find(struct session *s, const struct session_target *target,
                               bool backwards, struct session_found *found);

/* On or back by so many instructions of one PE, as far as there are such. */
enum session_stop session_step_pe(struct session *s, unsigned pe, uint64_t count, bool backwards);
