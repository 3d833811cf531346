/*
 * Lines with latency in a machine: when the GIC sees a timer, when a PE sees the GIC, what a late
 * edge leads to, and that nothing of it is there while the choices are closed.
 */
#include "tests/unit/machine_world.h"

#define TICK 16u
#define TIMER_AT 100u /* ticks */
#define GICC_IAR 0x00cu

struct answers {
    uint32_t assert_by_kind[LINES_OF_PE]; /* of PE 0 */
    uint32_t deassert_by_kind[LINES_OF_PE];
    unsigned asked;
};

static uint32_t decide(void *context, const struct choice_name *name, uint32_t n, uint64_t hint)
{
    struct answers *a = context;
    (void)hint;
    cr_assert_eq(n, LINE_ANSWERS);
    cr_assert(name->kind == CHOICE_LINE_ASSERT || name->kind == CHOICE_LINE_DEASSERT);
    cr_assert_lt(name->object, LINE_COUNT);
    a->asked++;
    if (name->object >= LINES_OF_PE)
        return 0;
    return name->kind == CHOICE_LINE_ASSERT ? a->assert_by_kind[name->object]
                                            : a->deassert_by_kind[name->object];
}

/* PE 0's EL2 timer is on from TIMER_AT on, and its interrupt goes to EL2; it counts in a loop. */
static struct machine *stage(struct answers *a, enum engine_kind kind)
{
    struct machine *m = world_machine(1, 1);
    struct gic *gic = &m->state->gic;
    m->engine = kind;
    m->chooser.policy = CHOICE_DECIDE;
    m->chooser.decide = decide;
    m->chooser.decide_context = a;
    m->chooser.open_mask = 1u << CHOICE_LINE_ASSERT | 1u << CHOICE_LINE_DEASSERT;
    struct cpu *cpu = WORLD_START(m, 0, A64_COUNT, A64_B_BACK);
    cpu->daif = 0;
    world_set(m, 0, SR_HCR_EL2, cpu->reg[SR_HCR_EL2] | HCR_EL2_IMO);
    gic_write(gic, 0, GIC_FRAME_D, 0x000, 4, 1);                 /* GICD_CTLR */
    gic_write(gic, 0, GIC_FRAME_D, 0x100, 4, 1u << INTID_CNTHP); /* GICD_ISENABLER0 */
    gic_write(gic, 0, GIC_FRAME_C, 0x000, 4, 1);                 /* GICC_CTLR */
    gic_write(gic, 0, GIC_FRAME_C, 0x004, 4, 0xff);              /* GICC_PMR */
    machine_wires(m);
    world_set(m, 0, SR_CNTHP_CVAL_EL2, TIMER_AT);
    world_set(m, 0, SR_CNTHP_CTL_EL2, 1);
    machine_timer_update(m, 0, 0);
    return m;
}

static bool is_taken(const struct machine *m)
{
    const struct cpu *cpu = &m->state->cpu[0];
    return cpu->pc >= WORLD_VECTORS && cpu->pc < WORLD_VECTORS + 0x800;
}

/* Runs up to that cycle of PE 0: whether its interrupt has been taken by then. */
static bool taken_at(struct machine *m, uint64_t cycles)
{
    while (m->state->cpu[0].cycles < cycles)
        machine_run(m, m->state->step + 1);
    return is_taken(m);
}

static bool gic_sees(const struct machine *m)
{
    return gic_bit(m->state->gic.line, gic_slot(0, INTID_CNTHP));
}

/* The timer's level changes by a write at once; its line by what has been answered. */
static void timer_control(struct machine *m, uint64_t ctl)
{
    world_set(m, 0, SR_CNTHP_CTL_EL2, ctl);
    machine_timer_update(m, 0, m->state->cpu[0].cycles);
    m->state->now = m->state->cpu[0].cycles;
    machine_wires(m);
}

