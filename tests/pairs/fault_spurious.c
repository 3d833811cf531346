/*
 * A fault may be over when it is looked at: between break and make of another PE the page is not
 * there for a moment. The handler has to look at the tables again, under the lock, and let the
 * guest try again if the page is back; it must not take it for an access to no memory at all.
 *
 * DDI 0487: "Using break-before-make when updating translation table entries".
 */
#include "tests/pairs/device.h"

static struct vcpu guest;
static volatile uint64_t running, done;
static uint64_t *vm, *stage1;

static void guest_body(void)
{
    flag_set(&running, 1);
    for (unsigned i = 0; i < TRIES && flag_read(&done) == 0; i++) {
        if (load(WINDOW) != 7)
            pair_fail();
    }
    flag_wait(&done, 1);
}

static void guest_cpu(void)
{
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    for (unsigned i = 0; exit_class(vcpu_run(&guest)) == EXIT_DATA; i++) {
#ifdef BAD
        set_x(&guest, ISS_SRT(guest.esr), 0); /* reads as zero */
        guest.pc += 4;
#endif
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
    store(DATA_PAGE(0), 7);
    store(DATA_PAGE(1), 7);
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
    set_entry(entry, page_of(DATA_PAGE(1), STAGE2_RW));
    dsb(ish);
    flag_set(&done, 1);
    pair_join(1);
}
