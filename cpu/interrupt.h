/* What interrupt.c decides beside cpu/exception.h (interrupt_to_take, interrupt_wakes). Pure. */
#pragma once
#include "cpu/cpu.h"
#include "cpu/exception.h"

/* The level an interrupt goes to under an effective HCR_EL2: 1 or 2; not for INTERRUPT_NONE. */
unsigned interrupt_target(uint64_t hcr, enum interrupt_kind kind);

/* ISR_EL1 as the current level reads it: at EL1 virtual ones where HCR_EL2 routes them. */
uint64_t interrupt_status(const struct cpu *cpu);
