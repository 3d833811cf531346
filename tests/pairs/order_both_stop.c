/*
 * Two that look whether the other is in: each stores its own flag and then loads the other's. A
 * store may wait while a later load goes ahead, so that both see nobody. A DMB between the two
 * forbids it.
 *
 * (A hypervisor stops a guest's other vCPUs so, and a vCPU that enters looks whether it may.)
 * DDI 0487: DMB; "Definition of the Armv8 memory model".
 */
#include "tests/pairs/pair.h"

static volatile uint64_t wants[2], saw[2];

static void look(unsigned me)
{
    store((uintptr_t)&wants[me], 1);
#ifndef BAD
    dmb(ish);
#endif
    saw[me] = load((uintptr_t)&wants[1 - me]);
}

static void other_cpu(void)
{
    look(1);
}

void pair_main(void)
{
    pair_start(1, other_cpu);
    look(0);
    pair_join(1);
    if (saw[0] == 0 && saw[1] == 0)
        pair_fail();
}
