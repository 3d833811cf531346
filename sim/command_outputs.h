/*
 * The files that a run writes, all found and judged before it begins, so that no run is lost at
 * its end and no file that somebody needs is replaced.
 */
#pragma once
#include "sim/base/file.h"
#include "sim/config.h"

/* The names of a run's files; NULL where there is none. */
struct run_files {
    const char *image, *initrd, *tree, *symbols; /* read */
    const char *record, *profile;                /* written */
    const char *overlay[DRIVE_MAX];              /* written, of each drive */
};

struct outputs {
    struct file_out overlay[DRIVE_MAX], record, profile, stacks;
};

/*
 * Finds all outputs. One that is there is replaced only if it is of its kind: a trace, a disk of
 * the same size, a profile, or an empty file where a profile goes. None is another output, and
 * none is something that the run reads, but for a disk, which may take its own file's place unless
 * a recording needs that. False with "OPTION: PATH: reason".
 */
bool outputs_find(struct outputs *o, const struct run_files *files,
                  const struct machine_config *config, struct error *error);
