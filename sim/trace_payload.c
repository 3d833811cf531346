/*
 * A payload's files in a trace. A trace holds what it needs, so that it can be replayed anywhere;
 * but a kernel with its initial RAM disk is a hundred times what there is to record of a run of
 * it. So files above a size are named: where they were, and what their content was. A replay
 * takes only that content, wherever it finds it; sums are not cryptographic, as nobody is to be
 * kept from cheating himself. Disks are always named, and found in the same way.
 */
#include "sim/trace_file.h"

#include "sim/base/file.h"
#include "sim/disk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const part_names[TRACE_PART_COUNT] = {"image", "initial RAM disk",
                                                         "device tree"};

struct content {
    uint8_t **bytes;
    size_t *size;
};

static struct content content_of(struct trace *trace, enum trace_part part)
{
    switch (part) {
    case TRACE_IMAGE:
        return (struct content){&trace->image, &trace->image_size};
    case TRACE_INITRD:
        return (struct content){&trace->initrd, &trace->initrd_size};
    case TRACE_TREE:
        return (struct content){&trace->tree, &trace->tree_size};
    case TRACE_PART_COUNT:
        break;
    }
    bug("part %d of a payload", (int)part);
}

static void take_bytes(struct trace *trace, enum trace_part part, const uint8_t *bytes, size_t size)
{
    struct content c = content_of(trace, part);
    *c.bytes = malloc(size + 1);
    ensure(*c.bytes != NULL);
    if (size != 0)
        memcpy(*c.bytes, bytes, size);
    *c.size = size;
}

bool trace_take_part(struct trace *trace, enum trace_part part, const char *path,
                     const uint8_t *bytes, size_t size, uint64_t embed_max, struct error *error)
{
    struct trace_named *named = &trace->named[part];
    take_bytes(trace, part, bytes, size);
    struct stat status;
    bool is_pipe = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    if (size <= embed_max || (is_pipe && size <= TRACE_EMBED_MAX))
        return true;
    char *whole = realpath(path, NULL); /* gone by now: then as it was given */
    const char *place = whole ? whole : path;
    size_t length = strlen(place);
    bool fits = length < sizeof named->path;
    if (fits) {
        memcpy(named->path, place, length + 1);
        named->size = size;
        named->hash = hash_bytes(bytes, size, 0);
    }
    free(whole);
    return fits || error_set(error, "%.100s...: the name is too long for a trace", path);
}

void trace_copy_payload(struct trace *trace, const struct trace *from)
{
    memcpy(trace->named, from->named, sizeof trace->named);
    take_bytes(trace, TRACE_IMAGE, from->image, from->image_size);
    if (from->initrd)
        take_bytes(trace, TRACE_INITRD, from->initrd, from->initrd_size);
    if (from->tree)
        take_bytes(trace, TRACE_TREE, from->tree, from->tree_size);
}

/* --- finding files again ------------------------------------------------------------------ */

/* One file that is looked for: a part of the payload, which is read, or a drive. */
struct search {
    const char *what, *path; /* where it was */
    uint64_t size, hash;
    struct content content;     /* of a part */
    struct config_drive *drive; /* or this */
    bool is_other;              /* there was a file, with another content */
    char other[TRACE_PATH_MAX];
};

static bool take_part(struct search *s, const char *path)
{
    struct error error;
    uint8_t *bytes;
    size_t size;
    if (!file_read_max(path, s->size, &bytes, &size, &error))
        return false;
    if (size == s->size && hash_bytes(bytes, size, 0) == s->hash) {
        *s->content.bytes = bytes;
        *s->content.size = size;
        return true;
    }
    free(bytes);
    return false;
}

static bool try_file(struct search *s, const char *path)
{
    struct stat status;
    struct error error;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    if (s->drive ? disk_is(path, s->size, s->hash) && config_drive_place(s->drive, path, &error)
                 : take_part(s, path))
        return true;
    if (!s->is_other)
        snprintf(s->other, sizeof s->other, "%s", path);
    s->is_other = true;
    return false;
}

/* The file of that name in a folder, or beside a file. */
static bool try_folder(struct search *s, const char *folder, int length)
{
    const char *slash = strrchr(s->path, '/');
    char place[2 * TRACE_PATH_MAX];
    int size = snprintf(place, sizeof place, "%.*s/%s", length, folder,
                        slash ? slash + 1 : s->path);
    return size > 0 && (size_t)size < sizeof place && try_file(s, place);
}

static bool find(struct search *s, const char *trace_path, const char *folder, struct error *error)
{
    const char *slash = strrchr(trace_path, '/');
    int beside = slash ? (int)(slash - trace_path) : 1;
    if ((folder && try_folder(s, folder, (int)strlen(folder))) || try_file(s, s->path) ||
        try_folder(s, slash ? trace_path : ".", beside))
        return true;
    return error_set(error, "%.150s: the recorded %s, of %" PRIu64 " bytes with hash %016" PRIx64
                     ", is %s %.200s", trace_path, s->what, s->size, s->hash,
                     s->is_other ? "another file than" : "no longer at",
                     s->is_other ? s->other : s->path);
}

static bool find_part(struct trace *trace, enum trace_part part, const char *trace_path,
                      const char *folder, struct error *error)
{
    const struct trace_named *named = &trace->named[part];
    struct search s = {.what = part_names[part], .path = named->path, .size = named->size,
                       .hash = named->hash, .content = content_of(trace, part)};
    return named->path[0] == 0 || find(&s, trace_path, folder, error);
}

/* A drive is read when the machine is made; what stands in its configuration is where it is. */
static bool find_drive(struct config_drive *drive, const char *trace_path, const char *folder,
                       struct error *error)
{
    const struct config_drive recorded = *drive;
    struct search s = {.what = "disk", .path = recorded.path, .size = recorded.size,
                       .hash = recorded.hash, .drive = drive};
    return find(&s, trace_path, folder, error);
}

bool trace_open(struct trace *trace, const char *path, const char *folder, struct error *error)
{
    if (!trace_read(trace, path, error))
        return false;
    for (unsigned part = 0; part < TRACE_PART_COUNT; part++) {
        if (!find_part(trace, (enum trace_part)part, path, folder, error)) {
            trace_free(trace);
            return false;
        }
    }
    struct machine_config *config = &trace->setup.config;
    for (unsigned i = 0; i < config->drive_count; i++) {
        if (!find_drive(&config->drive[i], path, folder, error)) {
            trace_free(trace);
            return false;
        }
    }
    return true;
}
