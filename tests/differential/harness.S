/*
 * The harness of the differential test: bare-metal code at EL2 that runs blocks of random
 * instructions at EL0, EL1 and EL2 with given registers and memory, and tells what became of
 * them. It runs the same on QEMU and on Armillary; what is around it (blocks, inputs, the list of
 * runs) is put beside it by tests/differential/image.py, which knows the same layout.
 *
 * A block ends with HVC #0xffff (SVC #0xffff at EL0). Any other exception is noted - vector,
 * ESR, FAR, ELR, SPSR, HPFAR as far as they are defined - and execution goes on behind the
 * instruction, or at the end of the block where that is impossible. The handlers use no stack:
 * all stack pointers belong to the blocks. x30 waits in TPIDR_ELx of the handler's level.
 *
 * After a run its record is hashed into the log (or copied there); the log is written to the
 * console by semihosting at the end. Neither EL3 nor AArch32 nor a second PE occurs.
 *
 * DDI 0487: exception entry and return, the VMSAv8-64 translation tables.
 */

/* What image.py puts beside: one page of parameters, then inputs, runs, configurations. */
#define PARAMETERS 0x40400000
#define P_RUNS 8       /* address of the first run */
#define P_COUNT 16     /* how many */
#define P_DUMP 24      /* 1: whole records in the log, not hashes */
#define P_FP 32        /* 1: there are V registers, FPCR and FPSR */
#define P_LOG 40       /* address of the log */

/* A run. */
#define R_CODE 0
#define R_END 8
#define R_INPUT 16
#define R_SPSR 24
#define R_CONFIG 32    /* values of registers; the same address as in the run before: as they are */
#define R_FRESH 40     /* 1: all system registers anew after it */
#define RUN_BYTES 48

/* An input and a record, alike up to the window; then the exceptions of the record. */
#define S_SP 248       /* input: all three; record: SP_EL0, SP_EL1, SP_EL2 */
#define S_SPSR 272     /* record only */
#define S_ELR 280
#define S_FPCR 288
#define S_FPSR 296
#define S_TAKEN 304    /* exceptions */
#define S_V 320
#define S_WINDOW 832   /* 64 bytes, 512 bytes, 64 bytes */
#define S_EXCEPTIONS 1472
#define EXCEPTION_BYTES 48
#define EXCEPTIONS_MAX 16
#define RECORD_BYTES 2240

/* Memory operands: pages of the 2 MiB at WINDOW. */
#define WINDOW 0x40200000
#define PAGE_A (WINDOW + 9 * 0x1000)
#define PAGE_B (WINDOW + 10 * 0x1000)
#define FLAT 0x20000   /* so much further EL2 sees what is at these addresses without stage 1 */
#define HCR_DC 12

#define PAGE_NORMAL 0x703             /* valid page, attribute 0, inner shareable, accessed */
#define BLOCK_NORMAL 0x701
#define STAGE2_NORMAL 0x7fd           /* block: Normal write-back, read and write */
#define EL0_RW 0x40
#define EL0_RO 0xc0
#define EL1_RO 0x80

#define SCTLR_EL1_BITS 0x34d5d99d     /* M C SA SA0 I DZE UCT nTWI nTWE UCI, RES1 */
#define SCTLR_EL2_BITS 0x30c5183d     /* M C SA I, RES1 */
#define CPTR_BITS 0x33ff
#define TCR_EL1_BITS 0x200803519      /* 39 bits, EPD1, 40-bit output, cacheable walks */
#define TCR_EL2_BITS 0x80823519
#define VTCR_BITS 0x80023559          /* 39 bits, from level 1 */

/* Classes of exceptions, as a bit for each value of ESR_ELx.EC. */
#define CLASSES_FAR 0x0030003700000000     /* aborts, misaligned PC, watchpoints: FAR counts */
#define CLASSES_HPFAR 0x0000001100000000   /* aborts from below */
#define CLASSES_NOWHERE 0x0000000700000000 /* instruction aborts, misaligned PC: no going on */
#define CLASSES_BEHIND 0x000c000000600000  /* SVC, HVC, software step: ELR is behind already */

