/*
 * VMID allocation as first posted for KVM/ARM (patch series v4, November 2012), before the review
 * that asked what keeps the vCPUs of one VM on one VMID after a rollover.
 *
 * Its mistake (H0.1): between the look outside the lock and the lock, another vCPU of the same VM
 * may have taken a number. Nobody looks again, so this one takes a second number; the VM then runs
 * under both, and a TLBI of one vCPU does not reach what the other has cached.
 *
 * It shares the publication order of v3.9 (H0.3): generation first, VTTBR last.
 * The flush is done by every CPU in its interrupt handler; since each is a broadcast, the last one
 * counts, and that is after the last guest was left. Odd, but not wrong.
 */

#include "hyp/host/lock.h"
#include "hyp/host/smp.h"
#include "hyp/host/vm.h"
#include "hyp/host/vmid.h"

const char vmid_variant[] = "posted-2012";

static struct spinlock vmid_lock;
static uint64_t vmid_generation = 1;
static uint32_t vmid_next;                 /* 0: none left, as at the very first use */
static uint32_t vmid_count;

void vmid_rollover(void);
void vmid_reset_context(void *argument);

void vmid_init(unsigned bits)
{
    vmid_count = 1u << bits;
}

bool vmid_is_stale(const struct vm *vm)
{
    return READ_ONCE(vm->vmid.generation) != READ_ONCE(vmid_generation);
}

/* On every CPU, by interrupt. */
void vmid_reset_context(void *argument)
{
    (void)argument;
    vmid_flush_all();
}

__attribute__((noinline)) void vmid_rollover(void)
{
    WRITE_ONCE(vmid_generation, vmid_generation + 1);
    vmid_next = 1;
    on_each_cpu(vmid_reset_context, NULL, true);
}

void vmid_update(struct vm *vm)
{
    if (!vmid_is_stale(vm))
        return;
    spin_lock(&vmid_lock);
    if (vmid_next == 0)
        vmid_rollover();
    WRITE_ONCE(vm->vmid.generation, vmid_generation);
    WRITE_ONCE(vm->vmid.number, vmid_next);
    vmid_next = (vmid_next + 1) % vmid_count;
    WRITE_ONCE(vm->vmid.vttbr,
               vm->vmid.number << VTTBR_VMID_SHIFT | (uint64_t)vm->stage2.root);
    spin_unlock(&vmid_lock);
}

EL2_CODE uint64_t vmid_vttbr(const struct vm *vm)
{
    return READ_ONCE(vm->vmid.vttbr);
}
