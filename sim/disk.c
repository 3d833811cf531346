/*
 * Files of disks. A file is read as a whole before the run, since what somebody does to it while
 * the run goes on must not be seen; where it is zero it takes no memory of the host.
 *
 * Not here: formats other than raw bytes.
 */
#include "sim/disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR_BYTES 512u
#define SIZE_MAX_BYTES (UINT64_C(64) << 30)
#define PART_BYTES (UINT64_C(1) << 16)

static bool is_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static bool content_read(struct disk *disk, FILE *file, const char *path, struct error *error)
{
    uint8_t part[PART_BYTES];
    disk->bytes = calloc(1, (size_t)disk->size);
    if (!disk->bytes)
        return error_set(error, "%s: not enough memory for its content", path);
    for (uint64_t at = 0; at < disk->size;) {
        size_t size = (size_t)(disk->size - at < PART_BYTES ? disk->size - at : PART_BYTES);
        if (fread(part, 1, size, file) != size)
            return error_set(error, "%s: cannot be read: %s", path,
                             ferror(file) ? strerror(errno) : "it became shorter");
        disk->hash = hash_bytes(part, size, disk->hash);
        if (!is_zero(part, size))
            memcpy(disk->bytes + at, part, size);
        at += size;
    }
    return true;
}

bool disk_open(struct disk *disk, const char *path, struct error *error)
{
    struct stat status;
    memset(disk, 0, sizeof *disk);
    /* Asked before it is opened, since a named pipe waits there for somebody to write to it. */
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return error_set(error, "%s: not a file", path);
    FILE *file = fopen(path, "rb");
    if (!file)
        return error_set(error, "%s: %s", path, strerror(errno));
    bool good = true;
    if (fstat(fileno(file), &status) != 0)
        good = error_set(error, "%s: %s", path, strerror(errno));
    else if (status.st_size == 0 || status.st_size % SECTOR_BYTES != 0 ||
             (uint64_t)status.st_size > SIZE_MAX_BYTES)
        good = error_set(error, "%s: %lld bytes are no disk: a multiple of %u up to 64G is wanted",
                         path, (long long)status.st_size, SECTOR_BYTES);
    if (good) {
        disk->size = disk->hash = (uint64_t)status.st_size;
        good = content_read(disk, file, path, error);
    }
    fclose(file);
    if (!good)
        disk_close(disk);
    return good;
}

bool disk_is(const char *path, uint64_t size, uint64_t hash)
{
    struct stat status;
    struct disk disk;
    struct error error;
    if (stat(path, &status) != 0 || (uint64_t)status.st_size != size ||
        !disk_open(&disk, path, &error))
        return false;
    bool is_it = disk.size == size && disk.hash == hash;
    disk_close(&disk);
    return is_it;
}

void disk_close(struct disk *disk)
{
    free(disk->bytes);
    disk->bytes = NULL;
}

bool disk_save(struct file_out *out, uint64_t size,
               void (*read)(void *owner, uint64_t at, void *bytes, size_t size), void *owner,
               struct error *error)
{
    uint8_t page[PAGE_BYTES];
    FILE *file = file_out_begin(out, error);
    if (!file)
        return false;
    bool good = true;
    for (uint64_t at = 0; good && at < size;) {
        size_t part = (size_t)(size - at < PAGE_BYTES ? size - at : PAGE_BYTES);
        read(owner, at, page, part);
        good = is_zero(page, part) ? fseek(file, (long)part, SEEK_CUR) == 0
                                   : fwrite(page, 1, part, file) == part;
        at += part;
    }
    good = good && fflush(file) == 0 && ftruncate(fileno(file), (off_t)size) == 0;
    return file_out_end(out, good, error);
}
