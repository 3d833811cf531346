/*
 * Litmus shapes as bare-metal guests: what is the same for all. Entered at EL2 with the MMU off;
 * starts the other PEs by PSCI, turns the MMU on at EL2 and EL1 on tables that the image holds
 * ready, and lets each PE run its thread, all from one event on. tests/litmus/guest.py writes
 * shape.inc: THREADS, what registers get (hcr_value and so on), the macros `warm` (first uses of
 * test pages) and `thread` (registers and instructions of each PE), and the tables.
 *
 * x18..x28 belong to the harness; x17 counts data aborts, behind which the thread goes on.
 */
    .text
    .global _start, litmus_start
    .include "shape.inc"

    .macro set reg, value
    ldr x18, =\value
    msr \reg, x18
    .endm

_start:
    mov x27, #1
1:  cmp x27, #THREADS
    b.eq 2f
    ldr x0, =0xc4000003         /* CPU_ON */
    mov x1, x27
    adr x2, begin
    mov x3, xzr
    smc #0
    add x27, x27, #1
    b 1b
2:

begin:
    mrs x28, mpidr_el1
    and x28, x28, #0xff
    adr x18, vectors_el2
    msr vbar_el2, x18
    adr x18, vectors_el1
    msr vbar_el1, x18
    set mair_el2, 0xff
    set tcr_el2, tcr_el2_value
    set ttbr0_el2, el2_l1
    set mair_el1, 0xff
    set tcr_el1, tcr_el1_value
    set ttbr0_el1, ttbr_value
    set vtcr_el2, vtcr_value
    set vttbr_el2, vttbr_value
    set hcr_el2, hcr_value
    set sctlr_el1, 0x30d01805
    isb
    set sctlr_el2, 0x30c51835
    isb
    set spsr_el2, 0x3c5         /* EL1h, all masked */
    adr x18, threads
    msr elr_el2, x18
    ldr x18, =el2_threads
    lsr x18, x18, x28
    tbnz x18, #0, threads
    eret

threads:
    warm
    dsb sy
    isb
    ldr x18, =ready
    cbz x28, 3f
    mov x19, #1
    str x19, [x18, x28, lsl #3] /* the word of this PE */
    dsb sy
    b 5f
3:  mov x27, #1
4:  cmp x27, #THREADS
    b.eq 5f
    ldr x19, [x18, x27, lsl #3]
    cbz x19, 4b
    add x27, x27, #1
    b 4b
5:  mov x0, #0xf
    mov x10, #0xf
    mov x17, #0
    thread

/* Behind its thread a PE waits for good; what it stored is finished first. */
finish:
    dsb sy
6:  wfi
    b 6b

/* Something that no shape should meet: an outcome that no row allows. */
bad:
    mov x0, #0xbad
    mov x10, #0xbad
    mov x17, #0xbad
    b 6b

    .macro vector_skip el, class
    mrs x18, esr_\el
    lsr x18, x18, #26
    cmp x18, #0x15              /* SVC returns behind it of itself */
    b.eq 7f
    cmp x18, #\class
    b.ne bad
    mrs x18, elr_\el
    add x18, x18, #4
    msr elr_\el, x18
    add x17, x17, #1
7:  eret
    .endm

    .macro vectors el, same, lower
    .irp place, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    .balign 0x80
    .if \place == 4 && \same
    vector_skip \el, 0x25       /* data abort of this level */
    .elseif \place == 8 && \lower
    vector_skip \el, 0x24       /* data abort of a lower level: stage 2 */
    .else
    b bad
    .endif
    .endr
    .endm

    .balign 0x800
vectors_el1:
    vectors el1, 1, 0
    .balign 0x800
vectors_el2:
    vectors el2, 0, 1
