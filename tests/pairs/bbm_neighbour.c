/*
 * Invalidation by address, rounded the wrong way: a hypervisor splits a block for a range that
 * begins in its middle. It has to invalidate the block, whose entry may cover every address in it.
 *
 * Rounding the start up, as if the range began with the next block, hits the neighbour only.
 * DDI 0487: TLBI IPAS2E1IS: the entries used to translate that IPA.
 */
#include "tests/pairs/pair.h"

static struct vcpu guest;
static uint64_t *vm, *stage1, *pages;

static void guest_body(void)
{
    for (;;) {
        load(WINDOW + PAGE);
        hvc();
    }
}

void pair_setup(void)
{
    vm = stage2_new();
    stage1 = stage1_new();
    map_block(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_block(vm, WINDOW, DATA, STAGE2_RW);
    pages = table_new();
    for (unsigned i = 0; i < 512; i++)
        pages[i] = page_of(DATA_PAGE(i), STAGE2_RW);
}

void pair_main(void)
{
    uint64_t start = WINDOW + 16 * PAGE; /* of the range */
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    vcpu_run(&guest);

    uint64_t *block = table_entry(vm, WINDOW, 2);
    set_entry(block, 0);
    dsb(ish);
#ifdef BAD
    uint64_t address = (start + BLOCK - 1) & ~(BLOCK - 1);
#else
    uint64_t address = start & ~(BLOCK - 1);
#endif
    tlbi_by(ipas2e1is, TLBI_IPA(address));
    dsb(ish);
    tlbi(vmalle1is);
    dsb(ish);
    isb();
    set_entry(block, table_of(pages));
    dsb(ish);
    vcpu_run(&guest);
}
