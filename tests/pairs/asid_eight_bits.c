/*
 * ASIDs have 8 bits unless TCR_EL1.AS says 16: the upper half of TTBR0_EL1.ASID is ignored, and
 * 0x101 is 1.
 *
 * DDI 0487: TCR_EL1.AS, TTBR0_EL1.ASID, ID_AA64MMFR0_EL1.ASIDBits.
 */
#include "tests/pairs/pair.h"

#ifdef BAD
#define SECOND_ASID 0x101
#else
#define SECOND_ASID 2
#endif

static struct vcpu system;
static uint64_t *process1, *process2;

static void system_body(void)
{
    load(WINDOW);
    write_register(ttbr0_el1, (uint64_t)(uintptr_t)process2 | ASID(SECOND_ASID));
    isb();
    load(WINDOW);
}

void pair_main(void)
{
    process1 = stage1_new();
    process2 = stage1_new();
    map_page(process1, WINDOW, DATA_PAGE(0), STAGE1_RW | STAGE1_NG);
    map_page(process2, WINDOW, DATA_PAGE(1), STAGE1_RW | STAGE1_NG);
    vcpu_init(&system, NULL, 0, process1, 1, system_body);
    vcpu_run(&system);
}
