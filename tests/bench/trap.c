/*
 * System registers and exceptions: a program at EL1 that reads and writes system registers and
 * calls EL2 by HVC, which looks at the syndrome and goes back. Entered at EL1 it has nobody to
 * call, and does the registers alone.
 */
#include "tests/bench/guest.h"

#define ROUNDS 700000u

const char guest_name[] = "trap";

uint64_t trap_run(uint64_t (*work)(uint64_t calls), uint64_t calls);

void guest_prepare(void)
{
}

/* EL2: vectors that count HVC calls in X0, and a way to run a function at EL1 and come back. */
__asm__(".text\n"
        ".balign 2048\n"
        "trap_vectors:\n"
        ".rept 8\n"
        "b .\n"
        ".balign 128\n"
        ".endr\n"
        "b trap_lower\n" /* synchronous, from EL1 */
        ".balign 128\n"
        ".rept 7\n"
        "b .\n"
        ".balign 128\n"
        ".endr\n"
        "trap_lower:\n"
        "stp x1, x2, [sp, #-16]!\n"
        "mrs x1, esr_el2\n"
        "and x2, x1, #0xffff\n"
        "cbnz x2, 1f\n"
        "add x0, x0, #1\n"
        "ldp x1, x2, [sp], #16\n"
        "eret\n"
        "1: add sp, sp, #16\n" /* hvc #1: the function has returned */
        "ldp x19, x20, [sp], #16\n"
        "ldp x29, x30, [sp], #16\n"
        "ret\n"
        ".globl trap_run\n"
        "trap_run:\n"
        "stp x29, x30, [sp, #-16]!\n"
        "stp x19, x20, [sp, #-16]!\n"
        "adr x2, trap_vectors\n"
        "msr vbar_el2, x2\n"
        "mov x2, #0x80000000\n"
        "msr hcr_el2, x2\n"
        "mrs x2, mair_el2\n"
        "msr mair_el1, x2\n"
        "mrs x2, ttbr0_el2\n"
        "msr ttbr0_el1, x2\n"
        "ldr x2, =(25 | (1 << 8) | (1 << 10) | (3 << 12) | (1 << 23) | (2 << 32))\n"
        "msr tcr_el1, x2\n"
        "mov x2, #(3 << 20)\n"
        "msr cpacr_el1, x2\n"
        "ldr x2, =0x30d01805\n" /* SCTLR_EL1: RES1, M, C, I */
        "msr sctlr_el1, x2\n"
        "sub x2, sp, #0x4000\n"
        "msr sp_el1, x2\n"
        "adr x2, 2f\n"
        "msr elr_el2, x2\n"
        "mov x2, #0x3c5\n"
        "msr spsr_el2, x2\n"
        "mov x19, x0\n"
        "mov x0, x1\n"
        "isb\n"
        "tlbi vmalle1\n"
        "dsb sy\n"
        "eret\n"
        "2: blr x19\n"
        "hvc #1\n"
        ".ltorg\n");

static uint64_t work(uint64_t calls)
{
    uint64_t sum = 0, count = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t value;
        __asm__ volatile("msr tpidr_el1, %1\n\tmrs %0, tpidr_el1" : "=r"(value) : "r"(sum + i));
        sum += value;
        __asm__ volatile("msr daifset, #2\n\tmrs %0, daif\n\tmsr daifclr, #2" : "=r"(value));
        sum ^= value;
        __asm__ volatile("mrs %0, sctlr_el1" : "=r"(value));
        sum += value & 1;
        if (calls) {
            register uint64_t x0 __asm__("x0") = count;
            __asm__ volatile("hvc #0" : "+r"(x0));
            count = x0;
        }
    }
    return sum + count;
}

uint64_t guest_work(unsigned cpu)
{
    (void)cpu;
    return guest_level() == 2 ? trap_run(work, 1) : work(0);
}
