/*
 * TLB maintenance between PEs: a broadcast TLBI is on its way until a DSB that covers it; the
 * issuer itself counts it from its next context synchronization event on.
 */
#include "cpu/direct.h"
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

/* Which pages a PE reaches without being seen is known while a message is on its way, too. */
Test(machine_tlbi, messages_on_their_way_are_asked_about_only_where_they_matter)
{
    WORLD_ENGINES(kind) {
        struct scene s;
        scene_make(&s, kind, true, TLBI_VAE2IS, A64_DSB_ISH);
        uint64_t *hot = &s.m->core[1].cache->hot_insns;
        issuer_goes_to(&s, 3);
        s.issuer->wait = CPU_IS_OFF;
        s.user->x[1] = WORLD_DATA;
        machine_run(s.m, s.m->state->step + 20);
        uint64_t before = *hot;
        machine_run(s.m, s.m->state->step + 100);
        cr_assert_eq(*hot - before, kind == ENGINE_KIND_FAST ? 100 : 0);
        cr_assert_eq(s.asked, 0);
        s.user->x[1] = WORLD_WINDOW;
        machine_run(s.m, s.m->state->step + 20);
        cr_assert_eq(s.asked, 10, "at each use of what it removes");
        cr_assert_eq(s.user->x[2], 1);
        cr_assert_eq(s.m->state->mmu[1].queue_count, 1);
        machine_free(s.m);
    }
}

static void hear_barrier(void *context, const struct event *event)
{
    *(unsigned *)context = event->barrier.option;
}

/* HCR_EL2.BSU makes barriers of EL1 and EL0 reach at least so far; those of EL2 are left alone. */
Test(machine_tlbi, barriers_below_el2_reach_as_far_as_they_are_told)
{
    enum { OSH = 3, NSH = 7, ISH = 11, SY = 15, SSBB = 0, ISHST = 10 };
    static const struct {
        unsigned el, bsu, option, reaches;
    } rows[] = {
        {1, 0, NSH, NSH}, {1, 1, NSH, ISH}, {1, 2, NSH, OSH}, {1, 3, NSH, SY},  {1, 1, ISH, ISH},
        {1, 2, ISH, OSH}, {1, 1, OSH, OSH}, {1, 2, OSH, OSH}, {1, 2, SY, SY},   {1, 3, OSH, SY},
        {2, 3, NSH, NSH}, {0, 1, NSH, ISH}, {1, 3, SSBB, SSBB}, {1, 3, ISHST, 14},
    };
    WORLD_ENGINES(kind) {
        for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
            struct machine *m = world_machine(1, 1);
            unsigned heard = 16;
            m->engine = kind;
            struct cpu *cpu = WORLD_START(m, 0, 0xd503309fu | rows[i].option << 8, A64_B_SELF);
            world_set(m, 0, SR_HCR_EL2, HCR_EL2_RW | field_put(HCR_EL2_BSU, rows[i].bsu));
            cpu->el = (uint8_t)rows[i].el;
            events_attach(&m->events, hear_barrier, &heard, UINT64_C(1) << EVENT_BARRIER);
            machine_run(m, 1);
            cr_assert_eq(heard, rows[i].reaches, "row %u", i);
            machine_free(m);
        }
    }
}

/* What a DSB waits for the others costs cycles where the core's table says so. */
Test(machine_tlbi, a_round_trip_costs)
{
    for (unsigned broadcast = 0; broadcast < 2; broadcast++) {
        struct scene s;
        scene_make(&s, ENGINE_KIND_FAST, true, broadcast ? TLBI_VAE2IS : TLBI_VAE2, A64_DSB_ISH);
        s.m->timing.tlbi_broadcast = 50;
        issuer_goes_to(&s, 4);
        uint64_t before = s.issuer->cycles;
        issuer_goes_to(&s, 5);
        cr_assert_eq(s.issuer->cycles - before, broadcast ? 51 : 1);
        machine_free(s.m);
    }
}
