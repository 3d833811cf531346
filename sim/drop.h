/*
 * Mistakes planted by hand: `--drop KIND:N` leaves out the N-th execution of a barrier, an
 * invalidation or a cache operation, whichever CPU comes to it. They are answers to the choice
 * drop, so that a recording of the run has them and its replay needs nothing else.
 */
#pragma once
#include "sim/machine.h"

#define DROP_MAX 16u

/* Told when a row of the list has come to pass, at that moment of the run. */
struct drop_list;
typedef void drop_told(void *context, const struct drop_list *list, unsigned row);

struct drop_list {
    struct choice_record record[DROP_MAX]; /* sorted once they are planted */
    unsigned count;
    /* Where they were done, by record; step 0: not yet. */
    struct drop_done {
        uint64_t step, pc;
        unsigned pe;
    } done[DROP_MAX];
    struct machine *machine;
    drop_told *told;
    void *told_context;
};

/* "tlbi:12", counted from 1; false with a reason. */
bool drop_parse(struct drop_list *list, const char *text, struct error *error);
/* Opens the choice for planted answers in the configuration of a machine that is to be made. */
void drop_open(const struct drop_list *list, struct machine_config *config);
/* Plants them in a machine so configured; only_these: whatever a seed says, nothing else goes. */
void drop_plant(struct drop_list *list, struct machine *m, bool only_these, drop_told *told,
                void *told_context);
/* No longer listens. */
void drop_close(struct drop_list *list);
/* "tlbi:12" of a row. */
void drop_text(const struct drop_list *list, unsigned row, char *text, size_t size);
/* "tlbi": rows of DROP_ROWS; NULL behind the last one. */
const char *drop_kind_name(unsigned kind);
/* How many of that operation have been executed, dropped ones included. */
uint32_t drop_executed(const struct drop_list *list, unsigned row);
