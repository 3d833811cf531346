/*
 * Recorded runs as files: everything that a replay needs, in one file, with no other tool.
 *
 *   8 bytes  magic; then, little-endian, u32 version, u32 zero, u64 size of the content,
 *            u64 hash of the frame
 *   one zstd frame with checksum, holding the content: sections, each
 *     4 bytes tag, u32 zero, u64 size, bytes, zero bytes up to a multiple of 8
 *   in this order: MANI (JSON), IMAG (the payload as it is), if there are any INRD (an initial RAM
 *   disk) and TREE (a device tree that was given), CHOI (records), HASH (steps, hashes)
 *
 * Choice kinds and checkers are written by name, so that a file outlives their numbers.
 */
#pragma once
#include "sim/run.h"

#define TRACE_VERSION 1u
/* Counts up when the model's code changes what a run does although its tables stay the same. */
#define MODEL_SEMANTICS UINT64_C(1)

/* Steps between two hashes of a recording unless it is asked for otherwise. */
#define HASH_INTERVAL_DEFAULT UINT64_C(1000000)

#define TRACE_TEXT_MAX 128u

/* The state's hash when state.step was `step`. */
struct trace_hash {
    uint64_t step, hash;
};

struct trace {
    char title[TRACE_TEXT_MAX];
    char scenario[TRACE_TEXT_MAX]; /* "": none */
    char variant[TRACE_TEXT_MAX];
    char image_name[TRACE_TEXT_MAX];
    uint64_t fingerprint;
    struct run_setup setup;
    struct run_verdict verdict;
    uint64_t hash_interval; /* steps between two hashes */
    struct trace_hash *hashes; /* by step; the last one is that of the end */
    size_t hash_count;
    struct choice_record *records; /* sorted by name */
    size_t record_count;
    uint8_t *image;
    size_t image_size;
    uint8_t *initrd; /* NULL: none */
    size_t initrd_size;
    uint8_t *tree; /* NULL: the device tree is made */
    size_t tree_size;
};

/* The fingerprint of this program's model. */
uint64_t trace_fingerprint(void);

/* Frees what it holds. */
void trace_free(struct trace *trace);

/* The bytes of a file; the caller frees them. False when a text is not UTF-8. */
bool trace_encode(const struct trace *trace, uint8_t **bytes, size_t *size, struct error *error);
/* Takes bytes apart, checking everything; false with "NAME: reason" and nothing to free. */
bool trace_decode(struct trace *trace, const char *name, const uint8_t *bytes, size_t size,
                  struct error *error);

/* The same with files. Writing never replaces an existing file that is not a trace. */
bool trace_write(const struct trace *trace, const char *path, struct error *error);
bool trace_read(struct trace *trace, const char *path, struct error *error);

/* trace_manifest.c: everything but image, records and hashes, as JSON text. */
char *trace_manifest_encode(const struct trace *trace, struct error *error); /* to be freed */
/*
 * kinds gets, for each kind number of the file, this program's; kind_count is CHOICE_OBJECT_MAX on
 * entry and their number afterwards.
 */
bool trace_manifest_decode(struct trace *trace, const char *text, size_t size, uint32_t *kinds,
                           size_t *kind_count, struct error *error);

/* Records the run that r makes with these records (strictly) as a trace; fills all but texts. */
bool trace_record(struct run *r, const struct choice_record *records, size_t count,
                  uint64_t hash_interval, struct trace *trace, struct error *error);
