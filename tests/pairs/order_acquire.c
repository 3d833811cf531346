/*
 * Reading what was published: the load of the flag has to be a load-acquire, or the load of the
 * data may have been done before it.
 *
 * DDI 0487: "Load-Acquire, Store-Release"; LDAR.
 */
#include "tests/pairs/pair.h"

static volatile uint64_t data, ready;

static void other_cpu(void)
{
#ifdef BAD
    while (load((uintptr_t)&ready) == 0)
        __asm__ volatile("wfe" ::: "memory");
#else
    flag_wait(&ready, 1);
#endif
    if (load((uintptr_t)&data) != 7)
        pair_fail();
}

void pair_main(void)
{
    pair_start(1, other_cpu);
    store((uintptr_t)&data, 7);
    flag_set(&ready, 1);
    pair_join(1);
}
