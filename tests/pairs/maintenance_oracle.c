/*
 * A host may find out that nothing is left to inject, and note it down, while the handler of a late
 * maintenance interrupt finds something. Then nothing is injected any more, until something else
 * happens: the two must not come in between each other.
 *
 * No event is wrong: that the note stands for what is pending only the host knows.
 */
#include "tests/pairs/maintenance.h"

#define SENT 2u

static struct guest g;
static volatile uint32_t oracle; /* something is to be injected */

static void body(void)
{
    guest_serve(&g);
}

void pair_irq(uint32_t intid)
{
    if (intid != MAINTENANCE_INTID || !(g.ended & 1))
        return;
    guest_end(&g);
    device_write(GICH_LR(0), g.image);
    if (g.pending)
        oracle = 1;
}

void pair_main(void)
{
    lists_on(1u << KICK | 1u << MAINTENANCE_INTID);
    guest_init(&g, 1, body);
    for (unsigned i = 0; g.served < WANTED; i++) {
        if (i == ENTRIES)
            pair_fail();
        host_irqs_on();
        if (i < SENT)
            oracle = 1; /* for what others ask the vCPU to look at */
#ifndef BAD
        host_irqs_off();
#endif
        if (oracle) {
            guest_flush(&g);
            oracle = 0;
        }
#ifdef BAD
        host_irqs_off();
#endif
        guest_load(&g);
        guest_enter(&g);
    }
}
