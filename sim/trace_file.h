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
 * Big files of a payload may be named instead, by path, size and hash (trace_payload.c).
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

/* The largest file that a trace may hold: of each part one, and there is room for the choices. */
#define TRACE_EMBED_MAX (UINT64_C(128) << 20)

#define TRACE_TEXT_MAX 128u
#define TRACE_PATH_MAX 1024u

/* The files of a payload. */
enum trace_part { TRACE_IMAGE, TRACE_INITRD, TRACE_TREE, TRACE_PART_COUNT };

/* A file that is not in the trace, but what it has to be. */
struct trace_named {
    char path[TRACE_PATH_MAX]; /* where it was; "": the file is in the trace */
    uint64_t size, hash;
};

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
    struct trace_named named[TRACE_PART_COUNT];
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
bool trace_may_write(const char *path, struct error *error); /* to be told before a long run */
bool trace_write(const struct trace *trace, const char *path, struct error *error);
bool trace_read(struct trace *trace, const char *path, struct error *error);

/*
 * trace_payload.c: a payload's files. taking copies one into a trace: named if it is larger than
 * embed_max and a file that can be read again, which a pipe cannot, else to be written with it.
 * False with a line when its path is too long.
 */
bool trace_take_part(struct trace *trace, enum trace_part part, const char *path,
                     const uint8_t *bytes, size_t size, uint64_t embed_max, struct error *error);
/* The same payload as another trace's. */
void trace_copy_payload(struct trace *trace, const struct trace *from);
/*
 * Reads a trace and the files that it names, disks among them: in folder, if one is given, where
 * they were, and beside the trace, whichever has the content first. False with one line when none
 * has.
 */
bool trace_open(struct trace *trace, const char *path, const char *folder, struct error *error);

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

/*
 * Records a run while it is made: execute it with trace_record_watch every HASH_INTERVAL_DEFAULT
 * steps, and finish with its verdict, which fills all of the trace but texts and payload. There
 * are TRACE_HASHES_MAX hashes at most: their interval grows with the run. A run that was
 * interrupted is recorded up to there, as one with that limit.
 */
#define TRACE_HASHES_MAX 64u
void trace_record_begin(struct trace *trace, const struct run *r);
bool trace_record_watch(void *trace, struct machine *m); /* a run_watch */
void trace_record_finish(struct trace *trace, struct run *r, const struct run_verdict *verdict);
