/*
 * Invalidation by ASID leaves global entries: they belong to no ASID. A page that all processes
 * share has to be invalidated by its address, or with everything.
 *
 * DDI 0487: TLBI ASIDE1IS: non-global entries; "Global and process-specific translation table
 * entries".
 */
#include "tests/pairs/pair.h"

static struct vcpu system;
static uint64_t *stage1;

static void system_body(void)
{
    uint64_t *entry = table_entry(stage1, WINDOW, 3);
    load(WINDOW);
    set_entry(entry, 0);
    dsb(ish);
#ifdef BAD
    tlbi_by(aside1is, ASID(1));
#else
    tlbi_by(vaae1is, TLBI_VA(WINDOW, 0));
#endif
    dsb(ish);
    set_entry(entry, page_of(DATA_PAGE(1), STAGE1_RW));
    dsb(ish);
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
