/*
 * Interrupts of the host kernel: the tick and the two SGIs, by GICv2 without the split of priority
 * drop and deactivation. Group 0, signalled as IRQ.
 *
 * IHI 0048B.b: GICD_*, GICC_* registers.
 */

#include "hyp/host/gic.h"

#include "gen/gicv2.h"
#include "hyp/board.h"
#include "hyp/host/smp.h"
#include "hyp/host/thread.h"
#include "hyp/host/timer.h"

#define INTID_SPURIOUS 1020                /* 1020..1023 are no interrupts */

/* Distributor and CPU interface registers are 32 bits wide; `number` counts registers of a kind. */
#define GICD(name, number) (BOARD_GICD_BASE + GICD_##name##_OFFSET + 4 * (number))
#define GICC(name) (BOARD_GICC_BASE + GICC_##name##_OFFSET)

#define PRIORITY_ALL_FOUR 0xa0a0a0a0       /* a byte per interrupt; any above the mask would do */
#define PRIORITY_MASK 0xf0

static uint32_t reg_read(uint64_t address)
{
    uint32_t value;
    __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static void reg_write(uint64_t address, uint32_t value)
{
    __asm__ volatile("str %w0, [%1]" : : "rZ"(value), "r"(address) : "memory");
}

void gic_init_distributor(void)
{
    reg_write(GICD(CTLR, 0), GICD_CTLR_EnableGrp0);
}

void gic_init_cpu(void)
{
    cpu_current()->gic_mask = (uint8_t)reg_read(GICD(ITARGETSR, 0));
    reg_write(GICD(IPRIORITYR, 0), PRIORITY_ALL_FOUR);
    reg_write(GICD(IPRIORITYR, BOARD_INTID_EL1_TIMER / 4), PRIORITY_ALL_FOUR);
    reg_write(GICD(ISENABLER, 0), 1u << SMP_SGI_CALL | 1u << SMP_SGI_RESCHEDULE |
                                      1u << BOARD_INTID_EL1_TIMER);
    reg_write(GICC(PMR), PRIORITY_MASK);
    reg_write(GICC(CTLR), GICC_CTLR_EnableGrp0);
}

void gic_send_sgi(unsigned intid, uint8_t cpu_mask)
{
    dsb(ishst);
    reg_write(GICD(SGIR, 0), (uint32_t)FIELD(GICD_SGIR_CPUTargetList, cpu_mask) | intid);
}

void irq_handle(void)
{
    uint32_t iar = reg_read(GICC(IAR));
    uint32_t intid = iar & (uint32_t)ACKNOWLEDGE_InterruptID;

    if (intid >= INTID_SPURIOUS)
        return;
    dmb(ishld);                            /* what the sender wrote is read behind the IAR */
    if (intid == SMP_SGI_CALL)
        smp_handle_call();
    else if (intid == SMP_SGI_RESCHEDULE)
        cpu_current()->must_reschedule = true;
    else if (intid == BOARD_INTID_EL1_TIMER)
        timer_tick();
    reg_write(GICC(EOIR), iar);

    if (thread_current()->preempt_off == 0)
        thread_yield_if_asked();
}
