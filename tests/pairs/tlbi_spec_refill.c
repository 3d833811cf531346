/*
 * A page that nobody has touched may be in a TLB all the same: walks are made ahead of accesses. An
 * operating system that remembers that a page was never accessed, and so leaves the TLBI out, finds
 * the old frame behind its new descriptor.
 *
 * DDI 0487: "General TLB maintenance requirements": any valid descriptor may be cached at any time.
 */
#include "tests/pairs/pair.h"

static struct vcpu system;
static uint64_t *stage1;

static void system_body(void)
{
    uint64_t *entry = table_entry(stage1, WINDOW, 3);
    load(WINDOW + PAGE); /* its neighbour, but not the page */
    set_entry(entry, 0);
    dsb(ish);
#ifndef BAD
    tlbi_by(vaae1is, TLBI_VA(WINDOW, 0));
    dsb(ish);
#endif
    set_entry(entry, page_of(DATA_PAGE(2), STAGE1_RW));
    dsb(ish);
    isb();
    load(WINDOW);
}

void pair_main(void)
{
    stage1 = stage1_new();
    map_page(stage1, WINDOW, DATA_PAGE(0), STAGE1_RW);
    map_page(stage1, WINDOW + PAGE, DATA_PAGE(1), STAGE1_RW);
    vcpu_init(&system, NULL, 0, stage1, 1, system_body);
    vcpu_run(&system);
}
