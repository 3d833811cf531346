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
#include "cpu/exception.h"
#include "cpu/exec.h"
#include "cpu/sysreg.h"

#include <string.h>

/* HCR_EL2 bits that make a virtual interrupt pending by themselves. */
#define HCR_VIRTUAL (HCR_EL2_VI | HCR_EL2_VF | HCR_EL2_VSE)

/* irq-take: instructions that an unmasked interrupt waits for answer k. */
static const uint16_t irq_delay[] = {0, 1, 4, 16, 64};

/* Fetches the word at pc; false when an exception has been taken instead. */
static bool fetch(struct core *c, uint32_t *word)
{
    struct cpu *cpu = c->cpu;
    uint64_t pc = cpu->pc;
    struct core_cache *cache = c->cache;
    struct direct_entry *direct = &cache->fetch[(pc >> PAGE_SHIFT) % DIRECT_FETCH_COUNT];
    if (cache->legal && direct->tag == direct_tag(c, pc, cpu->el) && (pc & 3) == 0 &&
        !direct_is_stale(c)) {
        memcpy(word, direct->read + (pc & 0xfff), 4);
        return true;
    }
    if (pc & 3) {
        exception_pc_alignment(c);
        return false;
    }
    struct mmu_request request = {
        .va = va_make(pc), .el = cpu->el, .kind = ACCESS_FETCH, .alignment = 1};
    struct translation t;
    uint64_t fills = c->mmu->state->fills;
    mmu_translate(c->mmu, core_regime(c, core_regime_kind(cpu)), &request, &t);
    c->extra_cost += t.cost;
    if (c->mmu->state->fills != fills)
        c->visible = VISIBLE_WALK;
    c->fault = t.fault;
    uint64_t value[2] = {0, 0};
#if !defined(ENGINE_FAST)
    if (t.fault.kind == FAULT_NONE && __builtin_expect(c->debug_on, 0) && debug_fetch(c))
        return false;
#endif
    if (t.fault.kind == FAULT_NONE) {
        struct access access = {
            .va = va_make(pc),
            .pa = t.pa,
            .pe = (uint8_t)c->pe,
            .size = 4,
            .kind = ACCESS_FETCH,
            .memory = t.memory,
            .shareability = t.shareability,
            .el = cpu->el,
        };
        if (c->port->read(c->port->owner, &access, value) == PORT_OK) {
            *word = (uint32_t)value[0];
            bool keep = cache->legal && t.size_log2 >= PAGE_SHIFT &&
                        c->mmu->state->queue_count == 0;
            uint8_t *host = keep ? c->port->page(c->port->owner,
                                                 pa_make(align_down(t.pa.bits, PAGE_BYTES)), false)
                                 : NULL;
            if (direct_is_stale(c))
                direct_drop(c);
            *direct = (struct direct_entry){.tag = host ? direct_tag(c, pc, cpu->el) : 0,
                                            .read = host};
            return true;
        }
        c->fault = (struct fault){
            .kind = FAULT_EXTERNAL, .stage = 1, .is_fetch = 1, .va = va_make(pc)};
    }
    c->fault_iss = 0;
    exception_abort(c);
    return false;
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
    exception_interrupt(c, kind);
    cpu->cycles += c->timing->exception;
    return true;
}

/* The word is attempted; pc, exceptions and waiting are settled. */
static enum step attempt(struct core *c, uint32_t word)
{
    struct cpu *cpu = c->cpu;
    c->word = word;
    enum a64_op op = a64_decode(word);
    uint64_t pc = cpu->pc;
    enum step step;
    if (__builtin_expect(cpu->il, 0))
        step = exception_illegal_state(c);
    else
        step = ENGINE(exec_table)[op](c, word);
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

static enum engine_reason reason_of(struct core *c, enum step step, bool stop_at_visible)
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
    if (stop_at_visible && c->visible != VISIBLE_NONE)
        return ENGINE_VISIBLE;
    return ENGINE_BUDGET;
}

struct engine_result ENGINE(core_run)(struct core *c, const struct engine_budget *budget)
{
    struct cpu *cpu = c->cpu;
    uint64_t steps = 0;
    enum engine_reason reason = ENGINE_BUDGET;
    c->unmodelled = NULL;
    c->visible = VISIBLE_NONE;
    direct_begin(c);
    while (steps < budget->steps && cpu->cycles < budget->cycles && reason == ENGINE_BUDGET &&
           !c->events->stop) {
        uint8_t el = cpu->el;
        c->visible = VISIBLE_NONE;
        c->extra_cost = 0;
        steps++;
        if (__builtin_expect(cpu->lines != 0 || (cpu->effective[SR_HCR_EL2] & HCR_VIRTUAL), 0) &&
            take_interrupt(c)) {
            cpu->insns++; /* a step of its own: choices before and behind it differ in name */
            reason = reason_of(c, STEP_EXCEPTION, budget->stop_at_visible);
        } else {
            uint32_t word = 0;
            enum step step = STEP_EXCEPTION;
            uint64_t pc = cpu->pc;
#if defined(ENGINE_FAST)
            bool debugs = false;
#else
            bool debugs = __builtin_expect(c->debug_on, 0);
#endif
            bool is_pending = debugs && debug_before(c);
            if (!is_pending && fetch(c, &word)) {
                step = attempt(c, word);
            } else {
                c->visible = VISIBLE_EXCEPTION;
                cpu->cycles += c->timing->exception;
            }
            if (step == STEP_UNMODELLED)
                return (struct engine_result){ENGINE_UNMODELLED, steps - 1};
            if (debugs)
                debug_after(c, word, step);
            cpu->insns++;
            reason = reason_of(c, step, budget->stop_at_visible);
#if !defined(ENGINE_FAST)
            event_emit_RETIRE(CORE_HEAD(c), pc, word, cpu->nzcv);
#else
            (void)pc;
#endif
        }
        cpu->cycles += c->extra_cost;
        if (__builtin_expect(c->events->mask >> EVENT_CONTEXT & 1, 0) &&
            (cpu->el != el || c->regimes_stale))
            core_tell_context(c);
        c->events->step++;
    }
    return (struct engine_result){reason, steps};
}
