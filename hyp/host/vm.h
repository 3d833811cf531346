#pragma once

/*
 * Virtual machines and their vCPUs.
 */

#include "hyp/board.h"
#include "hyp/el2/el2.h"
#include "hyp/host/stage2.h"
#include "hyp/host/thread.h"
#include "hyp/host/vmid.h"

#define VMS_MAX 64                         /* in one run of the host, the destroyed ones included */
#define VCPUS_MAX 4                        /* of one VM */

struct vcpu {
    uint64_t x[31];                        /* first, for guest_enter */
    uint64_t pc;
    uint64_t pstate;
    struct el1_context el1;
    uint64_t vmpidr;
    uint64_t esr;                          /* of the last synchronous exit */
    uint64_t far;
    uint64_t hpfar;
    struct vm *vm;
    unsigned number;
    bool is_finished;
    bool must_forget;                      /* for switches that flush inside */
    struct thread thread;
};

struct vm {
    struct vmid vmid;
    struct stage2 stage2;
    unsigned number;
    unsigned vcpu_count;
    bool is_visitor;                       /* its end makes room for the next visitor */
    uint32_t vcpus_inside;                 /* its vCPUs whose threads have not ended */
    uint8_t last_vcpu[CPUS_MAX];           /* loaded last on each CPU; or LAST_VCPU_NONE */
    struct vcpu vcpu[VCPUS_MAX];
};

#define LAST_VCPU_NONE 0xff

/* A guest image: flat binary, entered at its first byte, loaded at GUEST_BASE. */
struct guest_image {
    const char *name;
    const uint8_t *start;
    const uint8_t *end;
};

/* What the guest is told in x0, x1, x2; its vCPU number is in MPIDR_EL1. */
struct vm_arguments {
    const struct guest_image *image;
    unsigned vcpu_count;
    uint64_t iterations;
    bool is_visitor;
};

/* Makes a VM with its memory; its vCPUs do not run yet. */
struct vm *vm_create(const struct vm_arguments *arguments);

/* Starts its vCPU threads. */
void vm_start(struct vm *vm);

/* Gives back all that it has; nobody runs it any more. */
void vm_destroy(struct vm *vm);

/* host/vcpu.c: a vCPU thread's life. */
void vcpu_run(struct vcpu *vcpu);

/* host/vcpu.c: the thread of this vCPU got a CPU; interrupts off. */
void vcpu_load(struct vcpu *vcpu);

/* host/exit.c: serves an exit; the vCPU may be finished after it, or the run, if it failed. */
void vcpu_handle_exit(struct vcpu *vcpu, uint64_t why);

/* host/exit.c, its parts, apart so that each can be found by its name. */
void vcpu_handle_fault(struct vcpu *vcpu);
void vcpu_handle_hypercall(struct vcpu *vcpu);
void vcpu_report_failure(struct vcpu *vcpu, uint64_t kind, const uint64_t detail[3]);

/* host/main.c: an exception at EL2 that is a fault of the hypervisor; entered by ERET from EL2. */
void host_el2_panic(uint64_t vector, uint64_t esr, uint64_t elr, uint64_t far);
