/*
 * Time: deadlines of timers, jumps when all wait, the time of whoever wakes, event streams, and
 * the one counter that never goes back.
 */
#include "tests/unit/machine_world.h"

#define TICK 16u /* cycles of the flat table: as the model's own */

/* The distributor and the CPU interfaces forward the PPI of the EL2 timer. */
static void interrupts_on(struct machine *m, unsigned pe)
{
    struct gic *gic = &m->state->gic;
    gic_write(gic, pe, GIC_FRAME_D, 0x000, 4, 1);                   /* GICD_CTLR */
    gic_write(gic, pe, GIC_FRAME_D, 0x100, 4, 1u << INTID_CNTHP);   /* GICD_ISENABLER0 */
    gic_write(gic, pe, GIC_FRAME_C, 0x000, 4, 1);                   /* GICC_CTLR */
    gic_write(gic, pe, GIC_FRAME_C, 0x004, 4, 0xff);                /* GICC_PMR */
}

/* msr cnthp_cval_el2, x0; msr cnthp_ctl_el2, x2; wfi; mrs x12, cntpct_el0; wfi */
static struct cpu *sleeper(struct machine *m, unsigned pe, uint64_t ticks)
{
    struct cpu *cpu = WORLD_START(m, pe, 0xd51ce240, 0xd51ce222, A64_WFI, 0xd53be02c, A64_WFI);
    cpu->x[0] = ticks;
    cpu->x[2] = 1;
    interrupts_on(m, pe);
    return cpu;
}

Test(machine_time, when_all_wait_time_jumps_to_the_deadline)
{
    struct machine *m = world_machine(1, 100);
    struct cpu *cpu = sleeper(m, 0, 1000);
    cr_assert_eq(machine_run(m, 3), MACHINE_LIMIT);
    cr_assert_eq(cpu->wait, CPU_WAITS_INTERRUPT);
    cr_assert_lt(cpu->cycles, 100);
    cr_assert_eq(machine_run(m, 4), MACHINE_LIMIT);
    cr_assert_eq(cpu->cycles, 1000 * TICK + 1);
    cr_assert_eq(cpu->x[12], 1000, "the counter reads what the timer waited for");
    machine_free(m);
}

Test(machine_time, who_wakes_gets_the_time_of_the_event_not_of_the_last_to_run)
{
    struct machine *m = world_machine(2, 100000);
    struct cpu *early = sleeper(m, 0, 100);
    WORLD_START(m, 1, A64_WFI);
    m->state->cpu[1].cycles = 1000000; /* far ahead, and then it waits */
    machine_run(m, 4);
    cr_assert_eq(early->cycles, 100 * TICK + 1);
    machine_free(m);
}

Test(machine_time, a_deadline_comes_while_another_pe_runs)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(2, 10000);
        m->engine = kind;
        struct cpu *cpu = sleeper(m, 0, 100);
        WORLD_START(m, 1, A64_COUNT, A64_B_BACK);
        machine_run(m, 3 + 100 * TICK);
        cr_assert_eq(cpu->wait, CPU_WAITS_INTERRUPT, "one cycle before");
        machine_run(m, 3 + 100 * TICK + 1);
        cr_assert_eq(cpu->wait, CPU_RUNS);
        cr_assert_eq(cpu->cycles, 100 * TICK);
        machine_free(m);
    }
}

Test(machine_time, the_counter_never_goes_back)
{
    struct machine *m = world_machine(2, 1);
    struct cpu *ahead = WORLD_START(m, 0, 0xd53be02c /* mrs x12, cntpct_el0 */, A64_WFI);
    struct cpu *behind = WORLD_START(m, 1, A64_NOP, 0xd53be02c, A64_WFI);
    ahead->cycles = 5000;
    machine_run(m, 2); /* PE 1 reads at its own time */
    cr_assert_eq(behind->x[12], 1 / TICK);
    behind->cycles = 0;
    behind->pc = WORLD_PROGRAM(1);
    behind->wait = CPU_WAITS_INTERRUPT;
    machine_run(m, 3);
    cr_assert_eq(ahead->x[12], 5000 / TICK);
    behind->wait = CPU_RUNS;
    machine_run(m, 5);
    cr_assert_eq(behind->x[12], 5000 / TICK, "it is behind, and reads what has been read");
    machine_free(m);
}

