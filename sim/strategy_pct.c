/*
 * PCT, probabilistic concurrency testing, in terms of holds. A schedule of depth d has d-1 change
 * points, drawn evenly among the branch points of the run with no deviation; whoever is asked at
 * one of them falls behind all others: it is held. One PE starts with the lowest priority and is
 * held at its first branch point. d goes through 2..6 with the number of the schedule.
 *
 * Unlike the original a demotion does not last for ever: a PE that owns a lock others spin on
 * would never come back. Its length is drawn among the answers, the long ones more often.
 */
#include "sim/strategy.h"

static void sort_changes(struct strategy_pct *s)
{
    for (uint32_t i = 1; i < s->change_count; i++) {
        uint64_t moved = s->change[i];
        uint32_t at = i;
        for (; at > 0 && s->change[at - 1] > moved; at--)
            s->change[at] = s->change[at - 1];
        s->change[at] = moved;
    }
}

void strategy_pct_begin(struct strategy_pct *s, uint64_t seed, uint64_t schedule,
                        const struct strategy_profile *profile, unsigned pe_count)
{
    uint64_t depths = STRATEGY_PCT_DEPTH_MAX - STRATEGY_PCT_DEPTH_MIN + 1;
    uint64_t draw = hash_mix(hash_mix(seed + 1) + schedule);
    *s = (struct strategy_pct){.seed = draw, .shared = profile->shared};
    s->change_count = (uint32_t)(STRATEGY_PCT_DEPTH_MIN + schedule % depths - 1);
    for (uint32_t i = 0; i < s->change_count; i++) {
        draw = hash_mix(draw + 1);
        s->change[i] = draw % (profile->branches ? profile->branches : 1);
    }
    sort_changes(s);
    draw = hash_mix(draw + 1);
    s->low_pe = (uint32_t)(draw % pe_count);
    s->low_start = (uint32_t)(draw >> 32 & 1); /* or all start equal */
}

static uint32_t demotion(struct strategy_pct *s, uint32_t n)
{
    s->seed = hash_mix(s->seed + 1);
    uint32_t first = 1 + (uint32_t)(s->seed % (n - 1));
    uint32_t second = 1 + (uint32_t)((s->seed >> 32) % (n - 1));
    return first > second ? first : second;
}

uint32_t strategy_pct_decide(void *context, const struct choice_name *name, uint32_t n,
                             uint64_t hint)
{
    struct strategy_pct *s = context;
    if (!strategy_is_branch(s->shared, name, hint))
        return 0;
    uint64_t place = s->asked++;
    bool is_change = false;
    while (s->change_next < s->change_count && s->change[s->change_next] <= place) {
        is_change = true;
        s->change_next++;
    }
    if (s->low_start && name->kind == CHOICE_NEXT_CPU && name->object == s->low_pe) {
        s->low_start = 0;
        is_change = true;
    }
    return is_change ? demotion(s, n) : 0;
}
