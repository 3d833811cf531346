/*
 * The decoder and the disassembler against the rows themselves and against LLVM's opinion, which
 * tests/decode/make_words.py has written down (words.txt, allocated.txt), so that no LLVM is needed
 * here. What differs on purpose is in differences.txt, with the reason.
 */
#include "cpu/disasm.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PC UINT64_C(0x40080000) /* where make_words.py disassembles */
#define RANDOM_COUNT 100000u
#define SAMPLES_PER_ROW 4096u
#define TEXT_WORDS_PER_ROW 20u
#define ROW_WORDS 8u /* of each line, where an op has several */

static const struct {
    enum a64_op op;
    uint32_t mask, bits;
    int line;
} rows[] = {
#define X(name, mask, bits, line) {A64_##name, mask, bits, line},
    A64_ROW_LIST(X)
#undef X
};

static FILE *open_beside(const char *name)
{
    char path[4096];
    const char *source = getenv("SOURCE");
    cr_assert_not_null(source, "SOURCE is not set");
    snprintf(path, sizeof path, "%s/tests/decode/%s", source, name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    return file;
}

/* The same as word_of() of make_words.py. */
static uint32_t word_of(uint64_t i)
{
    uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 29;
    return (uint32_t)(x * UINT64_C(0xbf58476d1ce4e5b9) >> 24);
}

/* The row that matches, or one past the last. */
static size_t first_row(uint32_t word)
{
    size_t i = 0;
    while (i < ARRAY_COUNT(rows) && (word & rows[i].mask) != rows[i].bits)
        i++;
    return i;
}

/* What the rows say, read one after the other: the slow truth. */
static enum a64_op first_match(uint32_t word)
{
    size_t i = first_row(word);
    return i < ARRAY_COUNT(rows) ? rows[i].op : A64_UNALLOCATED;
}

Test(words, each_row_decodes_to_itself_and_to_no_other)
{
    uint64_t n = 0;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        unsigned own = 0;
        for (unsigned k = 0; k < SAMPLES_PER_ROW; k++) {
            uint32_t word = rows[i].bits | (word_of(n++) & ~rows[i].mask);
            enum a64_op op = a64_decode(word);
            cr_assert_eq(op, first_match(word), "line %d: %08x is %s, not %s", rows[i].line, word,
                         a64_op_name(op), a64_op_name(first_match(word)));
            own += op == rows[i].op;
        }
        cr_assert_neq(own, 0, "line %d: no word of it decodes to %s", rows[i].line,
                      a64_op_name(rows[i].op));
    }
}

Test(words, random_words_decode_as_the_rows_say)
{
    for (uint64_t n = 0; n < 400000; n++) {
        uint32_t word = word_of(n);
        cr_assert_eq(a64_decode(word), first_match(word), "%08x", word);
    }
}

/* A word that differs from a row in one fixed bit is another row's, or nobody's. */
Test(words, a_fixed_bit_matters)
{
    uint64_t n = 0;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            if (!(rows[i].mask >> bit & 1))
                continue;
            for (unsigned k = 0; k < 64; k++) {
                uint32_t word = rows[i].bits | (word_of(n++) & ~rows[i].mask);
                word ^= UINT32_C(1) << bit;
                cr_assert_eq(a64_decode(word), first_match(word), "%08x", word);
            }
        }
    }
}

