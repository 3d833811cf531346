/*
 * Vector loads and stores where tests/diff/rows.c cannot look, since a Linux process would be
 * killed: aborts in the middle, alignment, byte order, Device memory; and the access check that
 * each SIMD row begins with. Each in both engines.
 */
#include "cpu/sysreg.h"
#include "gen/esr.h"
#include "tests/diff/bare.h"

#include <criterion/criterion.h>
#include <string.h>

#define MARK UINT64_C(0x1122334455667788)
#define HOLE (BARE_USER_BASE + 0x10000) /* a page that is not mapped */
#define DEVICE (BARE_USER_BASE + 0x20000) /* a page of Device memory */
#define DATA (BARE_USER_BASE + 0x8000)
#define TABLE_2 (BARE_KERNEL_BASE + 0x2000)
#define TABLE_3 (BARE_KERNEL_BASE + 0x3000)
/* Level 3 page: valid, AF, inner shareable, EL0 may; AttrIndx 1. */
#define PAGE UINT64_C(0x743)
#define ATTRIBUTE_1 UINT64_C(4)

static uint8_t sizes[64]; /* of the accesses to Device memory */
static unsigned count;
static enum port_result (*read_below)(void *owner, const struct access *access, uint64_t value[2]);
static enum port_result (*write_below)(void *owner, const struct access *access,
                                       const uint64_t value[2]);

static void note(const struct access *access)
{
    if ((access->pa.bits & ~UINT64_C(0xfff)) == DEVICE) {
        cr_assert_lt(count, sizeof sizes);
        sizes[count++] = access->size;
    }
}

static enum port_result read_noted(void *owner, const struct access *access, uint64_t value[2])
{
    note(access);
    return read_below(owner, access, value);
}

static enum port_result write_noted(void *owner, const struct access *access,
                                    const uint64_t value[2])
{
    note(access);
    return write_below(owner, access, value);
}

/* User memory in pages, with a hole and a device; registers hold marks. No byte of user memory
 * is in a vector register. */
static struct bare *paged_new(unsigned el)
{
    struct bare *b = bare_new();
    uint64_t level1 = TABLE_2 | 3, level2 = TABLE_3 | 3;
    memcpy(b->kernel, &level1, 8);
    memcpy(b->kernel + 0x2000 + 8 * (BARE_USER_BASE >> 21), &level2, 8);
    for (uint64_t at = 0; at < BARE_USER_BYTES; at += PAGE_BYTES) {
        uint64_t va = BARE_USER_BASE + at, page = va == HOLE ? 0 : va | PAGE;
        if (va == DEVICE)
            page |= ATTRIBUTE_1;
        memcpy(b->kernel + 0x3000 + 8 * (va >> 12 & 511), &page, 8);
    }
    sysreg_set(&b->core, SR_MAIR_EL1, 0x00ff);
    core_synchronize(&b->core);
    for (unsigned at = 0x7000; at < BARE_USER_BYTES; at++)
        b->user[at] = (uint8_t)(at ^ at >> 8) | 0x80;
    bare_enter(b, el, 0);
    for (unsigned n = 0; n < 31; n++)
        b->cpu.x[n] = MARK + n;
    for (unsigned n = 0; n < 32; n++)
        for (unsigned k = 0; k < 16; k++)
            ((uint8_t *)b->cpu.v[n])[k] = (16 * n + k) & 0x7f;
    read_below = b->port.read;
    write_below = b->port.write;
    b->port.read = read_noted;
    b->port.write = write_noted;
    count = 0;
    return b;
}

