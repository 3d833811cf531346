/*
 * VMID allocation, correct: the form that Linux has had from v5.0 (fb544d1ca65a) on.
 *
 * - The slow path is under a lock and looks again: another vCPU of the VM may have been faster, and
 *   all vCPUs of a VM must use one number.
 * - At a rollover every CPU leaves its guest first; then one broadcast flush removes all that the
 *   guests of the old generation left in any TLB; then numbers are given out.
 * - The number is written before the generation, with a barrier between; the reader reads the
 *   global generation first and has the opposite barrier. So who sees the VM in the new generation
 *   also finds its new number.
 * - VTTBR_EL2 is composed at entry from the number. Between the last look (interrupts off) and the
 *   exit, nobody can change the number: a rollover waits in force_vm_exit for this CPU.
 */

#include "hyp/host/lock.h"
#include "hyp/host/smp.h"
#include "hyp/host/vm.h"
#include "hyp/host/vmid.h"

const char vmid_variant[] = "correct";

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
