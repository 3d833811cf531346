/*
 * Operands for rows. How an instruction addresses memory is read from its disassembly, which
 * tests/decode holds against LLVM, so that this is no second copy of what cpu/exec does. Words
 * whose behaviour is CONSTRAINED UNPREDICTABLE are not made: two CPUs may differ there.
 */
#include "tests/diff/operands.h"
#include "cpu/disasm.h"

#include <stdlib.h>
#include <string.h>

#define NOP UINT32_C(0xd503201f)
#define TRIES 100000u

static const struct {
    enum a64_op op;
    uint32_t mask, bits;
} rows[] = {
#define X(name, mask, bits, line) {A64_##name, mask, bits},
    A64_ROW_LIST(X)
#undef X
};

static const struct {
    enum a64_op op;
    const char *reason;
} excluded[] = {
    {A64_SVC, "is a Linux system call"},
    {A64_HVC, "EL0 has none"},
    {A64_SMC, "EL0 has none"},
    {A64_BRK, "is a signal in Linux"},
    {A64_HLT, "is a signal in Linux"},
    {A64_DCPS1, "Debug state only"},
    {A64_DCPS2, "Debug state only"},
    {A64_DCPS3, "Debug state only"},
    {A64_DRPS, "Debug state only"},
    {A64_ERET, "EL0 has none"},
    {A64_WFE, "may wait"},
    {A64_WFI, "may wait"},
    {A64_MSR_SPSel, "EL0 has none"},
    {A64_MSR_PAN, "EL0 has none"},
    {A64_MSR_UAO, "EL0 has none"},
    {A64_MSR_DAIFSet, "trapped at EL0 by Linux"},
    {A64_MSR_DAIFClr, "trapped at EL0 by Linux"},
    {A64_SYSL, "no operation of it exists at EL0"},
};

/* What EL0 may reach by MRS and MSR, and by SYS: bits 20:5 of the word. */
static const uint16_t register_keys[] = {0xda10 /* NZCV */, 0xde82 /* TPIDR_EL0 */};
#define KEY_TPIDR_EL0 0xde82u
static const uint16_t sys_keys[] = {
    0x5ba1 /* DC ZVA */,  0x5bd1 /* DC CVAC */, 0x5bd9 /* DC CVAU */,
    0x5bf1 /* DC CIVAC */, 0x5ba9 /* IC IVAU */,
};

struct maker {
    enum a64_op op;
    uint64_t random;
};

/* How a word reaches memory, as its text says. */
struct addressing {
    bool is_memory, writes_back, has_index;
    bool is_vector; /* what is transferred is no general register */
    uint32_t base, index;
    int64_t offset;
    bool index_is_w, index_is_signed;
    unsigned index_shift;
};

static uint64_t next(struct maker *m)
{
    return hash_mix(m->random++);
}

static uint32_t below(struct maker *m, uint32_t n)
{
    return (uint32_t)(next(m) >> 32) % n;
}

const char *operands_excluded(enum a64_op op)
{
    for (size_t i = 0; i < ARRAY_COUNT(excluded); i++) {
        if (excluded[i].op == op)
            return excluded[i].reason;
    }
    return NULL;
}

/* A value that is often at an end of some range. */
static uint64_t interesting(struct maker *m)
{
    static const uint64_t ends[] = {0, 1, 0x7f, 0x80, 0x7fff, 0x8000, 0x7fffffff, 0x80000000};
    uint64_t value = next(m);
    switch (below(m, 6)) {
    case 0:
        return ends[below(m, ARRAY_COUNT(ends))];
    case 1:
        return ~ends[below(m, ARRAY_COUNT(ends))];
    case 2:
        return ends[below(m, ARRAY_COUNT(ends))] << 32 | ends[below(m, ARRAY_COUNT(ends))];
    case 3:
        return value >> below(m, 64);
    case 4:
        return (uint64_t)((int64_t)value >> below(m, 64));
    default:
        return value;
    }
}

/* A vector register: lanes of one size, each at an end of its range, small, or anything. */
static uint64_t interesting_lanes(struct maker *m)
{
    unsigned width = 8u << below(m, 4);
    uint64_t lanes = 0;
    for (unsigned at = 0; at < 64; at += width) {
        uint64_t ends = UINT64_C(1) << (width - 1), value = next(m);
        switch (below(m, 6)) {
        case 0:
            value = ends - below(m, 2);
            break;
        case 1:
            value = 0 - (uint64_t)below(m, 3);
            break;
        case 2:
            value = (uint64_t)below(m, 2 * width + 2) - width;
            break;
        case 3:
            value = below(m, 80);
            break;
        default:
            break;
        }
        lanes |= (value & bits_ones(width)) << at;
    }
    return lanes;
}

