/*
 * Local TLBI where a broadcast was needed: all PEs use EL2's tables, so that an entry may be in
 * the TLB of any of them. VAE2 reaches the PE that executes it, VAE2IS all.
 *
 * DDI 0487: TLBI VAE2, TLBI VAE2IS; "TLB maintenance instructions", shareability.
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
#ifdef BAD
    tlbi_by(vae2, TLBI_VA(WINDOW, 0));
#else
    tlbi_by(vae2is, TLBI_VA(WINDOW, 0));
#endif
    dsb(ish);
    set_entry(entry, page_of(DATA_PAGE(1), STAGE1_RW));
    dsb(ish);
    flag_set(&changed, 1);
    pair_join(1);
}
