/*
 * `armillary run`: what is known of its output files before the run.
 *
 * A file that is there may be somebody's, given by mistake: the payload, a text, a device. So it
 * is replaced only if its content shows that it is what such a run has written before. That is a
 * look at its beginning (for a disk, at its size), no proof.
 *
 * Not here: the outputs of other commands, which are traces and judged by trace_may_write().
 */
#include "sim/command_outputs.h"

#include "sim/trace_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OUTPUT_MAX (DRIVE_MAX + 3u)
#define HEAD_BYTES 4096u
#define NOT_WRITTEN_OVER "not written over"

enum output_kind { OUTPUT_DISK, OUTPUT_TRACE, OUTPUT_PROFILE, OUTPUT_STACKS };

struct row {
    enum output_kind kind;
    unsigned drive; /* of a disk */
    const char *option, *path;
    struct file_out *file;
};

struct rows {
    const struct run_files *files;
    const struct machine_config *config;
    struct row row[OUTPUT_MAX];
    unsigned count;
};

/* --- what is there ------------------------------------------------------------------------ */

/* The first line of a file, or as much of it as there is room for; false when it cannot be read. */
static bool first_line(const char *path, char line[HEAD_BYTES])
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    size_t size = fread(line, 1, HEAD_BYTES - 1, file);
    bool good = !ferror(file);
    fclose(file);
    line[size] = 0;
    line[strcspn(line, "\n")] = 0;
    return good;
}

/* profile_print(): "N steps from step N; ...". */
static bool is_profile(const char *line)
{
    size_t digits = strspn(line, "0123456789");
    return digits != 0 && strncmp(line + digits, " steps from step ", 17) == 0;
}

/* profile_print_stacks(): "FRAME;FRAME;... N". */
static bool is_stack(const char *line)
{
    const char *last = strrchr(line, ' ');
    return last && last[1] != 0 && last[1 + strspn(last + 1, "0123456789")] == 0 &&
           strchr(line, ';') && strchr(line, ';') < last;
}

static bool may_replace_text(const struct row *row, struct error *error)
{
    char line[HEAD_BYTES];
    bool is_stacks = row->kind == OUTPUT_STACKS;
    if (!row->file->exists || row->file->size == 0)
        return true;
    if (!first_line(row->file->path, line))
        return error_set(error, "%.400s: %s", row->path, strerror(errno));
    return (is_stacks ? is_stack : is_profile)(line) ||
           error_set(error, "%.400s: exists and is not %s; " NOT_WRITTEN_OVER, row->path,
                     is_stacks ? "a profile's stacks" : "a profile");
}

static bool may_replace(const struct rows *rows, const struct row *row, struct error *error)
{
    switch (row->kind) {
    case OUTPUT_DISK: {
        uint64_t size = rows->config->drive[row->drive].size;
        return !row->file->exists || row->file->size == size ||
               error_set(error, "%.400s: exists and is not a disk of %" PRIu64 " bytes; "
                         NOT_WRITTEN_OVER, row->path, size);
    }
    case OUTPUT_TRACE:
        return trace_may_write(row->path, error);
    case OUTPUT_PROFILE:
    case OUTPUT_STACKS:
        return may_replace_text(row, error);
    }
    bug("output %d", (int)row->kind);
}

/* --- what else it is ---------------------------------------------------------------------- */

static bool is_not_read(const struct row *row, const char *option, const char *path,
                        struct error *error)
{
    return !path || !row->file->exists || !file_is_same(row->file->path, path) ||
           error_set(error, "%.400s: is read by this run (%s); " NOT_WRITTEN_OVER, row->path,
                     option);
}

static bool is_no_input(const struct rows *rows, const struct row *row, struct error *error)
{
    const struct run_files *f = rows->files;
    if (!is_not_read(row, "IMAGE", f->image, error) ||
        !is_not_read(row, "--initrd", f->initrd, error) ||
        !is_not_read(row, "--dtb", f->tree, error) ||
        !is_not_read(row, "--symbols", f->symbols, error))
        return false;
    for (unsigned i = 0; i < rows->config->drive_count; i++) {
        bool is_own = row->kind == OUTPUT_DISK && row->drive == i;
        const char *path = rows->config->drive[i].path;
        if (is_own && f->record && file_is_same(row->file->path, path))
            return error_set(error, "%.400s: a replay of the recording needs it as it is; "
                             NOT_WRITTEN_OVER, row->path);
        if (!is_own && !is_not_read(row, "--drive", path, error))
            return false;
    }
    return true;
}

static bool row_check(const struct rows *rows, const struct row *row, struct error *error)
{
    for (const struct row *other = rows->row; other < row; other++) {
        if (file_out_is_same(row->file, other->file))
            return error_set(error, "%.400s: is written by %s, too", row->path, other->option);
    }
    return is_no_input(rows, row, error) && may_replace(rows, row, error);
}

/* --- all of them -------------------------------------------------------------------------- */

static bool add(struct rows *rows, const struct row *row, struct error *error)
{
    struct error why;
    rows->row[rows->count] = *row;
    if (file_out_find(row->file, row->path, &why) &&
        row_check(rows, &rows->row[rows->count], &why)) {
        rows->count++;
        return true;
    }
    return error_set(error, "%s: %.480s", row->option, why.text);
}

bool outputs_find(struct outputs *o, const struct run_files *files,
                  const struct machine_config *config, struct error *error)
{
    struct rows rows = {.files = files, .config = config};
    char stacks[FILE_PATH_BYTES];
    for (unsigned i = 0; i < config->drive_count; i++) {
        const struct row row = {OUTPUT_DISK, i, "--drive", files->overlay[i], &o->overlay[i]};
        if (row.path && !add(&rows, &row, error))
            return false;
    }
    if (files->record) {
        const struct row row = {OUTPUT_TRACE, 0, "--record", files->record, &o->record};
        if (!add(&rows, &row, error))
            return false;
    }
    if (!files->profile)
        return true;
    const struct row text = {OUTPUT_PROFILE, 0, "--profile", files->profile, &o->profile};
    const struct row stack = {OUTPUT_STACKS, 0, "--profile", stacks, &o->stacks};
    if (!add(&rows, &text, error))
        return false;
    if (snprintf(stacks, sizeof stacks, "%s.folded", files->profile) >= (int)sizeof stacks)
        return error_set(error, "--profile: %.100s...: the name is too long", files->profile);
    return add(&rows, &stack, error);
}