static void expect_abort(struct bare *b, uint32_t word, uint64_t far, uint32_t dfsc)
{
    uint64_t esr = sysreg_get(&b->core, SR_ESR_EL1);
    cr_expect_eq(field_get(ESR_ELx_EC, esr), ESR_EC_DABT_LOWER, "%#x: ESR %#lx", word,
                 (unsigned long)esr);
    cr_expect_eq(esr & 0x3f, dfsc, "%#x: ESR %#lx", word, (unsigned long)esr);
    cr_expect_eq(esr >> 24 & 1, 0, "%#x: the syndrome is valid", word);
    cr_expect_eq(sysreg_get(&b->core, SR_FAR_EL1), far, "%#x: FAR %#lx, not %#lx", word,
                 (unsigned long)sysreg_get(&b->core, SR_FAR_EL1), (unsigned long)far);
}

static const struct {
    uint32_t word;
    unsigned before; /* the base is so many bytes before the hole */
    unsigned stores; /* bytes that a store has written by then */
    bool is_store;
} into_hole[] = {
    {0x3dc00001, 8, 0, false},  /* ldr q1, [x0] */
    {0x3c810401, 8, 0, true},   /* str q1, [x0], #16 */
    {0xfc408c01, 12, 0, false}, /* ldr d1, [x0, #8]! */
    {0xacc10801, 16, 0, false}, /* ldp q1, q2, [x0], #32 */
    {0xad000801, 16, 16, true}, /* stp q1, q2, [x0] */
    {0x4cdf2001, 48, 0, false}, /* ld1 { v1.16b to v4.16b }, [x0], #64 */
    {0x4cdf2001, 37, 0, false}, /* the same, unaligned */
    {0x4c9f2001, 48, 48, true}, /* st1 { v1.16b to v4.16b }, [x0], #64 */
    {0x4c9f2001, 37, 37, true},
    {0x4cc50801, 32, 0, false}, /* ld4 { v1.4s to v4.4s }, [x0], x5 */
    {0x4cc50801, 36, 0, false},
    {0x4c9f4401, 16, 16, true}, /* st3 { v1.8h to v3.8h }, [x0], #48 */
    {0x4dff8401, 8, 0, false},  /* ld2 { v1.d, v2.d }[1], [x0], #16 */
    {0x4dbf2401, 2, 2, true},   /* st4 { v1.b to v4.b }[9], [x0], #4 */
    {0x4dffec01, 24, 0, false}, /* ld4r { v1.2d to v4.2d }, [x0], #32 */
};

/*
 * An access that begins on a page and ends in the hole behind: FAR is where the hole begins, no
 * syndrome, the base stays, and a load changes no register.
 */
Test(vector, an_abort_in_the_middle)
{
    for (unsigned i = 0; i < 2 * ARRAY_COUNT(into_hole); i++) {
        uint32_t word = into_hole[i / 2].word;
        struct bare *b = paged_new(0);
        static uint8_t before[BARE_USER_BYTES];
        b->cpu.x[0] = HOLE - into_hole[i / 2].before;
        struct cpu was = b->cpu;
        memcpy(before, b->user, sizeof before);
        bare_step(b, (enum engine_kind)(i & 1), word);
        expect_abort(b, word, HOLE, 0x07);
        cr_expect_arr_eq(b->cpu.x, was.x, sizeof was.x, "%#x: general registers", word);
        cr_expect_arr_eq(b->cpu.v, was.v, sizeof was.v, "%#x: vector registers", word);
        size_t stored = into_hole[i / 2].stores;
        size_t at = HOLE - BARE_USER_BASE - into_hole[i / 2].before;
        cr_expect_arr_eq(b->user + at + stored, before + at + stored, 128, "%#x: memory", word);
        for (size_t k = 0; k < stored; k++)
            cr_expect_neq(b->user[at + k], before[at + k], "%#x: byte %zu was not stored", word, k);
        cr_expect_eq((sysreg_get(&b->core, SR_ESR_EL1) >> 6 & 1) != 0, into_hole[i / 2].is_store,
                     "%#x: WnR", word);
        bare_free(b);
    }
}

