/*
 * The performance monitors: what each event counts, at which levels, overflow and chaining, what
 * EL1 and EL0 may see (MDCR_EL2.HPMN, PMUSERENR_EL0), and the overflow interrupt of a machine. A
 * bare core with flat timing retires an instruction each cycle, but for those that trap.
 */
#include "cpu/pmu.h"
#include "cpu/sysreg.h"
#include "gen/esr.h"
#include "gen/gicv2.h"
#include "tests/diff/bare.h"
#include "tests/unit/machine_world.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#define NOP UINT32_C(0xd503201f)
#define SVC_0 UINT32_C(0xd4000001)
#define ERET UINT32_C(0xd69f03e0)
#define UNALLOCATED UINT32_C(0)
#define EVENT_SW_INCR 0x00u
#define EVENT_INST_RETIRED 0x08u
#define EVENT_CPU_CYCLES 0x11u
#define EVENT_CHAIN 0x1eu
#define CYCLE (UINT64_C(1) << 31)
#define EVTYPER(n) ((enum sysreg)(SR_PMEVTYPER0_EL0 + (n)))
#define EVCNTR(n) ((enum sysreg)(SR_PMEVCNTR0_EL0 + (n)))

#define ENGINES(kind) for (unsigned kind = 0; kind < 2; kind++)

/* A core at a level, with counters of which 0 counts instructions and 1 cycles. */
static struct bare *counting(unsigned el, uint64_t filter, uint64_t enable)
{
    struct bare *b = bare_new();
    bare_enter(b, el, 0);
    struct core *c = &b->core;
    sysreg_set(c, SR_MDCR_EL2, 6);
    core_synchronize(c);
    sysreg_set(c, SR_PMCR_EL0, PMCR_EL0_E | PMCR_EL0_C | PMCR_EL0_P | PMCR_EL0_LC);
    sysreg_set(c, EVTYPER(0), filter | EVENT_INST_RETIRED);
    sysreg_set(c, EVTYPER(1), filter | EVENT_CPU_CYCLES);
    sysreg_set(c, SR_PMCCFILTR_EL0, filter);
    sysreg_set(c, SR_PMCNTENSET_EL0, enable);
    b->cpu.pmu.seen_retired = b->cpu.insns - b->cpu.pmu.unretired; /* as if by an instruction */
    return b;
}

/* Counts as between two steps, not as the instruction that reads them would. */
static uint64_t count(struct bare *b, enum sysreg reg)
{
    return sysreg_get(&b->core, reg) - (reg == EVCNTR(0));
}

static void steps(struct bare *b, unsigned kind, uint32_t word, unsigned n)
{
    while (n-- > 0)
        bare_step(b, (enum engine_kind)kind, word);
}

Test(pmu, instructions_and_cycles)
{
    ENGINES(kind) {
        struct bare *b = counting(1, 0, CYCLE | 3);
        steps(b, kind, NOP, 10);
        cr_expect_eq(count(b, EVCNTR(0)), 10);
        cr_expect_eq(count(b, EVCNTR(1)), 10);
        cr_expect_eq(count(b, SR_PMCCNTR_EL0), 10);
        sysreg_set(&b->core, SR_PMCNTENCLR_EL0, CYCLE);
        cr_expect_eq(sysreg_get(&b->core, SR_PMCNTENCLR_EL0), 3);
        steps(b, kind, NOP, 5);
        cr_expect_eq(count(b, SR_PMCCNTR_EL0), 10);
        cr_expect_eq(count(b, EVCNTR(1)), 15);
        sysreg_set(&b->core, SR_PMCR_EL0, PMCR_EL0_P | PMCR_EL0_C); /* also switches off */
        steps(b, kind, NOP, 5);
        cr_expect_eq(sysreg_get(&b->core, EVCNTR(0)), 0);
        cr_expect_eq(sysreg_get(&b->core, SR_PMCCNTR_EL0), 0);
        cr_expect_eq(sysreg_get(&b->core, SR_PMCR_EL0) & 7u, 0);
        bare_free(b);
    }
}

