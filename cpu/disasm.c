/*
 * Disassembly of A64 from the assembly templates in a64.decode, so that decoder, text and manual
 * page have one source. tools/decode.py has checked each template and replaced field names by
 * places: "add {xs:0+5,31+1}, ..." prints the register of bits 4:0 at the width of bit 31.
 *
 *     argument = place { '.' place } [ '*' factor ] [ '<' place ]  |  '=' number
 *     place    = lsb '+' length
 *
 * Each operand kind of a64.decode is a function operand_KIND below; one that is missing, or that
 * no row names any more, does not compile.
 *
 * Registers and operations of SYS have the names of sysreg.def. Vector operands are in
 * disasm_vector.c. Not done here: alias mnemonics.
 * DDI 0487, "A64 Base Instruction Descriptions" (assembler symbols).
 */
#include "cpu/disasm_write.h"
#include "cpu/exec/bits.h"
#include "cpu/sysreg_row.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 6u

void disasm_put(struct writer *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = out->size - out->length;
    int n = vsnprintf(out->text + out->length, room, format, arguments);
    va_end(arguments);
    ensure(n >= 0);
    out->length += (size_t)n < room ? (size_t)n : room - 1;
}

#define put disasm_put
#define put_register disasm_put_register

static unsigned small(const struct argument *a)
{
    return (unsigned)a->raw;
}

static uint64_t plain(const struct argument *a)
{
    return a->raw * a->factor;
}

static int64_t with_sign(const struct argument *a)
{
    return (int64_t)(bits_sign_extend(a->raw, a->bits) * a->factor);
}

void disasm_put_register(struct writer *out, unsigned n, bool is_x, const char *name31)
{
    if (n == 31)
        put(out, "%s", name31);
    else
        put(out, "%c%u", is_x ? 'x' : 'w', n);
}

static void operand_x(struct writer *out, const struct argument *a)
{
    bool is_x = a[1].raw != 0;
    put_register(out, small(a), is_x, is_x ? "xzr" : "wzr");
}

static void operand_xs(struct writer *out, const struct argument *a)
{
    bool is_x = a[1].raw != 0;
    put_register(out, small(a), is_x, is_x ? "sp" : "wsp");
}

static void operand_w(struct writer *out, const struct argument *a)
{
    put_register(out, small(a), false, "wzr");
}

static void operand_x64(struct writer *out, const struct argument *a)
{
    put_register(out, small(a), true, "xzr");
}

static void operand_x64s(struct writer *out, const struct argument *a)
{
    put_register(out, small(a), true, "sp");
}

static void operand_i(struct writer *out, const struct argument *a)
{
    put(out, "#%llu", (unsigned long long)plain(a));
}

static void operand_ih(struct writer *out, const struct argument *a)
{
    put(out, "#0x%llx", (unsigned long long)plain(a));
}

static void operand_si(struct writer *out, const struct argument *a)
{
    put(out, "#%lld", (long long)with_sign(a));
}

static void operand_oi(struct writer *out, const struct argument *a)
{
    if (a->raw != 0)
        put(out, ", #%llu", (unsigned long long)plain(a));
}

static void operand_osi(struct writer *out, const struct argument *a)
{
    if (a->raw != 0)
        put(out, ", #%lld", (long long)with_sign(a));
}

static void operand_pc(struct writer *out, const struct argument *a)
{
    put(out, "0x%llx", (unsigned long long)(out->pc + (uint64_t)with_sign(a)));
}

static void operand_page(struct writer *out, const struct argument *a)
{
    uint64_t page = align_down(out->pc, PAGE_BYTES);
    put(out, "0x%llx", (unsigned long long)(page + (uint64_t)with_sign(a) * PAGE_BYTES));
}

static void operand_lsl12(struct writer *out, const struct argument *a)
{
    put(out, "%s", a->raw ? ", lsl #12" : "");
}

static void operand_hw(struct writer *out, const struct argument *a)
{
    if (a->raw != 0)
        put(out, ", lsl #%u", 16 * small(a));
}

static void operand_shift(struct writer *out, const struct argument *a)
{
    static const char name[4][4] = {"lsl", "lsr", "asr", "ror"};
    if (a[0].raw != 0 || a[1].raw != 0)
        put(out, ", %s #%u", name[small(a)], small(a + 1));
}

