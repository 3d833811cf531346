/*
 * The container: header, zstd frame, sections. Nothing that a file says is believed before it is
 * checked: sizes against what is there, counts against sizes, order of sections and of records.
 * What the manifest means is not known here: see trace_manifest.c and trace_manifest_read.c.
 */
#include "sim/trace_file.h"

#include "gen/fingerprint.h"
#include "sim/base/image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define HEADER_BYTES 32u
#define SECTION_HEADER_BYTES 16u
#define CONTENT_MAX (4 * TRACE_EMBED_MAX)
#define FILE_MAX (CONTENT_MAX + (UINT64_C(16) << 20)) /* content that cannot be compressed */
#define RECORD_BYTES 24u
#define HASH_BYTES 16u
#define ZSTD_LEVEL 15
#define ZSTD_LEVEL_BIG 3 /* of what would take minutes: a kernel with its initial RAM disk */
#define BIG_BYTES (UINT64_C(16) << 20)

static const uint8_t magic[8] = {'A', 'R', 'M', 'I', 'L', 'L', 'A', 0x1a};
static const char tags[][5] = {"MANI", "IMAG", "INRD", "TREE", "CHOI", "HASH"};
enum section {
    SECTION_MANIFEST, SECTION_IMAGE, SECTION_INITRD, SECTION_TREE, SECTION_CHOICES, SECTION_HASHES,
    SECTION_COUNT
};

/* Whether a trace may be without it; one that is there is not empty. */
static bool is_optional(unsigned section)
{
    return section == SECTION_IMAGE || section == SECTION_INITRD || section == SECTION_TREE;
}

struct buffer {
    uint8_t *bytes;
    size_t size, capacity;
};

struct span {
    const uint8_t *bytes;
    size_t size;
};

uint64_t trace_fingerprint(void)
{
    return hash_mix(hash_mix(MODEL_TABLES) + MODEL_SEMANTICS);
}

void trace_free(struct trace *trace)
{
    free(trace->hashes);
    free(trace->records);
    free(trace->image);
    free(trace->initrd);
    free(trace->tree);
    trace->hashes = NULL;
    trace->records = NULL;
    trace->image = trace->initrd = trace->tree = NULL;
    trace->hash_count = trace->record_count = trace->image_size = 0;
    trace->initrd_size = trace->tree_size = 0;
}

/* --- little-endian numbers ---------------------------------------------------------------- */

static void put(struct buffer *b, const void *bytes, size_t size)
{
    if (b->capacity - b->size < size) {
        b->capacity = 2 * b->capacity + size + 256;
        b->bytes = realloc(b->bytes, b->capacity);
        ensure(b->bytes != NULL);
    }
    if (size != 0)
        memcpy(b->bytes + b->size, bytes, size);
    b->size += size;
}

static void put_number(struct buffer *b, uint64_t value, unsigned bytes)
{
    uint8_t out[8];
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
    put(b, out, bytes);
}

static uint64_t get_number(const uint8_t *bytes, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = count; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

/* --- encoding ----------------------------------------------------------------------------- */

static void put_section(struct buffer *b, enum section section, const void *bytes, size_t size)
{
    static const uint8_t zeros[8];
    put(b, tags[section], 4);
    put_number(b, 0, 4);
    put_number(b, size, 8);
    put(b, bytes, size);
    put(b, zeros, (8 - size % 8) % 8);
}

static void put_choices(struct buffer *b, const struct trace *trace)
{
    struct buffer section = {0};
    for (size_t i = 0; i < trace->record_count; i++) {
        const struct choice_record *r = &trace->records[i];
        put_number(&section, r->name.ordinal, 8);
        put_number(&section, r->name.object, 4);
        put_number(&section, r->name.kind, 4);
        put_number(&section, r->n, 4);
        put_number(&section, r->answer, 4);
    }
    put_section(b, SECTION_CHOICES, section.bytes, section.size);
    free(section.bytes);
}

static void put_hashes(struct buffer *b, const struct trace *trace)
{
    struct buffer section = {0};
    for (size_t i = 0; i < trace->hash_count; i++) {
        put_number(&section, trace->hashes[i].step, 8);
        put_number(&section, trace->hashes[i].hash, 8);
    }
    put_section(b, SECTION_HASHES, section.bytes, section.size);
    free(section.bytes);
}

/* The compressed content, with its hash in front: a frame has bits that zstd does not look at. */
static void compress_into(struct buffer *out, const struct buffer *content)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    size_t bound = ZSTD_compressBound(content->size);
    uint8_t *frame = malloc(bound);
    ensure(context != NULL && frame != NULL);
    ensure(!ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)));
    ensure(!ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel,
                                                 content->size < BIG_BYTES ? ZSTD_LEVEL
                                                                           : ZSTD_LEVEL_BIG)));
    size_t size = ZSTD_compress2(context, frame, bound, content->bytes, content->size);
    ensure(!ZSTD_isError(size));
    ZSTD_freeCCtx(context);
    put_number(out, hash_bytes(frame, size, content->size), 8);
    put(out, frame, size);
    free(frame);
}

