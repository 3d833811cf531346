/*
 * The allocator of asid.h, but for the fast path.
 *
 * Its mistake (H0.2): it does not ask whether the slot was 0. A rollover between the look at the
 * generation and the change of a slot that the rollover before had emptied goes unnoticed: the CPU
 * enters with a number that is neither of this generation nor reserved, and another VM gets it.
 */

#include "hyp/host/vmid/asid.h"

const char vmid_variant[] = "asid-zero-slot";

static bool reserved_renew(uint64_t id, uint64_t renewed)
{
    bool is_found = false;
    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
        if (vmid_reserved[cpu] == id) {
            vmid_reserved[cpu] = renewed;
            is_found = true;
        }
    return is_found;
}

static bool slot_change(uint64_t *slot, uint64_t id)
{
    uint64_t old = __atomic_load_n(slot, __ATOMIC_RELAXED);
    return is_of_this_generation(id) &&
           __atomic_compare_exchange_n(slot, &old, id, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

void vmid_update(struct vm *vm)
{
    vmid_update_by(vm, reserved_renew, slot_change);
}
