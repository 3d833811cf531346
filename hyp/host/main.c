/*
 * The host kernel from its first C function on every CPU, and its last words.
 *
 * CPU 0 reads the device tree, starts the others and the workload; then each CPU becomes its idle
 * thread. An exception that nobody expected, at EL1 or at EL2, is reported and ends the run.
 */

#include "hyp/host/console.h"
#include "hyp/host/dt.h"
#include "hyp/host/gic.h"
#include "hyp/host/page.h"
#include "hyp/host/smp.h"
#include "hyp/host/thread.h"
#include "hyp/host/timer.h"
#include "hyp/host/vm.h"
#include "hyp/host/vmid.h"
#include "hyp/host/workload.h"

NOT_CLEARED uint8_t host_stacks[CPUS_MAX][PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

extern uint8_t image_end[];

void host_main(uint64_t device_tree, uint64_t cpu_number);
void host_panic(uint64_t vector, uint64_t esr, uint64_t elr, uint64_t far);

static void host_init(uint64_t device_tree)
{
    dt_read(device_tree);
    boot_tables_add_ram(BOARD_RAM_BASE + BOARD_RAM_BYTES_LEAST, dt_config.ram_end);
    page_init((uint64_t)image_end, dt_config.ram_end);
    gic_init_distributor();
    gic_init_cpu();

    unsigned cpu_count = smp_start();
    unsigned bits = workload_vmid_bits();
    console_print("hyp %s: %u CPUs, %u VMID bits\n", vmid_variant, cpu_count, bits);
    vmid_init(bits);
    irq_enable();
    workload_start();
    timer_start();
}

void host_main(uint64_t device_tree, uint64_t cpu_number)
{
    thread_become_idle((unsigned)cpu_number);
    if (cpu_number == 0) {
        host_init(device_tree);
    } else {
        gic_init_cpu();
        smp_report_online();
        timer_start();
    }
    thread_idle();
}

void host_panic(uint64_t vector, uint64_t esr, uint64_t elr, uint64_t far)
{
    console_seize();
    console_print("host: exception %u ESR_EL1 %x ELR_EL1 %x FAR_EL1 %x\n", (uint32_t)vector, esr,
                  elr, far);
    machine_exit(2);
}

void host_el2_panic(uint64_t vector, uint64_t esr, uint64_t elr, uint64_t far)
{
    console_seize();
    console_print("EL2: exception %u ESR_EL2 %x ELR_EL2 %x FAR_EL2 %x\n", (uint32_t)vector, esr,
                  elr, far);
    machine_exit(2);
}
