/*
 * The choice next-cpu: a PE about to run behind its own visible operation is held until the
 * others have executed so many, or nobody else can run; the time that passed is charged.
 */
#include "tests/unit/machine_world.h"

struct answers {
    unsigned pe;      /* who is held, once */
    uint32_t k;
    unsigned asked;   /* questions to anybody */
    bool given;
    unsigned seen;    /* visible operations of the others while it is held */
    bool held;
    uint32_t left;    /* what the release told */
    unsigned releases;
};

static uint32_t decide(void *context, const struct choice_name *name, uint32_t n, uint64_t hint)
{
    struct answers *a = context;
    cr_assert_eq(name->kind, CHOICE_NEXT_CPU);
    cr_assert_eq(n, HOLD_ANSWERS);
    cr_assert_neq(hint, VISIBLE_NONE);
    a->asked++;
    if (a->given || name->object != a->pe)
        return 0;
    a->given = true;
    return a->k;
}

static void hear(void *context, const struct event *e)
{
    struct answers *a = context;
    if (e->kind == EVENT_HOLD) {
        a->held = e->hold.held;
        if (!e->hold.held) {
            a->left = e->hold.visible;
            a->releases++;
        }
    } else if (a->held && e->pe != a->pe) {
        a->seen++;
    }
}

/* PE 0 stores once and counts; PE 1 stores `stores` times (each with another instruction
 * beside), then waits. */
static struct machine *pair(struct answers *a, unsigned stores)
{
    struct machine *m = world_machine(2, 1);
    WORLD_START(m, 0, A64_STR_X4_X1, A64_COUNT, A64_B_BACK);
    /* str x4, [x1]; sub x0, x0, #1; cbnz x0, .-8; wfi */
    WORLD_START(m, 1, A64_STR_X4_X1, 0xd1000400, 0xb5ffffc0, A64_WFI);
    m->state->cpu[1].x[0] = stores;
    m->state->cpu[1].x[1] = WORLD_DATA + 0x100;
    m->chooser.policy = CHOICE_DECIDE;
    m->chooser.decide = decide;
    m->chooser.decide_context = a;
    m->chooser.open_mask = 1u << CHOICE_NEXT_CPU;
    events_attach(&m->events, hear, a,
                  UINT64_C(1) << EVENT_HOLD | UINT64_C(1) << EVENT_MEM);
    return m;
}

Test(machine_hold, lasts_as_many_visible_operations_as_the_answer_says)
{
    for (uint32_t k = 1; k + 1 < HOLD_ANSWERS; k++) {
        struct answers a = {.k = k};
        struct machine *m = pair(&a, 100000);
        while (a.releases == 0)
            cr_assert_eq(machine_run(m, m->state->step + 1), MACHINE_LIMIT);
        cr_assert_eq(a.seen, hold_distance[k]);
        cr_assert_eq(a.left, 0);
        cr_assert_eq(m->state->cpu[0].x[10], 0, "it has not run");
        cr_assert_eq(m->state->cpu[0].cycles, m->state->cpu[1].cycles, "the time is charged");
        cr_assert_eq(m->state->pe[0].hold_left, 0);
        machine_run(m, m->state->step + 4);
        cr_assert_gt(m->state->cpu[0].x[10], 0, "it runs again");
        machine_free(m);
    }
}

Test(machine_hold, the_last_answer_waits_for_all_others)
{
    struct answers a = {.k = HOLD_ANSWERS - 1};
    struct machine *m = pair(&a, 6000);
    while (a.releases == 0)
        cr_assert_eq(machine_run(m, m->state->step + 1), MACHINE_LIMIT);
    cr_assert_eq(a.seen, 5999, "all but the one before it was held");
    cr_assert_eq(m->state->cpu[1].wait, CPU_WAITS_INTERRUPT);
    cr_assert_geq(m->state->cpu[0].cycles, m->state->cpu[1].cycles);
    machine_free(m);
}

Test(machine_hold, the_last_answer_ends_where_the_others_never_wait)
{
    struct answers a = {.k = HOLD_ANSWERS - 1};
    struct machine *m = pair(&a, HOLD_UNTIL_OTHERS_WAIT + 1000);
    while (a.releases == 0)
        cr_assert_eq(machine_run(m, m->state->step + 500), MACHINE_LIMIT);
    cr_assert_eq(a.seen, HOLD_UNTIL_OTHERS_WAIT);
    cr_assert_eq(a.left, 0);
    cr_assert_eq(m->state->cpu[1].wait, CPU_RUNS);
    machine_free(m);
}

Test(machine_hold, ends_early_when_nobody_else_can_run)
{
    struct answers a = {.k = 4};
    struct machine *m = pair(&a, 10);
    while (a.releases == 0)
        cr_assert_eq(machine_run(m, m->state->step + 1), MACHINE_LIMIT);
    cr_assert_eq(a.seen, 9, "all but the one before it was held");
    cr_assert_eq(a.left, hold_distance[4] - 9);
    cr_assert_eq(m->state->pe[0].hold_left, 0);
    machine_free(m);
}

Test(machine_hold, is_not_asked_of_the_only_one_that_can_run)
{
    struct answers a = {.k = 1};
    struct machine *m = pair(&a, 10);
    m->state->cpu[1].wait = CPU_WAITS_INTERRUPT;
    cr_assert_eq(machine_run(m, 100), MACHINE_LIMIT);
    cr_assert_eq(a.asked, 0);
    machine_free(m);
}