/* A floating-point number of 16, 32 or 64 bits that is often at an end of a range, or near one. */
static uint64_t interesting_number(struct maker *m, unsigned width)
{
    unsigned fraction_bits = width == 64 ? 52 : width == 32 ? 23 : 10;
    uint64_t ones = bits_ones(width - 1 - fraction_bits), bias = ones / 2;
    uint64_t fraction = next(m) & bits_ones(fraction_bits), exponent = below(m, (uint32_t)ones);
    switch (below(m, 10)) {
    case 0: /* zeros */
        exponent = fraction = 0;
        break;
    case 1: /* denormal numbers, the smallest and the largest of them */
        exponent = below(m, 2);
        fraction = below(m, 2) ? fraction >> below(m, fraction_bits)
                               : bits_ones(fraction_bits) ^ (fraction & 1);
        break;
    case 2: /* the largest ones, infinities and NaNs */
        exponent = ones - below(m, 2);
        fraction = below(m, 2) ? bits_ones(fraction_bits) * below(m, 2) : fraction;
        break;
    case 3: /* quiet and signalling NaNs */
        exponent = ones;
        break;
    case 4: /* halves, and what lies beside them */
        exponent = bias - 1 + below(m, 8);
        fraction = (fraction & ~bits_ones(fraction_bits - 3)) + below(m, 3) - 1;
        break;
    case 5: /* at the ends of integers */
        exponent = bias + (below(m, 2) ? 31 : 63) - below(m, 3);
        fraction = below(m, 2) ? fraction : (fraction & 1) * bits_ones(fraction_bits);
        break;
    case 6: /* where results overflow and underflow */
        exponent = below(m, 2) ? below(m, (uint32_t)bias) : bias + below(m, (uint32_t)bias);
        break;
    default:
        exponent = bias - 16 + below(m, 32);
        break;
    }
    uint64_t sign = (next(m) & 1) << (width - 1);
    return sign | (exponent & ones) << fraction_bits | (fraction & bits_ones(fraction_bits));
}

/* Of which neither sums nor products are anything special: what hot forms are for. */
static uint64_t ordinary_numbers(struct maker *m, unsigned width)
{
    uint64_t ones = width == 64 ? UINT64_C(0x800fffffffffffff) : UINT64_C(0x807fffff807fffff);
    uint64_t one = width == 64 ? UINT64_C(0x3ff) << 52 : UINT64_C(0x3f8000003f800000);
    uint64_t exact = width == 64 ? UINT64_C(0xfffff) << 44 : UINT64_C(0xfff00000fff00000);
    return one | (next(m) & ones & (below(m, 2) ? exact : UINT64_MAX));
}

static uint64_t interesting_numbers(struct maker *m)
{
    unsigned width = below(m, 8) == 0 ? 16 : below(m, 2) ? 32 : 64;
    uint64_t lanes = 0;
    for (unsigned at = 0; at < 64; at += width)
        lanes |= interesting_number(m, width) << at;
    return lanes;
}

static bool is_floating(enum a64_op op)
{
    return a64_class(op) == A64_CLASS_FP || a64_class(op) == A64_CLASS_FP_DIV;
}

/* QC and the cumulative exceptions of FPSR; AHP, DN, FZ and RMode of FPCR. */
#define FPSR_BITS UINT64_C(0x0800009f)
#define FPCR_BITS UINT64_C(0x07c00000)

/* Registers that a floating-point instruction names are often equal or opposite. */
static void relate_numbers(struct maker *m, const struct instance *i, struct registers *r)
{
    uint32_t from = a64_rn(i->word), to = below(m, 2) ? a64_rm(i->word) : a64_ra(i->word);
    for (unsigned half = 0; half < 2; half++)
        r->v[to][half] = r->v[from][half] ^ (next(m) & UINT64_C(0x8000000080000001));
}

