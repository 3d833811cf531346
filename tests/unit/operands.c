/*
 * Which registers an instruction reads and writes (cpu/operands.h), held against what it does:
 * random words of every row are executed again with one other register changed. A register in
 * no set must change nothing, one in no target set must stay, only those that a result is made of
 * may change it, and only branch registers may change where it goes on.
 */
#include "cpu/disasm.h"
#include "cpu/operands.h"
#include "cpu/sysreg.h"
#include "tests/diff/bare.h"

#include <criterion/criterion.h>
#include <string.h>

#define TRIES 300u
#define WANTED 12u /* words of a row that execute */
#define BIT(n) (UINT64_C(1) << (n))

static struct operand_sets sets_of(uint32_t word)
{
    return operands_of(a64_decode(word), word);
}

static void check_sets(uint32_t word, struct operand_sets wanted)
{
    struct operand_sets is = sets_of(word);
    cr_expect(memcmp(&is, &wanted, sizeof is) == 0, "%08x", word);
}

Test(operands, by_their_roles)
{
    check_sets(0x9b030c41 /* madd x1, x2, x3, x3 */,
               (struct operand_sets){.source = BIT(2) | BIT(3), .target = BIT(1)});
    check_sets(0xf8408c41 /* ldr x1, [x2, #8]! */,
               (struct operand_sets){.address = BIT(2), .base = BIT(2), .target = BIT(1)});
    check_sets(0xf8636841 /* ldr x1, [x2, x3] */,
               (struct operand_sets){.address = BIT(2) | BIT(3), .target = BIT(1)});
    check_sets(0xa9000fe2 /* stp x2, x3, [sp] */,
               (struct operand_sets){.address = BIT(OPERAND_SP), .data = BIT(2) | BIT(3)});
    check_sets(0xc8017c43 /* stxr w1, x3, [x2] */,
               (struct operand_sets){.address = BIT(2), .data = BIT(3), .status = BIT(1)});
    check_sets(0xf8210043 /* ldadd x1, x3, [x2] */,
               (struct operand_sets){.address = BIT(2), .data = BIT(1), .target = BIT(3)});
    check_sets(0x48227c88 /* casp x2, x3, x8, x9, [x4] */,
               (struct operand_sets){.address = BIT(4),
                                     .data = BIT(2) | BIT(3) | BIT(8) | BIT(9),
                                     .target = BIT(2) | BIT(3)});
    check_sets(0xb4000041 /* cbz x1, .+8 */, (struct operand_sets){.branch = BIT(1)});
    check_sets(0xd63f0020 /* blr x1 */,
               (struct operand_sets){.branch = BIT(1), .target = BIT(30)});
    check_sets(0xeb03005f /* cmp x2, x3 */,
               (struct operand_sets){.source = BIT(2) | BIT(3), .target = BIT(OPERAND_NZCV)});
    check_sets(0x9a830041 /* csel x1, x2, x3, eq */,
               (struct operand_sets){.source = BIT(2) | BIT(3) | BIT(OPERAND_NZCV),
                                     .target = BIT(1)});
    check_sets(0xd518d082 /* msr tpidr_el1, x2 */,
               (struct operand_sets){.source = BIT(2), .target = BIT(OPERAND_SYSTEM)});
    check_sets(0xd53b4201 /* mrs x1, nzcv */,
               (struct operand_sets){.source = BIT(OPERAND_SYSTEM) | BIT(OPERAND_NZCV),
                                     .target = BIT(1)});
    check_sets(0xd50b7e21 /* dc civac, x1 */,
               (struct operand_sets){
                   .address = BIT(1), .source = BIT(1), .target = BIT(OPERAND_SYSTEM)});
    check_sets(0xd5033f9f /* dsb sy */, (struct operand_sets){.address = 0});
}

/* Registers before or after an instruction. */
struct picture {
    uint64_t x[31], sp, nzcv, vector[32][2], fpsr;
    uint64_t pc;
    uint64_t memory; /* hash of user memory */
};

