/*
 * How walks look at tables: TCR_EL1 says whether they look into caches. Tables that were written
 * through the cache need walks that do (or a clean to the point of coherency).
 *
 * DDI 0487: TCR_EL1.IRGN0, ORGN0, SH0.
 */
#include "tests/pairs/caches.h"

#define TCR_WALKS (UINT64_C(0x3f) << 8) /* IRGN0, ORGN0, SH0 */

static struct vcpu system;

static void system_body(void)
{
    load(WINDOW);
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    map_page(stage1, WINDOW, DATA_PAGE(0), STAGE1_RW);
    vcpu_init(&system, NULL, 0, stage1, 1, system_body);
#ifdef BAD
    system.tcr &= ~TCR_WALKS;
#endif
    vcpu_run(&system);
}
