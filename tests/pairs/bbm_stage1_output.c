/*
 * Break-before-make at stage 1: an operating system gives a page of its own another frame.
 *
 * It runs at EL1, with no hypervisor's tables below it. The old descriptor has to be invalid, and
 * invalidated everywhere, before the new one is there.
 * DDI 0487: "Using break-before-make when updating translation table entries".
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
    set_entry(entry, page_of(DATA_PAGE(1), STAGE1_RW));
    dsb(ish);
#ifdef BAD
    tlbi_by(vaae1is, TLBI_VA(WINDOW, 0));
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
