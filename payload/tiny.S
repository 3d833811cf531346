/*
 * The smallest guest that shows that KVM runs: it prints, sleeps until its virtual timer
 * interrupts it through the virtual GIC, prints again and powers off. Any other exception is a
 * failure that it says. It waits with interrupts masked and opens them only for a moment behind
 * WFI, so that an interrupt just before the WFI is not slept through.
 *
 * x10 GICD, x11 GICC, x12 UART; x20: the interrupt that was acknowledged.
 */
#define TIMER 27

    .global _start
_start:
    adr     x0, vectors
    msr     vbar_el1, x0
    isb
    mov     x10, #0x08000000
    mov     x11, #0x08010000
    mov     x12, #0x09000000
    mov     x20, #0
    adr     x1, text_start
    bl      print

    mov     w0, #1
    str     w0, [x10]               // GICD_CTLR
    mov     w1, #1 << TIMER
    str     w1, [x10, #0x100]       // GICD_ISENABLER0
    mov     w1, #0x80
    strb    w1, [x10, #0x400 + TIMER] // GICD_IPRIORITYR: reset may have left the lowest
    mov     w1, #0xf0
    str     w1, [x11, #4]           // GICC_PMR
    str     w0, [x11]               // GICC_CTLR

    mrs     x0, cntfrq_el0          // about a millisecond
    lsr     x0, x0, #10
    msr     cntv_tval_el0, x0
    mov     x0, #1
    msr     cntv_ctl_el0, x0
    isb
wait:
    wfi
    msr     daifclr, #2
    isb
    msr     daifset, #2
    cbz     x20, wait
    adr     x1, text_interrupt
    bl      print
off:
    mov     w0, #0x0008             // PSCI SYSTEM_OFF
    movk    w0, #0x8400, lsl #16
    hvc     #0
    b       .

print:                              // the string at x1
    ldrb    w3, [x1], #1
    cbz     w3, 1f
    str     w3, [x12]
    b       print
1:  ret

interrupt:
    ldr     w20, [x11, #0xc]        // GICC_IAR
    mov     x1, #2                  // IMASK: the line goes down
    msr     cntv_ctl_el0, x1
    isb
    str     w20, [x11, #0x10]       // GICC_EOIR
    eret

failure:
    adr     x1, text_failure
    bl      print
    b       off

    .balign 2048
vectors:
    .set    entry, 0
    .rept   16
    .balign 128
    .if     entry == 5              // IRQ at EL1 with SP_EL1
    b       interrupt
    .else
    b       failure
    .endif
    .set    entry, entry + 1
    .endr
    .balign 128

text_start:
    .asciz  "MARK-TINY-START\n"
text_interrupt:
    .asciz  "MARK-TINY-IRQ-OK\n"
text_failure:
    .asciz  "MARK-TINY-BAD\n"
