/*
 * DSB behind IC: ISB throws away what was fetched before, but only the DSB says that the
 * invalidation is finished.
 *
 * DDI 0487: "Ordering and completion of data and instruction cache instructions".
 */
#include "tests/pairs/patch.h"

static struct vcpu system;

static void system_body(void)
{
    call_code();
    write_code(2);
    dc(cvau, CODE);
    dsb(ish);
    ic_by(ivau, CODE);
#ifndef BAD
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
