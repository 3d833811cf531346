/*
 * YAML by the events of libyaml, turned into a plain tree. libyaml is used without libcyaml on top,
 * because its events carry marks: an error in a value found long after parsing still can name the
 * line. (libfyaml has marks too, but 0.7.12 does not return from some damaged files.)
 *
 * Not modelled, on purpose: anchors, aliases, merge keys, tags, several documents.
 */
#include "sim/yaml_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 16u
#define SIZE_MAX_BYTES (1u << 20)

struct yaml {
    char file[256];
    struct yaml_node *root;
};

struct builder {
    const char *file;
    struct error *error;
    yaml_parser_t parser;
};

static void node_free(struct yaml_node *node)
{
    while (node) {
        struct yaml_node *next = node->next;
        node_free(node->first);
        free((char *)(uintptr_t)node->key);
        free((char *)(uintptr_t)node->text);
        free(node);
        node = next;
    }
}

static int line_of(const yaml_event_t *event)
{
    return (int)event->start_mark.line + 1;
}

/* The next event, to be deleted by the caller; false with an error when the text is not YAML. */
static bool next_event(struct builder *b, yaml_event_t *event)
{
    if (yaml_parser_parse(&b->parser, event))
        return true;
    const char *problem = b->parser.problem ? b->parser.problem : "not YAML";
    return error_set(b->error, "%s:%zu: %s", b->file, b->parser.problem_mark.line + 1, problem);
}

static struct yaml_node *node_new(enum yaml_kind kind, int line)
{
    struct yaml_node *node = calloc(1, sizeof *node);
    ensure(node != NULL);
    node->kind = kind;
    node->line = line;
    return node;
}

/* A copy of a scalar's text, or NULL with an error when it has a zero byte. */
static char *scalar_copy(struct builder *b, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(text, 0, length)) {
        error_set(b->error, "%s:%d: a zero byte", b->file, line_of(event));
        return NULL;
    }
    char *copy = malloc(length + 1);
    ensure(copy != NULL);
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

static struct yaml_node *build(struct builder *b, yaml_event_t *event, unsigned depth);

static bool is_twice(struct builder *b, const struct yaml_node *node, const char *name, int line)
{
    for (const struct yaml_node *other = node->first; other; other = other->next) {
        if (strcmp(other->key, name) == 0) {
            error_set(b->error, "%s:%d: %.64s: is there twice (first at line %d)", b->file, line,
                      name, other->line);
            return true;
        }
    }
    return false;
}

/* The value behind a key; takes over name. */
static struct yaml_node *build_value(struct builder *b, char *name, unsigned depth)
{
    yaml_event_t event;
    struct yaml_node *member = NULL;
    if (next_event(b, &event)) {
        member = build(b, &event, depth);
        yaml_event_delete(&event);
    }
    if (member)
        member->key = name;
    else
        free(name);
    return member;
}

static bool build_mapping(struct builder *b, struct yaml_node *node, unsigned depth)
{
    struct yaml_node **last = &node->first;
    for (;;) {
        yaml_event_t event;
        if (!next_event(b, &event))
            return false;
        int line = line_of(&event);
        bool is_end = event.type == YAML_MAPPING_END_EVENT;
        bool is_text = event.type == YAML_SCALAR_EVENT;
        char *name = is_text ? scalar_copy(b, &event) : NULL;
        yaml_event_delete(&event);
        if (is_end)
            return true;
        if (!is_text)
            return error_set(b->error, "%s:%d: a key that is not a text", b->file, line);
        if (!name || is_twice(b, node, name, line)) {
            free(name);
            return false;
        }
        *last = build_value(b, name, depth);
        if (!*last)
            return false;
        last = &(*last)->next;
    }
}

static bool build_list(struct builder *b, struct yaml_node *node, unsigned depth)
{
    struct yaml_node **last = &node->first;
    for (;;) {
        yaml_event_t event;
        if (!next_event(b, &event))
            return false;
        bool is_end = event.type == YAML_SEQUENCE_END_EVENT;
        *last = is_end ? NULL : build(b, &event, depth);
        yaml_event_delete(&event);
        if (is_end)
            return true;
        if (!*last)
            return false;
        last = &(*last)->next;
    }
}

/* Tags and anchors are not taken: what an event says of them. */
static bool is_decorated(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.tag != NULL || event->data.scalar.anchor != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.tag != NULL || event->data.sequence_start.anchor != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.tag != NULL || event->data.mapping_start.anchor != NULL;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_ALIAS_EVENT:
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        break;
    }
    return true; /* an alias, or nothing that can be a node */
}