static void make_vectors(struct maker *m, const struct instance *i, struct registers *r)
{
    bool are_numbers = is_floating(m->op);
    unsigned ordinary = below(m, 4); /* 1: singles, 2: doubles */
    for (unsigned n = 0; n < 64; n++) {
        uint64_t *half = &r->v[n / 2][n % 2];
        if (are_numbers && (ordinary == 1 || ordinary == 2))
            *half = ordinary_numbers(m, 32 * ordinary);
        else
            *half = are_numbers ? interesting_numbers(m) : interesting_lanes(m);
    }
    if (are_numbers && below(m, 4) == 0)
        relate_numbers(m, i, r);
    r->fpcr = below(m, 3) ? next(m) & FPCR_BITS : 0;
    r->fpsr = below(m, 2) ? next(m) & FPSR_BITS : 0;
}

static struct addressing addressing_of(uint32_t word)
{
    char text[A64_TEXT_BYTES];
    struct addressing a = {0};
    a64_disassemble(word, 0, text, sizeof text);
    const char *at = strstr(text, "[x");
    if (!at)
        at = strstr(text, "[sp");
    if (!at) /* nor does v0.b[1] address memory */
        return a;
    a.is_memory = true;
    a.is_vector = strchr("{bhsdq", *(strchr(text, ' ') + 1)) != NULL;
    a.base = a64_rn(word);
    const char *close = strchr(at, ']');
    a.writes_back = close[1] != '\0';
    const char *comma = strchr(at, ',');
    if (!comma || close[1] == ',') /* [xn] and [xn], #i */
        return a;
    if (comma[2] == '#') { /* [xn, #i] and [xn, #i]! */
        a.offset = strtoll(comma + 3, NULL, 10);
        return a;
    }
    a.has_index = true; /* [xn, wm, uxtw #s] */
    a.index = a64_rm(word);
    const char *extend = strchr(comma + 1, ',');
    if (!extend || extend > close)
        return a;
    a.index_is_w = extend[5] == 'w';
    a.index_is_signed = extend[2] == 's';
    const char *shift = strchr(extend, '#');
    a.index_shift = shift ? (unsigned)strtoul(shift + 1, NULL, 10) : 0;
    return a;
}

static uint64_t offset_of(const struct addressing *a, uint64_t index)
{
    if (!a->has_index)
        return (uint64_t)a->offset;
    if (a->index == 31)
        index = 0;
    if (a->index_is_w)
        index = a->index_is_signed ? (uint64_t)(int64_t)(int32_t)index : (uint32_t)index;
    return index << a->index_shift;
}

static bool needs_alignment(enum a64_op op)
{
    uint32_t class = a64_class(op);
    return class == A64_CLASS_LDEX || class == A64_CLASS_STEX ||
           class == A64_CLASS_LOAD_ACQUIRE || class == A64_CLASS_STORE_RELEASE ||
           class == A64_CLASS_ATOMIC;
}

/* Of the mnemonics with an address, pairs have a p: ldp, ldpsw, stnp, stlxp. */
static bool is_pair(uint32_t word)
{
    char text[A64_TEXT_BYTES];
    a64_disassemble(word, 0, text, sizeof text);
    if (strncmp(text, "prf", 3) == 0 || strncmp(text, "swp", 3) == 0 ||
        strncmp(text, "ldapr", 5) == 0)
        return false;
    return memchr(text, 'p', strcspn(text, " "));
}

/* One that CPUs may execute differently, or whose operands could not be chosen freely. */
static bool is_awkward(enum a64_op op, uint32_t word)
{
    struct addressing a = addressing_of(word);
    if (op == A64_BR || op == A64_BLR || op == A64_RET)
        return a64_rn(word) == 31;
    if (!a.is_memory)
        return false;
    uint32_t t = a64_rt(word), t2 = a64_rt2(word), s = a64_rs(word);
    bool pair = is_pair(word);
    if (a.has_index && a.index == a.base)
        return true;
    if (a.writes_back && !a.is_vector && a.base != 31 && (t == a.base || (pair && t2 == a.base)))
        return true;
    uint32_t class = a64_class(op);
    if (pair && t == t2 && (class == A64_CLASS_LOAD || class == A64_CLASS_LDEX))
        return true;
    return class == A64_CLASS_STEX &&
           (s == t || (pair && s == t2) || (s == a.base && s != 31));
}

/*
 * The bits that are an element's size and whether a register is taken whole in most encodings,
 * 31:30 and 23:22, count with the block, so that each combination that a row has comes up.
 */
