/*
 * The one way by which devices reach memory: accesses of the kind ACCESS_DMA through the machine's
 * port, so that caches, the order of accesses, exclusive monitors, decoded code and observers see
 * them. There is no memory management unit in between: addresses are physical.
 *
 * A coherent master reads what a cacheable load of a PE would, and what it writes is what everybody
 * has from then on; any other sees and changes memory past the caches.
 */
#include "sim/machine_parts.h"

#include "gen/trace.h"

#include <string.h>

#define LINE_BYTES 64u
#define ACCESS_BYTES 16u
#define ATTRIBUTE_WRITE_BACK 0xffu
#define ATTRIBUTE_NON_CACHEABLE 0x44u
#define INNER_SHAREABLE 3u

/* The largest access that is aligned at an address and no longer than what is left. */
static uint8_t access_size(uint64_t pa, size_t left)
{
    size_t size = ACCESS_BYTES;
    while (pa % size != 0 || size > left)
        size /= 2;
    return (uint8_t)size;
}

/* Bytes within one line. */
static bool line_move(struct machine *m, struct access *access, uint8_t *bytes, size_t size)
{
    for (size_t done = 0; done < size; done += access->size, access->pa.bits += access->size) {
        uint64_t value[2] = {0, 0};
        access->size = access_size(access->pa.bits, size - done);
        if (access->is_write)
            memcpy(value, bytes + done, access->size);
        if ((access->is_write ? m->port.write(m->port.owner, access, value)
                              : m->port.read(m->port.owner, access, value)) != PORT_OK)
            return false;
        if (!access->is_write)
            memcpy(bytes + done, value, access->size);
    }
    return true;
}

static bool move(struct machine *m, const struct dma_master *master, uint64_t pa, uint8_t *bytes,
                 size_t size, bool is_write)
{
    const struct core *c = &m->core[m->state->current];
    if (!memory_has(m, pa_make(pa), size))
        return false;
    for (size_t done = 0; done < size;) {
        size_t part = LINE_BYTES - (size_t)((pa + done) % LINE_BYTES);
        if (part > size - done)
            part = size - done;
        struct access access = {
            .pa = pa_make(pa + done),
            .pe = PE_COUNT_MAX,
            .kind = ACCESS_DMA,
            .is_write = is_write,
            .memory = master->is_coherent ? ATTRIBUTE_WRITE_BACK : ATTRIBUTE_NON_CACHEABLE,
            .shareability = INNER_SHAREABLE,
        };
        if (!line_move(m, &access, bytes + done, part))
            return false;
        uint64_t first = 0;
        memcpy(&first, bytes + done, part < sizeof first ? part : sizeof first);
        event_emit_DMA(CORE_HEAD(c), pa + done, first, (uint32_t)part, is_write, master->device);
        done += part;
    }
    return true;
}

bool machine_dma_read(struct machine *m, const struct dma_master *master, uint64_t pa, void *bytes,
                      size_t size)
{
    return move(m, master, pa, bytes, size, false);
}

bool machine_dma_write(struct machine *m, const struct dma_master *master, uint64_t pa,
                       const void *bytes, size_t size)
{
    return move(m, master, pa, (uint8_t *)(uintptr_t)bytes, size, true);
}
