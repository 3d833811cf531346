/*
 * Making and destroying VMs. A VM's memory is its image, copied, and zeroed pages behind it up to
 * the size that the image asks for; what lies beyond, up to GUEST_RAM_BYTES, comes page by page at
 * the first access (host/exit.c).
 *
 * A vCPU starts as after a reset: EL1, MMU and caches off. So the image is written back to memory
 * (page_clean) and the instruction caches, which know nothing of our stores, are invalidated.
 */

#include "hyp/host/vm.h"

#include "hyp/guest/guest.h"
#include "hyp/host/console.h"
#include "hyp/host/memory.h"
#include "hyp/host/page.h"

NOT_CLEARED static struct vm vms[VMS_MAX];
static uint32_t vms_made;

static void vm_load(struct vm *vm, const struct guest_image *image)
{
    const struct guest_header *header = (const struct guest_header *)image->start;
    uint64_t file_bytes = (uint64_t)(image->end - image->start);

    for (uint64_t at = 0; at < header->memory_bytes; at += PAGE_BYTES) {
        void *page = page_alloc_zeroed();
        if (at < file_bytes) {
            uint64_t rest = file_bytes - at;
            memcpy(page, image->start + at, rest < PAGE_BYTES ? rest : PAGE_BYTES);
            page_clean(page);
        }
        stage2_map(vm, GUEST_BASE + at, page);
    }
    __asm__ volatile("ic ialluis" : : : "memory");
    dsb(ish);
}

static void vcpu_init(struct vcpu *vcpu, struct vm *vm, unsigned number, uint64_t iterations)
{
    uint64_t *word = (uint64_t *)vcpu;
    for (size_t n = 0; n < sizeof *vcpu / 8; n++)
        word[n] = 0;
    vcpu->vm = vm;
    vcpu->number = number;
    vcpu->vmpidr = MPIDR_EL1_RES1 | number;
    vcpu->pc = GUEST_BASE;
    vcpu->pstate = PSTATE_EL1H_MASKED;
    vcpu->el1.SCTLR_EL1 = SCTLR_EL1_OFF;
    vcpu->x[0] = vm->number;
    vcpu->x[1] = iterations;
    vcpu->x[2] = vm->vcpu_count;
    vcpu->thread.vcpu = vcpu;
}

struct vm *vm_create(const struct vm_arguments *arguments)
{
    uint32_t number = atomic_add(&vms_made, 1) - 1;
    if (number >= VMS_MAX)
        host_die("too many VMs");
    struct vm *vm = &vms[number];

    vm->vmid = (struct vmid){0};
    vm->number = number;
    vm->vcpu_count = arguments->vcpu_count;
    vm->is_visitor = arguments->is_visitor;
    vm->vcpus_inside = arguments->vcpu_count;
    for (unsigned n = 0; n < CPUS_MAX; n++)
        vm->last_vcpu[n] = LAST_VCPU_NONE;
    stage2_init(&vm->stage2);
    vm_load(vm, arguments->image);
    for (unsigned n = 0; n < vm->vcpu_count; n++)
        vcpu_init(&vm->vcpu[n], vm, n, arguments->iterations);
    return vm;
}

static void vcpu_thread(void *argument)
{
    vcpu_run(argument);
}

void vm_start(struct vm *vm)
{
    for (unsigned n = 0; n < vm->vcpu_count; n++)
        thread_start(&vm->vcpu[n].thread, vcpu_thread, &vm->vcpu[n]);
}

void vm_destroy(struct vm *vm)
{
    stage2_destroy(vm);
}