static bool is_named(const struct trace *trace, enum trace_part part)
{
    return trace->named[part].path[0] != 0;
}

bool trace_encode(const struct trace *trace, uint8_t **bytes, size_t *size, struct error *error)
{
    char *manifest = trace_manifest_encode(trace, error);
    if (!manifest)
        return false;
    struct buffer content = {0}, out = {0};
    put_section(&content, SECTION_MANIFEST, manifest, strlen(manifest));
    if (!is_named(trace, TRACE_IMAGE))
        put_section(&content, SECTION_IMAGE, trace->image, trace->image_size);
    if (trace->initrd_size != 0 && !is_named(trace, TRACE_INITRD))
        put_section(&content, SECTION_INITRD, trace->initrd, trace->initrd_size);
    if (trace->tree_size != 0 && !is_named(trace, TRACE_TREE))
        put_section(&content, SECTION_TREE, trace->tree, trace->tree_size);
    put_choices(&content, trace);
    put_hashes(&content, trace);
    free(manifest);
    if (content.size > CONTENT_MAX) {
        free(content.bytes);
        return error_set(error, "%zu bytes are more than a trace may hold, %llu", content.size,
                         (unsigned long long)CONTENT_MAX);
    }
    put(&out, magic, sizeof magic);
    put_number(&out, TRACE_VERSION, 4);
    put_number(&out, 0, 4);
    put_number(&out, content.size, 8);
    compress_into(&out, &content);
    free(content.bytes);
    *bytes = out.bytes;
    *size = out.size;
    return true;
}

/* --- decoding ----------------------------------------------------------------------------- */

static bool decompress(const char *name, const uint8_t *bytes, size_t size, uint64_t hash,
                       uint64_t content_size, uint8_t **content, struct error *error)
{
    if (hash_bytes(bytes, size, content_size) != hash)
        return error_set(error, "%s: damaged or truncated: its hash is wrong", name);
    if (content_size > CONTENT_MAX || ZSTD_getFrameContentSize(bytes, size) != content_size)
        return error_set(error, "%s: damaged: the size of the content is wrong", name);
    size_t frame = ZSTD_findFrameCompressedSize(bytes, size);
    if (ZSTD_isError(frame) || frame != size)
        return error_set(error, "%s: damaged or truncated: %s", name,
                         ZSTD_isError(frame) ? ZSTD_getErrorName(frame)
                                             : "bytes behind the end");
    *content = malloc((size_t)content_size + 1);
    if (!*content)
        return error_set(error, "%s: not enough memory for its content", name);
    size_t got = ZSTD_decompress(*content, (size_t)content_size, bytes, size);
    if (!ZSTD_isError(got) && got == content_size)
        return true;
    free(*content);
    return error_set(error, "%s: damaged: %s", name,
                     ZSTD_isError(got) ? ZSTD_getErrorName(got) : "its content is too short");
}

