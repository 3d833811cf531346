/*
 * A stage 2 table that is freed before its descriptor has gone from the TLBs: other PEs may still
 * walk through it. Memory of tables is free behind the DSB that finishes the TLBI, no earlier.
 *
 * DDI 0487: "TLB maintenance requirements", intermediate caching of translation table entries.
 */
#include "tests/pairs/pair.h"

static struct vcpu guest;
static volatile uint64_t running, done;
static uint64_t *vm, *stage1;

static void guest_body(void)
{
    load(WINDOW);
    flag_set(&running, 1);
    flag_wait(&done, 1);
}

static void guest_cpu(void)
{
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    vcpu_run(&guest);
}

void pair_main(void)
{
    vm = stage2_new();
    stage1 = stage1_new();
    map_block(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    pair_start(1, guest_cpu);
    flag_wait(&running, 1);

    uint64_t *entry = table_entry(vm, WINDOW, 2);
    uint64_t *pages = (uint64_t *)(uintptr_t)(*entry & DESCRIPTOR_ADDRESS);
    write_register(vttbr_el2, (uint64_t)(uintptr_t)vm | VMID(1));
    isb();
    set_entry(entry, 0);
    dsb(ish);
#ifdef BAD
    set_entry(pages + 1, page_of(DATA_PAGE(1), STAGE1_RW)); /* used anew */
#endif
    tlbi(vmalls12e1is);
    dsb(ish);
#ifndef BAD
    set_entry(pages + 1, page_of(DATA_PAGE(1), STAGE1_RW));
#endif
    dsb(ish);
    flag_set(&done, 1);
    pair_join(1);
}
