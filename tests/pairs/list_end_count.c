/*
 * A guest may end an interrupt that its host has taken out of the list registers while it was
 * active. GICH_HCR.EOICount counts that, and the host has to find out which one it was; who does
 * not look puts back an interrupt that is over.
 *
 * IHI 0048B.b: GICH_HCR.EOICount, GICH_HCR.LRENPIE.
 */
#include "tests/pairs/lists.h"

#define SGI 5u

static volatile uint64_t phase;

static void guest(void)
{
    uint32_t iar = vgic_acknowledge();
    phase = 1;
    while (phase == 1)
        kick();
    vgic_end(iar);
    phase = 3;
    for (;;)
        kick();
}

void pair_main(void)
{
    static struct vcpu v;
    lists_on(1u << KICK);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    device_write(GICH_LR(0), list_of(SGI, LIST_PENDING));
    while (phase != 1) {
        vcpu_run(&v);
        take_and_end();
    }
    uint32_t spilled = device_read(GICH_LR(0)); /* others are more urgent */
    device_write(GICH_LR(0), 0);
    phase = 2;
    while (phase != 3) {
        vcpu_run(&v);
        take_and_end();
    }
    uint32_t hcr = device_read(GICH_HCR);
    if (hcr >> 27 != 1)
        pair_fail();
#ifndef BAD
    spilled = 0;
#endif
    device_write(GICH_HCR, HCR_EN);
    device_write(GICH_LR(0), spilled);
    vcpu_run(&v);
}