static bool split(const char *name, const uint8_t *content, size_t size,
                  struct span spans[SECTION_COUNT], struct error *error)
{
    size_t at = 0;
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        if (is_optional(i) &&
            (size - at < SECTION_HEADER_BYTES || memcmp(content + at, tags[i], 4) != 0)) {
            spans[i] = (struct span){NULL, 0};
            continue;
        }
        if (size - at < SECTION_HEADER_BYTES || memcmp(content + at, tags[i], 4) != 0 ||
            get_number(content + at + 4, 4) != 0)
            return error_set(error, "%s: damaged: no section %s", name, tags[i]);
        uint64_t length = get_number(content + at + 8, 8);
        at += SECTION_HEADER_BYTES;
        if (is_optional(i) && length == 0)
            return error_set(error, "%s: damaged: section %s is empty", name, tags[i]);
        if (length > size - at || (8 - length % 8) % 8 > size - at - length)
            return error_set(error, "%s: damaged: section %s ends behind the file", name, tags[i]);
        spans[i] = (struct span){content + at, (size_t)length};
        at += (size_t)length;
        for (; at % 8 != 0; at++) {
            if (content[at] != 0)
                return error_set(error, "%s: damaged: section %s has a tail", name, tags[i]);
        }
    }
    if (at != size)
        return error_set(error, "%s: damaged: something behind the last section", name);
    return true;
}

static bool get_choices(struct trace *trace, const char *name, struct span s,
                        const uint32_t *kinds, size_t kind_count, struct error *error)
{
    if (s.size % RECORD_BYTES != 0)
        return error_set(error, "%s: damaged: the choices are no whole number", name);
    trace->record_count = s.size / RECORD_BYTES;
    trace->records = calloc(trace->record_count + 1, sizeof *trace->records);
    ensure(trace->records != NULL);
    for (size_t i = 0; i < trace->record_count; i++) {
        const uint8_t *at = s.bytes + i * RECORD_BYTES;
        struct choice_record *r = &trace->records[i];
        uint64_t kind = get_number(at + 12, 4);
        *r = (struct choice_record){
            .name = {get_number(at, 8), (uint32_t)get_number(at + 8, 4), 0},
            .n = (uint32_t)get_number(at + 16, 4),
            .answer = (uint32_t)get_number(at + 20, 4),
        };
        if (kind >= kind_count || r->name.object >= CHOICE_OBJECT_MAX || r->answer == 0 ||
            r->answer >= r->n)
            return error_set(error, "%s: damaged: choice %zu is none", name, i);
        r->name.kind = kinds[kind];
    }
    choice_records_sort(trace->records, trace->record_count);
    for (size_t i = 1; i < trace->record_count; i++) {
        if (choice_name_compare(&trace->records[i - 1].name, &trace->records[i].name) == 0)
            return error_set(error, "%s: damaged: a choice is there twice", name);
    }
    return true;
}

static bool get_hashes(struct trace *trace, const char *name, struct span s, struct error *error)
{
    if (s.size % HASH_BYTES != 0 || s.size == 0)
        return error_set(error, "%s: damaged: the hashes are no whole number", name);
    trace->hash_count = s.size / HASH_BYTES;
    trace->hashes = calloc(trace->hash_count, sizeof *trace->hashes);
    ensure(trace->hashes != NULL);
    for (size_t i = 0; i < trace->hash_count; i++) {
        trace->hashes[i].step = get_number(s.bytes + i * HASH_BYTES, 8);
        trace->hashes[i].hash = get_number(s.bytes + i * HASH_BYTES + 8, 8);
        bool is_last = i + 1 == trace->hash_count;
        if (i > 0 && trace->hashes[i].step <= trace->hashes[i - 1].step)
            return error_set(error, "%s: damaged: the hashes are out of order", name);
        if (is_last ? trace->hashes[i].step != trace->verdict.steps ||
                          trace->hashes[i].hash != trace->verdict.hash
                    : trace->hashes[i].step % trace->hash_interval != 0)
            return error_set(error, "%s: damaged: a hash at step %llu", name,
                             (unsigned long long)trace->hashes[i].step);
    }
    return true;
}

/* A section as bytes of its own; NULL when there is none. */
static uint8_t *copy_of(struct span s, size_t *size)
{
    *size = s.size;
    if (s.bytes == NULL)
        return NULL;
    uint8_t *bytes = malloc(s.size + 1);
    ensure(bytes != NULL);
    memcpy(bytes, s.bytes, s.size);
    return bytes;
}

