/*
 * The table of what people can set about a machine, and the strict reading of the texts of its
 * values. Whoever has a text says in front of an error where it stood: an option of the command
 * line, or a line of a scenario.
 *
 * A new field is a row here, a member of struct machine_config, and a paragraph in the manual
 * page.
 *
 * Not here: what has no text of a machine's own (images and what stands beside them, choices,
 * checkers), and whether the fields fit each other (config.c).
 */
#include "sim/config_fields.h"

#include "cpu/errata.h"
#include "gic/gic.h"
#include "mem/order.h"
#include "sim/devices/virtio.h"

#include <string.h>

#define RAM_ALIGNMENT UINT64_C(0x200000)
#define RAM_BYTES_MAX (UINT64_C(64) << 30)
#define TLB_ENTRIES_MAX 65536u
#define CACHE_SETS_MAX 4096u
#define COUNTER_HZ_MIN 1000000u
#define IRQS_MIN 96u /* the devices of the board have interrupts up to 80 */

/* --- what a range does not say -------------------------------------------------------------- */

static const char *object_ram(uint64_t bytes)
{
    return bytes % RAM_ALIGNMENT == 0 && bytes >= RAM_ALIGNMENT && bytes <= RAM_BYTES_MAX
               ? NULL
               : "bytes is not a multiple of 2 MiB in 2M..64G";
}

static const char *object_id_bits(uint64_t bits)
{
    return bits == 8 || bits == 16 ? NULL : "is neither 8 nor 16";
}

static const char *object_sets(uint64_t sets)
{
    return (sets & (sets - 1)) == 0 ? NULL : "is no power of two";
}

/* A tick is a whole number of cycles, which are 1 ns each. */
static const char *object_counter(uint64_t hz)
{
    return hz == 0 || CYCLES_PER_SECOND % hz == 0 ? NULL : "is no divisor of 1000000000";
}

static const char *object_irqs(uint64_t irqs)
{
    return gic_interrupts_valid((uint32_t)irqs) ? NULL
                                                : "is neither a multiple of 32 up to 992 nor 1020";
}

/* --- what adds something -------------------------------------------------------------------- */

static bool add_erratum(struct machine_config *config, const char *name, struct error *error)
{
    enum erratum erratum;
    if (!erratum_by_name(name, &erratum))
        return error_set(error, "%.40s is no erratum (see armillary info errata)", name);
    config->errata |= 1u << erratum;
    return true;
}

static bool add_property(struct machine_config *config, const char *text, struct error *error)
{
    if (config->property_count == PROPERTY_MAX)
        return error_set(error, "more than %u", PROPERTY_MAX);
    if (!config_parse_property(text, &config->property[config->property_count], error))
        return false;
    config->property_count++;
    return true;
}

/* FILE or FILE,ro. */
static bool add_drive(struct machine_config *config, const char *text, struct error *error)
{
    char path[DRIVE_PATH_MAX];
    const char *tail = strrchr(text, ',');
    size_t length = tail ? (size_t)(tail - text) : strlen(text);
    if (tail && strcmp(tail, ",ro") != 0)
        return error_set(error, "%.80s is neither ro nor overlay=FILE", tail + 1);
    if (length == 0 || length >= sizeof path)
        return error_set(error, "a name has 1 to %u characters", DRIVE_PATH_MAX - 1);
    memcpy(path, text, length);
    path[length] = 0;
    return config_add_drive(config, path, tail != NULL, error);
}

/* --- what a field needs --------------------------------------------------------------------- */

static bool has_architectural_tlb(const struct machine_config *config)
{
    return !config->tlb_core;
}

static bool has_caches(const struct machine_config *config)
{
    return config->caches != 0;
}

static bool has_entropy(const struct machine_config *config)
{
    for (uint32_t i = 0; i < config->virtio_count; i++) {
        if (config->virtio[i] == VIRTIO_ENTROPY)
            return true;
    }
    return false;
}

/* --- the table ------------------------------------------------------------------------------ */

#define PLACE(name)                                                                          \
    .member = #name, .offset = (uint32_t)offsetof(struct machine_config, name),              \
    .size = (uint32_t)sizeof(((struct machine_config *)NULL)->name)
#define NUMBER(name, least, most) \
    .kind = CONFIG_NUMBER, PLACE(name), .low = (least), .high = (most), .argument = "N"
#define WORD(name, first, list)                                                       \
    .kind = CONFIG_WORD, PLACE(name), .low = (first), .words = (list), .argument = (list)
#define TEXT(name, least)                                                              \
    .kind = CONFIG_TEXT, PLACE(name), .low = (least),                                  \
    .high = sizeof(((struct machine_config *)NULL)->name) - 1, .is_always_told = true
#define BOTH(name) .option = (name), .key = (name)

