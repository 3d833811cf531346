/*
 * An interrupt that is on its way and in no list register has no index. Who goes on with the
 * number that stands for "none" writes past the last list register, and the interrupt is lost.
 *
 * IHI 0048B.b: GICH_VTR.ListRegs.
 */
#include "tests/pairs/lists.h"

#define SGI 5u
#define NO_LIST 255u

static uint32_t taken;

static void guest(void)
{
    taken = vgic_acknowledge();
    vgic_end(taken);
}

void pair_main(void)
{
    static struct vcpu v;
    unsigned list = NO_LIST; /* the guest has switched it off, and it was taken out */
    lists_on(0);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
#ifndef BAD
    if (list > (device_read(GICH_VTR) & 0x3f))
        list = 0;
#endif
    device_write(GICH_LR(list), list_of(SGI, LIST_PENDING));
    vcpu_run(&v);
    if (taken != SGI)
        pair_fail();
}
