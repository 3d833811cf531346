/*
 * The allocator of asid.h, but for the reserved numbers.
 *
 * Its mistake (H0.1): a VM that keeps its reserved number is made to have it on the first CPU that
 * reserved it, not on all. A CPU that has been in the guest all the time goes by the old name of
 * the number; at the rollover after the next the VM does not find it, and the number is taken:
 * the VM gets another one, and runs under two.
 */

#include "hyp/host/vmid/asid.h"

const char vmid_variant[] = "asid-one-cpu";

static bool reserved_renew(uint64_t id, uint64_t renewed)
{
    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
        if (vmid_reserved[cpu] == id) {
            vmid_reserved[cpu] = renewed;
            return true;
        }
    return false;
}

static bool slot_change(uint64_t *slot, uint64_t id)
{
    uint64_t old = __atomic_load_n(slot, __ATOMIC_RELAXED);
    return old != 0 && is_of_this_generation(id) &&
           __atomic_compare_exchange_n(slot, &old, id, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

void vmid_update(struct vm *vm)
{
    vmid_update_by(vm, reserved_renew, slot_change);
}