const struct config_field config_fields[] = {
    {BOTH("cpus"), NUMBER(pe_count, 1, PE_COUNT_MAX), .is_always_told = true,
     .help = "CPUs, 1 to 8 (2)"},
    {BOTH("ram"), .kind = CONFIG_SIZE, PLACE(ram_bytes), .low = RAM_ALIGNMENT,
     .high = RAM_BYTES_MAX, .object = object_ram, .is_always_told = true, .argument = "SIZE",
     .help = "RAM, like 64M or 1G (64M)"},
    {.option = "cpu", .key = "model", TEXT(model, 1), .argument = "MODEL",
     .help = "CPU model (armv8.0; see armillary info models)"},
    {BOTH("entry"), WORD(entry_el, 1, "el1|el2"), .is_always_told = true,
     .help = "exception level of the first instruction (el2)"},
    {BOTH("append"), TEXT(bootargs, 0), .argument = "TEXT",
     .help = "/chosen/bootargs of the device tree"},
    {.option = "prop", .member = "properties", .kind = CONFIG_ITEMS, .add = add_property,
     .argument = "/NODE:NAME=VALUE",
     .help = "one more property in the device tree; may be repeated"},
    {BOTH("release"), WORD(spin_table, 0, "psci|spin-table"),
     .help = "how the other CPUs are started (psci)"},
    {BOTH("resets"), NUMBER(resets, 0, UINT32_MAX),
     .help = "how often the guest may reset the machine before that ends the run"},
    {BOTH("quantum"), NUMBER(quantum, 1, UINT32_MAX), .is_always_told = true,
     .help = "instructions before the next CPU's turn (1000; scenarios: 1)"},
    {BOTH("timing"), WORD(timing_flat, 0, "model|flat"), .is_always_told = true,
     .help = "what instructions cost: the model's table, or a cycle (model)"},
    {BOTH("vmid-bits"), NUMBER(vmid_bits, 8, 16), .object = object_id_bits,
     .is_always_told = true, .has_default_zero = true, .help = "of a VMID, 8 or 16 (the model's)"},
    {BOTH("asid-bits"), NUMBER(asid_bits, 8, 16), .object = object_id_bits,
     .is_always_told = true, .has_default_zero = true, .help = "of an ASID, 8 or 16 (the model's)"},
    {BOTH("tlb"), WORD(tlb_core, 0, "architectural|core"),
     .help = "nothing leaves it untold, or the core's geometry (architectural)"},
    {BOTH("tlb-entries"), NUMBER(tlb_entries, 1, TLB_ENTRIES_MAX), .is_always_told = true,
     .needs = "tlb architectural", .is_met = has_architectural_tlb,
     .help = "of each CPU, before the oldest goes; of the architectural TLB (4096)"},
    {BOTH("errata"), .member = "errata", .kind = CONFIG_NAMES, .add = add_erratum,
     .argument = "LIST",
     .help = "errata that the CPUs have (none; see armillary info errata)"},
    {BOTH("store-buffer"), NUMBER(store_buffer, 0, ORDER_STORE_MAX),
     .help = "stores of a CPU that may wait, 1 to 64 (0: none; choice store-drain)"},
    {BOTH("history"), NUMBER(history, 0, ORDER_HISTORY_MAX),
     .help = "writes that loads may look behind, 1 to 256 (0: none; choice load-early)"},
    {BOTH("caches"), WORD(caches, 0, "off|on"),
     .help = "L1 caches of each CPU and a shared L2, in the model's sizes (off)"},
    {BOTH("cache-sets"), NUMBER(cache_sets, 1, CACHE_SETS_MAX), .object = object_sets,
     .has_default_zero = true, .needs = "caches on", .is_met = has_caches,
     .help = "at most N sets in each cache, a power of two (the model's)"},
    {BOTH("counter-hz"), NUMBER(counter_hz, COUNTER_HZ_MIN, CYCLES_PER_SECOND),
     .object = object_counter, .has_default_zero = true,
     .help = "ticks of the system counter a second, a divisor of 10^9 (62500000)"},
    {BOTH("irqs"), NUMBER(irqs, IRQS_MIN, GIC_INTERRUPT_MAX), .object = object_irqs,
     .has_default_zero = true,
     .help = "interrupts of the GIC, 96 to 992 by 32s, or 1020 (288)"},
    {BOTH("list-registers"), NUMBER(list_registers, 1, GIC_LIST_REGISTER_MAX),
     .is_always_told = true, .help = "list registers of each CPU, 1 to 64 (4)"},
    {.option = "drive", .key = "drives", .member = "drives", .kind = CONFIG_FILES,
     .add = add_drive, .argument = "FILE[,ro|,overlay=OUT]",
     .help = "a disk; what the guest writes goes to OUT, if anywhere"},
    {BOTH("virtio"), .member = "virtio", .kind = CONFIG_NAMES, .add = config_add_virtio,
     .argument = "LIST",
     .help = "more devices: console, entropy, net; two nets are joined (none)"},
    {BOTH("entropy-seed"), NUMBER(entropy_seed, 0, UINT32_MAX), .needs = "virtio entropy",
     .is_met = has_entropy,
     .help = "of what the entropy devices give (0)"},
    {BOTH("rtc"), NUMBER(rtc_start, 0, UINT32_MAX),
     .help = "what the real-time clock says at first: seconds since 1970 (1767225600)"},
};
const size_t config_field_count = ARRAY_COUNT(config_fields);

