/*
 * Break-before-make, memory type: an operating system turns a write-back page into device memory
 * (to hand a buffer to a driver).
 *
 * With both types in use for one address ordering and coherency are lost. The change needs the
 * break, and all users of the old entry gone.
 * DDI 0487: "Using break-before-make when updating translation table entries"; MAIR_EL1.
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
    set_entry(entry, page_of(DATA_PAGE(0), STAGE1_DEVICE));
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
