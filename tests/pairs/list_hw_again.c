/*
 * A physical interrupt that comes again while the guest has it active stays pending in the
 * Distributor. A list register with HW must not have both.
 *
 * IHI 0048B.b: GICH_LR.State: pending and active only for interrupts without HW.
 */
#include "tests/pairs/lists.h"

static volatile uint64_t steps; /* of the guest: it takes one, ends it, takes the next */

static void guest(void)
{
    for (unsigned i = 0; i < 2; i++) {
        uint32_t iar = vgic_acknowledge();
        steps++;
        hvc();
        vgic_end(iar);
        steps++;
        hvc();
    }
}

static void comes(void)
{
    device_write(GICD + 0x200, 1u << CNTV_INTID);
    dsb(sy);
}

void pair_main(void)
{
    static struct vcpu v;
    uint32_t list = list_of(27, LIST_HW | LIST_PHYSICAL(CNTV_INTID));
    lists_on(1u << CNTV_INTID);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    device_write(GICC, 1u << 9 | 1);
    comes();
    if (take_and_end() != CNTV_INTID)
        pair_fail();
    device_write(GICH_LR(0), list | LIST_PENDING);
    lists_run_to(&v, &steps, 1);
    comes(); /* again */
#ifdef BAD
    device_write(GICH_LR(0), list | LIST_PENDING | LIST_ACTIVE);
#endif
    uint32_t second = SPURIOUS;
    for (unsigned i = 0; i < FALLS && second == SPURIOUS; i++) {
        vcpu_run(&v); /* which ends the first one */
        second = take_and_end();
    }
    if (second != CNTV_INTID)
        pair_fail();
    device_write(GICH_LR(0), list | LIST_PENDING);
    lists_run_to(&v, &steps, 4);
    if (steps != 4)
        pair_fail();
}
