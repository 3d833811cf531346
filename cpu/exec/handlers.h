/*
 * What the files of this folder share: the prototype of every handler, from the rows of
 * a64.decode, and the choice among CONSTRAINED UNPREDICTABLE behaviours.
 */
#pragma once
#include "cpu/exec.h"
#include "cpu/exec/bits.h"

#define X(name, mask, bits, class, flags, text, line) \
    enum step EXEC(name)(struct core *c, uint32_t w);
A64_LIST(X)
#undef X

/*
 * Behaviours that the architecture lets an implementation choose from, where an encoding names a
 * register twice. What "as written" means is said where it is asked.
 */
enum unpredictable { UNPREDICTABLE_AS_WRITTEN, UNPREDICTABLE_NOP, UNPREDICTABLE_UNDEFINED };

static inline enum unpredictable choose_unpredictable(struct core *c)
{
    return (enum unpredictable)choose(c->chooser, c->counts, CHOICE_UNPREDICTABLE, c->pe, 3);
}

/* How an instruction ends that was not executed as written. */
static inline enum step step_unpredictable(enum unpredictable answer)
{
    return answer == UNPREDICTABLE_UNDEFINED ? STEP_UNDEFINED : STEP_NEXT;
}
