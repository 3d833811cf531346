/*
 * Break-before-make, non-global to global: a page that belonged to one process is made the same
 * for all.
 *
 * A global entry may be made only when no non-global one of the address can be left: both would
 * match the same access, which is a conflict.
 * DDI 0487: "Global and process-specific translation table entries", break-before-make.
 */
#include "tests/pairs/pair.h"

static struct vcpu system;
static uint64_t *stage1;

static void system_body(void)
{
    uint64_t *entry = table_entry(stage1, WINDOW, 3);
    load(WINDOW);
#ifndef BAD
    set_entry(entry, 0);
    dsb(ish);
    tlbi_by(vaae1is, TLBI_VA(WINDOW, 0));
    dsb(ish);
#endif
    set_entry(entry, page_of(DATA_PAGE(0), STAGE1_RW));
    dsb(ish);
    isb();
    load(WINDOW);
}

void pair_main(void)
{
    stage1 = stage1_new();
    map_page(stage1, WINDOW, DATA_PAGE(0), STAGE1_RW | STAGE1_NG);
    vcpu_init(&system, NULL, 0, stage1, 1, system_body);
    vcpu_run(&system);
}
