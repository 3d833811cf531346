/*
 * The harness of the translation test: bare-metal code at EL2 that takes cases - values of the
 * translation registers, descriptors, and a list of attempts - sets them up, makes each attempt
 * (an AT instruction or a real access, at EL0, EL1 or EL2) and notes what came of it. It runs the
 * same on QEMU and on Armillary; tests/translation/layout.py puts the cases beside it and knows
 * the same layout.
 *
 * An attempt is an ERET to one of the probes below, and ends with an exception to EL2. At EL1 every
 * vector is one HVC, which tells its number; nothing between the ERET and that exception needs
 * memory but the probe itself. The registers of EL2 are those of the case only from just before
 * the ERET until just behind the exception, with stage 1 off in between: the two pages of `page`
 * must be mapped in the tables of a case that changes them, flat or at its alias.
 *
 * After each attempt its record goes to the log, which is written to the console by semihosting at
 * the end. x19 to x30 are the harness's throughout.
 *
 * DDI 0487: exception entry and return, the AT instructions, ESR_ELx, FAR_ELx, HPFAR_EL2.
 */

#define PARAMETERS 0x44000000
#define P_CASES 0      /* address of the first case; they lie one behind the other */
#define P_COUNT 8
#define P_LOG 16

/* A case. Behind it its descriptors, address and value, and its attempts. */
#define C_SCTLR_EL1 0
#define C_MAIR_EL1 32
#define C_HCR 48
#define C_SCTLR_EL2 72
#define C_TTBR0_EL2 88
#define C_FLAGS 104    /* 1: the registers of EL2 are not the harness's own; 2: all as it was
                          before, after each attempt */
#define C_ALIAS 112    /* where EL2's tables have the two pages of `page`; 0: flat */
#define C_WRITES 120
#define C_ATTEMPTS 128
#define CASE_BYTES 136

/* An attempt. */
#define A_PC 0
#define A_SPSR 8
#define A_VA 16
#define A_VALUE 24     /* x1, what a store stores */
#define A_TARGET 32    /* 8 bytes of memory to look at afterwards, and to put back; 0: none */
#define A_SECOND 40    /* 8 bytes more */
#define A_TTBR0_EL1 48 /* TTBR0_EL1 and TTBR1_EL1, VTTBR_EL2: without TLB maintenance */
#define A_VTTBR 64
#define A_DESCRIPTOR 72 /* 8 bytes to look at afterwards; 0: none, or with flag 2 all that the
                           case wrote, folded into 8 bytes */
#define ATTEMPT_BYTES 80

/* A record: vectors and SPSR, x1, ESR_EL2, ESR_EL1, FAR, HPFAR, ELR, target, descriptor. */
#define RECORD_BYTES 80

#define SCTLR_EL2_OFF 0x30c50830
#define SCTLR_EL2_BITS 0x30c51835     /* M C I, RES1 */
#define TCR_EL2_BITS 0x80853519       /* 39 bits, 48-bit output */
#define HCR_BITS 0x80000000
#define CPTR_BITS 0x33ff
#define BLOCK_NORMAL 0x701

#define VECTORS_AT 0x40091000         /* vectors2 */
#define FOLD 0x9e3779b97f4a7c15
#define CLASSES_FAR 0x0030003700000000   /* aborts, misaligned PC, watchpoints: FAR counts */

.macro set reg, value
    ldr x0, =\value
    msr \reg, x0
.endm

.macro zero regs:vararg
    .irp reg, \regs
    msr \reg, xzr
    .endr
.endm

    .text
    .globl _start
