/*
 * Trace files: what is written is read again; whatever else is in a file is refused with the
 * file's name, and no existing file is lost by writing.
 */
#include "cpu/errata.h"
#include "sim/trace_file.h"

#include "sim/base/image.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct trace_hash hashes[] = {{1000, 0x1234}, {2000, 0x5678}, {2345, 0x9abc}};
static struct choice_record records[] = {
    {{77, 0, CHOICE_NEXT_CPU}, 6, 3},
    {{99, 1, CHOICE_NEXT_CPU}, 6, 1},
    {{2, 5, CHOICE_TLBI_DELIVER}, 2, 1},
};
static uint8_t payload[5000];

static uint8_t initrd[77] = {1, 2, 3}, tree[64] = {4, 5};

static struct trace sample(void)
{
    struct trace t = {.title = "a title", .scenario = "s", .variant = "v", .image_name = "x.elf",
                      .fingerprint = 0xfedcba9876543210, .hash_interval = 1000, .hashes = hashes,
                      .hash_count = ARRAY_COUNT(hashes), .records = records,
                      .record_count = ARRAY_COUNT(records), .image = payload,
                      .image_size = sizeof payload};
    config_default(&t.setup.config);
    t.setup.config.open_mask = 1u << CHOICE_NEXT_CPU | 1u << CHOICE_TLBI_DELIVER;
    t.setup.config.caches = 1;
    t.setup.config.cache_sets = 8;
    t.setup.config.counter_hz = 1000000;
    t.setup.config.tlb_core = 1;
    t.setup.config.errata = 1u << ERRATUM_PAGE_SPLIT;
    t.setup.config.property_count = 2;
    t.setup.config.property[0] = (struct config_property){.node = "/a", .name = "b", .number = 7};
    t.setup.config.property[1] =
        (struct config_property){.node = "/a", .name = "c", .text = "text", .is_text = 1};
    t.setup.checks = (struct check_options){
        .mask = 1u << CHECK_VMID | 1u << CHECK_TLB, .one_root_one_id = 1, .progress_steps = 5000};
    t.setup.start = (struct run_mark){"here", -1, 2};
    t.setup.end = (struct run_mark){"", 1, 1};
    t.setup.window = 4000;
    t.setup.length = 5000;
    t.setup.max_steps = 100000;
    t.verdict = (struct run_verdict){.result = RUN_VIOLATION, .insns = 2300, .cycles = 2400,
                                     .steps = 2345, .hash = 0x9abc, .choices = 3, .held = true};
    t.verdict.finding = (struct finding){.check = CHECK_TLB, .pe = 1, .step = 2345, .kind = "stale",
                                         .text = "a sentence with \"quotes\"", .event_count = 1};
    t.verdict.finding.event[0] = (struct finding_event){.step = 2000, .pe = 0, .pc = UINT64_MAX - 3,
                                                        .text = "an event"};
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)hash_mix(i);
    return t;
}

Test(trace_file, what_is_written_is_read)
{
    struct trace t = sample(), u;
    struct error error;
    uint8_t *bytes;
    size_t size;
    cr_assert(trace_encode(&t, &bytes, &size, &error), "%s", error.text);
    cr_assert(trace_decode(&u, "f", bytes, size, &error), "%s", error.text);
    cr_expect_str_eq(u.title, t.title);
    cr_expect_str_eq(u.scenario, t.scenario);
    cr_expect_str_eq(u.variant, t.variant);
    cr_expect_str_eq(u.image_name, t.image_name);
    cr_expect_eq(u.fingerprint, t.fingerprint);
    cr_expect_eq(u.hash_interval, t.hash_interval);
    cr_expect(u.initrd == NULL && u.initrd_size == 0 && u.tree == NULL && u.tree_size == 0);
    cr_expect_arr_eq(&u.setup.config, &t.setup.config, sizeof u.setup.config);
    cr_expect_arr_eq(&u.setup.checks, &t.setup.checks, sizeof u.setup.checks);
    cr_expect_arr_eq(&u.setup.start, &t.setup.start, sizeof u.setup.start);
    cr_expect_arr_eq(&u.setup.end, &t.setup.end, sizeof u.setup.end);
    cr_expect_eq(u.setup.window, t.setup.window);
    cr_expect_eq(u.setup.length, t.setup.length);
    cr_expect_eq(u.setup.max_steps, t.setup.max_steps);
    cr_expect_eq(u.verdict.result, t.verdict.result);
    cr_expect_eq(u.verdict.hash, t.verdict.hash);
    cr_expect_eq(u.verdict.held, t.verdict.held);
    cr_expect_arr_eq(&u.verdict.finding, &t.verdict.finding, sizeof u.verdict.finding);
    cr_assert_eq(u.record_count, t.record_count);
    cr_expect_arr_eq(u.records, t.records, sizeof records);
    cr_assert_eq(u.hash_count, t.hash_count);
    cr_expect_arr_eq(u.hashes, t.hashes, sizeof hashes);
    cr_assert_eq(u.image_size, t.image_size);
    cr_expect_arr_eq(u.image, t.image, sizeof payload);
    trace_free(&u);
    free(bytes);
}

