/*
 * Small programs on up to four PEs, run in every order of their accesses and with every answer to
 * every open question: which outcomes are there? Addresses of x, y, z are in X1, X3, X5 of each
 * PE, 1 and 2 in X10 and X11; programs leave what they have read in X20 and up.
 */
#pragma once
#include "tests/unit/machine_world.h"

#define ORDER_X WORLD_DATA
#define ORDER_Y (WORLD_DATA + 0x400)
#define ORDER_Z (WORLD_DATA + 0x800)

/* Words. Registers: t the transferred one, n the base, m an index. */
#define STR(t, n) (0xf9000000u | (n) << 5 | (t))
#define LDR(t, n) (0xf9400000u | (n) << 5 | (t))
#define LDR_INDEX(t, n, m) (0xf8606800u | (m) << 16 | (n) << 5 | (t))
#define STR_INDEX(t, n, m) (0xf8206800u | (m) << 16 | (n) << 5 | (t))
#define LDAR(t, n) (0xc8dffc00u | (n) << 5 | (t))
#define LDAPR(t, n) (0xf8bfc000u | (n) << 5 | (t))
#define STLR(t, n) (0xc89ffc00u | (n) << 5 | (t))
#define LDXR(t, n) (0xc85f7c00u | (n) << 5 | (t))
#define STXR(s, t, n) (0xc8007c00u | (s) << 16 | (n) << 5 | (t))
#define SWP(s, t, n) (0xf8208000u | (s) << 16 | (n) << 5 | (t))
#define STRB(t, n) (0x39000000u | (n) << 5 | (t))
#define LDRB(t, n) (0x39400000u | (n) << 5 | (t))
#define EOR(d, n, m) (0xca000000u | (m) << 16 | (n) << 5 | (d))
#define ADD(d, n, m) (0x8b000000u | (m) << 16 | (n) << 5 | (d))
#define CBNZ_NEXT(t) (0xb5000020u | (t)) /* to the next instruction either way */
#define DMB_ISH 0xd5033bbfu
#define DMB_ISHST 0xd5033abfu
#define DMB_ISHLD 0xd50339bfu
#define DMB_NSH 0xd50337bfu
#define DMB_NSHST 0xd50336bfu
#define DSB_ISH 0xd5033b9fu
#define DSB_ISHST 0xd5033a9fu
#define DSB_ISHLD 0xd503399fu
#define DSB_NSH 0xd503379fu
#define ISB 0xd5033fdfu

#define ORDER_PES 4u
#define ORDER_WORDS 8u
#define ORDER_QUESTIONS 128u

/* All answers in turn: a question that was not asked before is answered 0 first. */
struct search {
    uint32_t answer[ORDER_QUESTIONS], n[ORDER_QUESTIONS];
    unsigned count, at; /* questions known, and asked in this run */
};

static inline uint32_t search_ask(struct search *s, uint32_t n)
{
    cr_assert_lt(s->at, ORDER_QUESTIONS);
    if (s->at == s->count) {
        s->answer[s->count] = 0;
        s->n[s->count++] = n;
    }
    cr_assert_eq(s->n[s->at], n, "the same answers lead to the same questions");
    return s->answer[s->at++];
}

static inline uint32_t search_decide(void *context, const struct choice_name *name, uint32_t n,
                                     uint64_t hint)
{
    (void)name, (void)hint;
    return search_ask(context, n);
}

/* The next answers, or false: that was all. */
static inline bool search_next(struct search *s)
{
    s->count = s->at;
    s->at = 0;
    while (s->count != 0 && s->answer[s->count - 1] + 1 == s->n[s->count - 1])
        s->count--;
    if (s->count == 0)
        return false;
    s->answer[s->count - 1]++;
    return true;
}

/* A test: programs end with a 0 word. */
struct order_test {
    uint32_t program[ORDER_PES][ORDER_WORDS];
    uint32_t store_buffer, history;
    uint32_t open; /* kinds that are open */
    void (*set_up)(struct machine *m); /* before the start, or NULL */
    bool all_seen; /* at the end each PE's stores become visible, in some order of the PEs */
};

static inline unsigned order_pes(const struct order_test *t)
{
    unsigned count = 0;
    while (count < ORDER_PES && t->program[count][0] != 0)
        count++;
    return count;
}

static inline unsigned order_length(const struct order_test *t, unsigned pe)
{
    unsigned length = 0;
    while (length < ORDER_WORDS && t->program[pe][length] != 0)
        length++;
    return length;
}

