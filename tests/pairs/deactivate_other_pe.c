/*
 * A physical PPI is active on the PE that has acknowledged it. Its vCPU may have moved when it ends
 * the interrupt: the PE that hears of the end must have the other one deactivate it, and never does
 * itself, where it is another interrupt with the same number.
 *
 * IHI 0048B.b: Interrupt banking, GICC_DIR.
 */
#include "tests/pairs/lists.h"

#define ROUNDS 3u

static struct vcpu v;
static volatile uint64_t started, ended; /* rounds */

static void guest(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t iar = vgic_acknowledge();
        if (iar != CNTV_INTID)
            pair_fail();
        vgic_end(iar);
        hvc();
    }
}

static void deactivate(void)
{
    device_write(GICC + 0x1000, CNTV_INTID);
}

/* Runs the vCPU while another PE has its interrupt. */
static void other(void)
{
    lists_on(0);
    device_write(GICC, 1u << 9 | 1);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        flag_wait(&started, i);
        device_write(GICH_LR(0), list_of(CNTV_INTID, LIST_PENDING) | LIST_EOI);
        vcpu_run(&v);
        if (!(device_read(GICH_EISR) & 1))
            pair_fail();
        device_write(GICH_LR(0), 0);
#ifdef BAD
        deactivate();
#endif
        flag_set(&ended, i);
    }
}

void pair_main(void)
{
    lists_on(1u << CNTV_INTID);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    device_write(GICC, 1u << 9 | 1);
    pair_start(1, other);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        device_write(GICD + 0x200, 1u << CNTV_INTID);
        dsb(sy);
        if (take_and_end() != CNTV_INTID)
            pair_fail();
        flag_set(&started, i);
        flag_wait(&ended, i);
#ifndef BAD
        deactivate();
#endif
    }
    pair_join(1);
}
