/*
 * Names of the strategies, and what counts as a branch point.
 *
 * Between two visible operations a PE does nothing that another one could tell apart, so holding
 * it back anywhere there is the same; and an operation on memory that nobody else touches is not
 * visible at all. That is the only reduction made here: operations that commute are still tried
 * in both orders.
 */
#include "sim/strategy.h"

#include "cpu/core.h"

#include <stdio.h>
#include <string.h>

static const char *const names[STRATEGY_COUNT] = {
    [STRATEGY_RANDOM] = "random",
    [STRATEGY_PCT] = "pct",
    [STRATEGY_CONFLICT] = "conflict",
    [STRATEGY_SYSTEMATIC] = "systematic",
    [STRATEGY_COMPLETE] = "complete",
    [STRATEGY_PORTFOLIO] = "portfolio",
};

const char *strategy_name(enum strategy_kind kind)
{
    ensure((unsigned)kind < STRATEGY_COUNT);
    return names[kind];
}

void strategy_names(char text[STRATEGY_NAMES_MAX])
{
    size_t length = 0;
    for (unsigned i = 0; i < STRATEGY_COUNT; i++) {
        int more = snprintf(text + length, STRATEGY_NAMES_MAX - length, "%s%s", i ? ", " : "",
                            strategy_name((enum strategy_kind)i));
        length += (size_t)more;
        ensure(more > 0 && length < STRATEGY_NAMES_MAX);
    }
}

bool strategy_by_name(const char *name, enum strategy_kind *kind)
{
    for (unsigned i = 0; i < STRATEGY_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            *kind = (enum strategy_kind)i;
            return true;
        }
    }
    return false;
}

bool strategy_is_branch(const struct shared *shared, const struct choice_name *name, uint64_t hint)
{
    if (name->kind != CHOICE_NEXT_CPU || hint >= VISIBLE_SPECIAL)
        return true;
    return shared_is_branch(shared, hint & ~VISIBLE_STORE);
}
