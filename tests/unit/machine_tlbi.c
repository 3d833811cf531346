/*
 * TLB maintenance between PEs: a broadcast TLBI is on its way until a DSB that covers it; the
 * issuer itself counts it from its next context synchronization event on.
 */
#include "tests/unit/machine_world.h"

#define OLD_PAGE (MAP_RAM + 0x100000)
#define NEW_PAGE (MAP_RAM + 0x101000)
#define TLBI_VAE2IS 0xd50c832bu /* tlbi vae2is, x11 */
#define TLBI_VAE2 0xd50c872bu   /* tlbi vae2, x11 */

/* tlbi-deliver is open, and the answer is that nothing has arrived yet. */
static uint32_t not_yet(void *context, const struct choice_name *name, uint32_t n, uint64_t hint)
{
    unsigned *asked = context;
    (void)n, (void)hint;
    cr_assert_eq(name->kind, CHOICE_TLBI_DELIVER);
    (*asked)++;
    return 1;
}

struct scene {
    struct machine *m;
    struct cpu *issuer, *user;
    unsigned asked;
};

/*
 * PE 1 has used the window; its descriptor now says another page. PE 0 runs TLBI, BARRIER, ISB
 * with PE 1 standing still; then each reads the window: X2 = 1 (old page) or 2 (new page).
 */
static void scene_make(struct scene *s, enum engine_kind kind, bool open, uint32_t tlbi,
                       uint32_t barrier)
{
    struct machine *m = s->m = world_machine(2, 1);
    m->engine = kind;
    s->asked = 0;
    s->issuer = WORLD_START(m, 0, A64_LDR_X2_X1, A64_NOP, tlbi, A64_LDR_X2_X1, barrier,
                            A64_LDR_X2_X1, A64_ISB, A64_LDR_X2_X1, A64_B_SELF);
    s->user = WORLD_START(m, 1, A64_LDR_X2_X1, A64_B_BACK);
    for (unsigned pe = 0; pe < 2; pe++) {
        world_mmu_on(m, pe);
        m->state->cpu[pe].x[1] = WORLD_WINDOW;
    }
    s->issuer->x[11] = WORLD_WINDOW >> PAGE_SHIFT;
    world_write(m, OLD_PAGE, 1);
    world_write(m, NEW_PAGE, 2);
    world_window(m, OLD_PAGE | WORLD_PAGE);
    machine_run(m, 4);
    cr_assert_eq(s->issuer->x[2], 1);
    cr_assert_eq(s->user->x[2], 1);
    world_window(m, NEW_PAGE | WORLD_PAGE);
    if (open) {
        m->chooser.policy = CHOICE_DECIDE;
        m->chooser.decide = not_yet;
        m->chooser.decide_context = &s->asked;
        m->chooser.open_mask = 1u << CHOICE_TLBI_DELIVER;
    }
}

/* The issuer alone goes on up to an instruction. */
static void issuer_goes_to(struct scene *s, unsigned instruction)
{
    s->user->wait = CPU_IS_OFF;
    while (s->issuer->pc != WORLD_PROGRAM(0) + 4 * instruction)
        cr_assert_eq(machine_run(s->m, s->m->state->step + 1), MACHINE_LIMIT);
    s->user->wait = CPU_RUNS;
}

/* ... and then PE 1 alone reads. */
static uint64_t user_reads_when_issuer_at(struct scene *s, unsigned instruction)
{
    issuer_goes_to(s, instruction);
    s->issuer->wait = CPU_IS_OFF;
    s->user->x[2] = 0;
    machine_run(s->m, s->m->state->step + 2);
    s->issuer->wait = CPU_RUNS;
    return s->user->x[2];
}

Test(machine_tlbi, before_the_tlbi_the_old_translation_stays)
{
    WORLD_ENGINES(kind) {
        struct scene s;
        scene_make(&s, kind, false, TLBI_VAE2IS, A64_DSB_ISH);
        cr_assert_eq(user_reads_when_issuer_at(&s, 2), 1);
        machine_free(s.m);
    }
}

