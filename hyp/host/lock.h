#pragma once

/*
 * Locks of the host kernel. A holder is not preempted (its `preempt_off` is raised) but takes
 * interrupts; a lock that an interrupt handler takes too needs interrupts off: spin_lock_irq_save.
 * Waiters sleep in WFE: the release clears their exclusive monitor, which is a wake-up event.
 */

#include "hyp/arch.h"

struct spinlock {
    uint32_t is_held;
};

/* Many readers or one writer: the number of readers, or RWLOCK_WRITER. */
struct rwlock {
    uint32_t users;
};

#define RWLOCK_WRITER 0x80000000u

ALWAYS_INLINE void irq_disable(void)
{
    __asm__ volatile("msr DAIFSet, #2" : : : "memory");
}

ALWAYS_INLINE void irq_enable(void)
{
    __asm__ volatile("msr DAIFClr, #2" : : : "memory");
}

/* Masks interrupts; answers the mask as it was, for irq_restore. */
ALWAYS_INLINE uint64_t irq_save(void)
{
    uint64_t mask = read_sysreg(DAIF);
    irq_disable();
    return mask;
}

ALWAYS_INLINE void irq_restore(uint64_t mask)
{
    write_sysreg(DAIF, mask);
}

void spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);
uint64_t spin_lock_irq_save(struct spinlock *lock);
void spin_unlock_irq_restore(struct spinlock *lock, uint64_t mask);

void read_lock(struct rwlock *lock);
void read_unlock(struct rwlock *lock);
void write_lock(struct rwlock *lock);
void write_unlock(struct rwlock *lock);

/* Atomic addition; answers the new value. Ordered like a lock: acquire and release. */
uint32_t atomic_add(uint32_t *counter, uint32_t amount);

/* Waits, with WFE, until the counter is zero; what was done before that is then visible. */
void wait_until_zero(const uint32_t *counter);
