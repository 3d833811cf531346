/*
 * Who runs next without any choice: the lowest cycle count, ties by number, for a quantum or
 * until it waits; and when a run comes back: limits, idleness, break points, what is unmodelled.
 */
#include "tests/unit/machine_world.h"

/* Each PE counts in a loop of two instructions. */
static struct machine *counters(unsigned pe_count, unsigned quantum)
{
    struct machine *m = world_machine(pe_count, quantum);
    for (unsigned pe = 0; pe < pe_count; pe++)
        WORLD_START(m, pe, A64_COUNT, A64_B_BACK);
    return m;
}

static void expect_order(struct machine *m, const unsigned *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t before = m->state->cpu[order[i]].insns;
        cr_assert_eq(machine_run(m, m->state->step + 1), MACHINE_LIMIT);
        cr_assert_eq(m->state->current, order[i], "step %zu", i);
        cr_assert_eq(m->state->cpu[order[i]].insns, before + 1);
    }
}

Test(machine_schedule, lowest_cycle_count_runs_and_ties_go_by_number)
{
    struct machine *m = counters(3, 1);
    m->state->cpu[0].cycles = 10;
    m->state->cpu[1].cycles = 5;
    m->state->cpu[2].cycles = 7;
    static const unsigned order[] = {1, 1, 1, 2, 1, 2, 1, 2, 0, 1, 2, 0};
    expect_order(m, order, ARRAY_COUNT(order));
    machine_free(m);
}

Test(machine_schedule, a_quantum_is_run_to_its_end)
{
    struct machine *m = counters(2, 4);
    static const unsigned order[] = {0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0};
    expect_order(m, order, ARRAY_COUNT(order));
    machine_free(m);
}

Test(machine_schedule, waiting_ends_a_quantum)
{
    struct machine *m = world_machine(2, 100);
    WORLD_START(m, 0, A64_NOP, A64_WFI, A64_B_SELF);
    WORLD_START(m, 1, A64_COUNT, A64_B_BACK);
    static const unsigned order[] = {0, 0, 1, 1, 1};
    expect_order(m, order, ARRAY_COUNT(order));
    cr_assert_eq(m->state->cpu[0].wait, CPU_WAITS_INTERRUPT);
    machine_free(m);
}

Test(machine_schedule, all_waiting_without_a_deadline_is_idle)
{
    struct machine *m = world_machine(2, 100);
    WORLD_START(m, 0, A64_WFI);
    WORLD_START(m, 1, A64_WFE);
    cr_assert_eq(machine_run(m, 1000), MACHINE_IDLE);
    cr_assert_eq(m->state->step, 2);
    cr_assert_eq(machine_run(m, 1000), MACHINE_IDLE, "and stays so");
    machine_free(m);
}

Test(machine_schedule, an_event_of_another_pe_ends_wfe_and_is_kept_when_nobody_waits)
{
    struct machine *m = world_machine(2, 1);
    struct cpu *waits = WORLD_START(m, 0, A64_WFE, A64_COUNT, A64_WFE, A64_COUNT, A64_WFI);
    WORLD_START(m, 1, A64_NOP, A64_NOP, 0xd503209f /* sev */, 0xd503209f /* sev */, A64_WFI);
    cr_assert_eq(machine_run(m, 4), MACHINE_LIMIT);
    cr_assert_eq(waits->x[10], 0);
    /* The second SEV comes while it runs, and lets the second WFE through. */
    cr_assert_eq(machine_run(m, 1000), MACHINE_IDLE);
    cr_assert_eq(waits->x[10], 2);
    cr_assert_eq(waits->wait, CPU_WAITS_INTERRUPT);
    machine_free(m);
}

Test(machine_schedule, break_point_stops_before_its_instruction_each_time)
{
    WORLD_ENGINES(kind) {
        struct machine *m = counters(2, 10);
        m->engine = kind;
        m->break_on = true;
        m->break_pe = 1;
        m->break_pc = WORLD_PROGRAM(1);
        for (unsigned hit = 0; hit < 3; hit++) {
            cr_assert_eq(machine_run(m, 1000), MACHINE_BREAK);
            cr_assert_eq(m->state->cpu[1].x[10], hit);
            cr_assert_eq(m->state->cpu[1].pc, WORLD_PROGRAM(1));
        }
        m->break_pe = -1;
        m->break_pc = WORLD_PROGRAM(0);
        cr_assert_eq(machine_run(m, 1000), MACHINE_BREAK);
        cr_assert_eq(m->state->cpu[0].pc, WORLD_PROGRAM(0));
        m->break_pc = WORLD_DATA;
        cr_assert_eq(machine_run(m, 1000), MACHINE_LIMIT, "nobody gets there");
        machine_free(m);
    }
}

