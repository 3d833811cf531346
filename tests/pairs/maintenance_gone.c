/*
 * A maintenance interrupt may be taken when its cause has gone, since the line falls late, too. A
 * host that looks at GICH_EISR whenever it leaves the guest has then seen the end already: the
 * interrupt itself tells nothing.
 *
 * IHI 0048B.b: Maintenance interrupts are level-sensitive; GICH_MISR, GICH_EISR.
 */
#include "tests/pairs/maintenance.h"

static struct guest g;
static uint32_t more; /* list register 1 */

static void body(void)
{
    guest_serve(&g);
}

void pair_irq(uint32_t intid)
{
#ifdef BAD
    if (intid == MAINTENANCE_INTID)
        g.in_flight = 0;
#else
    (void)intid;
#endif
}

static void put(void)
{
    g.pending = g.level;
    if (g.pending && !g.in_flight && (g.image & LIST_PENDING)) {
        more = LEVEL_LIST;
        g.in_flight = 1;
    }
    guest_flush(&g);
    device_write(GICH_LR(1), more);
    guest_load(&g);
}

void pair_main(void)
{
    lists_on(1u << KICK | 1u << MAINTENANCE_INTID);
    guest_init(&g, 1, body);
    for (unsigned i = 0; g.served < WANTED; i++) {
        if (i == ENTRIES)
            pair_fail();
        put();
        host_window(8);
        put(); /* what has come meanwhile */
        guest_enter(&g);
        more = device_read(GICH_LR(1));
        if (g.ended & 1)
            guest_end(&g);
    }
}
