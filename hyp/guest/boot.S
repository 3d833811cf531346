/*
 * Entry of a guest, as after a reset: EL1, MMU off. x0: number of the VM, x1: iterations, x2:
 * number of vCPUs. vCPU 0 makes the tables, the others wait for them; then all turn their MMU
 * on and enter guest_main. Below it: the exception vectors, and the way to EL0 and back.
 *
 * With the MMU off data accesses pass the caches. So what is used before it is on (a stack,
 * the word that the others wait for) lies in a page that nobody accesses afterwards, and the
 * lines of the tables are invalidated when they have been written (lib.c).
 *
 * DDI 0487: SCTLR_EL1, TCR_EL1, MAIR_EL1, exception vectors.
 */

    .file   "boot.S"

#include "gen/esr.h"
#include "hyp/arch.h"
#include "hyp/guest/guest.h"

    .section .head, "ax"

    .global guest_start
guest_start:
    b       guest_boot
    nop
    .quad   guest_memory_bytes

    .text
    .type   guest_boot, %function
guest_boot:
    mov     x19, x1
    mov     x20, x2
    mrs     x21, MPIDR_EL1
    and     x21, x21, #0xff
    orr     x0, x21, x0, lsl #8
    msr     TPIDR_EL1, x0
    load_address x0, guest_vectors
    msr     VBAR_EL1, x0
    load_address x22, guest_boot_page
    cbnz    x21, 1f
    add     sp, x22, #4096
    bl      guest_build
    mov     x0, #1
    str     x0, [x22]
    dsb     sy
    sev
    b       3f
1:  ldr     x0, [x22]
    cbnz    x0, 3f
    wfe
    b       1b

3:  load_constant x0, MAIR_VALUE
    msr     MAIR_EL1, x0
    load_constant x0, TCR_EL1_GUEST
    msr     TCR_EL1, x0
    load_address x0, guest_tables
    mov     x1, #1                         /* GUEST_ASID */
    orr     x0, x0, x1, lsl #48
    msr     TTBR0_EL1, x0
    isb
    tlbi    vmalle1
    dsb     nsh
    isb
    load_constant x0, SCTLR_EL1_ON
    msr     SCTLR_EL1, x0
    isb

    load_address x0, guest_stacks
    add     x0, x0, x21, lsl #10
    add     sp, x0, #1024
    mov     x0, x19
    mov     x1, x20
    bl      guest_main
    mov     x0, #GUEST_CALL_PASS
    hvc     #0
    .size   guest_boot, . - guest_boot

    .type   guest_exception, %function
guest_exception:
    mov     x0, #GUEST_CALL_FAIL
    mov     x1, #GUEST_FAIL_EXCEPTION
    mrs     x2, ELR_EL1
    mrs     x3, ESR_EL1
    mrs     x4, FAR_EL1
    hvc     #0
    .size   guest_exception, . - guest_exception

/*
 * uint64_t user_enter(void (*entry)(void), uint64_t x0, uint64_t x1): runs entry at EL0 until its
 * SVC; answers its x0.
 */
    .global user_enter
    .type   user_enter, %function
user_enter:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    msr     ELR_EL1, x0
    mov     x3, #PSTATE_EL0_MASKED                   /* EL0, all masked */
    msr     SPSR_EL1, x3
    mov     x0, x1
    mov     x1, x2
    eret
    .size   user_enter, . - user_enter

    .type   user_exception, %function
user_exception:
    mrs     x1, ESR_EL1
    lsr     x1, x1, #26
    cmp     x1, #ESR_EC_SVC64
    b.ne    guest_exception
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #96
    ret
    .size   user_exception, . - user_exception

    .balign 2048
guest_vectors:
    .rept   8
    .balign 128
    b       guest_exception
    .endr
    .balign 128
    b       user_exception
    .rept   7
    .balign 128
    b       guest_exception
    .endr
    .balign 128
