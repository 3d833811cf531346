/*
 * Timing tables by model name, from timing.def.
 *
 * Figures are cycle-approximate: they order events plausibly. They model no pipeline, no branch
 * prediction and no overlap of one access with another.
 */
#include "cpu/timing.h"

#include <string.h>

static const struct {
    const char *model;
    struct timing timing;
} tables[] = {
#include "gen/timing.inc"
};

struct timing timing_make(const char *model, bool flat)
{
    size_t row = ARRAY_COUNT(tables);
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
        if (strcmp(tables[i].model, model) == 0)
            row = i;
    }
    if (row == ARRAY_COUNT(tables))
        bug("model %s has no timing table", model);
    struct timing timing = tables[row].timing;
    if (flat) {
        for (size_t i = 0; i < A64_CLASS_COUNT; i++)
            timing.instruction[i] = 1;
        timing.exception = timing.walk_step = timing.tlb_miss = 0;
        memset(timing.device, 0, sizeof timing.device);
        timing.level2 = timing.memory = 0;
        timing.tlb_second = timing.tlbi_broadcast = 0;
    } else {
        for (size_t i = 0; i < A64_CLASS_COUNT; i++)
            ensure(timing.instruction[i] != 0); /* a class that timing.def forgot */
    }
    return timing;
}
