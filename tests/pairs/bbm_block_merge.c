/*
 * Break-before-make, merging pages into a block: a hypervisor puts a stage 2 block in the place of
 * a table (dirty logging of a VM is over, and its pages may be large again).
 *
 * Entries of single pages, and of the table in the walk cache, live beside the new block if they
 * are not removed first. The descriptor has to be made invalid, and everything that hung on it
 * invalidated, before the block is written.
 * DDI 0487: "Using break-before-make when updating translation table entries".
 */
#include "tests/pairs/pair.h"

static struct vcpu guest;
static uint64_t *vm, *stage1;

static void guest_body(void)
{
    for (;;) {
        load(WINDOW);
        load(WINDOW + PAGE);
        hvc();
    }
}

void pair_setup(void)
{
    vm = stage2_new();
    stage1 = stage1_new();
    map_block(stage1, WINDOW, WINDOW, STAGE1_RW);
    for (unsigned i = 0; i < 512; i++)
        set_entry(table_entry(vm, WINDOW + i * PAGE, 3), page_of(DATA_PAGE(i), STAGE2_RW));
    dsb(ish);
}

void pair_main(void)
{
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    vcpu_run(&guest);

    uint64_t *entry = table_entry(vm, WINDOW, 2);
#ifndef BAD
    set_entry(entry, 0);
    dsb(ish);
    tlbi(vmalls12e1is);
    dsb(ish);
    isb();
#endif
    set_entry(entry, block_of(DATA, STAGE2_RW));
    dsb(ish);
#ifdef BAD
    tlbi(vmalls12e1is);
    dsb(ish);
    isb();
#endif
    vcpu_run(&guest);
}
