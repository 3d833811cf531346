/*
 * Code that is written has to be cleaned to the point of unification first: instruction caches are
 * filled from there, and the store may still be in the data cache alone.
 *
 * DDI 0487: "Synchronization and coherency issues between data and instruction accesses", DC CVAU.
 */
#include "tests/pairs/patch.h"

static struct vcpu system;

static void system_body(void)
{
    call_code();
    write_code(2);
#ifndef BAD
    dc(cvau, CODE);
    dsb(ish);
#endif
    ic_by(ivau, CODE);
    dsb(ish);
    isb();
    if (call_code() != 2)
        pair_fail();
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    first_code(el2_root);
    map_page(stage1, CODE, DATA_PAGE(0), STAGE1_RW);
    vcpu_init(&system, NULL, 0, stage1, 1, system_body);
    vcpu_run(&system);
}
