/*
 * VMID allocation that kicks the vCPUs out and does not wait until they are out; otherwise
 * correct.
 *
 * Its mistake (H0.4): an interrupt sent is not an interrupt taken. A CPU that has just looked
 * at its VM's generation goes on to its ERET and enters with the old number, behind the flush.
 * The interrupt throws it out again before it executes anything, so that no access of the
 * guest leaves an entry; but from the ERET on the guest's tables may be walked by whoever
 * looks ahead. What such a walk leaves under the old number is found by the VM that gets the
 * number.
 */

#include "hyp/host/lock.h"
#include "hyp/host/smp.h"
#include "hyp/host/vm.h"
#include "hyp/host/vmid.h"

const char vmid_variant[] = "no-wait";

static struct spinlock vmid_lock;
static uint64_t vmid_generation = 1;
static uint32_t vmid_next;                 /* 0: none left, as at the very first use */
static uint32_t vmid_count;

void vmid_rollover(void);

void vmid_init(unsigned bits)
{
    vmid_count = 1u << bits;
}

bool vmid_is_stale(const struct vm *vm)
{
    uint64_t now = READ_ONCE(vmid_generation);
    dmb(ishld);
    return READ_ONCE(vm->vmid.generation) != now;
}

static void do_nothing(void *argument)
{
    (void)argument;
}

__attribute__((noinline)) void vmid_rollover(void)
{
    WRITE_ONCE(vmid_generation, vmid_generation + 1);
    vmid_next = 1;
    on_each_cpu(do_nothing, NULL, false);
    vmid_flush_all();
}

void vmid_update(struct vm *vm)
{
    if (!vmid_is_stale(vm))
        return;
    spin_lock(&vmid_lock);
    if (vmid_is_stale(vm)) {
        if (vmid_next == 0)
            vmid_rollover();
        WRITE_ONCE(vm->vmid.number, vmid_next);
        vmid_next = (vmid_next + 1) % vmid_count;
        dmb(ishst);
        WRITE_ONCE(vm->vmid.generation, vmid_generation);
    }
    spin_unlock(&vmid_lock);
}

EL2_CODE uint64_t vmid_vttbr(const struct vm *vm)
{
    return READ_ONCE(vm->vmid.number) << VTTBR_VMID_SHIFT | (uint64_t)vm->stage2.root;
}
