/*
 * The door to the hot half, the ways out of it, decoding of runs, and whatever has no form of its
 * own there: such an instruction is done by its handler, with counters, PC and flags in place.
 *
 * Models nothing itself. What leaves: a run that does not fit into the budget, exceptions, waits,
 * dynamic costs, and anything that makes a pointer stale or the engine look at interrupts or at
 * registers that lag.
 *
 * DDI 0487: no part; the meaning of instructions stands in cpu/exec.
 */
#include "cpu/effective.h"
#include "cpu/hot/vector.h"
#include "cpu/interrupt.h"

#define INDEX(h, s) ((uint64_t)((s) - (h)->slots))

void hot_stop(HOT_ARGUMENTS)
{
    (void)x;
    h->at = s;
    h->budget = b;
    h->fa = fa;
    h->fb = fb;
    h->stopped = true;
    h->outcome = HOT_BEFORE;
}

void hot_stop_amid(HOT_ARGUMENTS)
{
    b += s->run;
    hot_stop(HOT_PASS);
}

/* Everything that can be read from outside is as it is before the instruction at s. */
static inline __attribute__((always_inline)) void settle(struct core_cache *h,
                                                         const struct hot_slot *s, uint64_t b,
                                                         uint64_t fa, uint64_t fb)
{
    struct core *c = h->core;
    struct cpu *cpu = c->cpu;
    cpu->pc = h->page_va + 4 * INDEX(h, s);
    cpu->insns = h->insns_end - (b >> 32);
    cpu->cycles = h->cycles_end - (uint32_t)b;
    c->events->step = h->steps_end - (b >> 32);
    cpu->nzcv = hot_nzcv(h, fa, fb);
    h->flags_kind = HOT_FLAGS_NZCV;
}

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
    settle(h, s, before, fa, fb);
    c->word = s->word;
    c->extra_cost = 0;
    return handler(c, s->word);
}

/*
 * sp: a register that the hot half wants aligned, and that the handler may write; or NULL. It is
 * always inline: a seventh argument would need a frame, and a chain of frames would never end.
 */
static inline __attribute__((always_inline)) void by_handler(HOT_ARGUMENTS, exec_function *handler,
                                                             const uint64_t *sp)
{
    struct core *c = h->core;
    uint64_t before = b + s->run; /* the slot may be dropped by what its instruction stores */
    enum step step = handle(h, s, before, fa, fb, handler);
    if (direct_is_stale(c))
        direct_refresh(c);
    if (__builtin_expect(step != STEP_NEXT || c->extra_cost != 0 || c->lines_may_change ||
                             c->events->stop || h->code_gone ||
                             (sp && (*sp & 15u) != 0), 0))
        return stop_behind(h, s, x, before, fa, fb, step);
    h->data_tag = direct_data_tag(h, direct_view(c->cpu));
    HOT_NEXT(1);
}

void hot_slow(HOT_ARGUMENTS)
{
    return by_handler(HOT_PASS, ENGINE(exec_table)[a64_decode(s->word)], NULL);
}

void hot_generic(HOT_ARGUMENTS)
{
    return by_handler(HOT_PASS, (exec_function *)(uintptr_t)s->imm, NULL);
}

void hot_generic_sp(HOT_ARGUMENTS)
{
    return by_handler(HOT_PASS, (exec_function *)(uintptr_t)s->imm, &x[s->rd]);
}