/* Decodes bytes that must be refused with the name in front. */
static void refused(const uint8_t *bytes, size_t size, const char *what, size_t at)
{
    struct trace u;
    struct error error;
    uint8_t *exact = malloc(size + 1);
    cr_assert_not_null(exact);
    memcpy(exact, bytes, size);
    bool taken = trace_decode(&u, "some/file", exact, size, &error);
    cr_expect_not(taken, "%s at %zu", what, at);
    if (taken)
        trace_free(&u);
    else
        cr_expect_eq(strncmp(error.text, "some/file: ", 11), 0, "%s", error.text);
    free(exact);
}

Test(trace_file, truncated_and_damaged_files_are_refused)
{
    struct trace t = sample();
    struct error error;
    uint8_t *bytes;
    size_t size;
    cr_assert(trace_encode(&t, &bytes, &size, &error));
    for (size_t cut = 0; cut < size; cut += cut < 64 ? 1 : 7)
        refused(bytes, cut, "cut", cut);
    for (size_t at = 0; at < size; at += at < 64 ? 1 : 5) {
        bytes[at] ^= 0x40;
        refused(bytes, size, "bit flipped", at);
        bytes[at] ^= 0x40;
    }
    uint8_t *longer = calloc(1, size + 8);
    cr_assert_not_null(longer);
    memcpy(longer, bytes, size);
    refused(longer, size + 8, "longer", size);
    free(longer);
    free(bytes);
}

Test(trace_file, contents_that_contradict_themselves_are_refused)
{
    struct error error;
    struct trace t = sample();
    uint8_t *bytes;
    size_t size;
    struct trace_hash wrong[] = {{1000, 1}, {1000, 2}, {2345, 0x9abc}};
    struct choice_record twice[] = {records[0], records[0]};
    struct choice_record none[] = {{{77, 0, CHOICE_NEXT_CPU}, 3, 3}};
    for (unsigned i = 0; i < 8; i++) {
        struct trace bad = t;
        if (i == 0)
            bad.hashes = wrong;
        else if (i == 1)
            bad.hash_count = 2; /* the last hash is not that of the end */
        else if (i == 2)
            bad.records = twice, bad.record_count = 2;
        else if (i == 3)
            bad.records = none, bad.record_count = 1;
        else if (i == 4)
            bad.hash_interval = 0;
        else if (i == 5)
            bad.setup.config.pe_count = 9;
        else if (i == 6)
            bad.verdict.result = RUN_DIVERGED;
        else
            bad.hash_interval = 999; /* hashes lie between */
        cr_assert(trace_encode(&bad, &bytes, &size, &error));
        refused(bytes, size, "contradiction", i);
        free(bytes);
    }
    memset(t.title, 0xff, 4);
    cr_expect_not(trace_encode(&t, &bytes, &size, &error), "a title that is not UTF-8");
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    struct error error;
    cr_assert(file_write(path, bytes, size, &error), "%s", error.text);
}

/* Opens a trace that names its image; "" or what was wrong. */
static const char *opened(const char *path, const char *folder)
{
    static struct error error;
    struct trace u;
    if (!trace_open(&u, path, folder, &error))
        return error.text;
    cr_expect_eq(u.image_size, sizeof payload);
    cr_expect_arr_eq(u.image, payload, sizeof payload);
    cr_expect_arr_eq(u.initrd, initrd, sizeof initrd);
    trace_free(&u);
    return "";
}