Test(machine_lines, edges_are_seen_as_late_as_answered)
{
    WORLD_ENGINES(kind)
        for (uint32_t k = 0; k < LINE_ANSWERS; k++)
            for (uint32_t j = 0; j < LINE_ANSWERS; j++) {
                struct answers a = {0};
                a.assert_by_kind[LINE_CNTHP] = k;
                a.assert_by_kind[LINE_IRQ] = j;
                struct machine *m = stage(&a, kind);
                uint64_t at = TIMER_AT * TICK + line_delay[k];
                cr_assert_not(taken_at(m, at - 1));
                cr_assert_not(gic_sees(m));
                taken_at(m, at + 1);
                cr_assert(gic_sees(m));
                cr_assert_eq(m->state->cpu[0].lines, j == 0 ? CPU_LINE_IRQ : 0);
                if (j != 0)
                    cr_assert_not(taken_at(m, at + line_delay[j] - 1));
                cr_assert(taken_at(m, at + line_delay[j] + 2));
                cr_assert_eq(a.asked, 2);
                machine_free(m);
            }
}

Test(machine_lines, a_masked_timer_still_fires_when_its_fall_is_late)
{
    struct answers a = {0};
    a.deassert_by_kind[LINE_CNTHP] = 2;
    struct machine *m = stage(&a, ENGINE_KIND_FAST);
    struct cpu *cpu = &m->state->cpu[0];
    cpu->daif = PSTATE_DAIF;
    taken_at(m, TIMER_AT * TICK + 10);
    timer_control(m, 3); /* ENABLE and IMASK */
    cr_assert(gic_sees(m));
    cr_assert_eq(cpu->lines, CPU_LINE_IRQ);
    cpu->daif = 0;
    machine_run(m, m->state->step + 1);
    cr_assert(is_taken(m));
    uint32_t intid;
    gic_read(&m->state->gic, 0, GIC_FRAME_C, GICC_IAR, 4, &intid);
    cr_assert_eq(intid, INTID_CNTHP);
    taken_at(m, TIMER_AT * TICK + 10 + line_delay[2] + 2);
    cr_assert_not(gic_sees(m));
    machine_free(m);
}

Test(machine_lines, an_interrupt_whose_wire_falls_late_is_spurious)
{
    struct answers a = {0};
    a.deassert_by_kind[LINE_IRQ] = 1;
    struct machine *m = stage(&a, ENGINE_KIND_FAST);
    struct cpu *cpu = &m->state->cpu[0];
    cpu->daif = PSTATE_DAIF;
    taken_at(m, TIMER_AT * TICK + 10);
    timer_control(m, 0);
    cr_assert_not(gic_sees(m));
    cr_assert_eq(cpu->lines, CPU_LINE_IRQ, "the PE does not know yet");
    cpu->daif = 0;
    machine_run(m, m->state->step + 1);
    cr_assert(is_taken(m));
    uint32_t intid;
    gic_read(&m->state->gic, 0, GIC_FRAME_C, GICC_IAR, 4, &intid);
    cr_assert_eq(intid, 1023);
    taken_at(m, cpu->cycles + line_delay[1] + 2);
    cr_assert_eq(cpu->lines, 0);
    cr_assert_eq(m->side->lines.count, 0);
    machine_free(m);
}

Test(machine_lines, a_short_pulse_is_swallowed_or_seen_when_its_cause_is_gone)
{
    for (uint32_t fall = 0; fall < 4; fall += 3) {
        struct answers a = {0};
        a.assert_by_kind[LINE_CNTHP] = 2;
        a.deassert_by_kind[LINE_CNTHP] = fall;
        struct machine *m = stage(&a, ENGINE_KIND_FAST);
        taken_at(m, TIMER_AT * TICK + 10);
        timer_control(m, 0);
        cr_assert_not(gic_sees(m));
        cr_assert_eq(m->side->lines.count, fall == 0 ? 0 : 1);
        cr_assert_eq(m->state->clock.next,
                     fall == 0 ? DEADLINE_NEVER : TIMER_AT * TICK + line_delay[2]);
        cr_assert_eq(taken_at(m, TIMER_AT * TICK + line_delay[2] + 2), fall != 0);
        cr_assert_eq(gic_sees(m), fall != 0);
        taken_at(m, TIMER_AT * TICK + 20 + line_delay[3]);
        cr_assert_not(gic_sees(m));
        machine_free(m);
    }
}

