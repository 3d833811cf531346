/*
 * The erratum tlbi-loads (mmu/late.c): a load of another PE that a TLBI and its DSB should have
 * finished may still go through the translation that they removed, for a while.
 *
 * PE 1 has used the window, whose descriptor then says another page. PE 0 invalidates; PE 1 reads.
 */
#include "tests/unit/machine_world.h"

#include "cpu/errata.h"

#define OLD_PAGE (MAP_RAM + 0x100000)
#define NEW_PAGE (MAP_RAM + 0x101000)
#define TLBI_VAE2IS 0xd50c832bu /* tlbi vae2is, x11 */
#define TLBI_VAE2 0xd50c872bu   /* tlbi vae2, x11 */
#define DSB_NSH 0xd503379fu
#define DMB_ISH 0xd5033bbfu
#define LDAR_X2_X1 0xc8dffc22u
#define LDAXR_X2_X1 0xc85ffc22u
#define OPEN (1u << CHOICE_TLBI_DRAIN)

struct scene {
    struct machine *m;
    struct cpu *issuer, *user;
    unsigned asked;
    uint32_t answer;
};

static uint32_t decide(void *context, const struct choice_name *name, uint32_t n, uint64_t hint)
{
    struct scene *s = context;
    (void)hint;
    cr_assert_eq(name->kind, CHOICE_TLBI_DRAIN);
    cr_assert_eq(n, 2);
    s->asked++;
    return s->answer;
}

static struct machine *machine_make(bool erratum)
{
    struct machine_config config;
    struct error error;
    config_default(&config);
    config.pe_count = 3;
    config.quantum = 1;
    config.ram_bytes = 16u << 20;
    config.timing_flat = 1;
    config.history = 16;
    config.open_mask = OPEN;
    config.errata = erratum ? 1u << ERRATUM_TLBI_LOADS : 0;
    struct machine *m = machine_new(&config, &error);
    cr_assert_not_null(m, "%s", error.text);
    return m;
}

/* What PE 0 does, up to four instructions, and what PE 1 does before its load, up to 200. */
struct story {
    uint32_t issuer[4];
    uint32_t before[2];
    unsigned nops;
    uint32_t load; /* 0: an ordinary one */
    bool same_page; /* the descriptor has not changed */
    bool third;     /* PE 2 does then what PE 0 has done */
};

static void goes(struct scene *s, unsigned pe, uint64_t pc)
{
    for (unsigned other = 0; other < 3; other++)
        s->m->state->cpu[other].wait = other == pe ? CPU_RUNS : CPU_IS_OFF;
    while (s->m->state->cpu[pe].pc != pc)
        cr_assert_eq(machine_run(s->m, s->m->state->step + 1), MACHINE_LIMIT);
}

static void scene_make(struct scene *s, const struct story *story, bool erratum, uint32_t answer)
{
    uint32_t user[256] = {A64_LDR_X2_X1};
    unsigned count = 1;
    for (unsigned i = 0; i < 2 && story->before[i]; i++)
        user[count++] = story->before[i];
    for (unsigned i = 0; i < story->nops; i++)
        user[count++] = A64_NOP;
    user[count++] = story->load ? story->load : A64_LDR_X2_X1;
    user[count++] = A64_B_SELF;
    *s = (struct scene){.m = machine_make(erratum), .answer = answer};
    s->issuer = WORLD_START(s->m, 0, story->issuer[0], story->issuer[1], story->issuer[2],
                            story->issuer[3], A64_B_SELF);
    s->user = world_start(s->m, 1, user, count);
    WORLD_START(s->m, 2, story->issuer[0], story->issuer[1], story->issuer[2], story->issuer[3],
                A64_B_SELF);
    for (unsigned pe = 0; pe < 3; pe++) {
        world_mmu_on(s->m, pe);
        s->m->state->cpu[pe].x[1] = WORLD_WINDOW;
        s->m->state->cpu[pe].x[11] = WORLD_WINDOW >> PAGE_SHIFT;
    }
    world_write(s->m, OLD_PAGE, 1);
    world_write(s->m, NEW_PAGE, 2);
    world_window(s->m, OLD_PAGE | WORLD_PAGE);
    goes(s, 1, WORLD_PROGRAM(1) + 4);
    cr_assert_eq(s->user->x[2], 1);
    s->user->x[2] = 0;
    if (!story->same_page)
        world_window(s->m, NEW_PAGE | WORLD_PAGE);
    s->m->chooser = (struct chooser){.policy = CHOICE_DECIDE, .open_mask = OPEN, .decide = decide,
                                     .decide_context = s};
    goes(s, 0, WORLD_PROGRAM(0) + 16);
    if (story->third)
        goes(s, 2, WORLD_PROGRAM(2) + 16);
    goes(s, 1, WORLD_PROGRAM(1) + 4 * (count - 1));
}

/* With the erratum and the answer that the load is late: what it reads, and what was asked. */
static void expect(const struct story *story, uint64_t read, unsigned asked)
{
    struct scene s;
    scene_make(&s, story, true, 1);
    cr_expect_eq(s.user->x[2], read, "%lu is read", (unsigned long)s.user->x[2]);
    cr_expect_eq(s.asked, asked, "asked %u times", s.asked);
    machine_free(s.m);
}

