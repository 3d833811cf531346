/*
 * More interrupts are pending than there are list registers. The rest has to come behind them,
 * which the guest asks for by nothing: it is the underflow interrupt that brings the host back.
 *
 * IHI 0048B.b: GICH_HCR.UIE, GICH_MISR.U. That nothing comes back has no event: all wait.
 */
#include "tests/pairs/lists.h"

#define LISTS 2u
#define SGIS 3u
#define FIRST_SGI 5u

static volatile uint64_t taken;

static void guest(void)
{
    while (taken < SGIS) {
        uint32_t iar = vgic_acknowledge();
        if (iar != SPURIOUS) {
            vgic_end(iar);
            taken++;
        } else {
            __asm__ volatile("dsb sy\n\twfi" ::: "memory");
        }
    }
    hvc();
}

void pair_main(void)
{
    static struct vcpu v;
    uint32_t pending = 0;
    lists_on(1u << MAINTENANCE_INTID);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    do {
        uint32_t empty = device_read(GICH_ELRSR);
        for (unsigned i = 0; i < LISTS && pending < SGIS; i++) {
            if (empty >> i & 1)
                device_write(GICH_LR(i), list_of(FIRST_SGI + pending++, LIST_PENDING));
        }
#ifdef BAD
        device_write(GICH_HCR, HCR_EN);
#else
        device_write(GICH_HCR, pending < SGIS ? HCR_EN | HCR_UIE : HCR_EN);
#endif
        dsb(sy);
        vcpu_run(&v);
        device_write(GICH_HCR, HCR_EN);
        take_and_end();
    } while (exit_class(v.esr) != EXIT_HVC || taken < SGIS);
}
