/* The performance monitors as values of a PE's state: counters are computed from its cycles and
 * steps when somebody looks, so that counting costs nothing while it goes on. */
#pragma once
#include "cpu/core.h"

/* Reads a register with on_read=pmu as an MRS of the current level would; nothing changes. */
uint64_t pmu_read(const struct cpu *cpu, enum sysreg reg);
/* Writes a legal value to a register with on_write=pmu. */
void pmu_write(struct core *c, enum sysreg reg, uint64_t value);

/*
 * Brings the counters up to now: call before anything changes that decides whether they count (the
 * Exception level, MDCR_EL2). The instruction under way counts as done.
 */
void pmu_advance(struct cpu *cpu);
/* The step under way retires no instruction: an exception is taken instead of it. */
static inline void pmu_unretired(struct cpu *cpu)
{
    cpu->pmu.unretired++;
}

/* The overflow interrupt, a level; between two steps. */
bool pmu_line(const struct cpu *cpu);

/*
 * How far the PE may run before a counter whose overflow interrupts may overflow: steps, and
 * cycles of its time. UINT64_MAX both while there is none.
 */
struct pmu_bound {
    uint64_t steps, cycles;
};
struct pmu_bound pmu_bound(const struct cpu *cpu);
