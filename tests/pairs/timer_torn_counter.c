/*
 * A counter whose halves are not read at once: while the lower one wraps a read may give the upper
 * one that comes next. Reading twice helps: where the two differ in bit 32, the first is
 * right (Cortex-A73 erratum 858921).
 */
#include "tests/pairs/pair.h"

static uint64_t counter(void)
{
    isb();
    uint64_t first = read_register(cntvct_el0);
#ifdef BAD
    return first;
#else
    uint64_t second = read_register(cntvct_el0);
    return (first ^ second) >> 32 & 1 ? first : second;
#endif
}

void pair_main(void)
{
    for (unsigned turn = 0; turn < 40; turn++) {
        uint64_t last = 0;
        write_register(cntvoff_el2, read_register(cntpct_el0) - UINT64_C(0xfffffff8));
        isb();
        for (unsigned i = 0; i < turn; i++) /* some turn reads just when it wraps */
            __asm__ volatile("nop" ::: "memory");
        for (unsigned i = 0; i < 40; i++) {
            uint64_t now = counter();
            if (now < last || now > UINT64_C(0x100010000))
                pair_fail();
            last = now;
        }
    }
}
