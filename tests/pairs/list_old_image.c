/*
 * What a guest has done to a list register is only there. A host that puts back what it wrote
 * last, and not what it read when the guest was left, gives an interrupt a second time.
 *
 * IHI 0048B.b: GICH_LR.State, GICV_CTLR.EOImode.
 */
#include "tests/pairs/lists.h"

#define SGI 5u
#define VMCR_EOIMODE (1u << 9)

static volatile uint64_t taken, phase;

static void guest(void)
{
    while (phase != 2) {
        uint32_t iar = vgic_acknowledge();
        kick();
        if (iar == SPURIOUS)
            continue;
        taken++;
        vgic_end(iar); /* drops the priority: others may come */
        phase = 1;
    }
    device_write(VGIC + 0x1000, SGI);
    phase = 3;
    for (;;)
        kick();
}

static struct vcpu v;
static uint32_t image;

static void enter(void)
{
    device_write(GICH_LR(0), image);
    vcpu_run(&v);
    take_and_end();
#ifndef BAD
    image = device_read(GICH_LR(0));
#endif
}

void pair_main(void)
{
    lists_on(1u << KICK);
    device_write(GICH_VMCR, VMCR_ON | VMCR_EOIMODE);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    image = list_of(SGI, LIST_PENDING);
    while (phase != 1)
        enter();
    for (unsigned i = 0; i < 8; i++)
        enter();
    phase = 2;
    while (phase != 3)
        enter();
    if (taken != 1)
        pair_fail();
}
