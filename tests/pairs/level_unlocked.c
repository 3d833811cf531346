/*
 * Whether a level-sensitive interrupt is to become pending depends on its level and on whether it
 * is in flight. One PE raises the level while another one hears that it has ended: each must see
 * what the other has done. Without a lock the one finds it in flight, and the other its level low.
 *
 * No event is wrong: the vCPU waits for ever.
 */
#include "tests/pairs/lists.h"

#define DEVICE_INTID 40u

static struct vcpu v;
static volatile uint64_t level, in_flight, pending, lock;
static volatile uint64_t served;

static void guest(void)
{
    while (served < 2) {
        uint32_t iar = vgic_acknowledge();
        if (iar == SPURIOUS) {
            __asm__ volatile("dsb sy\n\twfi" ::: "memory");
            continue;
        }
        served++;
        flag_set(&level, 0);
        vgic_end(iar);
    }
    hvc();
}

static void take_lock(void)
{
#ifndef BAD
    while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
        __asm__ volatile("wfe" ::: "memory");
#endif
}

static void drop_lock(void)
{
#ifndef BAD
    flag_set(&lock, 0);
#endif
}

/* The device asks once more. */
static void device(void)
{
    lists_on(0);
    flag_wait(&level, 0);
    take_lock();
    flag_set(&level, 1);
    int is_new = !flag_read(&in_flight);
    if (is_new)
        flag_set(&pending, 1);
    drop_lock();
    if (is_new)
        device_write(GICD + 0xf00, 1u << 16 | KICK);
}

static void flush(void)
{
    take_lock();
    if (flag_read(&pending) && !flag_read(&in_flight)) {
        flag_set(&pending, 0);
        flag_set(&in_flight, 1);
        device_write(GICH_LR(0), list_of(DEVICE_INTID, LIST_PENDING) | LIST_EOI);
    }
    drop_lock();
}

static void sync(void)
{
    if (!(device_read(GICH_EISR) & 1))
        return;
    device_write(GICH_LR(0), 0);
    take_lock();
    flag_set(&pending, flag_read(&level));
    flag_set(&in_flight, 0);
    drop_lock();
}

void pair_main(void)
{
    lists_on(1u << KICK | 1u << MAINTENANCE_INTID);
    lists_vcpu(&v, stage2_new(), 1, 1, guest);
    level = pending = 1;
    pair_start(1, device);
    do {
        flush();
        vcpu_run(&v);
        sync();
        take_and_end();
    } while (exit_class(v.esr) != EXIT_HVC);
    pair_join(1);
}
