/*
 * Which memory is shared: 64-byte granules that more than one PE has touched and at least one
 * has written, in all the runs watched so far. Table walks count as reads. A visible operation
 * on any other granule cannot be told apart by another PE.
 */
#pragma once
#include "sim/base/event.h"
#include "sim/config.h"

#define SHARED_GRANULE_BYTES 64u

struct shared {
    uint64_t base;    /* physical address of granule 0 */
    size_t granules;
    uint8_t *touched; /* per granule: bit per PE */
    uint8_t *written; /* per granule: bit per PE */
    uint8_t *branch;  /* per granule: 1 if it was shared when last frozen */
    size_t branch_count;
};

void shared_init(struct shared *s, uint64_t base, uint64_t bytes);
void shared_free(struct shared *s);

/* Notes an access; addresses outside are ignored (devices have their own VISIBLE_*). */
void shared_touch(struct shared *s, uint64_t address, unsigned pe, bool is_write);

/* Takes over what is shared now as branch points; true if there are new ones. */
bool shared_freeze(struct shared *s);

/* Whether an address lies in a granule that was shared when last frozen. */
static inline bool shared_is_branch(const struct shared *s, uint64_t address)
{
    uint64_t granule = (address - s->base) / SHARED_GRANULE_BYTES;
    return address >= s->base && granule < s->granules && s->branch[granule] != 0;
}

/* An event sink for MEM and WALK, with a struct shared as its context; and its mask. */
void shared_sink(void *context, const struct event *event);
uint64_t shared_sink_mask(void);
