/*
 * Break-before-make for a VM that does not run: its entries stay in the TLBs while it is out, and
 * are used when it is in again. That none of its vCPUs is loaded while the tables change does not
 * help.
 *
 * DDI 0487: VMIDs; "Using break-before-make when updating translation table entries".
 */
#include "tests/pairs/pair.h"

static struct vcpu guest;

static void guest_body(void)
{
    for (;;) {
        load(WINDOW);
        hvc();
    }
}

void pair_main(void)
{
    uint64_t *vm = stage2_new(), *stage1 = stage1_new();
    map_page(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    vcpu_run(&guest);
    write_register(vttbr_el2, 0); /* the VM is out */
    isb();

    uint64_t *entry = table_entry(vm, WINDOW, 3);
#ifndef BAD
    set_entry(entry, 0);
    dsb(ish);
    write_register(vttbr_el2, guest.vttbr);
    isb();
    tlbi(vmalls12e1is);
    dsb(ish);
#endif
    set_entry(entry, page_of(DATA_PAGE(1), STAGE2_RW));
    dsb(ish);
    vcpu_run(&guest);
}
