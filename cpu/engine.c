/*
 * The interpreter loop, compiled twice from this one source: the precise engine looks at every
 * hook at every step; the fast engine leaves out the hooks that core_may_run_fast() has found to
 * be idle. Both make the same steps with the same costs, so that their states are equal after
 * any number of steps.
 *
 * A step is one instruction attempt or one interrupt taken. Costs are those of the model's timing
 * table by instruction class, plus what the access itself added (walks, misses, devices).
 */
#include "cpu/engine.h"
#include "cpu/debug.h"
#include "cpu/direct.h"
#include "cpu/effective.h"
#include "cpu/exception.h"
#include "cpu/exec.h"
#include "cpu/interrupt.h"
#include "cpu/operands.h"
#if defined(ENGINE_FAST)
#include "cpu/hot/hot.h"
#endif
#include "cpu/sysreg.h"

/* irq-take: instructions that an unmasked interrupt waits for answer k. */
static const uint16_t irq_delay[] = {0, 1, 4, 16, 64};

/* The instruction at pc through the port, after its translation; false: c->fault says why not. */
static bool fetch_through_port(struct core *c, const struct translation *t, uint32_t *word)
{
    const struct cpu *cpu = c->cpu;
    struct access access = {
        .va = va_make(cpu->pc),
        .pa = t->pa,
        .pe = (uint8_t)c->pe,
        .size = 4,
        .kind = ACCESS_FETCH,
        .memory = t->memory,
        .shareability = t->shareability,
        .el = cpu->el,
        .entry = t->entry,
    };
    uint64_t value[2] = {0, 0};
    if (c->port->read(c->port->owner, &access, value) == PORT_OK) {
        *word = (uint32_t)value[0];
        return true;
    }
    c->fault = (struct fault){
        .kind = FAULT_EXTERNAL, .stage = 1, .is_fetch = 1, .va = va_make(cpu->pc)};
    return false;
}

/* Keeps the page of decoded code under a translation of pc, if it may be kept. */
static void fetch_keep(struct core *c, const struct translation *t)
{
    const struct cpu *cpu = c->cpu;
    struct core_cache *cache = c->cache;
    if (!c->code || !cache->legal || t->size_log2 < PAGE_SHIFT || t->awaited)
        return;
    pa_t page = pa_make(align_down(t->pa.bits, PAGE_BYTES));
    struct code_page *code = code_find(c->code, c->port, page);
    if (direct_is_stale(c))
        direct_refresh(c); /* pointers to write there have been revoked, or other pages dropped */
    if (code && ((unsigned)code->told >> cpu->el & 1u) == 0)
        *direct_fetch(cache, cpu->el, cpu->pc) = (struct direct_fetch){
            .tag = direct_page(cpu->pc) + direct_fetch_tag(cache, cpu), .page = code};
}

/* Translates pc and fetches there; false when an exception has been taken instead. */
static bool fetch_slowly(struct core *c, uint32_t *word, enum a64_op *op)
{
    struct cpu *cpu = c->cpu;
    if (cpu->pc & 3) {
        exception_pc_alignment(c);
        return false;
    }
    struct mmu_request request = {
        .va = va_make(cpu->pc), .el = cpu->el, .kind = ACCESS_FETCH, .alignment = 1};
    struct translation t;
    uint64_t fills = c->mmu->state->fills;
    if (__builtin_expect(cpu->unsynchronized_count != 0, 0))
        event_emit_LAG(CORE_HEAD(c), cpu->pc, ACCESS_FETCH, 0);
    mmu_translate(c->mmu, core_regime(c, core_regime_kind(cpu)), &request, &t);
    c->extra_cost += t.cost;
    if (c->mmu->state->fills != fills)
        c->visible = VISIBLE_WALK;
    c->fault = t.fault;
#if !defined(ENGINE_FAST)
    if (t.fault.kind == FAULT_NONE && __builtin_expect(c->debug_on, 0) && debug_fetch(c))
        return false;
#endif
    if (t.fault.kind == FAULT_NONE && fetch_through_port(c, &t, word)) {
        *op = a64_decode(*word);
        event_emit_FETCH_PAGE(CORE_HEAD(c), cpu->pc, t.pa.bits);
        fetch_keep(c, &t);
        return true;
    }
    c->fault_iss = 0;
    exception_abort(c);
    return false;
}

/* The instruction at pc; false when an exception has been taken instead. */
static inline bool fetch(struct core *c, uint32_t *word, enum a64_op *op)
{
    const struct cpu *cpu = c->cpu;
    struct core_cache *cache = c->cache;
    uint64_t pc = cpu->pc;
    const struct direct_fetch *f = direct_fetch(cache, cpu->el, pc);
    if (cache->legal && !direct_is_stale(c) &&
        f->tag == (pc & ~(uint64_t)(PAGE_BYTES - 4)) + direct_fetch_tag(cache, cpu)) {
        unsigned index = (unsigned)(pc & (PAGE_BYTES - 1)) / 4;
        *word = f->page->word[index];
        *op = code_op(f->page, index);
        return true;
    }
    return fetch_slowly(c, word, op);
}

/* Takes an interrupt if one is to be taken now. */
static bool take_interrupt(struct core *c)
{
    struct cpu *cpu = c->cpu;
    enum interrupt_kind kind = interrupt_to_take(cpu);
    if (kind == INTERRUPT_NONE || cpu->insns < cpu->irq_hold_until)
        return false;
    if (choice_is_open(c->chooser, CHOICE_IRQ_TAKE) && cpu->irq_hold_until != cpu->insns) {
        uint32_t k = choose_at(c->chooser, CHOICE_IRQ_TAKE, c->pe, cpu->insns,
                               ARRAY_COUNT(irq_delay), VISIBLE_EXCEPTION);
        if (k != 0) {
            cpu->irq_hold_until = cpu->insns + irq_delay[k];
            return false;
        }
    }
    c->visible = VISIBLE_EXCEPTION;
    if (__builtin_expect(c->follows, 0))
        c->ops->woken(c->owner, c->pe);
    exception_interrupt(c, kind);
    cpu->cycles += c->timing->exception;
    return true;
}

/* What follows from how an instruction ended: pc, exceptions, costs. */
static enum step settle(struct core *c, enum a64_op op, uint64_t pc, enum step step)
{
    struct cpu *cpu = c->cpu;
    if (__builtin_expect(step == STEP_FAULT && c->unmodelled != NULL, 0))
        step = STEP_UNMODELLED; /* what the access met is no abort, but unknown to the model */
    switch (step) {
    case STEP_NEXT:
    case STEP_WAIT:
    case STEP_FIRMWARE:
    case STEP_SEMIHOST:
        cpu->pc = pc + 4;
        break;
    case STEP_FAULT:
        c->visible = VISIBLE_EXCEPTION;
        exception_abort(c);
        break;
    case STEP_UNDEFINED:
        c->visible = VISIBLE_EXCEPTION;
        exception_undefined(c);
        break;
    case STEP_EXCEPTION:
        c->visible = VISIBLE_EXCEPTION;
        break;
    case STEP_BRANCHED:
        break;
    case STEP_UNMODELLED:
        return step; /* it costs nothing: it has not happened */
    }
    cpu->cycles += c->timing->instruction[a64_class(op)];
    if (step == STEP_FAULT || step == STEP_UNDEFINED || step == STEP_EXCEPTION)
        cpu->cycles += c->timing->exception;
    return step;
}

static enum engine_reason reason_of(struct core *c, enum step step, enum engine_visible visible)
{
    switch (step) {
    case STEP_FIRMWARE:
        return ENGINE_FIRMWARE;
    case STEP_SEMIHOST:
        return ENGINE_SEMIHOST;
    case STEP_UNMODELLED:
        return ENGINE_UNMODELLED;
    case STEP_WAIT:
        return ENGINE_WAITS;
    case STEP_NEXT:
    case STEP_BRANCHED:
    case STEP_FAULT:
    case STEP_UNDEFINED:
    case STEP_EXCEPTION:
        break;
    }
    if (c->lines_may_change)
        return ENGINE_LINES;
    if (visible != ENGINE_PASSES && c->visible != VISIBLE_NONE)
        return ENGINE_VISIBLE;
    return ENGINE_BUDGET;
}

