/*
 * With TCR_EL1.A1 the ASID is in TTBR1_EL1 and the tables of processes in TTBR0_EL1: two
 * registers, not written at once. An access between the two writes takes the tables of the one
 * process under the ASID of the other, and that entry stays.
 *
 * With the ASID in TTBR0_EL1 both change by one write. (The other way out is to have tables in
 * between that map nothing at all.)
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
    load(WINDOW); /* what the process left there */
    write_register(ttbr1_el1, ASID(asid));
#else
    write_register(ttbr0_el1, (uint64_t)(uintptr_t)root | ASID(asid));
    isb();
    load(WINDOW);
#endif
    isb();
}

static void system_body(void)
{
    switch_to(process1, 1);
    switch_to(process2, 2);
    switch_to(process1, 1);
    load(WINDOW);
}

void pair_main(void)
{
    process1 = stage1_new();
    process2 = stage1_new();
    map_page(process1, WINDOW, DATA_PAGE(0), STAGE1_RW | STAGE1_NG);
    map_page(process2, WINDOW, DATA_PAGE(1), STAGE1_RW | STAGE1_NG);
    vcpu_init(&system, NULL, 0, process1, 1, system_body);
#ifdef BAD
    system.tcr |= TCR_A1;
    system.ttbr1 = ASID(1);
#endif
    vcpu_run(&system);
}
