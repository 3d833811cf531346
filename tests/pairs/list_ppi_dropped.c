/*
 * What is pending in a list register for a physical interrupt, which stays active meanwhile, has to
 * be there when its vCPU comes back. Nobody else will bring it: an active interrupt does not come
 * again.
 *
 * IHI 0048B.b: GICH_LR.State, GICH_LR.HW.
 */
#include "tests/pairs/lists.h"

#define ENTRIES 24u

static volatile uint64_t left, taken;

static void guest(void)
{
    for (left = 0; left < ENTRIES; left++)
        kick(); /* busy: it takes nothing */
    uint32_t iar = vgic_acknowledge();
    if (iar == CNTV_INTID) {
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
    lists_on(1u << KICK | 1u << CNTV_INTID);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    device_write(GICC, 1u << 9 | 1);
    device_write(GICD + 0x200, 1u << CNTV_INTID);
    dsb(sy);
    if (take() != CNTV_INTID)
        pair_fail();
    image = list_of(CNTV_INTID, LIST_PENDING) | LIST_HW | LIST_PHYSICAL(CNTV_INTID);
    do
        enter();
    while (exit_class(v.esr) != EXIT_HVC);
    if (taken != 1)
        pair_fail();
}