/* The end of a step that began at el: counters, and who is to be told. */
static inline void step_end(struct core *c, uint8_t el)
{
    struct cpu *cpu = c->cpu;
    cpu->cycles += c->extra_cost;
    if (__builtin_expect(c->events->mask >> EVENT_CONTEXT & 1, 0) &&
        (cpu->el != el || c->regimes_stale))
        core_tell_context(c);
    if (mmu_keeps_versions(c->mmu) && (cpu->el != el || c->regimes_stale))
        core_tell_regimes(c);
    c->events->step++;
}

/* An instruction has ended as step says. False: it was none, the model lacks it. */
static inline bool instruction_end(struct core *c, const struct engine_budget *budget, uint64_t pc,
                                   enum a64_op op, enum step step, enum engine_reason *reason)
{
    step = settle(c, op, pc, step);
    *reason = reason_of(c, step, budget->visible);
    if (step == STEP_UNMODELLED)
        return false;
    c->cpu->insns++;
#if !defined(ENGINE_FAST)
    event_emit_RETIRE(CORE_HEAD(c), pc, c->word, c->cpu->nzcv);
#endif
    return true;
}

#if !defined(ENGINE_FAST)
/* The instruction, with the machine told of its dependencies before and after. */
static enum step execute_followed(struct core *c, enum a64_op op)
{
    struct operand_sets operands = operands_of(op, c->word);
    c->ops->instruction_begin(c->owner, c->pe, &operands);
    enum step step = ENGINE(exec_table)[op](c, c->word);
    c->ops->instruction_end(c->owner, c->pe, &operands,
                            step != STEP_FAULT && step != STEP_UNDEFINED &&
                                step != STEP_EXCEPTION);
    return step;
}
#endif

/* One instruction attempt, or one interrupt taken. False: what instruction_end() says. */
static inline bool step_once(struct core *c, const struct engine_budget *budget,
                             enum engine_reason *reason)
{
    struct cpu *cpu = c->cpu;
    uint8_t el = cpu->el;
    uint64_t pc = cpu->pc;
    enum a64_op op;
    c->visible = VISIBLE_NONE;
    c->extra_cost = 0;
    c->word = 0;
    if (__builtin_expect(cpu->unsynchronized_count != 0, 0))
        effective_before_step(c);
#if defined(ENGINE_FAST)
    bool debugs = false;
#else
    bool debugs = __builtin_expect(c->debug_on, 0);
#endif
    if (__builtin_expect(interrupt_may_pend(cpu), 0) && take_interrupt(c)) {
        cpu->insns++; /* a step of its own: choices before and behind it differ in name */
        *reason = reason_of(c, STEP_EXCEPTION, budget->visible);
    } else if (!(debugs && debug_before(c)) && fetch(c, &c->word, &op)) {
        enum step step;
        if (__builtin_expect(cpu->unsynchronized_count != 0, 0))
            exception_settle_fp(c, c->word);
        if (__builtin_expect(cpu->il, 0))
            step = exception_illegal_state(c);
#if !defined(ENGINE_FAST)
        else if (__builtin_expect(c->follows, 0))
            step = execute_followed(c, op);
#endif
        else
            step = ENGINE(exec_table)[op](c, c->word);
        if (!instruction_end(c, budget, pc, op, step, reason))
            return false;
        if (debugs)
            debug_after(c, c->word, step);
    } else {
        c->visible = VISIBLE_EXCEPTION;
        cpu->cycles += c->timing->exception;
        if (debugs)
            debug_after(c, 0, STEP_EXCEPTION);
        cpu->insns++;
        *reason = reason_of(c, STEP_EXCEPTION, budget->visible);
#if !defined(ENGINE_FAST)
        event_emit_RETIRE(CORE_HEAD(c), pc, 0, cpu->nzcv);
#endif
    }
    step_end(c, el);
    return true;
}

