/*
 * The scenario's schema: which keys there are, what they may hold, and what they mean. Every
 * value is read strictly; what was not asked for is an unknown key. YAML itself is yaml_tree.c's,
 * and payloads are only named here, not opened.
 */
#include "sim/scenario.h"

#include "sim/base/image.h"
#include "sim/config_fields.h"
#include "sim/yaml_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct reading {
    const struct yaml *yaml;
    const char *file;
    struct error *error;
};

/* --- values ------------------------------------------------------------------------------- */

/* A member that must be of a kind. False: missing (when wanted) or of another kind. */
static bool member(struct reading *r, const struct yaml_node *mapping, const char *key,
                   enum yaml_kind kind, bool wanted, const struct yaml_node **node)
{
    static const char *const kinds[] = {"a text", "a list", "a mapping"};
    *node = yaml_member(mapping, key);
    if (!*node)
        return !wanted || yaml_fail(r->yaml, mapping, key, r->error, "is missing");
    if ((*node)->kind == kind)
        return true;
    return yaml_fail(r->yaml, *node, key, r->error, "must be %s", kinds[kind]);
}

static bool read_text(struct reading *r, const struct yaml_node *mapping, const char *key,
                      bool wanted, char *text, size_t size)
{
    const struct yaml_node *node;
    if (!member(r, mapping, key, YAML_TEXT, wanted, &node))
        return false;
    if (!node)
        return true;
    if (node->text[0] == 0 || strlen(node->text) >= size)
        return yaml_fail(r->yaml, node, key, r->error, "must have 1 to %zu characters", size - 1);
    memset(text, 0, size);
    memcpy(text, node->text, strlen(node->text));
    return true;
}

/* A number; unchanged when the key is not there. */
static bool read_number(struct reading *r, const struct yaml_node *mapping, const char *key,
                        uint64_t low, uint64_t high, uint64_t *value)
{
    const struct yaml_node *node;
    uint64_t number;
    if (!member(r, mapping, key, YAML_TEXT, false, &node))
        return false;
    if (!node)
        return true;
    if (!config_parse_number(node->text, &number))
        return yaml_fail(r->yaml, node, key, r->error, "%.40s is no number", node->text);
    if (number < low || number > high)
        return yaml_fail(r->yaml, node, key, r->error, "%llu is not in %llu..%llu",
                         (unsigned long long)number, (unsigned long long)low,
                         (unsigned long long)high);
    *value = number;
    return true;
}

static bool read_u32(struct reading *r, const struct yaml_node *mapping, const char *key,
                     uint32_t low, uint32_t high, uint32_t *value)
{
    uint64_t number = *value;
    if (!read_number(r, mapping, key, low, high, &number))
        return false;
    *value = (uint32_t)number;
    return true;
}

/* One of two words; unchanged when the key is not there. */
static bool read_word(struct reading *r, const struct yaml_node *mapping, const char *key,
                      const char *zero, const char *one, uint32_t *value)
{
    const struct yaml_node *node;
    if (!member(r, mapping, key, YAML_TEXT, false, &node))
        return false;
    if (!node)
        return true;
    *value = strcmp(node->text, one) == 0;
    if (*value || strcmp(node->text, zero) == 0)
        return true;
    return yaml_fail(r->yaml, node, key, r->error, "%.40s is neither %s nor %s", node->text, zero,
                     one);
}

/* --- parts -------------------------------------------------------------------------------- */

/* A file is one beside the scenario, unless its name begins at the root. */
static void file_beside(const struct reading *r, const char *name, char *path, size_t size)
{
    const char *slash = strrchr(r->file, '/');
    int length = slash && name[0] != '/' ? (int)(slash + 1 - r->file) : 0;
    snprintf(path, size, "%.*s%s", length, r->file, name);
}

static bool put_field(struct reading *r, const struct config_field *field,
                      const struct yaml_node *node, struct machine_config *config)
{
    char path[400];
    struct error why;
    const char *text = node->text;
    if (node->kind != YAML_TEXT)
        return yaml_fail(r->yaml, node, field->key, r->error, "must be a list of texts");
    if (field->kind == CONFIG_FILES) {
        file_beside(r, node->text, path, sizeof path);
        text = path;
    }
    return config_field_put(field, config, text, &why) ||
           yaml_fail(r->yaml, node, field->key, r->error, "%s", why.text);
}

