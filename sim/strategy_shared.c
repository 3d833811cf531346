/*
 * The map of shared granules. It only grows, over all runs of a search, so that a search can be
 * repeated until it finds nothing new; what counts as a branch point meanwhile is a frozen copy,
 * since answers must not depend on which process has seen what.
 */
#include "sim/strategy_shared.h"

#include "gen/trace.h"

#include <stdlib.h>

void shared_init(struct shared *s, uint64_t base, uint64_t bytes)
{
    s->base = base;
    s->granules = (size_t)(bytes / SHARED_GRANULE_BYTES);
    s->touched = calloc(s->granules, 1);
    s->written = calloc(s->granules, 1);
    s->branch = calloc(s->granules, 1);
    s->branch_count = 0;
    ensure(s->touched != NULL && s->written != NULL && s->branch != NULL);
}

void shared_free(struct shared *s)
{
    free(s->touched);
    free(s->written);
    free(s->branch);
    *s = (struct shared){0};
}

void shared_touch(struct shared *s, uint64_t address, unsigned pe, bool is_write)
{
    uint64_t granule = (address - s->base) / SHARED_GRANULE_BYTES;
    if (address < s->base || granule >= s->granules)
        return;
    s->touched[granule] |= (uint8_t)(1u << pe);
    if (is_write)
        s->written[granule] |= (uint8_t)(1u << pe);
}

static bool is_shared(const struct shared *s, size_t granule)
{
    return s->written[granule] != 0 && (s->touched[granule] & (s->touched[granule] - 1)) != 0;
}

bool shared_freeze(struct shared *s)
{
    size_t before = s->branch_count;
    for (size_t i = 0; i < s->granules; i++) {
        if (s->branch[i] == 0 && is_shared(s, i)) {
            s->branch[i] = 1;
            s->branch_count++;
        }
    }
    return s->branch_count != before;
}

uint64_t shared_sink_mask(void)
{
    return UINT64_C(1) << EVENT_MEM | UINT64_C(1) << EVENT_WALK;
}

void shared_sink(void *context, const struct event *event)
{
    struct shared *s = context;
    if (event->kind == EVENT_WALK) {
        shared_touch(s, event->walk.descriptor_pa, event->pe, false);
        return;
    }
    shared_touch(s, event->mem.pa, event->pe, event->mem.write != 0);
    if (event->mem.size > 1)
        shared_touch(s, event->mem.pa + event->mem.size - 1, event->pe, event->mem.write != 0);
}
