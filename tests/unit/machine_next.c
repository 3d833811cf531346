/*
 * The choice next-step: behind each visible operation any PE that can run may be next, by turns;
 * between two such operations nobody is asked and nobody else runs.
 */
#include "tests/unit/machine_world.h"

#define ANSWERS 64u

struct script {
    uint32_t answer[ANSWERS];
    unsigned count, asked;
    uint32_t n; /* of the last question */
};

static uint32_t decide(void *context, const struct choice_name *name, uint32_t n, uint64_t hint)
{
    struct script *s = context;
    (void)hint;
    cr_assert_eq(name->kind, CHOICE_NEXT_STEP);
    cr_assert_eq(name->object, 0);
    s->n = n;
    unsigned at = s->asked++;
    return at < s->count && s->answer[at] < n ? s->answer[at] : 0;
}

/* Three PEs that store twice to a word of their own, with a count between, and wait. */
static struct machine *three(struct script *s)
{
    struct machine *m = world_machine(3, 1);
    for (unsigned pe = 0; pe < 3; pe++) {
        WORLD_START(m, pe, A64_STR_X4_X1, A64_COUNT, A64_COUNT, A64_STR_X4_X1, A64_WFI);
        m->state->cpu[pe].x[1] = WORLD_DATA + 0x100 * pe;
    }
    m->chooser.policy = CHOICE_DECIDE;
    m->chooser.decide = decide;
    m->chooser.decide_context = s;
    m->chooser.open_mask = 1u << CHOICE_NEXT_STEP;
    return m;
}

Test(machine_next, nobody_else_runs_between_two_visible_operations)
{
    struct script s = {0};
    struct machine *m = three(&s);
    machine_run(m, 1); /* the first store of PE 0, who was the current one */
    cr_assert_eq(m->state->cpu[0].insns, 1);
    cr_assert_eq(s.asked, 0);
    s = (struct script){.answer = {2}, .count = 1};
    machine_run(m, 2);
    cr_assert_eq(s.asked, 1);
    cr_assert_eq(s.n, 3);
    cr_assert_eq(m->state->cpu[0].insns, 2, "the last of three by turns is the one that ran");
    machine_run(m, 4);
    cr_assert_eq(s.asked, 1, "no question up to its next store");
    cr_assert_eq(m->state->cpu[0].insns, 4);
    cr_assert_eq(m->state->cpu[1].insns + m->state->cpu[2].insns, 0);
    machine_free(m);
}

Test(machine_next, zero_is_the_one_with_the_least_time)
{
    struct script s = {0};
    struct machine *m = three(&s);
    machine_run(m, 1);
    machine_run(m, 2);
    cr_assert_eq(m->state->cpu[1].insns, 1);
    machine_run(m, 3);
    cr_assert_eq(m->state->cpu[2].insns, 1);
    machine_free(m);
}

Test(machine_next, who_waits_is_not_among_them)
{
    struct script s = {.answer = {2, 2, 2}, .count = 3};
    struct machine *m = three(&s);
    machine_run(m, 6); /* PE 0 to its WFI, and one more */
    cr_assert_eq(m->state->cpu[0].wait, CPU_WAITS_INTERRUPT);
    cr_assert_eq(s.n, 2);
    cr_assert_eq(machine_run(m, 1000), MACHINE_IDLE);
    cr_assert_eq(m->state->step, 15, "all three ran to their ends");
    machine_free(m);
}

Test(machine_next, closed_it_is_never_asked)
{
    struct script s = {0};
    struct machine *m = three(&s);
    m->chooser.open_mask = 0;
    cr_assert_eq(machine_run(m, 1000), MACHINE_IDLE);
    cr_assert_eq(s.asked, 0);
    machine_free(m);
}

/* A long way between two visible operations: turns do not begin where a run was stopped. */
Test(machine_next, the_state_does_not_depend_on_where_a_run_is_stopped)
{
    struct script s = {0};
    struct machine *whole = world_machine(2, 50), *parts = world_machine(2, 50);
    struct machine *both[] = {whole, parts};
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned pe = 0; pe < 2; pe++)
            WORLD_START(both[i], pe, A64_COUNT, A64_B_BACK);
        both[i]->chooser.policy = CHOICE_DECIDE;
        both[i]->chooser.decide = decide;
        both[i]->chooser.decide_context = &s;
        both[i]->chooser.open_mask = 1u << CHOICE_NEXT_STEP;
    }
    cr_assert_eq(machine_run(whole, 220), MACHINE_LIMIT);
    for (uint64_t step = 30; step <= 220; step += 10)
        cr_assert_eq(machine_run(parts, step), MACHINE_LIMIT);
    cr_assert_eq(whole->state->quantum_left, 30);
    cr_assert_eq(machine_hash(whole), machine_hash(parts));
    machine_free(whole);
    machine_free(parts);
}

/* What a PE did before the kind was closed and opened again is no question any more. */
Test(machine_next, a_question_from_before_it_was_closed_is_not_asked)
{
    struct script s = {.answer = {1}, .count = 1};
    struct machine *m = three(&s);
    WORLD_START(m, 1, A64_COUNT, A64_B_BACK);
    m->side->visible[0] = m->side->visible[1] = WORLD_DATA;
    machine_run(m, 1);
    cr_assert_eq(m->state->current, 1);
    machine_run(m, 10);
    cr_assert_eq(s.asked, 1, "it counts, and does nothing that is visible");
    machine_free(m);
}
