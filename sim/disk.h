/*
 * A file as the content of a disk: read once, identified by size and hash, and never changed by a
 * run. What a guest writes lies in the machine's memory (machine_virtio.c).
 */
#pragma once
#include "sim/base/file.h"

struct disk {
    uint8_t *bytes;
    uint64_t size; /* a multiple of 512 */
    uint64_t hash;
};

/* Reads a file; false with "PATH: reason". disk_close() frees it. */
bool disk_open(struct disk *disk, const char *path, struct error *error);
/* Whether a file has this content; nothing else is asked of one of another size. */
bool disk_is(const char *path, uint64_t size, uint64_t hash);
void disk_close(struct disk *disk);

/*
 * Writes a disk's bytes to a file that was found, which is replaced as a whole or not at all; read
 * gives them, at most a page at a time.
 */
bool disk_save(struct file_out *out, uint64_t size,
               void (*read)(void *owner, uint64_t at, void *bytes, size_t size), void *owner,
               struct error *error);
