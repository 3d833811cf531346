/*
 * Instructions that have no form of their own in the hot half: each is done by its handler, with
 * counters, PC and flags in place, and then it is looked whether the hot half may go on.
 *
 * Models nothing itself.
 *
 * DDI 0487: no part; the meaning of instructions stands in cpu/exec.
 */
#include "cpu/effective.h"
#include "cpu/hot/vector.h"
#include "cpu/interrupt.h"

/* The handler ended otherwise than at the next instruction, or something else has happened. */
static void stop_behind(HOT_ARGUMENTS, enum step step)
{
    hot_stop(HOT_PASS);
    h->outcome = HOT_DONE;
    h->step = step;
}

/* The handler does its work, with everything in its place. */
static inline __attribute__((always_inline)) enum step handle(struct core_cache *h,
                                                              const struct hot_slot *s,
                                                              uint64_t before, uint64_t fa,
                                                              uint64_t fb, exec_function *handler)
{
    struct core *c = h->core;
    hot_settle(h, s, before, fa, fb);
    c->word = s->word;
    c->extra_cost = 0;
    return handler(c, s->word);
}

/* A visible operation by a form that does not ask: the engine's loop does. */
static inline bool is_unasked(const struct core_cache *h)
{
    return h->asks && h->core->visible != VISIBLE_NONE;
}

/*
 * What is left from the instruction behind s on. Taken before anybody is asked: observers may have
 * the slots dropped.
 */
static inline uint64_t left_behind(const struct hot_slot *s, uint64_t b)
{
    return b + s[1].run;
}

/*
 * An instruction was a visible operation, and is over but for its counters: whether its PE goes on,
 * which is the machine's to say (core_ops.visible) as long as there is a budget left.
 */
static bool goes_on(struct core_cache *h, uint64_t left)
{
    struct core *c = h->core;
    struct cpu *cpu = c->cpu;
    h->held = false;
    if (left >> 32 == 0)
        return false;
    cpu->pc += 4;
    cpu->insns = h->insns_end - (left >> 32);
    cpu->cycles = h->cycles_end - (uint32_t)left;
    c->events->step = h->steps_end - (left >> 32);
    h->held = !c->ops->visible(c->owner, c->pe);
    if (__builtin_expect(direct_is_stale(c), 0)) {
        direct_refresh(c); /* observers of the question may have begun to watch */
        h->data_tag = direct_data_tag(h, direct_view(cpu));
    }
    return !h->held && !c->events->stop && !h->code_gone;
}

/* It does not go on, or cannot, with b left behind s; c->visible is as after its step. */
static void stop_asked(HOT_ARGUMENTS)
{
    s++;
    hot_stop(HOT_PASS);
    h->outcome = h->held ? HOT_HELD : HOT_OVER;
}

/*
 * asks: it may be a visible operation, and those are asked about.
 * sp: a register that the hot half wants aligned, and that the handler may write; or NULL. It is
 * always inline: a seventh argument would need a frame, and a chain of frames would never end.
 */
static inline __attribute__((always_inline)) void by_handler(HOT_ARGUMENTS, exec_function *handler,
                                                             const uint64_t *sp, bool asks)
{
    struct core *c = h->core;
    uint64_t before = b + s->run; /* the slot may be dropped by what its instruction stores */
    enum step step = handle(h, s, before, fa, fb, handler);
    if (direct_is_stale(c))
        direct_refresh(c);
    if (__builtin_expect(step != STEP_NEXT || c->extra_cost != 0 || c->lines_may_change ||
                             c->events->stop || h->code_gone ||
                             (sp && (*sp & 15u) != 0) || (!asks && is_unasked(h)), 0))
        return stop_behind(h, s, x, before, fa, fb, step);
    h->data_tag = direct_data_tag(h, direct_view(c->cpu));
    uint64_t left = left_behind(s, b);
    if (asks && c->visible != VISIBLE_NONE && !goes_on(h, left))
        return stop_asked(h, s, x, left, fa, fb);
    HOT_NEXT(1);
}

