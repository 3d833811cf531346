/*
 * A virtual interrupt has one list register. An SGI from two vCPUs is two interrupts with one ID:
 * the second one has to wait until the first is ended.
 *
 * IHI 0048B.b: GICH_LR.VirtualID.
 */
#include "tests/pairs/lists.h"

#define SGI 5u

static void guest(void)
{
    for (unsigned i = 0; i < 2; i++) {
        vgic_end(vgic_acknowledge());
        hvc();
    }
}

static void put(unsigned list, uint32_t source)
{
    device_write(GICH_LR(list), list_of(SGI, LIST_PENDING) | LIST_PHYSICAL(source));
}

void pair_main(void)
{
    static struct vcpu v;
    uint64_t *vm = stage2_new();
    lists_on(0);
    lists_vcpu(&v, vm, 1, 1, guest);
    put(0, 1);
#ifdef BAD
    put(1, 2);
    vcpu_run(&v);
#else
    vcpu_run(&v);
    put(0, 2);
#endif
    vcpu_run(&v);
    if (device_read(GICH_LR(0)) & (LIST_PENDING | LIST_ACTIVE))
        pair_fail();
}
