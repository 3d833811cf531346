/*
 * A device that asks by an edge asks once. What is pending for it in a list register has to be
 * there when its vCPU comes back: the physical interrupt stays active until the guest has ended it,
 * and an active interrupt does not come again.
 *
 * IHI 0048B.b: GICH_LR.State, GICH_LR.HW, Interrupt handling state machine.
 */
#include "tests/pairs/lists.h"

#define DEVICE_INTID 60u
#define ENTRIES 24u

static volatile uint64_t left, taken;

static void guest(void)
{
    for (left = 0; left < ENTRIES; left++)
        kick(); /* busy: it takes nothing */
    uint32_t iar = vgic_acknowledge();
    if (iar == DEVICE_INTID) {
        taken = 1;
        vgic_end(iar);
    }
    hvc();
}

static struct vcpu v;
static uint32_t image;

static uint32_t take(void)
{
    uint32_t intid = take_and_end();
    if (intid == KICK)
        device_write(GICC + 0x1000, KICK);
    return intid;
}

static void enter(void)
{
    device_write(GICH_LR(0), image);
    vcpu_run(&v);
    take();
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
    device_write(GICD + 0xc00 + DEVICE_INTID / 16 * 4, 2u << DEVICE_INTID % 16 * 2);
    device_write(GICD + 0x104, 1u << DEVICE_INTID % 32);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    device_write(GICC, 1u << 9 | 1);
    device_write(GICD + 0x204, 1u << DEVICE_INTID % 32);
    dsb(sy);
    if (take() != DEVICE_INTID)
        pair_fail();
    image = list_of(DEVICE_INTID, LIST_PENDING) | LIST_HW | LIST_PHYSICAL(DEVICE_INTID);
    for (unsigned i = 0; i < ENTRIES + FALLS && taken == 0; i++)
        enter();
    if (taken != 1)
        pair_fail();
}