static bool read_field(struct reading *r, const struct yaml_node *mapping,
                       const struct config_field *field, struct machine_config *config)
{
    const struct yaml_node *node;
    bool is_list = field->kind == CONFIG_NAMES || field->kind == CONFIG_ITEMS ||
                   field->kind == CONFIG_FILES;
    if (!member(r, mapping, field->key, is_list ? YAML_LIST : YAML_TEXT, false, &node))
        return false;
    if (!node || !is_list)
        return !node || put_field(r, field, node, config);
    for (const struct yaml_node *item = node->first; item; item = item->next) {
        if (!put_field(r, field, item, config))
            return false;
    }
    return true;
}

static bool read_machine(struct reading *r, const struct yaml_node *root,
                         struct machine_config *config)
{
    const struct yaml_node *node;
    config_default(config);
    config->quantum = 1; /* exploring decides after each instruction who runs next */
    if (!member(r, root, "machine", YAML_MAPPING, false, &node))
        return false;
    if (!node)
        return true;
    for (size_t i = 0; i < config_field_count; i++) {
        if (config_fields[i].key && !read_field(r, node, &config_fields[i], config))
            return false;
    }
    struct error why;
    if (!config_check(config, &why))
        return yaml_fail(r->yaml, node, "machine", r->error, "%s", why.text);
    for (size_t i = 0; i < config_field_count; i++) {
        const char *key = config_fields[i].key;
        const struct yaml_node *there = key ? yaml_member(node, key) : NULL;
        const char *lacks = there ? config_field_lacks(&config_fields[i], config) : NULL;
        if (lacks)
            return yaml_fail(r->yaml, there, key, r->error, "needs %s", lacks);
    }
    return true;
}

static bool read_property(struct reading *r, const struct yaml_node *item,
                          struct machine_config *config)
{
    char path[PROPERTY_TEXT_MAX] = "", name[PROPERTY_TEXT_MAX] = "", value[PROPERTY_TEXT_MAX] = "";
    if (item->kind != YAML_MAPPING)
        return yaml_fail(r->yaml, item, "properties", r->error,
                         "must be a list of mappings with node, name, value");
    if (!read_text(r, item, "node", true, path, sizeof path) ||
        !read_text(r, item, "name", true, name, sizeof name) ||
        !read_text(r, item, "value", true, value, sizeof value))
        return false;
    if (config->property_count == PROPERTY_MAX)
        return yaml_fail(r->yaml, item, "properties", r->error, "more than %u", PROPERTY_MAX);
    struct error why;
    if (config_set_property(&config->property[config->property_count], path, name, value, &why)) {
        config->property_count++;
        return true;
    }
    return yaml_fail(r->yaml, item, "properties", r->error, "%s", why.text);
}

static bool read_properties(struct reading *r, const struct yaml_node *root,
                            struct machine_config *config)
{
    const struct yaml_node *list;
    if (!member(r, root, "properties", YAML_LIST, false, &list))
        return false;
    for (const struct yaml_node *item = list ? list->first : NULL; item; item = item->next) {
        if (!read_property(r, item, config))
            return false;
    }
    return true;
}

static bool read_choices(struct reading *r, const struct yaml_node *root,
                         struct machine_config *config)
{
    const struct yaml_node *list;
    if (!member(r, root, "choices", YAML_LIST, true, &list))
        return false;
    for (const struct yaml_node *item = list->first; item; item = item->next) {
        enum choice_kind kind;
        if (item->kind != YAML_TEXT || !choice_kind_by_name(item->text, &kind))
            return yaml_fail(r->yaml, item, "choices", r->error,
                             "%.40s is no kind of choice (see `armillary info choices`)",
                             item->kind == YAML_TEXT ? item->text : "this");
        const char *lacks = config_choice_lacks(config, kind);
        if (lacks)
            return yaml_fail(r->yaml, item, "choices", r->error, "%s: needs %s", item->text, lacks);
        config->open_mask |= 1u << kind;
    }
    return true;
}

static bool read_checkers(struct reading *r, const struct yaml_node *root,
                          struct check_options *checks)
{
    const struct yaml_node *list;
    if (!member(r, root, "checkers", YAML_LIST, true, &list))
        return false;
    for (const struct yaml_node *item = list->first; item; item = item->next) {
        struct error why;
        if (item->kind != YAML_TEXT)
            return yaml_fail(r->yaml, item, "checkers", r->error, "must be a list of names");
        if (strchr(item->text, ',') || !check_parse_list(item->text, &checks->mask, &why))
            return yaml_fail(r->yaml, item, "checkers", r->error,
                             "%.40s is no checker (see `armillary info checkers`)", item->text);
    }
    const struct yaml_node *steps = yaml_member(root, "progress-steps");
    if (steps && !(checks->mask >> CHECK_PROGRESS & 1))
        return yaml_fail(r->yaml, steps, "progress-steps", r->error, "needs the checker progress");
    return read_word(r, root, "one-root-one-vmid", "no", "yes", &checks->one_root_one_id) &&
           read_number(r, root, "progress-steps", 1, INT64_MAX, &checks->progress_steps);
}

