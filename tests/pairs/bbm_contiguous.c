/*
 * Break-before-make, contiguous bit: sixteen neighbouring pages that lead to neighbouring frames
 * are marked such that one TLB entry may serve them all.
 *
 * That changes the size of entries. All sixteen descriptors have to be broken before one of them
 * gets the bit.
 * DDI 0487: "The Contiguous bit", "Using break-before-make when updating translation table
 * entries".
 */
#include "tests/pairs/pair.h"

#define CONTIGUOUS (UINT64_C(1) << 52)
#define COUNT 16u

static struct vcpu system;
static uint64_t *stage1;

static void system_body(void)
{
    uint64_t *entry = table_entry(stage1, WINDOW, 3);
    load(WINDOW + PAGE);
#ifndef BAD
    for (unsigned i = 0; i < COUNT; i++)
        set_entry(entry + i, 0);
    dsb(ish);
    for (unsigned i = 0; i < COUNT; i++)
        tlbi_by(vaae1is, TLBI_VA(WINDOW + i * PAGE, 0));
    dsb(ish);
#endif
    for (unsigned i = 0; i < COUNT; i++)
        set_entry(entry + i, page_of(DATA_PAGE(i), STAGE1_RW | CONTIGUOUS));
    dsb(ish);
    isb();
    load(WINDOW);
}

void pair_main(void)
{
    stage1 = stage1_new();
    for (unsigned i = 0; i < COUNT; i++)
        map_page(stage1, WINDOW + i * PAGE, DATA_PAGE(i), STAGE1_RW);
    vcpu_init(&system, NULL, 0, stage1, 1, system_body);
    vcpu_run(&system);
}
