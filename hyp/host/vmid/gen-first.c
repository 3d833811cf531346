/*
 * VMID allocation as in Linux v3.9 to v4.16: it looks again under the lock.
 *
 * Its mistake (H0.3): it says that the VM is of the new generation before its VTTBR value is the
 * new one. Another vCPU of the VM, which looks without the lock, sees the new generation, goes on,
 * and loads the old VTTBR: it runs under a number that is soon somebody else's.
 */

#include "hyp/host/lock.h"
#include "hyp/host/smp.h"
#include "hyp/host/vm.h"
#include "hyp/host/vmid.h"

const char vmid_variant[] = "gen-first";

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
    return READ_ONCE(vm->vmid.generation) != READ_ONCE(vmid_generation);
}

__attribute__((noinline)) void vmid_rollover(void)
{
    WRITE_ONCE(vmid_generation, vmid_generation + 1);
    vmid_next = 1;
    force_vm_exit();
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
        WRITE_ONCE(vm->vmid.generation, vmid_generation);
        WRITE_ONCE(vm->vmid.number, vmid_next);
        vmid_next = (vmid_next + 1) % vmid_count;
        WRITE_ONCE(vm->vmid.vttbr,
                   vm->vmid.number << VTTBR_VMID_SHIFT | (uint64_t)vm->stage2.root);
    }
    spin_unlock(&vmid_lock);
}

EL2_CODE uint64_t vmid_vttbr(const struct vm *vm)
{
    return READ_ONCE(vm->vmid.vttbr);
}
