/*
 * Maintenance of a range goes from line to line, by the size of the smallest line of any cache
 * that it has to reach (CTR_EL0.DminLine). A step that is too wide leaves lines out: where cores
 * differ it must not be taken from another one.
 *
 * DDI 0487: CTR_EL0.DminLine; DC CVAC.
 */
#include "tests/pairs/caches.h"

#define LINES 4u

static uint64_t line_bytes(void)
{
    return UINT64_C(4) << (read_register(ctr_el0) >> 16 & 15);
}

static void clean(uint64_t from, uint64_t to)
{
#ifdef BAD
    uint64_t step = 2 * line_bytes();
#else
    uint64_t step = line_bytes();
#endif
    for (uint64_t at = from; at < to; at += step)
        dc(cvac, at);
    dsb(sy);
}

void pair_main(void)
{
    uint64_t line = line_bytes();
    for (unsigned i = 0; i < LINES; i++)
        store(DATA_PAGE(0) + i * line, 7);
    clean(DATA_PAGE(0), DATA_PAGE(0) + LINES * line);
    for (unsigned i = 0; i < LINES; i++) {
        if (load_mmu_off(DATA_PAGE(0) + i * line) != 7)
            pair_fail();
    }
}