static const char extend_name[8][5] = {"uxtb", "uxth", "uxtw", "uxtx",
                                       "sxtb", "sxth", "sxtw", "sxtx"};

/* With SP as a base, an extension that extends nothing is written as lsl, or not at all. */
static void put_extended(struct writer *out, const struct argument *a, bool has_sp, bool is_x)
{
    unsigned option = small(a + 1), amount = small(a + 2);
    bool is_x_index = is_x && (option & 3) == 3;
    put(out, ", ");
    put_register(out, small(a), is_x_index, is_x_index ? "xzr" : "wzr");
    if (has_sp && option == (is_x ? 3 : 2)) {
        if (amount != 0)
            put(out, ", lsl #%u", amount);
        return;
    }
    put(out, ", %s", extend_name[option]);
    if (amount != 0)
        put(out, " #%u", amount);
}

static void operand_extend(struct writer *out, const struct argument *a)
{
    put_extended(out, a, a[3].raw == 31, a[4].raw != 0);
}

static void operand_extendd(struct writer *out, const struct argument *a)
{
    put_extended(out, a, a[3].raw == 31 || a[4].raw == 31, a[5].raw != 0);
}

static void operand_index(struct writer *out, const struct argument *a)
{
    unsigned option = small(a + 1);
    bool is_x = option & 1, is_scaled = a[2].raw != 0;
    put_register(out, small(a), is_x, is_x ? "xzr" : "wzr");
    if (option == 3 && !is_scaled)
        return;
    put(out, ", %s", option == 3 ? "lsl" : extend_name[option]);
    if (is_scaled)
        put(out, " #%u", small(a + 3));
}

static void operand_mask(struct writer *out, const struct argument *a)
{
    unsigned imm = small(a);
    uint64_t mask = bits_logical_mask(imm >> 12, imm >> 6 & 63, imm & 63);
    put(out, "#0x%llx", (unsigned long long)(a[1].raw ? mask : (uint32_t)mask));
}

static void operand_cond(struct writer *out, const struct argument *a)
{
    static const char name[16][3] = {"eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc",
                                     "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"};
    put(out, "%s", name[small(a)]);
}

static void operand_crn(struct writer *out, const struct argument *a)
{
    put(out, "c%u", small(a));
}

static void operand_option(struct writer *out, const struct argument *a)
{
    static const char name[16][6] = {"",      "oshld", "oshst", "osh", "", "nshld", "nshst", "nsh",
                                     "",      "ishld", "ishst", "ish", "", "ld",    "st",    "sy"};
    unsigned crm = small(a);
    if (name[crm][0])
        put(out, "%s", name[crm]);
    else
        put(out, "#%u", crm);
}

static void operand_sy(struct writer *out, const struct argument *a)
{
    if (small(a) == 15)
        put(out, "sy");
    else
        put(out, "#%u", small(a));
}

static void operand_prfop(struct writer *out, const struct argument *a)
{
    static const char type[3][4] = {"pld", "pli", "pst"};
    unsigned operation = small(a), level = operation >> 1 & 3;
    if (operation >> 3 == 3 || level == 3)
        put(out, "#%u", operation);
    else
        put(out, "%sl%u%s", type[operation >> 3], level + 1, operation & 1 ? "strm" : "keep");
}

static void operand_order(struct writer *out, const struct argument *a)
{
    static const char name[4][3] = {"", "l", "a", "al"};
    put(out, "%s", name[small(a)]);
}

static void operand_next(struct writer *out, const struct argument *a)
{
    struct argument behind[2] = {a[0], a[1]};
    behind[0].raw++;
    operand_x(out, behind);
}

static void operand_sysreg(struct writer *out, const struct argument *a)
{
    unsigned op = small(a);
    enum sysreg reg = sysreg_of_key((uint16_t)(0x8000u | op));
    if (reg < SYSREG_COUNT && sysreg_row(reg)->kind == SYSREG_KIND_REG) {
        put(out, "%s", sysreg_row(reg)->name);
        return;
    }
    put(out, "s%u_%u_c%u_c%u_%u", 2 + (op >> 14), op >> 11 & 7, op >> 7 & 15, op >> 3 & 15, op & 7);
}

