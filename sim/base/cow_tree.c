/*
 * The persistent tree behind the copy-on-write memory.
 *
 * All leaves are at the same depth; a node has 16 children. Small nodes are better than the
 * obvious 512: saving a memory in which a few pages here and there have changed copies one node
 * per level and page, and each copy counts a reference on every child.
 *
 * Freed pages and nodes are kept in the pool for the next use: going back to a snapshot
 * thousands of times a second must not give the memory to the operating system and take it back.
 * The pool is counted by everything that came out of it, so that snapshots outlive their memory
 * and may be restored into another one.
 */
#include "sim/base/cow_tree.h"

#include <stdlib.h>
#include <string.h>

#define CHILD_BITS 4u
#define CHILD_COUNT (1u << CHILD_BITS)
/* Pages come in slabs, the first of them small. */
#define SLAB_BYTES_MIN ((size_t)1 << 16)
#define SLAB_BYTES_MAX ((size_t)1 << 21)

union child {
    struct cow_node *node;
    struct cow_leaf *leaf;
};

struct cow_node {
    struct cow_pool *pool;
    uint64_t serial; /* of the edit that made it */
    uint64_t sum;    /* of the terms below, if sum_known */
    uint32_t references;
    bool sum_known;
    union child child[CHILD_COUNT];
};

struct cow_snapshot {
    struct cow_pool *pool;
    size_t page_count;
    struct cow_node *root;
    uint32_t references;
};

struct cow_slab {
    struct cow_slab *next;
    size_t bytes;
    struct cow_leaf leaf[];
};

struct cow_pool {
    size_t references;
    size_t leaf_count, node_count, snapshot_count; /* in use */
    uint64_t serial;
    struct cow_leaf *spare_leaf; /* chained through their first bytes */
    struct cow_slab *slab;       /* the newest one first */
    size_t slab_left;            /* pages at its end that nobody has had yet */
    struct cow_node *spare_node; /* chained through child[0] */
};

struct cow_pool *cow_pool_new(void)
{
    struct cow_pool *pool = calloc(1, sizeof *pool);
    ensure(pool != NULL);
    pool->references = 1;
    return pool;
}

void cow_pool_unref(struct cow_pool *pool)
{
    ensure(pool->references > 0);
    if (--pool->references > 0)
        return;
    while (pool->slab) {
        struct cow_slab *slab = pool->slab;
        pool->slab = slab->next;
        free(slab);
    }
    while (pool->spare_node) {
        struct cow_node *node = pool->spare_node;
        pool->spare_node = node->child[0].node;
        free(node);
    }
    free(pool);
}

size_t cow_pool_bytes(const struct cow_pool *pool)
{
    return sizeof *pool + pool->leaf_count * sizeof(struct cow_leaf) +
           pool->node_count * sizeof(struct cow_node) +
           pool->snapshot_count * sizeof(struct cow_snapshot);
}

static void slab_add(struct cow_pool *pool)
{
    size_t bytes = pool->slab ? 2 * pool->slab->bytes : SLAB_BYTES_MIN;
    if (bytes > SLAB_BYTES_MAX)
        bytes = SLAB_BYTES_MAX;
    struct cow_slab *slab = aligned_alloc(bytes, bytes);
    ensure(slab != NULL);
    slab->next = pool->slab;
    slab->bytes = bytes;
    pool->slab = slab;
    pool->slab_left = (bytes - sizeof *slab) / sizeof slab->leaf[0];
}

struct cow_leaf *cow_leaf_new(struct cow_pool *pool)
{
    struct cow_leaf *leaf = pool->spare_leaf;
    if (leaf) {
        memcpy(&pool->spare_leaf, leaf->bytes, sizeof pool->spare_leaf);
    } else {
        if (pool->slab_left == 0)
            slab_add(pool);
        leaf = &pool->slab->leaf[--pool->slab_left];
    }
    leaf->pool = pool;
    leaf->term = 0;
    leaf->references = 1;
    leaf->is_own = false;
    leaf->is_hashed = false;
    pool->leaf_count++;
    pool->references++;
    return leaf;
}

void cow_leaf_unref(struct cow_leaf *leaf)
{
    ensure(leaf->references > 0);
    if (--leaf->references > 0)
        return;
    struct cow_pool *pool = leaf->pool;
    memcpy(leaf->bytes, &pool->spare_leaf, sizeof pool->spare_leaf);
    pool->spare_leaf = leaf;
    pool->leaf_count--;
    cow_pool_unref(pool);
}

static bool is_zero(const uint8_t *bytes)
{
    static const uint8_t zeros[256];
    for (size_t at = 0; at < PAGE_BYTES; at += sizeof zeros) {
        if (memcmp(bytes + at, zeros, sizeof zeros) != 0)
            return false;
    }
    return true;
}

void cow_leaf_hash(struct cow_leaf *leaf, size_t page)
{
    if (leaf->is_hashed)
        return;
    leaf->term = is_zero(leaf->bytes) ? 0 : hash_bytes(leaf->bytes, PAGE_BYTES, page);
    leaf->is_hashed = true;
}

/* Levels of nodes above the pages; at least one. */
static unsigned tree_height(size_t page_count)
{
    unsigned height = 1;
    while ((page_count - 1) >> (CHILD_BITS * height) != 0)
        height++;
    return height;
}

/* level: of the node; its children are pages at level 1. */
static void node_unref(struct cow_node *node, unsigned level)
{
    ensure(node->references > 0);
    if (--node->references > 0)
        return;
    for (unsigned i = 0; i < CHILD_COUNT; i++) {
        if (level > 1 && node->child[i].node)
            node_unref(node->child[i].node, level - 1);
        if (level == 1 && node->child[i].leaf)
            cow_leaf_unref(node->child[i].leaf);
    }
    struct cow_pool *pool = node->pool;
    node->child[0].node = pool->spare_node;
    pool->spare_node = node;
    pool->node_count--;
    cow_pool_unref(pool);
}

