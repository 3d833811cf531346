/*
 * Global entries are everybody's: a page of one process that is marked global is used for the next
 * process, too, whatever that one's tables say.
 *
 * DDI 0487: "Global and process-specific translation table entries", nG.
 */
#include "tests/pairs/pair.h"

#ifdef BAD
#define ATTRIBUTES STAGE1_RW
#else
#define ATTRIBUTES (STAGE1_RW | STAGE1_NG)
#endif

static struct vcpu system;
static uint64_t *process1, *process2;

static void system_body(void)
{
    load(WINDOW);
    write_register(ttbr0_el1, (uint64_t)(uintptr_t)process2 | ASID(2));
    isb();
    load(WINDOW);
}

void pair_main(void)
{
    process1 = stage1_new();
    process2 = stage1_new();
    map_page(process1, WINDOW, DATA_PAGE(0), ATTRIBUTES);
    map_page(process2, WINDOW, DATA_PAGE(1), ATTRIBUTES);
    vcpu_init(&system, NULL, 0, process1, 1, system_body);
    vcpu_run(&system);
}
