/*
 * GICH_ELRSR says which list registers are empty now. A host that keeps its value from the last
 * exit, puts an interrupt into a list register, and then does not enter the guest after all, takes
 * that list register for an empty one.
 *
 * IHI 0048B.b: GICH_ELRSR. That it was there no event tells: the guest has never been entered
 * with it, so that the outcome is judged by who sent it.
 */
#include "tests/pairs/lists.h"

#define SGI 5u

static volatile uint64_t taken;

static void guest(void)
{
    for (;;) {
        uint32_t iar = vgic_acknowledge();
        if (iar == SGI)
            taken++;
        if (iar != SPURIOUS)
            vgic_end(iar);
        kick();
    }
}

static struct vcpu v;
static uint32_t image, empty; /* list register 0, and what GICH_ELRSR says of it */

static void load_list(void)
{
    device_write(GICH_LR(0), image);
#ifndef BAD
    if (image & (LIST_PENDING | LIST_ACTIVE))
        empty &= ~1u;
#endif
}

static void save_list(void)
{
    image = empty & 1 ? 0 : device_read(GICH_LR(0));
    device_write(GICH_LR(0), 0);
}

static void enter(void)
{
    load_list();
    vcpu_run(&v);
    take_and_end();
    empty = device_read(GICH_ELRSR);
    save_list();
}

void pair_main(void)
{
    lists_on(1u << KICK);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    enter();
    image = list_of(SGI, LIST_PENDING);
    load_list(); /* a signal is there: back again */
    save_list();
    for (unsigned i = 0; i < FALLS && taken == 0; i++)
        enter();
    if (taken != 1)
        pair_fail();
}