/* What forms of FP and SIMD, and of DC ZVA, look at: it changes only behind system instructions. */
static void open_forms(struct core *c)
{
    uint64_t told = UINT64_C(1) << EVENT_SYSREG | UINT64_C(1) << EVENT_EFFECTIVE;
    uint64_t fpcr = c->cpu->reg[SR_FPCR];
    c->cache->zero = ZERO_UNKNOWN;
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

static inline __attribute__((always_inline)) void by_system(HOT_ARGUMENTS, exec_function *handler)
{
    struct core *c = h->core;
    uint64_t before = b + s->run;
    enum step step = handle(h, s, before, fa, fb, handler);
    if (step != STEP_NEXT || is_over(h))
        return stop_behind(h, s, x, before, fa, fb, step);
    if (direct_is_stale(c))
        direct_refresh(c); /* of data: the code is as it was */
    h->data_tag = direct_data_tag(h, direct_view(c->cpu));
    open_forms(c);
    HOT_NEXT(1);
}

void hot_system(HOT_ARGUMENTS)
{
    return by_system(HOT_PASS, (exec_function *)(uintptr_t)s->imm);
}

void hot_system_slow(HOT_ARGUMENTS)
{
    return by_system(HOT_PASS, ENGINE(exec_table)[a64_decode(s->word)]);
}

void hot_exception(HOT_ARGUMENTS)
{
    uint64_t before = b + s->run;
    enum step step = handle(h, s, before, fa, fb, (exec_function *)(uintptr_t)s->imm);
    return stop_behind(h, s, x, before, fa, fb, step);
}

void hot_page_end(HOT_ARGUMENTS)
{
    uint64_t va = h->page_va + PAGE_BYTES;
    const struct direct_fetch *f = &h->fetch_here[direct_fetch_index(va)];
    if (va + h->fetch_tag != f->hot_tag)
        return hot_stop_amid(HOT_PASS);
    h->page_va = va;
    h->slots = f->slots;
    HOT_ENTER(f->slots);
}

/* --- decoding ------------------------------------------------------------------------------- */

/* Instructions whose handlers do nothing but read and write registers and memory. */
static bool is_plain(enum a64_op op)
{
    switch ((enum a64_class)a64_class(op)) {
    case A64_CLASS_ALU:
    case A64_CLASS_MUL:
    case A64_CLASS_DIV:
    case A64_CLASS_CRC:
    case A64_CLASS_LOAD:
    case A64_CLASS_STORE:
    case A64_CLASS_LOAD_ACQUIRE:
    case A64_CLASS_STORE_RELEASE:
    case A64_CLASS_LDEX:
    case A64_CLASS_STEX:
    case A64_CLASS_PREFETCH:
    case A64_CLASS_ATOMIC:
    case A64_CLASS_SIMD:
    case A64_CLASS_FP:
    case A64_CLASS_FP_DIV:
        return true;
    case A64_CLASS_BRANCH:
    case A64_CLASS_BARRIER:
    case A64_CLASS_SYS:
    case A64_CLASS_HINT:
    case A64_CLASS_WAIT:
    case A64_CLASS_EXCEPTION:
    case A64_CLASS_COUNT:
        break;
    }
    return false;
}

/* Whether an instruction only computes, from general and vector registers; see hot_compute(). */
static bool only_computes(enum a64_op op)
{
    uint32_t class = a64_class(op);
    bool is_vector = class == A64_CLASS_SIMD || class == A64_CLASS_FP || class == A64_CLASS_FP_DIV;
    return is_vector && op != A64_FCCMP && op != A64_FCCMPE; /* these want flags, too */
}

/* Whether a handler might write SP, which the hot half wants aligned. */
static bool may_write_sp(uint32_t w)
{
    bool is_vector = w >> 26 & 1u; /* of loads and stores: 31 in bits 4:0 is V31 */
    return (w >> 5 & 31u) == 31 || ((w & 31u) == 31 && !is_vector);
}

/* Its own form, or else its handler. */
static void decode_plain(struct hot_slot *s, enum a64_op op, const struct hot_place *place)
{
    static const struct hot_row *const tables[] = {
        hot_rows_alu, hot_rows_memory, hot_rows_memory_vector, hot_rows_vector, hot_rows_fp};
    uint64_t handler = (uint64_t)(uintptr_t)ENGINE(exec_table)[op];
    s->imm = handler;
    for (unsigned i = 0; i < ARRAY_COUNT(tables); i++) {
        const struct hot_row *row = &tables[i][op];
        if (row->decode && row->decode(s, s->word, place, row->go))
            return;
    }
    s->imm = handler;
    if (only_computes(op)) {
        s->go = hot_compute;
    } else if (may_write_sp(s->word)) {
        s->go = hot_generic_sp;
        s->rd = (uint8_t)(HOT_SP + place->stack);
    } else {
        s->go = hot_generic;
    }
}

enum hot_form hot_decode(struct hot_slot *s, enum a64_op op, const struct hot_place *place)
{
    if (op != A64_UNALLOCATED) {
        const struct hot_row *row = &hot_rows_branch[op];
        if (row->decode && row->decode(s, s->word, place, row->go))
            return HOT_FORM_BRANCH;
        if (!row->decode && is_plain(op)) {
            decode_plain(s, op, place);
            return HOT_FORM_PLAIN;
        }
        row = &hot_rows_system[op];
        s->imm = (uint64_t)(uintptr_t)ENGINE(exec_table)[op];
        if (row->decode && row->decode(s, s->word, place, row->go))
            return s->go == hot_exception ? HOT_FORM_BRANCH : HOT_FORM_PLAIN;
    }
    s->go = hot_stop;
    return HOT_FORM_NONE;
}

/* Decodes from word i of a page on to the end of the run; then the sums, backwards. */
static void decode_run(struct core *c, struct code_page *page, struct hot_slot *slots,
                       unsigned first, unsigned stack)
{
    unsigned end = first;
    enum hot_form form = HOT_FORM_PLAIN;
    for (; end < CODE_WORDS && slots[end].go == hot_undecoded && form == HOT_FORM_PLAIN; end++) {
        struct hot_slot *s = &slots[end];
        struct hot_place place = {end, stack, c->model->features};
        enum a64_op op = code_op(page, end);
        s->word = page->word[end];
        form = hot_decode(s, op, &place);
        s->run = form == HOT_FORM_NONE
                     ? 0
                     : HOT_INSN + c->timing->instruction[a64_class(op)];
        if (form == HOT_FORM_PLAIN && end + 1 < CODE_WORDS && slots[end + 1].go != hot_stop)
            hot_fuse(s, op, page->word[end + 1], code_op(page, end + 1), &place);
    }
    unsigned i = end;
    if (form != HOT_FORM_PLAIN)
        i--; /* the last one ends the run */
    while (i-- > first)
        slots[i].run += slots[i + 1].run;
}

void hot_undecoded(HOT_ARGUMENTS)
{
    struct core *c = h->core;
    const struct cpu *cpu = c->cpu;
    struct direct_fetch *f = &h->fetch_here[direct_fetch_index(h->page_va)];
    unsigned index = (unsigned)INDEX(h, s);
    ensure(f->slots == h->slots);
    decode_run(c, f->page, f->slots, index, cpu->spsel ? cpu->el : 0);
    HOT_ENTER(&f->slots[index]);
}

/* --- the door ------------------------------------------------------------------------------- */

bool hot_is_ready(const struct core *c)
{
    const struct cpu *cpu = c->cpu;
    const uint64_t *e = cpu->effective;
    uint64_t big = cpu->el == 2   ? e[SR_SCTLR_EL2] & SCTLR_EL2_EE
                   : cpu->el == 1 ? e[SR_SCTLR_EL1] & SCTLR_EL1_EE
                                  : e[SR_SCTLR_EL1] & SCTLR_EL1_E0E;
    return c->cache->legal && c->code && !cpu->il && effective_lags_unseen(c) &&
           !c->regimes_stale && big == 0 &&
           (cpu_sp_get(cpu) & 15u) == 0 &&
           (c->events->mask & UINT64_C(1) << EVENT_MEM) == 0;
}

/* What a fresh set of slots is; the same for every page. */
static void blank_make(struct hot_slot *blank)
{
    for (unsigned i = 0; i < CODE_WORDS; i++)
        blank[i] = (struct hot_slot){.go = hot_undecoded};
    blank[CODE_WORDS] = (struct hot_slot){.go = hot_page_end};
}

/* The slot at the PC, or NULL when the page has to be fetched from first. */
static const struct hot_slot *slot_at(struct core *c, uint64_t pc)
{
    struct core_cache *h = c->cache;
    struct direct_fetch *f = &h->fetch_here[direct_fetch_index(pc)];
    uint64_t tag = (pc & ~(uint64_t)(PAGE_BYTES - 4)) + h->fetch_tag;
    if (f->tag != tag)
        return NULL;
    if (f->hot_tag != tag) {
        if (!c->code->blank->go)
            blank_make(c->code->blank);
        const struct cpu *cpu = c->cpu;
        f->slots = code_slots(c->code, f->page, cpu->spsel ? cpu->el : 0, pc);
        f->hot_tag = tag;
    }
    h->slots = f->slots;
    h->page_va = direct_page(pc);
    return &f->slots[(pc & (PAGE_BYTES - 1)) / 4];
}

/* The dearest instruction that there is. */
static uint32_t cost_max(const struct timing *timing)
{
    uint32_t most = 1;
    for (unsigned i = 0; i < A64_CLASS_COUNT; i++) {
        if (timing->instruction[i] > most)
            most = timing->instruction[i];
    }
    return most;
}

/* So many steps that neither limit can be passed: near the end of the cycles less than all. */
static uint64_t steps_within(const struct core_cache *h, uint64_t steps, uint64_t cycles)
{
    if (cycles > HOT_CYCLES)
        cycles = HOT_CYCLES;
    if (steps > HOT_CYCLES || steps * h->cost_max > cycles)
        return cycles / h->cost_max < steps ? cycles / h->cost_max : steps;
    return steps;
}

uint64_t hot_run(struct core *c, uint64_t steps, uint64_t cycles, enum hot_outcome *outcome,
                 enum step *step)
{
    struct core_cache *h = c->cache;
    struct cpu *cpu = c->cpu;
    *outcome = HOT_BEFORE;
    if (direct_is_stale(c))
        direct_refresh(c);
    h->data_tag = direct_data_tag(h, direct_view(cpu));
    h->fetch_tag = direct_fetch_tag(h, cpu);
    h->fetch_here = h->fetch[cpu->el];
    h->code_gone = false;
    const struct hot_slot *s = slot_at(c, cpu->pc);
    open_forms(c);
    if (!h->cost_max)
        h->cost_max = cost_max(c->timing);
    steps = steps_within(h, steps, cycles);
    uint64_t budget = steps << 32 | HOT_CYCLES;
    if (!s || s->go == hot_stop || budget < s->run)
        return 0;
    h->steps_end = c->events->step + steps;
    h->insns_end = cpu->insns + steps;
    h->cycles_end = cpu->cycles + HOT_CYCLES;
    h->flags_kind = HOT_FLAGS_NZCV;
    h->stopped = false;
    s->go(h, s, (uint64_t *)(void *)cpu, budget - s->run, 0, 0);
    while (!HOT_THREADED && !h->stopped)
        h->at->go(h, h->at, (uint64_t *)(void *)cpu, h->budget, h->fa, h->fb);
    *outcome = (enum hot_outcome)h->outcome;
    *step = (enum step)h->step;
    if (*outcome == HOT_BEFORE)
        settle(h, h->at, h->budget, h->fa, h->fb);
    uint64_t done = steps - (h->budget >> 32);
    h->hot_insns += done;
    return done;
}
