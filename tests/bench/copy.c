/*
 * memcpy and memset of large pieces, by pairs of registers.
 */
#include "tests/bench/guest.h"

#define BYTES (1u << 20)
#define ROUNDS 900u

const char guest_name[] = "copy";

static uint64_t from[CPUS_MAX][BYTES / 8], to[CPUS_MAX][BYTES / 8];

void guest_prepare(void)
{
}

static void copy(uint64_t *p, const uint64_t *q, size_t bytes)
{
    const uint64_t *end = q + bytes / 8;
    uint64_t a, b, c, d;
    __asm__ volatile("1: ldp %3, %4, [%1]\n\t"
                     "ldp %5, %6, [%1, #16]\n\t"
                     "add %1, %1, #32\n\t"
                     "stp %3, %4, [%0]\n\t"
                     "stp %5, %6, [%0, #16]\n\t"
                     "add %0, %0, #32\n\t"
                     "cmp %1, %2\n\t"
                     "b.ne 1b"
                     : "+r"(p), "+r"(q), "+r"(end), "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(d)
                     :
                     : "cc", "memory");
}

static void set(uint64_t *p, uint64_t value, size_t bytes)
{
    const uint64_t *end = p + bytes / 8;
    __asm__ volatile("1: stp %2, %2, [%0], #16\n\t"
                     "stp %2, %2, [%0], #16\n\t"
                     "cmp %0, %1\n\t"
                     "b.ne 1b"
                     : "+r"(p), "+r"(end)
                     : "r"(value)
                     : "cc", "memory");
}

uint64_t guest_work(unsigned cpu)
{
    uint64_t sum = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        set(from[cpu], round * UINT64_C(0x0101010101010101), BYTES);
        copy(to[cpu], from[cpu], BYTES);
        sum += to[cpu][round];
    }
    return sum;
}