static const struct {
    uint32_t word;
    unsigned offset; /* of the base from an aligned address */
    bool faults;     /* with SCTLR_EL1.A */
} aligned[] = {
    {0x3dc00001, 8, true},   {0x3dc00001, 16, false}, /* ldr q1, [x0] */
    {0x3d800001, 4, true},   {0x3d800001, 0, false},  /* str q1, [x0] */
    {0xad400801, 8, true},   {0xad400801, 16, false}, /* ldp q1, q2, [x0] */
    {0x6d400801, 4, true},   {0x6d400801, 8, false},  /* ldp d1, d2, [x0] */
    {0x2d400801, 2, true},   {0x2d400801, 4, false},  /* ldp s1, s2, [x0] */
    {0x7c400001, 1, true},   {0x7c400001, 2, false},  /* ldur h1, [x0] */
    {0x3d000001, 1, false},                           /* str b1, [x0] */
    {0x4c407001, 1, false},                           /* ld1 { v1.16b }, [x0] */
    {0x4c407401, 1, true},   {0x4c407401, 2, false},  /* ld1 { v1.8h }, [x0] */
    {0x4c407c01, 4, true},   {0x4c407c01, 8, false},  /* ld1 { v1.2d }, [x0] */
    {0x4c007801, 2, true},   {0x4c007801, 4, false},  /* st1 { v1.4s }, [x0] */
    {0x0d409001, 3, true},   {0x0d409001, 12, false}, /* ld1 { v1.s }[1], [x0] */
    {0x4d40c801, 2, true},   {0x4d40c801, 4, false},  /* ld1r { v1.4s }, [x0] */
};

/* A structure is aligned to its elements, a register and each of a pair to its size. */
Test(vector, alignment)
{
    for (unsigned i = 0; i < 4 * ARRAY_COUNT(aligned); i++) {
        uint32_t word = aligned[i / 4].word;
        bool checks = i & 2;
        struct bare *b = paged_new(0);
        if (checks)
            sysreg_set(&b->core, SR_SCTLR_EL1, sysreg_get(&b->core, SR_SCTLR_EL1) | SCTLR_EL1_A);
        core_synchronize(&b->core);
        b->cpu.x[0] = DATA + aligned[i / 4].offset;
        bare_step(b, (enum engine_kind)(i & 1), word);
        if (checks && aligned[i / 4].faults)
            expect_abort(b, word, DATA + aligned[i / 4].offset, 0x21);
        else
            cr_expect_eq(b->cpu.pc, bare_code(0) + 4, "%#x, offset %u", word,
                         aligned[i / 4].offset);
        bare_free(b);
    }
}

/* Of a device each element is one access, whatever goes at once in other memory. */
Test(vector, elements_of_device_memory)
{
    static const struct {
        uint32_t word;
        unsigned count, size;
    } rows[] = {
        {0x4c407001, 16, 1}, /* ld1 { v1.16b }, [x0] */
        {0x4c407401, 8, 2},  /* ld1 { v1.8h }, [x0] */
        {0x4c407c01, 2, 8},  /* ld1 { v1.2d }, [x0] */
        {0x4c007801, 4, 4},  /* st1 { v1.4s }, [x0] */
        {0x3dc00001, 1, 16}, /* ldr q1, [x0] */
        {0xad400801, 2, 16}, /* ldp q1, q2, [x0] */
        {0x0d409001, 1, 4},  /* ld1 { v1.s }[1], [x0] */
    };
    for (unsigned i = 0; i < 4 * ARRAY_COUNT(rows); i++) {
        struct bare *b = paged_new(0);
        b->cpu.x[0] = i & 2 ? DATA : DEVICE;
        bare_step(b, (enum engine_kind)(i & 1), rows[i / 4].word);
        cr_expect_eq(b->cpu.pc, bare_code(0) + 4);
        cr_expect_eq(count, i & 2 ? 0 : rows[i / 4].count, "%#x: %u accesses", rows[i / 4].word,
                     count);
        for (unsigned k = 0; k < count; k++)
            cr_expect_eq(sizes[k], rows[i / 4].size, "%#x", rows[i / 4].word);
        if (rows[i / 4].word == 0x4c407001)
            cr_expect_arr_eq(b->cpu.v[1], b->user + (b->cpu.x[0] - BARE_USER_BASE), 16);
        bare_free(b);
    }
}