void hot_slow(HOT_ARGUMENTS)
{
    return by_handler(HOT_PASS, ENGINE(exec_table)[a64_decode(s->word)], NULL, false);
}

void hot_generic(HOT_ARGUMENTS)
{
    return by_handler(HOT_PASS, (exec_function *)(uintptr_t)s->imm, NULL, false);
}

void hot_generic_sp(HOT_ARGUMENTS)
{
    return by_handler(HOT_PASS, (exec_function *)(uintptr_t)s->imm, &x[s->rd], false);
}

void hot_asking(HOT_ARGUMENTS)
{
    return by_handler(HOT_PASS, (exec_function *)(uintptr_t)s->imm, NULL, true);
}

void hot_asking_sp(HOT_ARGUMENTS)
{
    return by_handler(HOT_PASS, (exec_function *)(uintptr_t)s->imm, &x[s->rd], true);
}

void hot_cut(HOT_ARGUMENTS)
{
    handle(h, s, b + s->run, fa, fb, ENGINE(exec_table)[a64_decode(s->word)]);
    HOT_ENTER(s + 1);
}

/* What forms look at that changes only behind system instructions: traps, and SCTLR_ELx.A. */
void hot_open_forms(struct core *c)
{
    uint64_t told = UINT64_C(1) << EVENT_SYSREG | UINT64_C(1) << EVENT_EFFECTIVE;
    uint64_t fpcr = c->cpu->reg[SR_FPCR];
    c->cache->sys_asked = 0;
    c->cache->unaligned = direct_allows_unaligned(c);
    c->cache->vectors = fp_is_open(c);
    c->cache->fpsr_told = (c->events->mask & told) != 0;
    c->cache->host_fp = c->cache->vectors && (fpcr & (FPCR_RMode | FPCR_FZ)) == 0;
}

/* Whether the hot half cannot go on behind an instruction that may change more than registers. */
static bool is_over(const struct core_cache *h)
{
    const struct core *c = h->core;
    const struct cpu *cpu = c->cpu;
    return c->extra_cost != 0 || c->lines_may_change || c->events->stop ||
           direct_code_is_stale(c) || h->code_gone ||
           direct_fetch_tag(h, cpu) != h->fetch_tag ||
           !effective_lags_unseen(c) ||
           (interrupt_may_pend(cpu) && interrupt_to_take(cpu) != INTERRUPT_NONE);
}

static inline __attribute__((always_inline)) void by_system(HOT_ARGUMENTS, exec_function *handler,
                                                            bool asks)
{
    struct core *c = h->core;
    uint64_t before = b + s->run;
    enum step step = handle(h, s, before, fa, fb, handler);
    if (step != STEP_NEXT || is_over(h) || (!asks && is_unasked(h)))
        return stop_behind(h, s, x, before, fa, fb, step);
    if (direct_is_stale(c))
        direct_refresh(c); /* of data: the code is as it was */
    h->data_tag = direct_data_tag(h, direct_view(c->cpu));
    hot_open_forms(c);
    uint64_t left = left_behind(s, b);
    if (asks && c->visible != VISIBLE_NONE && !goes_on(h, left))
        return stop_asked(h, s, x, left, fa, fb);
    HOT_NEXT(1);
}

void hot_system(HOT_ARGUMENTS)
{
    return by_system(HOT_PASS, (exec_function *)(uintptr_t)s->imm, false);
}

void hot_system_slow(HOT_ARGUMENTS)
{
    return by_system(HOT_PASS, ENGINE(exec_table)[a64_decode(s->word)], false);
}

void hot_asking_system(HOT_ARGUMENTS)
{
    return by_system(HOT_PASS, (exec_function *)(uintptr_t)s->imm, true);
}

void hot_exception(HOT_ARGUMENTS)
{
    uint64_t before = b + s->run;
    enum step step = handle(h, s, before, fa, fb, (exec_function *)(uintptr_t)s->imm);
    return stop_behind(h, s, x, before, fa, fb, step);
}
