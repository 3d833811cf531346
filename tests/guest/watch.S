/*
 * A bare-metal program whose profile is known: EL2 runs a guest under VMID 5, which calls
 * functions with frame records, and exits by HVC (three times), by a trapped WFI (twice) and by an
 * access to memory that stage 2 does not map (once), which EL2 skips. Then CPU 0 ends the run by
 * PSCI. Entered at EL2 with the MMU off; the other CPU stays off.
 */
    .equ HCR, 0x80002001            /* RW, TWI, VM */
    .equ VTCR, 0x80023559           /* 39 bits from level 1, 4 KiB, 40 bits of output */
    .equ BLOCK, 0x7fd               /* Normal, readable and writable, AF */
    .equ UNMAPPED, 0x80000000

    .section .text.start, "ax"
    .global _start
    .type _start, %function
_start:
    adr x0, vectors
    msr vbar_el2, x0
    adr x1, stage2
    mov x2, #0x40000000
    add x2, x2, #BLOCK
    str x2, [x1, #8]
    mov x3, #5
    orr x1, x1, x3, lsl #48
    msr vttbr_el2, x1
    ldr x0, =VTCR
    msr vtcr_el2, x0
    ldr x0, =HCR
    msr hcr_el2, x0
    mov x0, #3
    msr vmpidr_el2, x0
    dsb ish
    tlbi vmalls12e1is
    dsb ish
    isb
    adr x0, guest
    msr elr_el2, x0
    mov x0, #0x3c5
    msr spsr_el2, x0
    eret
    .size _start, . - _start

    .text
    .type guest, %function
guest:
    adr x0, stack
    mov sp, x0
    mov x29, xzr
    mov x30, xzr
    bl outer
    hvc #1
    b .
    .size guest, . - guest

    .type outer, %function
outer:
    stp x29, x30, [sp, #-16]!
    mov x29, sp
    mov x19, #3
1:  bl middle
    hvc #0
    subs x19, x19, #1
    b.ne 1b
    wfi
    wfi
    mov x0, #UNMAPPED
    ldr x1, [x0]
    ldp x29, x30, [sp], #16
    ret
    .size outer, . - outer

    .type middle, %function
middle:
    stp x29, x30, [sp, #-16]!
    mov x29, sp
    bl leaf
    ldp x29, x30, [sp], #16
    ret
    .size middle, . - middle

    .type leaf, %function           /* with no record of its own */
leaf:
    mov x0, #10000
1:  subs x0, x0, #1
    b.ne 1b
    ret
    .size leaf, . - leaf

    .balign 0x800
    .type vectors, %function
vectors:
    .rept 8
    b .
    .balign 0x80
    .endr
    mrs x9, esr_el2
    lsr x9, x9, #26
    cmp x9, #0x16                   /* HVC: its address is behind it already */
    b.eq 1f
    mrs x9, elr_el2
    add x9, x9, #4
    msr elr_el2, x9
    eret
1:  mrs x9, esr_el2
    tbnz x9, #0, 2f                 /* #1: the end */
    eret
2:  ldr x0, =0x84000008             /* PSCI SYSTEM_OFF */
    smc #0
    b .
    .size vectors, . - vectors

    .bss
    .balign 4096
stage2:
    .space 4096
    .space 4096
stack:
