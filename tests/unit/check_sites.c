/*
 * Findings behind which a run goes on: the first of each site is told, and so many sites of a
 * class; all others are counted.
 */
#include "sim/run.h"

#include "tests/unit/check_world.h"

static struct check_world sites_world(uint32_t per_class)
{
    struct check_world w = {.m = world_machine(2, 1)};
    struct check_options options = {.mask = 1u << CHECK_VMID, .sites_per_class = per_class};
    w.checks = checks_new(w.m, &options);
    for (unsigned pe = 0; pe < 2; pe++)
        WORLD_START(w.m, pe, A64_B_SELF);
    return w;
}

/* Two roots live under one VMID, entered at a place of PE 1. Whether it is told. */
static bool clash(struct check_world *w, uint64_t pc)
{
    w->m->state->cpu[1].pc = pc;
    runs(w, 0, ROOT_A, 7);
    runs(w, 1, ROOT_B, 7);
    bool told = found(w) != NULL;
    checks_go_on(w->checks);
    runs(w, 1, 0, 0);
    runs(w, 0, 0, 0);
    cr_assert_null(found(w));
    return told;
}

Test(check_sites, the_same_place_is_told_once_and_counted)
{
    struct check_world w = sites_world(2);
    const struct finding_site *site;
    uint64_t lost;
    cr_assert(clash(&w, 0x1000));
    cr_assert_not(clash(&w, 0x1000));
    cr_assert(clash(&w, 0x2000));
    cr_assert_not(clash(&w, 0x3000), "two places of a class are enough");
    cr_assert_not(clash(&w, 0x3000));
    cr_assert_eq(checks_sites(w.checks, &site, &lost), 3u);
    cr_assert_eq(lost, 0u);
    cr_assert_eq(site[0].count, 2u);
    cr_assert_eq(site[1].count, 1u);
    cr_assert_eq(site[2].count, 2u);
    cr_assert(site[0].reported && site[1].reported && !site[2].reported);
    cr_assert_eq(site[2].pc, 0x3000u);
    cr_assert_str_eq(site[0].kind, "two-roots");
    check_world_close(&w);
}

Test(check_sites, more_sites_than_fit_are_counted_too)
{
    struct check_world w = sites_world(1);
    const struct finding_site *site;
    uint64_t lost;
    for (unsigned i = 0; i < FINDING_SITE_MAX + 5; i++)
        clash(&w, 0x1000 + 4 * i);
    cr_assert_eq(checks_sites(w.checks, &site, &lost), FINDING_SITE_MAX);
    cr_assert_eq(lost, 5u);
    check_world_close(&w);
}

Test(check_sites, without_a_number_any_finding_is_the_first)
{
    struct check_world w = sites_world(0);
    const struct finding_site *site;
    uint64_t lost;
    cr_assert(clash(&w, 0x1000));
    cr_assert(clash(&w, 0x1000));
    cr_assert_eq(checks_sites(w.checks, &site, &lost), 0u);
    check_world_close(&w);
}
