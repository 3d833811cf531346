/*
 * Files that are written: found before the work of which they will tell, and replaced behind it.
 *
 * A run of an hour must not end with "Permission denied", so that everything that can be known is
 * asked before: a new file is made beside the target, and removed again. The content goes to
 * another new file there, under a name that nobody has, which takes the target's place by
 * rename(): an error, a full disk or a kill leaves the old content. A symbolic link stays one,
 * and what it leads to is replaced. What is not a regular file is never replaced.
 *
 * Not here: syncing with the disk, and a file that somebody else replaces meanwhile.
 */
#include "sim/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40u
#define NAMES_MAX 10000u

static bool fail(struct error *error, const char *path, int reason)
{
    return error_set(error, "%.400s: %s", path, strerror(reason));
}

bool file_is_same(const char *path, const char *other)
{
    struct stat a, b;
    return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* One link further in name; false when it is too long. */
static bool follow(char name[FILE_PATH_BYTES])
{
    char target[FILE_PATH_BYTES], joined[2 * FILE_PATH_BYTES];
    ssize_t length = readlink(name, target, sizeof target - 1);
    if (length < 0)
        return false;
    target[length] = 0;
    const char *slash = strrchr(name, '/');
    int folder = target[0] != '/' && slash ? (int)(slash - name) + 1 : 0;
    int size = snprintf(joined, sizeof joined, "%.*s%s", folder, name, target);
    if (size < 0 || (size_t)size >= FILE_PATH_BYTES) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(name, joined, (size_t)size + 1);
    return true;
}

/* The name without symbolic links, also of a file that is not there; false with errno. */
static bool resolve(const char *path, char out[FILE_PATH_BYTES])
{
    char name[FILE_PATH_BYTES], folder[FILE_PATH_BYTES];
    struct stat status;
    if (strlen(path) >= sizeof name) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(name, path, strlen(path) + 1);
    for (unsigned links = 0; lstat(name, &status) == 0 && S_ISLNK(status.st_mode); links++) {
        if (links == LINKS_MAX) {
            errno = ELOOP;
            return false;
        }
        if (!follow(name))
            return false;
    }
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    if (last[0] == 0 || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
        errno = name[0] == 0 ? ENOENT : EISDIR;
        return false;
    }
    int length = slash ? (int)(slash - name) + 1 : 2;
    snprintf(folder, sizeof folder, "%.*s", length, slash ? name : "./");
    char *whole = realpath(folder, NULL);
    if (!whole)
        return false;
    int size = snprintf(out, FILE_PATH_BYTES, "%s/%s", strcmp(whole, "/") == 0 ? "" : whole, last);
    free(whole);
    errno = ENAMETOOLONG;
    return size > 0 && (size_t)size < FILE_PATH_BYTES;
}

/* A new file beside it, under a name that was free: a descriptor, or -1 with errno. */
static int make_temporary(struct file_out *out)
{
    for (unsigned i = 0; i < NAMES_MAX; i++) {
        snprintf(out->temporary, sizeof out->temporary, "%s.%ld-%u.tmp", out->path,
                 (long)getpid(), i);
        int file = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file >= 0 || errno != EEXIST)
            return file;
    }
    errno = EEXIST;
    return -1;
}

bool file_out_find(struct file_out *out, const char *path, struct error *error)
{
    struct stat status;
    memset(out, 0, sizeof *out);
    if (path[0] == 0)
        return error_set(error, "the name is empty");
    if (!resolve(path, out->path))
        return fail(error, path, errno);
    out->exists = stat(out->path, &status) == 0;
    if (!out->exists && errno != ENOENT)
        return fail(error, path, errno);
    if (out->exists && S_ISDIR(status.st_mode))
        return fail(error, path, EISDIR);
    if (out->exists && !S_ISREG(status.st_mode))
        return error_set(error, "%.400s: exists and is no file", path);
    if (out->exists && access(out->path, W_OK) != 0)
        return fail(error, path, errno);
    out->size = out->exists ? (uint64_t)status.st_size : 0;
    int file = make_temporary(out);
    if (file < 0)
        return fail(error, path, errno);
    close(file);
    unlink(out->temporary);
    return true;
}

/*
 * The permissions and the owner of the file that it will replace. An owner that may not be given
 * away stays who writes.
 */
static bool keep_status(const struct file_out *out, int file)
{
    struct stat old, new;
    if (stat(out->path, &old) != 0)
        return true;
    if (fstat(file, &new) != 0)
        return false;
    if ((old.st_uid != new.st_uid || old.st_gid != new.st_gid) &&
        fchown(file, old.st_uid, old.st_gid) != 0 && errno != EPERM)
        return false;
    return fchmod(file, old.st_mode & 07777) == 0;
}

FILE *file_out_begin(struct file_out *out, struct error *error)
{
    int file = make_temporary(out);
    if (file >= 0 && keep_status(out, file))
        out->stream = fdopen(file, "wb");
    if (out->stream)
        return out->stream;
    fail(error, out->path, errno);
    if (file >= 0) {
        close(file);
        unlink(out->temporary);
    }
    return NULL;
}

bool file_out_end(struct file_out *out, bool good, struct error *error)
{
    /* Whoever writes sees a short write, and its reason, before anything else fails. */
    int reason = errno;
    if (fflush(out->stream) != 0 && good) {
        good = false;
        reason = errno;
    }
    good = good && !ferror(out->stream);
    if (fclose(out->stream) != 0 && good) {
        good = false;
        reason = errno;
    }
    out->stream = NULL;
    if (good && rename(out->temporary, out->path) == 0)
        return true;
    reason = good ? errno : reason;
    unlink(out->temporary);
    return fail(error, out->path, reason);
}

bool file_out_is_same(const struct file_out *a, const struct file_out *b)
{
    return strcmp(a->path, b->path) == 0 ||
           (a->exists && b->exists && file_is_same(a->path, b->path));
}
