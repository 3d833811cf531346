/*
 * The engines: two from one source behind one door. A step is one instruction attempt or one
 * asynchronous event (an interrupt taken).
 */
#pragma once
#include "cpu/core.h"

enum engine_kind { ENGINE_KIND_PRECISE, ENGINE_KIND_FAST };

enum engine_reason {
    ENGINE_BUDGET,     /* steps used up, or cycles reached */
    ENGINE_WAITS,      /* cpu.wait is set */
    ENGINE_FIRMWARE,   /* an SMC (or conduit HVC) is to be served; pc is already behind it */
    ENGINE_SEMIHOST,   /* likewise a semihosting call */
    ENGINE_LINES,      /* a device or timer was touched: look at the wires, then go on */
    ENGINE_VISIBLE,    /* a visible operation was executed: the PE is held, or ENGINE_STOPS */
    ENGINE_UNMODELLED, /* the model lacks this instruction or register; pc is at it */
};

/* What happens behind a visible operation. */
enum engine_visible {
    ENGINE_PASSES, /* nothing */
    ENGINE_ASKS,   /* core_ops.visible says whether the PE goes on */
    ENGINE_STOPS,  /* the engine comes back */
};

struct engine_budget {
    uint64_t steps;        /* at most so many steps; >= 1 */
    uint64_t cycles;       /* leave when cpu.cycles reaches this */
    enum engine_visible visible;
    bool stop_at_pc;       /* leave before a step at stop_pc, but for the first one */
    uint64_t stop_pc, stop_mask; /* bits that count; code_break_at() knows them */
};

/* What a run of an engine did. */
struct engine_result {
    enum engine_reason reason;
    uint64_t steps;
};

struct engine_result core_run_precise(struct core *c, const struct engine_budget *budget);
struct engine_result core_run_fast(struct core *c, const struct engine_budget *budget);

/*
 * The fast engine may run this PE now: self-hosted debug is off and cannot come on by a
 * choice, and no observer needs to see each of its instructions.
 */
bool core_may_run_fast(const struct core *c);
