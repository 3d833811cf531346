/*
 * The erratum tlbi-stores: a broadcast TLBI removes the entries of other PEs, but the DSB behind it
 * does not wait for their stores that were translated by these. The page has a new use by then,
 * and the store lands in it.
 *
 * The workaround is one TLBI more, of any address, and a DSB, behind each such sequence.
 * DDI 0487: "Ordering and completion of TLB maintenance instructions"; CVE-2025-10263.
 */
#include "tests/pairs/pair.h"

static volatile uint64_t stored, done;

/* Both stores may wait for long, and the second may be seen before the first. */
static void other_cpu(void)
{
    store(WINDOW, 1);
    store((uintptr_t)&stored, 1);
    __asm__ volatile("sev" ::: "memory");
    for (unsigned i = 0; i < TRIES && flag_read(&done) == 0; i++)
        ;
}

void pair_main(void)
{
    map_page(el2_root, WINDOW, DATA_PAGE(0), STAGE1_RW);
    pair_start(1, other_cpu);
    flag_wait(&stored, 1);
    set_entry(table_entry(el2_root, WINDOW, 3), 0);
    dsb(ish);
    tlbi_by(vae2is, TLBI_VA(WINDOW, 0));
    dsb(ish);
#ifndef BAD
    tlbi_by(vale2is, 0);
    dsb(ish);
#endif
    isb();
    store(DATA_PAGE(0), 7); /* another's now */
    flag_set(&done, 1);
    pair_join(1);
    if (load(DATA_PAGE(0)) != 7)
        pair_fail();
}
