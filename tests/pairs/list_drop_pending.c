/*
 * What is pending in a list register when a guest is left has not been taken: it is the guest's
 * still, and has to be there when it comes back.
 *
 * IHI 0048B.b: GICH_LR.State.
 */
#include "tests/pairs/lists.h"

#define SGI 5u
#define ENTRIES 24u

static volatile uint64_t left, taken;

static void guest(void)
{
    for (left = 0; left < ENTRIES; left++)
        kick(); /* busy: it takes nothing */
    uint32_t iar = vgic_acknowledge();
    if (iar == SGI)
        taken = 1;
    hvc();
}

static struct vcpu v;
static uint32_t image;

static void enter(void)
{
    device_write(GICH_LR(0), image);
    vcpu_run(&v);
    take_and_end();
    image = device_read(GICH_LR(0));
#ifdef BAD
    if (!(image & LIST_ACTIVE))
        image = 0;
#endif
    device_write(GICH_LR(0), 0);
}

void pair_main(void)
{
    lists_on(1u << KICK);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    image = list_of(SGI, LIST_PENDING);
    while (left < ENTRIES)
        enter();
    enter();
    if (taken != 1)
        pair_fail();
}
