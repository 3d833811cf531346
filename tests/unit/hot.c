/*
 * Every hot form against the handler of its row: the same random words with the same random
 * registers in both engines leave the same machine, and the fast engine did run them in its hot
 * half. One case per row, then straight lines of many rows before a branch, for the lazy flags.
 */
#include "tests/unit/machine_world.h"

/* Words there, rows here. */
enum { NOP_WORD = A64_NOP };
#undef A64_COUNT
#undef A64_NOP
#undef A64_WFI
#undef A64_WFE
#undef A64_ISB

#include "cpu/direct.h"
#include "cpu/disasm.h"
#include "cpu/exec.h"
#include "cpu/hot/hot.h"
#include "cpu/sysreg_row.h"

#include <criterion/parameterized.h>

#define CODE (MAP_RAM + 0x100000)
#define DATA (MAP_RAM + 0x800000)
#define WORDS_PER_ROW 300u
#define WORDS_PER_HANDLER 60u
#define LINES 4000u
#define LINE_MAX 6u

struct pair {
    struct machine *m[2]; /* by engine_kind */
    uint64_t seed;
};

static uint64_t next(struct pair *p)
{
    return p->seed = hash_mix(p->seed + 1);
}

static void pair_open(struct pair *p, uint64_t seed)
{
    p->seed = seed;
    WORLD_ENGINES(kind) {
        struct machine *m = p->m[kind] = world_machine_of("cortex-a57", 1, 1000);
        m->engine = kind;
        WORLD_START(m, 0, NOP_WORD);
        world_mmu_on(m, 0);
        for (int page = -1; page <= 1; page++) { /* so that branches find their pages */
            uint32_t nop = NOP_WORD;
            uint64_t at = CODE + (uint64_t)(page * (int)PAGE_BYTES);
            cr_assert(machine_poke(m, pa_make(at), &nop, sizeof nop));
            m->state->cpu[0].pc = at;
            machine_run(m, m->state->step + 1);
            machine_run(m, m->state->step + 1);
        }
    }
}

static void pair_close(struct pair *p)
{
    machine_free(p->m[0]);
    machine_free(p->m[1]);
}

static uint64_t random_value(struct pair *p)
{
    static const uint64_t corners[] = {0, 1, UINT64_MAX, UINT64_C(1) << 63, INT64_MAX,
                                       UINT64_C(1) << 31, INT32_MAX, UINT32_MAX, 0xff, 0x8000};
    uint64_t r = next(p);
    return r % 3 == 0 ? corners[r / 3 % ARRAY_COUNT(corners)] : next(p) >> (r >> 32 & 63);
}

/* A word of the row; direct branches go not far. */
static uint32_t random_word(struct pair *p, enum a64_op op)
{
    static const struct {
        uint32_t mask, bits;
    } rows[] = {
#define X(name, mask, bits, class, flags, text, line) [A64_##name] = {mask, bits},
        A64_LIST(X)
#undef X
    };
    for (;;) {
        uint32_t w = (uint32_t)next(p);
        uint32_t near = (uint32_t)((int32_t)(next(p) % 3000) - 1500);
        w = (w & ~rows[op].mask) | rows[op].bits;
        if (op == A64_B || op == A64_BL)
            w = (w & ~0x3ffffffu) | (near & 0x3ffffffu);
        if (op == A64_B_cond || op == A64_CBZ || op == A64_CBNZ)
            w = (w & ~0xffffe0u) | (near & 0x7ffffu) << 5;
        if (op == A64_TBZ || op == A64_TBNZ)
            w = (w & ~0x7ffe0u) | (near & 0x3fffu) << 5;
        if (a64_decode(w) == op)
            return w;
    }
}

/* Half of a vector register: of either precision, of every kind that arithmetic tells apart. */
static uint64_t random_half(struct pair *p)
{
    static const uint64_t doubles[] = {0, UINT64_C(1) << 63, 0x3ff, UINT64_C(0x7ff) << 52,
                                       UINT64_C(0x7ff8) << 48, UINT64_C(0x7ff0000000000001),
                                       UINT64_C(0x0010000000000000), UINT64_C(0x7fefffffffffffff)};
    static const uint32_t singles[] = {0, UINT32_C(1) << 31, 0x3ff, 0x7f800000, 0x7fc00000,
                                       0x7f800001, 0x00800000, 0x7f7fffff};
    uint64_t r = next(p), sign = r >> 63 << 63;
    switch (r % 8) {
    case 0:
        return doubles[r / 8 % ARRAY_COUNT(doubles)] ^ sign;
    case 1:
        return (uint64_t)singles[r / 8 % 8] << 32 | singles[r / 64 % ARRAY_COUNT(singles)];
    case 2:
        return next(p);
    case 3:
    case 4: /* two of single precision, near one; so near that some results are exact */
        return UINT64_C(0x3f8000003f800000) + (next(p) & UINT64_C(0x81f0000081f00000));
    default:
        return sign + UINT64_C(0x3fe0000000000000) + (next(p) & UINT64_C(0x003f000000000000)) +
               (r % 2 ? next(p) & UINT64_C(0xffffffffffff) : 0);
    }
}

