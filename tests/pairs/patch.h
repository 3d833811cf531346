/*
 * What the pairs about code that is written share: a function of two instructions, at an address
 * that is mapped twice, to write it and to call it.
 */
#pragma once
#include "tests/pairs/pair.h"

#define CODE WINDOW                  /* where it is called and, here, written */
#define RETURN UINT32_C(0xd65f03c0)  /* ret */
#define MOVE(n) (UINT32_C(0xd2800000) | (uint32_t)(n) << 5) /* mov x0, #n */

static inline void write_code(unsigned n)
{
    __asm__ volatile("str %w0, [%1]" ::"r"(MOVE(n)), "r"(CODE) : "memory");
}

static inline uint64_t call_code(void)
{
    register uint64_t x0 __asm__("x0");
    __asm__ volatile("blr %1" : "=r"(x0) : "r"(CODE) : "x30", "memory");
    return x0;
}

/* What makes written code visible to fetches of all PEs but for their own ISB. */
static inline void publish_code(void)
{
    dc(cvau, CODE);
    dsb(ish);
    ic_by(ivau, CODE);
    dsb(ish);
}

/* The function, for the first time: nothing was fetched there before. */
static inline void first_code(uint64_t *stage1)
{
    map_page(stage1, CODE, DATA_PAGE(0), STAGE1_RW);
    store(CODE, (uint64_t)RETURN << 32 | MOVE(1));
    publish_code();
    isb();
}
