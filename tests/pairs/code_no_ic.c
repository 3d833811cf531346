/*
 * Code that is written has to be invalidated in instruction caches: cleaning it to the point of
 * unification makes it visible to fetches that miss, and a line that is there does not miss.
 *
 * DDI 0487: "Synchronization and coherency issues between data and instruction accesses".
 */
#include "tests/pairs/patch.h"

static struct vcpu system;

static void system_body(void)
{
    call_code();
    write_code(2);
    dc(cvau, CODE);
    dsb(ish);
#ifndef BAD
    ic_by(ivau, CODE);
    dsb(ish);
#endif
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