Test(pmu, what_traps_is_not_retired)
{
    ENGINES(kind) {
        struct bare *b = counting(0, 0, CYCLE | 3);
        bare_step(b, (enum engine_kind)kind, UNALLOCATED);
        cr_expect_eq(b->cpu.el, 1);
        cr_expect_eq(count(b, EVCNTR(0)), 0);
        cr_expect_eq(count(b, EVCNTR(1)), 1);
        bare_free(b);
        b = counting(0, 0, CYCLE | 3);
        bare_step(b, (enum engine_kind)kind, SVC_0);
        cr_expect_eq(count(b, EVCNTR(0)), 1);
        bare_free(b);
    }
}

Test(pmu, filters_by_level)
{
    static const struct {
        uint64_t filter;
        unsigned counted[3]; /* instructions at EL0, EL1, EL2 */
    } rows[] = {
        {0, {5, 5, 0}},
        {PMU_EVTYPE_U, {0, 5, 0}},
        {PMU_EVTYPE_P, {5, 0, 0}},
        {PMU_EVTYPE_NSH, {5, 5, 5}},
        {PMU_EVTYPE_NSH | PMU_EVTYPE_U | PMU_EVTYPE_P, {0, 0, 5}},
    };
    ENGINES(kind)
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        for (unsigned el = 0; el < 3; el++) {
            struct bare *b = counting(el, rows[i].filter, CYCLE | 3);
            steps(b, kind, NOP, 5);
            pmu_advance(&b->cpu);
            cr_expect_eq(b->cpu.pmu.cycle, rows[i].counted[el], "row %zu, EL%u", i, el);
            cr_expect_eq(b->cpu.pmu.event[1], rows[i].counted[el], "row %zu, EL%u", i, el);
            bare_free(b);
        }
}

Test(pmu, an_exception_changes_what_is_counted)
{
    ENGINES(kind) {
        struct bare *b = counting(0, PMU_EVTYPE_P, 3); /* EL0 alone */
        steps(b, kind, NOP, 3);
        bare_step(b, (enum engine_kind)kind, SVC_0); /* the call is EL0's */
        steps(b, kind, NOP, 7);
        cr_expect_eq(sysreg_get(&b->core, EVCNTR(0)), 4);
        sysreg_set(&b->core, SR_ELR_EL1, bare_code(0));
        bare_step(b, (enum engine_kind)kind, ERET);
        steps(b, kind, NOP, 2);
        cr_expect_eq(count(b, EVCNTR(0)), 6);
        bare_free(b);
    }
}

Test(pmu, overflow_and_chain)
{
    ENGINES(kind) {
        struct bare *b = counting(1, 0, CYCLE | 3);
        struct core *c = &b->core;
        sysreg_set(c, EVTYPER(2), EVENT_CPU_CYCLES);
        sysreg_set(c, EVTYPER(3), EVENT_CHAIN);
        sysreg_set(c, EVCNTR(2), UINT32_MAX - 2);
        sysreg_set(c, EVCNTR(3), 41);
        sysreg_set(c, SR_PMCNTENSET_EL0, 0xc);
        steps(b, kind, NOP, 2);
        cr_expect_eq(sysreg_get(c, SR_PMOVSSET_EL0), 0);
        steps(b, kind, NOP, 1);
        cr_expect_eq(sysreg_get(c, SR_PMOVSSET_EL0), 4);
        cr_expect_eq(sysreg_get(c, EVCNTR(2)), 0);
        cr_expect_eq(sysreg_get(c, EVCNTR(3)), 42);
        /* Only an even counter is chained to the next. */
        sysreg_set(c, EVTYPER(3), EVENT_CPU_CYCLES);
        sysreg_set(c, EVTYPER(4), EVENT_CHAIN);
        sysreg_set(c, SR_PMCNTENSET_EL0, 0x1c);
        sysreg_set(c, EVCNTR(3), UINT32_MAX);
        sysreg_set(c, EVCNTR(4), 0);
        steps(b, kind, NOP, 1);
        cr_expect_eq(sysreg_get(c, EVCNTR(3)), 0);
        cr_expect_eq(sysreg_get(c, EVCNTR(4)), 0);
        sysreg_set(c, SR_PMOVSCLR_EL0, 0xc);
        cr_expect_eq(sysreg_get(c, SR_PMOVSCLR_EL0), 0);
        sysreg_set(c, SR_PMOVSSET_EL0, CYCLE);
        cr_expect_eq(sysreg_get(c, SR_PMOVSCLR_EL0), CYCLE);
        bare_free(b);
    }
}

