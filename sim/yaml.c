/*
 * YAML by libfyaml, turned into a plain tree. libfyaml is chosen over libcyaml for its marks:
 * each token knows its line, so that an error in a value found long after parsing still can name
 * the line.
 *
 * Not modelled, on purpose: anchors, aliases, merge keys, tags, several documents.
 */
#include "sim/yaml.h"

#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16u
#define SIZE_MAX_BYTES (1u << 20)

struct yaml {
    char file[256];
    struct yaml_node *root;
};

struct builder {
    const char *file;
    struct error *error;
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

static int token_line(struct fy_token *token)
{
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    return mark ? mark->line + 1 : 0;
}

/* A copy of a scalar's text, or NULL with an error when it has a zero byte. */
static char *scalar_copy(struct builder *b, struct fy_node *from, int line)
{
    size_t length = 0;
    const char *text = fy_node_get_scalar(from, &length);
    if (!text)
        length = 0;
    if (length != 0 && memchr(text, 0, length)) {
        error_set(b->error, "%s:%d: a zero byte", b->file, line);
        return NULL;
    }
    char *copy = malloc(length + 1);
    ensure(copy != NULL);
    if (length != 0)
        memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

static struct yaml_node *build(struct builder *b, struct fy_node *from, int line, unsigned depth);

static struct yaml_node **append(struct yaml_node **last, struct yaml_node *node)
{
    *last = node;
    return &node->next;
}

static bool build_mapping(struct builder *b, struct fy_node *from, struct yaml_node *node,
                          unsigned depth)
{
    struct yaml_node **last = &node->first;
    struct fy_node_pair *pair;
    void *state = NULL;
    while ((pair = fy_node_mapping_iterate(from, &state)) != NULL) {
        struct fy_node *key = fy_node_pair_key(pair);
        if (!key || fy_node_get_type(key) != FYNT_SCALAR || fy_node_is_alias(key))
            return error_set(b->error, "%s:%d: a key that is not a text", b->file, node->line);
        int line = token_line(fy_node_get_scalar_token(key));
        if (line == 0)
            line = node->line;
        char *name = scalar_copy(b, key, line);
        if (!name)
            return false;
        if (node->first == NULL && last == &node->first)
            node->line = line; /* a mapping begins at its first key */
        for (const struct yaml_node *other = node->first; other; other = other->next) {
            if (strcmp(other->key, name) == 0) {
                error_set(b->error, "%s:%d: %.64s: is there twice (first at line %d)", b->file,
                          line, name, other->line);
                free(name);
                return false;
            }
        }
        struct yaml_node *member = build(b, fy_node_pair_value(pair), line, depth);
        if (!member) {
            free(name);
            return false;
        }
        member->key = name;
        last = append(last, member);
    }
    return true;
}

static bool build_list(struct builder *b, struct fy_node *from, struct yaml_node *node,
                       unsigned depth)
{
    struct yaml_node **last = &node->first;
    struct fy_node *item;
    void *state = NULL;
    while ((item = fy_node_sequence_iterate(from, &state)) != NULL) {
        struct yaml_node *member = build(b, item, node->line, depth);
        if (!member)
            return false;
        last = append(last, member);
    }
    return true;
}

/* line: of the key in front, for nodes that have no token. */
static struct yaml_node *build(struct builder *b, struct fy_node *from, int line, unsigned depth)
{
    struct yaml_node *node = calloc(1, sizeof *node);
    ensure(node != NULL);
    node->line = line;
    bool good = false;
    if (depth == DEPTH_MAX) {
        error_set(b->error, "%s:%d: nested too deeply", b->file, line);
    } else if (!from) {
        node->kind = YAML_TEXT; /* nothing: an empty text */
        node->text = calloc(1, 1);
        good = node->text != NULL;
    } else if (fy_node_get_tag_token(from) || fy_node_is_alias(from)) {
        error_set(b->error, "%s:%d: tags and aliases are not taken", b->file, line);
    } else {
        switch (fy_node_get_type(from)) {
        case FYNT_SCALAR:
            node->kind = YAML_TEXT;
            if (token_line(fy_node_get_scalar_token(from)) != 0)
                node->line = token_line(fy_node_get_scalar_token(from));
            node->text = scalar_copy(b, from, node->line);
            good = node->text != NULL;
            break;
        case FYNT_SEQUENCE:
            node->kind = YAML_LIST;
            good = build_list(b, from, node, depth + 1);
            break;
        case FYNT_MAPPING:
            node->kind = YAML_MAPPING;
            good = build_mapping(b, from, node, depth + 1);
            break;
        }
    }
    if (good)
        return node;
    node_free(node);
    return NULL;
}

/* The first error that the parser collected. */
static void report(struct builder *b, struct fy_diag *diag)
{
    void *state = NULL;
    struct fy_diag_error *first = fy_diag_errors_iterate(diag, &state);
    char text[200];
    snprintf(text, sizeof text, "%s", first && first->msg ? first->msg : "not YAML");
    text[strcspn(text, "\r\n")] = 0;
    error_set(b->error, "%s:%d: %s", b->file, first && first->line > 0 ? first->line : 1, text);
}

/* Whether there is anything but comments, blank lines and document marks. */
static bool is_empty(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t end = at;
        while (end < size && text[end] != '\n')
            end++;
        while (at < end && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r'))
            at++;
        bool is_mark = end - at >= 3 && (memcmp(text + at, "---", 3) == 0 ||
                                         memcmp(text + at, "...", 3) == 0);
        if (at < end && text[at] != '#' && !(is_mark && end - at == 3))
            return false;
        at = end + 1;
    }
    return true;
}

static struct yaml_node *parse(struct builder *b, const char *text, size_t size)
{
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    FILE *nowhere = fopen("/dev/null", "w");
    ensure(nowhere != NULL);
    diag_config.fp = nowhere;
    diag_config.colorize = false;
    struct fy_diag *diag = fy_diag_create(&diag_config);
    ensure(diag != NULL);
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_ALLOW_DUPLICATE_KEYS, .diag = diag};
    struct yaml_node *root = NULL;
    struct fy_parser *parser = fy_parser_create(&config);
    ensure(parser != NULL && fy_parser_set_string(parser, text, size) == 0);
    struct fy_document *document = fy_parse_load_document(parser);
    struct fy_document *second = document ? fy_parse_load_document(parser) : NULL;
    if (!document || fy_diag_got_error(diag))
        report(b, diag);
    else if (second)
        error_set(b->error, "%s:1: more than one document", b->file);
    else
        root = build(b, fy_document_root(document), 1, 0);
    if (second)
        fy_parse_document_destroy(parser, second);
    if (document)
        fy_parse_document_destroy(parser, document);
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    fclose(nowhere);
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
    if (is_empty(text, size)) {
        error_set(error, "%s:1: empty", file);
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
