#pragma once

/*
 * VMID allocation as Linux has it since v5.17 (3248136b3637), the way of its ASIDs: a rollover
 * does not throw anybody out.
 *
 * - A VM's number carries its generation. Each CPU says in a slot of its own (active) what it
 *   runs.
 * - The fast path changes the slot from what it was to the VM's number, if the number is of
 *   this generation; it fails when the slot is 0, which means: a rollover has just taken what
 *   was there.
 * - A rollover, under the lock, takes all slots. What was in them stays in use, so these
 *   numbers are reserved: they pass over into the new generation, and nobody else gets them.
 *   Everything else is free again, behind one broadcast flush.
 * - A VM that comes to the slow path with an old number keeps it if it is reserved (on every
 *   CPU that has reserved it: several may run the VM), or still free.
 *
 * Linux turns preemption off from here to the entry. Here a thread that has moved, or been
 * away, sees it by the slot (vmid_is_stale). Not here: clearing the slot of a CPU that becomes
 * idle; it only costs numbers.
 *
 * The allocators that include this differ in two functions, which they hand to vmid_update_by:
 *
 * - reserved_renew says whether a number is reserved, and where it is, makes it one of this
 *   generation;
 * - slot_change says in the slot that this CPU runs the VM; false: something has changed, and the
 *   lock is needed.
 */

#include "hyp/host/console.h"
#include "hyp/host/lock.h"
#include "hyp/host/smp.h"
#include "hyp/host/thread.h"
#include "hyp/host/vm.h"
#include "hyp/host/vmid.h"

#define NUMBERS_MOST 65536

static struct spinlock vmid_lock;
static uint64_t vmid_generation;           /* in steps of vmid_count */
static uint64_t vmid_count;
static uint64_t vmid_cursor = 1;
static uint64_t vmid_map[NUMBERS_MOST / 64]; /* numbers taken in this generation */
static uint64_t vmid_active[CPUS_MAX];
static uint64_t vmid_reserved[CPUS_MAX];

void vmid_rollover(void);

/* There must be more numbers than CPUs, or a new generation could begin with none free. */
void vmid_init(unsigned bits)
{
    vmid_count = 1u << bits;
    while (vmid_count - 1 <= cpus_online)
        vmid_count *= 2;
    vmid_generation = vmid_count;
}

static inline uint64_t number_of(uint64_t id)
{
    return id & (vmid_count - 1);
}

static inline bool is_of_this_generation(uint64_t id)
{
    return (id & ~(vmid_count - 1)) == __atomic_load_n(&vmid_generation, __ATOMIC_ACQUIRE);
}

static inline bool number_take(uint64_t number)
{
    uint64_t bit = 1ull << (number & 63);
    bool was_free = (vmid_map[number / 64] & bit) == 0;
    vmid_map[number / 64] |= bit;
    return was_free;
}

/* The next free number, taken; 0: there is none. */
static inline uint64_t number_next(uint64_t first)
{
    for (uint64_t number = first; number < vmid_count; number++)
        if (number_take(number))
            return number;
    return 0;
}

__attribute__((noinline)) void vmid_rollover(void)
{
    __atomic_store_n(&vmid_generation, vmid_generation + vmid_count, __ATOMIC_RELEASE);
    for (uint64_t n = 0; n < (vmid_count + 63) / 64; n++)
        vmid_map[n] = 0;
    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
        uint64_t id = __atomic_exchange_n(&vmid_active[cpu], 0, __ATOMIC_SEQ_CST);
        if (id == 0)                       /* not run since the last one: what it had then */
            id = vmid_reserved[cpu];
        if (id != 0)
            number_take(number_of(id));
        vmid_reserved[cpu] = id;
    }
    vmid_flush_all();
}

ALWAYS_INLINE uint64_t id_new(uint64_t id, bool (*reserved_renew)(uint64_t, uint64_t))
{
    if (id != 0) {
        uint64_t kept = vmid_generation | number_of(id);
        if (reserved_renew(id, kept) || number_take(number_of(id)))
            return kept;
    }
    uint64_t number = number_next(vmid_cursor);
    if (number == 0) {
        vmid_rollover();
        number = number_next(1);
        if (number == 0)
            host_die("no VMID is free");
    }
    vmid_cursor = number;
    return vmid_generation | number;
}

ALWAYS_INLINE void vmid_update_by(struct vm *vm, bool (*reserved_renew)(uint64_t, uint64_t),
                                  bool (*slot_change)(uint64_t *, uint64_t))
{
    preempt_disable();
    uint64_t *slot = &vmid_active[cpu_current()->number];
    if (!slot_change(slot, READ_ONCE(vm->vmid.number))) {
        spin_lock(&vmid_lock);
        uint64_t id = vm->vmid.number;
        if (!is_of_this_generation(id)) {
            id = id_new(id, reserved_renew);
            WRITE_ONCE(vm->vmid.number, id);
        }
        __atomic_store_n(slot, id, __ATOMIC_RELAXED);
        spin_unlock(&vmid_lock);
    }
    preempt_enable();
}

bool vmid_is_stale(const struct vm *vm)
{
    uint64_t active = __atomic_load_n(&vmid_active[cpu_current()->number], __ATOMIC_RELAXED);
    return active != READ_ONCE(vm->vmid.number);
}

/* A rollover since then has left the number as it is, so that only the generation may be new. */
EL2_CODE uint64_t vmid_vttbr(const struct vm *vm)
{
    uint64_t number = READ_ONCE(vm->vmid.number) & (READ_ONCE(vmid_count) - 1);
    return number << VTTBR_VMID_SHIFT | (uint64_t)vm->stage2.root;
}
