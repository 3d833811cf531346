/*
 * One schedule of the systematic search. Deviations are named, so each is applied when its name
 * comes up; since everything before it is the same as in the schedule it was found in, it does.
 * Which schedules there are, and in which order they run, is explore_systematic.c's.
 */
#include "sim/strategy.h"

#include <stdlib.h>

void strategy_systematic_begin(struct strategy_systematic *s)
{
    s->applied = 0;
    s->point_count = 0;
}

static void collect(struct strategy_systematic *s, const struct choice_name *name, uint32_t n)
{
    if (s->point_count == s->point_capacity) {
        s->point_capacity = s->point_capacity ? 2 * s->point_capacity : 256;
        s->point = realloc(s->point, s->point_capacity * sizeof *s->point);
        ensure(s->point != NULL);
    }
    s->point[s->point_count++] = (struct strategy_point){.name = *name, .n = n};
}

uint32_t strategy_systematic_decide(void *context, const struct choice_name *name, uint32_t n,
                                    uint64_t hint)
{
    struct strategy_systematic *s = context;
    if (s->applied < s->count) {
        const struct choice_record *r = &s->deviation[s->applied];
        if (choice_name_compare(&r->name, name) != 0)
            return 0;
        ensure(r->n == n);
        s->applied++;
        return r->answer;
    }
    if (s->collect && strategy_is_branch(s->shared, name, hint))
        collect(s, name, n);
    return 0;
}

void strategy_systematic_free(struct strategy_systematic *s)
{
    free(s->point);
    *s = (struct strategy_systematic){0};
}