/* A node of its own with the children of old (NULL: none), to be changed by one edit. */
static struct cow_node *node_copy(struct cow_edit *edit, const struct cow_node *old, unsigned level)
{
    struct cow_pool *pool = edit->pool;
    struct cow_node *node = pool->spare_node;
    if (node)
        pool->spare_node = node->child[0].node;
    else
        node = malloc(sizeof *node);
    ensure(node != NULL);
    memset(node, 0, sizeof *node);
    node->pool = pool;
    node->serial = edit->serial;
    node->references = 1;
    pool->node_count++;
    pool->references++;
    for (unsigned i = 0; old && i < CHILD_COUNT; i++) {
        node->child[i] = old->child[i];
        if (level > 1 && old->child[i].node)
            old->child[i].node->references++;
        if (level == 1 && old->child[i].leaf)
            old->child[i].leaf->references++;
    }
    return node;
}

struct cow_snapshot *cow_snapshot_make(struct cow_pool *pool, size_t page_count,
                                       struct cow_node *root)
{
    struct cow_snapshot *s = malloc(sizeof *s);
    ensure(s != NULL);
    *s = (struct cow_snapshot){pool, page_count, root, 1};
    pool->snapshot_count++;
    pool->references++;
    return s;
}

struct cow_snapshot *cow_snapshot_ref(struct cow_snapshot *s)
{
    s->references++;
    return s;
}

void cow_snapshot_free(struct cow_snapshot *s)
{
    if (!s)
        return;
    ensure(s->references > 0);
    if (--s->references > 0)
        return;
    if (s->root)
        node_unref(s->root, tree_height(s->page_count));
    s->pool->snapshot_count--;
    cow_pool_unref(s->pool);
    free(s);
}

size_t cow_snapshot_page_count(const struct cow_snapshot *s)
{
    return s->page_count;
}

static uint64_t node_sum(struct cow_node *node, unsigned level, size_t first)
{
    if (node->sum_known)
        return node->sum;
    node->sum = 0;
    for (size_t i = 0; i < CHILD_COUNT; i++) {
        size_t page = first + (i << (CHILD_BITS * (level - 1)));
        if (level > 1 && node->child[i].node) {
            node->sum += node_sum(node->child[i].node, level - 1, page);
        } else if (level == 1 && node->child[i].leaf) {
            cow_leaf_hash(node->child[i].leaf, page);
            node->sum += node->child[i].leaf->term;
        }
    }
    node->sum_known = true;
    return node->sum;
}

uint64_t cow_snapshot_sum(struct cow_snapshot *s)
{
    return s->root ? node_sum(s->root, tree_height(s->page_count), 0) : 0;
}

void cow_snapshot_set_sum(struct cow_snapshot *s, uint64_t sum)
{
    ensure(s->root != NULL);
    s->root->sum = sum;
    s->root->sum_known = true;
}

struct cow_edit cow_edit_begin(struct cow_pool *pool, const struct cow_snapshot *from)
{
    struct cow_edit edit = {pool, from->root, from->page_count, ++pool->serial};
    if (edit.root)
        edit.root->references++;
    return edit;
}

/* Makes *place a node that only this edit has. */
static struct cow_node *node_own(struct cow_edit *edit, struct cow_node **place, unsigned level)
{
    struct cow_node *node = *place;
    if (node && node->pool == edit->pool && node->serial == edit->serial)
        return node;
    *place = node_copy(edit, node, level);
    if (node)
        node_unref(node, level);
    return *place;
}

void cow_edit_set(struct cow_edit *edit, size_t page, struct cow_leaf *leaf)
{
    struct cow_node **place = &edit->root;
    for (unsigned level = tree_height(edit->page_count); level > 0; level--) {
        struct cow_node *node = node_own(edit, place, level);
        union child *child =
            &node->child[(page >> (CHILD_BITS * (level - 1))) & (CHILD_COUNT - 1)];
        if (level > 1) {
            place = &child->node;
            continue;
        }
        if (child->leaf)
            cow_leaf_unref(child->leaf);
        child->leaf = leaf;
    }
}

struct cow_snapshot *cow_edit_end(struct cow_edit *edit)
{
    return cow_snapshot_make(edit->pool, edit->page_count, edit->root);
}

struct comparison {
    cow_differ *differ;
    void *context;
};

static void compare(const struct comparison *c, const struct cow_node *a, const struct cow_node *b,
                    unsigned level, size_t first)
{
    static const struct cow_node nothing;
    if (a == b)
        return;
    a = a ? a : &nothing;
    b = b ? b : &nothing;
    for (size_t i = 0; i < CHILD_COUNT; i++) {
        size_t page = first + (i << (CHILD_BITS * (level - 1)));
        if (level > 1)
            compare(c, a->child[i].node, b->child[i].node, level - 1, page);
        else if (a->child[i].leaf != b->child[i].leaf)
            c->differ(c->context, page, a->child[i].leaf, b->child[i].leaf);
    }
}

void cow_tree_compare(const struct cow_snapshot *a, const struct cow_snapshot *b,
                      cow_differ *differ, void *context)
{
    if (!a && !b)
        return;
    ensure(!a || !b || a->page_count == b->page_count);
    struct comparison c = {differ, context};
    size_t page_count = a ? a->page_count : b->page_count;
    compare(&c, a ? a->root : NULL, b ? b->root : NULL, tree_height(page_count), 0);
}
