/*
 * Exploring: many schedules of one run from its start mark, looking for verdicts that are not
 * clean. What is found depends on the strategy, the seed and the number of schedules, never on
 * how many processes share the work.
 */
#pragma once
#include "sim/run.h"
#include "sim/strategy.h"

/* A word that makes up an outcome: x[number] of a PE, or a doubleword of memory (pe < 0). */
struct outcome_word {
    int32_t pe;
    uint32_t number;
    uint64_t address;
};
#define OUTCOME_WORD_MAX 8u
#define OUTCOME_MAX 256u

/* What the words hold at the end of a run, and how many ends of the complete search had it. */
struct outcome {
    uint64_t value[OUTCOME_WORD_MAX];
    uint64_t ends;
};

struct explore_options {
    enum strategy_kind strategy;
    uint64_t seed;
    uint64_t schedules; /* at most so many; 0: as many as the strategy has (systematic, complete) */
    unsigned depth;     /* of the systematic search: 0..STRATEGY_DEPTH_MAX */
    unsigned jobs;      /* processes, 1..64 */
    bool keep_going;    /* use up the budget; otherwise stop at a finding of a class in `stop` */
    const char (*stop)[RUN_CLASS_MAX]; /* classes that end the search; with none, any finding */
    size_t stop_count;
    const struct outcome_word *word; /* complete only; with words, all PEs waiting is an end */
    unsigned word_count;
    uint64_t evict_from, evict_to; /* complete only: tlb-evict is asked for entries in between */
    const uint64_t *find; /* complete only: ends at the first outcome with these values */
    bool every_path;     /* complete only: states met before are entered again */
    /* Called now and then in the calling process; may be NULL. */
    void (*progress)(void *context, uint64_t schedules, uint64_t budget, size_t findings);
    void *progress_context;
};

/* The class of a finding that is an outcome asked for with find; no verdict has it. */
#define EXPLORE_OUTCOME "outcome"

/* A class of verdict that was met, with the first schedule that did. */
struct explore_finding {
    char class[RUN_CLASS_MAX];
    uint64_t schedule; /* its number, from 0 */
    struct run_verdict verdict;
    struct choice_record *records;
    size_t record_count;
};

#define EXPLORE_FINDING_MAX 32u

struct explore_result {
    uint64_t schedules;   /* schedules whose verdicts are known */
    uint64_t unfair;      /* of these: ended by their step limit while a PE was held */
    uint64_t insns;       /* of all of them, from the start mark */
    uint64_t branches;    /* branch points of the run with no deviation */
    uint64_t granules;    /* shared granules in the end */
    uint64_t last_search; /* systematic: schedules of the last, complete enumeration */
    bool exhausted;       /* everything (systematic: within the depth) was tried */
    bool interrupted;
    uint64_t states, segments;  /* complete: nodes entered, and ways from node to node tried */
    struct outcome outcome[OUTCOME_MAX]; /* complete: in the order of their first ends */
    size_t outcome_count;
    bool outcomes_lost; /* there were more */
    double seconds;
    struct explore_finding finding[EXPLORE_FINDING_MAX];
    size_t finding_count; /* in the order of their schedules */
};

/* Explores; r must be at no one else's hands. The result is freed by explore_result_free(). */
void explore_run(struct run *r, const struct explore_options *options,
                 struct explore_result *result);
void explore_result_free(struct explore_result *result);

/*
 * Adds the result of a further search, as if its schedules had come behind those of into; what it
 * holds moves over. Exhausted is what both were.
 */
void explore_result_add(struct explore_result *into, struct explore_result *from);

/* The finding of a class, or NULL. */
const struct explore_finding *explore_find(const struct explore_result *result, const char *class);
