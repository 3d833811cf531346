/*
 * ISB behind all: instructions may have been fetched long before they are executed. Only a context
 * synchronization event lets the PE fetch anew.
 *
 * DDI 0487: "Synchronization and coherency issues between data and instruction accesses".
 */
#include "tests/pairs/patch.h"

static struct vcpu system;

static void system_body(void)
{
    call_code();
    write_code(2);
    publish_code();
#ifndef BAD
    isb();
#endif
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
