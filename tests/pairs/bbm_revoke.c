/*
 * Taking a permission away needs no break, but it needs the TLBI: a hypervisor write-protects a
 * guest's page to see which pages it writes.
 *
 * Without the invalidation (and its DSB) the guest goes on writing through the old entry, and the
 * write is never logged.
 * DDI 0487: "General TLB maintenance requirements".
 */
#include "tests/pairs/pair.h"

static struct vcpu guest;

static void guest_body(void)
{
    store(WINDOW, 1);
    hvc();
    store(WINDOW, 2);
}

void pair_main(void)
{
    uint64_t *vm = stage2_new(), *stage1 = stage1_new();
    map_page(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    vcpu_run(&guest);

    set_entry(table_entry(vm, WINDOW, 3), page_of(DATA_PAGE(0), STAGE2_RO));
    dsb(ish);
#ifndef BAD
    tlbi_by(ipas2e1is, TLBI_IPA(WINDOW));
    dsb(ish);
    tlbi(vmalle1is);
    dsb(ish);
    isb();
#endif
    if (exit_class(vcpu_run(&guest)) != EXIT_DATA) /* the write has to fault */
        pair_fail();
}