/* Big-endian data: each element is reversed, and a Q register as a whole. */
Test(vector, byte_order)
{
    static const struct {
        uint32_t word, store;
        unsigned element, bytes;
    } rows[] = {
        {0x4c407001, 0x4c007002, 1, 16}, /* ld1 { v1.16b }, [x0]; st1 of v2 */
        {0x4c407401, 0x4c007402, 2, 16},
        {0x4c407801, 0x4c007802, 4, 16},
        {0x4c407c01, 0x4c007c02, 8, 16},
        {0x3dc00001, 0x3d800002, 16, 16}, /* ldr q1, [x0]; str q2, [x0] */
        {0xfd400001, 0xfd000002, 8, 8},   /* ldr d1, [x0]; str d2, [x0] */
    };
    for (unsigned i = 0; i < 4 * ARRAY_COUNT(rows); i++) {
        struct bare *b = paged_new(0);
        unsigned flip = i & 2 ? rows[i / 4].element - 1 : 0, from = DATA - BARE_USER_BASE;
        if (flip)
            b->cpu.effective[SR_SCTLR_EL1] |= SCTLR_EL1_E0E;
        b->cpu.x[0] = DATA;
        const uint8_t *v1 = (const uint8_t *)b->cpu.v[1], *v2 = (const uint8_t *)b->cpu.v[2];
        bare_step(b, (enum engine_kind)(i & 1), rows[i / 4].word);
        for (unsigned k = 0; k < rows[i / 4].bytes; k++)
            cr_expect_eq(v1[k], b->user[from + (k ^ flip)], "%#x, byte %u", rows[i / 4].word, k);
        bare_step(b, (enum engine_kind)(i & 1), rows[i / 4].store);
        for (unsigned k = 0; k < rows[i / 4].bytes; k++)
            cr_expect_eq(b->user[from + (k ^ flip)], v2[k], "%#x, byte %u", rows[i / 4].store, k);
        bare_free(b);
    }
}

/* One of each kind: loads and stores from a misaligned SP, so that the check comes first. */
static const uint32_t checked[] = {
    0x4ea38441, /* add v1.4s, v2.4s, v3.4s */
    0x4ea31c41, /* mov v1.16b, v2.16b and v3: orr */
    0x0e630041, /* saddl v1.4s, v2.4h, v3.4h */
    0x4f3f0441, /* sshr v1.4s, v2.4s, #1 */
    0x0e205841, /* cnt v1.8b, v2.8b */
    0x6f00e401, /* movi v1.2d, #0 */
    0x4e0c1c41, /* mov v1.s[1], w2 */
    0x0e033c41, /* umov w1, v2.b[1] */
    0x0e030041, /* tbl v1.8b, { v2.16b }, v3.8b */
    0x3dc003e1, /* ldr q1, [sp] */
    0x3d8003e1, /* str q1, [sp] */
    0xad400be1, /* ldp q1, q2, [sp] */
    0x4c4073e1, /* ld1 { v1.16b }, [sp] */
    0x0d4003e1, /* ld1 { v1.b }[0], [sp] */
    0x4d40cbe1, /* ld1r { v1.4s }, [sp] */
};

