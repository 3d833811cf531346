/*
 * The configuration of a machine: defaults, ranges and the strict reading of numbers and
 * properties. It knows no files and no command line; whoever reads a text from there adds where
 * the text stood.
 *
 * Not here: whether a CPU model of that name exists (machine_new says it, from the models' table).
 */
#include "sim/config.h"
#include "cpu/errata.h"
#include "gic/gic.h"
#include "sim/base/choice.h"

#include "mem/order.h"

#include <stdio.h>
#include <string.h>

#define RAM_ALIGNMENT UINT64_C(0x200000)
#define RAM_BYTES_MAX (UINT64_C(64) << 30)
#define QUANTUM_DEFAULT 1000u
#define TLB_ENTRIES_DEFAULT 4096u
#define TLB_ENTRIES_MAX 65536u
#define CACHE_SETS_MAX 4096u
#define COUNTER_HZ_MIN 1000000u
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

static bool check_range(const char *option, uint32_t value, uint32_t low, uint32_t high,
                        struct error *error)
{
    if (value >= low && value <= high)
        return true;
    return error_set(error, "%s: %u is not in %u..%u", option, value, low, high);
}

static bool check_id_bits(const char *option, uint32_t bits, struct error *error)
{
    if (bits == 0 || bits == 8 || bits == 16)
        return true;
    return error_set(error, "%s: %u is neither 8 nor 16", option, bits);
}

static bool check_sets(uint32_t sets, struct error *error)
{
    if ((sets & (sets - 1)) == 0 && sets <= CACHE_SETS_MAX)
        return true;
    return error_set(error, "--cache-sets: %u is no power of two up to %u", sets, CACHE_SETS_MAX);
}

/* A tick is a whole number of cycles, which are 1 ns each. */
static bool check_counter(uint32_t hz, struct error *error)
{
    if (hz == 0 || (hz >= COUNTER_HZ_MIN && CYCLES_PER_SECOND % hz == 0))
        return true;
    return error_set(error, "--counter-hz: %u is no divisor of 1000000000 from %u on", hz,
                     COUNTER_HZ_MIN);
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

/* The devices of the board have interrupts up to 79. */
static bool check_irqs(uint32_t irqs, struct error *error)
{
    if (irqs == 0 || (irqs >= 96 && gic_interrupts_valid(irqs)))
        return true;
    return error_set(error, "--irqs: %u is neither a multiple of 32 in 96..992 nor %u", irqs,
                     GIC_INTERRUPT_MAX);
}

bool config_check(const struct machine_config *config, struct error *error)
{
    if (config->ram_bytes == 0 || config->ram_bytes % RAM_ALIGNMENT != 0 ||
        config->ram_bytes > RAM_BYTES_MAX)
        return error_set(error, "--ram: %llu bytes is not a multiple of 2 MiB in 2M..64G",
                         (unsigned long long)config->ram_bytes);
    if (config->property_count > PROPERTY_MAX)
        return error_set(error, "--prop: more than %u properties", PROPERTY_MAX);
    if (memchr(config->model, 0, sizeof config->model) == NULL || config->model[0] == 0)
        return error_set(error, "--model: no name");
    if (memchr(config->bootargs, 0, sizeof config->bootargs) == NULL)
        return error_set(error, "--append: the text does not end");
    if (!config_check_devices(config, error))
        return false;
    return check_range("--cpus", config->pe_count, 1, PE_COUNT_MAX, error) &&
           check_range("--entry", config->entry_el, 1, 2, error) &&
           check_range("--quantum", config->quantum, 1, UINT32_MAX, error) &&
           check_range("--list-registers", config->list_registers, 1, 64, error) &&
           check_irqs(config->irqs, error) &&
           check_range("--tlb-entries", config->tlb_entries, 1, TLB_ENTRIES_MAX, error) &&
           check_range("--caches", config->caches, 0, 1, error) &&
           check_sets(config->cache_sets, error) &&
           check_range("--release", config->spin_table, 0, 1, error) &&
           check_counter(config->counter_hz, error) &&
           check_range("--timing", config->timing_flat, 0, 1, error) &&
           check_range("--store-buffer", config->store_buffer, 0, ORDER_STORE_MAX, error) &&
           check_range("--history", config->history, 0, ORDER_HISTORY_MAX, error) &&
           check_range("--tlb", config->tlb_core, 0, 1, error) &&
           check_id_bits("--vmid-bits", config->vmid_bits, error) &&
           check_id_bits("--asid-bits", config->asid_bits, error);
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
        shift = 10;
        break;
    case 'M':
        shift = 20;
        break;
    case 'G':
        shift = 30;
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
