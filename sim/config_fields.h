/*
 * The fields of a machine's configuration that people set: one row each, from which come the
 * options of `run`, the keys of a scenario's `machine`, the manifest of a trace, and the ranges
 * that config_check() holds. A field is named here and nowhere else.
 */
#pragma once
#include "sim/config.h"

/* What the text of a value is. */
enum config_kind {
    CONFIG_NUMBER, /* a number in low..high */
    CONFIG_SIZE,   /* the same, with K, M, G or T if one likes */
    CONFIG_WORD,   /* one of two `words`: the first stands for low, the other for low + 1 */
    CONFIG_TEXT,   /* low..high characters */
    CONFIG_NAMES,  /* names, each of which adds something; with commas between them as an option */
    CONFIG_ITEMS,  /* texts, each of which adds something; an option is one of them */
    CONFIG_FILES,  /* the same, and each begins with the name of a file */
};

struct config_field {
    const char *option;   /* of `run`, without its dashes */
    const char *key;      /* of a scenario's machine; NULL: scenarios say it elsewhere */
    const char *member;   /* of the manifest's machine, and of struct machine_config */
    const char *words;    /* CONFIG_WORD: with a '|' between them */
    const char *argument; /* in --help */
    const char *help;
    uint64_t low, high;
    uint32_t offset, size; /* of the member; not of kinds that add */
    enum config_kind kind;
    bool is_always_told;   /* in manifests; the others are there only if they are not 0 */
    bool has_default_zero; /* 0 stands for the model's own value, or for the ordinary one */
    /* For a number of the range: what is wrong with it all the same, or NULL. */
    const char *(*object)(uint64_t value);
    /* "caches on": the field and the value without which this one has no effect; or NULL. */
    const char *needs;
    bool (*is_met)(const struct machine_config *config);
    /* The kinds that add something: does so; false with the reason. */
    bool (*add)(struct machine_config *config, const char *text, struct error *error);
};

extern const struct config_field config_fields[];
extern const size_t config_field_count;

/* The row of an option, or NULL. */
const struct config_field *config_field_by_option(const char *option);

/* Whether a field is a number in the struct, and that number. */
bool config_field_is_number(const struct config_field *field);
uint64_t config_field_get(const struct config_field *field, const struct machine_config *config);
void config_field_set(const struct config_field *field, struct machine_config *config,
                      uint64_t value);

/*
 * Sets a field by a text, or adds one name or item to it. False with the reason, which does not
 * say where the text stood.
 */
bool config_field_put(const struct config_field *field, struct machine_config *config,
                      const char *text, struct error *error);

/* The same for the argument of an option: of names there may be several, with commas. */
bool config_field_put_option(const struct config_field *field, struct machine_config *config,
                             const char *text, struct error *error);

/* What a field that somebody has set needs to have an effect and has not: its `needs`, or NULL. */
const char *config_field_lacks(const struct config_field *field,
                               const struct machine_config *config);

/* Whether a field of a configuration is in its range; false with "--OPTION: reason". */
bool config_field_check(const struct config_field *field, const struct machine_config *config,
                        struct error *error);
