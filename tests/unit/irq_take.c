/*
 * The choice irq-take: how long an unmasked interrupt may wait, for each kind of interrupt, and
 * where it may not: what was pending at a context synchronization event is taken behind it.
 */
#include "tests/unit/machine_world.h"

#define PLACES 6u

struct answers {
    uint32_t k;
    unsigned asked;
    uint64_t at[64]; /* steps at which it was asked */
};

static uint32_t decide(void *context, const struct choice_name *name, uint32_t n, uint64_t hint)
{
    struct answers *a = context;
    cr_assert_eq(name->kind, CHOICE_IRQ_TAKE);
    cr_assert_eq(hint, VISIBLE_EXCEPTION);
    cr_assert_lt(a->k, n);
    a->at[a->asked++ % 64] = name->ordinal;
    return a->asked == 1 ? a->k : 0;
}

/* Where an interrupt can come from, and the level at which it finds the PE. */
static const struct source {
    uint8_t line;
    uint64_t hcr;
    uint8_t el;
} sources[PLACES] = {
    {CPU_LINE_IRQ, HCR_EL2_IMO, 2},  {CPU_LINE_FIQ, HCR_EL2_FMO, 2},
    {CPU_LINE_SERROR, HCR_EL2_AMO, 2}, {CPU_LINE_VIRQ, HCR_EL2_IMO, 1},
    {CPU_LINE_VFIQ, HCR_EL2_FMO, 1}, {0, HCR_EL2_AMO | HCR_EL2_VSE, 1},
};

static struct machine *stage(struct answers *a, const struct source *s, enum engine_kind kind,
                             const uint32_t *words, size_t count)
{
    struct machine *m = world_machine(1, 1);
    m->engine = kind;
    m->chooser.policy = CHOICE_DECIDE;
    m->chooser.decide = decide;
    m->chooser.decide_context = a;
    m->chooser.open_mask = 1u << CHOICE_IRQ_TAKE;
    struct cpu *cpu = world_start(m, 0, words, count);
    world_set(m, 0, SR_VBAR_EL1, WORLD_VECTORS);
    machine_wires(m);
    cpu->insns = 10; /* the first instruction is behind it */
    cpu->daif = 0;
    cpu->el = s->el;
    cpu->lines = s->line;
    world_set(m, 0, SR_HCR_EL2, cpu->reg[SR_HCR_EL2] | s->hcr);
    return m;
}

static bool is_taken(const struct machine *m)
{
    uint64_t pc = m->state->cpu[0].pc;
    return pc >= WORLD_VECTORS && pc < WORLD_VECTORS + 0x800;
}

/* Instructions that are executed until it is taken. */
static uint64_t executed(struct machine *m)
{
    uint64_t count = 0;
    for (;; count++) {
        machine_run(m, m->state->step + 1);
        if (is_taken(m))
            return count;
        cr_assert_lt(count, 100);
    }
}

Test(irq_take, each_kind_waits_as_long_as_answered)
{
    static const uint32_t loop[] = {A64_COUNT, A64_B_BACK};
    static const uint64_t delay[] = {0, 1, 4, 16, 64};
    WORLD_ENGINES(kind)
        for (unsigned i = 0; i < PLACES; i++)
            for (uint32_t k = 0; k < ARRAY_COUNT(delay); k++) {
                struct answers a = {.k = k};
                struct machine *m = stage(&a, &sources[i], kind, loop, ARRAY_COUNT(loop));
                cr_assert_eq(executed(m), delay[k], "source %u", i);
                cr_assert_eq(a.asked, 1);
                machine_free(m);
            }
}

/* Two instructions and an ISB: whatever is answered, no instruction is executed behind that. */
Test(irq_take, no_interrupt_waits_through_an_isb)
{
    static const uint32_t words[] = {A64_COUNT, A64_COUNT, A64_ISB, A64_COUNT, A64_B_BACK};
    static const uint64_t most[] = {0, 1, 3, 3, 3};
    WORLD_ENGINES(kind)
        for (unsigned i = 0; i < PLACES; i++)
            for (uint32_t k = 0; k < ARRAY_COUNT(most); k++) {
                struct answers a = {.k = k};
                struct machine *m = stage(&a, &sources[i], kind, words, ARRAY_COUNT(words));
                cr_assert_eq(executed(m), most[k], "source %u, answer %u", i, k);
                machine_free(m);
            }
}

/* A return to EL1 that lets a virtual interrupt in: it is taken before the first instruction. */
Test(irq_take, no_interrupt_waits_behind_an_exception_return)
{
    static const uint32_t words[] = {0xd69f03e0 /* eret */};
    static const uint32_t loop[] = {A64_COUNT, A64_B_BACK};
    struct answers a = {.k = 4};
    struct machine *m = stage(&a, &sources[3], ENGINE_KIND_FAST, words, ARRAY_COUNT(words));
    struct cpu *cpu = &m->state->cpu[0];
    cr_assert(machine_poke(m, pa_make(WORLD_PROGRAM(1)), loop, sizeof loop));
    cpu->el = 2;
    world_set(m, 0, SR_ELR_EL2, WORLD_PROGRAM(1));
    world_set(m, 0, SR_SPSR_EL2, 5); /* EL1h, nothing masked */
    cr_assert_eq(executed(m), 1);
    cr_assert_eq(a.asked, 0);
    machine_free(m);
}

/* Masked before it is taken, it waits for whoever unmasks it, and is asked about anew. */
Test(irq_take, masking_an_interrupt_that_waits_keeps_it_out)
{
    static const uint32_t words[] = {A64_COUNT, 0xd50342df /* msr daifset, #2 */, A64_COUNT,
                                     A64_COUNT, 0xd50342ff /* msr daifclr, #2 */, A64_COUNT,
                                     A64_B_BACK};
    struct answers a = {.k = 2};
    struct machine *m = stage(&a, &sources[0], ENGINE_KIND_FAST, words, ARRAY_COUNT(words));
    cr_assert_eq(executed(m), 5);
    cr_assert_eq(a.asked, 2);
    machine_free(m);
}

Test(irq_take, an_interrupt_that_is_withdrawn_is_not_taken)
{
    static const uint32_t loop[] = {A64_COUNT, A64_B_BACK};
    struct answers a = {.k = 3};
    struct machine *m = stage(&a, &sources[0], ENGINE_KIND_FAST, loop, ARRAY_COUNT(loop));
    machine_run(m, m->state->step + 2);
    m->state->cpu[0].lines = 0;
    machine_run(m, m->state->step + 100);
    cr_assert_not(is_taken(m));
    machine_free(m);
}

Test(irq_take, who_holds_an_interrupt_does_not_sleep)
{
    static const uint32_t wfi[] = {A64_WFI, A64_WFE, A64_COUNT, A64_B_BACK};
    struct answers a = {.k = 4};
    struct machine *m = stage(&a, &sources[0], ENGINE_KIND_FAST, wfi, ARRAY_COUNT(wfi));
    machine_run(m, m->state->step + 4);
    cr_assert_eq(m->state->cpu[0].wait, CPU_RUNS);
    cr_assert_geq(m->state->cpu[0].x[10], 1);
    machine_free(m);
}
