/*
 * The recorded traces against the freshly built payloads: a trace's ELF is taken out, the variant
 * it was made from is there as built now, and with that one the race is found again - by the
 * recorded choices when the payload is the same, byte for byte, or by searching.
 */
#include "sim/explore.h"
#include "sim/trace_file.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEDULES 20000u

static const char *from_environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static void open_built(const struct trace *trace, struct image *image)
{
    char path[600];
    uint8_t *bytes;
    size_t size;
    struct error error;
    snprintf(path, sizeof path, "%s/hyp/%s", from_environment("BUILD", "build"), trace->image_name);
    cr_assert(file_read(path, &bytes, &size, &error), "%s", error.text);
    cr_assert(image_open(image, path, bytes, size, pa_make(MAP_RAM),
                         trace->setup.config.ram_bytes, &error), "%s", error.text);
    free(bytes);
}

/* A lenient replay of the recorded choices on the built payload. */
static bool found_by_choices(struct run *r, const struct trace *trace, const char *class)
{
    struct chooser *c = &run_machine(r)->chooser;
    struct run_verdict verdict;
    char now[RUN_CLASS_MAX];
    uint8_t *used = calloc(trace->record_count + 1, 1);
    cr_assert_not_null(used);
    c->policy = CHOICE_LENIENT;
    c->script = trace->records;
    c->script_count = trace->record_count;
    c->script_used = used;
    run_execute(r, &verdict);
    c->policy = CHOICE_DEFAULT;
    c->script = NULL;
    c->script_count = 0;
    c->script_used = NULL;
    free(used);
    run_class(&verdict, now);
    return strcmp(now, class) == 0;
}

static bool found_by_searching(struct run *r, const char *class)
{
    char stop[1][RUN_CLASS_MAX] = {{0}};
    struct explore_result *result = calloc(1, sizeof *result);
    cr_assert_not_null(result);
    memcpy(stop[0], class, RUN_CLASS_MAX);
    struct explore_options o = {.strategy = STRATEGY_PORTFOLIO, .seed = 1, .schedules = SCHEDULES,
                                .depth = 1, .jobs = 2, .stop = (const char (*)[RUN_CLASS_MAX])stop,
                                .stop_count = 1};
    explore_run(r, &o, result);
    bool found = explore_find(result, class) != NULL;
    explore_result_free(result);
    free(result);
    return found;
}

static void check(const char *path)
{
    struct trace trace;
    struct image built, embedded;
    struct error error;
    char class[RUN_CLASS_MAX] = {0};
    cr_assert(trace_read(&trace, path, &error), "%s", error.text);
    run_class(&trace.verdict, class);
    cr_assert(image_open(&embedded, trace.image_name, trace.image, trace.image_size,
                         pa_make(MAP_RAM), trace.setup.config.ram_bytes, &error), "%s", error.text);
    cr_expect_gt(embedded.symbol_count, 100, "%s: a compiled hypervisor with its symbols", path);
    char line[128];
    cr_expect(image_line_at(&embedded, embedded.entry, line, sizeof line), "%s: and its lines",
              path);
    open_built(&trace, &built);
    struct run *r = run_new(&trace.setup, &built, &error);
    cr_assert_not_null(r, "%s", error.text);
    bool same = built.file_size == embedded.file_size &&
                memcmp(built.file, embedded.file, built.file_size) == 0;
    bool by_choices = found_by_choices(r, &trace, class);
    cr_expect(by_choices || !same, "%s: the same payload, and not the same finding", path);
    cr_expect(by_choices || found_by_searching(r, class), "%s: %s is not found again", path, class);
    run_free(r);
    image_close(&built);
    image_close(&embedded);
    trace_free(&trace);
}

Test(embedded, each_trace_holds_a_payload_whose_race_is_found_again)
{
    char pattern[600];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/traces/*/*.trace", from_environment("SOURCE", "."));
    cr_assert_eq(glob(pattern, 0, NULL, &found), 0, "no traces at %s", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check(found.gl_pathv[i]);
    globfree(&found);
}
