/*
 * Conflict-directed: races of the form "one PE checks, then uses; another publishes in between".
 * A schedule picks a shared granule and one of the accesses to it in the run with no deviation. The
 * PE that makes this access is the reader: it is held once or twice at its next branch points, to
 * stretch the way from its check to its use. Any other PE that then stores to the granule is the
 * writer: it is held behind its first, second or third store, to stretch its publication.
 *
 * Every shared granule has the same chance, however often it is touched: rare conflicts are where
 * races are, and a lock's word is touched most. Holds elsewhere are not tried; that is random's
 * part.
 */
#include "sim/strategy.h"

#include "cpu/core.h"

/* Branch points of the reader behind its access at which it may be held. */
#define FIRST_HOLD_WITHIN 4u
#define SECOND_HOLD_WITHIN 12u
#define STORES_LOOKED_AT 3u

static uint32_t draw(struct strategy_conflict *s, uint32_t count)
{
    s->seed = hash_mix(s->seed + 1);
    return (uint32_t)(s->seed % count);
}

void strategy_conflict_begin(struct strategy_conflict *s, uint64_t seed, uint64_t schedule,
                             const struct strategy_profile *profile)
{
    *s = (struct strategy_conflict){.seed = hash_mix(hash_mix(seed + 2) + schedule),
                                    .shared = profile->shared};
    if (profile->granule_count == 0) {
        s->accesses_left = UINT32_MAX; /* nothing is shared: nothing to do */
        return;
    }
    const struct strategy_granule *g = &profile->granule[draw(s, profile->granule_count)];
    s->granule = g->address;
    s->accesses_left = draw(s, g->accesses);
    s->hold_at[0] = draw(s, FIRST_HOLD_WITHIN);
    s->hold_at[1] = s->hold_at[0] + 1 + draw(s, SECOND_HOLD_WITHIN);
    if (draw(s, 4) == 0)
        s->hold_at[1] = UINT32_MAX;
    s->stores_left = draw(s, STORES_LOOKED_AT);
}

static bool is_of_granule(const struct strategy_conflict *s, uint64_t hint)
{
    return hint < VISIBLE_SPECIAL &&
           align_down(hint & ~VISIBLE_STORE, SHARED_GRANULE_BYTES) == s->granule;
}

uint32_t strategy_conflict_decide(void *context, const struct choice_name *name, uint32_t n,
                                  uint64_t hint)
{
    struct strategy_conflict *s = context;
    if (name->kind != CHOICE_NEXT_CPU || !strategy_is_branch(s->shared, name, hint))
        return 0;
    bool touches = is_of_granule(s, hint);
    if (!s->has_reader) {
        if (!touches || s->accesses_left-- != 0)
            return 0;
        s->has_reader = true;
        s->reader = name->object;
    }
    if (name->object == s->reader) {
        uint32_t place = s->place++;
        bool holds = place == s->hold_at[0] || place == s->hold_at[1];
        return holds ? 1 + draw(s, n - 1) : 0;
    }
    if (!touches || !(hint & VISIBLE_STORE) || s->writer_is_done || s->stores_left-- != 0)
        return 0;
    s->writer_is_done = true;
    return n > 2 ? 2 + draw(s, n - 2) : 1;
}
