/*
 * Performance monitors (PMUv3): a cycle counter and six event counters that count software's own
 * increments, retired instructions, cycles, and the overflow of their even neighbour (CHAIN).
 *
 * Counters lie in state as they were at some time; what has come since then follows from the PE's
 * cycles and steps, which the engines keep anyway, and from registers that have not changed in
 * between: whoever changes one of them (an MSR, a change of level) calls pmu_advance() first. A
 * step that takes an exception instead of executing its instruction retires none.
 *
 * The cycle counter goes on while the PE waits in WFI or WFE, as an implementation may choose.
 * Where MDCR_EL2.HPMN is greater than the number of counters it counts as that number; what EL1
 * and EL0 select beyond it by PMSELR_EL0 reads as zero and ignores writes.
 *
 * Not modelled: events beyond these four (PMCEID0_EL0 says so), PMCR_EL0.X (nothing receives
 * exported events), external access, the 64-bit event counters of later versions.
 *
 * DDI 0487, "The Performance Monitors Extension"; PMUCountersEnabled, CountPMUEvents,
 * CheckPMUOverflowCondition.
 */
#include "cpu/pmu.h"
#include "cpu/effective.h"
#include "cpu/sysreg_row.h"

#define EVENT_SW_INCR 0x00u
#define EVENT_INST_RETIRED 0x08u
#define EVENT_CPU_CYCLES 0x11u
#define EVENT_CHAIN 0x1eu

#define CYCLE_COUNTER 31u /* its bit in PMCNTENSET_EL0 and its number in PMSELR_EL0 */
#define CYCLE_BIT (UINT64_C(1) << CYCLE_COUNTER)
#define ALL_COUNTERS (CYCLE_BIT | ((UINT64_C(1) << CPU_EVENT_COUNTERS) - 1))
#define DIVISOR 64u /* PMCR_EL0.D */

/* ---- What counts ---- */

static unsigned guest_counters(const struct cpu *cpu)
{
    uint64_t hpmn = field_get(MDCR_EL2_HPMN, cpu->effective[SR_MDCR_EL2]);
    return hpmn < CPU_EVENT_COUNTERS ? (unsigned)hpmn : CPU_EVENT_COUNTERS;
}

/* The counters that this Exception level may touch. */
static uint64_t visible_counters(const struct cpu *cpu)
{
    if (cpu->el == 2)
        return ALL_COUNTERS;
    return CYCLE_BIT | bits_ones(guest_counters(cpu));
}

static enum sysreg type_register(unsigned n)
{
    return n == CYCLE_COUNTER ? SR_PMCCFILTR_EL0 : (enum sysreg)(SR_PMEVTYPER0_EL0 + n);
}

static unsigned event_of(const struct cpu *cpu, unsigned n)
{
    return (unsigned)field_get(PMU_EVTYPE_EVENT | PMU_EVTYPE_EVENT16,
                               cpu->reg[type_register(n)]);
}

/* PMUCountersEnabled: whether counter n counts its event now. */
static bool is_counting(const struct cpu *cpu, unsigned n)
{
    uint64_t mdcr = cpu->effective[SR_MDCR_EL2], pmcr = cpu->reg[SR_PMCR_EL0];
    uint64_t type = cpu->reg[type_register(n)];
    bool is_hyp = n != CYCLE_COUNTER && n >= guest_counters(cpu);
    bool is_on = is_hyp ? (mdcr & MDCR_EL2_HPME) != 0 : (pmcr & PMCR_EL0_E) != 0;
    if (!is_on || !(cpu->reg[SR_PMCNTENSET_EL0] >> n & 1))
        return false;
    bool is_prohibited = cpu->el == 2 && !is_hyp && (mdcr & MDCR_EL2_HPMD) != 0;
    if (is_prohibited && (n != CYCLE_COUNTER || (pmcr & PMCR_EL0_DP)))
        return false;
    if (cpu->el == 2)
        return (type & PMU_EVTYPE_NSH) != 0;
    return (type & (cpu->el == 1 ? PMU_EVTYPE_P : PMU_EVTYPE_U)) == 0;
}

/* Retired so far; within a step its instruction counts as retired unless it is said not to be. */
static uint64_t retired_now(const struct cpu *cpu, bool in_step)
{
    return cpu->insns + in_step - cpu->pmu.unretired;
}

/* ---- Counting ---- */

/* Adds to an event counter of 32 bits; an overflow is noted and counted by a chained neighbour. */
static void event_add(const struct cpu *cpu, struct cpu_pmu *pmu, unsigned n, uint64_t count)
{
    uint64_t sum = pmu->event[n] + count;
    pmu->event[n] = (uint32_t)sum;
    if (sum >> 32 == 0)
        return;
    pmu->overflowed |= UINT64_C(1) << n;
    if ((n & 1) == 0 && n + 1 < CPU_EVENT_COUNTERS && event_of(cpu, n + 1) == EVENT_CHAIN &&
        is_counting(cpu, n + 1))
        event_add(cpu, pmu, n + 1, sum >> 32);
}

