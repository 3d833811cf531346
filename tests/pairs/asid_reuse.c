/*
 * An ASID is given to another process: entries of the old process with that number are still in
 * the TLBs. Before it is used again it has to be invalidated everywhere, while no register leads to
 * the old tables under it any more: a walk that nobody asked for would bring them back.
 *
 * DDI 0487: "Use of ASIDs and VMIDs to reduce TLB maintenance requirements", TLBI ASIDE1IS.
 */
#include "tests/pairs/pair.h"

static struct vcpu system;
static uint64_t *process1, *process2, *nobody;

static void system_body(void)
{
    load(WINDOW); /* the first process, which ends */
#ifndef BAD
    write_register(ttbr0_el1, (uint64_t)(uintptr_t)nobody | ASID(0));
    isb();
    tlbi_by(aside1is, ASID(1));
    dsb(ish);
#endif
    write_register(ttbr0_el1, (uint64_t)(uintptr_t)process2 | ASID(1));
    isb();
    load(WINDOW);
}

void pair_main(void)
{
    process1 = stage1_new();
    process2 = stage1_new();
    nobody = stage1_new();
    map_page(process1, WINDOW, DATA_PAGE(0), STAGE1_RW | STAGE1_NG);
    map_page(process2, WINDOW, DATA_PAGE(1), STAGE1_RW | STAGE1_NG);
    vcpu_init(&system, NULL, 0, process1, 1, system_body);
    vcpu_run(&system);
}
