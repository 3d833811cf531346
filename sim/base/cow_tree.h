/*
 * The persistent tree behind cow.h: counted pages and nodes, snapshots, and the pool that they
 * come from. For cow.c and cow_tree.c only.
 */
#pragma once
#include "sim/base/cow.h"

struct cow_pool;

/* A page. Once it is in a snapshot its bytes never change. */
struct cow_leaf {
    struct cow_pool *pool;
    uint64_t term; /* its part of the hash, if is_hashed; else what the live sum still holds */
    uint32_t references;
    bool is_own;    /* a live memory has it alone and may write it */
    bool is_hashed;
    uint8_t bytes[PAGE_BYTES] __attribute__((aligned(64)));
};

/* Where pages and nodes come from and return to; counted by all that use it. */
struct cow_pool *cow_pool_new(void);
void cow_pool_unref(struct cow_pool *pool);
/* Bytes in use, without what is kept for later. */
size_t cow_pool_bytes(const struct cow_pool *pool);

/* A page with one reference and undefined bytes, not hashed, not own. */
struct cow_leaf *cow_leaf_new(struct cow_pool *pool);
void cow_leaf_unref(struct cow_leaf *leaf);
/* Computes the term of a page that has none. */
void cow_leaf_hash(struct cow_leaf *leaf, size_t page);

struct cow_node;

/* A snapshot with one reference; takes over the reference to root (NULL: all zero). */
struct cow_snapshot *cow_snapshot_make(struct cow_pool *pool, size_t page_count,
                                       struct cow_node *root);
size_t cow_snapshot_page_count(const struct cow_snapshot *s);
/* The hash; computes the terms and sums that are missing. */
uint64_t cow_snapshot_sum(struct cow_snapshot *s);
/* Tells a hash that is known already. */
void cow_snapshot_set_sum(struct cow_snapshot *s, uint64_t sum);

/* Making a snapshot out of another: begin, set pages, end. */
struct cow_edit {
    struct cow_pool *pool;
    struct cow_node *root;
    size_t page_count;
    uint64_t serial;
};
struct cow_edit cow_edit_begin(struct cow_pool *pool, const struct cow_snapshot *from);
/* Takes over the reference to leaf. */
void cow_edit_set(struct cow_edit *edit, size_t page, struct cow_leaf *leaf);
struct cow_snapshot *cow_edit_end(struct cow_edit *edit);

/* Calls differ for each place at which the trees hold different pages, in page order. */
typedef void cow_differ(void *context, size_t page, struct cow_leaf *a, struct cow_leaf *b);
void cow_tree_compare(const struct cow_snapshot *a, const struct cow_snapshot *b,
                      cow_differ *differ, void *context);
