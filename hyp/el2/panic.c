/*
 * What all world switches share outside themselves: the CPUs' areas at EL2, and the last way
 * out of EL2, when an exception came that nobody expected: the host is put back and dies at
 * EL1, where it can print.
 */

#include "hyp/el2/switch/parts.h"

_Static_assert(offsetof(struct vcpu, x) == 0, "guest_enter");
_Static_assert(offsetof(struct vcpu, pc) == VCPU_OFFSET_PC, "guest_enter");
_Static_assert(offsetof(struct vcpu, pstate) == VCPU_OFFSET_PSTATE, "guest_enter");
_Static_assert(offsetof(struct el2_cpu, running) == EL2_CPU_OFFSET_RUNNING, "vectors");
_Static_assert(sizeof(struct el2_cpu) == EL2_CPU_BYTES, "el2_init");

NOT_CLEARED struct el2_cpu el2_cpus[CPUS_MAX];

EL2_CODE void el2_panic(uint64_t vector)
{
    struct el2_cpu *cpu = (struct el2_cpu *)read_sysreg(TPIDR_EL2);
    if (cpu->running != NULL) {
        write_sysreg(VTTBR_EL2, 0);
        traps_set(HCR_HOST, CNTHCTL_EL2_EL1PCTEN | CNTHCTL_EL2_EL1PCEN, 0);
        cpu->running = NULL;
        el1_restore(&cpu->host);
    }
    register uint64_t x0 __asm__("x0") = vector;
    register uint64_t x1 __asm__("x1") = read_sysreg(ESR_EL2);
    register uint64_t x2 __asm__("x2") = read_sysreg(ELR_EL2);
    register uint64_t x3 __asm__("x3") = read_sysreg(FAR_EL2);
    write_sysreg(ELR_EL2, (uint64_t)host_el2_panic);
    write_sysreg(SPSR_EL2, PSTATE_EL1H_MASKED);
    __asm__ volatile("eret" : : "r"(x0), "r"(x1), "r"(x2), "r"(x3));
    __builtin_unreachable();
}
