/*
 * A permission fault is mended at the level that it names: the hypervisor lets a page be written
 * by its level 3 descriptor, while a block of level 2 is what maps it (dirty logging was turned
 * off meanwhile). The page's table is not reached, and the guest faults for ever.
 *
 * DDI 0487: ISS encoding for an exception from a Data Abort, DFSC: the level of the fault.
 */
#include "tests/pairs/device.h"

static struct vcpu guest;
static uint64_t *vm, *pages;

static void guest_body(void)
{
    store(WINDOW, 1);
}

static void let_write(const struct vcpu *v)
{
#ifdef BAD
    uint64_t *entry = pages; /* of the table that was there before */
    (void)v;
#else
    uint64_t *entry = (ISS_DFSC(v->esr) & 3) == 2 ? table_entry(vm, WINDOW, 2) : pages;
#endif
    set_entry(entry, *entry | (STAGE2_RW ^ STAGE2_RO));
    dsb(ish);
    tlbi(vmalls12e1is);
    dsb(ish);
    isb();
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    vm = stage2_new();
    pages = table_new();
    set_entry(pages, page_of(DATA_PAGE(0), STAGE2_RO));
    map_page(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_block(vm, WINDOW, DATA, STAGE2_RO);
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    while (exit_class(vcpu_run(&guest)) == EXIT_DATA)
        let_write(&guest);
}
