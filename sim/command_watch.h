/*
 * What `run` watches beside its checkers, and the mistakes that it plants: --drop, --findings,
 * --profile. Each is nothing while its option is not given.
 */
#pragma once
#include "sim/command.h"
#include "sim/drop.h"
#include "sim/profile.h"
#include "sim/trace_file.h"

#include <stdio.h>

struct watch {
    struct drop_list drops;
    uint32_t sites_per_class; /* --findings; 0: the first finding ends the run */
    const char *profile_path; /* --profile; NULL: none */
    struct file_out *profile_out, *stacks_out; /* where it goes then: found, and not begun */
    struct profile *profile;
    struct symbols *own_symbols; /* of the image, where no table was given */
    struct symbol_place own_place;
    const struct names *names;
};

/* What --findings takes at most: findings of a class that are worth reading. */
#define WATCH_SITES_MAX 64u

/* Takes a drop from optarg; false after an error. */
bool watch_take_drop(const struct command *command, struct watch *w);
/* What the setup of the run has to say. */
void watch_prepare(const struct watch *w, struct run_setup *setup);
/* Before the run, with its machine made; seeded: the user has opened drop for random answers. */
void watch_begin(struct watch *w, struct run *r, const struct names *names, bool seeded);
/* Runs to the verdict; with a trace that has been begun, which then gets its hashes. */
void watch_execute(struct watch *w, struct run *r, struct run_verdict *verdict,
                   struct trace *trace);
/* Behind it: reports. STATUS_OTHER when something that was asked for did not come to pass. */
enum status watch_end(struct watch *w, struct run *r, const struct run_verdict *verdict);
