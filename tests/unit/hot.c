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
#include "cpu/exec.h"
#include "cpu/hot/hot.h"

#include <criterion/parameterized.h>

#define CODE (MAP_RAM + 0x100000)
#define DATA (MAP_RAM + 0x800000)
#define WORDS_PER_ROW 300u
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
        struct machine *m = p->m[kind] = world_machine(1, 1000);
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

/* Registers that suit the word: addresses in DATA for memory, in CODE for branches. */
static void random_registers(struct pair *p, enum a64_op op, uint32_t w, struct cpu *cpu)
{
    for (unsigned n = 0; n < 31; n++)
        cpu->x[n] = random_value(p);
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
static bool pair_run(struct pair *p, const uint32_t *words, unsigned count,
                     const struct cpu *registers)
{
    uint64_t place = next(p) % (CODE_WORDS - count - 1), hot = 0, hash[2];
    WORLD_ENGINES(kind) {
        struct machine *m = p->m[kind];
        struct cpu *cpu = &m->state->cpu[0];
        struct core_cache *cache = m->core[0].cache;
        cr_assert(machine_poke(m, pa_make(CODE + 4 * place), words, count * sizeof *words));
        for (unsigned round = 0; round < 2; round++) {
            uint64_t before = cache->hot_insns;
            *cpu = *registers;
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

struct row {
    enum a64_op op;
    char name[32];
};

static bool is_hot(enum a64_op op)
{
    return hot_rows_alu[op].decode || hot_rows_memory[op].decode || hot_rows_branch[op].decode;
}

ParameterizedTestParameters(hot, each_form_does_what_its_handler_does)
{
    static struct row rows[A64_COUNT];
    size_t count = 0;
#define X(op, mask, bits, class, flags, text, line)                                             \
    if (is_hot(A64_##op))                                                                       \
        rows[count++] = (struct row){A64_##op, #op};
    A64_LIST(X)
#undef X
    return cr_make_param_array(struct row, rows, count);
}

ParameterizedTest(struct row *row, hot, each_form_does_what_its_handler_does)
{
    struct pair p;
    pair_open(&p, hash_mix(row->op));
    unsigned hot = 0;
    bool ends_run = hot_rows_branch[row->op].decode != NULL;
    for (unsigned i = 0; i < WORDS_PER_ROW; i++) {
        struct cpu registers = p.m[0]->state->cpu[0];
        uint32_t words[2] = {random_word(&p, row->op), 0x14000001 /* b .+4 */};
        random_registers(&p, row->op, words[0], &registers);
        hot += pair_run(&p, words, ends_run ? 1 : 2, &registers);
    }
    cr_assert_gt(hot, WORDS_PER_ROW / 8, "%s: %u of %u were hot", row->name, hot, WORDS_PER_ROW);
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
        if (hot_rows_alu[op].decode)
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
