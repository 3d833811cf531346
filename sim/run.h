/*
 * One run: a machine with an image, checkers and a policy for choices, from power-on or from a
 * start mark, to its verdict. Everything that executes a machine - run, explore, shrink, replay -
 * goes through here.
 */
#pragma once
#include "sim/check/check.h"

/* result= of the summary line. */
enum run_result {
    RUN_OFF,         /* PSCI SYSTEM_OFF or SYSTEM_RESET */
    RUN_EXIT,        /* semihosting exit; status below */
    RUN_LIMIT,       /* step budget, or all CPUs waiting with no deadline */
    RUN_VIOLATION,   /* a checker found something */
    RUN_CLEAN,       /* the end mark, or the end of its length, was reached with nothing found */
    RUN_UNMODELLED,
    RUN_DIVERGED,
    RUN_INTERRUPTED,
};
const char *run_result_name(enum run_result result);

/* Where exploring starts, and where a run may end: the n-th time that a PE reaches a symbol. */
struct run_mark {
    char symbol[64]; /* "": power-on, or no end mark */
    int32_t pe;      /* -1: any */
    uint32_t hit;    /* from 1 */
};

struct run_setup {
    struct machine_config config;
    struct check_options checks;
    struct run_mark start;
    bool precise_start; /* also the way there is the precise engine's */
    struct run_mark end; /* a run that gets here is over; hits count from the start mark */
    uint64_t window; /* steps after the start mark within which choices are open; 0: no end */
    uint64_t length; /* a run that gets so many steps from the start mark is over; 0: no end */
    uint64_t max_steps; /* from power-on; 0: no limit */
    uint64_t max_insns; /* instructions of all PEs, from power-on; 0: no limit */
};

struct run_verdict {
    enum run_result result;
    uint32_t exit_status;
    bool idle; /* RUN_LIMIT (or RUN_INTERRUPTED) while all PEs wait with no deadline */
    bool held; /* a PE was still held back at the end: the schedule was not fair to it */
    uint64_t insns, cycles, steps, hash;
    uint32_t choices; /* answers that were not 0 */
    struct finding finding; /* for RUN_VIOLATION */
};

#define RUN_CLASS_MAX 48u

/*
 * What a verdict means, in one word that two runs can be compared by: "clean" (a clean end or
 * the end mark), "CHECKER/KIND" of a finding ("vmid/two-roots"), "exit" (a guest's status that is
 * not 0), "idle", "limit", "unmodelled", "diverged", "interrupted"; and "unfair" for a run that
 * reached its limit, or made no progress, while a PE was held: that says nothing about the guest.
 */
void run_class(const struct run_verdict *verdict, char class[RUN_CLASS_MAX]);

/* Asks all runs of this process to stop soon (RUN_INTERRUPTED); for signal handlers. */
void run_interrupt(void);
bool run_is_interrupted(void);
/* Takes it back: for what is still to be done with what was found until then. */
void run_interrupt_clear(void);

struct run; /* a loaded machine with its checkers, and a snapshot at the start mark */

/* Loads and runs with default choices up to the start mark. NULL with one line of error. */
struct run *run_new(const struct run_setup *setup, const struct image *image, struct error *error);
/* The same with more than an image; what the payload points to outlives the run. */
struct run *run_boot(const struct run_setup *setup, const struct machine_payload *payload,
                     struct error *error);
void run_free(struct run *r);
struct machine *run_machine(struct run *r);
const struct run_setup *run_setup_of(const struct run *r);
struct checks *run_checks(struct run *r);

/*
 * Goes back to the start mark and runs to the verdict with the given chooser policy (already set
 * up in run_machine(r)->chooser: policy, script, decide; open kinds come from the setup).
 */
void run_execute(struct run *r, struct run_verdict *verdict);

typedef bool run_watch(void *context, struct machine *m);

/* Who looks at a run, and how often: at every multiple of so many steps from power-on. */
struct run_watcher {
    uint64_t interval; /* at least 1 */
    run_watch *watch;
    void *context;
};

/*
 * The same with watchers, in their order; when one of them returns false the run is over with
 * RUN_LIMIT. Watching changes nothing in the run.
 */
void run_execute_watched(struct run *r, struct run_verdict *verdict,
                         const struct run_watcher *watchers, unsigned count);

/*
 * Input while a run goes on: asked for every now and then at steps that do not depend on the host,
 * and with wait when all PEs wait and nothing else will wake them. It hands what it has to the
 * machine and says whether there was anything.
 */
typedef bool run_input(void *context, struct machine *m, bool wait);
void run_set_input(struct run *r, run_input *input, void *context);

/*
 * Findings while a run goes on (check_options.sites_per_class): told of each, behind which it goes
 * on. The verdict is then the first finding, at the end of the run.
 */
typedef void run_report(void *context, struct machine *m, const struct finding *finding);
void run_set_report(struct run *r, run_report *report, void *context);

/*
 * The two halves of it, for who looks at a run in pieces: back to the start mark with checkers,
 * recording and open kinds set; and on to a step, closing the kinds where the window ends.
 * MACHINE_BREAK is the end mark.
 */
void run_rewind(struct run *r);
enum machine_stop run_advance(struct run *r, uint64_t step);

/*
 * One step from wherever the machine is; true when the run is over, with its verdict (but for
 * hash and choices). The end mark ends it at its first hit.
 */
bool run_step(struct run *r, struct run_verdict *verdict);

/* The machine step of the start mark, and the instructions executed before it. */
uint64_t run_start_step(const struct run *r);
uint64_t run_start_insns(const struct run *r);