/* CPACR_EL1.FPEN and CPTR_EL2.TFP against all of them, at EL0 and EL1. */
Test(vector, access_check)
{
    for (unsigned i = 0; i < 16 * ARRAY_COUNT(checked); i++) {
        uint32_t word = checked[i / 16];
        unsigned fpen = i >> 1 & 3, el = i >> 3 & 1;
        struct bare *b = paged_new(el);
        sysreg_set(&b->core, SR_CPACR_EL1, field_put(CPACR_EL1_FPEN, fpen));
        core_synchronize(&b->core);
        struct cpu was = b->cpu;
        b->cpu.sp[0] = b->cpu.sp[1] = DATA + 8;
        bare_step(b, (enum engine_kind)(i & 1), word);
        uint64_t esr = sysreg_get(&b->core, SR_ESR_EL1), ec = field_get(ESR_ELx_EC, esr);
        bool is_on = fpen == 3 || (fpen == 1 && el == 1), has_sp = (word & 0x3e0) == 0x3e0;
        if (!is_on) {
            cr_expect_eq(ec, ESR_EC_FP, "%#x at EL%u: ESR %#lx", word, el, (unsigned long)esr);
            cr_expect_arr_eq(b->cpu.v, was.v, sizeof was.v, "%#x", word);
        } else if (has_sp) {
            cr_expect_eq(ec, ESR_EC_SP_ALIGN, "%#x at EL%u: ESR %#lx", word, el,
                         (unsigned long)esr);
        } else {
            cr_expect_eq(b->cpu.pc, bare_code(el) + 4, "%#x at EL%u", word, el);
        }
        bare_free(b);
    }
}

Test(vector, access_check_by_el2)
{
    for (unsigned i = 0; i < 2 * ARRAY_COUNT(checked); i++) {
        struct bare *b = paged_new(0);
        sysreg_set(&b->core, SR_CPTR_EL2, sysreg_get(&b->core, SR_CPTR_EL2) | CPTR_EL2_TFP);
        core_synchronize(&b->core);
        bare_step(b, (enum engine_kind)(i & 1), checked[i / 2]);
        cr_expect_eq(b->cpu.el, 2, "%#x", checked[i / 2]);
        cr_expect_eq(field_get(ESR_ELx_EC, sysreg_get(&b->core, SR_ESR_EL2)), ESR_EC_FP);
        bare_free(b);
    }
}

Test(vector, undefined_on_a_cpu_without)
{
    for (unsigned i = 0; i < 2 * ARRAY_COUNT(checked); i++) {
        struct bare *b = paged_new(0);
        b->model.features &= ~(uint32_t)SYSREG_FEATURE_FP;
        bare_step(b, (enum engine_kind)(i & 1), checked[i / 2]);
        cr_expect_eq(field_get(ESR_ELx_EC, sysreg_get(&b->core, SR_ESR_EL1)), ESR_EC_UNKNOWN,
                     "%#x", checked[i / 2]);
        bare_free(b);
    }
}

static uint32_t answer;

static uint32_t decide(void *context, const struct choice_name *name, uint32_t n, uint64_t hint)
{
    (void)context, (void)hint;
    cr_expect_eq(name->kind, (uint32_t)CHOICE_UNPREDICTABLE);
    cr_expect_eq(n, 3);
    return answer;
}

/* LDP of one register twice. As written the second value stays. */
Test(vector, a_register_named_twice_is_a_choice)
{
    for (unsigned i = 0; i < 6; i++) {
        struct bare *b = paged_new(0);
        chooser_init(&b->chooser, CHOICE_DECIDE);
        b->chooser.decide = decide;
        b->chooser.open_mask = 1u << CHOICE_UNPREDICTABLE;
        b->cpu.x[0] = DATA;
        struct cpu was = b->cpu;
        answer = i / 2;
        bare_step(b, (enum engine_kind)(i & 1), 0xacc10401); /* ldp q1, q1, [x0], #32 */
        if (answer == 0)
            cr_expect_arr_eq(b->cpu.v[1], b->user + 0x8010, 16);
        else
            cr_expect_arr_eq(b->cpu.v, was.v, sizeof was.v);
        cr_expect_eq(b->cpu.x[0], answer == 0 ? DATA + 32 : DATA);
        if (answer == 2)
            cr_expect_eq(field_get(ESR_ELx_EC, sysreg_get(&b->core, SR_ESR_EL1)), ESR_EC_UNKNOWN);
        else
            cr_expect_eq(b->cpu.pc, bare_code(0) + 4);
        bare_free(b);
    }
}
