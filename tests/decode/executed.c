/*
 * What becomes of words when they are executed, in both engines: golden words that LLVM knows are
 * executed or trapped but never stop the run, golden words that LLVM does not know are UNDEFINED
 * to the guest, and rows that are allocated but not modelled stop the run with their name. So no
 * encoding is silently ignored. Which words are which, words.txt says (tests/decode/make_words.py).
 */
#include "cpu/disasm.h"
#include "cpu/exception.h"
#include "cpu/sysreg.h"
#include "gen/esr.h"
#include "tests/diff/bare.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One word at EL1 of a core of its own, which has these features beside its own. */
static struct bare *execute(uint32_t word, enum engine_kind kind, uint32_t features,
                            struct engine_result *result)
{
    struct bare *b = bare_new();
    b->model.features |= features;
    sysreg_set(&b->core, SR_CPTR_EL2, 0);
    sysreg_set(&b->core, SR_CPACR_EL1, CPACR_EL1_FPEN);
    core_synchronize(&b->core);
    bare_enter(b, 1, 0);
    *result = bare_step(b, kind, word);
    return b;
}

static void check_undefined(struct bare *b, uint32_t word, struct engine_result result)
{
    uint64_t esr = sysreg_get(&b->core, SR_ESR_EL1), elr = sysreg_get(&b->core, SR_ELR_EL1);
    cr_expect_neq((int)result.reason, (int)ENGINE_UNMODELLED, "%08x", word);
    cr_expect_eq(esr, (uint64_t)ESR_EC_UNKNOWN << 26 | 1u << 25, "%08x: ESR %#lx", word,
                 (unsigned long)esr);
    cr_expect_eq(elr, BARE_CODE, "%08x: ELR %#lx", word, (unsigned long)elr);
}

Test(executed, golden_words_run_or_are_undefined)
{
    char path[4096], line[256];
    const char *source = getenv("SOURCE");
    cr_assert_not_null(source);
    snprintf(path, sizeof path, "%s/tests/decode/words.txt", source);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    unsigned run = 0, undefined = 0;
    while (fgets(line, sizeof line, file)) {
        uint32_t word = (uint32_t)strtoul(line, NULL, 16);
        enum a64_op op = a64_decode(word);
        struct engine_result result;
        if (a64_class(op) == A64_CLASS_SYS)
            continue; /* tests/unit/sysreg_execute.c */
        for (unsigned kind = 0; kind < 2; kind++) {
            struct bare *b = execute(word, (enum engine_kind)kind, 0, &result);
            if (op == A64_UNALLOCATED)
                check_undefined(b, word, result);
            cr_expect_eq(result.steps, 1, "%s", line);
            cr_expect_neq((int)result.reason, (int)ENGINE_UNMODELLED, "%s", line);
            bare_free(b);
        }
        run += op != A64_UNALLOCATED;
        undefined += op == A64_UNALLOCATED;
    }
    fclose(file);
    cr_assert_gt(run, 4000);
    cr_assert_gt(undefined, 500);
}

/* A word of the op: its fixed bits, and others that no other row takes. */
__attribute__((unused)) static uint32_t word_of(enum a64_op op, uint32_t mask, uint32_t bits)
{
    for (uint64_t i = 1; i < 1000000; i++) {
        uint32_t word = bits | ((uint32_t)hash_mix(i) & ~mask);
        if (a64_decode(word) == op)
            return word;
    }
    bug("no word of %s", a64_op_name(op));
}

/* With every feature on, so that none is UNDEFINED for the lack of one. */
Test(executed, unmodelled_rows_stop_the_run)
{
    const struct {
        const char *name;
        uint32_t word;
    } rows[] = {
#define X(name, mask, bits, class, flags, text, line) {#name, word_of(A64_##name, mask, bits)},
        A64_UNMODELLED_LIST(X)
#undef X
        {"N1_CLUSTER0_EL1", 0xd538f300}, /* mrs x0, s3_0_c15_c3_0 */
        {"N1_CLUSTER7_EL1", 0xd538f3e0}, /* mrs x0, s3_0_c15_c3_7 */
    };
    for (unsigned i = 0; i < 2 * ARRAY_COUNT(rows); i++) {
        struct engine_result result;
        struct bare *b = execute(rows[i / 2].word, (enum engine_kind)(i & 1), UINT32_MAX, &result);
        cr_expect_eq((int)result.reason, (int)ENGINE_UNMODELLED, "%s", rows[i / 2].name);
        cr_expect_not_null(b->core.unmodelled);
        cr_expect_eq(b->cpu.pc, BARE_CODE, "%s: not at the instruction", rows[i / 2].name);
        bare_free(b);
    }
}
