/*
 * The run loop of a vCPU, and what a CPU owes to a vCPU that comes to it.
 *
 * Between vmid_update and irq_disable anything may happen: an interrupt, another thread, another
 * CPU, a rollover. So the loop looks once more when interrupts are off. From then on a rollover
 * has to wait for this CPU: its interrupt is taken in the guest, as an exit, or after it.
 *
 * DDI 0487: HCR_EL2.IMO, PSTATE.I.
 */

#include "hyp/host/vm.h"

#include "hyp/host/workload.h"

/*
 * Two vCPUs of a VM share its VMID but need not agree on what an address or an ASID means (one may
 * still be without its MMU). So when another one ran here last, the stage 1 translations of the VM
 * go from this CPU's TLB.
 */
void vcpu_load(struct vcpu *vcpu)
{
    uint8_t *last = &vcpu->vm->last_vcpu[cpu_current()->number];
    if (*last != LAST_VCPU_NONE && *last != vcpu->number)
        vcpu_forget_others(vcpu);
    *last = (uint8_t)vcpu->number;
}

/* One attempt to run the guest. */
static void vcpu_enter(struct vcpu *vcpu)
{
    vmid_update(vcpu->vm);
    irq_disable();
    if (vmid_is_stale(vcpu->vm)) {
        irq_enable();
        return;
    }
    uint64_t why = el2_call(EL2_CALL_WORLD_SWITCH, vcpu, 0);
    irq_enable();                          /* an interrupt that ended the stay is taken here */
    vcpu_handle_exit(vcpu, why);
}

void vcpu_run(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;

    while (!vcpu->is_finished) {
        thread_yield_if_asked();
        vcpu_enter(vcpu);
    }
    /* vcpu_load is for this vCPU no more: the VM may be gone before the thread. */
    preempt_disable();
    vcpu->thread.vcpu = NULL;
    preempt_enable();
    if (atomic_add(&vm->vcpus_inside, (uint32_t)-1) == 0)
        workload_vm_ended(vm);
}
