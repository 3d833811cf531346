/*
 * The exception vectors of EL2, and the two ends of a stay in a guest: guest_enter and the exit.
 *
 * While the host runs, only its HVC comes here. While a guest runs (el2_cpu.running is set), every
 * exception that HCR_EL2 routes here is an exit: guest_enter "returns" to world_switch.
 */

    .file   "vectors.S"

#include "gen/esr.h"
#include "hyp/arch.h"
#include "hyp/board.h"
#include "hyp/el2/el2.h"

    .section .el2.text, "ax"

/* An exception that has no business here: its vector's number goes to el2_panic. */
.macro unexpected number
    .balign 128
    mov     x0, #\number
    b       el2_panic
.endm

    .balign 2048
    .global el2_vectors
el2_vectors:
    unexpected 0
    unexpected 1
    unexpected 2
    unexpected 3
    unexpected 4
    unexpected 5
    unexpected 6
    unexpected 7
    .balign 128
    b       el2_sync
    .balign 128
    b       el2_irq
    unexpected 10
    unexpected 11
    unexpected 12
    unexpected 13
    unexpected 14
    unexpected 15
    .balign 128

    .global el2_sync
    .type   el2_sync, %function
el2_sync:
    stp     x0, x1, [sp, #-16]!
    mrs     x0, TPIDR_EL2
    ldr     x1, [x0, #EL2_CPU_OFFSET_RUNNING]
    mov     w0, #GUEST_EXIT_SYNC
    cbnz    x1, guest_exit
    mrs     x0, ESR_EL2
    lsr     x0, x0, #26
    cmp     x0, #ESR_EC_HVC64
    b.ne    1f
    ldp     x0, x1, [sp], #16
    cmp     x0, #EL2_CALL_COUNT
    b.hs    1f

    /* A call of the host. A world switch overwrites ELR_EL2 and SPSR_EL2, so they are kept here. */
    mrs     x3, ELR_EL2
    mrs     x4, SPSR_EL2
    stp     x29, x30, [sp, #-32]!
    stp     x3, x4, [sp, #16]
    adr     x3, el2_call_table
    ldr     x3, [x3, x0, lsl #3]
    mov     x0, x1
    mov     x1, x2
    blr     x3
    ldp     x3, x4, [sp, #16]
    ldp     x29, x30, [sp], #32
    msr     ELR_EL2, x3
    msr     SPSR_EL2, x4
    eret
1:  mov     x0, #8
    b       el2_panic
    .size   el2_sync, . - el2_sync

    .global el2_irq
    .type   el2_irq, %function
el2_irq:
    stp     x0, x1, [sp, #-16]!
    mrs     x0, TPIDR_EL2
    ldr     x1, [x0, #EL2_CPU_OFFSET_RUNNING]
    mov     w0, #GUEST_EXIT_IRQ
    cbnz    x1, guest_exit
    mov     x0, #9                         /* the host takes its interrupts at EL1 */
    b       el2_panic
    .size   el2_irq, . - el2_irq

/* uint64_t guest_enter(struct vcpu *): the general registers are the first thing in the vCPU. */
    .global guest_enter
    .type   guest_enter, %function
guest_enter:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    mrs     x1, TPIDR_EL2
    str     x0, [x1, #EL2_CPU_OFFSET_RUNNING]
    ldr     x1, [x0, #VCPU_OFFSET_PC]
    ldr     x2, [x0, #VCPU_OFFSET_PSTATE]
    msr     ELR_EL2, x1
    msr     SPSR_EL2, x2
    ldp     x2, x3, [x0, #16]
    ldp     x4, x5, [x0, #32]
    ldp     x6, x7, [x0, #48]
    ldp     x8, x9, [x0, #64]
    ldp     x10, x11, [x0, #80]
    ldp     x12, x13, [x0, #96]
    ldp     x14, x15, [x0, #112]
    ldp     x16, x17, [x0, #128]
    ldp     x18, x19, [x0, #144]
    ldp     x20, x21, [x0, #160]
    ldp     x22, x23, [x0, #176]
    ldp     x24, x25, [x0, #192]
    ldp     x26, x27, [x0, #208]
    ldp     x28, x29, [x0, #224]
    ldr     x30, [x0, #240]
    ldp     x0, x1, [x0]
    eret
    .size   guest_enter, . - guest_enter

/* w0: GUEST_EXIT_*; x1: the vCPU; the guest's x0 and x1 lie on the stack. */
    .global guest_exit
    .type   guest_exit, %function
guest_exit:
    stp     x2, x3, [x1, #16]
    stp     x4, x5, [x1, #32]
    stp     x6, x7, [x1, #48]
    stp     x8, x9, [x1, #64]
    stp     x10, x11, [x1, #80]
    stp     x12, x13, [x1, #96]
    stp     x14, x15, [x1, #112]
    stp     x16, x17, [x1, #128]
    stp     x18, x19, [x1, #144]
    stp     x20, x21, [x1, #160]
    stp     x22, x23, [x1, #176]
    stp     x24, x25, [x1, #192]
    stp     x26, x27, [x1, #208]
    stp     x28, x29, [x1, #224]
    str     x30, [x1, #240]
    ldp     x2, x3, [sp], #16
    stp     x2, x3, [x1]
    mrs     x2, ELR_EL2
    mrs     x3, SPSR_EL2
    str     x2, [x1, #VCPU_OFFSET_PC]
    str     x3, [x1, #VCPU_OFFSET_PSTATE]
    mrs     x2, TPIDR_EL2
    str     xzr, [x2, #EL2_CPU_OFFSET_RUNNING]
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #96
    ret
    .size   guest_exit, . - guest_exit

    .balign 8
el2_call_table:
    .quad   world_switch
    .quad   tlb_flush_all
    .quad   tlb_flush_vm
    .quad   tlb_flush_page
    .quad   tlb_flush_local