static inline struct machine *order_machine(unsigned pes, uint32_t store_buffer, uint32_t history)
{
    struct machine_config config;
    struct error error;
    config_default(&config);
    config.pe_count = pes;
    config.quantum = 1;
    config.ram_bytes = 4u << 20;
    config.timing_flat = 1;
    config.tlb_entries = 64;
    config.store_buffer = store_buffer;
    config.history = history;
    struct machine *m = machine_new(&config, &error);
    cr_assert_not_null(m, "%s", error.text);
    m->model.features |= SYSREG_FEATURE_LSE | SYSREG_FEATURE_RCPC;
    return m;
}

/* A machine with the programs in it, each PE at its first instruction with its TLB filled. */
static inline struct machine *order_begin(const struct order_test *t)
{
    unsigned pes = order_pes(t);
    struct machine *m = order_machine(pes, t->store_buffer, t->history);
    for (unsigned pe = 0; pe < pes; pe++) {
        struct cpu *cpu = world_start(m, pe, t->program[pe], order_length(t, pe));
        world_mmu_on(m, pe);
        cpu->x[1] = ORDER_X;
        cpu->x[3] = ORDER_Y;
        cpu->x[5] = ORDER_Z;
        cpu->x[10] = 1;
        cpu->x[11] = 2;
        cpu->x[30] = pe;
    }
    if (t->set_up)
        t->set_up(m);
    return m;
}

static inline void order_step(struct machine *m, unsigned pe)
{
    struct engine_budget budget = {.steps = 1, .cycles = UINT64_MAX};
    engine_run(m, pe, &budget);
    m->state->step++;
}

/* Whether others could tell when an instruction is executed. */
static inline bool order_is_local(uint32_t word)
{
    return (word & 0xffe00000u) == 0xca000000u || (word & 0xffe00000u) == 0x8b000000u ||
           (word & 0xff000000u) == 0xb5000000u;
}

/* A PE that has taken an exception stops there, with this in X29. */
#define ORDER_FAULTED 0xfau

/* One run: at each place any PE that is not at its end may go on. */
static inline void order_run(struct machine *m, const struct order_test *t, struct search *s)
{
    unsigned pes = m->config.pe_count, at[ORDER_PES] = {0};
    for (;;) {
        unsigned ready[ORDER_PES], count = 0;
        for (unsigned pe = 0; pe < pes; pe++)
            if (at[pe] < ORDER_WORDS && t->program[pe][at[pe]] != 0)
                ready[count++] = pe;
        if (count == 0)
            break;
        unsigned pe = ready[count == 1 ? 0 : search_ask(s, count)];
        do {
            order_step(m, pe);
            at[pe]++;
        } while (at[pe] < ORDER_WORDS && order_is_local(t->program[pe][at[pe]]));
        struct cpu *cpu = &m->state->cpu[pe];
        if (cpu->pc != WORLD_PROGRAM(pe) + 4 * at[pe]) {
            cpu->x[29] = ORDER_FAULTED;
            at[pe] = ORDER_WORDS;
        }
    }
    if (t->all_seen && m->order) {
        bool first = pes > 1 && search_ask(s, 2) == 1;
        for (unsigned i = 0; i < pes; i++)
            order_drain(m->order, first ? pes - 1 - i : i);
    }
}

/* What a run is looked at for. */
typedef bool order_outcome(struct machine *m);

struct order_result {
    unsigned runs, hits;
};

/* Every question of every kind is answered so; what a kind has no such answer for, with 0. */
static inline uint32_t order_always(void *context, const struct choice_name *name, uint32_t n,
                                    uint64_t hint)
{
    const uint32_t *answers = context; /* by kind */
    (void)hint;
    return answers[name->kind] < n ? answers[name->kind] : 0;
}

static inline void order_answer(struct machine *m, uint32_t *answers)
{
    m->chooser.policy = CHOICE_DECIDE;
    m->chooser.decide = order_always;
    m->chooser.decide_context = answers;
    m->chooser.open_mask =
        1u << CHOICE_STORE_DRAIN | 1u << CHOICE_LOAD_EARLY | 1u << CHOICE_TLBI_DRAIN;
}

/* All runs, and in how many of them the outcome came. */
static inline struct order_result order_explore(const struct order_test *t, order_outcome *outcome)
{
    struct order_result result = {0, 0};
    struct search s = {.count = 0};
    struct machine *m = order_begin(t);
    struct machine_snapshot *begin = machine_save(m);
    m->chooser.policy = CHOICE_DECIDE;
    m->chooser.decide = search_decide;
    m->chooser.decide_context = &s;
    m->chooser.open_mask = t->open;
    do {
        machine_restore(m, begin);
        m->chooser.record_count = 0;
        order_run(m, t, &s);
        result.runs++;
        result.hits += outcome(m);
        cr_assert_lt(result.runs, 2000000u);
    } while (search_next(&s));
    machine_snapshot_free(begin);
    machine_free(m);
    return result;
}

static inline uint64_t order_reg(const struct machine *m, unsigned pe, unsigned n)
{
    return m->state->cpu[pe].x[n];
}