const struct config_field *config_field_by_option(const char *option)
{
    for (size_t i = 0; i < config_field_count; i++) {
        if (strcmp(config_fields[i].option, option) == 0)
            return &config_fields[i];
    }
    return NULL;
}

/* --- numbers -------------------------------------------------------------------------------- */

bool config_field_is_number(const struct config_field *field)
{
    return field->kind == CONFIG_NUMBER || field->kind == CONFIG_SIZE || field->kind == CONFIG_WORD;
}

uint64_t config_field_get(const struct config_field *field, const struct machine_config *config)
{
    const char *at = (const char *)config + field->offset;
    uint64_t value;
    uint32_t half;
    ensure(config_field_is_number(field));
    if (field->size == sizeof half) {
        memcpy(&half, at, sizeof half);
        return half;
    }
    memcpy(&value, at, sizeof value);
    return value;
}

void config_field_set(const struct config_field *field, struct machine_config *config,
                      uint64_t value)
{
    char *at = (char *)config + field->offset;
    uint32_t half = (uint32_t)value;
    ensure(config_field_is_number(field) && (field->size != sizeof half || value <= UINT32_MAX));
    if (field->size == sizeof half)
        memcpy(at, &half, sizeof half);
    else
        memcpy(at, &value, sizeof value);
}

static uint64_t highest(const struct config_field *field)
{
    return field->kind == CONFIG_WORD ? field->low + 1 : field->high;
}

static bool check_number(const struct config_field *field, uint64_t value, struct error *error)
{
    const char *what = field->object ? field->object(value) : NULL;
    if (what)
        return error_set(error, "%llu %s", (unsigned long long)value, what);
    if (value >= field->low && value <= highest(field))
        return true;
    return error_set(error, "%llu is not in %llu..%llu", (unsigned long long)value,
                     (unsigned long long)field->low, (unsigned long long)highest(field));
}

bool config_field_check(const struct config_field *field, const struct machine_config *config,
                        struct error *error)
{
    struct error why = {""};
    bool good = true;
    if (field->kind == CONFIG_TEXT) {
        const char *text = (const char *)config + field->offset;
        const char *end = memchr(text, 0, field->size);
        if (!end || (size_t)(end - text) < field->low)
            good = error_set(&why, end ? "no name" : "the text does not end");
    } else if (config_field_is_number(field)) {
        uint64_t value = config_field_get(field, config);
        good = (value == 0 && field->has_default_zero) || check_number(field, value, &why);
    }
    return good || error_set(error, "--%s: %.480s", field->option, why.text);
}

const char *config_field_lacks(const struct config_field *field,
                               const struct machine_config *config)
{
    return field->needs && !field->is_met(config) ? field->needs : NULL;
}

/* --- texts ---------------------------------------------------------------------------------- */

static bool put_number(const struct config_field *field, struct machine_config *config,
                       const char *text, struct error *error)
{
    uint64_t value;
    bool is_size = field->kind == CONFIG_SIZE;
    if (!(is_size ? config_parse_size(text, &value) : config_parse_number(text, &value)))
        return error_set(error, "%.40s is no %s", text,
                         is_size ? "size (like 65536, 0x10000 or 64M)" : "number");
    if (!check_number(field, value, error))
        return false;
    config_field_set(field, config, value);
    return true;
}

/* There are two words. */
static bool put_word(const struct config_field *field, struct machine_config *config,
                     const char *text, struct error *error)
{
    size_t first = strcspn(field->words, "|");
    const char *second = field->words + first + 1;
    bool is_first = strlen(text) == first && strncmp(text, field->words, first) == 0;
    if (!is_first && strcmp(text, second) != 0)
        return error_set(error, "%.40s is neither %.*s nor %s", text, (int)first, field->words,
                         second);
    config_field_set(field, config, field->low + !is_first);
    return true;
}

static bool put_text(const struct config_field *field, struct machine_config *config,
                     const char *text, struct error *error)
{
    char *at = (char *)config + field->offset;
    size_t length = strlen(text);
    if (length > field->high)
        return error_set(error, "longer than %llu characters", (unsigned long long)field->high);
    if (length < field->low)
        return error_set(error, "is empty");
    memset(at, 0, field->size);
    memcpy(at, text, length);
    return true;
}

bool config_field_put(const struct config_field *field, struct machine_config *config,
                      const char *text, struct error *error)
{
    switch (field->kind) {
    case CONFIG_NUMBER:
    case CONFIG_SIZE:
        return put_number(field, config, text, error);
    case CONFIG_WORD:
        return put_word(field, config, text, error);
    case CONFIG_TEXT:
        return put_text(field, config, text, error);
    case CONFIG_NAMES:
    case CONFIG_ITEMS:
    case CONFIG_FILES:
        break;
    }
    return field->add(config, text, error);
}

bool config_field_put_option(const struct config_field *field, struct machine_config *config,
                             const char *text, struct error *error)
{
    if (field->kind != CONFIG_NAMES)
        return config_field_put(field, config, text, error);
    char name[64];
    while (config_next_name(&text, name, sizeof name)) {
        if (!config_field_put(field, config, name, error))
            return false;
    }
    return true;
}
