/*
 * ISB behind TCR_EL1: an operating system lets the top byte of addresses be ignored (TBI0), and
 * uses a tagged address before that is in effect.
 *
 * DDI 0487: TCR_EL1.TBI0; "Synchronization requirements for AArch64 System registers".
 */
#include "tests/pairs/pair.h"

#define TCR_TBI0 (UINT64_C(1) << 37)
#define TAG (UINT64_C(0x2a) << 56)

static struct vcpu system;

static void system_body(void)
{
    write_register(tcr_el1, read_register(tcr_el1) | TCR_TBI0);
#ifndef BAD
    isb();
#endif
    load(TAG | WINDOW);
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    map_page(stage1, WINDOW, DATA_PAGE(0), STAGE1_RW);
    vcpu_init(&system, NULL, 0, stage1, 1, system_body);
    vcpu_run(&system);
}
