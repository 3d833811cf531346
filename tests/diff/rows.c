/*
 * Every modelled row on qemu-aarch64 and here, in both engines: the same program with the same
 * operands (program.h, operands.h) must leave the same registers (vector
 * registers, FPCR and FPSR, too), flags and memory. One case per
 * row. Rows that a Linux process cannot execute are in the list of operands.c with a reason; that
 * tests/diff/privileged.c runs each of those is checked there.
 */
#include "cpu/direct.h"
#include "cpu/disasm.h"
#include "cpu/sysreg.h"
#include "tests/diff/operands.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETS_MIN 100u
#define STEPS_MAX 1000000u

static uint8_t theirs[PROGRAM_BYTES];

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

/* The image as qemu-aarch64 leaves it, from PROGRAM_DATA on. */
static void run_there(const struct program *p)
{
    char folder[] = "/tmp/armillary-diff-XXXXXX", exe[64], out[64], command[256];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(exe, sizeof exe, "%s/exe", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    write_file(exe, p->image, sizeof p->image);
    snprintf(command, sizeof command, "chmod +x %s && qemu-aarch64 -cpu neoverse-n1 %s > %s", exe,
             exe, out);
    int status = system(command);
    FILE *file = fopen(out, "rb");
    size_t size = file ? fread(theirs + PROGRAM_DATA, 1, PROGRAM_BYTES - PROGRAM_DATA, file) : 0;
    if (file)
        fclose(file);
    remove(exe);
    remove(out);
    rmdir(folder);
    cr_assert_eq(status, 0, "qemu-aarch64 (Debian package qemu-user) ended with status %d", status);
    cr_assert_eq(size, PROGRAM_BYTES - PROGRAM_DATA, "the program wrote %zu bytes", size);
}

/* Runs the program here up to its system call; the image is left in b->user. */
static void run_here(struct bare *b, const struct program *p, enum engine_kind kind)
{
    memcpy(b->user, p->image, sizeof p->image);
    bare_enter(b, 0, BARE_USER_BASE + PROGRAM_BLOCKS);
    enum engine_reason reason = bare_run(b, kind, STEPS_MAX);
    cr_assert_eq(reason, ENGINE_SEMIHOST, "stopped for reason %d at %#lx", (int)reason,
                 (unsigned long)b->cpu.pc);
    uint64_t elr = sysreg_get(&b->core, SR_ELR_EL1);
    cr_assert_eq(elr, BARE_USER_BASE + p->exit + 4, "exception at %#lx, ESR %#lx, FAR %#lx",
                 (unsigned long)elr, (unsigned long)sysreg_get(&b->core, SR_ESR_EL1),
                 (unsigned long)sysreg_get(&b->core, SR_FAR_EL1));
}

static void compare_word(const char *what, const char *text, unsigned set, uint64_t here,
                         uint64_t there)
{
    cr_expect_eq(here, there, "%s, operands %u: %s is %#lx here, %#lx there", text, set, what,
                 (unsigned long)here, (unsigned long)there);
}

static void compare_record(const char *text, unsigned i, const struct record *here,
                           const struct record *there)
{
    char name[8];
    for (unsigned n = 0; n < 31; n++) {
        snprintf(name, sizeof name, "x%u", n);
        compare_word(name, text, i, here->out.x[n], there->out.x[n]);
    }
    compare_word("sp", text, i, here->out.sp, there->out.sp);
    compare_word("nzcv", text, i, here->out.nzcv, there->out.nzcv);
    compare_word("fpcr", text, i, here->out.fpcr, there->out.fpcr);
    compare_word("fpsr", text, i, here->out.fpsr, there->out.fpsr);
    for (unsigned n = 0; n < 32; n++) {
        snprintf(name, sizeof name, "v%u", n);
        compare_word(name, text, i, here->out.v[n][0], there->out.v[n][0]);
        snprintf(name, sizeof name, "v%u+8", n);
        compare_word(name, text, i, here->out.v[n][1], there->out.v[n][1]);
    }
    compare_word("the landing pad", text, i, here->mark, there->mark);
    cr_expect_arr_eq(here->window, there->window, sizeof here->window, "%s, operands %u: memory",
                     text, i);
}

static void compare(enum a64_op op, const struct operands *o, const uint8_t *here)
{
    char text[A64_TEXT_BYTES];
    unsigned sets = 0;
    for (unsigned i = 0; i < PROGRAM_RECORDS; i++) {
        unsigned k = i / PROGRAM_SETS;
        const struct record *a = program_record(here, i), *b = program_record(theirs, i);
        a64_disassemble(o->instances[k].word, program_word_address(k), text, sizeof text);
        compare_record(text, i, a, b);
        sets += a->mark != 0 && b->mark != 0;
    }
    cr_expect_geq(sets, SETS_MIN, "%s ran with %u sets of operands", a64_op_name(op), sets);
    cr_expect_arr_eq(here + PROGRAM_DATA, theirs + PROGRAM_DATA, PROGRAM_RECORD - PROGRAM_DATA,
                     "%s: memory outside of the window", a64_op_name(op));
}

static enum a64_op tested[A64_COUNT];

ParameterizedTestParameters(rows, as_on_qemu)
{
    size_t count = 0;
#define X(name, mask, bits, class, flags, text, line)  \
    if (!operands_excluded(A64_##name))                \
        tested[count++] = A64_##name;
    A64_LIST(X)
#undef X
    return cr_make_param_array(enum a64_op, tested, count);
}

ParameterizedTest(enum a64_op *op, rows, as_on_qemu)
{
    static struct operands operands;
    static struct program program;
    const char *name = a64_op_name(*op);
    operands_make(*op, &operands);
    program_build(&program, operands.instances, operands.in, hash_bytes(name, strlen(name), 2));
    run_there(&program);
    for (unsigned kind = 0; kind < 2; kind++) {
        struct bare *b = bare_new();
        run_here(b, &program, (enum engine_kind)kind);
        uint64_t hot = b->core.cache->hot_insns, all = b->cpu.insns;
        if (kind == ENGINE_KIND_FAST)
            cr_expect_gt(hot, all / 2, "%s: %lu of %lu steps were hot", name, (unsigned long)hot,
                         (unsigned long)all);
        compare(*op, &operands, b->user);
        bare_free(b);
    }
}