static bool decode_content(struct trace *trace, const char *name, const uint8_t *content,
                           size_t size, struct error *error)
{
    struct span s[SECTION_COUNT];
    uint32_t kinds[CHOICE_OBJECT_MAX];
    size_t kind_count = CHOICE_OBJECT_MAX;
    struct error why;
    if (!split(name, content, size, s, error))
        return false;
    if (!trace_manifest_decode(trace, (const char *)s[SECTION_MANIFEST].bytes,
                               s[SECTION_MANIFEST].size, kinds, &kind_count, &why))
        return error_set(error, "%s: manifest: %.400s", name, why.text);
    static const enum section sections[TRACE_PART_COUNT] = {SECTION_IMAGE, SECTION_INITRD,
                                                            SECTION_TREE};
    for (unsigned part = 0; part < TRACE_PART_COUNT; part++) {
        bool is_there = s[sections[part]].bytes != NULL;
        if (is_there ? is_named(trace, part) : part == TRACE_IMAGE && !is_named(trace, part))
            return error_set(error, "%s: damaged: %s section %s", name,
                             is_there ? "beside the file's name there is a" : "no",
                             tags[sections[part]]);
    }
    trace->image = copy_of(s[SECTION_IMAGE], &trace->image_size);
    trace->initrd = copy_of(s[SECTION_INITRD], &trace->initrd_size);
    trace->tree = copy_of(s[SECTION_TREE], &trace->tree_size);
    return get_choices(trace, name, s[SECTION_CHOICES], kinds, kind_count, error) &&
           get_hashes(trace, name, s[SECTION_HASHES], error);
}

bool trace_decode(struct trace *trace, const char *name, const uint8_t *bytes, size_t size,
                  struct error *error)
{
    memset(trace, 0, sizeof *trace);
    if (size < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0)
        return error_set(error, "%s: not a trace", name);
    if (size < HEADER_BYTES)
        return error_set(error, "%s: truncated", name);
    uint64_t version = get_number(bytes + 8, 4);
    if (version != TRACE_VERSION)
        return error_set(error, "%s: version %llu of the format; this program knows version %u",
                         name, (unsigned long long)version, TRACE_VERSION);
    if (get_number(bytes + 12, 4) != 0)
        return error_set(error, "%s: damaged: the header", name);
    uint8_t *content = NULL;
    uint64_t content_size = get_number(bytes + 16, 8);
    if (!decompress(name, bytes + HEADER_BYTES, size - HEADER_BYTES, get_number(bytes + 24, 8),
                    content_size, &content, error))
        return false;
    bool good = decode_content(trace, name, content, (size_t)content_size, error);
    free(content);
    if (!good)
        trace_free(trace);
    return good;
}

/* --- files -------------------------------------------------------------------------------- */

bool trace_may_write(const char *path, struct error *error)
{
    struct file_out out;
    uint8_t head[sizeof magic];
    if (!file_out_find(&out, path, error))
        return false;
    if (!out.exists)
        return true;
    FILE *file = fopen(path, "rb");
    if (!file)
        return error_set(error, "%s: %s", path, strerror(errno));
    bool is_trace = fread(head, sizeof head, 1, file) == 1 && memcmp(head, magic, sizeof head) == 0;
    fclose(file);
    return is_trace || error_set(error, "%s: exists and is not a trace; not written over", path);
}

bool trace_write(const struct trace *trace, const char *path, struct error *error)
{
    uint8_t *bytes;
    size_t size;
    if (!trace_may_write(path, error))
        return false;
    if (!trace_encode(trace, &bytes, &size, error))
        return false;
    bool good = file_write(path, bytes, size, error);
    free(bytes);
    return good;
}

bool trace_read(struct trace *trace, const char *path, struct error *error)
{
    uint8_t *bytes;
    size_t size;
    memset(trace, 0, sizeof *trace);
    if (!file_read_max(path, FILE_MAX, &bytes, &size, error))
        return false;
    bool good = trace_decode(trace, path, bytes, size, error);
    free(bytes);
    return good;
}