/* FPCR is mostly as programs have it; FPSR.IXC is set or clear. */
static void random_vectors(struct pair *p, struct cpu *cpu)
{
    for (unsigned n = 0; n < 32; n++) {
        cpu->v[n][0] = random_half(p);
        cpu->v[n][1] = random_half(p);
    }
    uint64_t fpcr = next(p) % 8 ? 0 : next(p) & (FPCR_RMode | FPCR_FZ | FPCR_DN);
    uint64_t fpsr = next(p) % 2 ? FPSR_IXC : next(p) % 4 ? 0 : next(p) & FPSR_IOC;
    cpu->reg[SR_FPCR] = cpu->effective[SR_FPCR] = fpcr;
    cpu->reg[SR_FPSR] = cpu->effective[SR_FPSR] = fpsr;
}

/* Registers that suit the word: addresses in DATA for memory, in CODE for branches. */
static void random_registers(struct pair *p, enum a64_op op, uint32_t w, struct cpu *cpu)
{
    for (unsigned n = 0; n < 31; n++)
        cpu->x[n] = random_value(p);
    random_vectors(p, cpu);
    cpu->nzcv = (uint32_t)next(p) & 0xf0000000u;
    cpu->sp[2] = DATA + 16 * (next(p) % 128) + (next(p) % 16 == 0 ? 8 : 0);
    unsigned rn = w >> 5 & 31u, rm = w >> 16 & 31u;
    enum a64_class class = a64_class(op);
    if (class == A64_CLASS_LOAD || class == A64_CLASS_STORE) {
        cpu->x[rm] = rm == 31 ? 0 : next(p) % 64;
        uint64_t base = DATA + 8 * (next(p) % 512) + (next(p) % 8 == 0 ? next(p) % 8 : 0);
        if (rn != 31)
            cpu->x[rn] = base;
    } else if (class == A64_CLASS_BRANCH && rn != 31) {
        if (op == A64_BR || op == A64_BLR || op == A64_RET)
            cpu->x[rn] = CODE - PAGE_BYTES + 4 * (next(p) % (3 * CODE_WORDS)) +
                         (next(p) % 16 == 0 ? UINT64_C(1) << (next(p) % 64) : 0);
    }
}

/*
 * Runs so many words at a random place of the code page with these registers, twice, so that the
 * second time finds all pointers; compares. True: the hot half did it.
 */
static bool pair_run_twice(struct pair *p, const uint32_t *words, unsigned count,
                           const struct cpu *first, const struct cpu *second)
{
    uint64_t place = next(p) % (CODE_WORDS - count - 1), hot = 0, hash[2];
    WORLD_ENGINES(kind) {
        struct machine *m = p->m[kind];
        struct cpu *cpu = &m->state->cpu[0];
        struct core_cache *cache = m->core[0].cache;
        cr_assert(machine_poke(m, pa_make(CODE + 4 * place), words, count * sizeof *words));
        for (unsigned round = 0; round < 2; round++) {
            uint64_t before = cache->hot_insns;
            *cpu = round ? *second : *first;
            cpu->pc = CODE + 4 * place;
            machine_run(m, m->state->step + count);
            hot = cache->hot_insns - before;
        }
        hash[kind] = machine_hash(m);
    }
    cr_assert_eq(hash[0], hash[1], "%#x %#x %#x ... (%u words) at word %u differ", words[0],
                 count > 1 ? words[1] : 0, count > 2 ? words[2] : 0, count, (unsigned)place);
    return hot == count;
}

static bool pair_run(struct pair *p, const uint32_t *words, unsigned count,
                     const struct cpu *registers)
{
    return pair_run_twice(p, words, count, registers, registers);
}

static bool is_hot(enum a64_op op)
{
    return hot_rows_alu[op].decode || hot_rows_memory[op].decode || hot_rows_branch[op].decode ||
           hot_rows_memory_vector[op].decode || hot_rows_vector[op].decode ||
           hot_rows_fp[op].decode;
}

/* Rows that are hot without a form of their own: their handlers only compute. */
static bool computes(enum a64_op op)
{
    uint32_t class = a64_class(op);
    return class == A64_CLASS_SIMD || class == A64_CLASS_FP || class == A64_CLASS_FP_DIV;
}

/* A Cortex-A57 has what is hot, but for one extension. */
static bool is_there(enum a64_op op)
{
    return (a64_flags(op) & A64_NEEDS_RDM) == 0;
}

