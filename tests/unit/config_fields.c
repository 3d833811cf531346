/*
 * The table of configuration fields: every row, as an option and as a key of a scenario, with a
 * value that is taken, which a trace keeps, and with values that are refused, with the reason.
 */
#include "sim/config_fields.h"

#include "cpu/errata.h"
#include "sim/devices/virtio.h"
#include "sim/scenario.h"
#include "sim/trace_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAD_MAX 3

/* A row of the table: a text that is taken, what it says, and texts that are not. */
static const struct sample {
    const char *option, *text;
    uint64_t value; /* of fields that are numbers */
    struct {
        const char *text, *says;
    } bad[BAD_MAX];
} samples[] = {
    {"cpus", "4", 4, {{"9", "9 is not in 1..8"}, {"two", "two is no number"}, {"", "no number"}}},
    {"ram", "1G", UINT64_C(1) << 30, {{"1x", "1x is no size"}, {"1000", "multiple of 2 MiB"},
                                      {"128G", "137438953472 bytes is not a multiple of"}}},
    {"cpu", "cortex-a53", 0, {{"", "empty"},
                              {"a-name-of-forty-characters-that-is-nobodys", "longer than 31"}}},
    {"entry", "el1", 1, {{"el3", "el3 is neither el1 nor el2"}, {"1", "1 is neither"}}},
    {"append", "root=/dev/vda rw", 0, {{NULL, "longer than 2047"}}},
    {"prop", "/a:b=7", 0, {{"nonsense", "nonsense: not of the form"}}},
    {"release", "spin-table", 1, {{"both", "both is neither psci nor spin-table"}}},
    {"resets", "0", 0, {{"4294967296", "is not in 0..4294967295"}}},
    {"quantum", "17", 17, {{"0", "0 is not in 1..4294967295"}}},
    {"timing", "flat", 1, {{"fast", "fast is neither model nor flat"}}},
    {"vmid-bits", "16", 16, {{"12", "12 is neither 8 nor 16"}, {"0", "0 is neither 8 nor 16"}}},
    {"asid-bits", "8", 8, {{"9", "9 is neither 8 nor 16"}}},
    {"tlb", "core", 1, {{"small", "small is neither architectural nor core"}}},
    {"tlb-entries", "128", 128, {{"0", "0 is not in 1..65536"}, {"65537", "not in"}}},
    {"errata", "speculative-at", 0, {{"none", "none is no erratum"}}},
    {"store-buffer", "64", 64, {{"65", "65 is not in 0..64"}}},
    {"history", "256", 256, {{"257", "257 is not in 0..256"}}},
    {"caches", "on", 1, {{"yes", "yes is neither off nor on"}}},
    {"cache-sets", "64", 64, {{"3", "3 is no power of two"}, {"8192", "8192 is not in 1..4096"}}},
    {"counter-hz", "1000000", 1000000, {{"62500001", "no divisor"}, {"500000", "is not in 1000000"},
                                        {"0", "is not in"}}},
    {"irqs", "1020", 1020, {{"100", "neither a multiple of 32"}, {"64", "is not in 96..1020"}}},
    {"list-registers", "64", 64, {{"65", "65 is not in 1..64"}, {"0", "0 is not in 1..64"}}},
    {"drive", "disk.img,ro", 0, {{"none.img", "none.img: No such file"}, {".", "not a file"},
                                 {"disk.img,rw", "rw is neither ro"}}},
    {"virtio", "net", 0, {{"tape", "tape is neither console"}, {"block", "block is neither"}}},
    {"entropy-seed", "99", 99, {{"-1", "-1 is no number"}}},
    {"rtc", "0", 0, {{"1e9", "1e9 is no number"}}},
};

static const struct sample *sample_of(const struct config_field *field)
{
    for (size_t i = 0; i < ARRAY_COUNT(samples); i++) {
        if (strcmp(samples[i].option, field->option) == 0)
            return &samples[i];
    }
    cr_assert_fail("--%s has no sample here", field->option);
    return NULL;
}

