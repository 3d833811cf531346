/*
 * With TCR_EL1.A1 the tables of a process and its ASID are in two registers. That no instruction
 * accesses a page of a process between the two writes does not help: a walk may be made ahead of
 * any access, with the registers that are in effect, and leaves what it finds in the TLB.
 *
 * Here the entry has the ASID of the process that goes and the page of the one that comes, and is
 * used when the former is back.
 * DDI 0487: TCR_EL1.A1; "Use of ASIDs and VMIDs to reduce TLB maintenance requirements".
 */
#include "tests/pairs/pair.h"

#define TCR_A1 (UINT64_C(1) << 22)

static struct vcpu system;
static uint64_t *process1, *process2;

static void switch_to(const uint64_t *root, uint64_t asid)
{
#ifdef BAD
    write_register(ttbr0_el1, (uint64_t)(uintptr_t)root);
    isb();
    write_register(ttbr1_el1, ASID(asid));
#else
    write_register(ttbr0_el1, (uint64_t)(uintptr_t)root | ASID(asid));
#endif
    isb();
}

static void system_body(void)
{
    switch_to(process2, 2);
    load(WINDOW + PAGE);
    switch_to(process1, 1);
    load(WINDOW);
}

void pair_main(void)
{
    process1 = stage1_new();
    process2 = stage1_new();
    map_page(process1, WINDOW, DATA_PAGE(0), STAGE1_RW | STAGE1_NG);
    map_page(process2, WINDOW, DATA_PAGE(1), STAGE1_RW | STAGE1_NG);
    map_page(process2, WINDOW + PAGE, DATA_PAGE(2), STAGE1_RW | STAGE1_NG);
    vcpu_init(&system, NULL, 0, process1, 1, system_body);
#ifdef BAD
    system.tcr |= TCR_A1;
    system.ttbr1 = ASID(1);
#endif
    vcpu_run(&system);
}
