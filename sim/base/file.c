/*
 * Files as bytes: read whole, written whole.
 *
 * What is read has a bound, since a device or a pipe need not end, and a file may be of any size
 * and hold nothing. Devices are not read at all: none has content of use, and some do something.
 * Writing replaces a regular file by another one (file_out.c); a pipe, a terminal or /dev/null
 * cannot be replaced and is written to as it is. Nothing of this is part of a run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/file.h"

static bool file_error(struct error *error, const char *path)
{
    return error_set(error, "%s: %s", path, strerror(errno));
}

/*
 * Reads to the end whatever the size was said to be, but one byte more than max at most: a pipe
 * has no size. False with errno.
 */
static bool read_all(int file, uint64_t said, uint64_t max, uint8_t **bytes, size_t *size)
{
    size_t most = (size_t)max + 1, capacity = 65536;

    if (said != 0)
        capacity = (size_t)said + 1;
    if (capacity > most)
        capacity = most;
    *size = 0;
    *bytes = malloc(capacity);
    while (*bytes) {
        ssize_t got = read(file, *bytes + *size, capacity - *size);
        if (got > 0)
            *size += (size_t)got;
        if (got == 0 || *size == most)
            return true;
        if (got < 0 && errno != EINTR)
            break;
        if (*size == capacity) {
            capacity = capacity > most / 2 ? most : 2 * capacity;
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

static bool too_large(struct error *error, const char *path, uint64_t max)
{
    return error_set(error, "%s: more than %llu bytes", path, (unsigned long long)max);
}

bool file_read_max(const char *path, uint64_t max, uint8_t **bytes, size_t *size,
                   struct error *error)
{
    struct stat status;
    uint64_t said = 0;

    ensure(max < SIZE_MAX / 4);
    if (path[0] == 0)
        return error_set(error, "the name is empty");
    if (stat(path, &status) == 0) {
        if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
            return error_set(error, "%s: not a file", path);
        if (S_ISREG(status.st_mode) && status.st_size > 0)
            said = (uint64_t)status.st_size;
        if (said > max)
            return too_large(error, path, max);
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return file_error(error, path);
    bool ok = read_all(file, said, max, bytes, size) || file_error(error, path);
    close(file);
    if (ok && *size > max) {
        free(*bytes);
        return too_large(error, path, max);
    }
    return ok;
}

bool file_read(const char *path, uint8_t **bytes, size_t *size, struct error *error)
{
    return file_read_max(path, FILE_READ_MAX, bytes, size, error);
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
    struct file_out out;
    if (!file_out_find(&out, path, error) || !file_out_begin(&out, error))
        return false;
    return file_out_end(&out, fwrite(bytes, 1, size, out.stream) == size, error);
}