.macro set reg, value
    ldr x0, =\value
    msr \reg, x0
.endm

.macro zero regs:vararg
    .irp reg, \regs
    msr \reg, xzr
    .endr
.endm

/* Register r and the next: general ones by x30 (input) and x0 (record), V by x0 and x1. */
.altmacro
.macro pair_of op, a, b, base, offset
    \op x\a, x\b, [\base, #\offset]
.endm
.macro load_pair r
    pair_of ldp, \r, %(\r + 1), x30, %(\r * 8)
.endm
.macro store_pair r
    pair_of stp, \r, %(\r + 1), x0, %(\r * 8)
.endm
.macro two_of op, a, b, base
    \op q\a, q\b, [\base], #32
.endm
.macro load_two r
    two_of ldp, \r, %(\r + 1), x0
.endm
.macro store_two r
    two_of stp, \r, %(\r + 1), x1
.endm

/* One side of a copy of the window: reg is x0 to read memory or x1 to write it, x9 further. */
.macro window_part reg, at, bytes
    ldr \reg, =(\at)
    add \reg, \reg, x9
    mov x2, #\bytes
    bl copy
.endm
.macro window reg
    window_part \reg, PAGE_A, 64
    window_part \reg, PAGE_B - 256, 512
    window_part \reg, PAGE_B + 0x1000 - 64, 64
.endm

    .text
    .globl _start
_start:
    msr daifset, #15
    bl reset_registers
    set mair_el2, 0xff
    adr x0, table1
    msr ttbr0_el2, x0
    set tcr_el2, TCR_EL2_BITS
    adr x0, vectors2
    msr vbar_el2, x0
    tlbi alle2
    dsb sy
    isb
    set sctlr_el2, SCTLR_EL2_BITS
    isb
    ldr x28, =PARAMETERS
    ldr x20, [x28, #P_RUNS]
    ldr x21, [x28, #P_COUNT]
    ldr x22, [x28, #P_LOG]
    mov x23, #0
    b next_run

/* Everything that a block may have changed, and that no input gives: as at the start. x0, x29. */
reset_registers:
    mov x29, x30
    set hcr_el2, 0x80000001
    set cptr_el2, CPTR_BITS
    zero mdcr_el2, hstr_el2, cntvoff_el2, contextidr_el1, csselr_el1
    zero mdscr_el1, cnthp_ctl_el2, cntp_ctl_el0, cntv_ctl_el0
    mov x0, #3
    msr cnthctl_el2, x0
    msr cntkctl_el1, x0
    mov x0, #-1
    msr cntp_cval_el0, x0
    msr cntv_cval_el0, x0
    msr cnthp_cval_el2, x0
    set cpacr_el1, 0x300000
    adr x0, stage2_table1
    msr vttbr_el2, x0
    set vtcr_el2, VTCR_BITS
    mrs x0, midr_el1
    msr vpidr_el2, x0
    mrs x0, mpidr_el1
    msr vmpidr_el2, x0
    adr x0, table1
    msr ttbr0_el1, x0
    msr ttbr1_el1, x0
    set tcr_el1, TCR_EL1_BITS
    set mair_el1, 0xff
    adr x0, vectors1
    msr vbar_el1, x0
    set sctlr_el1, SCTLR_EL1_BITS
    zero tpidr_el1, tpidr_el0, tpidrro_el0
    zero elr_el1, spsr_el1, esr_el1, far_el1, par_el1, esr_el2, far_el2, hpfar_el2
    isb
    tlbi alle1
    dsb sy
    isb
    ret x29

/* ---- one run: x20 run, x21 how many, x22 log; kept in `state` while a block runs ---- */
next_run:
    cbz x21, finish
    ldr x0, [x20, #R_CONFIG]
    cmp x0, x23
    b.eq 2f
    mov x23, x0            /* 0 afterwards: configure again */
    ldp x1, x2, [x0]
    msr sctlr_el1, x1
    msr sctlr_el2, x2
    ldp x1, x2, [x0, #16]
    msr hcr_el2, x1
    msr cpacr_el1, x2
    ldr x2, [x0, #40]
    msr mdcr_el2, x2
2:  adr x19, state
    stp x20, x21, [x19]
    stp x22, x23, [x19, #16]
    ldr x0, [x20, #R_CODE]
    ldr x1, [x20, #R_END]
    stp x0, x1, [x19, #32]
    msr elr_el2, x0
    ldr x0, [x20, #R_SPSR]
    msr spsr_el2, x0
    ldr x18, [x20, #R_INPUT]
    ldr x17, =record
    zero elr_el1, spsr_el1, esr_el1, far_el1, par_el1, tpidr_el1
    zero tpidr_el0, tpidrro_el0, tpidr_el2
    str xzr, [x17, #S_TAKEN]
    clrex
    mov x9, #0
    bl put_window
    ldr x0, [x20, #R_CONFIG]
    ldr x0, [x0, #16]
    tbz x0, #HCR_DC, 5f
    ldr x9, =FLAT          /* stage 1 is off at EL1 and EL0, and more pages can be written */
    ldr x0, =(PAGE_A + FLAT - 0x1000)
    add x1, x0, #0x4000
4:  stp xzr, xzr, [x0], #16
    cmp x0, x1
    b.ne 4b
    bl put_window
5:  ldr x28, =PARAMETERS
    ldr x0, [x28, #P_FP]
    cbz x0, 3f
    ldr x0, [x18, #S_FPCR]
    msr fpcr, x0
    ldr x0, [x18, #S_FPSR]
    msr fpsr, x0
    add x0, x18, #S_V
    .irp r, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
    load_two \r
    .endr
3:  ldr x0, [x20, #R_CONFIG]
    ldr x0, [x0, #32]      /* CPTR_EL2, which the end of a run has set back */
    msr cptr_el2, x0
    isb
    ldp x0, x1, [x18, #S_SP]
    msr sp_el0, x0
    msr sp_el1, x1
    ldr x0, [x18, #S_SP + 16]
    mov sp, x0
    mov x30, x18
    .irp r, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28
    load_pair \r
    .endr
    ldr x30, [x30, #240]
    eret

/* The window of the input x18 to memory, x9 further than its address. */
put_window:
    mov x8, x30
    add x0, x18, #S_WINDOW
    window x1
    ret x8

/* Copies x2 bytes from x0 to x1; both go on. */
copy:
    ldp x3, x4, [x0], #16
    stp x3, x4, [x1], #16
    subs x2, x2, #16
    b.ne copy
    ret

/* ---- the end of a run, at EL2: x30 is in TPIDR_EL2, x0 to x5 in scratch2; x1 is ESR_EL2 ---- */
end_run:
    ldr x0, =CPTR_BITS
    msr cptr_el2, x0
    isb
    ldr x0, =record
    tst x1, #1             /* #0xffff from the block itself, #0xfffe by way of EL1 */
    mrs x2, spsr_el2
    mrs x3, elr_el2
    b.ne 1f
    mrs x2, spsr_el1
    mrs x3, elr_el1
1:  stp x2, x3, [x0, #S_SPSR]
    .irp r, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28
    store_pair \r
    .endr
    ldr x6, =scratch2
    ldp x2, x3, [x6]
    stp x2, x3, [x0]
    ldp x2, x3, [x6, #16]
    stp x2, x3, [x0, #16]
    ldp x2, x3, [x6, #32]
    stp x2, x3, [x0, #32]
    mrs x2, tpidr_el2
    str x2, [x0, #240]
    mrs x2, sp_el0
    mrs x3, sp_el1
    stp x2, x3, [x0, #S_SP]
    mov x2, sp
    str x2, [x0, #S_SP + 16]
    ldr x28, =PARAMETERS
    ldr x1, [x28, #P_FP]
    cbz x1, 2f
    mrs x2, fpcr
    mrs x3, fpsr
    stp x2, x3, [x0, #S_FPCR]
    add x1, x0, #S_V
    .irp r, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
    store_two \r
    .endr
2:  ldr x2, =table3_page_b /* a block that ended early may have left it mapped elsewhere */
    ldr x3, =(WINDOW + 0x11000 + PAGE_NORMAL + EL0_RW)
    ldr x4, [x2]
    cmp x3, x4
    b.eq 3f
    str x3, [x2]
    dsb sy
    tlbi alle2
    tlbi alle1
    dsb sy
    isb
3:  add x1, x0, #S_WINDOW
    ldr x19, =state
    ldp x20, x21, [x19]
    ldp x22, x23, [x19, #16]
    ldr x9, =FLAT          /* the memory that the block saw: flat at EL1 and EL0 with HCR_EL2.DC */
    ldr x0, [x20, #R_CONFIG]
    ldr x0, [x0, #16]
    tst x0, #1 << HCR_DC
    ldr x0, [x20, #R_SPSR]
    and x0, x0, #12
    ccmp x0, #8, #4, ne
    csel x9, xzr, x9, eq
    window x0
    ldr x0, =record
    ldr x1, [x0, #S_TAKEN]
    mov x2, #EXCEPTIONS_MAX
    cmp x1, x2
    csel x1, x1, x2, lo
    mov x3, #EXCEPTION_BYTES
    mov x2, #S_EXCEPTIONS
    madd x2, x1, x3, x2    /* so many bytes count */
    ldr x1, [x28, #P_DUMP]
    cbnz x1, dump
    ldr x5, =0x9e3779b97f4a7c15
    mov x6, #0
3:  ldp x3, x4, [x0], #16
    eor x6, x6, x3
    mul x6, x6, x5
    eor x6, x6, x6, lsr #32
    eor x6, x6, x4
    mul x6, x6, x5
    eor x6, x6, x6, lsr #32
    subs x2, x2, #16
    b.ne 3b
    str x6, [x22], #8
    b run_done
dump:
    add x7, x22, #RECORD_BYTES
    mov x1, x22
    bl copy
4:  cmp x1, x7
    b.eq 5f
    stp xzr, xzr, [x1], #16
    b 4b
5:  mov x22, x7
run_done:
    ldr x0, [x20, #R_FRESH]
    cbz x0, 6f
    bl reset_registers
    mov x23, #0
6:  add x20, x20, #RUN_BYTES
    sub x21, x21, #1
    b next_run

/* The log to the console, and off. */
finish:
    ldr x19, =call_block
    adr x0, console
    mov x1, #4             /* "w" */
    stp x0, x1, [x19]
    mov x1, #3
    str x1, [x19, #16]
    mov x0, #1             /* SYS_OPEN */
    mov x1, x19
    hlt #0xf000
    ldr x28, =PARAMETERS
    ldr x1, [x28, #P_LOG]
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
console:
    .asciz ":tt"
    .balign 8
    .ltorg

/* ---- exceptions ---- */
.macro entry el, slot
    .balign 128
    msr tpidr_el\el, x30
    ldr x30, =scratch\el
    stp x0, x1, [x30]
    mov x0, #\slot | (\el << 12)
    b noted_el\el
    .ltorg
.endm

.macro vectors el
    .balign 2048
vectors\el:
    .irp slot, 0x000, 0x080, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0x400, 0x480, 0x500, \
               0x580, 0x600, 0x680, 0x700, 0x780
    entry \el, \slot
    .endr
.endm

.macro handler el
noted_el\el:
    stp x2, x3, [x30, #16]
    stp x4, x5, [x30, #32]
    stp x6, x7, [x30, #48]
    mrs x1, esr_el\el
    ubfx x2, x1, #26, #6
    tst x0, #0x180
    b.ne 1f                /* no syndrome with IRQ and FIQ, none that counts with SError */
    .if \el == 2
    ldr x3, =0x2d007fff    /* HVC64, #0xfffe or #0xffff */
    cmp x3, x1, lsr #1
    b.eq end_run
    .endif
    ldr x3, =0x5600ffff    /* SVC64, #0xffff */
    cmp x3, x1
    .if \el == 2
    b.eq end_run
    .else
    b.eq leave_el1
    .endif
1:  .if \el == 2
    cmp x2, #0x18
    b.ne 5f
    mrs x4, elr_el2        /* the handler at EL1 is trapped by TRVM: not any more in this run */
    ldr x3, =end_of_harness
    cmp x4, x3
    b.hs 5f
    mrs x4, hcr_el2
    bic x4, x4, #0x40000000
    msr hcr_el2, x4
    isb
    ldr x3, =state
    str xzr, [x3, #24]
    b back_el\el
5:
    .endif
    ldr x3, =record
    ldr x4, [x3, #S_TAKEN]
    add x5, x4, #1
    str x5, [x3, #S_TAKEN]
    cmp x4, #EXCEPTIONS_MAX
    b.hs at_end_el\el
    mov x5, #EXCEPTION_BYTES
    madd x3, x4, x5, x3
    add x3, x3, #S_EXCEPTIONS
    mrs x4, elr_el\el
    mrs x5, spsr_el\el
    stp x4, x5, [x3, #24]
    str x0, [x3]
    stp xzr, xzr, [x3, #8]
    str xzr, [x3, #40]
    tst x0, #0x180
    b.ne masked_el\el
    str x1, [x3, #8]
    mov x0, #1
    lsl x0, x0, x2
    ldr x6, =CLASSES_FAR
    tst x0, x6
    b.eq 2f
    mrs x7, far_el\el
    str x7, [x3, #16]
    .if \el == 2
    ldr x6, =CLASSES_HPFAR
    tst x0, x6
    b.eq 2f
    and x7, x1, #0x3c
    cmp x7, #0x0c
    b.ne 3f
    tbz x1, #7, 2f         /* a permission fault, and not on a walk */
3:  mrs x7, hpfar_el2
    str x7, [x3, #40]
    .endif
2:  ldr x6, =CLASSES_NOWHERE
    tst x0, x6
    b.ne at_end_el\el
    cmp x2, #0x0e          /* illegal state */
    b.eq legal_el\el
    ldr x6, =CLASSES_BEHIND
    tst x0, x6
    b.ne 4f
    add x4, x4, #4
4:  ldr x3, =state
    ldp x0, x1, [x3, #32]
    cmp x4, x0
    b.lo at_end_el\el
    cmp x4, x1
    b.hi at_end_el\el
    msr elr_el\el, x4
    bic x5, x5, #0x200000  /* no step again */
    msr spsr_el\el, x5
back_el\el:
    ldp x6, x7, [x30, #48]
    ldp x4, x5, [x30, #32]
    ldp x2, x3, [x30, #16]
    ldp x0, x1, [x30]
    mrs x30, tpidr_el\el
    eret
legal_el\el:
    bic x5, x5, #0x100000
    b 4b
masked_el\el:
    orr x5, x5, #0x3c0
    b 4b
at_end_el\el:
    mrs x5, spsr_el\el
    bic x5, x5, #0x300000
    msr spsr_el\el, x5
    ldr x3, =state
    ldr x4, [x3, #40]
    msr elr_el\el, x4
    b back_el\el
.endm

    handler 1
leave_el1:
    ldp x6, x7, [x30, #48]
    ldp x4, x5, [x30, #32]
    ldp x2, x3, [x30, #16]
    ldp x0, x1, [x30]
    mrs x30, tpidr_el1
    hvc #0xfffe
    b .
    .ltorg
    handler 2
    .ltorg
    vectors 1
    vectors 2

/* ---- tables and memory ---- */
    .data
end_of_harness:
#include "tests/differential/harness_tables.S"
    .balign 64
state:                     /* run, runs left, log, configuration; block's start and end */
    .fill 8, 8, 0
scratch1:
    .fill 8, 8, 0
scratch2:
    .fill 8, 8, 0
call_block:
    .fill 4, 8, 0
    .balign 64
record:
    .fill RECORD_BYTES, 1, 0
