/*
 * A bare-metal program about the generic timer and about waiting: views of the three timers, the
 * virtual offset, what CNTHCTL_EL2 and CNTKCTL_EL1 trap, the lines into the GIC, and which WFI and
 * WFE is trapped or goes on. It prints a line "NAME VALUE" for each, through semihosting, and
 * tests/guest/timers.py compares them with those of qemu-system-aarch64. Entered at EL2 with the
 * MMU off. What depends on how much time has passed is shown without its low 26 bits (a second of a
 * counter of 62.5 MHz).
 */
    .text
    .global _start

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

/* about NAME, REGISTER: that it is between 0 and some ticks */
    .macro about name, reg
    asr x19, \reg, #26
    show_x \name, x19
    .endm

/* Views of one timer, by the counter that it compares with */
    .macro views timer, level, counter
    msr \timer\()_ctl_\level, xzr
    .irp value, 0xffffffff, 0x80000000, 0x7fffffff, 0x1000
    ldr x9, =\value
    orr x10, x9, #0xf00000000       /* these bits are ignored */
    isb
    mrs x11, \counter
    msr \timer\()_tval_\level, x10
    isb
    mrs x12, \timer\()_cval_\level
    sub x12, x12, x11
    sxtw x9, w9
    sub x12, x12, x9
    about \timer\()_tval_\value, x12
    .endr
    mov x9, #1
    msr \timer\()_cval_\level, xzr
    msr \timer\()_ctl_\level, x9
    isb
    show \timer\()_met, \timer\()_ctl_\level
    mov x9, #3
    msr \timer\()_ctl_\level, x9
    isb
    show \timer\()_met_masked, \timer\()_ctl_\level
    mov x9, #-1
    msr \timer\()_ctl_\level, x9
    isb
    show \timer\()_all_bits, \timer\()_ctl_\level
    mov x9, #-2
    msr \timer\()_cval_\level, x9
    mov x9, #1
    msr \timer\()_ctl_\level, x9
    isb
    show \timer\()_far, \timer\()_ctl_\level
    show \timer\()_cval, \timer\()_cval_\level
    msr \timer\()_cval_\level, xzr
    isb
    mrs x9, \timer\()_tval_\level
    mrs x10, \counter
    lsr x11, x9, #32
    show_x \timer\()_tval_upper, x11
    add w9, w9, w10
    about \timer\()_tval_of_0, x9
    msr \timer\()_ctl_\level, xzr
    .endm

/* attempt NAME, SPSR, ENTRY: below EL2 from ENTRY on, until an exception to EL2 */
    .macro attempt name, spsr, entry
    msr esr_el1, xzr
    mov x0, #\spsr
    adr x1, \entry
    bl enter
    show \name\()_esr, esr_el2
    show \name\()_esr_el1, esr_el1
    .endm

/* The same for each level below */
    .macro both name, entry
    attempt \name\()_el1, 0x3c5, \entry
    attempt \name\()_el0, 0x3c0, \entry
    .endm

    .macro accesses name
    both \name\()_cntpct, code_cntpct
    both \name\()_cntvct, code_cntvct
    both \name\()_cntfrq, code_cntfrq
    both \name\()_cntp_ctl, code_cntp_ctl
    both \name\()_cntp_tval, code_cntp_tval
    both \name\()_cntp_cval, code_cntp_cval
    both \name\()_cntv_ctl, code_cntv_ctl
    both \name\()_cntv_tval, code_cntv_tval
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
    adr x0, vectors_el1
    msr vbar_el1, x0
    msr cntvoff_el2, xzr
    mov x0, #3
    msr cnthctl_el2, x0
    isb
    show frequency, cntfrq_el0

    views cnthp, el2, cntpct_el0
    views cntp, el0, cntpct_el0
    views cntv, el0, cntvct_el0

    /* The virtual counter is behind the physical one, or behind 0 */
    mov x9, #1
    lsl x9, x9, #40
    msr cntvoff_el2, x9
    isb
    mrs x10, cntvct_el0
    isb
    mrs x11, cntpct_el0
    sub x11, x11, x9
    sub x11, x11, x10
    about offset, x11
    mov x10, #5
    msr cntv_cval_el0, x10
    mov x10, #1
    msr cntv_ctl_el0, x10
    isb
    show behind_0_met, cntv_ctl_el0
    mov x10, #-1
    msr cntv_cval_el0, x10
    isb
    show behind_0_far, cntv_ctl_el0
    views cntv, el0, cntvct_el0
    msr cntv_ctl_el0, xzr

    /* It wraps in 2 ms: the condition goes */
    isb
    mrs x9, cntpct_el0
    ldr x10, =125000
    add x9, x9, x10
    msr cntvoff_el2, x9
    mov x10, #-1
    lsr x10, x10, #1
    msr cntv_cval_el0, x10
    mov x10, #1
    msr cntv_ctl_el0, x10
    isb
