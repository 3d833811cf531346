/*
 * What may change without break: permissions. A page that was read-only becomes writable by one
 * store, and an old entry in some TLB only costs a fault more.
 *
 * Copy-on-write is no such change: the page becomes writable and leads to the copy, another output
 * address. That needs break-before-make although the old page was read-only.
 * DDI 0487: "Using break-before-make when updating translation table entries".
 */
#include "tests/pairs/pair.h"

static struct vcpu process;
static uint64_t *stage1;

static void process_body(void)
{
    uint64_t *entry = table_entry(stage1, WINDOW, 3);
    load(WINDOW);
#ifdef BAD
    store(DATA_PAGE(1), load(WINDOW)); /* the copy */
    set_entry(entry, page_of(DATA_PAGE(1), STAGE1_RW | STAGE1_NG));
#else
    set_entry(entry, page_of(DATA_PAGE(0), STAGE1_RW | STAGE1_NG));
#endif
    dsb(ish);
    tlbi_by(vale1is, TLBI_VA(WINDOW, 1));
    dsb(ish);
    isb();
    store(WINDOW, 1);
}

void pair_main(void)
{
    store(DATA_PAGE(0), 7);
    stage1 = stage1_new();
    map_block(stage1, DATA, DATA, STAGE1_RW);
    map_page(stage1, WINDOW, DATA_PAGE(0), STAGE1_RO | STAGE1_NG);
    vcpu_init(&process, NULL, 0, stage1, 1, process_body);
    vcpu_run(&process);
}
