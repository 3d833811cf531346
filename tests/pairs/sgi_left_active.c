/*
 * With EOImode 1 an end only drops the priority. A host that handles an SGI itself has to
 * deactivate it, too; else it never gets it again.
 *
 * IHI 0048B.b: GICC_CTLR.EOImode, GICC_EOIR, GICC_DIR.
 */
#include "tests/pairs/lists.h"

#define SGI 5u
#define ROUNDS 70u

static void guest(void)
{
    for (unsigned i = 0; i < ROUNDS; i++)
        hvc();
}

void pair_main(void)
{
    static struct vcpu v;
    lists_on(1u << SGI);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    device_write(GICC, 1u << 9 | 1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        sgi_self(SGI);
        uint32_t iar = take_and_end();
#ifndef BAD
        device_write(GICC + 0x1000, iar);
#endif
        if (i == 0 && iar != SGI)
            pair_fail();
        vcpu_run(&v);
    }
}
