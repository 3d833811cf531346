/*
 * The state of one PE: plain bytes, hashed and snapshotted by the machine. General registers,
 * PSTATE, system registers in their programmed and effective copies, the local exclusive monitor,
 * what it waits for, and its time.
 */
#pragma once
#include "gen/sysreg.h"
#include "sim/base/base.h"

/* NZCV in bits 31:28, as in the NZCV register and SPSR_ELx. */
#define PSTATE_N (UINT32_C(1) << 31)
#define PSTATE_Z (UINT32_C(1) << 30)
#define PSTATE_C (UINT32_C(1) << 29)
#define PSTATE_V (UINT32_C(1) << 28)
/* DAIF in bits 9:6, as in the DAIF register and SPSR_ELx. */
#define PSTATE_D (UINT32_C(1) << 9)
#define PSTATE_A (UINT32_C(1) << 8)
#define PSTATE_I (UINT32_C(1) << 7)
#define PSTATE_F (UINT32_C(1) << 6)
/* PAN and UAO, as in SPSR_ELx. */
#define PSTATE_PAN (UINT32_C(1) << 22)
#define PSTATE_UAO (UINT32_C(1) << 23)
#define PSTATE_DAIF (PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F)

enum cpu_wait { CPU_RUNS, CPU_WAITS_INTERRUPT, CPU_WAITS_EVENT, CPU_IS_OFF };

/* The wires into a PE; the machine sets them. IRQ..vFIQ have the values of GIC_WIRE_*. */
#define CPU_LINE_IRQ 1u
#define CPU_LINE_FIQ 2u
#define CPU_LINE_VIRQ 4u
#define CPU_LINE_VFIQ 8u
#define CPU_LINE_SERROR 16u

#define CPU_UNSYNCHRONIZED_MAX 64u
#define CPU_LOR_COUNT 4u /* descriptors of limited ordering regions: LORID_EL1.LD */

#define CPU_EVENT_COUNTERS 6u /* PMCR_EL0.N */

STATE_BEGIN
/* Performance monitors: counters as they were when time and steps had the values seen. */
struct cpu_pmu {
    uint64_t cycle;
    uint64_t event[CPU_EVENT_COUNTERS];
    uint64_t overflowed;   /* PMOVSSET_EL0 */
    uint64_t seen_cycles;  /* cpu.cycles then */
    uint64_t seen_retired; /* instructions retired then */
    uint64_t unretired;    /* steps that retired no instruction, ever */
    uint64_t divider;      /* cycles not yet counted while PMCR_EL0.D */
};

struct cpu {
    uint64_t x[32]; /* x[31] is always 0: the zero register reads it; SP is in sp[] */
    uint64_t pc;
    uint64_t sp[4]; /* SP_EL0, SP_EL1, SP_EL2; [3] is never used (no EL3) */
    uint64_t insns;  /* steps: instructions attempted and interrupts taken; the ordinal of choices
                        at any instruction */
    uint64_t cycles; /* this PE's time */

    /* PSTATE */
    uint32_t nzcv; /* bits 31:28 */
    uint32_t daif; /* bits 9:6 */
    uint32_t access; /* PSTATE_PAN and PSTATE_UAO: how EL1 may access memory */
    uint32_t unknown; /* registers that hold an UNKNOWN value: bits of unknown.c */
    uint8_t el;    /* 0..2 */
    uint8_t spsel; /* 0: SP_EL0, 1: SP_ELx */
    uint8_t ss;    /* software step */
    uint8_t il;    /* illegal execution state */

    uint8_t wait;           /* enum cpu_wait */
    uint8_t event_register; /* set by SEV, cleared by WFE */
    uint8_t lines;          /* CPU_LINE_* as seen now */
    uint8_t stepped;        /* the last instruction: 0 not stepped, 1 stepped, 2 so, exclusive */

    /* Local exclusive monitor (the global one is the machine's). */
    uint64_t monitor_pa;   /* first byte of the granule */
    uint32_t monitor_size; /* bytes of the granule; 0: open */
    uint32_t unsynchronized_count;
    uint64_t irq_hold_until; /* irq-take: an interrupt waits until insns reaches this */

    /* Registers whose effective copy lags behind, in order of writing. */
    uint16_t unsynchronized[CPU_UNSYNCHRONIZED_MAX];

    uint64_t reg[SYSREG_COUNT];       /* programmed copies; rows with owner=cpu and others */
    uint64_t effective[SYSREG_COUNT]; /* effective copies; equal where a row has none */

    struct cpu_pmu pmu;
    uint64_t lor[CPU_LOR_COUNT][3]; /* LORSA, LOREA and LORN of each descriptor */

    uint64_t v[32][2]; /* SIMD and floating-point registers */
};
STATE_END

static inline uint64_t cpu_sp_get(const struct cpu *cpu)
{
    return cpu->sp[cpu->spsel ? cpu->el : 0];
}

static inline void cpu_sp_set(struct cpu *cpu, uint64_t value)
{
    cpu->sp[cpu->spsel ? cpu->el : 0] = value;
}
