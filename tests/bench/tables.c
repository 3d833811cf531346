/*
 * Page-table churn: pages are mapped, used, unmapped and invalidated by address, over and over.
 */
#include "tests/bench/guest.h"

#define PAGES 512u
#define ROUNDS 500u
#define PAGE 4096u

const char guest_name[] = "tables";

static uint64_t level2[CPUS_MAX][PAGES] __attribute__((aligned(PAGE)));
static uint64_t level3[CPUS_MAX][PAGES] __attribute__((aligned(PAGE)));
static uint64_t pages[CPUS_MAX][PAGES][PAGE / 8] __attribute__((aligned(PAGE)));

void guest_prepare(void)
{
    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
        guest_tables[4 + cpu] = (uint64_t)(uintptr_t)level2[cpu] | 3;
        level2[cpu][0] = (uint64_t)(uintptr_t)level3[cpu] | 3;
    }
    __asm__ volatile("dsb ish\n\tisb" ::: "memory");
}

static void invalidate(uint64_t va, int is_el2)
{
    __asm__ volatile("dsb ishst" ::: "memory");
    if (is_el2)
        __asm__ volatile("tlbi vae2is, %0" : : "r"(va >> 12) : "memory");
    else
        __asm__ volatile("tlbi vae1is, %0" : : "r"(va >> 12) : "memory");
    __asm__ volatile("dsb ish\n\tisb" ::: "memory");
}

uint64_t guest_work(unsigned cpu)
{
    uint64_t base = (uint64_t)(4 + cpu) << 30, sum = 0;
    int is_el2 = guest_level() == 2;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < PAGES; i++) {
            uint64_t va = base + (uint64_t)i * PAGE;
            volatile uint64_t *word = (volatile uint64_t *)(uintptr_t)va;
            unsigned page = (i + round) % PAGES;
            level3[cpu][i] = (uint64_t)(uintptr_t)pages[cpu][page] | 0x707;
            __asm__ volatile("dsb ishst\n\tisb" ::: "memory");
            word[round % 512] += i;
            sum += word[(round + 511) % 512];
            level3[cpu][i] = 0;
            invalidate(va, is_el2);
        }
    }
    return sum;
}