/* What addresses of registers, with offsets and indexes, reach of user memory. */
#define MIDDLE (BARE_USER_BYTES / 2)
#define WINDOW (MIDDLE - 0x20000u)
#define WINDOW_BYTES 0x50000u

struct trial {
    struct bare *bare;
    uint8_t window[WINDOW_BYTES]; /* memory before each word */
    struct picture before;
    uint64_t seed;
};

static struct trial trial;

/* What the words of a run have left there; memory is as before again. */
static uint64_t take_memory(struct trial *t)
{
    uint8_t *window = t->bare->user + WINDOW;
    if (memcmp(window, t->window, WINDOW_BYTES) == 0)
        return 0;
    uint64_t hash = hash_bytes(window, WINDOW_BYTES, 1);
    memcpy(window, t->window, WINDOW_BYTES);
    return hash;
}

/* Executes a word; false: it ended in an exception. */
static bool run_once(struct trial *t, uint32_t word, const struct picture *in,
                     struct picture *out)
{
    struct bare *b = t->bare;
    bare_enter(b, 1, 0);
    memcpy(b->cpu.x, in->x, sizeof in->x);
    b->cpu.x[31] = 0;
    cpu_sp_set(&b->cpu, in->sp);
    b->cpu.nzcv = (uint32_t)in->nzcv;
    memcpy(b->cpu.v, in->vector, sizeof in->vector);
    sysreg_set(&b->core, SR_FPSR, in->fpsr);
    core_synchronize(&b->core);
    b->cpu.monitor_size = 0;
    uint64_t elr = 0xdead;
    sysreg_set(&b->core, SR_ELR_EL1, elr);
    bare_step(b, ENGINE_KIND_PRECISE, word);
    memset(out, 0, sizeof *out);
    memcpy(out->x, b->cpu.x, sizeof out->x);
    out->sp = cpu_sp_get(&b->cpu);
    out->nzcv = b->cpu.nzcv;
    memcpy(out->vector, b->cpu.v, sizeof out->vector);
    out->fpsr = sysreg_get(&b->core, SR_FPSR);
    out->pc = b->cpu.pc;
    out->memory = take_memory(t);
    return sysreg_get(&b->core, SR_ELR_EL1) == elr;
}

/* Addresses in the middle of user memory, or small numbers. */
static uint64_t some_value(uint64_t seed)
{
    uint64_t random = hash_mix(seed);
    if (random & 1)
        return BARE_USER_BASE + MIDDLE + (random >> 8) % 0x100 * 0x100;
    return (random >> 8) % 0x40 * 16;
}

static void picture_make(struct picture *p, uint64_t seed)
{
    memset(p, 0, sizeof *p);
    for (unsigned i = 0; i < 31; i++)
        p->x[i] = some_value(seed * 64 + i);
    p->sp = BARE_USER_BASE + MIDDLE;
    p->nzcv = hash_mix(seed) & 0xf0000000u;
    for (unsigned i = 0; i < 32; i++) {
        p->vector[i][0] = hash_mix(seed * 64 + i + 100);
        p->vector[i][1] = hash_mix(seed * 64 + i + 200);
    }
}

static uint64_t *register_in(struct picture *p, unsigned n)
{
    return n < 31 ? &p->x[n] : n == OPERAND_SP ? &p->sp : &p->nzcv;
}

static bool same_vectors(const struct picture *a, const struct picture *b)
{
    return memcmp(a->vector, b->vector, sizeof a->vector) == 0;
}

/* Register n, changed, may have changed only what the sets say. */
static void check_changed(uint32_t word, const struct operand_sets *s, unsigned n,
                          struct picture *first, struct picture *second)
{
    const char *name = a64_op_name(a64_decode(word));
    uint64_t bit = BIT(n);
    uint64_t makes = s->source | s->address | s->branch;
    for (unsigned r = 0; r <= OPERAND_NZCV; r++) {
        if (r == n || *register_in(first, r) == *register_in(second, r))
            continue;
        uint64_t made_of = 0;
        made_of |= s->target & BIT(r) ? makes : 0;
        made_of |= s->base & BIT(r) ? s->address : 0;
        cr_expect(made_of & bit, "%s %08x: %u changes with %u", name, word, r, n);
    }
    if (!(makes & bit))
        cr_expect(same_vectors(first, second), "%s %08x: vectors change with %u", name, word, n);
    if (!(s->branch & bit))
        cr_expect_eq(first->pc, second->pc, "%s %08x: pc changes with %u", name, word, n);
    if (!((makes | s->data) & bit))
        cr_expect_eq(first->memory, second->memory, "%s %08x: memory changes with %u", name,
                     word, n);
}

