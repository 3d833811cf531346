// Start of a benchmark guest: MMU on (RAM and devices at their own addresses, in blocks of 1 GiB),
// FP on, a stack for each CPU, then guest_main or guest_secondary_main. At EL1 or EL2.
	.section .text.start, "ax"
	.globl _start
_start:
	adrp	x2, guest_tables
	add	x2, x2, :lo12:guest_tables
	mov	x3, #0x401			// block, AF, attribute 0: device
	str	x3, [x2]
	movz	x4, #0x705			// block, AF, inner shareable, attribute 1: normal
	mov	x5, #0x40000000
	mov	x6, #1
1:	madd	x7, x5, x6, x4
	str	x7, [x2, x6, lsl #3]
	add	x6, x6, #1
	cmp	x6, #4
	b.lt	1b
	dsb	sy
	mov	x19, #0
	bl	mmu_on
	bl	guest_main
	b	.

	.globl guest_secondary
guest_secondary:
	mov	x19, x0
	bl	mmu_on
	mov	x0, x19
	bl	guest_secondary_main
	b	.

// x19: number of this CPU. Sets SP, too.
mmu_on:
	adrp	x1, stacks
	add	x1, x1, :lo12:stacks
	add	x2, x19, #1
	add	x1, x1, x2, lsl #16
	mov	sp, x1
	adrp	x2, guest_tables
	add	x2, x2, :lo12:guest_tables
	movz	x8, #0xff00			// 0: Device-nGnRnE, 1: Normal, write-back
	movz	x10, #0x1005			// M, C, I
	mrs	x9, CurrentEL
	cmp	x9, #8
	b.eq	2f
	msr	mair_el1, x8
	ldr	x8, =(25 | (1 << 8) | (1 << 10) | (3 << 12) | (1 << 23) | (2 << 32))
	msr	tcr_el1, x8
	msr	ttbr0_el1, x2
	mov	x8, #(3 << 20)
	msr	cpacr_el1, x8
	isb
	tlbi	vmalle1
	dsb	sy
	isb
	mrs	x8, sctlr_el1
	orr	x8, x8, x10
	msr	sctlr_el1, x8
	isb
	ret
2:	msr	mair_el2, x8
	ldr	x8, =(25 | (1 << 8) | (1 << 10) | (3 << 12) | (2 << 16) | (1 << 31) | (1 << 23))
	msr	tcr_el2, x8
	msr	ttbr0_el2, x2
	mov	x8, #0x33ff
	msr	cptr_el2, x8
	isb
	tlbi	alle2
	dsb	sy
	isb
	mrs	x8, sctlr_el2
	orr	x8, x8, x10
	msr	sctlr_el2, x8
	isb
	ret

// PSCI by the conduit of the level that we were entered at.
	.globl guest_firmware
guest_firmware:
	mrs	x9, CurrentEL
	cmp	x9, #8
	b.eq	3f
	hvc	#0
	ret
3:	smc	#0
	ret

	.bss
	.balign 4096
	.globl guest_tables
guest_tables:
	.skip 4096
	.balign 16
stacks:
	.skip 4 * 65536
