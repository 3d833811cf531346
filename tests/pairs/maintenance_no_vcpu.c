/*
 * A maintenance interrupt may be taken when its vCPU has gone and none is loaded: the host is idle,
 * or does something else. A handler that takes the loaded one for granted uses a null pointer.
 */
#include "tests/pairs/maintenance.h"

static struct guest g;
static struct guest *loaded;

static void body(void)
{
    guest_serve(&g);
}

/* What the vCPU is told by GICH_EISR now. */
static void ends(void)
{
    if (loaded->ended & 1)
        guest_end(loaded);
}

void pair_irq(uint32_t intid)
{
    if (intid != MAINTENANCE_INTID)
        return;
#ifndef BAD
    if (!loaded)
        return; /* its cause is kept in the image, and will be there again with it */
#endif
    ends();
    device_write(GICH_LR(0), loaded->image);
}

void pair_main(void)
{
    lists_on(1u << KICK | 1u << MAINTENANCE_INTID);
    guest_init(&g, 1, body);
    for (unsigned i = 0; g.served < WANTED; i++) {
        if (i == ENTRIES)
            pair_fail();
        guest_flush(&g);
        loaded = &g;
        guest_load(&g);
        guest_enter(&g);
        host_window(4);
        loaded = NULL;
        device_write(GICH_LR(0), 0);
        host_window(8);
    }
}
