/*
 * The parts of `armillary bench`.
 */
#pragma once
#include "sim/command.h"

/* One result line; calibration in rounds per second. */
void bench_tell(double calibration, const char *name, double value, const char *unit);

/* What the command line says about guests. */
struct bench_guests {
    const char *folder; /* of NAME.elf */
    const char *model;  /* --cpu, or NULL */
    uint32_t cpus;      /* 0: one, then four */
    uint32_t checks;    /* --check: bit per enum check_kind */
    double calibration;
};

bool bench_is_guest(const char *name);

/*
 * Runs the guest programs (one of them, or all for NULL) with MMU, timing and recording on, and
 * tells their rates. What goes wrong is said on standard error.
 */
enum status bench_run_guests(const struct command *command, const struct bench_guests *guests,
                             const char *only);

/* Saving and restoring a machine of 1 GiB of which 10 MiB are dirty. */
void bench_large_snapshot(double calibration);
