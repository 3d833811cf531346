/*
 * Another table at a level in between: an operating system replaces the table that a descriptor
 * points to by a copy in which one page is another.
 *
 * The walk cache may hold the old pointer, and TLBs pages of the old table, beside those of the
 * new one. The descriptor of a table is subject to break-before-make as a page's is.
 * DDI 0487: "Using break-before-make when updating translation table entries".
 */
#include "tests/pairs/pair.h"

static struct vcpu system;
static uint64_t *stage1;

static void system_body(void)
{
    uint64_t *entry = table_entry(stage1, WINDOW, 2), *copy = table_new();
    load(WINDOW);
    copy[0] = page_of(DATA_PAGE(1), STAGE1_RW);
#ifndef BAD
    set_entry(entry, 0);
    dsb(ish);
    tlbi(vmalle1is);
    dsb(ish);
#endif
    set_entry(entry, table_of(copy));
    dsb(ish);
#ifdef BAD
    tlbi(vmalle1is);
    dsb(ish);
#endif
    isb();
    load(WINDOW);
}

void pair_main(void)
{
    stage1 = stage1_new();
    map_page(stage1, WINDOW, DATA_PAGE(0), STAGE1_RW);
    vcpu_init(&system, NULL, 0, stage1, 1, system_body);
    vcpu_run(&system);
}