#if defined(ENGINE_FAST)
/*
 * As much as the hot half can do from here: *steps and *reason as after so many single steps. The
 * next one is for the caller, unless *settled. False: what instruction_end() says.
 */
static bool run_hot(struct core *c, const struct engine_budget *budget, uint64_t *steps,
                    enum engine_reason *reason, bool *settled)
{
    struct cpu *cpu = c->cpu;
    uint8_t el = cpu->el; /* nothing changes it in the hot half but an exception, which leaves */
    enum hot_outcome outcome;
    enum step step;
    *steps += hot_run(c, budget->steps - *steps, budget->cycles - cpu->cycles, &outcome, &step);
    if (outcome == HOT_BEFORE)
        return true;
    *settled = true;
    if (outcome == HOT_HELD || outcome == HOT_OVER) {
        if (outcome == HOT_HELD || c->visible != VISIBLE_NONE)
            *reason = ENGINE_VISIBLE;
        return true;
    }
    (*steps)++;
    if (!instruction_end(c, budget, cpu->pc, a64_decode(c->word), step, reason))
        return false;
    step_end(c, el);
    return true;
}

static inline bool is_hot(const struct core *c, const struct engine_budget *budget)
{
    const struct cpu *cpu = c->cpu;
    return hot_is_ready(c) && budget->visible != ENGINE_STOPS &&
           (!interrupt_may_pend(cpu) || interrupt_to_take(cpu) == INTERRUPT_NONE);
}
#endif

/* Behind a visible operation: whether the PE goes on, if there is something left to go on with. */
static inline bool goes_on(struct core *c, const struct engine_budget *budget, uint64_t steps)
{
    return budget->visible == ENGINE_ASKS && steps < budget->steps &&
           c->cpu->cycles < budget->cycles && !c->events->stop &&
           c->ops->visible(c->owner, c->pe);
}

/* Whether the next step is one to stop before. */
static inline bool is_at_stop(const struct cpu *cpu, const struct engine_budget *budget,
                              uint64_t steps)
{
    return ((cpu->pc ^ budget->stop_pc) & budget->stop_mask) == 0 && steps != 0;
}

struct engine_result ENGINE(core_run)(struct core *c, const struct engine_budget *budget)
{
    struct cpu *cpu = c->cpu;
    uint64_t steps = 0;
    enum engine_reason reason = ENGINE_BUDGET;
    const bool stops = budget->stop_at_pc;
    c->unmodelled = NULL;
    c->visible = VISIBLE_NONE;
    c->follows = c->keeps_order && choice_is_open(c->chooser, CHOICE_LOAD_EARLY);
    direct_begin(c, budget->visible == ENGINE_ASKS);
    if (mmu_keeps_versions(c->mmu))
        core_tell_regimes(c);
    while (steps < budget->steps && cpu->cycles < budget->cycles && reason == ENGINE_BUDGET &&
           !c->events->stop && !(stops && is_at_stop(cpu, budget, steps))) {
#if defined(ENGINE_FAST)
        if (is_hot(c, budget)) {
            bool settled = false;
            if (!run_hot(c, budget, &steps, &reason, &settled))
                return (struct engine_result){ENGINE_UNMODELLED, steps - 1};
            if (reason == ENGINE_VISIBLE && c->visible != VISIBLE_NONE &&
                goes_on(c, budget, steps))
                reason = ENGINE_BUDGET;
            if (settled || steps >= budget->steps || cpu->cycles >= budget->cycles ||
                (stops && is_at_stop(cpu, budget, steps)))
                continue;
        }
#endif
        steps++;
        if (!step_once(c, budget, &reason))
            return (struct engine_result){ENGINE_UNMODELLED, steps - 1};
        if (reason == ENGINE_VISIBLE && goes_on(c, budget, steps))
            reason = ENGINE_BUDGET;
#if defined(ENGINE_FAST)
        if (effective_may_ask(c))
            break; /* core_may_run_fast() */
#endif
    }
    return (struct engine_result){reason, steps};
}