Test(pmu, the_cycle_counter_overflows_at_32_or_64_bits)
{
    for (unsigned lc = 0; lc < 2; lc++) {
        struct bare *b = counting(1, 0, CYCLE);
        struct core *c = &b->core;
        sysreg_set(c, SR_PMCR_EL0, PMCR_EL0_E | field_put(PMCR_EL0_LC, lc));
        sysreg_set(c, SR_PMCCNTR_EL0, UINT32_MAX);
        steps(b, 0, NOP, 1);
        cr_expect_eq(sysreg_get(c, SR_PMCCNTR_EL0), UINT64_C(0x100000000));
        cr_expect_eq(sysreg_get(c, SR_PMOVSSET_EL0), lc ? 0 : CYCLE);
        sysreg_set(c, SR_PMOVSCLR_EL0, CYCLE);
        sysreg_set(c, SR_PMCCNTR_EL0, UINT64_MAX);
        steps(b, 0, NOP, 1);
        cr_expect_eq(sysreg_get(c, SR_PMCCNTR_EL0), 0);
        cr_expect_eq(sysreg_get(c, SR_PMOVSSET_EL0), CYCLE);
        bare_free(b);
    }
}

Test(pmu, every_64th_cycle)
{
    struct bare *b = counting(1, 0, CYCLE);
    struct core *c = &b->core;
    sysreg_set(c, SR_PMCR_EL0, PMCR_EL0_E | PMCR_EL0_D);
    for (unsigned i = 1; i <= 200; i++) {
        steps(b, 0, NOP, 1);
        if (i % 7 == 0)
            pmu_advance(&b->cpu); /* what is left of 64 is kept */
        cr_expect_eq(sysreg_get(c, SR_PMCCNTR_EL0), i / 64);
    }
    bare_free(b);
}

Test(pmu, software_increments)
{
    struct bare *b = counting(1, 0, 1);
    struct core *c = &b->core;
    sysreg_set(c, EVTYPER(4), EVENT_SW_INCR);
    sysreg_set(c, EVTYPER(5), EVENT_SW_INCR);
    sysreg_set(c, SR_PMCNTENSET_EL0, 1 << 4);
    sysreg_set(c, SR_PMSWINC_EL0, 0x3f);
    sysreg_set(c, SR_PMSWINC_EL0, 0x10);
    cr_expect_eq(sysreg_get(c, EVCNTR(4)), 2);
    cr_expect_eq(sysreg_get(c, EVCNTR(5)), 0); /* it is off */
    bare_free(b);
}

Test(pmu, the_selected_counter)
{
    struct bare *b = counting(1, 0, 0);
    struct core *c = &b->core;
    for (unsigned n = 0; n < 6; n++) {
        sysreg_set(c, SR_PMSELR_EL0, n);
        sysreg_set(c, SR_PMXEVTYPER_EL0, 0x80000000u | n);
        sysreg_set(c, SR_PMXEVCNTR_EL0, 100 + n);
        cr_expect_eq(sysreg_get(c, EVTYPER(n)), 0x80000000u | n);
        cr_expect_eq(sysreg_get(c, EVCNTR(n)), 100 + n);
    }
    sysreg_set(c, SR_PMSELR_EL0, 31);
    sysreg_set(c, SR_PMXEVTYPER_EL0, UINT64_MAX);
    cr_expect_eq(sysreg_get(c, SR_PMCCFILTR_EL0), 0xc8000000);
    cr_expect_eq(sysreg_get(c, SR_PMXEVTYPER_EL0), 0xc8000000);
    sysreg_set(c, SR_PMSELR_EL0, 7);
    sysreg_set(c, SR_PMXEVCNTR_EL0, 9);
    cr_expect_eq(sysreg_get(c, SR_PMXEVCNTR_EL0), 0);
    bare_free(b);
}

Test(pmu, hpmn_takes_counters_away)
{
    struct bare *b = counting(2, PMU_EVTYPE_NSH, 0x3f);
    struct core *c = &b->core;
    sysreg_set(c, SR_MDCR_EL2, 4);
    sysreg_set(c, SR_PMINTENSET_EL1, 0x3f);
    core_synchronize(c);
    cr_expect_eq(field_get(PMCR_EL0_N, sysreg_get(c, SR_PMCR_EL0)), 6);
    cr_expect_eq(sysreg_get(c, SR_PMCNTENSET_EL0), 0x3f);
    b->cpu.el = 1;
    cr_expect_eq(field_get(PMCR_EL0_N, sysreg_get(c, SR_PMCR_EL0)), 4);
    cr_expect_eq(sysreg_get(c, SR_PMCNTENSET_EL0), 0xf);
    cr_expect_eq(sysreg_get(c, SR_PMINTENSET_EL1), 0xf);
    sysreg_set(c, SR_PMCNTENCLR_EL0, 0x3f);
    bare_step(b, ENGINE_KIND_PRECISE, UINT32_C(0xd53be8a3)); /* mrs x3, pmevcntr5_el0 */
    cr_expect_eq(field_get(ESR_ELx_EC, sysreg_get(c, SR_ESR_EL1)), ESR_EC_UNKNOWN);
    b->cpu.el = 2;
    cr_expect_eq(sysreg_get(c, SR_PMCNTENSET_EL0), 0x30);
    bare_free(b);
}

/* HPME switches EL2's counters on, E the others. */
Test(pmu, two_switches)
{
    for (unsigned hpme = 0; hpme < 2; hpme++)
        for (unsigned e = 0; e < 2; e++) {
            struct bare *b = counting(1, 0, 0);
            struct core *c = &b->core;
            sysreg_set(c, SR_MDCR_EL2, 1 | field_put(MDCR_EL2_HPME, hpme));
            core_synchronize(c);
            sysreg_set(c, SR_PMCR_EL0, e);
            b->cpu.el = 2;
            sysreg_set(c, EVTYPER(0), EVENT_CPU_CYCLES);
            sysreg_set(c, SR_PMCNTENSET_EL0, 3);
            b->cpu.el = 1;
            steps(b, 0, NOP, 6);
            pmu_advance(&b->cpu);
            cr_expect_eq(b->cpu.pmu.event[0], e ? 6 : 0);
            cr_expect_eq(b->cpu.pmu.event[1], hpme ? 6 : 0);
            bare_free(b);
        }
}

