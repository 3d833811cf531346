/*
 * Spinlocks, reader/writer locks and counters, on load-acquire and store-release exclusives.
 *
 * DDI 0487: "Load-Acquire, Store-Release", exclusive monitors and WFE wake-up events ("clearing of
 * the global monitor"): an LDAXR before the WFE makes the other CPU's release an event for us.
 */

#include "hyp/host/lock.h"

#include "hyp/host/thread.h"

void spin_lock(struct spinlock *lock)
{
    uint32_t seen;
    uint32_t one = 1;

    preempt_disable();
    __asm__ volatile("    sevl\n"
                     "1:  wfe\n"
                     "2:  ldaxr %w0, %1\n"
                     "    cbnz  %w0, 1b\n"
                     "    stxr  %w0, %w2, %1\n"
                     "    cbnz  %w0, 2b\n"
                     : "=&r"(seen), "+Q"(lock->is_held)
                     : "r"(one)
                     : "memory");
}

void spin_unlock(struct spinlock *lock)
{
    __asm__ volatile("stlr wzr, %0" : "=Q"(lock->is_held) : : "memory");
    preempt_enable();
}

uint64_t spin_lock_irq_save(struct spinlock *lock)
{
    uint64_t mask = irq_save();
    spin_lock(lock);
    return mask;
}

void spin_unlock_irq_restore(struct spinlock *lock, uint64_t mask)
{
    spin_unlock(lock);
    irq_restore(mask);
}

void read_lock(struct rwlock *lock)
{
    uint32_t users;
    uint32_t failed;

    preempt_disable();
    __asm__ volatile("    sevl\n"
                     "1:  wfe\n"
                     "2:  ldaxr %w0, %2\n"
                     "    tbnz  %w0, #31, 1b\n"
                     "    add   %w0, %w0, #1\n"
                     "    stxr  %w1, %w0, %2\n"
                     "    cbnz  %w1, 2b\n"
                     : "=&r"(users), "=&r"(failed), "+Q"(lock->users)
                     :
                     : "memory");
}

void read_unlock(struct rwlock *lock)
{
    atomic_add(&lock->users, (uint32_t)-1);
    preempt_enable();
}

void write_lock(struct rwlock *lock)
{
    uint32_t seen;

    preempt_disable();
    __asm__ volatile("    sevl\n"
                     "1:  wfe\n"
                     "2:  ldaxr %w0, %1\n"
                     "    cbnz  %w0, 1b\n"
                     "    stxr  %w0, %w2, %1\n"
                     "    cbnz  %w0, 2b\n"
                     : "=&r"(seen), "+Q"(lock->users)
                     : "r"(RWLOCK_WRITER)
                     : "memory");
}

void write_unlock(struct rwlock *lock)
{
    __asm__ volatile("stlr wzr, %0" : "=Q"(lock->users) : : "memory");
    preempt_enable();
}

uint32_t atomic_add(uint32_t *counter, uint32_t amount)
{
    uint32_t value;
    uint32_t failed;

    __asm__ volatile("1:  ldaxr %w0, %2\n"
                     "    add   %w0, %w0, %w3\n"
                     "    stlxr %w1, %w0, %2\n"
                     "    cbnz  %w1, 1b\n"
                     : "=&r"(value), "=&r"(failed), "+Q"(*counter)
                     : "r"(amount)
                     : "memory");
    return value;
}

void wait_until_zero(const uint32_t *counter)
{
    uint32_t value;

    __asm__ volatile("    sevl\n"
                     "1:  wfe\n"
                     "    ldaxr %w0, %1\n"
                     "    cbnz  %w0, 1b\n"
                     "    clrex\n"
                     : "=&r"(value)
                     : "Q"(*counter)
                     : "memory");
}
