#pragma once

/*
 * Threads of the host kernel: one per vCPU, one idle thread per CPU, and one run queue for all
 * CPUs, so that a vCPU goes on wherever a CPU is free. The kernel is preemptible: an interrupt may
 * switch threads anywhere but under a lock. `current` is in TPIDR_EL1.
 */

#include "hyp/board.h"
#include "hyp/host/lock.h"

struct vcpu;

enum thread_state {
    THREAD_RUNNABLE,
    THREAD_DEAD,
};

struct thread {
    uint64_t sp;                           /* where it left off; first for thread_switch */
    struct thread *next;                   /* in the run queue */
    struct cpu *cpu;                       /* where it runs, or last ran */
    struct vcpu *vcpu;                     /* whose vCPU this is, or null */
    void *stack;                           /* its page, or null for an idle thread */
    enum thread_state state;
    uint32_t preempt_off;                  /* 0: may be preempted */
};

struct cpu {
    struct thread idle;
    unsigned number;
    uint8_t gic_mask;                      /* this CPU in GICD_SGIR and GICD_ITARGETSR */
    bool is_idle;
    bool must_reschedule;
};

extern struct cpu cpus[CPUS_MAX];

ALWAYS_INLINE struct thread *thread_current(void)
{
    return (struct thread *)read_sysreg(TPIDR_EL1);
}

/* The CPU we are on; stays true only while we cannot be preempted. */
ALWAYS_INLINE struct cpu *cpu_current(void)
{
    return thread_current()->cpu;
}

void preempt_disable(void);
void preempt_enable(void);                 /* switches threads if that was put off meanwhile */

/* Makes the calling context the idle thread of CPU `number`. */
void thread_become_idle(unsigned number);

/* Lets a thread begin function(argument) with its own stack of one page; ready to run at once. */
void thread_start(struct thread *thread, void (*function)(void *), void *argument);

/* Gives the CPU to the next thread in the queue, if there is one. */
void thread_yield(void);

/* The same, but if there is none, the CPU sleeps until the next interrupt. */
void thread_wait(void);

/* Switches threads if the tick asked for it. */
void thread_yield_if_asked(void);

/* Ends the calling thread. */
void thread_exit(void) __attribute__((noreturn));

/* What an idle CPU does. */
void thread_idle(void) __attribute__((noreturn));

/* host/start.S, and what it calls. */
struct thread *thread_switch(struct thread *from, struct thread *to);
void thread_first(void);
void thread_switch_finish(struct thread *from);