static uint32_t steer(uint32_t word, unsigned block)
{
    uint32_t bits = UINT32_C(0xc0c00000);
    return (word & ~bits) | (block & 3) << 30 | (block >> 2 & 3) << 22;
}

static uint32_t random_word(struct maker *m, unsigned block)
{
    for (unsigned i = 0; i < TRIES; i++) {
        uint32_t k = below(m, (uint32_t)ARRAY_COUNT(rows));
        if (rows[k].op != m->op)
            continue;
        uint32_t word = rows[k].bits | ((uint32_t)next(m) & ~rows[k].mask);
        uint32_t steered = steer(word, block);
        if (a64_decode(steered) == m->op && !is_awkward(m->op, steered))
            return steered;
        if (a64_decode(word) == m->op && !is_awkward(m->op, word))
            return word;
    }
    bug("no word of %s in sight", a64_op_name(m->op));
}

/* Puts value into width bits of word at lsb. */
static uint32_t insert(uint32_t word, unsigned lsb, unsigned width, int64_t value)
{
    uint32_t mask = (uint32_t)bits_ones(width) << lsb;
    return (word & ~mask) | ((uint32_t)value << lsb & mask);
}

/* A landing pad in reach of an offset of width bits, in words from here. */
static int64_t pad_distance(struct maker *m, unsigned block, unsigned width)
{
    for (;;) {
        uint64_t pad = BARE_USER_BASE + program_pad[1 + below(m, PROGRAM_PAD_COUNT - 1)];
        int64_t words = ((int64_t)pad - (int64_t)program_word_address(block)) / 4;
        if (words >= -(INT64_C(1) << (width - 1)) && words < INT64_C(1) << (width - 1))
            return words;
    }
}

/* An address of 8 aligned bytes in the literals or in the window, in words from here. */
static int64_t literal_distance(struct maker *m, unsigned block)
{
    uint32_t at = 4 * below(m, 31);
    uint64_t literal = BARE_USER_BASE + at + (below(m, 2) ? PROGRAM_LITERALS : PROGRAM_WINDOW);
    return ((int64_t)literal - (int64_t)program_word_address(block)) / 4;
}

static uint32_t pick(struct maker *m, const uint16_t *keys, size_t count)
{
    return (uint32_t)keys[below(m, (uint32_t)count)] << 5;
}

/* A register that none of the four names. */
static uint32_t other_register(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t from)
{
    while (from == a || from == b || from == c || from == d)
        from++;
    return from;
}

/* STXR succeeds only after an LDXR of the same size and address: three times in four. */
static uint32_t exclusive_before(struct maker *m, uint32_t word)
{
    if (below(m, 4) == 0)
        return NOP;
    uint32_t n = a64_rn(word), size = word & UINT32_C(0xc0000000);
    if (!is_pair(word))
        return UINT32_C(0x085f7c1f) | size | n << 5;
    uint32_t s = a64_rs(word), t = a64_rt(word), t2 = a64_rt2(word);
    uint32_t first = other_register(s, t, t2, n, 0);
    for (uint32_t r = first + 1;; r++) {
        if (r != s && r != t && r != t2 && r != n)
            return UINT32_C(0x087f0000) | size | r << 10 | n << 5 | first;
    }
}

/* CAS and CASP store where memory is as expected: three times in four it is loaded before. */
static uint32_t load_before(struct maker *m, uint32_t word)
{
    enum a64_op op = m->op;
    bool compares = op == A64_CAS || op == A64_CASB || op == A64_CASH || op == A64_CASP;
    uint32_t n = a64_rn(word), s = a64_rs(word);
    if (!compares || below(m, 4) == 0 || s == n || (op == A64_CASP && s + 1 == n))
        return NOP;
    if (op == A64_CASP) /* ldp */
        return UINT32_C(0x29400000) | (word & UINT32_C(0x40000000)) << 1 | (s + 1) << 10 |
               n << 5 | s;
    return UINT32_C(0x38400000) | (word & UINT32_C(0xc0000000)) | n << 5 | s; /* ldur */
}

