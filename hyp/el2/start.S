/*
 * Where the machine enters: EL2, MMU off, interrupts in any state. The first CPU comes from the
 * loader with the device tree in x0 (or anything else), the others from PSCI CPU_ON with their
 * number in x0. Each sets up its EL2 and drops to EL1, into host_start (host/start.S).
 *
 * DDI 0487: register descriptions of SCTLR_EL2, TCR_EL2, VTCR_EL2, HCR_EL2, CNTHCTL_EL2.
 */

    .file   "start.S"

#include "hyp/arch.h"
#include "hyp/board.h"
#include "hyp/el2/el2.h"

    .section .head.text, "ax"

    .global _start
    .type   _start, %function
_start:
    msr     DAIFSet, #0xf
    mov     x19, x0                        /* device tree, perhaps */
    mov     x20, #0                        /* number of this CPU */
    mrs     x1, CurrentEL
    cmp     x1, #2 << 2
    b.ne    entered_wrong

    load_address x0, bss_start
    load_address x1, bss_end
1:  stp     xzr, xzr, [x0], #16
    cmp     x0, x1
    b.lo    1b

    load_address x0, el2_cpus + EL2_CPU_BYTES
    mov     sp, x0
    bl      boot_tables_build
    b       el2_init
    .size   _start, . - _start

    .global secondary_start
    .type   secondary_start, %function
secondary_start:
    msr     DAIFSet, #0xf
    mov     x19, #0
    mov     x20, x0
    b       el2_init
    .size   secondary_start, . - secondary_start

    .section .el2.text, "ax"

/* x19: device tree; x20: number of this CPU. */
    .type   el2_init, %function
el2_init:
    /* The host runs at EL1 in AArch64, without stage 2, and takes its own interrupts. */
    load_constant x0, HCR_EL2_RW
    msr     HCR_EL2, x0
    msr     VTTBR_EL2, xzr
    mrs     x0, MIDR_EL1
    msr     VPIDR_EL2, x0
    mrs     x0, MPIDR_EL1
    msr     VMPIDR_EL2, x0
    mov     x0, #CNTHCTL_EL2_EL1PCTEN | CNTHCTL_EL2_EL1PCEN
    msr     CNTHCTL_EL2, x0
    msr     CNTVOFF_EL2, xzr
    msr     HSTR_EL2, xzr
    mov     x0, #CPTR_EL2_RES1
    msr     CPTR_EL2, x0
    msr     MDCR_EL2, xzr

    /* Stage 2: 30 bits of IPA, two levels of tables, 4 KiB granule, cacheable walks. */
    mrs     x1, ID_AA64MMFR0_EL1
    and     x1, x1, #ID_AA64MMFR0_EL1_PARange
    cmp     x1, #5
    mov     x2, #5
    csel    x1, x1, x2, ls                 /* at most 48 bits of physical address */
    load_constant x0, VTCR_EL2_VALUE
    orr     x0, x0, x1, lsl #16
    mrs     x2, ID_AA64MMFR1_EL1
    and     x2, x2, #ID_AA64MMFR1_EL1_VMIDBits
    cmp     x2, #FIELD(ID_AA64MMFR1_EL1_VMIDBits, 2)
    b.ne    1f                             /* 2: 16 bits */
    orr     x0, x0, #VTCR_EL2_VS
1:  msr     VTCR_EL2, x0

    /* Our own stage 1: what a loader left in the TLB goes before the MMU comes on. */
    load_constant x0, TCR_EL2_VALUE
    orr     x0, x0, x1, lsl #16
    msr     TCR_EL2, x0
    load_constant x0, MAIR_VALUE
    msr     MAIR_EL2, x0
    load_address x0, boot_table_el2
    msr     TTBR0_EL2, x0
    load_address x0, el2_vectors
    msr     VBAR_EL2, x0
    isb
    tlbi    alle2
    tlbi    alle1
    ic      iallu
    dsb     nsh
    isb
    load_constant x0, SCTLR_EL2_ON
    msr     SCTLR_EL2, x0
    isb

    load_address x0, el2_cpus
    mov     x1, #EL2_CPU_BYTES
    madd    x0, x1, x20, x0
    msr     TPIDR_EL2, x0
    str     xzr, [x0, #EL2_CPU_OFFSET_RUNNING]
    add     sp, x0, x1

    /* To the host: EL1 with its own stack pointer, everything masked, MMU off. */
    load_constant x0, SCTLR_EL1_OFF
    msr     SCTLR_EL1, x0
    load_address x0, host_start
    msr     ELR_EL2, x0
    mov     x0, #PSTATE_EL1H_MASKED
    msr     SPSR_EL2, x0
    mov     x0, x19
    mov     x1, x20
    eret
    .size   el2_init, . - el2_init

/* Not at EL2: there is no hypervisor to be. Says so and stops, both by semihosting. */
    .type   entered_wrong, %function
entered_wrong:
    mov     w0, #0x04                      /* SYS_WRITE0 */
    adr     x1, wrong_text
    hlt     #0xf000
    mov     w0, #0x20                      /* SYS_EXIT_EXTENDED */
    adr     x1, wrong_exit
    hlt     #0xf000
1:  wfi
    b       1b
    .size   entered_wrong, . - entered_wrong
    .balign 8
wrong_exit:
    .quad   0x20026, 2                     /* ADP_Stopped_ApplicationExit */
wrong_text:
    .asciz  "hyp: entered below EL2\n"