static bool read_mark(struct reading *r, const struct yaml_node *root, const char *key,
                      struct run_mark *mark)
{
    const struct yaml_node *node;
    *mark = (struct run_mark){.pe = -1, .hit = 1};
    if (!member(r, root, key, YAML_MAPPING, false, &node))
        return false;
    if (!node)
        return true;
    uint32_t cpu = PE_COUNT_MAX;
    if (!read_text(r, node, "symbol", true, mark->symbol, sizeof mark->symbol) ||
        !read_u32(r, node, "cpu", 0, PE_COUNT_MAX - 1, &cpu) ||
        !read_u32(r, node, "hit", 1, UINT32_MAX, &mark->hit))
        return false;
    if (cpu < PE_COUNT_MAX)
        mark->pe = (int32_t)cpu;
    return true;
}

static bool read_bounds(struct reading *r, const struct yaml_node *root, struct scenario *s)
{
    const struct yaml_node *node;
    char strategy[32] = "portfolio";
    s->schedules = 10000;
    uint32_t depth = 2;
    if (!member(r, root, "explore", YAML_MAPPING, true, &node) ||
        !read_text(r, node, "strategy", false, strategy, sizeof strategy) ||
        !read_number(r, node, "schedules", 1, UINT32_MAX, &s->schedules) ||
        !read_u32(r, node, "depth", 0, STRATEGY_DEPTH_MAX, &depth) ||
        !read_number(r, node, "window", 1, INT64_MAX, &s->setup.window) ||
        !read_number(r, node, "length", 1, INT64_MAX, &s->setup.length) ||
        !read_number(r, node, "max-steps", 1, INT64_MAX, &s->setup.max_steps))
        return false;
    if (s->setup.max_steps == 0)
        return yaml_fail(r->yaml, node, "max-steps", r->error, "is missing");
    s->depth = depth;
    if (strategy_by_name(strategy, &s->strategy))
        return true;
    char names[STRATEGY_NAMES_MAX];
    strategy_names(names);
    return yaml_fail(r->yaml, node, "strategy", r->error, "%s is none of %s", strategy, names);
}

static bool read_place(struct reading *r, const struct yaml_node *node, struct scenario *s)
{
    if (s->exhaustive_count == SCENARIO_PLACE_MAX)
        return yaml_fail(r->yaml, node, "exhaustive", r->error, "more than %u places",
                         SCENARIO_PLACE_MAX);
    struct scenario_place *place = &s->exhaustive[s->exhaustive_count++];
    place->has_start = yaml_member(node, "start") != NULL;
    return read_mark(r, node, "start", &place->start) &&
           read_number(r, node, "window", 1, INT64_MAX, &place->window) &&
           read_number(r, node, "length", 1, INT64_MAX, &place->length);
}

/* Optional: one place of the systematic search, or a list of them. */
static bool read_exhaustive(struct reading *r, const struct yaml_node *root, struct scenario *s)
{
    const struct yaml_node *node = yaml_member(root, "exhaustive");
    if (!node)
        return true;
    if (node->kind == YAML_MAPPING)
        return read_place(r, node, s);
    if (node->kind != YAML_LIST || !node->first)
        return yaml_fail(r->yaml, node, "exhaustive", r->error,
                         "must be a mapping, or a list of mappings");
    for (const struct yaml_node *item = node->first; item; item = item->next) {
        if (item->kind != YAML_MAPPING)
            return yaml_fail(r->yaml, item, "exhaustive", r->error, "must be a mapping");
        if (!read_place(r, item, s))
            return false;
    }
    return true;
}

/* "cpuN.xM"; false when it is none. */
static bool parse_register(const char *text, const struct machine_config *config,
                           struct outcome_word *word)
{
    unsigned pe, number;
    char rest;
    if (sscanf(text, "cpu%1u.x%2u%c", &pe, &number, &rest) != 2 || pe >= config->pe_count ||
        number > 30)
        return false;
    *word = (struct outcome_word){.pe = (int32_t)pe, .number = number};
    return true;
}