Test(machine_lines, an_edge_triggered_input_loses_no_pulse)
{
    struct answers a = {0};
    a.assert_by_kind[LINE_CNTHP] = 2;
    struct machine *m = stage(&a, ENGINE_KIND_FAST);
    gic_bit_put(m->state->gic.edge, gic_slot(0, INTID_CNTHP), true);
    taken_at(m, TIMER_AT * TICK + 10);
    timer_control(m, 0);
    cr_assert(taken_at(m, TIMER_AT * TICK + line_delay[2] + 3));
    cr_assert_not(gic_sees(m));
    cr_assert(gic_bit(m->state->gic.latched, gic_slot(0, INTID_CNTHP)));
    machine_free(m);
}

Test(machine_lines, when_all_wait_time_jumps_to_an_edge)
{
    struct answers a = {0};
    a.assert_by_kind[LINE_CNTHP] = 4;
    a.assert_by_kind[LINE_IRQ] = 3;
    struct machine *m = stage(&a, ENGINE_KIND_FAST);
    struct cpu *cpu = &m->state->cpu[0];
    uint32_t wfi = A64_WFI;
    cr_assert(machine_poke(m, pa_make(WORLD_PROGRAM(0)), &wfi, sizeof wfi));
    cpu->daif = PSTATE_DAIF;
    machine_run(m, 2);
    uint64_t late = TIMER_AT * TICK + line_delay[4] + line_delay[3];
    cr_assert_geq(cpu->cycles, late);
    cr_assert_leq(cpu->cycles, late + 1);
    machine_free(m);
}

Test(machine_lines, edges_on_their_way_are_state)
{
    struct answers a = {0};
    a.assert_by_kind[LINE_CNTHP] = 3;
    struct machine *m = stage(&a, ENGINE_KIND_FAST);
    taken_at(m, TIMER_AT * TICK + 10);
    uint64_t hash = machine_hash(m);
    struct machine_snapshot *s = machine_save(m);
    taken_at(m, TIMER_AT * TICK + line_delay[3] + 5);
    uint64_t later = machine_hash(m);
    machine_restore(m, s);
    cr_assert_eq(machine_hash(m), hash);
    lines_drop(&m->side->lines, line_of_pe(0, LINE_CNTHP));
    cr_assert_neq(machine_hash(m), hash);
    machine_restore(m, s);
    taken_at(m, TIMER_AT * TICK + line_delay[3] + 5);
    cr_assert_eq(machine_hash(m), later);
    machine_snapshot_free(s);
    machine_free(m);
}

/* A random run, with a random moment at which the choices are closed: closed, nothing waits. */
Test(machine_lines, closing_the_choices_loses_nothing)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct answers a = {0};
        struct machine *m = stage(&a, ENGINE_KIND_FAST);
        m->chooser.policy = CHOICE_SEEDED;
        m->chooser.seed = seed;
        m->state->cpu[0].daif = PSTATE_DAIF;
        bool level = false;
        for (unsigned i = 0; i < 40; i++) {
            taken_at(m, TIMER_AT * TICK + 10 + i * (hash_mix(seed + i) % 2000));
            level = !level;
            timer_control(m, level);
            if (i == 25)
                m->chooser.open_mask = 0;
        }
        taken_at(m, m->state->cpu[0].cycles + 2 * line_delay[LINE_ANSWERS - 1]);
        cr_assert_eq(m->side->lines.count, 0);
        cr_assert_eq(gic_sees(m), level);
        cr_assert_eq(m->state->cpu[0].lines, level ? CPU_LINE_IRQ : 0);
        machine_free(m);
    }
}

/* The asked counts grow while the kinds are closed; nothing else does. */
Test(machine_lines, closed_choices_ask_nobody)
{
    struct answers a = {0};
    struct machine *m = stage(&a, ENGINE_KIND_FAST);
    m->chooser.open_mask = 0;
    cr_assert_not(taken_at(m, TIMER_AT * TICK));
    cr_assert(taken_at(m, TIMER_AT * TICK + 2));
    cr_assert_eq(a.asked, 0);
    cr_assert_eq(m->side->lines.count, 0);
    machine_free(m);
}
