/*
 * Publishing: data is stored, then a flag that says so. Stores to different addresses may become
 * visible in any order; the flag has to be a store-release (or stand behind a DMB).
 *
 * DDI 0487: "Load-Acquire, Store-Release"; STLR.
 */
#include "tests/pairs/pair.h"

static volatile uint64_t data, ready;

static void other_cpu(void)
{
    flag_wait(&ready, 1);
    if (load((uintptr_t)&data) != 7)
        pair_fail();
}

void pair_main(void)
{
    pair_start(1, other_cpu);
    store((uintptr_t)&data, 7);
#ifdef BAD
    store((uintptr_t)&ready, 1);
    __asm__ volatile("dsb ish\n\tsev" ::: "memory"); /* as flag_set() does */
#else
    flag_set(&ready, 1);
#endif
    pair_join(1);
}