_start:
    msr daifset, #15
    set hcr_el2, HCR_BITS
    set cptr_el2, CPTR_BITS
    zero mdcr_el2, hstr_el2, cntvoff_el2, contextidr_el1, mdscr_el1
    zero cnthp_ctl_el2, cntp_ctl_el0, cntv_ctl_el0, tpidr_el2
    set cnthctl_el2, 3
    set cpacr_el1, 0x300000
    mrs x0, midr_el1
    msr vpidr_el2, x0
    mrs x0, mpidr_el1
    msr vmpidr_el2, x0
    adr x0, table1
    msr ttbr0_el2, x0
    set mair_el2, 0xff
    set tcr_el2, TCR_EL2_BITS
    ldr x0, =vectors2
    msr vbar_el2, x0
    set sctlr_el2, SCTLR_EL2_OFF
    isb
    tlbi alle2
    tlbi alle1
    dsb sy
    isb
    set sctlr_el2, SCTLR_EL2_BITS
    isb
    ldr x0, =PARAMETERS
    ldr x20, [x0, #P_CASES]
    ldr x21, [x0, #P_COUNT]
    ldr x22, [x0, #P_LOG]

/* ---- one case: x20 case, x21 how many, x22 log, x23 attempt, x24 how many ---- */
next_case:
    cbz x21, finish
    add x23, x20, #CASE_BYTES
    ldr x24, [x20, #C_WRITES]
1:  cbz x24, 2f
    ldp x0, x1, [x23], #16
    str x1, [x0]
    sub x24, x24, #1
    b 1b
2:  ldp x0, x1, [x20, #C_SCTLR_EL1]
    msr sctlr_el1, x0
    msr tcr_el1, x1
    ldp x0, x1, [x20, #C_MAIR_EL1]
    msr mair_el1, x0
    msr vbar_el1, x1
    ldp x0, x1, [x20, #C_HCR]
    msr hcr_el2, x0
    msr vtcr_el2, x1
    dsb sy
    isb
    tlbi alle1
    ic iallu
    dsb sy
    isb
    ldr x24, [x20, #C_ATTEMPTS]
next_attempt:
    cbz x24, case_done
    ldr x25, [x23, #A_TARGET]
    cbz x25, 3f
    ldr x29, [x23, #A_SECOND]
    ldr x26, [x25]
    ldr x27, [x29]
3:  zero elr_el1, spsr_el1, esr_el1, far_el1, par_el1, hpfar_el2
    ldp x0, x1, [x23, #A_TTBR0_EL1]
    msr ttbr0_el1, x0
    msr ttbr1_el1, x1
    ldr x0, [x23, #A_VTTBR]
    msr vttbr_el2, x0
    ldp x0, x1, [x23, #A_PC]
    msr elr_el2, x0
    msr spsr_el2, x1
    ldp x0, x1, [x23, #A_VA]
    mov x2, #0
    ldr x3, [x20, #C_FLAGS]
    tbz x3, #0, 4f
    ldp x4, x5, [x20, #C_SCTLR_EL2]
    ldp x6, x7, [x20, #C_TTBR0_EL2]
    ldr x30, [x20, #C_ALIAS]
    b enter
4:  ldr x3, =probe_at_once
    br x3

/* x8: vector, x9 to x15: what the exception left */
noted:
    cbz x25, 5f
    ldr x2, [x25]
    ldr x3, [x29]
    str x26, [x25]
    str x27, [x29]
    b 6f
5:  mov x2, #0
    mov x3, #0
6:  ldr x5, [x23, #A_DESCRIPTOR]
    cbz x5, 7f
    ldr x5, [x5]
7:  ldr x16, [x20, #C_FLAGS]
    tbnz x16, #1, restore
restored:
    mov x6, #0
    ldr x7, =0x5a000000    /* HVC64 */
    mov x16, #0x400
    cmp x8, x16
    b.ne 8f                /* at EL2 itself */
    and x16, x9, #0xffffffffffff0000
    cmp x16, x7
    b.ne 8f                /* not by way of EL1 */
    and x16, x9, #0xffff
    cmp x16, #15
    b.hi 8f
    mov x6, x10            /* its vector is in ESR_EL2 */
    mrs x10, far_el1
    mov x11, #0
    mrs x12, elr_el1
    mrs x13, spsr_el1
    lsr x16, x6, #26
    b 9f
8:  mov x6, #0
    lsr x16, x9, #26
    mov x10, x14
9:  and x16, x16, #0x3f    /* the class that decides whether FAR counts */
    mov x17, #1
    lsl x17, x17, x16
    ldr x7, =CLASSES_FAR
    tst x17, x7
    csel x10, x10, xzr, ne
    and x17, x16, #~4     /* HPFAR only of stage 2, where it is defined */
    cmp x17, #0x20
    csel x11, xzr, x11, ne
    and x16, x9, #0x3c
    cmp x16, #0x0c
    b.hi 10f
    b.lo 11f
    tbnz x9, #7, 11f       /* a permission fault on a walk */
10: mov x11, #0
11: orr x8, x8, x13, lsl #32
    stp x8, x1, [x22]
    stp x9, x6, [x22, #16]
    stp x10, x11, [x22, #32]
    stp x12, x2, [x22, #48]
    stp x3, x5, [x22, #64]
    add x22, x22, #RECORD_BYTES
    add x23, x23, #ATTEMPT_BYTES
    sub x24, x24, #1
    b next_attempt

/* Folds what the case wrote into x5, and writes it again. */
restore:
    add x4, x20, #CASE_BYTES
    ldr x6, [x20, #C_WRITES]
    ldr x7, =FOLD
    mov x5, #0
1:  cbz x6, 2f
    ldp x16, x17, [x4], #16
    ldr x18, [x16]
    madd x5, x5, x7, x18
    str x17, [x16]
    sub x6, x6, #1
    b 1b
2:  dsb sy
    tlbi alle1
    tlbi alle2
    dsb sy
    isb
    b restored

/* What the case wrote becomes zero again. */
case_done:
    set hcr_el2, HCR_BITS
    isb
    add x0, x20, #CASE_BYTES
    ldr x1, [x20, #C_WRITES]
12: cbz x1, 13f
    ldr x2, [x0], #16
    str xzr, [x2]
    sub x1, x1, #1
    b 12b
13: mov x20, x23
    sub x21, x21, #1
    b next_case

/* The log to the console, and off. */
finish:
    adr x19, call_block
    adr x0, console
    mov x1, #4             /* "w" */
    stp x0, x1, [x19]
    mov x1, #3
    str x1, [x19, #16]
    mov x0, #1             /* SYS_OPEN */
    mov x1, x19
    hlt #0xf000
    ldr x1, =PARAMETERS
    ldr x1, [x1, #P_LOG]
    sub x2, x22, x1
    stp x0, x1, [x19]
    str x2, [x19, #16]
    mov x0, #5             /* SYS_WRITE */
    mov x1, x19
    hlt #0xf000
    cmp x0, #0             /* bytes not written */
    cset x2, ne
    movz x1, #0x0026
    movk x1, #2, lsl #16
    stp x1, x2, [x19]
    mov x0, #0x18          /* SYS_EXIT */
    mov x1, x19
    hlt #0xf000
    b .
    .ltorg
console:
    .asciz ":tt"
    .balign 8
call_block:
    .fill 4, 8, 0
    .balign 4096
table1:                    /* the harness's own: the second gigabyte is RAM */
    .quad 0, 0x40000000 + BLOCK_NORMAL
    .fill 510, 8, 0

/*
 * What is executed under the tables of a case, on pages of their own. A probe is four words; probe
 * n is at the same place for each way of ending. The address is in x0, the value in x1.
 */
.macro probe one, two=nop, three=nop
    .balign 16
    \one
    \two
    \three
    ENDING
.endm

.macro probe_at op
    probe "at \op, x0", isb, "mrs x1, par_el1"
.endm

.macro probes
    .irp op, s1e1r, s1e1w, s1e0r, s1e0w, s12e1r, s12e1w, s12e0r, s12e0w, s1e2r, s1e2w
    probe_at \op
    .endr
    .irp op, s1e1rp, s1e1wp
    probe_at \op
    .endr
    probe "ldr x1, [x0]"
    probe "str x1, [x0]"
    probe "ldtr x1, [x0]"
    probe "sttr x1, [x0]"
    probe "ldrb w1, [x0]"
    probe "strh w1, [x0]"
    probe "ldrsh x1, [x0]"
    probe "ldp x1, x2, [x0]"
    probe "stp x1, x2, [x0]"
    probe "ldxr x1, [x0]", clrex
    probe "ldar w1, [x0]"
    probe "stlr x1, [x0]"
    probe "ldxr x2, [x0]", "stxr w2, x1, [x0]", "mov w1, w2"
    probe "dc cvac, x0"
    probe "dc civac, x0"
    probe "dc ivac, x0"
    probe "dc cvau, x0"
    probe "dc zva, x0"
    probe "ic ivau, x0"
    probe "prfm pldl1keep, [x0]"
    probe "ldadd x1, x1, [x0]"
    probe "cas x2, x1, [x0]"
    probe "ldtrb w1, [x0]"
    probe "sttrh w1, [x0]"
    probe "mrs x1, id_aa64mmfr0_el1"
    probe "mrs x1, id_aa64mmfr1_el1"
    probe "mrs x1, id_aa64mmfr2_el1"
.endm

    .arch armv8.2-a
    .balign 65536
page:
    .globl page
vectors1:
    .set slot, 0
    .rept 16
    .balign 128
    hvc #slot
    .set slot, slot + 1
    .endr
    .balign 2048
probes1:
.macro ENDING
    hvc #0xfe
.endm
    probes
    .balign 1024
probes0:
.purgem ENDING
.macro ENDING
    svc #0xfe
.endm
    probes

    .balign 4096
vectors2:
    .set slot, 0
    .rept 16
    .balign 128
    mov x8, #slot
    b leave
    .set slot, slot + 128
    .endr
    .balign 2048
probes2:
.purgem ENDING
.macro ENDING
    hvc #0xfe
.endm
    probes
    .balign 1024

/*
 * x4 to x7: SCTLR_EL2, TCR_EL2, TTBR0_EL2, MAIR_EL2. With an alias nothing here is in the range of
 * EL2's tables: what follows the SCTLR_EL2 with stage 1 on has a fault and goes on at the alias, by
 * VBAR_EL2; and back by where nothing is, at the alias with stage 1 off. x28 says what is on: 0: as
 * the harness, 1: the case, 2 and 3: on the way in and out.
 */
enter:
    ldr x16, off
    msr sctlr_el2, x16
    isb
    msr tcr_el2, x5
    msr ttbr0_el2, x6
    msr mair_el2, x7
    isb
    tlbi alle2
    dsb sy
    isb
    cbnz x30, enter_alias
    mov x28, #1
    msr sctlr_el2, x4
    isb
    eret
enter_alias:
    add x17, x30, #(vectors2 - page)
    msr vbar_el2, x17
    mrs x16, elr_el2
    mrs x17, spsr_el2
    mov x28, #2
    msr sctlr_el2, x4
    isb
    b .                    /* out of range now: the fetch has a fault */
entered:
    mov x28, #1
    msr elr_el2, x16
    msr spsr_el2, x17
    eret
probe_at_once:
    mov x28, #0
    eret
leave:
    tbz x28, #1, 1f
    tbz x28, #0, entered
    mov x8, x18
    b left
1:  mrs x9, esr_el2
    mrs x10, esr_el1
    mrs x11, hpfar_el2
    mrs x12, elr_el2
    mrs x13, spsr_el2
    mrs x14, far_el2
    cbz x28, 1f
    movz x16, #(SCTLR_EL2_OFF & 0xffff)
    movk x16, #(SCTLR_EL2_OFF >> 16), lsl #16
    cbz x30, 2f
    mov x18, x8
    mov x28, #3
    movz x17, #(VECTORS_AT & 0xffff)
    movk x17, #(VECTORS_AT >> 16), lsl #16
    msr vbar_el2, x17
    msr sctlr_el2, x16
    isb
    b .                    /* where no code is */
2:  msr sctlr_el2, x16
    isb
left:
    ldr x16, own_tcr
    msr tcr_el2, x16
    ldr x16, own_table
    msr ttbr0_el2, x16
    mov x16, #0xff
    msr mair_el2, x16
    isb
    tlbi alle2
    dsb sy
    isb
    ldr x16, on
    msr sctlr_el2, x16
    isb
1:  ldr x16, own_noted
    br x16
    .balign 8
off:
    .quad SCTLR_EL2_OFF
on:
    .quad SCTLR_EL2_BITS
own_tcr:
    .quad TCR_EL2_BITS
own_table:
    .quad table1
own_noted:
    .quad noted
    .balign 65536
