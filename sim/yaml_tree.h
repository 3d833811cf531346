/*
 * Reading YAML strictly: a tree of mappings, lists and texts, in which every node knows its line.
 * Numbers are texts until someone parses them. Refused: an empty document, a second document,
 * aliases, tags, keys that are not plain texts, keys that are there twice, keys nobody asked for.
 */
#pragma once
#include "sim/base/base.h"

struct yaml;      /* a document */
struct yaml_node; /* one of its nodes */

/* Parses; NULL with "FILE:LINE: reason". */
struct yaml *yaml_open(const char *file, const char *text, size_t size, struct error *error);
void yaml_close(struct yaml *yaml);
const struct yaml_node *yaml_root(const struct yaml *yaml);

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    int line;           /* from 1 */
    const char *key;    /* of a mapping's member, else NULL */
    const char *text;   /* YAML_TEXT */
    bool is_used;       /* asked for */
    struct yaml_node *first, *next; /* members, in the order of the file */
};

/* Reports "FILE:LINE: KEY: reason" for a node; always false. */
bool yaml_fail(const struct yaml *yaml, const struct yaml_node *node, const char *key,
               struct error *error, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* A member by key, which counts as asked for; NULL when there is none. */
const struct yaml_node *yaml_member(const struct yaml_node *mapping, const char *key);

/* False with an error for the first member, here or below, that nobody asked for. */
bool yaml_all_used(const struct yaml *yaml, const struct yaml_node *node, struct error *error);