static struct instance make_instance(struct maker *m, unsigned block)
{
    struct instance i = {NOP, random_word(m, block), NOP};
    switch (a64_class(m->op)) {
    case A64_CLASS_BRANCH:
        if (m->op == A64_B || m->op == A64_BL)
            i.word = insert(i.word, 0, 26, pad_distance(m, block, 26));
        else if (m->op == A64_TBZ || m->op == A64_TBNZ)
            i.word = insert(i.word, 5, 14, pad_distance(m, block, 14));
        else if (m->op != A64_BR && m->op != A64_BLR && m->op != A64_RET)
            i.word = insert(i.word, 5, 19, pad_distance(m, block, 19));
        break;
    case A64_CLASS_LOAD:
        if (!addressing_of(i.word).is_memory)
            i.word = insert(i.word, 5, 19, literal_distance(m, block));
        break;
    case A64_CLASS_STEX:
        i.before = exclusive_before(m, i.word);
        break;
    case A64_CLASS_ATOMIC: /* a comparison rarely succeeds with other data than memory's */
        i.before = load_before(m, i.word);
        break;
    case A64_CLASS_BARRIER: /* of which one leaves a trace: LDXR, CLREX, STXR fails */
        i.before = UINT32_C(0xc85f7c3f); /* ldxr xzr, [x1] */
        i.behind = UINT32_C(0xc8027c23); /* stxr w2, x3, [x1] */
        break;
    case A64_CLASS_SYS:
        if (m->op == A64_SYS) {
            i.word = insert(i.word & ~UINT32_C(0x1fffe0), 0, 5, below(m, 31));
            i.word |= pick(m, sys_keys, ARRAY_COUNT(sys_keys));
            break;
        }
        i.word &= ~UINT32_C(0x1fffe0);
        i.word |= pick(m, register_keys, ARRAY_COUNT(register_keys));
        if ((i.word >> 5 & 0xffff) != KEY_TPIDR_EL0)
            break;
        if (m->op == A64_MRS)
            i.before = UINT32_C(0xd51bd040) | below(m, 31); /* msr tpidr_el0, xn */
        else
            i.behind = UINT32_C(0xd53bd040) | below(m, 30); /* mrs xn, tpidr_el0 */
        break;
    default:
        break;
    }
    return i;
}

static uint64_t *register_of(struct registers *r, uint32_t n)
{
    return n == 31 ? &r->sp : &r->x[n];
}

/* An address in the window with 16 bytes before and 32 behind it. */
static uint64_t window_address(struct maker *m, uint64_t alignment)
{
    uint64_t at = BARE_USER_BASE + PROGRAM_WINDOW + 16 + below(m, PROGRAM_WINDOW_BYTES - 48);
    return align_down(at, alignment);
}

static struct registers make_registers(struct maker *m, const struct instance *i)
{
    struct registers r = {0};
    make_vectors(m, i, &r);
    for (unsigned n = 0; n < 31; n++)
        r.x[n] = interesting(m);
    r.sp = below(m, 8) ? align_down(interesting(m), 16) : interesting(m); /* else nothing is hot */
    r.nzcv = (next(m) & 15) << 28;
    uint32_t class = a64_class(m->op);
    struct addressing a = addressing_of(i->word);
    if (m->op == A64_BR || m->op == A64_BLR || m->op == A64_RET)
        r.x[a64_rn(i->word)] = BARE_USER_BASE + program_pad[1 + below(m, PROGRAM_PAD_COUNT - 1)];
    else if (m->op == A64_SYS)
        r.x[a64_rt(i->word)] = window_address(m, 1);
    else if (class == A64_CLASS_BARRIER)
        r.x[1] = window_address(m, 8);
    else if (a.is_memory && class != A64_CLASS_PREFETCH) {
        uint64_t index = a.index == 31 ? 0 : r.x[a.index];
        uint64_t base = window_address(m, needs_alignment(m->op) ? 16 : 1) - offset_of(&a, index);
        *register_of(&r, a.base) = a.base == 31 ? align_down(base, 16) : base;
    }
    return r;
}

void operands_make(enum a64_op op, struct operands *o)
{
    struct maker m = {.op = op};
    const char *name = a64_op_name(op);
    m.random = hash_bytes(name, strlen(name), 1) | 1;
    for (unsigned i = 0; i < PROGRAM_WORDS; i++) {
        o->instances[i] = make_instance(&m, i);
        for (unsigned k = 0; k < PROGRAM_SETS; k++)
            o->in[i * PROGRAM_SETS + k] = make_registers(&m, &o->instances[i]);
    }
}