/* Optional: the registers and words of memory that make up an outcome. */
static bool read_outcome(struct reading *r, const struct yaml_node *root, struct scenario *s)
{
    const struct yaml_node *list;
    if (!member(r, root, "outcome", YAML_LIST, false, &list))
        return false;
    for (const struct yaml_node *item = list ? list->first : NULL; item; item = item->next) {
        if (s->outcome_count == OUTCOME_WORD_MAX)
            return yaml_fail(r->yaml, item, "outcome", r->error, "more than %u words",
                             OUTCOME_WORD_MAX);
        struct scenario_word *w = &s->outcome[s->outcome_count++];
        if (item->kind != YAML_TEXT || strlen(item->text) >= sizeof w->symbol)
            return yaml_fail(r->yaml, item, "outcome", r->error,
                             "must be a list of registers like cpu0.x1 and of symbols");
        snprintf(w->symbol, sizeof w->symbol, "%s", item->text);
        w->word.pe = -1;
        if (strncmp(item->text, "cpu", 3) == 0 && strchr(item->text, '.') &&
            !parse_register(item->text, &s->setup.config, &w->word))
            return yaml_fail(r->yaml, item, "outcome", r->error, "%.40s: no such register",
                             item->text);
    }
    return true;
}

/* Optional: the addresses whose TLB entries the complete search lets go unasked. */
static bool read_evict(struct reading *r, const struct yaml_node *root, struct scenario *s)
{
    const struct yaml_node *node;
    s->evict_to = UINT64_MAX;
    return member(r, root, "evict", YAML_MAPPING, false, &node) &&
           (!node || (read_number(r, node, "from", 0, UINT64_MAX, &s->evict_from) &&
                      read_number(r, node, "to", 0, UINT64_MAX, &s->evict_to)));
}

static bool is_class(const char *text)
{
    static const char *const words[] = {"exit", "idle", "limit"};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (strcmp(text, words[i]) == 0)
            return true;
    }
    const char *slash = strchr(text, '/');
    if (!slash || slash[1] == 0)
        return false;
    for (unsigned kind = 0; kind < CHECK_COUNT; kind++) {
        const char *name = check_name((enum check_kind)kind);
        if (strlen(name) == (size_t)(slash - text) && strncmp(name, text, strlen(name)) == 0)
            return true;
    }
    return false;
}

static bool read_expected(struct reading *r, const struct yaml_node *node,
                          struct scenario_variant *v)
{
    const struct yaml_node *list = yaml_member(node, "expect");
    if (!list)
        return yaml_fail(r->yaml, node, "expect", r->error, "is missing");
    if (list->kind == YAML_TEXT && strcmp(list->text, "clean") == 0)
        return true;
    if (list->kind != YAML_LIST || !list->first)
        return yaml_fail(r->yaml, list, "expect", r->error,
                         "must be clean, or a list like [vmid/two-roots]");
    for (const struct yaml_node *item = list->first; item; item = item->next) {
        if (item->kind != YAML_TEXT || strlen(item->text) >= RUN_CLASS_MAX ||
            !is_class(item->text))
            return yaml_fail(r->yaml, item, "expect", r->error,
                             "%.40s is neither CHECKER/KIND nor exit, idle or limit",
                             item->kind == YAML_TEXT ? item->text : "this");
        if (v->expect_count == SCENARIO_EXPECT_MAX)
            return yaml_fail(r->yaml, item, "expect", r->error, "more than %u",
                             SCENARIO_EXPECT_MAX);
        snprintf(v->expect[v->expect_count++], RUN_CLASS_MAX, "%s", item->text);
    }
    return true;
}

static bool read_variant(struct reading *r, const struct yaml_node *node, struct scenario *s)
{
    if (node->kind != YAML_MAPPING)
        return yaml_fail(r->yaml, node, node->key, r->error, "must be a mapping");
    if (s->variant_count == SCENARIO_VARIANT_MAX)
        return yaml_fail(r->yaml, node, node->key, r->error, "more than %u variants",
                         SCENARIO_VARIANT_MAX);
    struct scenario_variant *v = &s->variant[s->variant_count++];
    if (node->key[0] == 0 || strlen(node->key) >= sizeof v->name || strchr(node->key, '/'))
        return yaml_fail(r->yaml, node, node->key, r->error, "is no name for a variant");
    memcpy(v->name, node->key, strlen(node->key));
    v->line = node->line;
    if (!read_text(r, node, "payload", true, v->payload, sizeof v->payload))
        return false;
    if (v->payload[0] == '/' || strstr(v->payload, ".."))
        return yaml_fail(r->yaml, node, "payload", r->error,
                         "must be a file in the payload folder");
    v->has_start = yaml_member(node, "start") != NULL;
    return read_mark(r, node, "start", &v->start) && read_expected(r, node, v);
}

