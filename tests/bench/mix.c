/*
 * Integer mix: sorting, hashing, table look-ups, multiplications and divisions on small data.
 */
#include "tests/bench/guest.h"

#define WORDS 4096u
#define ROUNDS 240u

const char guest_name[] = "mix";

static uint32_t words[CPUS_MAX][WORDS];

void guest_prepare(void)
{
}

/* Shell sort: gaps by division, compares and moves. */
static void sort(uint32_t *a, unsigned count)
{
    for (unsigned gap = count / 2; gap > 0; gap = gap * 5 / 11) {
        for (unsigned i = gap; i < count; i++) {
            uint32_t value = a[i];
            unsigned j = i;
            for (; j >= gap && a[j - gap] > value; j -= gap)
                a[j] = a[j - gap];
            a[j] = value;
        }
    }
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

uint64_t guest_work(unsigned cpu)
{
    uint32_t state = 12345 + cpu, *a = words[cpu];
    uint64_t hash = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < WORDS; i++)
            a[i] = guest_random(&state);
        sort(a, WORDS);
        for (unsigned i = 0; i < WORDS; i++) {
            hash = (hash ^ a[i]) * UINT64_C(0x100000001b3);
            hash += hash >> 31 | hash << 33;
            if (hash & 0x80)
                hash -= i;
        }
        for (unsigned i = 0; i + 1 < WORDS; i += 16)
            hash += gcd(a[i] | 1u, a[i + 1]);
    }
    return hash;
}
