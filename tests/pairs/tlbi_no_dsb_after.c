/*
 * DSB after TLBI: an invalidation is finished when a DSB of the PE that issued it is, not before.
 *
 * Without the DSB the new descriptor may be there while other PEs, and this one, still use entries
 * made from the old: the break was none.
 * DDI 0487: "Ordering and completion of TLB maintenance instructions".
 */
#include "tests/pairs/pair.h"

static volatile uint64_t loaded, changed;

static void other_cpu(void)
{
    load(WINDOW);
    flag_set(&loaded, 1);
    flag_wait(&changed, 1);
    isb();
    load(WINDOW);
}

void pair_main(void)
{
    uint64_t *entry = table_entry(el2_root, WINDOW, 3);
    map_page(el2_root, WINDOW, DATA_PAGE(0), STAGE1_RW);
    pair_start(1, other_cpu);
    flag_wait(&loaded, 1);

    set_entry(entry, 0);
    dsb(ish);
    tlbi_by(vae2is, TLBI_VA(WINDOW, 0));
#ifndef BAD
    dsb(ish);
#endif
    set_entry(entry, page_of(DATA_PAGE(1), STAGE1_RW));
    dsb(ish);
    flag_set(&changed, 1);
    pair_join(1);
}
