/*
 * DSB between the two invalidations of stage 2: TLBIs are not ordered among themselves. Without a
 * DSB in between the one of stage 1 may be finished while entries of stage 2 alone are still
 * there, from which a walk makes a combined one again.
 *
 * DDI 0487: "Ordering and completion of TLB maintenance instructions", TLBI IPAS2E1IS.
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
#ifndef BAD
    dsb(ish);
#endif
    tlbi(vmalle1is);
    dsb(ish);
    isb();
    set_entry(entry, page_of(DATA_PAGE(1), STAGE2_RW));
    dsb(ish);
    vcpu_run(&guest);
}
