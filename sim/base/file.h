/*
 * Files as bytes: read whole, up to a bound, and written whole, or not at all.
 */
#pragma once
#include "sim/base/base.h"

#include <stdio.h>

/* What file_read() takes at most: more than an executable with debug information needs. */
#define FILE_READ_MAX (UINT64_C(1) << 30)

/* Reads a whole file, or a pipe; false with "PATH: reason". The caller frees *bytes. */
bool file_read(const char *path, uint8_t **bytes, size_t *size, struct error *error);
/* The same of at most max bytes: more of them are an error, however many there are. */
bool file_read_max(const char *path, uint64_t max, uint8_t **bytes, size_t *size,
                   struct error *error);
/* Writes a new file through a temporary name and rename; the old content stays on an error. */
bool file_write(const char *path, const void *bytes, size_t size, struct error *error);

/* Whether two names lead to one file that is there. */
bool file_is_same(const char *path, const char *other);

#define FILE_PATH_BYTES 4096u

/*
 * A file that will be written: where it really is, with symbolic links followed, and, while it is
 * being written, a new file beside that, which takes its place at the end. Permissions and owner
 * stay those of the file that it replaces.
 */
struct file_out {
    char path[FILE_PATH_BYTES];
    char temporary[FILE_PATH_BYTES + 32];
    FILE *stream;
    uint64_t size; /* of the file that is there */
    bool exists;
};

/*
 * Finds a file to be written, and whether it can be: it is a regular file that may be written, or
 * none is there, and there can be new ones beside it. Changes nothing. False with "PATH: reason".
 */
bool file_out_find(struct file_out *out, const char *path, struct error *error);
/* Begins a new one beside a file that was found; NULL with "PATH: reason". */
FILE *file_out_begin(struct file_out *out, struct error *error);
/* It takes its place; good: what was written is all of it, else it goes. False with a reason. */
bool file_out_end(struct file_out *out, bool good, struct error *error);
/* Whether two that were found are one file. */
bool file_out_is_same(const struct file_out *a, const struct file_out *b);
