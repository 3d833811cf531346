// Start of a pair, its vectors, and the way into a virtual CPU and out of it.
//
// Every PE comes here at EL2 with its MMU off, gets a stack, and goes on in pair.c, which turns the
// MMU on. A vCPU (struct vcpu, pair.h) is entered by ERET and left by the exception that it takes
// to EL2. An exception that EL2 takes itself is not expected: the program fails.
	.section .text.start, "ax"
	.globl _start
_start:
	mov	x0, #0
	b	enter

	.globl pair_secondary
pair_secondary:				// x0: the number of this CPU, from CPU_ON
enter:
	adrp	x1, stacks
	add	x1, x1, :lo12:stacks
	add	x2, x0, #1
	add	x1, x1, x2, lsl #13
	msr	spsel, #1
	mov	sp, x1
	mov	x29, #0
	mov	x30, #0
	b	pair_boot

// PSCI, from EL2.
	.globl pair_firmware
pair_firmware:
	smc	#0
	ret

// The semihosting call SYS_EXIT; x0: the status.
	.globl pair_exit
pair_exit:
	sub	sp, sp, #16
	movz	x2, #0x0026
	movk	x2, #2, lsl #16		// ADP_Stopped_ApplicationExit
	stp	x2, x0, [sp]
	mov	w0, #0x18
	mov	x1, sp
	hlt	#0xf000
	b	.

// What EL1 code returns to: the vCPU has done its part.
	.globl pair_hvc_done
pair_hvc_done:
	hvc	#0
	b	.

// uint64_t vcpu_enter(struct vcpu *): registers of the vCPU, ERET; returns ESR_EL2 of its exit.
// Only general registers, SP_EL0, SP_EL1, PC and PSTATE are switched here; the rest is C's.
	.globl vcpu_enter
vcpu_enter:
	stp	x29, x30, [sp, #-96]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	msr	tpidr_el2, x0
	ldp	x1, x2, [x0, #248]
	msr	sp_el1, x1
	msr	elr_el2, x2
	ldp	x1, x2, [x0, #264]
	msr	spsr_el2, x1
	msr	sp_el0, x2
	ldp	x2, x3, [x0, #16]
	ldp	x4, x5, [x0, #32]
	ldp	x6, x7, [x0, #48]
	ldp	x8, x9, [x0, #64]
	ldp	x10, x11, [x0, #80]
	ldp	x12, x13, [x0, #96]
	ldp	x14, x15, [x0, #112]
	ldp	x16, x17, [x0, #128]
	ldp	x18, x19, [x0, #144]
	ldp	x20, x21, [x0, #160]
	ldp	x22, x23, [x0, #176]
	ldp	x24, x25, [x0, #192]
	ldp	x26, x27, [x0, #208]
	ldp	x28, x29, [x0, #224]
	ldr	x30, [x0, #240]
	ldp	x0, x1, [x0]
	.globl vcpu_eret
vcpu_eret:
	eret

// An exception from EL1 or EL0.
vcpu_exit:
	stp	x0, x1, [sp, #-16]!
	mrs	x0, tpidr_el2
	stp	x2, x3, [x0, #16]
	ldp	x2, x3, [sp], #16
	stp	x2, x3, [x0]
	stp	x4, x5, [x0, #32]
	stp	x6, x7, [x0, #48]
	stp	x8, x9, [x0, #64]
	stp	x10, x11, [x0, #80]
	stp	x12, x13, [x0, #96]
	stp	x14, x15, [x0, #112]
	stp	x16, x17, [x0, #128]
	stp	x18, x19, [x0, #144]
	stp	x20, x21, [x0, #160]
	stp	x22, x23, [x0, #176]
	stp	x24, x25, [x0, #192]
	stp	x26, x27, [x0, #208]
	stp	x28, x29, [x0, #224]
	str	x30, [x0, #240]
	mrs	x1, sp_el1
	mrs	x2, elr_el2
	stp	x1, x2, [x0, #248]
	mrs	x1, spsr_el2
	mrs	x2, sp_el0
	stp	x1, x2, [x0, #264]
	mrs	x0, esr_el2
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #96
	ret

el2_exception:				// none is expected
	mov	x0, #2
	b	pair_exit

el1_exception:				// EL1's own: EL2 sees it as an exit, and it goes on behind
	hvc	#1
	eret

	.macro	vectors symbol, own, lower
	.balign	2048
	.globl	\symbol
\symbol:
	.rept	8
	b	\own
	.balign	128
	.endr
	.rept	4
	b	\lower
	.balign	128
	.endr
	.rept	4
	b	\own
	.balign	128
	.endr
	.endm

	.text
	vectors	pair_vectors, el2_exception, vcpu_exit
	vectors	pair_el1_vectors, el1_exception, el1_exception

	.bss
	.balign	16
stacks:
	.skip	4 * 8192
