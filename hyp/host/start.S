/*
 * The host kernel's side of the assembly: entry from EL2 with the MMU off, exception vectors of
 * EL1, the switch between two threads, and the first step of a new one.
 */

    .file   "start.S"

#include "hyp/arch.h"
#include "hyp/board.h"

    .text

/* x0: device tree, perhaps; x1: number of this CPU. */
    .global host_start
    .type   host_start, %function
host_start:
    load_constant x2, MAIR_VALUE
    msr     MAIR_EL1, x2
    mrs     x3, ID_AA64MMFR0_EL1
    and     x3, x3, #ID_AA64MMFR0_EL1_PARange
    cmp     x3, #5
    mov     x4, #5
    csel    x3, x3, x4, ls
    load_constant x2, TCR_EL1_HOST
    orr     x2, x2, x3, lsl #32
    msr     TCR_EL1, x2
    load_address x2, boot_table_el1
    msr     TTBR0_EL1, x2
    load_address x2, host_vectors
    msr     VBAR_EL1, x2
    msr     CPACR_EL1, xzr                 /* no floating point here */
    isb
    tlbi    vmalle1
    dsb     nsh
    isb
    load_constant x2, SCTLR_EL1_ON
    msr     SCTLR_EL1, x2
    isb

    load_address x2, host_stacks
    add     x3, x1, #1
    add     x2, x2, x3, lsl #PAGE_SHIFT
    mov     sp, x2
    mov     x29, xzr
    bl      host_main
1:  wfi
    b       1b
    .size   host_start, . - host_start

/* An exception that the host never makes on purpose. */
.macro fatal number
    .balign 128
    mov     x0, #\number
    mrs     x1, ESR_EL1
    mrs     x2, ELR_EL1
    mrs     x3, FAR_EL1
    b       host_panic
.endm

    .balign 2048
    .global host_vectors
host_vectors:
    fatal   0
    fatal   1
    fatal   2
    fatal   3
    fatal   4
    .balign 128
    b       host_irq
    fatal   6
    fatal   7
    fatal   8
    fatal   9
    fatal   10
    fatal   11
    fatal   12
    fatal   13
    fatal   14
    fatal   15
    .balign 128

    .global host_irq
    .type   host_irq, %function
host_irq:
    stp     x29, x30, [sp, #-192]!
    stp     x0, x1, [sp, #16]
    stp     x2, x3, [sp, #32]
    stp     x4, x5, [sp, #48]
    stp     x6, x7, [sp, #64]
    stp     x8, x9, [sp, #80]
    stp     x10, x11, [sp, #96]
    stp     x12, x13, [sp, #112]
    stp     x14, x15, [sp, #128]
    stp     x16, x17, [sp, #144]
    mrs     x0, ELR_EL1
    mrs     x1, SPSR_EL1
    stp     x0, x1, [sp, #160]
    str     x18, [sp, #176]
    bl      irq_handle
    ldr     x18, [sp, #176]
    ldp     x0, x1, [sp, #160]
    msr     ELR_EL1, x0
    msr     SPSR_EL1, x1
    ldp     x0, x1, [sp, #16]
    ldp     x2, x3, [sp, #32]
    ldp     x4, x5, [sp, #48]
    ldp     x6, x7, [sp, #64]
    ldp     x8, x9, [sp, #80]
    ldp     x10, x11, [sp, #96]
    ldp     x12, x13, [sp, #112]
    ldp     x14, x15, [sp, #128]
    ldp     x16, x17, [sp, #144]
    ldp     x29, x30, [sp], #192
    eret
    .size   host_irq, . - host_irq

/*
 * struct thread *thread_switch(struct thread *old, struct thread *new): goes on where `new` left;
 * answers, to that one, who ran before. The saved stack pointer is the first thing in a thread.
 */
    .global thread_switch
    .type   thread_switch, %function
thread_switch:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    mov     x2, sp
    str     x2, [x0]
    ldr     x2, [x1]
    mov     sp, x2
    msr     TPIDR_EL1, x1
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #96
    ret
    .size   thread_switch, . - thread_switch

/* The first thread_switch to a thread returns here; x19: its function, x20: its argument. */
    .global thread_first
    .type   thread_first, %function
thread_first:
    bl      thread_switch_finish
    msr     DAIFClr, #2
    mov     x0, x20
    blr     x19
    b       thread_exit
    .size   thread_first, . - thread_first
