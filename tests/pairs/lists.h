/*
 * For pairs about list registers: the GIC's frames, a virtual CPU interface that a vCPU has at
 * VGIC in its own addresses, and interrupts that bring a vCPU back to EL2, or that EL2 takes.
 */
#pragma once
#include "tests/pairs/timer.h"

#define GICH UINT64_C(0x08030000)
#define GICV UINT64_C(0x08040000)
#define VGIC (WINDOW + BLOCK) /* by stage 1 and stage 2: GICV's pages */
#define KICKER (VGIC + 2 * PAGE)     /* the Distributor, by which a guest brings an IRQ to EL2 */
#define MAINTENANCE_INTID 25u
#define KICK 1u /* the SGI of that */

#define GICH_HCR (GICH + 0x0)
#define GICH_VTR (GICH + 0x4)
#define GICH_VMCR (GICH + 0x8)
#define GICH_MISR (GICH + 0x10)
#define GICH_EISR (GICH + 0x20)
#define GICH_ELRSR (GICH + 0x30)
#define GICH_APR (GICH + 0xf0)
#define GICH_LR(n) (GICH + 0x100 + 4 * (uint64_t)(n))
#define LIST_HW (1u << 31)
#define LIST_PENDING (1u << 28)
#define LIST_ACTIVE (1u << 29)
#define LIST_EOI (1u << 19)
#define LIST_PHYSICAL(n) ((uint32_t)(n) << 10)
#define HCR_EN 1u
#define HCR_UIE 2u
#define FALLS 200u /* entries, in whose time a wire has fallen */
#define VMCR_ON 0xf8000001u /* Group 0 on, every priority */

/* A virtual interrupt of priority 0x80. */
static inline uint32_t list_of(uint32_t intid, uint32_t state)
{
    return state | 16u << 23 | intid;
}

/* At EL1: takes what is there, and ends it. */
static inline uint32_t vgic_acknowledge(void)
{
    return device_read(VGIC + 0xc);
}

static inline void vgic_end(uint32_t iar)
{
    device_write(VGIC + 0x10, iar);
}

/* At EL1: back to EL2, but not by a request; the vCPU goes on until then. */
static inline void kick(void)
{
    device_write(KICKER + 0xf00, 2u << 24 | KICK);
}

/* The GIC, with these SGIs and PPIs on, and a virtual CPU interface that is. */
static inline void lists_on(uint32_t enabled)
{
    map_block(el2_root, GICD, GICD, STAGE1_DEVICE); /* all the GIC's frames */
    write_register(vbar_el2, (uintptr_t)pair_vectors);
    device_write(GICD, 1);
    device_write(GICD + 0x100, enabled);
    device_write(GICC + 4, 0xf0);
    device_write(GICC, 1);
    device_write(GICH_VMCR, VMCR_ON);
    device_write(GICH_HCR, HCR_EN);
    dsb(sy);
}

/* A VM with one vCPU more; IRQs bring it to EL2. */
static inline void lists_vcpu(struct vcpu *v, uint64_t *vm, uint64_t vmid, uint64_t asid,
                              void (*body)(void))
{
    uint64_t *stage1 = stage1_new();
    map_page(stage1, VGIC, VGIC, STAGE1_DEVICE);
    map_page(stage1, VGIC + PAGE, VGIC + PAGE, STAGE1_DEVICE);
    map_page(vm, VGIC, GICV, STAGE2_RW & ~UINT64_C(0x3c));
    map_page(vm, VGIC + PAGE, GICV + PAGE, STAGE2_RW & ~UINT64_C(0x3c));
    map_page(stage1, KICKER, KICKER, STAGE1_DEVICE);
    map_page(vm, KICKER, GICD, STAGE2_RW & ~UINT64_C(0x3c));
    vcpu_init(v, vm, vmid, stage1, asid, body);
    v->hcr |= HCR_IMO;
}

/*
 * Runs a vCPU until its guest has counted so far: the wire of an interrupt that EL2 has taken may
 * fall late, and bring the vCPU back before.
 */
static inline void lists_run_to(struct vcpu *v, const volatile uint64_t *counted, uint64_t n)
{
    for (unsigned i = 0; i < FALLS && *counted < n; i++)
        vcpu_run(v);
}

/* An SGI to this PE itself, pending when this returns. */
static inline void sgi_self(uint32_t intid)
{
    device_write(GICD + 0xf00, 2u << 24 | intid);
    dsb(sy);
}

/* EL2 takes what is pending; what GICC_IAR said. */
static inline uint32_t take_and_end(void)
{
    uint32_t iar = device_read(GICC + 0xc);
    if ((iar & 0x3ff) != SPURIOUS)
        device_write(GICC + 0x10, iar);
    return iar & 0x3ff;
}

#ifndef TAKES_IRQ /* the pair defines it where EL2 takes interrupts by vectors, with pair_irq() */
void pair_irq(uint32_t intid)
{
    (void)intid;
    pair_fail();
}
#endif
