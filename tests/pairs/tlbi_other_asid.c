/*
 * TLBI by VA names the ASID, too: entries of another process are not touched. An operating system
 * that changes the tables of a process that is not the running one has to give that one's ASID,
 * not the one in TTBR0_EL1.
 *
 * DDI 0487: TLBI VAE1IS, its ASID field.
 */
#include "tests/pairs/pair.h"

static struct vcpu system;
static uint64_t *process1, *process2;

static void switch_to(const uint64_t *root, uint64_t asid)
{
    write_register(ttbr0_el1, (uint64_t)(uintptr_t)root | ASID(asid));
    isb();
}

static void system_body(void)
{
    load(WINDOW);
    switch_to(process2, 2);
    load(WINDOW);

    uint64_t *entry = table_entry(process1, WINDOW, 3);
    set_entry(entry, 0);
    dsb(ish);
#ifdef BAD
    tlbi_by(vae1is, TLBI_VA(WINDOW, 2));
#else
    tlbi_by(vae1is, TLBI_VA(WINDOW, 1));
#endif
    dsb(ish);
    set_entry(entry, page_of(DATA_PAGE(2), STAGE1_RW | STAGE1_NG));
    dsb(ish);
    switch_to(process1, 1);
    if (load(WINDOW) != 2)
        pair_fail();
}

void pair_main(void)
{
    store(DATA_PAGE(2), 2);
    process1 = stage1_new();
    process2 = stage1_new();
    map_page(process1, WINDOW, DATA_PAGE(0), STAGE1_RW | STAGE1_NG);
    map_page(process2, WINDOW, DATA_PAGE(1), STAGE1_RW | STAGE1_NG);
    vcpu_init(&system, NULL, 0, process1, 1, system_body);
    vcpu_run(&system);
}