Test(machine_time, an_event_stream_ends_wfe_at_its_next_event)
{
    struct machine *m = world_machine(1, 100);
    /* wfe; add x10, x10, #1; b .-8 */
    struct cpu *cpu = WORLD_START(m, 0, A64_WFE, A64_COUNT, 0x17fffffe);
    /* An event at each rise of bit 5 of the counter: at 32, 96, 160... */
    world_set(m, 0, SR_CNTHCTL_EL2, CNTHCTL_EL2_EVNTEN | field_put(CNTHCTL_EL2_EVNTI, 5));
    cr_assert_eq(machine_run(m, 3), MACHINE_LIMIT);
    cr_assert_eq(cpu->x[10], 1);
    cr_assert_eq(cpu->cycles, 32 * TICK + 2);
    cr_assert_eq(machine_run(m, 6), MACHINE_LIMIT);
    cr_assert_eq(cpu->cycles, 96 * TICK + 2);
    /* WFI does not care, and nothing else will come. */
    uint32_t wfi = A64_WFI;
    cr_assert(machine_poke(m, pa_make(WORLD_PROGRAM(0)), &wfi, sizeof wfi));
    cr_assert_eq(machine_run(m, 100), MACHINE_IDLE);
    machine_free(m);
}

/* An event that comes while the PE is busy is kept for its next WFE, and only one. */
Test(machine_time, an_event_stream_sets_the_event_register_of_a_pe_that_runs)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(1, 100000);
        m->engine = kind;
        /* sub x2, x2, #1; cbnz x2, .-4; wfe; add x10, x10, #1; wfe; add x10, x10, #1; wfi */
        struct cpu *cpu = WORLD_START(m, 0, 0xd51ce100 /* msr cnthctl_el2, x0 */, A64_ISB,
                                      0xd1000442 /* sub x2, x2, #1 */, 0xb5ffffe2, A64_WFE,
                                      A64_COUNT, A64_WFE, A64_COUNT, A64_WFI);
        cpu->x[0] = CNTHCTL_EL2_EVNTEN | field_put(CNTHCTL_EL2_EVNTI, 5);
        cpu->x[2] = 8 * 64 * TICK; /* many events go by */
        while (cpu->wait == CPU_RUNS)
            machine_run(m, m->state->step + 1);
        cr_assert_eq(cpu->x[10], 1);
        cr_assert_eq(cpu->wait, CPU_WAITS_EVENT, "the second one sleeps");
        uint64_t first = cpu->cycles;
        cr_assert_eq(machine_run(m, m->state->step + 100), MACHINE_IDLE);
        cr_assert_eq(cpu->x[10], 2);
        uint64_t next = (first / TICK + 32) / 64 * 64 + 32;
        cr_assert_eq(cpu->cycles, next * TICK + 2, "%llu", (unsigned long long)cpu->cycles);
        uint64_t hash = machine_hash(m);
        m->side->streams.since[0]++;
        cr_assert_neq(machine_hash(m), hash);
        machine_free(m);
    }
}

/* Switched on long after the last time that its bit changed: nothing has come yet. */
Test(machine_time, an_event_stream_has_no_events_before_it_is_on)
{
    struct machine *m = world_machine(1, 100000);
    struct cpu *cpu = WORLD_START(m, 0, 0xd51ce100 /* msr cnthctl_el2, x0 */, A64_ISB, A64_WFE,
                                  A64_COUNT, A64_WFI);
    cpu->cycles = 40 * TICK;
    cpu->x[0] = CNTHCTL_EL2_EVNTEN | field_put(CNTHCTL_EL2_EVNTI, 5);
    cr_assert_eq(machine_run(m, 100), MACHINE_IDLE);
    cr_assert_eq(cpu->cycles, 96 * TICK + 2);
    machine_free(m);
}

Test(machine_time, sev_before_the_event_stream_leaves_no_deadline_behind)
{
    struct machine *m = world_machine(2, 1);
    WORLD_START(m, 0, A64_WFE, A64_WFI);
    WORLD_START(m, 1, A64_NOP, 0xd503209f /* sev */, A64_WFI);
    world_set(m, 0, SR_CNTHCTL_EL2, CNTHCTL_EL2_EVNTEN | field_put(CNTHCTL_EL2_EVNTI, 5));
    cr_assert_eq(machine_run(m, 100), MACHINE_IDLE);
    cr_assert_eq(m->state->clock.next, DEADLINE_NEVER);
    cr_assert_lt(m->state->cpu[0].cycles, 32 * TICK);
    machine_free(m);
}

Test(machine_time, an_interrupt_that_pstate_masks_ends_wfi_and_not_wfe)
{
    for (unsigned masked = 0; masked < 2; masked++)
        for (unsigned event = 0; event < 2; event++) {
            struct machine *m = world_machine(1, 100);
            struct cpu *cpu = sleeper(m, 0, 1000);
            if (event) {
                uint32_t wfe = A64_WFE;
                cr_assert(machine_poke(m, pa_make(WORLD_PROGRAM(0) + 8), &wfe, sizeof wfe));
            }
            cpu->daif = masked ? PSTATE_DAIF : 0;
            world_set(m, 0, SR_HCR_EL2, cpu->reg[SR_HCR_EL2] | HCR_EL2_IMO);
            bool sleeps = masked && event;
            cr_assert_eq(machine_run(m, 4), sleeps ? MACHINE_IDLE : MACHINE_LIMIT);
            cr_assert_eq(cpu->wait, sleeps ? CPU_WAITS_EVENT : CPU_RUNS);
            machine_free(m);
        }
}

