/*
 * A guest with one vCPU invalidates the instruction cache of the PE that it is on, as it may. The
 * hypervisor has moved it there, and moves it back to where it has executed the old code: it has
 * to invalidate the instruction cache of a PE to which a vCPU comes from another.
 *
 * DDI 0487: IC IALLU; "Synchronization and coherency issues between data and instruction accesses".
 */
#include "tests/pairs/patch.h"

static struct vcpu guest;

static void guest_body(void)
{
    call_code();
    hvc(); /* goes on on another PE */
    write_code(2);
    dc(cvau, CODE);
    dsb(nsh);
    ic(iallu);
    dsb(nsh);
    isb();
    call_code();
    hvc(); /* and is back */
    if (call_code() != 2)
        pair_fail();
}

static void run_after_move(void)
{
#ifndef BAD
    ic(iallu);
    dsb(nsh);
    isb();
#endif
    vcpu_run(&guest);
}

void pair_main(void)
{
    uint64_t *vm = stage2_new(), *stage1 = stage1_new();
    first_code(el2_root);
    map_page(stage1, CODE, CODE, STAGE1_RW);
    map_page(vm, CODE, DATA_PAGE(0), STAGE2_RW);
    vcpu_init(&guest, vm, 1, stage1, 0, guest_body);
    vcpu_run(&guest);
    pair_start(1, run_after_move);
    pair_join(1);
    run_after_move();
}