#define ONCE {TLBI_VAE2IS, A64_DSB_ISH, A64_NOP, A64_NOP}

Test(mmu_late, a_load_may_come_late_where_the_erratum_is)
{
    static const struct story once = {ONCE, {0}, 0, 0, false, false};
    for (unsigned erratum = 0; erratum < 2; erratum++)
        for (uint32_t answer = 0; answer < 2; answer++) {
            struct scene s;
            scene_make(&s, &once, erratum != 0, answer);
            cr_expect_eq(s.user->x[2], erratum && answer ? 1 : 2);
            cr_expect_eq(s.asked, erratum);
            machine_free(s.m);
        }
}

Test(mmu_late, nothing_is_asked_where_it_is_closed)
{
    struct scene s;
    static const struct story once = {ONCE, {0}, 0, 0, false, false};
    s = (struct scene){0};
    scene_make(&s, &once, true, 1);
    cr_expect_eq(s.user->x[2], 1);
    s.m->chooser.open_mask = 0;
    s.user->pc = WORLD_PROGRAM(1);
    goes(&s, 1, WORLD_PROGRAM(1) + 4);
    cr_expect_eq(s.user->x[2], 2);
    cr_expect_eq(s.asked, 1);
    machine_free(s.m);
}

Test(mmu_late, a_second_invalidation_by_the_same_pe_ends_it)
{
    expect(&(struct story){{TLBI_VAE2IS, A64_DSB_ISH, TLBI_VAE2IS, A64_DSB_ISH},
                           {0}, 0, 0, false, false},
           2, 0);
    expect(&(struct story){ONCE, {0}, 0, 0, false, true}, 1, 1); /* that of another PE does not */
    expect(&(struct story){{TLBI_VAE2IS, A64_DSB_ISH, A64_DSB_ISH, A64_NOP},
                           {0}, 0, 0, false, false}, 1,
           1);
    expect(&(struct story){{TLBI_VAE2IS, TLBI_VAE2IS, A64_DSB_ISH, A64_NOP},
                           {0}, 0, 0, false, false}, 1,
           1);
}

Test(mmu_late, what_the_loading_pe_does_may_end_it)
{
    expect(&(struct story){ONCE, {A64_ISB}, 0, 0, false, false}, 2, 0);
    expect(&(struct story){ONCE, {A64_DSB_ISH}, 0, 0, false, false}, 2, 0);
    expect(&(struct story){ONCE, {DSB_NSH}, 0, 0, false, false}, 2, 0);
    expect(&(struct story){ONCE, {DMB_ISH}, 0, 0, false, false}, 1, 1);
    expect(&(struct story){ONCE, {A64_NOP}, 0, 0, false, false}, 1, 1);
}

Test(mmu_late, no_longer_than_a_load_is_under_way)
{
    expect(&(struct story){ONCE, {0}, 126, 0, false, false}, 1, 1);
    expect(&(struct story){ONCE, {0}, 140, 0, false, false}, 2, 0);
}

Test(mmu_late, only_loads_that_it_makes_a_difference_to)
{
    expect(&(struct story){ONCE, {0}, 0, LDAR_X2_X1, false, false}, 1, 1);
    expect(&(struct story){ONCE, {0}, 0, LDAXR_X2_X1, false, false}, 1, 1);
    expect(&(struct story){ONCE, {0}, 0, 0, true, false}, 1, 0);
    /* A local invalidation of another PE reaches nobody. */
    expect(&(struct story){{TLBI_VAE2, A64_DSB_ISH, A64_NOP, A64_NOP},
                           {0}, 0, 0, false, false}, 1, 0);
}

Test(mmu_late, a_store_is_none)
{
    struct scene s;
    scene_make(&s, &(struct story){ONCE, {0}, 0, A64_STR_X4_X1, false, false}, true, 1);
    cr_expect_eq(s.asked, 0);
    cr_expect_eq(world_read(s.m, OLD_PAGE), 1);
    cr_expect_eq(world_read(s.m, NEW_PAGE), s.user->x[4]);
    machine_free(s.m);
}

/* What may still come is state: it is in a snapshot, and in the hash. */
Test(mmu_late, what_may_come_late_is_state)
{
    struct scene s;
    scene_make(&s, &(struct story){ONCE, {0}, 0, 0, false, false}, true, 1);
    struct machine_snapshot *save = machine_save(s.m);
    uint64_t hash = machine_hash(s.m);
    s.user->pc = WORLD_PROGRAM(1);
    goes(&s, 1, WORLD_PROGRAM(1) + 4);
    cr_expect_eq(s.user->x[2], 1);
    machine_restore(s.m, save);
    cr_expect_eq(machine_hash(s.m), hash);
    s.user->pc = WORLD_PROGRAM(1);
    goes(&s, 1, WORLD_PROGRAM(1) + 4);
    cr_expect_eq(s.user->x[2], 1);
    cr_expect_eq(s.asked, 3);
    machine_snapshot_free(save);
    machine_free(s.m);
}