static void cycle_add(const struct cpu *cpu, struct cpu_pmu *pmu, uint64_t cycles)
{
    uint64_t pmcr = cpu->reg[SR_PMCR_EL0];
    if ((pmcr & PMCR_EL0_D) && !(pmcr & PMCR_EL0_LC)) {
        cycles += pmu->divider;
        pmu->divider = cycles % DIVISOR;
        cycles /= DIVISOR;
    }
    uint64_t sum = pmu->cycle + cycles;
    bool wraps = pmcr & PMCR_EL0_LC ? sum < pmu->cycle
                                    : (uint32_t)pmu->cycle + cycles > UINT32_MAX;
    if (wraps)
        pmu->overflowed |= CYCLE_BIT;
    pmu->cycle = sum;
}

/* The counters as they are now, within a step or between two. */
static struct cpu_pmu pmu_now(const struct cpu *cpu, bool in_step)
{
    struct cpu_pmu pmu = cpu->pmu;
    uint64_t cycles = cpu->cycles - pmu.seen_cycles;
    uint64_t retired = retired_now(cpu, in_step) - pmu.seen_retired;
    pmu.seen_cycles = cpu->cycles;
    pmu.seen_retired = retired_now(cpu, in_step);
    for (unsigned n = 0; n < CPU_EVENT_COUNTERS; n++) {
        if (!is_counting(cpu, n))
            continue;
        unsigned event = event_of(cpu, n);
        if (event == EVENT_CPU_CYCLES)
            event_add(cpu, &pmu, n, cycles);
        else if (event == EVENT_INST_RETIRED)
            event_add(cpu, &pmu, n, retired);
    }
    if (is_counting(cpu, CYCLE_COUNTER))
        cycle_add(cpu, &pmu, cycles);
    return pmu;
}

void pmu_advance(struct cpu *cpu)
{
    cpu->pmu = pmu_now(cpu, true);
}

/* ---- Registers ---- */

/* What PMXEVTYPER and PMXEVCNTR stand for; CPU_EVENT_COUNTERS: nothing that may be seen. */
static unsigned selected_counter(const struct cpu *cpu)
{
    uint64_t n = field_get(PMSELR_EL0_SEL, cpu->effective[SR_PMSELR_EL0]);
    if (n == CYCLE_COUNTER)
        return CYCLE_COUNTER;
    return n < CPU_EVENT_COUNTERS && (visible_counters(cpu) >> n & 1) ? (unsigned)n
                                                                       : CPU_EVENT_COUNTERS;
}

static bool is_counter(enum sysreg reg)
{
    return reg >= SR_PMEVCNTR0_EL0 && reg < SR_PMEVCNTR0_EL0 + (int)CPU_EVENT_COUNTERS;
}

static bool is_type(enum sysreg reg)
{
    return reg == SR_PMCCFILTR_EL0 || (reg >= SR_PMEVTYPER0_EL0 &&
                                       reg < SR_PMEVTYPER0_EL0 + (int)CPU_EVENT_COUNTERS);
}

static uint64_t pmcr_read(const struct cpu *cpu)
{
    uint64_t value = cpu->reg[SR_PMCR_EL0];
    if (cpu->el == 2)
        return value;
    return (value & ~PMCR_EL0_N) | field_put(PMCR_EL0_N, guest_counters(cpu));
}

uint64_t pmu_read(const struct cpu *cpu, enum sysreg reg)
{
    uint64_t visible = visible_counters(cpu);
    unsigned n = selected_counter(cpu);
    switch ((int)reg) {
    case SR_PMCR_EL0:
        return pmcr_read(cpu);
    case SR_PMCNTENSET_EL0:
    case SR_PMCNTENCLR_EL0:
        return cpu->reg[SR_PMCNTENSET_EL0] & visible;
    case SR_PMINTENSET_EL1:
    case SR_PMINTENCLR_EL1:
        return cpu->reg[SR_PMINTENSET_EL1] & visible;
    case SR_PMOVSSET_EL0:
    case SR_PMOVSCLR_EL0:
        return pmu_now(cpu, true).overflowed & visible;
    case SR_PMCCNTR_EL0:
        return pmu_now(cpu, true).cycle;
    case SR_PMXEVTYPER_EL0:
        return n == CPU_EVENT_COUNTERS ? 0 : cpu->reg[type_register(n)];
    case SR_PMXEVCNTR_EL0:
        return n < CPU_EVENT_COUNTERS ? pmu_now(cpu, true).event[n] : 0;
    }
    ensure(is_counter(reg));
    return pmu_now(cpu, true).event[reg - SR_PMEVCNTR0_EL0];
}

/* PMCR_EL0: C and P reset counters and read as zero. */
static void pmcr_write(struct core *c, uint64_t value)
{
    struct cpu *cpu = c->cpu;
    if (value & PMCR_EL0_C)
        cpu->pmu.cycle = 0;
    if (value & PMCR_EL0_P)
        for (unsigned n = 0; n < CPU_EVENT_COUNTERS; n++)
            if (visible_counters(cpu) >> n & 1)
                cpu->pmu.event[n] = 0;
    effective_program(c, SR_PMCR_EL0, value & ~(PMCR_EL0_C | PMCR_EL0_P));
}

