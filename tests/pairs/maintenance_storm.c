/*
 * The underflow interrupt stays there as long as GICH_HCR.UIE is set and at most one list register
 * is valid. A host that lets interrupts in before it has switched it off takes it for ever.
 *
 * IHI 0048B.b: GICH_HCR.UIE, GICH_MISR.U.
 */
#define TAKES_IRQ
#include "tests/pairs/lists.h"

void pair_irq(uint32_t intid)
{
    if (intid != MAINTENANCE_INTID)
        pair_fail();
#ifndef BAD
    device_write(GICH_HCR, HCR_EN);
#endif
}

void pair_main(void)
{
    lists_on(1u << MAINTENANCE_INTID);
    write_register(vbar_el2, (uintptr_t)timer_vectors);
    write_register(hcr_el2, HCR_RW | HCR_IMO);
    isb();
    for (unsigned i = 0; i < 4; i++) {
        device_write(GICH_HCR, HCR_EN | HCR_UIE);
        dsb(sy);
        irq_window(20);
#ifndef BAD
        device_write(GICH_HCR, HCR_EN);
#endif
    }
}
