/*
 * The erratum tlbi-loads: a broadcast TLBI removes the entries of other PEs, but the DSB behind it
 * does not wait for their loads that were translated by these. The page has a new use by then,
 * and the load reads that.
 *
 * The workaround is to do TLBI and DSB once more.
 * DDI 0487: "Ordering and completion of TLB maintenance instructions"; Cortex-A76 1286807.
 */
#include "tests/pairs/pair.h"

static struct vcpu guest;
static volatile uint64_t running, done;
static uint64_t *vm, *stage1;

static void guest_body(void)
{
    load(WINDOW);
    flag_set(&running, 1);
    for (unsigned i = 0; i < TRIES && flag_read(&done) == 0; i++) {
        if (load(WINDOW) != 0)
            pair_fail();
    }
    flag_wait(&done, 1);
}

static void guest_cpu(void)
{
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    for (unsigned i = 0; exit_class(vcpu_run(&guest)) != EXIT_HVC; i++) {
        if (i == TRIES)
            flag_wait(&done, 1);
    }
}

void pair_main(void)
{
    vm = stage2_new();
    stage1 = stage1_new();
    map_page(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    pair_start(1, guest_cpu);
    flag_wait(&running, 1);

    uint64_t *entry = table_entry(vm, WINDOW, 3);
    write_register(vttbr_el2, (uint64_t)(uintptr_t)vm | VMID(1));
    isb();
    set_entry(entry, 0);
    dsb(ish);
    tlbi_by(ipas2e1is, TLBI_IPA(WINDOW));
    dsb(ish);
    tlbi(vmalle1is);
    dsb(ish);
#ifndef BAD
    tlbi(vmalle1is);
    dsb(ish);
#endif
    store(DATA_PAGE(0), 7); /* another's now */
    set_entry(entry, page_of(DATA_PAGE(1), STAGE2_RW));
    dsb(ish);
    flag_set(&done, 1);
    pair_join(1);
}