Test(machine_schedule, a_break_point_changes_nothing)
{
    struct machine *plain = counters(2, 10), *broken = counters(2, 10);
    broken->break_on = true;
    broken->break_pe = 1;
    broken->break_pc = WORLD_PROGRAM(1) + 4;
    machine_run(plain, 200);
    unsigned hits = 0;
    while (machine_run(broken, 200) == MACHINE_BREAK)
        hits++;
    cr_assert_eq(hits, 50);
    cr_assert_eq(machine_hash(plain), machine_hash(broken));
    machine_free(plain);
    machine_free(broken);
}

static void expect_break_at(struct machine *m, unsigned word, uint64_t step)
{
    m->break_on = true;
    m->break_pe = -1;
    m->break_pc = WORLD_PROGRAM(0) + 4 * word;
    cr_assert_eq(machine_run(m, m->state->step + 1000), MACHINE_BREAK);
    cr_assert_eq(m->state->step, step, "at word %u: step %lu, not %lu", word,
                 (unsigned long)m->state->step, (unsigned long)step);
}

/* A hot run does a compare and its branch at once, unless one is to stop in between. */
Test(machine_schedule, break_points_lie_between_a_compare_and_its_branch)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(1, 10000);
        m->engine = kind;
        WORLD_START(m, 0, A64_COUNT, 0xf104015f /* cmp x10, #256 */, 0x54ffffc1 /* b.ne -8 */,
                    A64_B_SELF);
        cr_assert_eq(machine_run(m, 300), MACHINE_LIMIT); /* all of it has been decoded */
        expect_break_at(m, 2, 302);
        expect_break_at(m, 2, 305);
        expect_break_at(m, 1, 307);
        expect_break_at(m, 0, 309);
        expect_break_at(m, 2, 311);
        expect_break_at(m, 3, 768);
        expect_break_at(m, 3, 769);
        machine_free(m);
    }
}

Test(machine_schedule, break_points_stay_where_code_is_written)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(1, 10000);
        m->engine = kind;
        struct cpu *cpu = WORLD_START(m, 0, 0x4a030021 /* eor w1, w1, w3 */,
                                      0xb9000041 /* str w1, [x2] */, 0xd5033fdf /* isb */,
                                      A64_COUNT, A64_NOP, 0x17fffffb /* b -20 */);
        cpu->x[1] = A64_NOP;
        cpu->x[2] = WORLD_PROGRAM(0) + 16;
        cpu->x[3] = A64_NOP ^ A64_COUNT;
        cr_assert_eq(machine_run(m, 60), MACHINE_LIMIT);
        cr_assert_eq(cpu->x[10], 15, "every second time there are two of them");
        for (uint64_t i = 10; i < 30; i++)
            expect_break_at(m, 4, 6 * i + 4);
        for (uint64_t i = 30; i < 50; i++)
            expect_break_at(m, 3, 6 * i + 3);
        expect_break_at(m, 4, 6 * 49 + 4);
        machine_free(m);
    }
}

Test(machine_schedule, what_is_unmodelled_stops_and_changes_nothing)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine_of("neoverse-n1", 1, 100);
        m->engine = kind;
        const uint32_t unmodelled = 0xd538f300; /* mrs x0, N1_CLUSTER0_EL1 */
        struct cpu *cpu = WORLD_START(m, 0, A64_NOP, unmodelled, A64_NOP);
        cr_assert_eq(machine_run(m, 1), MACHINE_LIMIT);
        uint64_t before = machine_hash(m);
        for (unsigned again = 0; again < 2; again++) {
            cr_assert_eq(machine_run(m, 10), MACHINE_UNMODELLED);
            cr_assert_not_null(m->unmodelled);
            cr_assert_eq(m->unmodelled_pe, 0);
            cr_assert_eq(cpu->pc, WORLD_PROGRAM(0) + 4, "at the instruction");
            cr_assert_eq(machine_hash(m), before);
        }
        machine_free(m);
    }
}

static void stop_at_third(void *context, const struct event *e)
{
    struct machine *m = context;
    if (e->mem.write && e->mem.value == 3)
        machine_request_stop(m);
}

Test(machine_schedule, a_request_ends_the_run_behind_the_very_step)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(1, 1000);
        m->engine = kind;
        /* add x4, x4, #1; str x4, [x1]; b .-8 */
        struct cpu *cpu = WORLD_START(m, 0, 0x91000484, A64_STR_X4_X1, 0x17fffffe);
        events_attach(&m->events, stop_at_third, m, UINT64_C(1) << EVENT_MEM);
        cr_assert_eq(machine_run(m, 1000), MACHINE_REQUEST);
        cr_assert_eq(m->state->step, 8);
        cr_assert_eq(cpu->x[4], 3);
        cr_assert_eq(machine_run(m, 20), MACHINE_LIMIT, "it can go on");
        machine_free(m);
    }
}
