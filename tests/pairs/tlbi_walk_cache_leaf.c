/*
 * Walk-cache entries after a table is freed: an operating system takes a table of pages out, frees
 * it, and the memory becomes another table.
 *
 * The VALE forms of TLBI remove last levels only. A walk may go on from the cached table
 * descriptor into the freed page, and read there what its new owner has written. Where a table
 * goes, the forms without L are needed.
 * DDI 0487: TLBI VALE1IS, TLBI VAE1IS; "TLB maintenance requirements".
 */
#include "tests/pairs/pair.h"

static struct vcpu system;
static uint64_t *stage1;

static void system_body(void)
{
    uint64_t *entry = table_entry(stage1, WINDOW, 2);
    uint64_t *pages = (uint64_t *)(uintptr_t)(*entry & DESCRIPTOR_ADDRESS);
    load(WINDOW);
    set_entry(entry, 0);
    dsb(ish);
#ifdef BAD
    tlbi_by(vale1is, TLBI_VA(WINDOW, 1));
#else
    tlbi_by(vae1is, TLBI_VA(WINDOW, 1));
#endif
    dsb(ish);
    /* The page is free, and somebody's table of another address. */
    set_entry(pages, page_of(DATA_PAGE(1), STAGE1_RW | STAGE1_NG));
    set_entry(table_entry(stage1, WINDOW + BLOCK, 2), table_of(pages));
    dsb(ish);
    isb();
    load(WINDOW + BLOCK);
}

void pair_main(void)
{
    stage1 = stage1_new();
    map_page(stage1, WINDOW, DATA_PAGE(0), STAGE1_RW | STAGE1_NG);
    vcpu_init(&system, NULL, 0, stage1, 1, system_body);
    vcpu_run(&system);
}
