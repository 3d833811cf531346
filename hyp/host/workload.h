#pragma once

/*
 * Which VMs run: a row of the table in workload.c, chosen and adjusted by the device tree.
 */

#include "hyp/arch.h"

struct vm;

/* VMID bits that this machine and the device tree allow. */
unsigned workload_vmid_bits(void);

/* Makes and starts the first VMs. */
void workload_start(void);

/* The last vCPU of this VM has ended: destroys it; then the next visitor, or the verdict. */
void workload_vm_ended(struct vm *vm);

/* A guest's check failed: prints the verdict and ends the run. */
void workload_report_failure(void) __attribute__((noreturn));