Test(words, texts_are_those_of_llvm)
{
    static unsigned seen[A64_COUNT], seen_row[ARRAY_COUNT(rows) + 1], undefined;
    FILE *file = open_beside("words.txt");
    char line[256];
    while (fgets(line, sizeof line, file)) {
        char *expected = strchr(line, ' '), text[A64_TEXT_BYTES];
        cr_assert_not_null(expected);
        *expected++ = '\0';
        expected[strcspn(expected, "\n")] = '\0';
        uint32_t word = (uint32_t)strtoul(line, NULL, 16);
        enum a64_op op = a64_disassemble(word, PC, text, sizeof text);
        seen[op]++;
        seen_row[first_row(word)]++;
        undefined += op == A64_UNALLOCATED;
        cr_expect_str_eq(op == A64_UNALLOCATED ? "undefined" : text, expected, "%s: %s, not %s",
                         line, text, expected);
    }
    fclose(file);
    cr_expect_gt(undefined, 500);
#define X(name, mask, bits, class, flags, text, line)                                         \
    cr_expect(seen[A64_##name] >= TEXT_WORDS_PER_ROW ||                                       \
                  seen[A64_##name] >= UINT64_C(1) << __builtin_popcount(~(mask)),             \
              "%s has %u words", #name, seen[A64_##name]);
    A64_LIST(X)
#undef X
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        enum a64_op op = rows[i].op;
        if (op != A64_UNALLOCATED && !(a64_flags(op) & A64_IS_UNMODELLED))
            cr_expect(seen_row[i] >= ROW_WORDS ||
                          seen_row[i] >= UINT64_C(1) << __builtin_popcount(~rows[i].mask),
                      "line %d: %u words", rows[i].line, seen_row[i]);
    }
}

Test(words, allocation_is_that_of_llvm)
{
    static bool excused[A64_COUNT], used[A64_COUNT];
    char line[256];
    FILE *file = open_beside("differences.txt");
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#')
            continue;
        enum a64_op op = A64_UNALLOCATED;
        for (unsigned i = 1; i < A64_COUNT; i++) {
            if (strcmp(line, a64_op_name((enum a64_op)i)) == 0)
                op = (enum a64_op)i;
        }
        cr_assert_neq(op, A64_UNALLOCATED, "differences.txt: no op %s", line);
        excused[op] = true;
    }
    fclose(file);
    file = open_beside("allocated.txt");
    uint64_t n = 0;
    for (int c; (c = fgetc(file)) != EOF;) {
        if (c == '\n')
            continue;
        char digit[2] = {(char)c, '\0'};
        unsigned long four = strtoul(digit, NULL, 16);
        for (unsigned i = 0; i < 4; i++, n++) {
            bool theirs = four >> (3 - i) & 1;
            uint32_t word = word_of(n);
            enum a64_op op = a64_decode(word);
            if ((op != A64_UNALLOCATED) == theirs)
                continue;
            cr_expect(op != A64_UNALLOCATED && excused[op], "%08x: %s here, %s there", word,
                      a64_op_name(op), theirs ? "allocated" : "unallocated");
            used[op] = true;
        }
    }
    fclose(file);
    cr_assert_eq(n, RANDOM_COUNT);
    for (unsigned i = 0; i < A64_COUNT; i++)
        cr_expect_eq(excused[i], used[i], "differences.txt: %s", a64_op_name((enum a64_op)i));
}

/* What words.txt leaves out: its numbers are names here, those of sysreg.def. */
Test(words, registers_and_operations_have_names)
{
    static const struct {
        uint32_t word;
        const char *text;
    } named[] = {
        {0xd5381000, "mrs x0, SCTLR_EL1"},    {0xd51c2102, "msr VTTBR_EL2, x2"},
        {0xd508831f, "tlbi vmalle1is"},       {0xd5088323, "tlbi vae1is, x3"},
        {0xd50c8721, "tlbi vae2, x1"},        {0xd508711f, "ic ialluis"},
        {0xd50b7420, "dc zva, x0"},           {0xd5087802, "at s1e1r, x2"},
        {0xd53bf000, "mrs x0, s3_3_c15_c0_0"}, {0xd50bf005, "sys #3, c15, c0, #0, x5"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(named); i++) {
        char text[A64_TEXT_BYTES];
        a64_disassemble(named[i].word, PC, text, sizeof text);
        cr_expect_str_eq(text, named[i].text, "%s", text);
    }
}

Test(words, a_text_that_does_not_fit_is_cut)
{
    char text[8];
    memset(text, 'z', sizeof text);
    a64_disassemble(UINT32_C(0x91000421), PC, text, 6); /* add x1, x1, #1 */
    cr_assert_str_eq(text, "add x");
    cr_assert_eq(text[6], 'z');
    a64_disassemble(0, PC, text, 1);
    cr_assert_str_eq(text, "");
}
