/*
 * The parts of the GIC's program (tests/guest/gic.c) that are not C: where CPUs begin, the
 * windows in which interrupts are taken, and the vectors of EL2 and EL1. A window is a function
 * that returns what ended it: 0 nothing, 1 an IRQ, 2 an FIQ; from EL1 16 more for a physical
 * interrupt, which comes to EL2, and 32 more for a virtual one; and what GICV_IAR then said, or ~0.
 * An exception does not return: it leaves through the window's end, masked as it was taken.
 */
    .text
    .global _start, second_start, window, window_el1, table
_start:
    ldr x0, =stacks + 0x4000
    mov x19, #0
    b 1f
second_start:
    ldr x0, =stacks + 0x8000
    mov x19, #1
1:  mov sp, x0
    adr x0, vectors
    msr vbar_el2, x0
    adr x0, vectors_el1
    msr vbar_el1, x0
    mov x0, #0x18               /* FMO, IMO */
    orr x0, x0, #1 << 31
    msr hcr_el2, x0
    ldr x0, =0x30d00980
    msr sctlr_el1, x0
    mov x0, #3
    msr cnthctl_el2, x0
    msr cntvoff_el2, xzr
    isb
    mov x0, x19
    bl gic_main
    b .

    .macro enter_window
    stp x29, x30, [sp, #-96]!
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    dsb sy
    isb
    .endm

/* x0: what is unmasked, as in DAIFClr */
window:
    enter_window
    tbz x0, #0, 2f
    tbz x0, #1, 1f
    msr daifclr, #3
    b 3f
1:  msr daifclr, #1
    b 3f
2:  msr daifclr, #2
3:  isb
    .rept 8
    nop
    .endr
    isb
    msr daifset, #3
    mov x0, #0
leave:
    mov x1, #0
leave_both:
    ldp x27, x28, [sp, #80]
    ldp x25, x26, [sp, #64]
    ldp x23, x24, [sp, #48]
    ldp x21, x22, [sp, #32]
    ldp x19, x20, [sp, #16]
    ldp x29, x30, [sp], #96
    ret

/* The same at EL1 */
window_el1:
    enter_window
    mvn x0, x0
    and x0, x0, #3
    lsl x0, x0, #6
    mov x1, #0x305
    orr x0, x0, x1
    msr spsr_el2, x0
    adr x0, at_el1
    msr elr_el2, x0
    mov w1, #-1
    isb
    eret
at_el1:
    .rept 8
    nop
    .endr
    isb
    mov x0, #0
    hvc #0
    b .

virtual_taken:
    movz x2, #0x0804, lsl #16
    ldr w1, [x2, #0xc]
    dsb sy
    isb                         /* what comes by this is taken here on both, and comes to EL2 */
    nop
    hvc #0
    b .


    .balign 2048
vectors:
    .rept 4
    .balign 128
    b wrong
    .endr
    .balign 128
    b wrong
    .balign 128
    mov x0, #1
    b leave
    .balign 128
    mov x0, #2
    b leave
    .balign 128
    b wrong
    .balign 128
    b leave_both
    .balign 128
    mov x0, #17
    b leave_both
    .balign 128
    mov x0, #18
    b leave_both
    .rept 5
    .balign 128
    b wrong
    .endr

    .balign 2048
vectors_el1:
    .rept 5
    .balign 128
    b .
    .endr
    .balign 128
    mov x0, #33
    b virtual_taken
    .balign 128
    mov x0, #34
    b virtual_taken
    .rept 9
    .balign 128
    b .
    .endr

    .balign 8
table:
    .incbin "table.bin"
    .bss
    .balign 16
stacks: .skip 0x8000
