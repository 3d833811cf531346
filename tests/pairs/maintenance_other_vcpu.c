/*
 * A maintenance interrupt may be taken when the vCPU that it is about has gone and another one is
 * loaded. A handler that does its work for whoever is loaded, by what that one's last exit has
 * left, takes an interrupt for ended that is not, and misses the one that is. What is certain is
 * GICH_EISR at the exit.
 */
#include "tests/pairs/maintenance.h"

static struct guest guests[2];
static struct guest *loaded;

static void body_0(void)
{
    guest_serve(&guests[0]);
}

static void body_1(void)
{
    guest_serve(&guests[1]);
}

void pair_irq(uint32_t intid)
{
#ifdef BAD
    if (intid != MAINTENANCE_INTID || !(loaded->ended & 1))
        return;
    loaded->in_flight = 0;
    loaded->image &= ~LIST_EOI;
    loaded->pending = loaded->level; /* and loaded->ended stays as it is until the next exit */
    device_write(GICH_LR(0), loaded->image);
#else
    (void)intid;
#endif
}

/* Loads it, enters it once, and leaves it loaded. */
static void run(struct guest *g)
{
    guest_flush(g);
    loaded = g;
    guest_load(g);
    host_window(8);
    guest_flush(g);
    guest_load(g);
    g->ended = 0;
    guest_enter(g);
#ifndef BAD
    if (g->ended & 1)
        guest_end(g);
    guest_load(g);
#endif
    host_window(8);
}

void pair_main(void)
{
    lists_on(1u << KICK | 1u << MAINTENANCE_INTID);
    guest_init(&guests[0], 1, body_0);
    guest_init(&guests[1], 2, body_1);
    for (unsigned i = 0; guests[0].served < WANTED || guests[1].served < WANTED; i++) {
        if (i == ENTRIES)
            pair_fail();
        run(&guests[i & 1]);
    }
}