Test(trace_file, large_files_are_named_and_found_by_their_content)
{
    char folder[] = "/tmp/armillary-trace-XXXXXX", path[64], image[64], moved[64], other[64];
    struct trace t = sample();
    struct error error;
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/t.trace", folder);
    snprintf(image, sizeof image, "%s/x.elf", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(moved, sizeof moved, "%s/other/x.elf", folder);
    cr_assert_eq(mkdir(other, 0700), 0);
    write_file(image, payload, sizeof payload);
    t.image = NULL;
    cr_assert(trace_take_part(&t, TRACE_IMAGE, image, payload, sizeof payload, 4096, &error));
    cr_assert(trace_take_part(&t, TRACE_INITRD, "initrd", initrd, sizeof initrd, 4096, &error));
    cr_assert(trace_write(&t, path, &error), "%s", error.text);
    cr_expect_eq(t.named[TRACE_IMAGE].size, sizeof payload);
    cr_expect_eq(t.named[TRACE_INITRD].path[0], 0, "a small one is in the trace");

    cr_expect_str_eq(opened(path, NULL), "");
    write_file(moved, payload, sizeof payload);
    payload[7]++;
    write_file(image, payload, sizeof payload);
    payload[7]--;
    cr_expect_not_null(strstr(opened(path, NULL), "is another file than"));
    cr_expect_str_eq(opened(path, other), "", "where --payload-dir says");
    cr_assert_eq(unlink(image), 0);
    cr_expect_not_null(strstr(opened(path, NULL), "is no longer at"));
    cr_assert_eq(unlink(moved), 0);
    trace_free(&(struct trace){.image = t.image, .initrd = t.initrd});
    unlink(path);
    rmdir(other);
    rmdir(folder);
}

Test(trace_file, a_part_is_there_or_named_and_not_both)
{
    struct trace t = sample(), u;
    struct error error;
    uint8_t *bytes;
    size_t size;
    t.named[TRACE_INITRD] = (struct trace_named){.path = "/x", .size = 5, .hash = 6};
    cr_assert(trace_encode(&t, &bytes, &size, &error));
    cr_assert(trace_decode(&u, "f", bytes, size, &error), "%s", error.text);
    cr_expect_arr_eq(u.named, t.named, sizeof u.named);
    cr_expect_null(u.initrd);
    trace_free(&u);
    free(bytes);
    t.named[TRACE_INITRD].size = 0;
    cr_assert(trace_encode(&t, &bytes, &size, &error));
    refused(bytes, size, "no size", 0);
    free(bytes);
}

Test(trace_file, writing_does_not_lose_files_of_another_kind)
{
    struct trace t = sample(), u;
    struct error error;
    char folder[] = "/tmp/armillary-test-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.trace", folder);
    cr_assert(trace_write(&t, path, &error), "%s", error.text);
    cr_assert(trace_write(&t, path, &error), "over a trace: %s", error.text);
    cr_assert(trace_read(&u, path, &error), "%s", error.text);
    trace_free(&u);
    cr_assert(file_write(path, "precious", 8, &error));
    cr_expect_not(trace_write(&t, path, &error));
    cr_expect(strstr(error.text, path), "%s", error.text);
    uint8_t *bytes;
    size_t size;
    cr_assert(file_read(path, &bytes, &size, &error));
    cr_expect(size == 8 && memcmp(bytes, "precious", 8) == 0);
    free(bytes);
    cr_expect_not(trace_read(&u, path, &error));
    cr_expect(strstr(error.text, "not a trace"), "%s", error.text);
    cr_expect_not(trace_write(&t, folder, &error), "a folder");
    unlink(path);
    cr_expect_not(trace_read(&u, path, &error));
    cr_expect(strstr(error.text, path), "%s", error.text);
    rmdir(folder);
}

/* What stands beside the image: each is there or not, whatever the other is. */
Test(trace_file, initrd_and_tree_are_kept)
{
    for (unsigned with = 0; with < 4; with++) {
        struct trace t = sample(), u;
        struct error error;
        uint8_t *bytes;
        size_t size;
        if (with & 1) {
            t.initrd = initrd;
            t.initrd_size = sizeof initrd;
        }
        if (with & 2) {
            t.tree = tree;
            t.tree_size = sizeof tree;
        }
        cr_assert(trace_encode(&t, &bytes, &size, &error), "%s", error.text);
        cr_assert(trace_decode(&u, "f", bytes, size, &error), "%s", error.text);
        cr_assert_eq(u.initrd_size, t.initrd_size);
        cr_assert_eq(u.tree_size, t.tree_size);
        cr_assert_eq(u.image_size, t.image_size);
        cr_assert_eq(u.record_count, t.record_count);
        cr_assert_eq(u.initrd != NULL, t.initrd != NULL);
        cr_assert_eq(u.tree != NULL, t.tree != NULL);
        if (with & 1)
            cr_assert_arr_eq(u.initrd, initrd, sizeof initrd);
        if (with & 2)
            cr_assert_arr_eq(u.tree, tree, sizeof tree);
        trace_free(&u);
        free(bytes);
    }
}