Test(machine_time, a_masked_or_unrouted_timer_wakes_nobody)
{
    struct machine *m = world_machine(1, 100);
    struct cpu *cpu = sleeper(m, 0, 1000);
    cpu->x[2] = 3; /* ENABLE and IMASK */
    cr_assert_eq(machine_run(m, 100), MACHINE_IDLE);
    cr_assert_eq(cpu->wait, CPU_WAITS_INTERRUPT);
    machine_free(m);
    m = world_machine(1, 100);
    cpu = sleeper(m, 0, 1000);
    gic_write(&m->state->gic, 0, GIC_FRAME_D, 0x180, 4, 1u << INTID_CNTHP); /* ICENABLER0 */
    cr_assert_eq(machine_run(m, 100), MACHINE_IDLE);
    cr_assert_geq(m->state->clock.seen, 1000 * TICK, "it fired, and went nowhere");
    machine_free(m);
}

static uint32_t answer_unknown(void *context, const struct choice_name *name, uint32_t n,
                               uint64_t hint)
{
    const uint32_t *k = context;
    (void)hint;
    cr_assert_eq(name->kind, CHOICE_UNKNOWN_VALUE);
    return *k < n ? *k : n - 1;
}

/* TVAL and ISTATUS while the timer is off; CVAL, and what is on, is never UNKNOWN. */
Test(machine_time, views_of_a_timer_that_is_off_are_unknown)
{
    static const uint64_t views[] = {1000, 0, UINT32_MAX, 0xa5a5a5a5};
    for (uint32_t k = 0; k < ARRAY_COUNT(views); k++)
        for (unsigned on = 0; on < 2; on++) {
            struct machine *m = world_machine(1, 100);
            struct cpu *cpu = WORLD_START(m, 0, 0xd53ce202 /* mrs x2, cnthp_tval_el2 */,
                                          0xd53ce223 /* mrs x3, cnthp_ctl_el2 */,
                                          0xd53ce244 /* mrs x4, cnthp_cval_el2 */, A64_WFI);
            m->chooser.policy = CHOICE_DECIDE;
            m->chooser.decide = answer_unknown;
            m->chooser.decide_context = &k;
            m->chooser.open_mask = 1u << CHOICE_UNKNOWN_VALUE;
            world_set(m, 0, SR_CNTHP_CVAL_EL2, 1000);
            world_set(m, 0, SR_CNTHP_CTL_EL2, on);
            machine_run(m, 3);
            cr_assert_eq(cpu->x[2], on ? 1000 : views[k]);
            cr_assert_eq(cpu->x[3], on ? 1 : k == 0 ? 0 : 4);
            cr_assert_eq(cpu->x[4], 1000);
            machine_free(m);
        }
}

/* PSCI CPU_ON of a PE whose interrupt has been pending all along. */
Test(machine_time, a_pe_that_is_switched_on_sees_its_pending_line)
{
    struct machine *m = world_machine(2, 1);
    interrupts_on(m, 1);
    gic_write(&m->state->gic, 1, GIC_FRAME_D, 0x200, 4, 1u << INTID_CNTHP); /* ISPENDR0 */
    /* wfi at the entry point goes on at once */
    static const uint32_t entry[] = {A64_WFI, A64_COUNT, A64_B_SELF};
    cr_assert(machine_poke(m, pa_make(WORLD_PROGRAM(1)), entry, sizeof entry));
    struct cpu *caller = WORLD_START(m, 0, A64_NOP, 0xd4000003 /* smc #0 */, A64_B_SELF);
    caller->x[0] = UINT64_C(0xc4000003); /* CPU_ON */
    caller->x[1] = 1;
    caller->x[2] = WORLD_PROGRAM(1);
    caller->x[3] = 77;
    machine_wires(m); /* what changed so far has been seen */
    machine_run(m, 2);
    cr_assert_eq(caller->x[0], 0);
    struct cpu *on = &m->state->cpu[1];
    cr_assert_eq(on->x[0], 77);
    cr_assert_eq(on->lines, CPU_LINE_IRQ);
    cr_assert_eq(on->cycles, caller->cycles, "it starts when it was switched on");
    machine_run(m, 20);
    cr_assert_eq(on->x[10], 1);
    machine_free(m);
}