/* In a folder of its own with a disk in it. */
static void set_up(void)
{
    static char folder[] = "/tmp/fieldsXXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    FILE *file = fopen("disk.img", "wb");
    cr_assert_not_null(file);
    for (unsigned i = 0; i < 1024; i++)
        fputc((int)(i & 0xff), file);
    fclose(file);
}

static void tear_down(void)
{
    char folder[64];
    unlink("disk.img");
    if (getcwd(folder, sizeof folder) && chdir("/") == 0)
        rmdir(folder);
}

TestSuite(config_fields, .init = set_up, .fini = tear_down);

/* What the fields that add something have after the sample. */
static bool has_added(const struct machine_config *c, const char *option)
{
    if (strcmp(option, "prop") == 0)
        return c->property_count == 1 && c->property[0].number == 7;
    if (strcmp(option, "errata") == 0)
        return c->errata == 1u << ERRATUM_SPECULATIVE_AT;
    if (strcmp(option, "drive") == 0)
        return c->drive_count == 1 && c->drive[0].size == 1024 && c->drive[0].read_only &&
               c->virtio_count == 1 && c->virtio[0] == VIRTIO_BLOCK;
    return strcmp(option, "virtio") == 0 && c->virtio_count == 1 && c->virtio[0] == VIRTIO_NET;
}

/* Whether a configuration is the default one but for the sample. */
static void expect_sample(const struct machine_config *c, const struct config_field *field,
                          const struct sample *sample, const char *how)
{
    if (config_field_is_number(field))
        cr_expect_eq(config_field_get(field, c), sample->value, "%s %s", how, field->option);
    else if (field->kind == CONFIG_TEXT)
        cr_expect_str_eq((const char *)c + field->offset, sample->text, "%s", how);
    else
        cr_expect(has_added(c, field->option), "%s %s", how, field->option);
    for (size_t i = 0; i < config_field_count; i++) {
        struct machine_config plain;
        config_default(&plain);
        plain.quantum = field == &config_fields[i] || c->quantum != 1 ? plain.quantum : 1;
        size_t length = strlen(config_fields[i].option);
        bool is_needed =
            field->needs && strncmp(field->needs, config_fields[i].option, length) == 0;
        if (&config_fields[i] != field && config_field_is_number(&config_fields[i]) && !is_needed)
            cr_expect_eq(config_field_get(&config_fields[i], c),
                         config_field_get(&config_fields[i], &plain), "%s %s changes %s", how,
                         field->option, config_fields[i].option);
    }
}

Test(config_fields, each_has_names_of_its_own)
{
    cr_expect_eq(ARRAY_COUNT(samples), config_field_count);
    for (size_t i = 0; i < config_field_count; i++) {
        const struct config_field *f = &config_fields[i];
        cr_expect_eq(config_field_by_option(f->option), f);
        cr_expect(f->help && f->argument && f->member, "%s", f->option);
        for (size_t j = 0; j < i; j++) {
            cr_expect_str_neq(f->member, config_fields[j].member);
            cr_expect(!f->key || !config_fields[j].key || strcmp(f->key, config_fields[j].key));
        }
    }
    cr_expect_null(config_field_by_option("none"));
}

