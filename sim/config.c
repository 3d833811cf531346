/*
 * The configuration of a machine: defaults, whether the fields fit each other, and the strict
 * reading of numbers and properties. It knows no files and no command line; whoever reads a text
 * from there adds where the text stood. What fields there are is a table (config_fields.c).
 *
 * Not here: whether a CPU model of that name exists (machine_new says it, from the models' table).
 */
#include "sim/config.h"
#include "cpu/errata.h"
#include "sim/base/choice.h"
#include "sim/config_fields.h"

#include <stdio.h>
#include <string.h>

#define QUANTUM_DEFAULT 1000u
#define TLB_ENTRIES_DEFAULT 4096u
#define RTC_START_DEFAULT 1767225600u /* 2026-01-01 00:00:00 UTC */

void config_default(struct machine_config *config)
{
    memset(config, 0, sizeof *config);
    config->ram_bytes = UINT64_C(64) << 20;
    config->pe_count = 2;
    config->entry_el = 2;
    config->quantum = QUANTUM_DEFAULT;
    config->list_registers = 4;
    config->tlb_entries = TLB_ENTRIES_DEFAULT;
    config->resets = UINT32_MAX;
    config->rtc_start = RTC_START_DEFAULT;
    snprintf(config->model, sizeof config->model, "armv8.0");
}

/* Errata that cannot show for want of what they weaken are refused: nobody should trust them. */
bool config_check_errata(const struct machine_config *config, struct error *error)
{
    for (unsigned i = 0; i < ERRATUM_COUNT; i++) {
        if (!(config->errata >> i & 1u))
            continue;
        const char *lacks = NULL;
        switch (erratum_rows[i].needs) {
        case ERRATUM_NEEDS_NOTHING:
            break;
        case ERRATUM_NEEDS_SPEC_FILL:
            if (!(config->open_mask >> CHOICE_SPEC_FILL & 1u))
                lacks = "the choice spec-fill open";
            break;
        case ERRATUM_NEEDS_UNKNOWN_VALUE:
            if (!(config->open_mask >> CHOICE_UNKNOWN_VALUE & 1u))
                lacks = "the choice unknown-value open";
            break;
        case ERRATUM_NEEDS_STORE_BUFFER:
            if (config->store_buffer == 0)
                lacks = "a store buffer";
            break;
        case ERRATUM_NEEDS_LATE_LOADS:
            if (config->history == 0 || !(config->open_mask >> CHOICE_TLBI_DRAIN & 1u))
                lacks = "a history of writes, and the choice tlbi-drain open";
            break;
        case ERRATUM_NEEDS_EARLY_FETCHES:
            if (!config->caches || !(config->open_mask >> CHOICE_ICACHE_STALE & 1u))
                lacks = "caches, and the choice icache-stale open";
            break;
        }
        if (lacks)
            return error_set(error, "--errata %s: needs %s", erratum_rows[i].name, lacks);
    }
    return true;
}

bool config_check(const struct machine_config *config, struct error *error)
{
    if (config->property_count > PROPERTY_MAX)
        return error_set(error, "--prop: more than %u properties", PROPERTY_MAX);
    for (size_t i = 0; i < config_field_count; i++) {
        if (!config_field_check(&config_fields[i], config, error))
            return false;
    }
    return config_check_devices(config, error);
}

bool config_next_name(const char **rest, char *name, size_t size)
{
    if (!*rest)
        return false;
    size_t length = strcspn(*rest, ",");
    const char *end = *rest + length;
    if (length == 0)
        snprintf(name, size, "''");
    else
        snprintf(name, size, "%.*s", (int)(length < size ? length : size - 1), *rest);
    *rest = *end == ',' ? end + 1 : NULL;
    return true;
}

const char *config_choice_lacks(const struct machine_config *config, enum choice_kind kind)
{
    static const uint32_t of_caches =
        1u << CHOICE_CACHE_WRITEBACK | 1u << CHOICE_CACHE_ALLOCATE | 1u << CHOICE_ICACHE_STALE;
    if ((of_caches >> kind & 1) && !config->caches)
        return "caches";
    if (kind == CHOICE_STORE_DRAIN && config->store_buffer == 0)
        return "a store-buffer";
    if (kind == CHOICE_LOAD_EARLY && config->history == 0)
        return "a history";
    if (kind == CHOICE_TLBI_DRAIN && config->store_buffer == 0 && config->history == 0)
        return "a store-buffer or a history";
    return kind == CHOICE_HOST_INPUT ? "somebody outside: it is told and not asked" : NULL;
}