Test(machine_hold, is_asked_only_behind_visible_operations)
{
    struct answers a = {.k = 0};
    struct machine *m = pair(&a, 10);
    WORLD_START(m, 0, A64_COUNT, A64_B_BACK);
    cr_assert_eq(machine_run(m, 300), MACHINE_LIMIT);
    cr_assert_eq(a.asked, 10, "the stores of PE 1 and nothing of PE 0");
    machine_free(m);
}

Test(machine_hold, two_held_pes_do_not_wait_for_each_other)
{
    struct answers a = {.k = 0};
    struct machine *m = pair(&a, 1000);
    m->state->pe[0].hold_left = 512;
    m->state->pe[1].hold_left = HOLD_UNTIL_OTHERS_WAIT;
    m->state->cpu[0].cycles = 5;
    cr_assert_eq(machine_run(m, 1), MACHINE_LIMIT);
    cr_assert_eq(m->state->current, 1, "the one with the lower time goes first");
    cr_assert_eq(m->state->pe[1].hold_left, 0);
    cr_assert_eq(m->state->pe[0].hold_left, 511, "and its store counts for the other");
    machine_free(m);
}

Test(machine_hold, closed_kinds_hold_nobody_and_answers_of_0_change_nothing)
{
    struct answers a = {.k = 0}, b = {.k = 1};
    struct machine *open = pair(&a, 500), *closed = pair(&b, 500);
    closed->chooser.open_mask = 0;
    cr_assert_eq(machine_run(open, 2000), machine_run(closed, 2000));
    cr_assert_gt(a.asked, 300);
    cr_assert_eq(b.asked, 0);
    cr_assert_eq(machine_hash(open), machine_hash(closed));
    machine_free(open);
    machine_free(closed);
}

struct names {
    uint64_t ordinal[4096];
    uint32_t count, object;
};

static uint32_t note_name(void *context, const struct choice_name *name, uint32_t n, uint64_t hint)
{
    struct names *names = context;
    (void)n, (void)hint;
    if (name->kind == CHOICE_NEXT_CPU && name->object == names->object) {
        cr_assert_lt(names->count, ARRAY_COUNT(names->ordinal));
        names->ordinal[names->count++] = name->ordinal;
    }
    return 0;
}

/* An interrupt is taken right behind a store: the questions before and behind it differ. */
Test(machine_hold, no_two_questions_have_one_name)
{
    static struct names names;
    struct machine *m = world_machine(2, 1);
    /* msr daifclr, #2; str x4, [x1]; b .-4 */
    WORLD_START(m, 0, 0xd50342ff, A64_STR_X4_X1, A64_B_BACK);
    WORLD_START(m, 1, A64_STR_X4_X1, A64_B_BACK);
    /* The vectors: msr daifclr, #2 and so on, with the line still up: interrupts in a row. */
    uint32_t vector = 0xd50342ff;
    cr_assert(machine_poke(m, pa_make(WORLD_VECTORS + 0x280), &vector, sizeof vector));
    world_set(m, 0, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_IMO);
    m->chooser.policy = CHOICE_DECIDE;
    m->chooser.decide = note_name;
    m->chooser.decide_context = &names;
    m->chooser.open_mask = 1u << CHOICE_NEXT_CPU;
    machine_run(m, 100);
    m->state->cpu[0].lines = CPU_LINE_IRQ;
    machine_run(m, 400);
    cr_assert_gt(names.count, 100);
    for (uint32_t i = 1; i < names.count; i++)
        cr_assert_gt(names.ordinal[i], names.ordinal[i - 1], "question %u", i);
    machine_free(m);
}

/* Holds PE 0 far into its loop, so that the hot half has it by then. */
static uint32_t hold_later(void *context, const struct choice_name *name, uint32_t n, uint64_t hint)
{
    (void)context, (void)n, (void)hint;
    return name->object == 0 && name->ordinal > 100 && name->ordinal <= 105;
}

static void watch_code(void *context, const struct event *e)
{
    if (e->hold.held)
        machine_watch_fetches(context, pa_make(WORLD_PROGRAM(0)), 1u << 2);
}

/* What was decoded goes in the midst of the question: the steps up to there are as they were. */
Test(machine_hold, an_observer_of_the_question_may_watch_the_code_that_runs)
{
    uint64_t hash[2];
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(2, 50);
        m->engine = kind;
        for (unsigned pe = 0; pe < 2; pe++) /* and b .-16 */
            WORLD_START(m, pe, A64_STR_X4_X1, A64_COUNT, A64_COUNT, A64_COUNT, 0x17fffffc);
        m->chooser.policy = CHOICE_DECIDE;
        m->chooser.decide = hold_later;
        m->chooser.open_mask = 1u << CHOICE_NEXT_CPU;
        events_attach(&m->events, watch_code, m, UINT64_C(1) << EVENT_HOLD);
        cr_assert_eq(machine_run(m, 1000), MACHINE_LIMIT);
        cr_assert_eq(m->state->cpu[0].insns + m->state->cpu[1].insns, 1000);
        cr_assert_eq(m->chooser.record_count, 1);
        hash[kind] = machine_hash(m);
        machine_free(m);
    }
    cr_assert_eq(hash[0], hash[1]);
}
