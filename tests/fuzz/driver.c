/*
 * Runs a fuzz target without a fuzzer: each seed, every way of cutting it short, and a number of
 * mutations that is the same each time. A crash, an ensure() or a sanitizer report fails it.
 *
 *   driver [MUTATIONS]          prints TAP, one case per seed; many more when LONG is set
 *   driver --write-corpus DIR   writes the seeds as files, for libFuzzer to start from
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/image.h"
#include "tests/fuzz/target.h"

#define INPUT_MAX 8192u

static uint64_t random_state;

static size_t random_below(size_t n)
{
    return (size_t)(hash_mix(++random_state * UINT64_C(0x9e3779b97f4a7c15)) % n);
}

/* Values that break range checks, at any alignment. */
static void mutate_word(uint8_t *bytes, size_t size)
{
    static const uint64_t words[] = {0, 1, 7, 0x7fffffff, 0x80000000, 0xffffffff, ~UINT64_C(0),
                                     ~UINT64_C(0) - 7, UINT64_C(1) << 63, 0x40000000, 0x41000000};
    size_t width = (size_t)1 << random_below(4);
    if (size < width)
        return;
    uint64_t word = words[random_below(ARRAY_COUNT(words))];
    memcpy(bytes + random_below(size - width + 1), &word, width);
}

static size_t mutate(uint8_t *bytes, size_t size)
{
    for (size_t times = 1 + random_below(4); times-- > 0 && size > 0;) {
        size_t at = random_below(size), length = 1 + random_below(16);
        switch (random_below(6)) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << random_below(8));
            break;
        case 1:
            bytes[at] = (uint8_t)random_below(256);
            break;
        case 2:
            mutate_word(bytes, size);
            break;
        case 3: /* take a piece out */
            length = length < size - at ? length : size - at;
            memmove(bytes + at, bytes + at + length, size - at - length);
            size -= length;
            break;
        case 4: /* put a piece in twice */
            length = length < size - at ? length : size - at;
            if (size + length > INPUT_MAX)
                break;
            memmove(bytes + at + length, bytes + at, size - at);
            size += length;
            break;
        case 5: { /* copy a piece over another place */
            size_t from = random_below(size), end = at > from ? at : from;
            length = length < size - end ? length : size - end;
            memmove(bytes + at, bytes + from, length);
            break;
        }
        }
    }
    return size;
}

static void run_seed(const uint8_t *seed, size_t size, unsigned long mutations)
{
    uint8_t *bytes = malloc(INPUT_MAX);

    ensure(bytes != NULL && size <= INPUT_MAX);
    for (size_t cut = 0; cut <= size; cut++) {
        /* A block of just this size, so that a sanitizer sees the first byte behind it. */
        uint8_t *exact = malloc(cut ? cut : 1);
        ensure(exact != NULL);
        memcpy(exact, seed, cut);
        LLVMFuzzerTestOneInput(exact, cut);
        free(exact);
    }
    for (unsigned long i = 0; i < mutations; i++) {
        memcpy(bytes, seed, size);
        LLVMFuzzerTestOneInput(bytes, mutate(bytes, size));
    }
    free(bytes);
}

static bool write_corpus(const char *folder)
{
    const uint8_t *seed;
    struct error error;
    char path[4096];
    size_t size;

    for (unsigned i = 0; (seed = fuzz_seed(i, &size)) != NULL; i++) {
        snprintf(path, sizeof path, "%s/seed-%u", folder, i);
        if (!file_write(path, seed, size, &error)) {
            fprintf(stderr, "%s\n", error.text);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    unsigned long mutations = argc == 2        ? strtoul(argv[1], NULL, 10)
                              : getenv("LONG") ? 200000
                                               : 2000;
    unsigned count = 0;
    const uint8_t *seed;
    size_t size;

    if (argc == 3 && strcmp(argv[1], "--write-corpus") == 0)
        return write_corpus(argv[2]) ? 0 : 2;
    while (fuzz_seed(count, &size))
        count++;
    printf("1..%u\n", count);
    for (unsigned i = 0; (seed = fuzz_seed(i, &size)) != NULL; i++) {
        run_seed(seed, size, mutations);
        printf("ok %u - seed %u, cut at every byte and %lu mutations\n", i + 1, i, mutations);
        fflush(stdout);
    }
    return 0;
}
