/*
 * Set and way are for this PE's caches: a line that another PE has written is in that one's cache,
 * where no operation by set and way of this PE reaches it. By address it is found wherever it is.
 *
 * DDI 0487: DC CSW; "Cache maintenance operations by set/way" are for power-down of a PE alone.
 */
#include "tests/pairs/caches.h"

static volatile uint64_t written, done;

static void other_cpu(void)
{
    store(DATA_PAGE(0), 7);
    flag_set(&written, 1);
    flag_wait(&done, 1);
}

#ifdef BAD
/* Level 1 of this PE, and level 2. */
static void clean_all(void)
{
    for (uint64_t level = 0; level < 2; level++) {
        write_register(csselr_el1, level << 1);
        isb();
        uint64_t shape = read_register(ccsidr_el1);
        unsigned line = (unsigned)(shape & 7) + 4, ways = (unsigned)(shape >> 3 & 0x3ff) + 1;
        unsigned sets = (unsigned)(shape >> 13 & 0x7fff) + 1;
        unsigned shift = ways > 1 ? (unsigned)__builtin_clz(ways - 1) : 32;
        for (uint64_t way = 0; way < ways; way++) {
            for (uint64_t set = 0; set < sets; set++)
                dc(csw, way << shift | set << line | level << 1);
        }
        dsb(sy);
    }
}
#endif

void pair_main(void)
{
    pair_start(1, other_cpu);
    flag_wait(&written, 1);
#ifdef BAD
    clean_all();
#else
    dc(cvac, DATA_PAGE(0));
    dsb(sy);
#endif
    if (load_mmu_off(DATA_PAGE(0)) != 7)
        pair_fail();
    flag_set(&done, 1);
    pair_join(1);
}