static bool read_variants(struct reading *r, const struct yaml_node *root, struct scenario *s)
{
    const struct yaml_node *node;
    if (!member(r, root, "variants", YAML_MAPPING, true, &node))
        return false;
    for (const struct yaml_node *item = node->first; item; item = item->next) {
        yaml_member(node, item->key);
        if (!read_variant(r, item, s))
            return false;
    }
    return s->variant_count > 0 || yaml_fail(r->yaml, node, "variants", r->error, "is empty");
}

bool scenario_parse(struct scenario *s, const char *file, const char *name, const char *text,
                    size_t size, struct error *error)
{
    memset(s, 0, sizeof *s);
    struct yaml *yaml = yaml_open(file, text, size, error);
    if (!yaml)
        return false;
    struct reading r = {.yaml = yaml, .file = file, .error = error};
    const struct yaml_node *root = yaml_root(yaml);
    snprintf(s->name, sizeof s->name, "%s", name);
    bool good;
    if (root->kind != YAML_MAPPING)
        good = yaml_fail(yaml, root, "scenario", error, "must be a mapping");
    else
        good = read_text(&r, root, "title", true, s->title, sizeof s->title) &&
               read_machine(&r, root, &s->setup.config) &&
               read_properties(&r, root, &s->setup.config) &&
               read_choices(&r, root, &s->setup.config) &&
               read_checkers(&r, root, &s->setup.checks) &&
               read_mark(&r, root, "start", &s->setup.start) &&
               read_mark(&r, root, "end", &s->setup.end) && read_bounds(&r, root, s) &&
               read_exhaustive(&r, root, s) && read_outcome(&r, root, s) &&
               read_evict(&r, root, s) && read_variants(&r, root, s) &&
               yaml_all_used(yaml, root, error);
    yaml_close(yaml);
    return good;
}

/* The name of the folder that a file is in. */
static void folder_name(const char *path, char *name, size_t size)
{
    const char *end = strrchr(path, '/');
    if (!end) {
        snprintf(name, size, "scenario");
        return;
    }
    const char *start = end;
    while (start > path && start[-1] != '/')
        start--;
    snprintf(name, size, "%.*s", (int)(end - start), start);
}

/* A text that somebody writes by hand: what is longer is another file. */
#define SCENARIO_BYTES_MAX (UINT64_C(1) << 20)

bool scenario_read(struct scenario *s, const char *path, struct error *error)
{
    char file[400], name[SCENARIO_TEXT_MAX];
    struct stat there;
    bool is_folder = stat(path, &there) == 0 && S_ISDIR(there.st_mode);
    size_t length = strlen(path);
    while (is_folder && length > 1 && path[length - 1] == '/')
        length--;
    if (length >= sizeof file - sizeof "/scenario.yaml")
        return error_set(error, "%.80s...: the path is too long", path);
    snprintf(file, sizeof file, "%.*s%s", (int)length, path, is_folder ? "/scenario.yaml" : "");
    uint8_t *bytes;
    size_t size;
    if (!file_read_max(file, SCENARIO_BYTES_MAX, &bytes, &size, error))
        return false;
    folder_name(file, name, sizeof name);
    bool good = scenario_parse(s, file, name, (const char *)bytes, size, error);
    free(bytes);
    return good;
}

unsigned scenario_places(const struct scenario *s, enum strategy_kind strategy)
{
    return strategy == STRATEGY_SYSTEMATIC && s->exhaustive_count > 0 ? s->exhaustive_count : 1;
}

struct run_setup scenario_setup(const struct scenario *s, const struct scenario_variant *variant,
                                enum strategy_kind strategy, unsigned place)
{
    struct run_setup setup = s->setup;
    ensure(place < scenario_places(s, strategy));
    if (variant->has_start)
        setup.start = variant->start;
    if (strategy != STRATEGY_SYSTEMATIC || s->exhaustive_count == 0)
        return setup;
    const struct scenario_place *p = &s->exhaustive[place];
    if (p->has_start)
        setup.start = p->start;
    if (p->window != 0)
        setup.window = p->window;
    if (p->length != 0)
        setup.length = p->length;
    return setup;
}

const struct scenario_variant *scenario_find(const struct scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->variant_count; i++) {
        if (strcmp(s->variant[i].name, name) == 0)
            return &s->variant[i];
    }
    return NULL;
}

bool scenario_expects(const struct scenario_variant *variant, const char *class)
{
    for (unsigned i = 0; i < variant->expect_count; i++) {
        if (strcmp(variant->expect[i], class) == 0)
            return true;
    }
    return variant->expect_count == 0 && strcmp(class, "clean") == 0;
}
