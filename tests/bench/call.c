/*
 * Function calls: recursion, and calls through pointers.
 */
#include "tests/bench/guest.h"

#define ROUNDS 3u
#define DEPTH 32u
#define CALLS 10000000u

const char guest_name[] = "call";

void guest_prepare(void)
{
}

static __attribute__((noinline)) uint64_t fibonacci(uint64_t n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static __attribute__((noinline)) uint64_t add(uint64_t a, uint64_t b)
{
    return a + b;
}

static __attribute__((noinline)) uint64_t mix(uint64_t a, uint64_t b)
{
    return (a ^ b) * 5;
}

static __attribute__((noinline)) uint64_t turn(uint64_t a, uint64_t b)
{
    return (a << 7 | a >> 57) - b;
}

static uint64_t (*const functions[])(uint64_t, uint64_t) = {add, mix, turn, mix};

uint64_t guest_work(unsigned cpu)
{
    uint64_t sum = 0;
    for (unsigned round = 0; round < ROUNDS; round++)
        sum += fibonacci(DEPTH + (cpu & 1));
    for (uint32_t i = 0; i < CALLS; i++)
        sum = functions[i % 4](sum, i);
    return sum;
}
