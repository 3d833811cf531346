/*
 * S1PTW: the abort at stage 2 may be one of the walk of the guest's own tables, not of its access.
 * HPFAR_EL2 then is the table's address and the syndrome names no register. It is no access to a
 * device: the table has to be paged in, and the guest to try again.
 *
 * DDI 0487: ISS encoding for an exception from a Data Abort, S1PTW; HPFAR_EL2.
 */
#include "tests/pairs/device.h"

static struct vcpu guest;
static uint64_t *vm;

/* A page of the guest whose content is known, through a table that is paged out. */
static void guest_body(void)
{
    if (load(WINDOW) != 7)
        pair_fail();
}

static void aborted(struct vcpu *v)
{
    uint64_t ipa = read_register(hpfar_el2) >> 4 << 12;
#ifndef BAD
    if (ISS_S1PTW(v->esr)) {
        map_page(vm, ipa, DATA_PAGE(1), STAGE2_RW);
        return;
    }
#endif
    set_x(v, ISS_SRT(v->esr), loaded(v->esr, ipa));
    v->pc += 4;
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    vm = stage2_new();
    map_page(vm, WINDOW, DATA_PAGE(0), STAGE2_RW);
    store(DATA_PAGE(0), 7);
    store(DATA_PAGE(1), page_of(WINDOW, STAGE1_RW)); /* the guest's table */
    set_entry(table_entry(stage1, WINDOW, 2), (WINDOW + PAGE) | DESCRIPTOR_TABLE);
    dsb(ish);
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    while (exit_class(vcpu_run(&guest)) == EXIT_DATA)
        aborted(&guest);
}