Test(config_fields, each_is_an_option)
{
    static char longer[BOOTARGS_MAX + 1];
    memset(longer, 'x', BOOTARGS_MAX);
    for (size_t i = 0; i < config_field_count; i++) {
        const struct config_field *f = &config_fields[i];
        const struct sample *sample = sample_of(f);
        struct machine_config c;
        struct error error;
        config_default(&c);
        cr_expect(config_field_put_option(f, &c, sample->text, &error), "%s: %s", f->option,
                  error.text);
        cr_expect(config_check(&c, &error), "%s: %s", f->option, error.text);
        expect_sample(&c, f, sample, "option");
        for (unsigned k = 0; k < BAD_MAX && sample->bad[k].says; k++) {
            const char *text = sample->bad[k].text ? sample->bad[k].text : longer;
            config_default(&c);
            cr_expect_not(config_field_put_option(f, &c, text, &error), "%s: %s", f->option, text);
            cr_expect(strstr(error.text, sample->bad[k].says), "%s: %s", f->option, error.text);
            cr_expect_null(strchr(error.text, '\n'));
        }
    }
}

/* The key that another one needs, as a line of a scenario. */
static void needed_line(const struct config_field *field, char *line, size_t size)
{
    const char *value = field->needs ? strchr(field->needs, ' ') + 1 : "";
    bool is_list = field->needs && strncmp(field->needs, "virtio", 6) == 0;
    line[0] = 0;
    if (field->needs)
        snprintf(line, size, "  %.*s: %s\"%s\"%s\n", (int)(value - 1 - field->needs), field->needs,
                 is_list ? "[" : "", value, is_list ? "]" : "");
}

/* A scenario whose machine has one key, on line 3, and what that needs. */
static bool scenario_with(struct scenario *s, const struct config_field *field, const char *value,
                          struct error *error)
{
    char text[4096], needed[80];
    needed_line(field, needed, sizeof needed);
    bool is_list = field->kind == CONFIG_NAMES || field->kind == CONFIG_ITEMS ||
                   field->kind == CONFIG_FILES;
    snprintf(text, sizeof text,
             "title: t\nmachine:\n  %s: %s\"%s\"%s\n%schoices: [next-cpu]\ncheckers: [vmid]\n"
             "explore: {max-steps: 1}\nvariants:\n  a: {payload: a.elf, expect: clean}\n",
             field->key, is_list ? "[" : "", value, is_list ? "]" : "", needed);
    return scenario_parse(s, "./s.yaml", "s", text, strlen(text), error);
}

Test(config_fields, each_is_a_key_of_a_scenario)
{
    static char longer[BOOTARGS_MAX + 1];
    memset(longer, 'x', BOOTARGS_MAX);
    static struct scenario s;
    unsigned keys = 0;
    for (size_t i = 0; i < config_field_count; i++) {
        const struct config_field *f = &config_fields[i];
        const struct sample *sample = sample_of(f);
        struct error error;
        char begin[64];
        if (!f->key)
            continue;
        keys++;
        cr_expect(scenario_with(&s, f, sample->text, &error), "%s: %s", f->key, error.text);
        expect_sample(&s.setup.config, f, sample, "key");
        snprintf(begin, sizeof begin, "./s.yaml:3: %s: ", f->key);
        for (unsigned k = 0; k < BAD_MAX && sample->bad[k].says; k++) {
            const char *text = sample->bad[k].text ? sample->bad[k].text : longer;
            cr_expect_not(scenario_with(&s, f, text, &error), "%s: %s", f->key, text);
            cr_expect_eq(strncmp(error.text, begin, strlen(begin)), 0, "%s", error.text);
            cr_expect(strstr(error.text, sample->bad[k].says), "%s", error.text);
            cr_expect_null(strchr(error.text, '\n'));
        }
    }
    cr_expect_eq(keys, config_field_count - 1, "all but the properties, which have a list");
}