static bool check_word(struct trial *t, uint32_t word)
{
    struct operand_sets s = sets_of(word);
    struct picture first, second;
    uint64_t written = s.target | s.base | s.status;
    picture_make(&t->before, t->seed);
    if (!run_once(t, word, &t->before, &first))
        return false;
    for (unsigned r = 0; r <= OPERAND_NZCV; r++) {
        if (*register_in(&first, r) != *register_in(&t->before, r))
            cr_expect(written & BIT(r), "%s %08x: writes %u", a64_op_name(a64_decode(word)), word,
                      r);
    }
    if (!same_vectors(&first, &t->before))
        cr_expect(written & BIT(OPERAND_VECTOR), "%08x writes vectors", word);
    for (unsigned n = 0; n <= OPERAND_NZCV; n++) {
        struct picture changed = t->before;
        *register_in(&changed, n) ^= n == OPERAND_NZCV ? 0xf0000000u : 0x40;
        if (run_once(t, word, &changed, &second))
            check_changed(word, &s, n, &first, &second);
        else
            cr_expect(s.address & BIT(n), "%08x: faults with %u", word, n);
    }
    return true;
}

static bool is_checked(enum a64_op op)
{
    switch ((enum a64_class)a64_class(op)) {
    case A64_CLASS_BARRIER:
    case A64_CLASS_SYS:
    case A64_CLASS_HINT:
    case A64_CLASS_WAIT:
    case A64_CLASS_EXCEPTION:
    case A64_CLASS_STEX: /* without a monitor they store nothing; see above */
    case A64_CLASS_PREFETCH:
        return false;
    case A64_CLASS_ALU:
    case A64_CLASS_MUL:
    case A64_CLASS_DIV:
    case A64_CLASS_CRC:
    case A64_CLASS_BRANCH:
    case A64_CLASS_LOAD:
    case A64_CLASS_STORE:
    case A64_CLASS_LOAD_ACQUIRE:
    case A64_CLASS_STORE_RELEASE:
    case A64_CLASS_LDEX:
    case A64_CLASS_SIMD:
    case A64_CLASS_FP:
    case A64_CLASS_FP_DIV:
    case A64_CLASS_ATOMIC:
    case A64_CLASS_COUNT:
        break;
    }
    return true;
}

Test(operands, what_each_row_reads_and_writes)
{
    static const struct {
        enum a64_op op;
        uint32_t mask, bits;
    } rows[] = {
#define X(name, mask, bits, class, flags, text, line) {A64_##name, mask, bits},
        A64_LIST(X)
#undef X
    };
    struct trial *t = &trial;
    unsigned words = 0, silent = 0;
    t->bare = bare_new();
    for (size_t i = 0; i < WINDOW_BYTES; i += 8)
        memcpy(t->window + i, &(uint64_t){hash_mix(i)}, 8);
    memcpy(t->bare->user + WINDOW, t->window, WINDOW_BYTES);
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        unsigned done = 0;
        for (uint64_t n = 0; is_checked(rows[i].op) && n < TRIES && done < WANTED; n++) {
            t->seed = i * 1000 + n;
            uint32_t word = rows[i].bits | ((uint32_t)hash_mix(t->seed + 7) & ~rows[i].mask);
            done += a64_decode(word) == rows[i].op && check_word(t, word);
        }
        words += done;
        silent += is_checked(rows[i].op) && done == 0;
    }
    bare_free(t->bare);
    cr_assert_gt(words, 4000);
    cr_assert_leq(silent, 3, "%u rows were never executed", silent);
}
