/*
 * The allocator of asid.h, but for the fast path.
 *
 * Its mistake (H0.2): it looks at the slot and stores to it, which is not one step. A rollover in
 * between has taken the slot; the store puts back a number of the past, not reserved unless
 * it is what the slot held before. The CPU enters with it, and another VM gets it.
 */

#include "hyp/host/vmid/asid.h"

const char vmid_variant[] = "asid-plain-store";

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
    if (__atomic_load_n(slot, __ATOMIC_RELAXED) == 0 || !is_of_this_generation(id))
        return false;
    __atomic_store_n(slot, id, __ATOMIC_RELAXED);
    return true;
}

void vmid_update(struct vm *vm)
{
    vmid_update_by(vm, reserved_renew, slot_change);
}
