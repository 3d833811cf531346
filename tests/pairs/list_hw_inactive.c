/*
 * A list register with HW stands for a physical interrupt that is active until the guest ends it.
 * A host that ends the physical interrupt with EOImode 0 has deactivated it already: it can come
 * again while the guest still has the first one.
 *
 * IHI 0048B.b: GICH_LR.HW, GICC_CTLR.EOImode.
 */
#include "tests/pairs/lists.h"

#define VIRTUAL 27u

static volatile uint64_t ended;

static void guest(void)
{
    vgic_end(vgic_acknowledge());
    ended++;
}

void pair_main(void)
{
    static struct vcpu v;
    lists_on(1u << CNTV_INTID);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
#ifndef BAD
    device_write(GICC, 1u << 9 | 1);
#endif
    device_write(GICD + 0x200, 1u << CNTV_INTID);
    dsb(sy);
    if (take_and_end() != CNTV_INTID)
        pair_fail();
    device_write(GICH_LR(0), list_of(VIRTUAL, LIST_HW | LIST_PENDING | LIST_PHYSICAL(CNTV_INTID)));
    lists_run_to(&v, &ended, 1);
    if (device_read(GICD + 0x300) >> CNTV_INTID & 1)
        pair_fail(); /* still active */
}
