/*
 * The scheduler: round robin over one queue. The queue's lock is held across the switch, from the
 * thread that leaves to the one that goes on, so that nobody can pick up a thread whose registers
 * are still on their way to its stack.
 *
 * Not modelled: priorities, sleeping; a thread runs, waits in the queue, or is dead.
 */

#include "hyp/host/thread.h"

#include "hyp/host/page.h"
#include "hyp/host/smp.h"
#include "hyp/host/vm.h"

struct cpu cpus[CPUS_MAX];

static struct {
    struct spinlock lock;
    struct thread *first;
    struct thread *last;
} queue;

static void queue_push(struct thread *thread)
{
    thread->next = NULL;
    if (queue.first == NULL)
        queue.first = thread;
    else
        queue.last->next = thread;
    queue.last = thread;
}

static struct thread *queue_pop(void)
{
    struct thread *thread = queue.first;
    if (thread != NULL)
        queue.first = thread->next;
    return thread;
}

void preempt_disable(void)
{
    struct thread *thread = thread_current();
    WRITE_ONCE(thread->preempt_off, thread->preempt_off + 1);
}

void preempt_enable(void)
{
    struct thread *thread = thread_current();
    WRITE_ONCE(thread->preempt_off, thread->preempt_off - 1);
    if (thread->preempt_off == 0 && (read_sysreg(DAIF) & DAIF_I) == 0)
        thread_yield_if_asked();
}

void thread_become_idle(unsigned number)
{
    struct cpu *cpu = &cpus[number];
    cpu->number = number;
    cpu->idle.cpu = cpu;
    cpu->idle.preempt_off = 1;             /* until thread_idle: the boot is not to be preempted */
    write_sysreg(TPIDR_EL1, (uint64_t)&cpu->idle);
}

void thread_start(struct thread *thread, void (*function)(void *), void *argument)
{
    thread->stack = page_alloc();
    uint64_t *frame = (uint64_t *)((uint64_t)thread->stack + PAGE_BYTES) - 12;
    frame[0] = 0;                          /* as thread_switch pops them: x29, x30, x19, x20 */
    frame[1] = (uint64_t)thread_first;
    frame[2] = (uint64_t)function;
    frame[3] = (uint64_t)argument;
    thread->sp = (uint64_t)frame;
    thread->state = THREAD_RUNNABLE;
    thread->preempt_off = 1;               /* the queue's lock, let go in thread_switch_finish */

    uint64_t mask = spin_lock_irq_save(&queue.lock);
    queue_push(thread);
    spin_unlock_irq_restore(&queue.lock, mask);
    smp_wake_idle();
}

void thread_yield(void)
{
    uint64_t mask = spin_lock_irq_save(&queue.lock);
    struct thread *from = thread_current();
    struct cpu *cpu = from->cpu;

    cpu->must_reschedule = false;
    if (from != &cpu->idle && from->state == THREAD_RUNNABLE)
        queue_push(from);
    struct thread *to = queue_pop();
    if (to == NULL)
        to = &cpu->idle;
    if (to != from) {
        to->cpu = cpu;
        cpu->is_idle = to == &cpu->idle;
        thread_switch_finish(thread_switch(from, to));
    } else {
        spin_unlock(&queue.lock);
    }
    irq_restore(mask);
}

/* In the thread that goes on, interrupts off: `from` is safely on its stack, or gone. */
void thread_switch_finish(struct thread *from)
{
    spin_unlock(&queue.lock);
    if (from->state == THREAD_DEAD)
        page_free(from->stack);
    if (thread_current()->vcpu != NULL)
        vcpu_load(thread_current()->vcpu);
}

void thread_wait(void)
{
    irq_disable();
    struct cpu *cpu = cpu_current();
    WRITE_ONCE(cpu->is_idle, true);
    dmb(ish);                              /* say that we sleep, then look; see smp_wake_idle */
    if (READ_ONCE(queue.first) == NULL)
        wfi();                             /* wakes for a masked interrupt too */
    WRITE_ONCE(cpu->is_idle, false);
    irq_enable();
    thread_yield();
}

void thread_yield_if_asked(void)
{
    if (READ_ONCE(cpu_current()->must_reschedule))
        thread_yield();
}

void thread_exit(void)
{
    irq_disable();
    thread_current()->state = THREAD_DEAD;
    thread_yield();
    __builtin_unreachable();
}

void thread_idle(void)
{
    struct thread *thread = thread_current();
    WRITE_ONCE(thread->preempt_off, 0);
    irq_enable();
    for (;;)
        thread_wait();
}