static void software_increment(struct cpu *cpu, uint64_t counters)
{
    for (unsigned n = 0; n < CPU_EVENT_COUNTERS; n++)
        if ((counters >> n & 1) && event_of(cpu, n) == EVENT_SW_INCR && is_counting(cpu, n))
            event_add(cpu, &cpu->pmu, n, 1);
}

void pmu_write(struct core *c, enum sysreg reg, uint64_t value)
{
    struct cpu *cpu = c->cpu;
    uint64_t bits = value & visible_counters(cpu);
    unsigned n = selected_counter(cpu);
    pmu_advance(cpu);
    switch ((int)reg) {
    case SR_PMCR_EL0:
        pmcr_write(c, value);
        break;
    case SR_PMCNTENSET_EL0:
        effective_program(c, SR_PMCNTENSET_EL0, cpu->reg[SR_PMCNTENSET_EL0] | bits);
        break;
    case SR_PMCNTENCLR_EL0:
        effective_program(c, SR_PMCNTENSET_EL0, cpu->reg[SR_PMCNTENSET_EL0] & ~bits);
        break;
    case SR_PMINTENSET_EL1:
        effective_program(c, SR_PMINTENSET_EL1, cpu->reg[SR_PMINTENSET_EL1] | bits);
        break;
    case SR_PMINTENCLR_EL1:
        effective_program(c, SR_PMINTENSET_EL1, cpu->reg[SR_PMINTENSET_EL1] & ~bits);
        break;
    case SR_PMOVSSET_EL0:
        cpu->pmu.overflowed |= bits;
        break;
    case SR_PMOVSCLR_EL0:
        cpu->pmu.overflowed &= ~bits;
        break;
    case SR_PMSWINC_EL0:
        software_increment(cpu, bits);
        break;
    case SR_PMCCNTR_EL0:
        cpu->pmu.cycle = value;
        break;
    case SR_PMXEVTYPER_EL0:
        if (n != CPU_EVENT_COUNTERS)
            effective_program(c, type_register(n),
                              sysreg_legal(type_register(n), c->model->features, 0, value));
        break;
    case SR_PMXEVCNTR_EL0:
        if (n < CPU_EVENT_COUNTERS)
            cpu->pmu.event[n] = value;
        break;
    }
    if (is_counter(reg))
        cpu->pmu.event[reg - SR_PMEVCNTR0_EL0] = value;
    else if (is_type(reg))
        effective_program(c, reg, value);
    c->lines_may_change = true;
}

/* ---- The interrupt ---- */

/* CheckPMUOverflowCondition, for overflows that are given. */
static bool line_of(const struct cpu *cpu, uint64_t overflowed)
{
    uint64_t guest = CYCLE_BIT | bits_ones(guest_counters(cpu)), on = 0;
    if (cpu->reg[SR_PMCR_EL0] & PMCR_EL0_E)
        on |= guest;
    if (cpu->effective[SR_MDCR_EL2] & MDCR_EL2_HPME)
        on |= ALL_COUNTERS & ~guest;
    return (overflowed & cpu->reg[SR_PMINTENSET_EL1] & on) != 0;
}

bool pmu_line(const struct cpu *cpu)
{
    return cpu->reg[SR_PMINTENSET_EL1] != 0 && line_of(cpu, pmu_now(cpu, false).overflowed);
}

static uint64_t left_until(uint64_t count, bool is_wide)
{
    return is_wide ? -count - (count == 0) : UINT64_C(0x100000000) - (uint32_t)count;
}

struct pmu_bound pmu_bound(const struct cpu *cpu)
{
    struct pmu_bound bound = {UINT64_MAX, UINT64_MAX};
    uint64_t pmcr = cpu->reg[SR_PMCR_EL0];
    if (cpu->reg[SR_PMINTENSET_EL1] == 0)
        return bound;
    struct cpu_pmu pmu = pmu_now(cpu, false);
    for (unsigned n = 0; n < CPU_EVENT_COUNTERS; n++) {
        if (!is_counting(cpu, n))
            continue;
        uint64_t left = left_until(pmu.event[n], false);
        unsigned event = event_of(cpu, n);
        if (event == EVENT_INST_RETIRED && left < bound.steps)
            bound.steps = left;
        if (event == EVENT_CPU_CYCLES && left < bound.cycles)
            bound.cycles = left;
    }
    if (is_counting(cpu, CYCLE_COUNTER)) {
        uint64_t left = left_until(pmu.cycle, (pmcr & PMCR_EL0_LC) != 0);
        if ((pmcr & PMCR_EL0_D) && !(pmcr & PMCR_EL0_LC))
            left = left * DIVISOR - pmu.divider;
        if (left < bound.cycles)
            bound.cycles = left;
    }
    return bound;
}