Test(config_fields, what_has_no_effect_alone_says_what_it_needs)
{
    unsigned count = 0;
    for (size_t i = 0; i < config_field_count; i++) {
        const struct config_field *f = &config_fields[i];
        struct machine_config c;
        struct error error;
        char option[32];
        config_default(&c);
        if (!f->needs) {
            cr_expect_null(config_field_lacks(f, &c), "%s", f->option);
            continue;
        }
        count++;
        const char *value = strchr(f->needs, ' ');
        snprintf(option, sizeof option, "%.*s", (int)(value - f->needs), f->needs);
        const struct config_field *needed = config_field_by_option(option);
        cr_assert_not_null(needed, "%s needs %s", f->option, option);
        cr_assert(config_field_put_option(needed, &c, value + 1, &error), "%s", error.text);
        cr_expect_null(config_field_lacks(f, &c), "%s", f->option);
        if (config_field_is_number(needed)) /* a word: the other one */
            config_field_set(needed, &c, !config_field_get(needed, &c));
        else
            config_default(&c);
        cr_expect_eq(config_field_lacks(f, &c), f->needs, "%s", f->option);
    }
    cr_expect_eq(count, 3);
}

Test(config_fields, a_choice_that_nobody_asks_says_what_it_needs)
{
    static const enum choice_kind kinds[] = {
        CHOICE_STORE_DRAIN, CHOICE_LOAD_EARLY, CHOICE_TLBI_DRAIN, CHOICE_CACHE_WRITEBACK,
        CHOICE_CACHE_ALLOCATE, CHOICE_ICACHE_STALE};
    struct machine_config plain, full;
    config_default(&plain);
    config_default(&full);
    full.caches = full.store_buffer = full.history = 1;
    uint32_t lack = 1u << CHOICE_HOST_INPUT;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        lack |= 1u << kinds[i];
    for (unsigned kind = 0; kind < CHOICE_KIND_COUNT; kind++) {
        cr_expect_eq(config_choice_lacks(&plain, (enum choice_kind)kind) != NULL, lack >> kind & 1,
                     "%s", choice_rows[kind].name);
        cr_expect_eq(config_choice_lacks(&full, (enum choice_kind)kind) != NULL,
                     kind == CHOICE_HOST_INPUT, "%s", choice_rows[kind].name);
    }
}

Test(config_fields, files_of_a_scenario_lie_beside_it)
{
    static struct scenario s;
    struct error error;
    const char *text = "title: t\nmachine:\n  drives: [disk.img]\nchoices: [next-cpu]\n"
                       "checkers: [vmid]\nexplore: {max-steps: 1}\n"
                       "variants:\n  a: {payload: a.elf, expect: clean}\n";
    char here[200], file[300];
    cr_assert_not_null(getcwd(here, sizeof here));
    cr_assert_eq(chdir("/"), 0);
    snprintf(file, sizeof file, "%s/s.yaml", here);
    cr_expect(scenario_parse(&s, file, "s", text, strlen(text), &error), "%s", error.text);
    cr_expect_not(scenario_parse(&s, "s.yaml", "s", text, strlen(text), &error));
    cr_assert_eq(chdir(here), 0);
    cr_expect(scenario_parse(&s, "s.yaml", "s", text, strlen(text), &error), "%s", error.text);
}

Test(config_fields, a_trace_keeps_all_of_them)
{
    uint8_t image[64] = {0};
    struct trace_hash hash = {1, 2};
    struct trace t = {.title = "t", .scenario = "s", .variant = "v", .image_name = "i",
                      .hash_interval = 1, .hashes = &hash, .hash_count = 1, .image = image,
                      .image_size = sizeof image, .verdict = {.result = RUN_OFF, .steps = 1,
                      .hash = 2}};
    struct trace u;
    struct error error;
    uint8_t *bytes;
    size_t size;
    config_default(&t.setup.config);
    for (size_t i = 0; i < config_field_count; i++)
        cr_assert(config_field_put_option(&config_fields[i], &t.setup.config,
                                          sample_of(&config_fields[i])->text, &error));
    cr_assert(trace_encode(&t, &bytes, &size, &error), "%s", error.text);
    cr_assert(trace_decode(&u, "f", bytes, size, &error), "%s", error.text);
    cr_expect_arr_eq(&u.setup.config, &t.setup.config, sizeof u.setup.config);
    trace_free(&u);
    free(bytes);
}
