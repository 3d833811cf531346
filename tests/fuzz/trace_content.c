/*
 * Any bytes as the content of a trace file. The container's own checks would refuse nearly every
 * mutation, so the target wraps the bytes into a proper container first; what is read must then
 * be refused, or be a trace that can be written again.
 */
#include "sim/trace_file.h"
#include "tests/fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define HEADER_BYTES 32u
#define CONTENT_BYTES 8192u

static void put_number(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* A small trace; its content is what the fuzzer changes. */
static size_t sample_content(uint8_t *content)
{
    static struct trace_hash hash = {20, 0x77};
    static struct choice_record record = {{5, 1, CHOICE_NEXT_CPU}, 6, 2};
    static uint8_t image[] = "an image";
    struct trace t = {.title = "t", .image_name = "i", .hash_interval = 8, .hashes = &hash,
                      .hash_count = 1, .records = &record, .record_count = 1, .image = image,
                      .image_size = sizeof image};
    struct error error;
    uint8_t *bytes;
    size_t size;
    config_default(&t.setup.config);
    t.setup.checks.mask = 1u << CHECK_TLB;
    t.verdict = (struct run_verdict){.result = RUN_VIOLATION, .steps = 20, .hash = 0x77};
    t.verdict.finding.check = CHECK_TLB;
    t.verdict.finding.event_count = 1;
    t.named[TRACE_INITRD] = (struct trace_named){.path = "/initrd", .size = 9, .hash = 1};
    ensure(trace_encode(&t, &bytes, &size, &error));
    size_t got = ZSTD_decompress(content, CONTENT_BYTES, bytes + HEADER_BYTES, size - HEADER_BYTES);
    ensure(!ZSTD_isError(got));
    free(bytes);
    return got;
}

const uint8_t *fuzz_seed(unsigned index, size_t *size)
{
    static uint8_t content[CONTENT_BYTES];
    if (index > 0)
        return NULL;
    *size = sample_content(content);
    return content;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const uint8_t head[16] = {'A', 'R', 'M', 'I', 'L', 'L', 'A', 0x1a, TRACE_VERSION};
    size_t bound = ZSTD_compressBound(size);
    uint8_t *file = malloc(HEADER_BYTES + bound);
    ensure(file != NULL);
    memcpy(file, head, sizeof head);
    size_t frame = ZSTD_compress(file + HEADER_BYTES, bound, bytes, size, 1);
    ensure(!ZSTD_isError(frame));
    put_number(file + 16, size);
    put_number(file + 24, hash_bytes(file + HEADER_BYTES, frame, size));
    struct trace trace;
    struct error error = {""};
    if (trace_decode(&trace, "f", file, HEADER_BYTES + frame, &error)) {
        uint8_t *again;
        size_t again_size;
        ensure(trace_encode(&trace, &again, &again_size, &error));
        free(again);
        trace_free(&trace);
    } else {
        ensure(strncmp(error.text, "f: ", 3) == 0);
    }
    free(file);
    return 0;
}
