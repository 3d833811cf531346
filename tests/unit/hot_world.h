/*
 * Two machines that run the same words with the same registers, one in each engine, to compare
 * what the hot half does with what the handlers do.
 */
#pragma once
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

#define CODE (MAP_RAM + 0x100000)
#define DATA (MAP_RAM + 0x800000)

struct pair {
    struct machine *m[2]; /* by engine_kind */
    uint64_t seed;
};

static inline uint64_t next(struct pair *p)
{
    return p->seed = hash_mix(p->seed + 1);
}

static inline void pair_open_of(struct pair *p, const char *model, uint64_t seed)
{
    p->seed = seed;
    WORLD_ENGINES(kind) {
        struct machine *m = p->m[kind] = world_machine_of(model, 1, 1000);
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

static inline void pair_open(struct pair *p, uint64_t seed)
{
    pair_open_of(p, "cortex-a57", seed);
}

static inline void pair_close(struct pair *p)
{
    machine_free(p->m[0]);
    machine_free(p->m[1]);
}

static inline uint64_t random_value(struct pair *p)
{
    static const uint64_t corners[] = {0, 1, UINT64_MAX, UINT64_C(1) << 63, INT64_MAX,
                                       UINT64_C(1) << 31, INT32_MAX, UINT32_MAX, 0xff, 0x8000};
    uint64_t r = next(p);
    return r % 3 == 0 ? corners[r / 3 % ARRAY_COUNT(corners)] : next(p) >> (r >> 32 & 63);
}

/* A word of the row; direct branches go not far. */
static inline uint32_t random_word(struct pair *p, enum a64_op op)
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
static inline uint64_t random_half(struct pair *p)
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
static inline void random_vectors(struct pair *p, struct cpu *cpu)
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
static inline void random_registers(struct pair *p, enum a64_op op, uint32_t w, struct cpu *cpu)
{
    for (unsigned n = 0; n < 31; n++)
        cpu->x[n] = random_value(p);
    random_vectors(p, cpu);
    cpu->nzcv = (uint32_t)next(p) & 0xf0000000u;
    cpu->sp[2] = DATA + 16 * (next(p) % 128) + (next(p) % 16 == 0 ? 8 : 0);
    unsigned rn = w >> 5 & 31u, rm = w >> 16 & 31u;
    enum a64_class class = a64_class(op);
    if (class == A64_CLASS_LOAD || class == A64_CLASS_STORE || class == A64_CLASS_LOAD_ACQUIRE ||
        class == A64_CLASS_STORE_RELEASE) {
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
static inline bool pair_run_twice(struct pair *p, const uint32_t *words, unsigned count,
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

static inline bool pair_run(struct pair *p, const uint32_t *words, unsigned count,
                     const struct cpu *registers)
{
    return pair_run_twice(p, words, count, registers, registers);
}
