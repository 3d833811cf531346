/*
 * Entry of the guest of stage2.c, and its vectors: x0 is the number of the vCPU, and the
 * translation tables are there. Any exception rings the doorbell and is the end.
 */
#include "payload/stage2.h"

/* 4 GiB from address 0 in granules of 4 KiB, walks write-back and inner shareable, 40 bits out. */
#define TCR_EL1_VALUE 0x200803520
/* 0: Normal, write-back; 1: Device-nGnRE. */
#define MAIR_EL1_VALUE 0x04ff
/* I, C, M; what is RES1. */
#define SCTLR_EL1_VALUE 0x30d01805

    .global _start
_start:
    ldr     x1, =MAIR_EL1_VALUE
    msr     mair_el1, x1
    ldr     x1, =TCR_EL1_VALUE
    msr     tcr_el1, x1
    ldr     x1, =TABLE_BASE
    add     x1, x1, x0, lsl #13
    msr     ttbr0_el1, x1
    adr     x1, vectors
    msr     vbar_el1, x1
    isb
    tlbi    vmalle1
    dsb     nsh
    ldr     x1, =SCTLR_EL1_VALUE
    msr     sctlr_el1, x1
    isb
    ldr     x1, =STACK_TOP
    add     x1, x1, x0, lsl #12
    mov     sp, x1
    bl      guest_main
exception:
    ldr     x0, =DOORBELL
    mov     w1, #RING_EXCEPTION
    str     w1, [x0]
    b       exception
    .ltorg  // in this page: a page that is read first is mapped without permission to execute

    .balign 2048
vectors:
    .rept   16
    .balign 128
    b       exception
    .endr
    .balign 128
