/*
 * IPAS2E1 without VMALLE1: TLBI by IPA removes entries that hold stage 2 alone. An entry that
 * combines both stages, from VA to PA, has no IPA that the TLB would have to remember; it goes
 * only by an invalidation of stage 1.
 *
 * DDI 0487: TLBI IPAS2E1IS; "TLB maintenance requirements" for stage 2.
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

    uint64_t *entry = table_entry(vm, WINDOW, 3);
    set_entry(entry, 0);
    dsb(ish);
    tlbi_by(ipas2e1is, TLBI_IPA(WINDOW));
    dsb(ish);
#ifndef BAD
    tlbi(vmalle1is);
    dsb(ish);
#endif
    isb();
    set_entry(entry, page_of(DATA_PAGE(1), STAGE2_RW));
    dsb(ish);
    vcpu_run(&guest);
}
