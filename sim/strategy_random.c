/*
 * Random: each question gets an answer that is not 0 with a probability that is drawn once per
 * schedule, so that the expected number of deviations is 1, 2, 4, ... 32 ("swarm": different
 * schedules are wild in different degrees). Every other schedule deviates only at branch points.
 *
 * An answer is a function of (seed, schedule, name), as for CHOICE_SEEDED: taking one deviation
 * away while shrinking does not change the others.
 */
#include "sim/strategy.h"

#define WILDNESS_COUNT 6u

static uint64_t name_hash(uint64_t seed, const struct choice_name *name)
{
    uint64_t where = (uint64_t)name->kind << 32 | name->object;
    return hash_mix(hash_mix(hash_mix(seed) + where) + name->ordinal);
}

void strategy_random_begin(struct strategy_random *s, uint64_t seed, uint64_t schedule,
                           const struct strategy_profile *profile)
{
    s->seed = hash_mix(hash_mix(seed) + schedule);
    uint64_t draw = hash_mix(s->seed + 1);
    s->shared = draw & 1 ? profile->shared : NULL;
    uint64_t places = s->shared ? profile->branches : profile->questions;
    uint64_t wanted = UINT64_C(1) << ((draw >> 1) % WILDNESS_COUNT);
    s->threshold = wanted >= places ? UINT64_MAX : UINT64_MAX / places * wanted;
}

uint32_t strategy_random_decide(void *context, const struct choice_name *name, uint32_t n,
                                uint64_t hint)
{
    const struct strategy_random *s = context;
    uint64_t hash = name_hash(s->seed, name);
    if (hash >= s->threshold || (s->shared && !strategy_is_branch(s->shared, name, hint)))
        return 0;
    return 1 + (uint32_t)(hash_mix(hash + 1) % (n - 1));
}
