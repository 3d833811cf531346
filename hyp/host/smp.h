#pragma once

/*
 * More than one CPU: starting them (PSCI by SMC) and calling functions on them (GICv2 SGIs).
 */

#include "hyp/arch.h"

/* Starts every CPU there is; answers how many run, this one included. */
unsigned smp_start(void);

/* A started CPU says that it takes interrupts from now on. */
void smp_report_online(void);

/*
 * Runs function(argument) on every CPU, with interrupts off: here directly, elsewhere by an
 * interrupt. With `wait`, all have finished on return. The caller has interrupts on.
 */
void on_each_cpu(void (*function)(void *), void *argument, bool wait);

/* Every CPU has left its guest, if it was in one, between call and return. */
void force_vm_exit(void);

/* If a CPU is idle, makes it look at the run queue. */
void smp_wake_idle(void);

/* The two software-generated interrupts, called by irq_handle. */
void smp_handle_call(void);

#define SMP_SGI_CALL 0
#define SMP_SGI_RESCHEDULE 1

extern uint32_t cpus_online;               /* CPUs 0 .. cpus_online - 1 take interrupts */
