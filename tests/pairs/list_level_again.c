/*
 * A level-sensitive interrupt that the guest is just serving is still asserted: that is no reason
 * to make it pending again. Whether it is, is known when it has ended, by a look at the level then.
 *
 * What the level is, of a device that the host imitates, no event tells: the guest looks itself.
 */
#include "tests/pairs/lists.h"

#define DEVICE_INTID 40u

static volatile uint32_t level;

static void guest(void)
{
    uint32_t iar = vgic_acknowledge();
    hvc(); /* leaves it for some reason, and serves the device then */
    level = 0;
    vgic_end(iar);
    hvc();
    if (vgic_acknowledge() != SPURIOUS)
        pair_fail();
    hvc();
}

void pair_main(void)
{
    static struct vcpu v;
    lists_on(0);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    level = 1;
    for (unsigned i = 0; i < 3; i++) {
        uint32_t list = device_read(GICH_LR(0)) & ~(device_read(GICH_EISR) & 1 ? LIST_EOI : 0);
#ifdef BAD
        if (level)
            list |= list_of(DEVICE_INTID, LIST_PENDING) | LIST_EOI;
#else
        if (level && !(list & LIST_ACTIVE))
            list = list_of(DEVICE_INTID, LIST_PENDING) | LIST_EOI;
#endif
        device_write(GICH_LR(0), list);
        vcpu_run(&v);
    }
}
