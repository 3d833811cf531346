// An idle machine: each CPU sleeps in WFI and has a tick of its own, 100 times a second, from the
// timer of EL2. The handler acknowledges, counts, sets the next deadline and ends the interrupt.
// Behind its last tick each CPU leaves what it has counted; CPU 0 adds that up, prints the sums and
// turns the machine off. Entered at EL2; the MMU is off. An interrupt is stray when it is not the
// timer's, or the timer has not fired.
#ifndef SECONDS
#define SECONDS 1000
#endif
#define RATE 100
#define CPU_ON 0xc4000003
#define SYSTEM_OFF 0x84000008
#define INTID 26			/* CNTHP */

	.section .text.start, "ax"
	.globl _start
_start:
	mov	x19, #0
	mov	x20, #1				// CPUs so far
1:	ldr	x0, =CPU_ON
	mov	x1, x20
	adr	x2, begin
	mov	x3, x20
	smc	#0
	cbnz	x0, 2f
	add	x20, x20, #1
	b	1b
2:	mov	x0, #0

// x0: number of this CPU
begin:
	mov	x19, x0
	adr	x1, vectors
	msr	vbar_el2, x1
	mov	x1, #(1 << 4)			// IMO
	orr	x1, x1, #(1 << 31)		// RW
	msr	hcr_el2, x1
	ldr	x28, =0x08000000		// GICD
	ldr	x27, =0x08010000		// GICC
	mov	w1, #1
	str	w1, [x28]
	mov	w2, #(1 << INTID)
	str	w2, [x28, #0x100]
	mov	w2, #0xf0
	str	w2, [x27, #4]
	str	w1, [x27]
	mrs	x26, cntfrq_el0
	mov	x2, #RATE
	udiv	x26, x26, x2			// period
	ldr	x25, =SECONDS * RATE		// ticks to go
	mov	x24, #0				// ticks
	mov	x23, #0				// interrupts that were no tick
	mrs	x22, cntpct_el0
	add	x22, x22, x26			// deadline
	mov	x21, x22
	msr	cnthp_cval_el2, x22
	mov	x2, #1
	msr	cnthp_ctl_el2, x2
	isb
3:	wfi					// ends though the interrupt is masked
	msr	daifclr, #2
	isb					// it is taken here
	msr	daifset, #2
	cmp	x24, x25
	b.lo	3b
	msr	cnthp_ctl_el2, xzr
	sub	x22, x22, x21			// from the first deadline to the next one: what x24 periods are
	udiv	x22, x22, x26
	adr	x1, results
	add	x1, x1, x19, lsl #6
	stp	x24, x22, [x1]
	str	x23, [x1, #16]
	dsb	sy
	mov	x2, #1
	str	x2, [x1, #24]
	dsb	sy
	sev
	cbz	x19, report
4:	wfi
	b	4b

report:
	adr	x1, results
	mov	x4, #0
	mov	x5, #0
	mov	x6, #0
5:	ldr	x2, [x1, #24]
	cbnz	x2, 6f
	wfe
	b	5b
6:	dsb	sy
	ldp	x2, x3, [x1]
	add	x4, x4, x2
	add	x5, x5, x3
	ldr	x2, [x1, #16]
	add	x6, x6, x2
	add	x1, x1, #64
	subs	x20, x20, #1
	b.ne	5b
	adr	x1, sums
	stp	x4, x5, [x1]
	str	x6, [x1, #16]
	adr	x0, text_ticks
	adr	x1, sums
	bl	print
	adr	x0, text_periods
	adr	x1, sums + 8
	bl	print
	adr	x0, text_stray
	adr	x1, sums + 16
	bl	print
	ldr	x0, =SYSTEM_OFF
	smc	#0
	b	.

// A word, then the number at x1 in decimal, and a new line
print:
	ldr	x9, =0x09000000
1:	ldrb	w2, [x0], #1
	cbz	w2, 2f
	str	w2, [x9]
	b	1b
2:	ldr	x3, [x1]
	adr	x4, digits_end
	mov	x5, #10
3:	udiv	x6, x3, x5
	msub	x7, x6, x5, x3
	add	w7, w7, #'0'
	strb	w7, [x4, #-1]!
	mov	x3, x6
	cbnz	x3, 3b
	adr	x5, digits_end
4:	ldrb	w2, [x4], #1
	str	w2, [x9]
	cmp	x4, x5
	b.ne	4b
	mov	w2, #'\n'
	str	w2, [x9]
	ret

	.balign 2048
vectors:
	.rept 5
	b	.
	.balign 128
	.endr
	ldr	w0, [x27, #0xc]			// GICC_IAR
	mrs	x1, cnthp_ctl_el2
	cmp	w0, #INTID
	b.ne	1f
	tbz	x1, #2, 1f			// ISTATUS
	add	x24, x24, #1
	add	x22, x22, x26
	msr	cnthp_cval_el2, x22
	isb
	str	w0, [x27, #0x10]		// GICC_EOIR
	eret
1:	add	x23, x23, #1
	str	w0, [x27, #0x10]
	eret
	.balign 128
	.rept 10
	b	.
	.balign 128
	.endr

text_ticks:
	.asciz "ticks "
text_periods:
	.asciz "periods "
text_stray:
	.asciz "stray "
	.balign 8
	.ltorg

	.bss
	.balign 64
results: .skip 8 * 64			// of a CPU: ticks, periods, strays; whether it has ended
sums:	.skip 64
digits:	.skip 32
digits_end:
