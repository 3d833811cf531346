/*
 * Files as bytes: read whole, written whole.
 *
 * Writing goes to a temporary file beside the target and takes its place by rename(), so that an
 * error, a full disk or a kill leaves the old content. What is not a regular file (a pipe, a
 * terminal, /dev/null) cannot be replaced and is written to as it is. Nothing of this is part of
 * a run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/image.h"

static bool file_error(struct error *error, const char *path)
{
    return error_set(error, "%s: %s", path, strerror(errno));
}

/* Reads to the end whatever the size was said to be: a pipe has none. */
static bool read_all(int file, uint8_t **bytes, size_t *size)
{
    struct stat status;
    size_t capacity = 65536;

    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
        capacity = (size_t)status.st_size + 1;
    *size = 0;
    *bytes = malloc(capacity);
    while (*bytes) {
        ssize_t got = read(file, *bytes + *size, capacity - *size);
        if (got == 0)
            return true;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        *size += (size_t)got;
        if (*size == capacity) {
            capacity *= 2;
            uint8_t *more = realloc(*bytes, capacity);
            if (!more)
                break;
            *bytes = more;
        }
    }
    int reason = errno;
    free(*bytes);
    *bytes = NULL;
    *size = 0;
    errno = reason;
    return false;
}

bool file_read(const char *path, uint8_t **bytes, size_t *size, struct error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return file_error(error, path);
    bool ok = read_all(file, bytes, size) || file_error(error, path);
    close(file);
    return ok;
}

static bool write_all(int file, const uint8_t *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = write(file, bytes + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* Writes to an open file and closes it. */
static bool write_close(int file, const void *bytes, size_t size)
{
    bool ok = write_all(file, bytes, size);
    int reason = errno;
    if (close(file) != 0 && ok)
        return false;
    errno = reason;
    return ok;
}

bool file_write(const char *path, const void *bytes, size_t size, struct error *error)
{
    struct stat status;

    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        int special = open(path, O_WRONLY | O_CLOEXEC);
        if (special < 0 || !write_close(special, bytes, size))
            return file_error(error, path);
        return true;
    }
    size_t room = strlen(path) + 40;
    char *temporary = malloc(room);
    ensure(temporary != NULL);
    snprintf(temporary, room, "%s.%ld.tmp", path, (long)getpid());
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool ok = file >= 0 && write_close(file, bytes, size) && rename(temporary, path) == 0;
    if (!ok) {
        file_error(error, path);
        if (file >= 0)
            unlink(temporary);
    }
    free(temporary);
    return ok;
}
