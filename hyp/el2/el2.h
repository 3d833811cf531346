#pragma once

/*
 * The border between the host kernel (EL1) and the code at EL2. The host calls with HVC: the number
 * of a function below in x0, its arguments in x1 and x2; the answer comes back in x0.
 */

#define EL2_CALL_WORLD_SWITCH 0
#define EL2_CALL_TLB_FLUSH_ALL 1
#define EL2_CALL_TLB_FLUSH_VM 2
#define EL2_CALL_TLB_FLUSH_PAGE 3
#define EL2_CALL_TLB_FLUSH_LOCAL 4
#define EL2_CALL_COUNT 5

/* Why the guest was left. */
#define GUEST_EXIT_SYNC 0                  /* ESR_EL2, FAR_EL2, HPFAR_EL2 are in the vCPU */
#define GUEST_EXIT_IRQ 1                   /* a physical interrupt waits; nothing else happened */

/* Offsets the assembler needs; el2/panic.c checks them. */
#define VCPU_OFFSET_PC 248
#define VCPU_OFFSET_PSTATE 256
#define EL2_CPU_OFFSET_RUNNING 0
#define EL2_CPU_BYTES 8192

#ifndef __ASSEMBLER__

#include "hyp/arch.h"
#include "hyp/board.h"

struct vcpu;
struct vm;

/* The EL1 and EL0 registers that host and guest do not share, in the order of saving. */
#define EL1_REGISTERS(X)                                                                      \
    X(SCTLR_EL1) X(CPACR_EL1) X(TTBR0_EL1) X(TTBR1_EL1) X(TCR_EL1) X(MAIR_EL1) X(AMAIR_EL1)   \
    X(VBAR_EL1) X(CONTEXTIDR_EL1) X(ESR_EL1) X(FAR_EL1) X(AFSR0_EL1) X(AFSR1_EL1) X(ELR_EL1)  \
    X(SPSR_EL1) X(SP_EL1) X(SP_EL0) X(TPIDR_EL0) X(TPIDRRO_EL0) X(TPIDR_EL1) X(PAR_EL1)       \
    X(CNTKCTL_EL1) X(CSSELR_EL1) X(MDSCR_EL1)

struct el1_context {
#define X(name) uint64_t name;
    EL1_REGISTERS(X)
#undef X
};

/* What EL2 keeps for one CPU; its stack is the rest of it. TPIDR_EL2 points here. */
struct el2_cpu {
    struct vcpu *running;                  /* the guest that is loaded, or null: the host is */
    struct el1_context host;
    uint8_t stack[EL2_CPU_BYTES - sizeof(void *) - sizeof(struct el1_context)];
};

extern struct el2_cpu el2_cpus[CPUS_MAX];

/* Host side: calls function `number` at EL2. Caller-saved registers are lost, as in any call. */
ALWAYS_INLINE uint64_t el2_call(uint64_t number, const void *object, uint64_t argument)
{
    register uint64_t x0 __asm__("x0") = number;
    register uint64_t x1 __asm__("x1") = (uint64_t)object;
    register uint64_t x2 __asm__("x2") = argument;
    __asm__ volatile("hvc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2)
                     :
                     : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
                       "x15", "x16", "x17", "x30", "cc", "memory");
    return x0;
}

/* EL2 side, el2/switch/. Runs the guest until it exits; answers GUEST_EXIT_*. */
uint64_t world_switch(struct vcpu *vcpu);

/*
 * Host side, el2/switch/: the VM's stage 1 translations go from this CPU's TLB, at the latest
 * before the vCPU runs; interrupts off.
 */
void vcpu_forget_others(struct vcpu *vcpu);

/* EL2 side, el2/vectors.S. Loads the general registers and does the ERET; returns at the exit. */
uint64_t guest_enter(struct vcpu *vcpu);

/* EL2 side, el2/panic.c. Puts the host back and makes it die at EL1, where it can print. */
void el2_panic(uint64_t vector) __attribute__((noreturn));

/* EL2 side, el2/tlb/; each completes before it returns (DSB included). */
void tlb_flush_all(void);                                      /* all VMs, every CPU; I-caches */
void tlb_flush_vm(const struct vm *vm);                        /* one VM, every CPU, both stages */
void tlb_flush_page(const struct vm *vm, uint64_t ipa_bytes);  /* one page, every CPU */
void tlb_flush_local(const struct vm *vm);                     /* one VM, this CPU, stage 1 */

/* el2/tables.c: fills the boot tables of both regimes; runs once with all MMUs off. */
void boot_tables_build(void);

/* el2/tables.c: maps further 2 MiB blocks of RAM [first, end) in both regimes; at EL1, once. */
void boot_tables_add_ram(uint64_t first_bytes, uint64_t end_bytes);

#endif
