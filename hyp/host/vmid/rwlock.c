/*
 * VMID allocation as in Linux v4.17 to v4.20 (f0cf47d939d0): a reader/writer lock, so that the
 * first look cannot fall into the middle of an allocation.
 *
 * Its mistake (what is left of H0.3): the second look, after interrupts are off, takes no lock. A
 * CPU between the two looks acknowledges force_vm_exit there; the writer goes on and says "new
 * generation"; the second look finds that and is content; the VTTBR loaded is still the old one.
 */

#include "hyp/host/lock.h"
#include "hyp/host/smp.h"
#include "hyp/host/vm.h"
#include "hyp/host/vmid.h"

const char vmid_variant[] = "rwlock";

static struct rwlock vmid_lock;
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
    read_lock(&vmid_lock);
    bool is_stale = vmid_is_stale(vm);
    read_unlock(&vmid_lock);
    if (!is_stale)
        return;

    write_lock(&vmid_lock);
    if (vmid_is_stale(vm)) {
        if (vmid_next == 0)
            vmid_rollover();
        WRITE_ONCE(vm->vmid.generation, vmid_generation);
        WRITE_ONCE(vm->vmid.number, vmid_next);
        vmid_next = (vmid_next + 1) % vmid_count;
        WRITE_ONCE(vm->vmid.vttbr,
                   vm->vmid.number << VTTBR_VMID_SHIFT | (uint64_t)vm->stage2.root);
    }
    write_unlock(&vmid_lock);
}

EL2_CODE uint64_t vmid_vttbr(const struct vm *vm)
{
    return READ_ONCE(vm->vmid.vttbr);
}
