/*
 * HPFAR_EL2 is not always valid: for a permission fault that is no fault of a stage 1 walk it is
 * UNKNOWN, and may hold what an earlier fault has left. The address is found by AT from FAR_EL2.
 *
 * The hypervisor protects two pages from writing, and lets each be written at its first fault.
 * DDI 0487: HPFAR_EL2; AT S1E1R, PAR_EL1.
 */
#include "tests/pairs/device.h"

#define FAULT_MOST 4

static struct vcpu guest;
static uint64_t *vm;

static void guest_body(void)
{
    load(WINDOW + PAGE); /* not there yet: a translation fault */
    store(WINDOW, 1);
}

static uint64_t address_of_fault(uint64_t esr)
{
    uint64_t ipa = read_register(hpfar_el2) >> 4 << 12;
#ifndef BAD
    if ((ISS_DFSC(esr) & 0x3c) == DFSC_PERMISSION && !ISS_S1PTW(esr)) {
        at(s1e1r, read_register(far_el2));
        isb();
        ipa = read_register(par_el1) & DESCRIPTOR_ADDRESS;
    }
#else
    (void)esr;
#endif
    return ipa;
}

static void aborted(struct vcpu *v)
{
    uint64_t ipa = address_of_fault(v->esr), *entry = table_entry(vm, ipa, 3);
    if ((ISS_DFSC(v->esr) & 0x3c) != DFSC_PERMISSION) {
        map_page(vm, ipa, DATA_PAGE(1), STAGE2_RO);
        return;
    }
    set_entry(entry, *entry | (STAGE2_RW ^ STAGE2_RO)); /* no break: a permission more */
    dsb(ish);
    tlbi_by(ipas2e1is, TLBI_IPA(ipa));
    dsb(ish);
    tlbi(vmalle1is);
    dsb(ish);
    isb();
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    vm = stage2_new();
    map_page(stage1, WINDOW, WINDOW, STAGE1_RW);
    map_page(stage1, WINDOW + PAGE, WINDOW + PAGE, STAGE1_RW);
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RO);
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    for (unsigned i = 0; exit_class(vcpu_run(&guest)) == EXIT_DATA; i++) {
        if (i == FAULT_MOST)
            pair_fail();
        aborted(&guest);
    }
}
