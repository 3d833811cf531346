/*
 * How much of a run the hot half of the fast engine has done: laws that compare the engines want to
 * know that there was something to compare.
 */
#pragma once

#include "cpu/direct.h"
#include "sim/machine.h"

static inline uint64_t hot_insns(const struct machine *m)
{
    uint64_t sum = 0;
    for (unsigned pe = 0; pe < m->config.pe_count; pe++)
        sum += m->core[pe].cache->hot_insns;
    return sum;
}
