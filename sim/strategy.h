/*
 * Strategies: who answers the open questions of a run, and how. Each is a choice_decide function
 * over a few own bytes, prepared afresh for every schedule from (seed, number of the schedule,
 * profile), so that a schedule is the same wherever and whenever it is run.
 */
#pragma once
#include "sim/base/choice.h"
#include "sim/strategy_shared.h"

enum strategy_kind {
    STRATEGY_RANDOM,     /* a few deviations anywhere, their expected number drawn per schedule */
    STRATEGY_PCT,        /* priorities: d-1 change points demote whoever runs then */
    STRATEGY_CONFLICT,   /* a reader held between check and use, a writer amid its stores */
    STRATEGY_SYSTEMATIC, /* every set of at most depth deviations, fewest first */
    STRATEGY_COMPLETE,   /* every answer to every question, but for states met before */
    STRATEGY_PORTFOLIO,  /* one deviation everywhere, then the three above in turn */
    STRATEGY_COUNT
};
const char *strategy_name(enum strategy_kind kind);
/* All of them, with commas. */
#define STRATEGY_NAMES_MAX 128u
void strategy_names(char text[STRATEGY_NAMES_MAX]);
bool strategy_by_name(const char *name, enum strategy_kind *kind);

/* A shared granule that the run with no deviation touched, and at how many of its questions. */
struct strategy_granule {
    uint64_t address;
    uint32_t accesses;
    uint32_t reserved;
};
#define STRATEGY_GRANULE_MAX 512u

/* What is known from the run with no deviation; the same for all schedules of a search. */
struct strategy_profile {
    uint64_t questions;  /* open questions asked */
    uint64_t branches;   /* those at which strategy_is_branch() holds */
    const struct shared *shared;
    struct strategy_granule granule[STRATEGY_GRANULE_MAX]; /* in the order of first touch */
    uint32_t granule_count;
};

/*
 * Whether a question is worth a deviation: next-cpu only behind a visible operation that another
 * PE can tell apart, which is a shared granule or one of VISIBLE_*; the other kinds always.
 */
bool strategy_is_branch(const struct shared *shared, const struct choice_name *name,
                        uint64_t hint);

/* --- random ------------------------------------------------------------------------------- */

struct strategy_random {
    uint64_t seed;
    uint64_t threshold; /* a question with a hash below it gets an answer that is not 0 */
    const struct shared *shared; /* NULL: anywhere; else only at branch points */
};
void strategy_random_begin(struct strategy_random *s, uint64_t seed, uint64_t schedule,
                           const struct strategy_profile *profile);
uint32_t strategy_random_decide(void *context, const struct choice_name *name, uint32_t n,
                                uint64_t hint);

/* --- pct ---------------------------------------------------------------------------------- */

#define STRATEGY_PCT_DEPTH_MIN 2u
#define STRATEGY_PCT_DEPTH_MAX 6u

struct strategy_pct {
    uint64_t seed;
    uint64_t asked; /* branch points so far */
    uint64_t change[STRATEGY_PCT_DEPTH_MAX]; /* sorted: at which of them the asked PE is demoted */
    uint32_t change_count, change_next;
    uint32_t low_pe;    /* starts with the lowest priority: held at its first branch point */
    uint32_t low_start; /* 1: not yet done */
    const struct shared *shared;
};
void strategy_pct_begin(struct strategy_pct *s, uint64_t seed, uint64_t schedule,
                        const struct strategy_profile *profile, unsigned pe_count);
uint32_t strategy_pct_decide(void *context, const struct choice_name *name, uint32_t n,
                             uint64_t hint);

/* --- conflict ----------------------------------------------------------------------------- */

struct strategy_conflict {
    uint64_t seed;
    uint64_t granule;       /* address */
    uint32_t accesses_left; /* before the one that makes the reader */
    uint32_t reader;        /* PE */
    uint32_t place;         /* branch points of the reader since */
    uint32_t hold_at[2];    /* of these */
    uint32_t stores_left;   /* of others, before the one behind which the writer is held */
    bool has_reader, writer_is_done;
    const struct shared *shared;
};
void strategy_conflict_begin(struct strategy_conflict *s, uint64_t seed, uint64_t schedule,
                             const struct strategy_profile *profile);
uint32_t strategy_conflict_decide(void *context, const struct choice_name *name, uint32_t n,
                                  uint64_t hint);

/* --- systematic --------------------------------------------------------------------------- */

#define STRATEGY_DEPTH_MAX 8u

/* A place at which a deviation can be added. */
struct strategy_point {
    struct choice_name name;
    uint32_t n;
    uint32_t reserved;
};

/*
 * One schedule of the systematic search: its deviations, applied in the order in which they come
 * up; behind the last one everything is 0 and the branch points are collected.
 */
struct strategy_systematic {
    struct choice_record deviation[STRATEGY_DEPTH_MAX]; /* in the order of asking */
    unsigned count, applied;
    const struct shared *shared;
    bool collect;
    struct strategy_point *point; /* growing; kept from schedule to schedule */
    size_t point_count, point_capacity;
};
void strategy_systematic_begin(struct strategy_systematic *s);
uint32_t strategy_systematic_decide(void *context, const struct choice_name *name, uint32_t n,
                                    uint64_t hint);
void strategy_systematic_free(struct strategy_systematic *s);
