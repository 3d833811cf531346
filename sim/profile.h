/*
 * Where a guest's time goes: by Exception level and VM, by symbol with its callers, and exits by
 * reason. An observer: it listens to events where something changes, and looks at the CPU that ran
 * last at every so many steps of the machine. Nothing of it is host time, so that two runs give
 * the same report; nothing of it changes a run.
 */
#pragma once
#include "sim/symbols.h"

#include <stdio.h>

/* Steps between two looks: a prime, so that it keeps step with no loop and no quantum. */
#define PROFILE_PERIOD 997u

struct profile;

/* Begins with a machine in its present state; names: NULL where nothing has a name. */
struct profile *profile_new(struct machine *m, const struct symbol_place *names);
/* To be called at every step that is a multiple of PROFILE_PERIOD. */
void profile_sample(struct profile *p);
/* Listens no more, and accounts for what is left. */
void profile_end(struct profile *p);
void profile_free(struct profile *p);

/* The report as text. */
void profile_print(const struct profile *p, FILE *out);
/* One line "VM;EL;symbol;...;symbol CYCLES" for each stack, as flame graphs are made from. */
void profile_print_stacks(const struct profile *p, FILE *out);