Test(pmu, what_el0_may)
{
    static const struct {
        uint32_t word;
        uint64_t bits; /* of PMUSERENR_EL0, of which one is enough */
    } rows[] = {
        {0xd53b9c03 /* mrs x3, pmcr_el0 */, PMUSERENR_EL0_EN},
        {0xd53b9d03 /* mrs x3, pmccntr_el0 */, PMUSERENR_EL0_EN | PMUSERENR_EL0_CR},
        {0xd51b9d03 /* msr pmccntr_el0, x3 */, PMUSERENR_EL0_EN},
        {0xd51b9c83 /* msr pmswinc_el0, x3 */, PMUSERENR_EL0_EN | PMUSERENR_EL0_SW},
        {0xd51b9ca3 /* msr pmselr_el0, x3 */, PMUSERENR_EL0_EN | PMUSERENR_EL0_ER},
        {0xd53b9d43 /* mrs x3, pmxevcntr_el0 */, PMUSERENR_EL0_EN | PMUSERENR_EL0_ER},
        {0xd51b9d43 /* msr pmxevcntr_el0, x3 */, PMUSERENR_EL0_EN},
        {0xd53b9e03 /* mrs x3, pmuserenr_el0 */, UINT64_MAX},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        for (unsigned bits = 0; bits < 16; bits++)
            for (unsigned tpm = 0; tpm < 2; tpm++) {
                struct bare *b = counting(0, 0, 0);
                struct core *c = &b->core;
                sysreg_set(c, SR_PMUSERENR_EL0, bits);
                sysreg_set(c, SR_MDCR_EL2, 6 | field_put(MDCR_EL2_TPM, tpm));
                core_synchronize(c);
                bare_step(b, ENGINE_KIND_PRECISE, rows[i].word);
                bool open = rows[i].bits == UINT64_MAX || (bits & rows[i].bits) != 0;
                cr_expect_eq(b->cpu.el, !open ? 1 : tpm ? 2 : 0, "%08x with %u", rows[i].word,
                             bits);
                bare_free(b);
            }
}

/* ---- The interrupt, in a machine ---- */

/* The step at which the line rises, for a counter that has `left` to go. */
static uint64_t rises_at(enum engine_kind kind, uint64_t event, uint64_t left, unsigned quantum)
{
    struct machine *m = world_machine(1, quantum);
    m->engine = kind;
    m->model.features |= SYSREG_FEATURE_PMU;
    world_set(m, 0, SR_MDCR_EL2, 6);
    WORLD_START(m, 0, A64_NOP, A64_NOP, A64_B_SELF);
    struct core *c = &m->core[0];
    sysreg_set(c, SR_PMCR_EL0, PMCR_EL0_E | PMCR_EL0_LC);
    sysreg_set(c, EVTYPER(0), PMU_EVTYPE_NSH | event);
    sysreg_set(c, EVCNTR(0), UINT32_MAX - left + 1);
    sysreg_set(c, SR_PMCNTENSET_EL0, 1);
    sysreg_set(c, SR_PMINTENSET_EL1, 1);
    c->cpu->pmu.seen_retired = 0;
    uint64_t step = 0;
    while (step < 5000 && !gic_bit(m->state->gic.line, gic_slot(0, INTID_PMU)))
        machine_run(m, ++step);
    cr_expect(pmu_line(c->cpu));
    sysreg_set(c, SR_PMOVSCLR_EL0, 1);
    machine_run(m, step + quantum);
    cr_expect(!gic_bit(m->state->gic.line, gic_slot(0, INTID_PMU)));
    machine_free(m);
    return step;
}

Test(pmu, an_overflow_raises_the_line)
{
    WORLD_ENGINES(kind) {
        cr_expect_eq(rises_at(kind, EVENT_INST_RETIRED, 30, 10), 30);
        cr_expect_eq(rises_at(kind, EVENT_INST_RETIRED, 30, 1000), 30);
        cr_expect_eq(rises_at(kind, EVENT_CPU_CYCLES, 1000, 1000),
                     rises_at(kind, EVENT_CPU_CYCLES, 1000, 1));
    }
}

/* A run in one piece meets the same: the line is seen at the step at which it rises. */
Test(pmu, a_long_run_does_not_pass_the_overflow_by)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(1, 1000);
        m->engine = kind;
        m->model.features |= SYSREG_FEATURE_PMU;
        world_set(m, 0, SR_MDCR_EL2, 6);
        struct cpu *cpu = WORLD_START(m, 0, A64_NOP, A64_B_SELF);
        struct core *c = &m->core[0];
        world_set(m, 0, SR_VBAR_EL2, WORLD_DATA);
        sysreg_set(c, SR_PMCR_EL0, PMCR_EL0_E | PMCR_EL0_LC);
        sysreg_set(c, EVTYPER(0), PMU_EVTYPE_NSH | EVENT_INST_RETIRED);
        sysreg_set(c, EVCNTR(0), UINT32_MAX - 99);
        sysreg_set(c, SR_PMCNTENSET_EL0, 1);
        sysreg_set(c, SR_PMINTENSET_EL1, 1);
        cpu->pmu.seen_retired = 0;
        machine_run(m, 100);
        cr_expect(gic_bit(m->state->gic.line, gic_slot(0, INTID_PMU)));
        machine_free(m);
    }
}

static void note_line(void *context, const struct event *event)
{
    uint64_t *step = context;
    if (*step == 0 && event->line.intid == INTID_PMU)
        *step = event->step;
}

/*
 * From EL2, where it does not count, to EL1, where it does: 600 steps in portions of so many. The
 * step at which the line rises.
 */
