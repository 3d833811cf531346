/*
 * Who makes an interrupt pending for a vCPU on another PE kicks that PE if it is in the guest. The
 * PE has to say that it is before it looks for interrupts the last time; else one comes in between,
 * and nobody looks for it.
 *
 * It is the store and the load of each side in an order: no event is wrong, the vCPU waits.
 */
#include "tests/pairs/lists.h"

#define SGI 5u
#define ROUNDS 8u

static struct vcpu v;
static volatile uint64_t pending, in_guest, taken, done;

static void guest(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t iar;
        while ((iar = vgic_acknowledge()) == SPURIOUS)
            __asm__ volatile("dsb sy\n\twfi" ::: "memory");
        vgic_end(iar);
        taken++;
        hvc();
    }
}

static void look(void)
{
    if (!flag_read(&pending))
        return;
    flag_set(&pending, 0);
    device_write(GICH_LR(0), list_of(SGI, LIST_PENDING));
}

static void runner(void)
{
    lists_on(1u << KICK);
    while (done < ROUNDS) {
#ifdef BAD
        look();
        flag_set(&in_guest, 1);
#else
        flag_set(&in_guest, 1);
        look();
#endif
        vcpu_run(&v);
        flag_set(&in_guest, 0);
        take_and_end();
        flag_set(&done, taken);
    }
}

void pair_main(void)
{
    lists_on(1u << KICK);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    pair_start(1, runner);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        flag_set(&pending, 1);
        if (flag_read(&in_guest))
            device_write(GICD + 0xf00, 2u << 16 | KICK);
        flag_wait(&done, i);
    }
    pair_join(1);
}
