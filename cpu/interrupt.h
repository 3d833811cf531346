/* What interrupt.c decides beside cpu/exception.h (interrupt_to_take, interrupt_wakes). Pure. */
#pragma once
#include "cpu/cpu.h"
#include "cpu/exception.h"

/* The level an interrupt goes to under an effective HCR_EL2: 1 or 2; not for INTERRUPT_NONE. */
unsigned interrupt_target(uint64_t hcr, enum interrupt_kind kind);

/* Whether a pending interrupt ends a WFE: one that PSTATE does not mask, or that is taken. */
bool interrupt_wakes_event(const struct cpu *cpu);

/* ISR_EL1 as the current level reads it: at EL1 virtual ones where HCR_EL2 routes them. */
uint64_t interrupt_status(const struct cpu *cpu);

/* HCR_EL2 bits that make a virtual interrupt pending by themselves. */
#define INTERRUPT_HCR_VIRTUAL (HCR_EL2_VI | HCR_EL2_VF | HCR_EL2_VSE)

/* Whether there may be one to be taken: lines change only between runs of an engine. */
static inline bool interrupt_may_pend(const struct cpu *cpu)
{
    return cpu->lines != 0 || (cpu->effective[SR_HCR_EL2] & INTERRUPT_HCR_VIRTUAL) != 0;
}