static bool is_vector(enum a64_op op)
{
    return computes(op) || hot_rows_memory_vector[op].decode;
}

ParameterizedTestParameters(hot, each_form_does_what_its_handler_does)
{
    static enum a64_op rows[A64_COUNT];
    size_t count = 0;
#define X(op, mask, bits, class, flags, text, line)                                             \
    if (is_hot(A64_##op))                                                                       \
        rows[count++] = A64_##op;
    A64_LIST(X)
#undef X
    return cr_make_param_array(enum a64_op, rows, count);
}

/* So many words of a row; more than one in eight must have been hot. */
static void row_run(struct pair *p, enum a64_op op, unsigned count)
{
    unsigned hot = 0;
    bool ends_run = hot_rows_branch[op].decode != NULL;
    for (unsigned i = 0; i < count; i++) {
        struct cpu registers = p->m[0]->state->cpu[0];
        uint32_t words[2] = {random_word(p, op), 0x14000001 /* b .+4 */};
        random_registers(p, op, words[0], &registers);
        hot += pair_run(p, words, ends_run ? 1 : 2, &registers);
    }
    if (is_there(op))
        cr_assert_gt(hot, count / 8, "%s: %u of %u were hot", a64_op_name(op), hot, count);
}

ParameterizedTest(enum a64_op *op, hot, each_form_does_what_its_handler_does)
{
    struct pair p;
    pair_open(&p, hash_mix(*op));
    row_run(&p, *op, WORDS_PER_ROW);
    pair_close(&p);
}

/* Vector rows without a form: their handlers, called from the hot half. */
Test(hot, handlers_that_compute)
{
    struct pair p;
    pair_open(&p, 5);
    for (enum a64_op op = 0; op < A64_COUNT; op++) {
        if (computes(op) && !is_hot(op))
            row_run(&p, op, WORDS_PER_HANDLER);
    }
    pair_close(&p);
}

/* Straight lines without memory: producers and consumers of flags in any order. */
Test(hot, straight_lines_do_what_their_handlers_do)
{
    struct pair p;
    pair_open(&p, 7);
    enum a64_op alu[A64_COUNT];
    unsigned count = 0, hot = 0;
    for (enum a64_op op = 0; op < A64_COUNT; op++) {
        if (hot_rows_alu[op].decode || computes(op))
            alu[count++] = op;
    }
    for (unsigned i = 0; i < LINES; i++) {
        struct cpu registers = p.m[0]->state->cpu[0];
        uint32_t words[LINE_MAX + 1];
        unsigned length = 1 + (unsigned)(next(&p) % LINE_MAX);
        random_registers(&p, A64_ADD_imm, 0, &registers);
        registers.sp[2] &= ~UINT64_C(15);
        for (unsigned k = 0; k < length; k++)
            words[k] = random_word(&p, alu[next(&p) % count]);
        words[length] = random_word(&p, next(&p) % 4 ? A64_B_cond : A64_TBZ);
        hot += pair_run(&p, words, length + 1, &registers);
    }
    cr_assert_gt(hot, LINES / 2, "%u of %u were hot", hot, LINES);
    pair_close(&p);
}

/* With FP and SIMD trapped no form does anything, and the trap is the handler's. */
Test(hot, vector_forms_trap)
{
    struct pair p;
    pair_open(&p, 11);
    const struct cpu open = p.m[0]->state->cpu[0];
    for (enum a64_op op = 0; op < A64_COUNT; op++) {
        if (!is_vector(op))
            continue;
        struct cpu registers = open;
        uint32_t words[2] = {random_word(&p, op), 0x14000001 /* b .+4 */};
        random_registers(&p, op, words[0], &registers);
        registers.sp[2] &= ~UINT64_C(15);
        struct cpu trapped = registers; /* in the second round: pointers are there by then */
        trapped.reg[SR_CPTR_EL2] |= CPTR_EL2_TFP;
        trapped.effective[SR_CPTR_EL2] |= CPTR_EL2_TFP;
        cr_assert(!pair_run_twice(&p, words, 2, &registers, &trapped), "%#x", words[0]);
        uint64_t syndrome = p.m[1]->state->cpu[0].reg[SR_ESR_EL2] >> 26;
        cr_assert_eq(syndrome, is_there(op) ? 7u : 0u, "%#x: class %#lx", words[0],
                     (unsigned long)syndrome);
    }
    pair_close(&p);
}

/* SP may be written by instructions without a form of their own, and must be aligned to go on. */
Test(hot, stack_pointer_written_by_handlers)
{
    static const uint32_t aligned[] = {0x4cdf83ff /* ld2 {v31.16b, v0.16b}, [sp], #32 */,
                                       0x91000421 /* add x1, x1, #1 */,
                                       0x927cec1f /* and sp, x0, #0xfffffffffffffff0 */,
                                       0x91000421, 0x14000001 /* b .+4 */};
    static const uint32_t misaligned[] = {0x910023ff /* add sp, sp, #8 */, 0x91000421, 0x910023ff,
                                          0x91000421, 0x14000001};
    struct pair p;
    pair_open(&p, 13);
    struct cpu registers = p.m[0]->state->cpu[0];
    random_registers(&p, A64_ADD_imm, 0, &registers);
    registers.sp[2] = DATA;
    registers.x[0] = DATA + 0x123;
    cr_assert(pair_run(&p, aligned, ARRAY_COUNT(aligned), &registers));
    cr_assert_eq(p.m[1]->state->cpu[0].sp[2], DATA + 0x120);
    cr_assert(!pair_run(&p, misaligned, ARRAY_COUNT(misaligned), &registers));
    cr_assert_eq(p.m[1]->state->cpu[0].sp[2], DATA + 16);
    pair_close(&p);
}

/* Registers at an Exception level, with masks, a stack pointer and a wire by chance. */
static struct cpu system_registers(struct pair *p, const struct cpu *open, unsigned el)
{
    struct cpu cpu = *open;
    random_registers(p, A64_ADD_imm, 0, &cpu);
    uint64_t r = next(p);
    cpu.el = (uint8_t)el;
    cpu.spsel = el != 0 && r % 8 != 0;
    cpu.daif = (uint32_t)(r >> 8) & PSTATE_DAIF;
    cpu.lines = (uint8_t)(r >> 32 & 3 ? 0 : CPU_LINE_IRQ);
    for (unsigned i = 0; i < 3; i++)
        cpu.sp[i] = DATA + 0x1000 * (i + 1);
    cpu.reg[SR_VBAR_EL1] = cpu.effective[SR_VBAR_EL1] = WORLD_VECTORS;
    cpu.reg[SR_SPSR_EL1] = el << 2 | (r >> 16 & 0x3c1);
    cpu.reg[SR_SPSR_EL2] = (r >> 40) % 3 << 2 | (r >> 20 & 0x3c1);
    cpu.reg[SR_ELR_EL1] = cpu.reg[SR_ELR_EL2] = CODE + 4 * (r >> 48 & 0xff);
    return cpu;
}

/* Reads and writes of each register at each level, where traps are on and where they are off. */
Test(hot, system_registers)
{
    struct pair p;
    pair_open(&p, 17);
    const struct cpu open = p.m[0]->state->cpu[0];
    unsigned hot = 0, all = 0;
    for (enum sysreg reg = 0; reg < SYSREG_COUNT; reg++) {
        const struct sysreg_row *row = sysreg_row(reg);
        if (row->kind != SYSREG_KIND_REG || row->on_write == SYSREG_ON_WRITE_DEBUG)
            continue; /* what debugging makes of the engines stays behind */
        for (unsigned i = 0; i < 24; i++, all++) {
            struct cpu cpu = system_registers(&p, &open, i % 3);
            uint64_t traps = i / 12 ? next(&p) & (HCR_EL2_TVM | HCR_EL2_TRVM | HCR_EL2_TID3) : 0;
            cpu.effective[SR_HCR_EL2] |= traps;
            cpu.reg[SR_HCR_EL2] |= traps;
            uint32_t rt = next(&p) & 31u, read = i / 3 % 2 ? 0xd5200000u : 0xd5000000u;
            uint32_t words[] = {read | (uint32_t)row->key << 5 | rt, 0x14000001 /* b .+4 */};
            hot += pair_run(&p, words, 2, &cpu);
        }
    }
    cr_assert_gt(hot, all / 8, "%u of %u were hot", hot, all);
    pair_close(&p);
}

/* Hints, barriers, masks, and ways to other levels. */
Test(hot, system_instructions)
{
    static const enum a64_op rows[] = {A64_NOP,         A64_YIELD,       A64_HINT, A64_DMB,
                                       A64_DSB,         A64_ISB,         A64_SEV,  A64_SEVL,
                                       A64_MSR_DAIFSet, A64_MSR_DAIFClr, A64_SYS,  A64_MSR_SPSel,
                                       A64_SVC,         A64_HVC,         A64_BRK,  A64_ERET,
                                       A64_WFI,         A64_WFE,         A64_CLREX};
    struct pair p;
    pair_open(&p, 19);
    const struct cpu open = p.m[0]->state->cpu[0];
    unsigned hot = 0, all = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(rows) * 120; i++, all++) {
        struct cpu cpu = system_registers(&p, &open, i % 3);
        uint32_t words[] = {random_word(&p, rows[i % ARRAY_COUNT(rows)]), 0x14000001};
        hot += pair_run(&p, words, 2, &cpu);
    }
    cr_assert_gt(hot, all / 8, "%u of %u were hot", hot, all);
    pair_close(&p);
}
