/*
 * For pairs about maintenance interrupts: a vCPU with a level-sensitive interrupt of a device that
 * its host imitates, in list register 0. The device wants to be served WANTED times and keeps its
 * level until then. So the host has to hear of each end (GICH_LR.EOI), and inject again.
 */
#pragma once
#define TAKES_IRQ
#include "tests/pairs/lists.h"

#define DEVICE_INTID 40u
#define WANTED 2u
#define ENTRIES 200u /* a vCPU that is not served until then never is */
#define LEVEL_LIST (list_of(DEVICE_INTID, LIST_PENDING) | LIST_EOI)

struct guest {
    struct vcpu v;
    uint32_t image;           /* of list register 0 */
    uint32_t ended;           /* GICH_EISR as it was left last */
    volatile uint32_t level;  /* the device's */
    volatile uint32_t served;
    volatile uint32_t pending, in_flight; /* what the host knows of the interrupt */
};

/* At EL1. */
static inline void guest_serve(struct guest *g)
{
    for (;;) {
        uint32_t iar = vgic_acknowledge();
        if (iar == DEVICE_INTID && ++g->served == WANTED)
            g->level = 0;
        if (iar != SPURIOUS)
            vgic_end(iar);
        kick();
    }
}

static inline void guest_init(struct guest *g, uint64_t number, void (*body)(void))
{
    lists_vcpu(&g->v, stage2_new(), number, number, body);
    g->level = g->pending = 1;
}

/* Its list register becomes the hardware's; and is looked at when it is left. */
static inline void guest_load(struct guest *g)
{
    device_write(GICH_LR(0), g->image);
    dsb(sy);
}

static inline void guest_enter(struct guest *g)
{
    write_register(vbar_el2, (uintptr_t)pair_vectors);
    vcpu_run(&g->v);
    g->image = device_read(GICH_LR(0));
    g->ended |= device_read(GICH_EISR);
}

/* The interrupt goes into the image if it has to, and is not there already. */
static inline void guest_flush(struct guest *g)
{
    if (!g->pending || g->in_flight)
        return;
    g->image = LEVEL_LIST;
    g->pending = 0;
    g->in_flight = 1;
}

/* It has ended; the device may want to be served again. */
static inline void guest_end(struct guest *g)
{
    g->in_flight = 0;
    g->image &= ~LIST_EOI;
    g->ended = 0;
    g->pending = g->level;
}

/* The host lets interrupts in. */
static inline void host_irqs_on(void)
{
    write_register(vbar_el2, (uintptr_t)timer_vectors);
    isb();
    __asm__ volatile("msr daifclr, #2" ::: "memory");
}

static inline void host_irqs_off(void)
{
    __asm__ volatile("msr daifset, #2" ::: "memory");
}

static inline void host_window(unsigned length)
{
    host_irqs_on();
    for (unsigned i = 0; i < length; i++)
        __asm__ volatile("nop" ::: "memory");
    host_irqs_off();
}