static uint64_t rises_in_portions(enum engine_kind kind, uint64_t portion)
{
    struct machine *m = world_machine(1, 1000);
    m->engine = kind;
    m->model.features |= SYSREG_FEATURE_PMU;
    world_set(m, 0, SR_MDCR_EL2, 6);
    struct cpu *cpu = WORLD_START(m, 0, A64_NOP, 0xd69f03e0 /* eret */, A64_NOP, A64_B_SELF);
    struct core *c = &m->core[0];
    cr_assert_eq(cpu->el, 2);
    world_set(m, 0, SR_SPSR_EL2, 0x3c5);
    world_set(m, 0, SR_ELR_EL2, WORLD_PROGRAM(0) + 8);
    sysreg_set(c, SR_PMCR_EL0, PMCR_EL0_E | PMCR_EL0_LC);
    sysreg_set(c, EVTYPER(0), EVENT_INST_RETIRED);
    sysreg_set(c, EVCNTR(0), UINT32_MAX - 99);
    sysreg_set(c, SR_PMCNTENSET_EL0, 1);
    sysreg_set(c, SR_PMINTENSET_EL1, 1);
    uint64_t seen = 0;
    events_attach(&m->events, note_line, &seen, UINT64_C(1) << EVENT_LINE);
    for (uint64_t at = 0; at < 600;) {
        at = at + portion < 600 ? at + portion : 600;
        machine_run(m, at);
    }
    cr_expect_eq(cpu->el, 1);
    events_detach(&m->events, note_line, &seen);
    machine_free(m);
    return seen;
}

Test(pmu, an_overflow_behind_a_change_of_level_is_met)
{
    uint64_t right = rises_in_portions(ENGINE_KIND_PRECISE, 1);
    cr_expect(right >= 100 && right < 104, "%" PRIu64, right);
    WORLD_ENGINES(kind) {
        cr_expect_eq(rises_in_portions(kind, 600), right);
        cr_expect_eq(rises_in_portions(kind, 7), right);
        cr_expect_eq(rises_in_portions(kind, 1), right);
    }
}

/* A PE in WFI whose cycle counter overflows after 50,000 cycles: why the machine stops. */
static enum machine_stop waits_for_overflow(enum engine_kind kind, bool interrupts, uint64_t *time)
{
    struct machine *m = world_machine(1, 1000);
    m->engine = kind;
    m->model.features |= SYSREG_FEATURE_PMU;
    world_set(m, 0, SR_MDCR_EL2, 6);
    struct cpu *cpu = WORLD_START(m, 0, A64_WFI, A64_NOP, A64_B_SELF);
    struct core *c = &m->core[0];
    gic_write(&m->state->gic, 0, GIC_FRAME_D, GICD_CTLR_OFFSET, 4, 1);
    gic_write(&m->state->gic, 0, GIC_FRAME_D, GICD_ISENABLER_OFFSET, 4, 1u << INTID_PMU);
    gic_write(&m->state->gic, 0, GIC_FRAME_C, GICC_CTLR_OFFSET, 4, 1);
    gic_write(&m->state->gic, 0, GIC_FRAME_C, GICC_PMR_OFFSET, 4, 0xff);
    sysreg_set(c, SR_PMCR_EL0, PMCR_EL0_E | PMCR_EL0_LC);
    sysreg_set(c, SR_PMCCFILTR_EL0, PMU_EVTYPE_NSH);
    sysreg_set(c, SR_PMCCNTR_EL0, -UINT64_C(50000));
    sysreg_set(c, SR_PMCNTENSET_EL0, CYCLE);
    sysreg_set(c, SR_PMINTENSET_EL1, interrupts ? CYCLE : 0);
    enum machine_stop stop = machine_run(m, 50);
    cr_expect_eq(cpu->wait == CPU_RUNS, stop == MACHINE_LIMIT);
    *time = cpu->cycles;
    machine_free(m);
    return stop;
}

/* In WFI the cycle counter goes on: its overflow is the only thing that can wake the PE. */
Test(pmu, an_overflow_wakes_a_pe_that_waits)
{
    uint64_t time;
    WORLD_ENGINES(kind) {
        cr_expect_eq(waits_for_overflow(kind, false, &time), MACHINE_IDLE);
        cr_expect_eq(waits_for_overflow(kind, true, &time), MACHINE_LIMIT);
        cr_expect(time >= 50000 && time < 51000, "%" PRIu64, time);
    }
}
