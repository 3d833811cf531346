/*
 * The allocator of asid.h, without a mistake: what Linux has had since v5.17.
 *
 * DDI 0487: VTTBR_EL2.VMID; LDXR, STXR.
 */

#include "hyp/host/vmid/asid.h"

const char vmid_variant[] = "asid-style";

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
    return old != 0 && is_of_this_generation(id) &&
           __atomic_compare_exchange_n(slot, &old, id, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

void vmid_update(struct vm *vm)
{
    vmid_update_by(vm, reserved_renew, slot_change);
}