/* Digits of one base up to the end of the number; *end behind them. False: none, or too many. */
static bool parse_digits(const char *text, uint64_t *value, const char **end)
{
    unsigned base = 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    const char *start = text;
    uint64_t sum = 0;
    for (;; text++) {
        unsigned digit;
        if (*text >= '0' && *text <= '9')
            digit = (unsigned)(*text - '0');
        else if (base == 16 && *text >= 'a' && *text <= 'f')
            digit = (unsigned)(*text - 'a') + 10;
        else if (base == 16 && *text >= 'A' && *text <= 'F')
            digit = (unsigned)(*text - 'A') + 10;
        else
            break;
        if (sum > (UINT64_MAX - digit) / base)
            return false;
        sum = sum * base + digit;
    }
    *value = sum;
    *end = text;
    return text != start;
}

bool config_parse_number(const char *text, uint64_t *value)
{
    const char *end;
    uint64_t number;
    if (!parse_digits(text, &number, &end) || *end != 0)
        return false;
    *value = number;
    return true;
}

bool config_parse_size(const char *text, uint64_t *value)
{
    const char *end;
    uint64_t number;
    if (!parse_digits(text, &number, &end))
        return false;
    unsigned shift = 0;
    switch (*end) {
    case 0:
        break;
    case 'K':
    case 'k':
        shift = 10;
        break;
    case 'M':
    case 'm':
        shift = 20;
        break;
    case 'G':
    case 'g':
        shift = 30;
        break;
    case 'T':
    case 't':
        shift = 40;
        break;
    default:
        return false;
    }
    if (shift != 0 && end[1] != 0)
        return false;
    if (number > UINT64_MAX >> shift)
        return false;
    *value = number << shift;
    return true;
}

static bool copy_text(char *target, size_t size, const char *source, size_t length)
{
    if (length == 0 || length >= size)
        return false;
    memcpy(target, source, length);
    target[length] = 0;
    return true;
}

bool config_set_property(struct config_property *property, const char *node, const char *name,
                         const char *value, struct error *error)
{
    memset(property, 0, sizeof *property);
    if (node[0] != '/' || !copy_text(property->node, sizeof property->node, node, strlen(node)))
        return error_set(error, "%s: not a node's path (/...) of at most %u characters", node,
                         PROPERTY_TEXT_MAX - 1);
    if (!copy_text(property->name, sizeof property->name, name, strlen(name)))
        return error_set(error, "%s: a property's name has 1 to %u characters", name,
                         PROPERTY_TEXT_MAX - 1);
    uint64_t number;
    if (config_parse_number(value, &number)) {
        if (number > UINT32_MAX)
            return error_set(error, "%s: %s does not fit into 32 bits", name, value);
        property->number = (uint32_t)number;
        return true;
    }
    property->is_text = 1;
    if (strlen(value) >= sizeof property->text)
        return error_set(error, "%s: the value has more than %u characters", name,
                         PROPERTY_TEXT_MAX - 1);
    memcpy(property->text, value, strlen(value));
    return true;
}

bool config_parse_property(const char *text, struct config_property *property,
                           struct error *error)
{
    char node[PROPERTY_TEXT_MAX], name[PROPERTY_TEXT_MAX];
    const char *colon = strchr(text, ':');
    const char *equals = colon ? strchr(colon, '=') : NULL;
    if (!equals)
        return error_set(error, "%s: not of the form /node:name=value", text);
    if (!copy_text(node, sizeof node, text, (size_t)(colon - text)) ||
        !copy_text(name, sizeof name, colon + 1, (size_t)(equals - colon - 1)))
        return error_set(error, "%s: node and name have 1 to %u characters", text,
                         PROPERTY_TEXT_MAX - 1);
    return config_set_property(property, node, name, equals + 1, error);
}