/* The node that begins with this event. */
static struct yaml_node *build(struct builder *b, yaml_event_t *event, unsigned depth)
{
    int line = line_of(event);
    if (is_decorated(event)) {
        error_set(b->error, "%s:%d: anchors, aliases and tags are not taken", b->file, line);
        return NULL;
    }
    if (depth == DEPTH_MAX) {
        error_set(b->error, "%s:%d: nested too deeply", b->file, line);
        return NULL;
    }
    struct yaml_node *node;
    bool good;
    if (event->type == YAML_SCALAR_EVENT) {
        node = node_new(YAML_TEXT, line);
        node->text = scalar_copy(b, event);
        good = node->text != NULL;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        node = node_new(YAML_LIST, line);
        good = build_list(b, node, depth + 1);
    } else {
        node = node_new(YAML_MAPPING, line);
        good = build_mapping(b, node, depth + 1);
    }
    if (good)
        return node;
    node_free(node);
    return NULL;
}

/* Takes an event that must be of this type; false with an error. */
static bool expect(struct builder *b, yaml_event_type_t type, const char *otherwise)
{
    yaml_event_t event;
    if (!next_event(b, &event))
        return false;
    bool good = event.type == type;
    if (!good)
        error_set(b->error, "%s:%d: %s", b->file, line_of(&event), otherwise);
    yaml_event_delete(&event);
    return good;
}

static struct yaml_node *parse(struct builder *b, const char *text, size_t size)
{
    struct yaml_node *root = NULL;
    yaml_event_t event;
    ensure(yaml_parser_initialize(&b->parser));
    yaml_parser_set_input_string(&b->parser, (const unsigned char *)text, size);
    if (expect(b, YAML_STREAM_START_EVENT, "not YAML") &&
        expect(b, YAML_DOCUMENT_START_EVENT, "empty") && next_event(b, &event)) {
        bool is_nothing = event.type == YAML_SCALAR_EVENT && event.data.scalar.length == 0;
        if (is_nothing)
            error_set(b->error, "%s:%d: empty", b->file, line_of(&event));
        else
            root = build(b, &event, 0);
        yaml_event_delete(&event);
    }
    if (root && !(expect(b, YAML_DOCUMENT_END_EVENT, "something behind the document") &&
                  expect(b, YAML_STREAM_END_EVENT, "more than one document"))) {
        node_free(root);
        root = NULL;
    }
    yaml_parser_delete(&b->parser);
    return root;
}

struct yaml *yaml_open(const char *file, const char *text, size_t size, struct error *error)
{
    struct builder b = {.file = file, .error = error};
    if (size > SIZE_MAX_BYTES) {
        error_set(error, "%s:1: larger than 1 MiB", file);
        return NULL;
    }
    if (memchr(text, 0, size)) {
        error_set(error, "%s:1: a zero byte: not a text", file);
        return NULL;
    }
    struct yaml_node *root = parse(&b, text, size);
    if (!root)
        return NULL;
    struct yaml *yaml = calloc(1, sizeof *yaml);
    ensure(yaml != NULL);
    snprintf(yaml->file, sizeof yaml->file, "%s", file);
    yaml->root = root;
    return yaml;
}

void yaml_close(struct yaml *yaml)
{
    if (!yaml)
        return;
    node_free(yaml->root);
    free(yaml);
}

const struct yaml_node *yaml_root(const struct yaml *yaml)
{
    return yaml->root;
}

bool yaml_fail(const struct yaml *yaml, const struct yaml_node *node, const char *key,
               struct error *error, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(error, "%s:%d: %.64s: %s", yaml->file, node->line, key, text);
}

const struct yaml_node *yaml_member(const struct yaml_node *mapping, const char *key)
{
    for (struct yaml_node *member = mapping->first; member; member = member->next) {
        if (member->key && strcmp(member->key, key) == 0) {
            member->is_used = true;
            return member;
        }
    }
    return NULL;
}

bool yaml_all_used(const struct yaml *yaml, const struct yaml_node *node, struct error *error)
{
    for (const struct yaml_node *member = node->first; member; member = member->next) {
        if (member->key && !member->is_used)
            return yaml_fail(yaml, member, member->key, error, "unknown key");
        if (!yaml_all_used(yaml, member, error))
            return false;
    }
    return true;
}
