/*
 * Merging pages into a block, second half of the rule: all that hung on the table has to go.
 *
 * The table is taken out and its address invalidated, but TLBI by IPA removes the entry of that
 * one page only: those of the table's other pages stay, and overlap with the block.
 * DDI 0487: TLBI IPAS2E1IS; "Using break-before-make when updating translation table entries".
 */
#include "tests/pairs/pair.h"

#define PAGES 16u /* of the table; the rest was never mapped */

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
    for (unsigned i = 0; i < PAGES; i++)
        set_entry(table_entry(vm, WINDOW + i * PAGE, 3), page_of(DATA_PAGE(i), STAGE2_RW));
    dsb(ish);
}

void pair_main(void)
{
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    vcpu_run(&guest);

    uint64_t *entry = table_entry(vm, WINDOW, 2);
    set_entry(entry, 0);
    dsb(ish);
#ifdef BAD
    tlbi_by(ipas2e1is, TLBI_IPA(WINDOW));
#else
    for (unsigned i = 0; i < PAGES; i++)
        tlbi_by(ipas2e1is, TLBI_IPA(WINDOW + i * PAGE));
#endif
    dsb(ish);
    tlbi(vmalle1is);
    dsb(ish);
    isb();
    set_entry(entry, block_of(DATA, STAGE2_RW));
    dsb(ish);
    vcpu_run(&guest);
}
