/*
 * The floor's floor: our own faults, the user's errors, and the hash of bytes.
 *
 * bug() is for what can only be a mistake of this program; it dumps what is known of the run and
 * aborts, so that fuzzers and tests see it. Guests and users never get there: their mistakes are
 * architectural exceptions and one line in a struct error.
 *
 * hash_bytes() is part of recorded runs (state hashes), so it must give the same on every host
 * and must not change without a new semantics version. It is not cryptographic.
 */
#include "sim/base/base.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    void (*dump)(void *context);
    void *context;
} bug_hook;

void bug_set_dump(void (*dump)(void *context), void *context)
{
    bug_hook.dump = dump;
    bug_hook.context = context;
}

void bug(const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fputs("armillary: bug: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);

    /* Taken out first: a second bug inside the dump must end, not recur. */
    void (*dump)(void *) = bug_hook.dump;
    bug_hook.dump = NULL;
    if (dump)
        dump(bug_hook.context);
    fflush(stderr);
    abort();
}

bool error_set(struct error *error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    /* A name from outside may hold anything, but the message stays one line. */
    for (char *c = error->text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
    return false;
}

static uint64_t load_le64(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return le64toh(word);
}

/* One-to-one in lane for each word and in word for each lane: one changed word always shows. */
static uint64_t lane_step(uint64_t lane, uint64_t word)
{
    uint64_t x = (lane ^ word) * UINT64_C(0x9fb21c651e98df25);
    return x << 29 | x >> 35;
}

/* Four lanes side by side hide the latency of the multiplication. */
uint64_t hash_bytes(const void *bytes, size_t size, uint64_t seed)
{
    const uint8_t *at = bytes;
    size_t left = size;
    uint64_t lane[4] = {
        hash_mix(seed + UINT64_C(0x243f6a8885a308d3)),
        hash_mix(seed + UINT64_C(0x13198a2e03707344)),
        hash_mix(seed + UINT64_C(0xa4093822299f31d0)),
        hash_mix(seed + UINT64_C(0x082efa98ec4e6c89)),
    };

    for (; left >= 32; left -= 32, at += 32) {
        for (unsigned i = 0; i < 4; i++)
            lane[i] = lane_step(lane[i], load_le64(at + 8 * i));
    }
    for (unsigned i = 0; left >= 8; left -= 8, at += 8, i++)
        lane[i] = lane_step(lane[i], load_le64(at));

    uint64_t rest = 0;
    for (size_t i = 0; i < left; i++)
        rest |= (uint64_t)at[i] << (8 * i);

    /* The size tells a short tail from one with zero bytes behind it. */
    uint64_t hash = hash_mix(rest ^ hash_mix(size));
    for (unsigned i = 0; i < 4; i++)
        hash = hash_mix(lane_step(hash, lane[i]));
    return hash;
}
