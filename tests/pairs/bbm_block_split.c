/*
 * Break-before-make, splitting a block: a hypervisor replaces a stage 2 block by a table of pages
 * (say, to write-protect some of them) while a vCPU runs on the VM's tables.
 *
 * The sizes differ, so that a TLB may come to hold an entry for the block and one for a page of
 * the same address: a TLB conflict abort, or a mixture of both. The block has to be broken first,
 * even though every page of the new table leads where the block did.
 * DDI 0487: "Using break-before-make when updating translation table entries".
 */
#include "tests/pairs/pair.h"

static struct vcpu guest;
static volatile uint64_t running, done;
static uint64_t *vm, *stage1, *pages;

static void guest_body(void)
{
    load(WINDOW);
    flag_set(&running, 1);
    for (unsigned i = 0; i < TRIES && flag_read(&done) == 0; i++)
        load(WINDOW);
    flag_wait(&done, 1);
    load(WINDOW);
}

/* The block is missing for a moment: the guest tries again. */
static void guest_cpu(void)
{
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    for (unsigned i = 0; exit_class(vcpu_run(&guest)) != EXIT_HVC; i++) {
        if (i == TRIES)
            flag_wait(&done, 1);
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
    pair_start(1, guest_cpu);
    flag_wait(&running, 1);

    uint64_t *block = table_entry(vm, WINDOW, 2);
    dsb(ish);
    write_register(vttbr_el2, (uint64_t)(uintptr_t)vm | VMID(1));
    isb();
#ifndef BAD
    set_entry(block, 0);
    dsb(ish);
    tlbi_by(ipas2e1is, TLBI_IPA(WINDOW));
    dsb(ish);
    tlbi(vmalle1is);
    dsb(ish);
    isb();
#endif
    set_entry(block, table_of(pages));
    dsb(ish);
    flag_set(&done, 1);
    pair_join(1);
}
