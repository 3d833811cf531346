/*
 * The workloads. Residents run from the beginning; visitors come one after the other, each into
 * the memory that the one before left. When the last VM is gone, all have passed: the machine
 * ends with status 0. The first failure ends it at once, with status 1: what other guests would
 * say after it is worth little.
 */

#include "hyp/host/workload.h"

#include "hyp/host/console.h"
#include "hyp/host/dt.h"
#include "hyp/host/vm.h"

extern const uint8_t guest_worker_start[], guest_worker_end[];
extern const uint8_t guest_user_start[], guest_user_end[];

static const struct guest_image worker = {"worker", guest_worker_start, guest_worker_end};
static const struct guest_image user = {"user", guest_user_start, guest_user_end};

struct workload {
    const char *name;
    const struct guest_image *resident_image;
    const struct guest_image *visitor_image;
    uint32_t vms;                          /* residents */
    uint32_t vcpus;                        /* of each resident; visitors have one */
    uint32_t iterations;
    uint32_t visitors;                     /* in all */
    uint32_t visitors_live;                /* at one time */
    uint32_t visitor_iterations;
};

static const struct workload workloads[] = {
    {"everything", &worker, &user, 4, 2, 8, 6, 2, 4},
    {"two-ids", &worker, &worker, 4, 2, 8, 0, 0, 0},
    {"publish-order", &worker, &worker, 2, 2, 12, 6, 1, 2},
    {"rollover-window", &worker, &worker, 4, 2, 8, 4, 1, 2},
};

static struct workload chosen;
static uint32_t vms_live;
static uint32_t visitors_left;

unsigned workload_vmid_bits(void)
{
    uint64_t code = field_of(ID_AA64MMFR1_EL1_VMIDBits, read_sysreg(ID_AA64MMFR1_EL1));
    unsigned bits = code == 2 ? 16 : 8;

    if (!dt_config.has_hypervisor_node)
        return 2;                          /* nobody said anything: show as much as possible */
    if (dt_config.vmid_bits >= 2 && dt_config.vmid_bits < bits)
        bits = dt_config.vmid_bits;
    return bits;
}

static void adjust(uint32_t *value, uint32_t said, uint32_t most)
{
    if (said != DT_NOT_SAID)
        *value = said;
    if (*value > most)
        *value = most;
}

static void workload_choose(void)
{
    chosen = workloads[0];
    bool is_known = dt_config.workload[0] == 0;
    for (unsigned n = 0; n < sizeof workloads / sizeof workloads[0]; n++) {
        const char *one = workloads[n].name;
        const char *other = dt_config.workload;
        while (*one != 0 && *one == *other) {
            one++;
            other++;
        }
        if (*one == *other) {
            chosen = workloads[n];
            is_known = true;
        }
    }
    if (!is_known)
        host_die("unknown workload in the device tree");
    adjust(&chosen.vms, dt_config.vms, VMS_MAX / 2);
    adjust(&chosen.vcpus, dt_config.vcpus, VCPUS_MAX);
    adjust(&chosen.iterations, dt_config.iterations, DT_NOT_SAID);
    adjust(&chosen.visitors, dt_config.visitors, VMS_MAX - chosen.vms);
    adjust(&chosen.visitors_live, dt_config.visitors_live, chosen.visitors);
    adjust(&chosen.visitor_iterations, dt_config.visitor_iterations, DT_NOT_SAID);
    if (chosen.visitors != 0 && chosen.visitors_live == 0)
        chosen.visitors_live = 1;
    if (chosen.vms + chosen.visitors == 0 || chosen.vcpus == 0)
        host_die("a workload without vCPUs in the device tree");
}

static struct vm *visitor_create(void)
{
    const struct vm_arguments arguments = {
        .image = chosen.visitor_image,
        .vcpu_count = 1,
        .iterations = chosen.visitor_iterations,
        .is_visitor = true,
    };
    return vm_create(&arguments);
}

void workload_start(void)
{
    struct vm *first[VMS_MAX];
    uint32_t count = 0;

    workload_choose();
    const struct vm_arguments resident = {
        .image = chosen.resident_image,
        .vcpu_count = chosen.vcpus,
        .iterations = chosen.iterations,
    };
    console_print("workload %s: %u VMs of %u vCPUs, %u visitors\n", chosen.name, chosen.vms,
                  chosen.vcpus, chosen.visitors);
    while (count < chosen.vms)
        first[count++] = vm_create(&resident);
    while (count < chosen.vms + chosen.visitors_live)
        first[count++] = visitor_create();
    visitors_left = chosen.visitors - chosen.visitors_live;
    vms_live = count;
    for (uint32_t n = 0; n < count; n++)
        vm_start(first[n]);
}

/* Takes one from the visitors still to come; false if there is none. */
static bool visitor_take(void)
{
    static struct spinlock lock;

    spin_lock(&lock);
    bool is_one = visitors_left != 0;
    if (is_one)
        visitors_left--;
    spin_unlock(&lock);
    return is_one;
}

void workload_report_failure(void)
{
    console_print("verdict: FAIL\n");
    machine_exit(1);
}

void workload_vm_ended(struct vm *vm)
{
    bool was_visitor = vm->is_visitor;

    console_print("VM %u: pass\n", vm->number);
    vm_destroy(vm);
    if (was_visitor && visitor_take()) {
        vm_start(visitor_create());
        return;
    }
    if (atomic_add(&vms_live, (uint32_t)-1) != 0)
        return;
    console_print("verdict: PASS\n");
    machine_exit(0);
}
