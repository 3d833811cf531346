/*
 * What the files of exploring share. The work of one pass is a row of tasks; task t belongs to
 * worker t mod jobs, which does its tasks in order and reports each schedule, each task's end and
 * its own end. The collector puts the reports into the order of tasks again.
 */
#pragma once
#include "sim/explore.h"

enum pass_kind { PASS_RANDOM, PASS_PCT, PASS_CONFLICT, PASS_MIXED, PASS_SYSTEMATIC };

/* One pass: a stretch of the search that is cut into tasks. */
struct pass {
    enum pass_kind kind;
    uint64_t first;      /* number of the pass's first schedule, for seeds */
    uint64_t task_count; /* random: schedules; systematic: points of the root, or 1 for depth 0 */
    unsigned depth;      /* systematic: exactly so many deviations */
    uint64_t seed;
    const struct strategy_profile *profile;
};

enum report_kind { REPORT_SCHEDULES, REPORT_FINDING, REPORT_TASK, REPORT_END };

/* What a worker says. */
struct report {
    uint32_t kind;  /* enum report_kind */
    uint32_t count; /* REPORT_FINDING: records; REPORT_END: granules */
    uint64_t task;
    uint64_t index;  /* REPORT_FINDING: within the task; _SCHEDULES, _TASK: how many so far */
    uint64_t unfair; /* in this task so far */
    uint64_t insns;  /* in this task so far, from the start mark */
};

/* A granule that a worker's runs have touched. */
struct granule_report {
    uint32_t granule;
    uint8_t touched, written;
    uint8_t reserved[2];
};

/* Where reports go; false: stop. tail: the finding's records or the end's granules. */
typedef bool report_sink(void *context, const struct report *report,
                         const struct run_verdict *verdict, const void *tail);

/* explore_worker.c: does the tasks of one worker. */
void worker_do(struct run *r, struct shared *shared, const struct pass *pass, unsigned worker,
               unsigned jobs, report_sink *sink, void *context);
/* Runs the schedule with no deviation, noting shared granules, and counts its questions. */
void worker_profile(struct run *r, struct shared *shared, struct strategy_profile *profile,
                    struct run_verdict *verdict);

/* explore_systematic.c: the schedules of one task of a systematic pass. False: stop. */
struct worker;
void systematic_begin(struct worker *w);
void systematic_end(struct worker *w);
bool systematic_task(struct worker *w, uint64_t task);

/* explore_complete.c: explore_run() of STRATEGY_COMPLETE. */
void complete_run(struct run *r, const struct explore_options *options,
                  struct explore_result *result);

/* explore.c: counts an outcome. */
void outcome_add(struct explore_result *result, const struct outcome *outcome);

/* The state of a worker; explore_worker.c and explore_systematic.c. */
struct worker {
    struct run *run;
    struct shared *shared;
    const struct pass *pass;
    report_sink *sink;
    void *sink_context;
    struct report task; /* the report of the task under way */
    char seen[EXPLORE_FINDING_MAX][RUN_CLASS_MAX]; /* classes this worker has told in full */
    unsigned seen_count;

    struct strategy_systematic systematic;
    struct strategy_point *root; /* points of the run with no deviation */
    size_t root_count;
    /* Watching the hold of the last deviation. */
    bool hold_watched, hold_ended_full;
};

/* Tells the verdict of a schedule that was just run. False: stop. */
bool worker_tell(struct worker *w, const struct run_verdict *verdict);

/* explore_jobs.c: runs a pass in `jobs` processes (one: in this one). */
void jobs_do(struct run *r, struct shared *shared, const struct pass *pass, unsigned jobs,
             report_sink *sink, void *context);
