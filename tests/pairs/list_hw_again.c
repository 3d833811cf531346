/*
 * A physical interrupt that comes again while the guest has it active stays pending in the
 * Distributor. A list register with HW must not have both.
 *
 * IHI 0048B.b: GICH_LR.State: pending and active only for interrupts without HW.
 */
#include "tests/pairs/lists.h"

static volatile uint64_t taken;

static void guest(void)
{
    for (unsigned i = 0; i < 2; i++) {
        uint32_t iar = vgic_acknowledge();
        taken++;
        hvc();
        vgic_end(iar);
        hvc();
    }
}

static uint32_t physical(void)
{
    device_write(GICD + 0x200, 1u << CNTV_INTID);
    dsb(sy);
    return take_and_end();
}

void pair_main(void)
{
    static struct vcpu v;
    uint32_t list = list_of(27, LIST_HW | LIST_PHYSICAL(CNTV_INTID));
    lists_on(1u << CNTV_INTID);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    device_write(GICC, 1u << 9 | 1);
    if (physical() != CNTV_INTID)
        pair_fail();
    device_write(GICH_LR(0), list | LIST_PENDING);
    vcpu_run(&v);
    device_write(GICD + 0x200, 1u << CNTV_INTID); /* it comes again */
#ifdef BAD
    device_write(GICH_LR(0), list | LIST_PENDING | LIST_ACTIVE);
#endif
    vcpu_run(&v); /* which ends the first one */
    if (physical() != CNTV_INTID)
        pair_fail();
    device_write(GICH_LR(0), list | LIST_PENDING);
    vcpu_run(&v);
    vcpu_run(&v);
    if (taken != 2)
        pair_fail();
}
