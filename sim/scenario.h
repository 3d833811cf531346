/*
 * Scenarios: traces/NAME/scenario.yaml says which payload in which variants runs on which
 * machine, what watches it, where exploring starts and how far it goes, and which verdict each
 * variant is expected to have.
 */
#pragma once
#include "sim/explore.h"

#define SCENARIO_VARIANT_MAX 16u
#define SCENARIO_EXPECT_MAX 8u
#define SCENARIO_PLACE_MAX 8u
#define SCENARIO_TEXT_MAX 128u

/* A word of the outcome: "cpu1.x0", or the symbol of a doubleword. */
struct scenario_word {
    char symbol[64];
    struct outcome_word word; /* address: still to be found by the symbol */
};

struct scenario_variant {
    char name[SCENARIO_TEXT_MAX];
    char payload[SCENARIO_TEXT_MAX]; /* the ELF's file name in the payload folder */
    /* Classes of verdict (run_class), any of which is the expected one; none: clean. */
    char expect[SCENARIO_EXPECT_MAX][RUN_CLASS_MAX];
    unsigned expect_count;
    struct run_mark start; /* its own start mark, when has_start: variants differ in their timing */
    bool has_start;
    int line;
};

/* Where the systematic search begins and how far it goes; 0: as far as the setup says. */
struct scenario_place {
    struct run_mark start; /* when has_start; else that of the variant or the scenario */
    uint64_t window, length;
    bool has_start;
};

struct scenario {
    char name[SCENARIO_TEXT_MAX]; /* the folder's */
    char title[SCENARIO_TEXT_MAX];
    struct run_setup setup;
    enum strategy_kind strategy;
    uint64_t schedules; /* budget for random, pct and portfolio */
    unsigned depth;     /* of the systematic search */
    /* The systematic search has to end: so it has places of its own, each close to a race. */
    struct scenario_place exhaustive[SCENARIO_PLACE_MAX];
    unsigned exhaustive_count;
    struct scenario_word outcome[OUTCOME_WORD_MAX]; /* what the complete search tells of each end */
    unsigned outcome_count;
    uint64_t evict_from, evict_to; /* where the complete search lets entries leave TLBs */
    struct scenario_variant variant[SCENARIO_VARIANT_MAX];
    unsigned variant_count;
};

/*
 * Reads a scenario; path is the file, or the folder it is in. False with
 * "FILE:LINE: KEY: reason".
 */
bool scenario_read(struct scenario *s, const char *path, struct error *error);
/* The same from bytes; file is used in messages, the scenario's name is `name`. */
bool scenario_parse(struct scenario *s, const char *file, const char *name, const char *text,
                    size_t size, struct error *error);

/*
 * At how many places a strategy searches, at least one. The systematic search has been exhaustive
 * when it has been so at each.
 */
unsigned scenario_places(const struct scenario *s, enum strategy_kind strategy);

/*
 * The run of a variant under a strategy at one of its places: the scenario's, with the variant's
 * own start mark if it has one, or with the mark and the bounds of the place.
 */
struct run_setup scenario_setup(const struct scenario *s, const struct scenario_variant *variant,
                                enum strategy_kind strategy, unsigned place);

/* The variant of that name, or NULL. */
const struct scenario_variant *scenario_find(const struct scenario *s, const char *name);

/* Whether a class of verdict is the expected one of a variant. */
bool scenario_expects(const struct scenario_variant *variant, const char *class);
