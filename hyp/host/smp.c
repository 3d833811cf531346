/*
 * Secondary CPUs and calls between CPUs. One call is under way at a time; its data is valid until
 * `pending`, the number of CPUs that still owe it, is zero.
 *
 * force_vm_exit is such a call to a function that does nothing: a CPU in a guest leaves it because
 * the interrupt is routed to EL2, and takes the interrupt only after the world switch back.
 *
 * PSCI 1.1 (DEN 0022): CPU_ON by SMC.
 */

#include "hyp/host/smp.h"

#include "hyp/board.h"
#include "hyp/host/dt.h"
#include "hyp/host/gic.h"
#include "hyp/host/thread.h"

#define PSCI_CPU_ON 0xc4000003

uint32_t cpus_online = 1;

static struct {
    struct spinlock lock;
    void (*function)(void *);
    void *argument;
    uint32_t pending;
} call;

void secondary_start(void);

static int64_t psci_cpu_on(uint64_t mpidr, uint64_t entry, uint64_t context)
{
    register uint64_t x0 __asm__("x0") = PSCI_CPU_ON;
    register uint64_t x1 __asm__("x1") = mpidr;
    register uint64_t x2 __asm__("x2") = entry;
    register uint64_t x3 __asm__("x3") = context;
    __asm__ volatile("smc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                     :
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
                       "x16", "x17", "memory");
    return (int64_t)x0;
}

/* One after the other, so that CPU numbers are the order of the start. */
unsigned smp_start(void)
{
    unsigned number = 1;

    for (unsigned n = 1; n < dt_config.cpu_count && n < CPUS_MAX; n++) {
        if (psci_cpu_on(dt_config.cpu_mpidr[n], (uint64_t)secondary_start, number) != 0)
            continue;
        while (READ_ONCE(cpus_online) == number)
            wfe();
        number++;
    }
    return number;
}

void smp_report_online(void)
{
    atomic_add(&cpus_online, 1);
    dsb(ish);
    sev();
}

/* The SGI targets of all CPUs but this one. */
static uint8_t other_cpus(bool only_idle)
{
    uint8_t mask = 0;
    for (unsigned n = 0; n < READ_ONCE(cpus_online); n++)
        if (&cpus[n] != cpu_current() && (!only_idle || READ_ONCE(cpus[n].is_idle)))
            mask |= cpus[n].gic_mask;
    return mask;
}

void on_each_cpu(void (*function)(void *), void *argument, bool wait)
{
    spin_lock(&call.lock);
    wait_until_zero(&call.pending);        /* a call that nobody waited for */
    call.function = function;
    call.argument = argument;
    call.pending = READ_ONCE(cpus_online) - 1;
    if (call.pending != 0)
        gic_send_sgi(SMP_SGI_CALL, other_cpus(false));

    uint64_t mask = irq_save();
    function(argument);
    irq_restore(mask);

    if (wait)
        wait_until_zero(&call.pending);
    spin_unlock(&call.lock);
}

void smp_handle_call(void)
{
    call.function(call.argument);
    atomic_add(&call.pending, (uint32_t)-1);
}

static void do_nothing(void *argument)
{
    (void)argument;
}

void force_vm_exit(void)
{
    on_each_cpu(do_nothing, NULL, true);
}

void smp_wake_idle(void)
{
    preempt_disable();
    dmb(ish);                              /* the queue is written, then look who sleeps */
    uint8_t mask = other_cpus(true);
    if (mask != 0)
        gic_send_sgi(SMP_SGI_RESCHEDULE, mask);
    preempt_enable();
}
