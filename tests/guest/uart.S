/*
 * A bare-metal program that does what a table says to the PL011 and prints every value that it
 * reads, in hexadecimal, one a line, by semihosting. tests/guest/uart.py makes the table:
 * for each access a word of size << 16 | is_write << 15 | offset, and one of the value; 0 ends it.
 */
    .text
    .global _start
_start:
    ldr x20, =table
    ldr x21, =text
    movz x22, #0x0900, lsl #16
next:
    ldp w0, w1, [x20], #8
    cbz w0, done
    and x2, x0, #0xfff
    add x2, x2, x22
    lsr w3, w0, #16
    tbnz w0, #15, write
    cmp w3, #2
    b.hi 4f
    b.eq 2f
    ldrb w4, [x2]
    b print
2:  ldrh w4, [x2]
    b print
4:  ldr w4, [x2]
print:
    mov w5, #28
digit:
    lsr w6, w4, w5
    and w6, w6, #15
    cmp w6, #10
    mov w7, #'a' - 10
    mov w8, #'0'
    csel w7, w8, w7, lo
    add w6, w6, w7
    strb w6, [x21], #1
    subs w5, w5, #4
    b.pl digit
    mov w6, #'\n'
    strb w6, [x21], #1
    b next
write:
    cmp w3, #2
    b.hi 4f
    b.eq 2f
    strb w1, [x2]
    b next
2:  strh w1, [x2]
    b next
4:  str w1, [x2]
    b next
done:
    strb wzr, [x21]
    mov x0, #4
    ldr x1, =mark           /* what comes before it are characters that went out of the UART */
    hlt #0xf000
    mov x0, #4
    ldr x1, =text
    hlt #0xf000
    mov x0, #0x18
    ldr x1, =how
    hlt #0xf000
    b .

    .balign 8
how: .quad 0x20026, 0
mark: .asciz "\n====\n"
    .balign 8
table:
    .incbin "table.bin"
    .bss
    .balign 16
text: .skip 0x200000