1:  isb
    mrs x10, cntvct_el0
    tbnz x10, #63, 1b
    show behind_wrap, cntv_ctl_el0
    msr cntv_ctl_el0, xzr
    msr cntvoff_el2, xzr
    isb

    /* Traps, with each bit of CNTHCTL_EL2 and CNTKCTL_EL1 */
    msr cnthctl_el2, xzr
    mov x0, #0x303
    msr cntkctl_el1, x0
    accesses open_el0
    mov x0, #1
    msr cnthctl_el2, x0
    accesses pcten
    mov x0, #2
    msr cnthctl_el2, x0
    accesses pcen
    mov x0, #3
    msr cnthctl_el2, x0
    msr cntkctl_el1, xzr
    accesses closed_el0
    .irp bit, 1, 2, 0x100, 0x200
    mov x0, #\bit
    msr cntkctl_el1, x0
    attempt kctl_\bit\()_cntpct, 0x3c0, code_cntpct
    attempt kctl_\bit\()_cntvct, 0x3c0, code_cntvct
    attempt kctl_\bit\()_cntfrq, 0x3c0, code_cntfrq
    attempt kctl_\bit\()_cntp, 0x3c0, code_cntp_ctl
    attempt kctl_\bit\()_cntv, 0x3c0, code_cntv_ctl
    .endr
    msr cnthctl_el2, xzr            /* EL1's trap comes first */
    msr cntkctl_el1, xzr
    both closed_all_cntpct, code_cntpct
    both closed_all_cntp, code_cntp_ctl
    both cnthp_below, code_cnthp
    both cntkctl_below, code_cntkctl
    both cntfrq_write, code_cntfrq_write

    /* Lines: levels at the distributor, and what is acknowledged */
    ldr x28, =0x08000000
    ldr x27, =0x08010000
    mov w0, #1
    str w0, [x28]
    mov w1, #0x4c000000             /* 26, 27, 30 */
    str w1, [x28, #0x100]
    mov w1, #0xf0
    str w1, [x27, #4]
    str w0, [x27]
    mov x9, #1
    .irp timer, cnthp_ctl_el2, cntv_ctl_el0, cntp_ctl_el0
    msr \timer, x9
    .endr
    msr cnthp_cval_el2, xzr
    msr cntv_cval_el0, xzr
    msr cntp_cval_el0, xzr
    isb
    dsb sy
    ldr w19, [x28, #0x200]
    show_x lines_up, x19
    show isr_up, isr_el1
    mov x10, #3
    msr cntv_ctl_el0, x10
    isb
    dsb sy
    ldr w19, [x28, #0x200]
    show_x line_masked, x19
    msr cntp_ctl_el0, xzr
    isb
    ldr w19, [x27, #0x18]
    show_x highest, x19
    ldr w26, [x27, #0xc]
    show_x acknowledged, x26
    msr cnthp_ctl_el2, xzr
    isb
    ldr w19, [x28, #0x200]
    show_x lines_down, x19
    str w26, [x27, #0x10]
    ldr w19, [x27, #0xc]
    show_x spurious, x19
    show isr_down, isr_el1

    /* WFI goes on with an interrupt that is pending and masked, and sleeps until there is one */
    msr cnthp_cval_el2, xzr
    msr cnthp_ctl_el2, x9
    isb
    wfi
    show wfi_pending, isr_el1
    mov x10, #20000
    msr cnthp_tval_el2, x10
    isb
1:  wfi
    mrs x10, isr_el1
    cbz x10, 1b
    show wfi_behind, cnthp_ctl_el2
    show wfi_woken, isr_el1

    /* Traps of WFI: not while an interrupt is pending */
    mov x0, #0x2000                 /* TWI */
    orr x0, x0, #(1 << 31)
    msr hcr_el2, x0
    both twi_pending, code_wfi
    msr cnthp_ctl_el2, xzr
    isb
    both twi, code_wfi
    ldr x1, =0x30d10980             /* nTWI */
    msr sctlr_el1, x1
    both twi_ntwi, code_wfi
    orr x0, xzr, #(1 << 31)
    msr hcr_el2, x0
    ldr x1, =0x30d00980
    msr sctlr_el1, x1
    attempt ntwi, 0x3c0, code_wfi
    mov x0, #(1 << 31)              /* TGE sends what EL1 would take from EL0 to EL2 */
    orr x0, x0, #(1 << 27)
    msr hcr_el2, x0
    attempt ntwi_tge, 0x3c0, code_wfi
    mov x0, #0x2090                 /* TWI, VI, IMO: a virtual interrupt is pending */
    orr x0, x0, #(1 << 31)
    msr hcr_el2, x0
    both twi_virtual, code_wfi
    mov x0, #0x2080                 /* VI without IMO is none */
    orr x0, x0, #(1 << 31)
    msr hcr_el2, x0
    attempt twi_no_virtual, 0x3c5, code_wfi
    mov x0, #0x2048                 /* VF, FMO */
    orr x0, x0, #(1 << 31)
    msr hcr_el2, x0
    attempt twi_vf, 0x3c5, code_wfi
    mov x0, #0x2120                 /* VSE, AMO */
    orr x0, x0, #(1 << 31)
    msr hcr_el2, x0
    attempt twi_vse, 0x3c5, code_wfi

    /* WFE: traps, and not while the event register is set */
    mov x0, #0x4000                 /* TWE */
    orr x0, x0, #(1 << 31)
    msr hcr_el2, x0
    both twe, code_wfe
    both twe_event, code_sevl_wfe
    both twe_sev, code_sev_wfe
    both twe_second, code_sevl_wfe_wfe
    orr x0, xzr, #(1 << 31)
    msr hcr_el2, x0
    attempt ntwe, 0x3c0, code_wfe

    /* The event stream ends a WFE: bit 12, both edges, by either counter */
    .irp edge, 0xc7, 0xcf
    mov x0, #\edge
    msr cnthctl_el2, x0
    isb
    sevl
    wfe
    wfe
    wfe
    show stream_\edge, cnthctl_el2
    .endr
    msr cnthctl_el2, xzr
    mov x0, #0xc4
    msr cntkctl_el1, x0
    isb
    sevl
    wfe
    wfe
    show stream_virtual, cntkctl_el1
    msr cntkctl_el1, xzr

    mov x0, #0x18
    ldr x1, =0x20026                /* ADP_Stopped_ApplicationExit, status 0 */
    stp x1, xzr, [sp, #-16]!
    mov x1, sp
    hlt #0xf000

enter:
    msr spsr_el2, x0
    msr elr_el2, x1
    isb
    eret
back:
    ret

code_cntpct:
    mrs x3, cntpct_el0
    b done
code_cntvct:
    mrs x3, cntvct_el0
    b done
code_cntfrq:
    mrs x3, cntfrq_el0
    b done
code_cntfrq_write:
    msr cntfrq_el0, x3
    b done
code_cntp_ctl:
    mrs x3, cntp_ctl_el0
    b done
code_cntp_tval:
    msr cntp_tval_el0, xzr
    b done
code_cntp_cval:
    msr cntp_cval_el0, xzr
    b done
code_cntv_ctl:
    msr cntv_ctl_el0, xzr
    b done
code_cntv_tval:
    mrs x3, cntv_tval_el0
    b done
code_cnthp:
    mrs x3, cnthp_ctl_el2
    b done
code_cntkctl:
    mrs x3, cntkctl_el1
    b done
code_wfi:
    wfi
    b done
code_sevl_wfe_wfe:
    sevl
    wfe
    b code_clear_wfe
code_sevl_wfe:
    sevl
    wfe
    b done
code_sev_wfe:
    sev
    wfe
    b done
/* A return from an exception has set the event register: the first WFE clears it. */
code_wfe:
    wfe
code_clear_wfe:
    wfe
done:
    mrs x3, nzcv                    /* EL0 has no HVC: EL1 goes on for it */
    svc #0x10

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
    b back              /* synchronous, from below */
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

    .balign 2048
vectors_el1:
    .rept 16
    .balign 128
    hvc #0x77
    .endr

    .balign 64
letter:
    .space 16
    .space 512
    .balign 16
stack:
    .ltorg
