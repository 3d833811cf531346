/*
 * The door to the hot half, the ways out of it, and decoding of runs.
 *
 * Models nothing itself. What leaves: a run that does not fit into the budget, exceptions, waits,
 * dynamic costs, and anything that makes a pointer stale or the engine look at interrupts or at
 * registers that lag (handler.c).
 *
 * DDI 0487: no part; the meaning of instructions stands in cpu/exec.
 */
#include "cpu/effective.h"
#include "cpu/hot/vector.h"

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

/* Instructions that others can see the effect of, or that see the effect of others. */
static bool may_be_visible(enum a64_op op)
{
    switch ((enum a64_class)a64_class(op)) {
    case A64_CLASS_LOAD:
    case A64_CLASS_STORE:
    case A64_CLASS_LOAD_ACQUIRE:
    case A64_CLASS_STORE_RELEASE:
    case A64_CLASS_LDEX:
    case A64_CLASS_STEX:
    case A64_CLASS_PREFETCH:
    case A64_CLASS_ATOMIC:
    case A64_CLASS_BARRIER:
    case A64_CLASS_WAIT:
    case A64_CLASS_EXCEPTION:
        return true;
    case A64_CLASS_SYS:
        return op != A64_MRS && op != A64_MSR_DAIFSet && op != A64_MSR_DAIFClr;
    case A64_CLASS_HINT:
        return op == A64_SEV || op == A64_SEVL;
    case A64_CLASS_ALU:
    case A64_CLASS_MUL:
    case A64_CLASS_DIV:
    case A64_CLASS_CRC:
    case A64_CLASS_SIMD:
    case A64_CLASS_FP:
    case A64_CLASS_FP_DIV:
    case A64_CLASS_BRANCH:
    case A64_CLASS_COUNT:
        break;
    }
    return false;
}

/* Its handler, which asks. */
static void decode_asking(struct hot_slot *s, enum a64_op op, const struct hot_place *place)
{
    s->imm = (uint64_t)(uintptr_t)ENGINE(exec_table)[op];
    if (!is_plain(op)) {
        s->go = hot_asking_system;
    } else if (may_write_sp(s->word)) {
        s->go = hot_asking_sp;
        s->rd = (uint8_t)(HOT_SP + place->stack);
    } else {
        s->go = hot_asking;
    }
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
        bool asks = place->asks && may_be_visible(op);
        if (!row->decode && is_plain(op)) {
            if (asks)
                decode_asking(s, op, place);
            else
                decode_plain(s, op, place);
            return HOT_FORM_PLAIN;
        }
        row = &hot_rows_system[op];
        s->imm = (uint64_t)(uintptr_t)ENGINE(exec_table)[op];
        if (row->decode && row->decode(s, s->word, place, row->go)) {
            if (s->go == hot_exception)
                return HOT_FORM_BRANCH;
            if (asks)
                decode_asking(s, op, place);
            return HOT_FORM_PLAIN;
        }
    }
    s->go = hot_stop;
    return HOT_FORM_NONE;
}

/*
 * A run that does not fit into the budget is left to the engine's loop, instruction by
 * instruction; so straight code of great length, like that of ciphers, is cut into several runs.
 */
#define RUN_INSNS_MAX 48u

/* Whether a run may end at an instruction; see hot_cut(). */
static bool may_cut(enum a64_op op, uint32_t w)
{
    return a64_class(op) == A64_CLASS_ALU && !may_write_sp(w);
}

/* Decodes from word i of a page on to the end of the run; then the sums, backwards. */
static void decode_run(struct core *c, struct code_page *page, struct hot_slot *slots,
                       unsigned first, unsigned stack)
{
    unsigned end = first;
    enum hot_form form = HOT_FORM_PLAIN;
    for (; end < CODE_WORDS && slots[end].go == hot_undecoded && form == HOT_FORM_PLAIN; end++) {
        struct hot_slot *s = &slots[end];
        struct hot_place place = {end, stack, c->model->features, c->cache->asks};
        enum a64_op op = code_op(page, end);
        s->word = page->word[end];
        form = hot_decode(s, op, &place);
        if (end - first >= RUN_INSNS_MAX && form == HOT_FORM_PLAIN && may_cut(op, s->word)) {
            s->go = hot_cut;
            form = HOT_FORM_BRANCH;
        }
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
    unsigned index = (unsigned)hot_index(h, s);
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
        f->slots = code_slots(c->code, f->page, cpu->spsel ? cpu->el : 0, h->asks, pc);
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
    hot_open_forms(c);
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
    if (*outcome != HOT_DONE)
        hot_settle(h, h->at, h->budget, h->fa, h->fb);
    uint64_t done = steps - (h->budget >> 32);
    h->hot_insns += done;
    return done;
}
