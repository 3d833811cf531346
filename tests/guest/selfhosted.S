/*
 * A bare-metal program that debugs itself: EL2 steps EL1, puts breakpoints and watchpoints on it
 * and uses the performance monitors, and prints every register that tells what happened, as one
 * line "NAME VALUE" each, through semihosting. tests/guest/selfhosted.py compares the lines with
 * those of qemu-system-aarch64. Entered at EL2 with the MMU off; nothing here depends on time.
 */
    .text
    .global _start

/* show NAME, REGISTER: prints a system register; show_x for a general one */
    .macro show_x name, reg
    mov x19, \reg
    adr x20, 8f
    b 9f
8:  .asciz "\name "
    .balign 4
9:  bl print
    .endm

    .macro show name, reg
    mrs x19, \reg
    show_x \name, x19
    .endm

/* debug NAME, SPSR, ENTRY: EL1 from ENTRY on, until an exception to EL2; prints what it says */
    .macro debug name, spsr, entry
    ldr x0, =\spsr
    adr x1, \entry
    bl enter
    show \name\()_esr, esr_el2
    mrs x19, elr_el2
    adr x1, \entry
    sub x19, x19, x1
    show_x \name\()_elr, x19
    show \name\()_spsr, spsr_el2
    .endm

_start:
    adr x0, stack
    mov sp, x0
    adr x0, vectors
    msr vbar_el2, x0
    mov x0, #1
    lsl x0, x0, #31
    msr hcr_el2, x0
    ldr x0, =0x30d00980
    msr sctlr_el1, x0
    msr vbar_el1, xzr
    msr oslar_el1, xzr
    mov x0, #0x100          /* TDE: debug exceptions go to EL2; no counters taken away */
    orr x0, x0, #6
    msr mdcr_el2, x0
    isb

    /* Software step: SPSR.SS is bit 21, EL1h with everything masked 0x3c5 */
    mov x0, #1
    msr mdscr_el1, x0
    isb
    debug step_nop, 0x2003c5, code_nop
    debug step_ldxr, 0x2003c5, code_ldxr
    debug step_pending, 0x3c5, code_nop
    debug step_hvc, 0x2003c5, code_hvc
    debug step_undefined, 0x2003c5, code_undefined
    debug step_brk, 0x2003c5, code_brk
    msr mdscr_el1, xzr
    isb
    debug no_step, 0x2003c5, code_hvc
    debug brk, 0x3c5, code_brk

    /* Breakpoint 2 on the third instruction */
    adr x0, code_walk
    add x0, x0, #8
    msr dbgbvr2_el1, x0
    mov x0, #0x1e3          /* EL1, enabled */
    msr dbgbcr2_el1, x0
    mov x0, #0x8000         /* MDE */
    msr mdscr_el1, x0
    isb
    debug breakpoint, 0x3c5, code_walk
    mov x0, #0x1e5          /* EL0 alone */
    msr dbgbcr2_el1, x0
    isb
    debug breakpoint_of_el0, 0x3c5, code_walk
    mov x0, #1
    msr oslar_el1, x0
    mov x0, #0x1e3
    msr dbgbcr2_el1, x0
    isb
    debug locked, 0x3c5, code_walk
    msr oslar_el1, xzr
    msr dbgbcr2_el1, xzr

    /* Breakpoint 5 on a context, and 0 linked to it */
    mov x0, #77
    msr contextidr_el1, x0
    msr dbgbvr5_el1, x0
    mov x0, #0x1e1
    orr x0, x0, #0x300000   /* linked context */
    msr dbgbcr5_el1, x0
    adr x0, code_walk
    add x0, x0, #4
    msr dbgbvr0_el1, x0
    ldr x0, =0x1501e3       /* linked address, to 5 */
    msr dbgbcr0_el1, x0
    isb
    debug linked, 0x3c5, code_walk
    mov x0, #78
    msr contextidr_el1, x0
    isb
    debug other_context, 0x3c5, code_walk
    msr dbgbcr0_el1, xzr
    msr dbgbcr5_el1, xzr

    /* Watchpoints: 8 bytes, then a byte, then 64 bytes by mask, loads or stores */
    adr x0, data
    msr dbgwvr1_el1, x0
    mov x0, #0x1ffb         /* all bytes, loads and stores, EL1 */
    msr dbgwcr1_el1, x0
    isb
    debug watch_load, 0x3c5, code_load
    mrs x19, far_el2
    adr x1, data
    sub x19, x19, x1
    show_x watch_load_far, x19
    debug watch_store, 0x3c5, code_store
    mov x0, #0x1ff3         /* stores alone */
    msr dbgwcr1_el1, x0
    isb
    debug watch_stores, 0x3c5, code_load
    mov x0, #0x009b         /* byte 2 */
    msr dbgwcr1_el1, x0
    isb
    debug watch_byte, 0x3c5, code_byte
    mrs x19, far_el2
    adr x1, data
    sub x19, x19, x1
    show_x watch_byte_far, x19
    ldr x0, =0x06001ffb     /* mask of 6 bits */
    msr dbgwcr1_el1, x0
    isb
    debug watch_mask, 0x3c5, code_far
    msr dbgwcr1_el1, xzr
    msr mdscr_el1, xzr
    isb

    /* Performance monitors */
    show pmcr, pmcr_el0
    mov x0, #0x47           /* LC, C, P, E */
    msr pmcr_el0, x0
    show pmcr_on, pmcr_el0
    mov x0, #0x08000000     /* NSH: at EL2, event 0: SW_INCR */
    msr pmevtyper1_el0, x0
    mov x0, #0xfffffffe
    msr pmevcntr1_el0, x0
    mov x0, #2
    msr pmcntenset_el0, x0
    isb
    msr pmswinc_el0, x0
    show swinc_1, pmevcntr1_el0
    msr pmswinc_el0, x0
    msr pmswinc_el0, x0
    mov x0, #2
    msr pmswinc_el0, x0
    msr pmswinc_el0, x0
    show swinc_4, pmevcntr1_el0
    show overflow, pmovsclr_el0
    mov x0, #2
    msr pmovsclr_el0, x0
    show overflow_cleared, pmovsset_el0
    mov x0, #0x80000000
    msr pmcntenset_el0, x0
    show enabled, pmcntenclr_el0
    mov x0, #2
    msr pmcntenclr_el0, x0
    show disabled, pmcntenset_el0
    mov x0, #31
    msr pmselr_el0, x0
    mov x0, #0xffffffff
    msr pmxevtyper_el0, x0
    mov x0, #0x104
    msr mdcr_el2, x0
    isb
    debug pmcr_of_el1, 0x3c5, code_pmcr
    mov x19, x25
    show_x pmcr_of_el1_value, x19
    mov x0, #0x20           /* TPMCR */
    orr x0, x0, #6
    msr mdcr_el2, x0
    isb
    debug pmcr_trapped, 0x3c5, code_pmcr

    mov x0, #0x18
    ldr x1, =0x20026        /* ADP_Stopped_ApplicationExit, status 0 */
    stp x1, xzr, [sp, #-16]!
    mov x1, sp
    hlt #0xf000

/* EL1 at x1 with SPSR x0; comes back by the next exception to EL2. */
enter:
    msr spsr_el2, x0
    msr elr_el2, x1
    adr x2, data
    isb
    eret
back:
    ret

code_nop:
    nop
    nop
    hvc #1
code_ldxr:
    ldxr x3, [x2]
    nop
    hvc #1
code_hvc:
    hvc #2
    nop
code_undefined:
    .inst 0
    nop
code_brk:
    brk #9
    nop
code_walk:
    nop
    nop
    nop
    nop
    hvc #3
code_load:
    nop
    ldr w3, [x2, #4]
    hvc #4
code_store:
    str x3, [x2]
    hvc #5
code_byte:
    strb w3, [x2, #1]
    strb w3, [x2, #3]
    strb w3, [x2, #2]
    hvc #6
code_far:
    ldr x3, [x2, #64]
    ldr x3, [x2, #56]
    hvc #7
code_pmcr:
    mrs x25, pmcr_el0
    hvc #8

/* Prints the text at x20, then x19 in hexadecimal. */
print:
    mov x21, x30
    mov x0, #4
    mov x1, x20
    hlt #0xf000
    mov x22, #60
1:  lsr x0, x19, x22
    and x0, x0, #15
    cmp x0, #10
    add x1, x0, #48
    add x2, x0, #87
    csel x1, x1, x2, lt
    bl character
    subs x22, x22, #4
    b.ge 1b
    mov x1, #10
    bl character
    ret x21

character:
    adr x3, letter
    strb w1, [x3]
    mov x1, x3
    mov x0, #3
    hlt #0xf000
    ret

    .balign 2048
vectors:
    .rept 8
    .balign 128
    b lost
    .endr
    .balign 128
    b back              /* synchronous, from EL1 */
    .rept 7
    .balign 128
    b lost
    .endr
lost:
    show lost_esr, esr_el2
    mov x0, #0x18
    ldr x1, =0x20023    /* ADP_Stopped_RunTimeErrorUnknown */
    stp x1, xzr, [sp, #-16]!
    mov x1, sp
    hlt #0xf000

    .balign 64
data:
    .space 128
letter:
    .space 16
    .space 512
stack:
    .ltorg
