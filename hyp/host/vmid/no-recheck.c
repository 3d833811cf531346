/*
 * VMID allocation without the look after interrupts are off; otherwise correct.
 *
 * Its mistake (H0.2): a rollover between vmid_update and irq_disable passes unnoticed. This CPU
 * acknowledges force_vm_exit while it is not in a guest, then enters one under a number of the
 * generation before, and the rollover gives that number to another VM.
 */

#include "hyp/host/lock.h"
#include "hyp/host/smp.h"
#include "hyp/host/vm.h"
#include "hyp/host/vmid.h"

const char vmid_variant[] = "no-recheck";

static struct spinlock vmid_lock;
static uint64_t vmid_generation = 1;
static uint32_t vmid_next;                 /* 0: none left, as at the very first use */
static uint32_t vmid_count;

void vmid_rollover(void);

void vmid_init(unsigned bits)
{
    vmid_count = 1u << bits;
}

static bool vmid_needs_number(const struct vm *vm)
{
    uint64_t now = READ_ONCE(vmid_generation);
    dmb(ishld);
    return READ_ONCE(vm->vmid.generation) != now;
}

/* Taken for granted: vmid_update has just looked. */
bool vmid_is_stale(const struct vm *vm)
{
    (void)vm;
    return false;
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
    if (!vmid_needs_number(vm))
        return;
    spin_lock(&vmid_lock);
    if (vmid_needs_number(vm)) {
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
