/*
 * Stage 2 first, then stage 1: while the entry of stage 2 alone is still there, a walk of another
 * PE may combine it again with stage 1, behind an invalidation of stage 1 that came too early.
 *
 * The order that holds: IPAS2E1IS, DSB, VMALLE1IS, DSB.
 * DDI 0487: "TLB maintenance requirements" for stage 2, TLBI IPAS2E1IS.
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
#ifdef BAD
    tlbi(vmalle1is);
    dsb(ish);
    tlbi_by(ipas2e1is, TLBI_IPA(WINDOW));
    dsb(ish);
#else
    tlbi_by(ipas2e1is, TLBI_IPA(WINDOW));
    dsb(ish);
    tlbi(vmalle1is);
    dsb(ish);
#endif
    isb();
    set_entry(entry, page_of(DATA_PAGE(1), STAGE2_RW));
    dsb(ish);
    vcpu_run(&guest);
}
