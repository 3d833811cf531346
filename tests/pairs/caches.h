/*
 * What the pairs about data caches share: a look at memory with the MMU and the cache off, and an
 * alias by which memory is used without caches while they are on.
 */
#pragma once
#include "tests/pairs/pair.h"

/*
 * What a load from there gives with the MMU off. Nothing else touches memory in between: the stack
 * and the program's data may be in the cache alone.
 */
static inline uint64_t load_mmu_off(uint64_t address)
{
    uint64_t value, sctlr = read_register(sctlr_el2);
    __asm__ volatile("msr sctlr_el2, %2\n\tisb\n\tldr %0, [%1]\n\tmsr sctlr_el2, %3\n\tisb"
                     : "=&r"(value)
                     : "r"(address), "r"(sctlr & ~UINT64_C(5)), "r"(sctlr)
                     : "memory");
    return value;
}

/* The first page of DATA, past the caches. */
static inline void map_uncached(void)
{
    map_page(el2_root, WINDOW, DATA_PAGE(0), STAGE1_DEVICE);
}
