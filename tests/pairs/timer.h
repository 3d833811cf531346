/*
 * For pairs about timers: the GIC of EL2, and an IRQ that EL2 itself takes. The pair has
 * pair_irq(), which gets what GICC_IAR said, and whose EOI is written behind it.
 */
#pragma once
#include "tests/pairs/pair.h"

#define CNTV_INTID 27u
#define CTL_ENABLE UINT64_C(1)
#define CTL_IMASK UINT64_C(2)
#define CTL_ISTATUS UINT64_C(4)
#define SPURIOUS 1023u

#define HCR_IMO (UINT64_C(1) << 4)
#define HCR_VI (UINT64_C(1) << 7)

#define GICD UINT64_C(0x08000000)
#define GICC UINT64_C(0x08010000)

void pair_irq(uint32_t intid);
void timer_take_irq(void);
void timer_vectors(void);

__asm__(".text\n"
        ".balign 2048\n"
        "timer_vectors:\n"
        ".rept 5\n"
        "b .\n"
        ".balign 128\n"
        ".endr\n"
        "stp x0, x1, [sp, #-160]!\n"
        "stp x2, x3, [sp, #16]\n"
        "stp x4, x5, [sp, #32]\n"
        "stp x6, x7, [sp, #48]\n"
        "stp x8, x9, [sp, #64]\n"
        "stp x10, x11, [sp, #80]\n"
        "stp x12, x13, [sp, #96]\n"
        "stp x14, x15, [sp, #112]\n"
        "stp x16, x17, [sp, #128]\n"
        "stp x18, x30, [sp, #144]\n"
        "bl timer_take_irq\n"
        "ldp x2, x3, [sp, #16]\n"
        "ldp x4, x5, [sp, #32]\n"
        "ldp x6, x7, [sp, #48]\n"
        "ldp x8, x9, [sp, #64]\n"
        "ldp x10, x11, [sp, #80]\n"
        "ldp x12, x13, [sp, #96]\n"
        "ldp x14, x15, [sp, #112]\n"
        "ldp x16, x17, [sp, #128]\n"
        "ldp x18, x30, [sp, #144]\n"
        "ldp x0, x1, [sp], #160\n"
        "eret\n"
        ".balign 128\n"
        ".rept 10\n"
        "b .\n"
        ".balign 128\n"
        ".endr\n");

static inline uint32_t device_read(uint64_t address)
{
    uint32_t value;
    __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline void device_write(uint64_t address, uint32_t value)
{
    __asm__ volatile("str %w0, [%1]" ::"r"(value), "r"(address) : "memory");
}

void timer_take_irq(void)
{
    uint32_t iar = device_read(GICC + 0xc);
    if ((iar & 0x3ff) != SPURIOUS) {
        pair_irq(iar & 0x3ff);
        device_write(GICC + 0x10, iar);
    }
}

/* The virtual timer's interrupt comes to EL2, where IRQs stay masked. */
static inline void timer_irq_on(void)
{
    map_block(el2_root, GICD, GICD, STAGE1_DEVICE);
    write_register(vbar_el2, (uintptr_t)timer_vectors);
    write_register(hcr_el2, HCR_RW | HCR_IMO);
    write_register(cntvoff_el2, 0);
    isb();
    device_write(GICD, 1);
    device_write(GICD + 0x100, 1u << CNTV_INTID);
    device_write(GICC + 4, 0xf0);
    device_write(GICC, 1);
    dsb(sy);
}

/* Lets interrupts in for some instructions. */
static inline void irq_window(unsigned length)
{
    __asm__ volatile("msr daifclr, #2\n\tisb" ::: "memory");
    for (unsigned i = 0; i < length; i++)
        __asm__ volatile("nop" ::: "memory");
    __asm__ volatile("msr daifset, #2" ::: "memory");
}
