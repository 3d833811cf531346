/*
 * Copy-on-write memory: RAM, TLB arrays and version logs of one machine in one array of 4 KiB
 * pages, so that a snapshot costs its dirty pages, a restore costs what changed, and the hash is
 * incremental. Pages that were never written read as zero and take no memory.
 *
 * The pages of a snapshot hang in a persistent tree of small nodes, all counted.
 */
#pragma once
#include "sim/base/base.h"

struct cow;          /* a live memory */
struct cow_snapshot; /* an immutable picture of one */

/* A memory of page_count zero pages; page_count >= 1. Aborts through bug() when out of memory. */
struct cow *cow_new(size_t page_count);
void cow_free(struct cow *c);
size_t cow_page_count(const struct cow *c);

/* The bytes of a page for reading; valid until the page is written, restored or freed. */
const uint8_t *cow_read(const struct cow *c, size_t page);

/*
 * The bytes of a page for writing: makes the page this memory's own and its hash stale. The
 * pointer may be written through until the next cow_save, cow_restore or cow_hash; cow_epoch
 * tells when such pointers have been revoked.
 */
uint8_t *cow_write(struct cow *c, size_t page);

/* Grows by one whenever write pointers (save, hash) or all pointers (restore) were revoked. */
const uint64_t *cow_epoch(const struct cow *c);

/* A picture of all pages now. Snapshots outlive their memory and are freed by their owner. */
struct cow_snapshot *cow_save(struct cow *c);
void cow_restore(struct cow *c, const struct cow_snapshot *s);
struct cow_snapshot *cow_snapshot_ref(struct cow_snapshot *s);
void cow_snapshot_free(struct cow_snapshot *s);

/* Hash of all pages; costs what was written since the last call. Equal bytes, equal hash. */
uint64_t cow_hash(struct cow *c);

/* Bytes of host memory that this memory and all its snapshots use now. */
size_t cow_bytes(const struct cow *c);
/* Of those, what its own pages take: the rest would go if there were no snapshots. */
size_t cow_live_bytes(const struct cow *c);

/*
 * Calls report for each page that differs between a and b, in page order; either may be NULL for
 * all zero. Stops when report returns false.
 */
void cow_diff(const struct cow_snapshot *a, const struct cow_snapshot *b,
              bool (*report)(void *context, size_t page, const uint8_t *a, const uint8_t *b),
              void *context);