/* "TLBI_VAE1IS" of sysreg.def as "tlbi vae1is"; without a register where 31 says there is none. */
static void put_operation(struct writer *out, const char *name, unsigned rt)
{
    for (; *name; name++)
        put(out, "%c", *name == '_' ? ' ' : *name | 0x20);
    if (rt != 31)
        put(out, ", x%u", rt);
}

static void operand_sys(struct writer *out, const struct argument *a)
{
    unsigned op = small(a), rt = small(a + 1);
    enum sysreg reg = sysreg_of_key((uint16_t)(0x4000u | op));
    if (reg < SYSREG_COUNT && sysreg_row(reg)->kind == SYSREG_KIND_SYS) {
        put_operation(out, sysreg_row(reg)->name, rt);
        return;
    }
    put(out, "sys #%u, c%u, c%u, #%u, ", op >> 11, op >> 7 & 15, op >> 3 & 15, op & 7);
    put_register(out, rt, true, "xzr");
}

static const struct operand {
    const char *name;
    void (*print)(struct writer *out, const struct argument *a);
    unsigned count;
} operands[] = {
#define X(kind, count) {#kind, operand_##kind, count},
    A64_OPERAND_LIST(X)
#undef X
};

static const struct {
    const char *name, *text;
} ops[A64_COUNT] = {
    [A64_UNALLOCATED] = {"UNALLOCATED", ".inst"},
#define X(name, mask, bits, class, flags, text, line) [A64_##name] = {#name, text},
    A64_LIST(X) A64_UNMODELLED_LIST(X)
#undef X
};

/* A decimal number of a template; moves on behind it. */
static unsigned take_number(const char **at)
{
    char *end;
    unsigned long value = strtoul(*at, &end, 10);
    *at = end;
    return (unsigned)value;
}

/* LSB+LENGTH: the bits of word at that place; *length grows. */
static uint64_t take_place(const char **at, uint32_t word, unsigned *length)
{
    unsigned lsb = take_number(at);
    ensure(**at == '+');
    ++*at;
    unsigned count = take_number(at);
    *length += count;
    return bits_get(word, lsb + count - 1, lsb);
}

static struct argument take_argument(const char **at, uint32_t word)
{
    struct argument a = {.factor = 1};
    if (**at == '=') {
        ++*at;
        a.raw = take_number(at);
        a.bits = 32;
        return a;
    }
    a.raw = take_place(at, word, &a.bits);
    while (**at == '.') {
        ++*at;
        unsigned length = 0;
        uint64_t low = take_place(at, word, &length);
        a.raw = a.raw << length | low;
        a.bits += length;
    }
    if (**at == '*') {
        ++*at;
        a.factor = take_number(at);
    }
    if (**at == '<') {
        ++*at;
        unsigned length = 0;
        a.factor <<= take_place(at, word, &length);
    }
    return a;
}

/* at stands behind '{'; returns what follows '}'. */
static const char *put_operand(struct writer *out, const char *at, uint32_t word)
{
    struct argument arguments[ARGUMENTS_MAX] = {{0}};
    size_t length = strcspn(at, ":");
    const struct operand *operand = operands;
    while (strlen(operand->name) != length || memcmp(operand->name, at, length) != 0) {
        operand++;
        ensure(operand < operands + ARRAY_COUNT(operands));
    }
    at += length;
    for (unsigned i = 0; i < operand->count; i++) {
        ensure(i < ARGUMENTS_MAX && *at == (i == 0 ? ':' : ','));
        at++;
        arguments[i] = take_argument(&at, word);
    }
    ensure(*at == '}');
    operand->print(out, arguments);
    return at + 1;
}

enum a64_op a64_disassemble(uint32_t word, uint64_t pc, char *text, size_t size)
{
    ensure(size >= 1);
    enum a64_op op = a64_decode(word);
    struct writer out = {.text = text, .size = size, .pc = pc};
    text[0] = '\0';
    for (const char *at = ops[op].text; *at;) {
        if (*at == '{') {
            at = put_operand(&out, at + 1, word);
        } else {
            put(&out, "%c", *at);
            at++;
        }
    }
    if (op == A64_UNALLOCATED)
        put(&out, " 0x%08x", word);
    return op;
}

const char *a64_op_name(enum a64_op op)
{
    ensure((unsigned)op < A64_COUNT);
    return ops[op].name;
}
