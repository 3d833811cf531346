/*
 * Every hot form against the handler of its row: the same random words with the same random
 * registers in both engines leave the same machine, and the fast engine did run them in its hot
 * half. One case per row, then straight lines of many rows before a branch, for the lazy flags.
 */
#include "tests/unit/hot_world.h"

#include <criterion/parameterized.h>

#define WORDS_PER_ROW 300u
#define WORDS_PER_HANDLER 60u
#define LINES 4000u
#define LINE_MAX 6u

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

/* A line without an end in sight: what fits into the budget is hot all the same. */
Test(hot, long_lines_are_cut)
{
    struct pair p;
    pair_open(&p, 9);
    struct cpu registers = p.m[0]->state->cpu[0];
    uint32_t words[200];
    for (unsigned i = 0; i < ARRAY_COUNT(words); i++)
        words[i] = i % 3 ? 0xab010000 /* adds x0, x0, x1 */ : 0x9a020063 /* adc x3, x3, x2 */;
    random_registers(&p, A64_ADD_imm, 0, &registers);
    registers.sp[2] = DATA;
    const struct core_cache *fast = p.m[1]->core[0].cache;
    uint64_t before = fast->hot_insns;
    pair_run(&p, words, ARRAY_COUNT(words), &registers); /* nothing but NOP behind them */
    cr_expect_gt(fast->hot_insns - before, 2 * (ARRAY_COUNT(words) - 64), "twice, but for a rest");
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