Test(machine_tlbi, closed_it_has_arrived_at_the_next_use)
{
    WORLD_ENGINES(kind) {
        struct scene s;
        scene_make(&s, kind, false, TLBI_VAE2IS, A64_DSB_ISH);
        cr_assert_eq(user_reads_when_issuer_at(&s, 3), 2);
        machine_free(s.m);
    }
}

Test(machine_tlbi, open_it_may_be_late_until_the_dsb)
{
    static const uint32_t complete[] = {A64_DSB_ISH, 0xd5033f9f /* sy */, 0xd503339f /* osh */,
                                        0xd503389f /* reserved: as sy */};
    WORLD_ENGINES(kind) {
        for (unsigned i = 0; i < ARRAY_COUNT(complete); i++) {
            struct scene s;
            scene_make(&s, kind, true, TLBI_VAE2IS, complete[i]);
            cr_assert_eq(user_reads_when_issuer_at(&s, 3), 1);
            cr_assert_gt(s.asked, 0);
            cr_assert_eq(user_reads_when_issuer_at(&s, 5), 2, "DSB 0x%x", complete[i]);
            machine_free(s.m);
        }
    }
}

Test(machine_tlbi, barriers_that_do_not_cover_it_complete_nothing)
{
    static const uint32_t weaker[] = {0xd503379f /* dsb nsh */, 0xd5033a9f /* dsb ishst */,
                                      0xd503399f /* dsb ishld */, 0xd5033bbf /* dmb ish */,
                                      0xd503309f /* ssbb */, A64_NOP};
    WORLD_ENGINES(kind) {
        for (unsigned i = 0; i < ARRAY_COUNT(weaker); i++) {
            struct scene s;
            scene_make(&s, kind, true, TLBI_VAE2IS, weaker[i]);
            cr_assert_eq(user_reads_when_issuer_at(&s, 5), 1, "0x%x", weaker[i]);
            machine_free(s.m);
        }
    }
}

Test(machine_tlbi, the_issuer_itself_needs_dsb_and_isb)
{
    WORLD_ENGINES(kind) {
        struct scene s;
        scene_make(&s, kind, true, TLBI_VAE2IS, A64_DSB_ISH);
        static const struct {
            unsigned instruction;
            uint64_t reads;
        } expected[] = {{4, 1}, {6, 1}, {8, 2}};
        for (unsigned i = 0; i < ARRAY_COUNT(expected); i++) {
            issuer_goes_to(&s, expected[i].instruction);
            cr_assert_eq(s.issuer->x[2], expected[i].reads, "at %u", expected[i].instruction);
        }
        machine_free(s.m);
    }
}

Test(machine_tlbi, a_local_one_stays_at_home)
{
    WORLD_ENGINES(kind) {
        struct scene s;
        scene_make(&s, kind, false, TLBI_VAE2, A64_DSB_ISH);
        cr_assert_eq(user_reads_when_issuer_at(&s, 8), 1);
        issuer_goes_to(&s, 8);
        cr_assert_eq(s.issuer->x[2], 2);
        machine_free(s.m);
    }
}

Test(machine_tlbi, messages_on_their_way_are_state)
{
    WORLD_ENGINES(kind) {
        struct scene s;
        scene_make(&s, kind, true, TLBI_VAE2IS, A64_DSB_ISH);
        issuer_goes_to(&s, 3);
        cr_assert_eq(s.m->state->mmu[1].queue_count, 1);
        struct machine_snapshot *save = machine_save(s.m);
        uint64_t end = s.m->state->step + 60;
        machine_run(s.m, end);
        uint64_t hash = machine_hash(s.m);
        unsigned asked = s.asked;
        cr_assert_gt(asked, 0);
        cr_assert_eq(s.user->x[2], 2);
        machine_restore(s.m, save);
        cr_assert_eq(s.m->state->mmu[1].queue_count, 1);
        machine_run(s.m, end);
        cr_assert_eq(machine_hash(s.m), hash);
        cr_assert_eq(s.asked, 2 * asked, "the same questions again");
        machine_snapshot_free(save);
        machine_free(s.m);
    }
}
