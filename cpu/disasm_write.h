/*
 * What the files of the disassembler share: the text under way, and the arguments of an operand.
 */
#pragma once
#include "cpu/disasm.h"

struct writer {
    char *text;
    size_t size, length;
    uint64_t pc;
};

struct argument {
    uint64_t raw;
    unsigned bits; /* width of raw: where its sign is */
    uint64_t factor;
};

/* Appends; what does not fit is cut off. */
__attribute__((format(printf, 2, 3))) void disasm_put(struct writer *out, const char *format, ...);

/* A general register by number; name31 is what 31 is called. */
void disasm_put_register(struct writer *out, unsigned n, bool is_x, const char *name31);

/* X(KIND): the vector operands of a64.decode, which disasm_vector.c prints. */
#define DISASM_VECTOR_LIST(X)                                                                  \
    X(v) X(vw) X(va) X(vs) X(v5) X(vi) X(viw) X(vm) X(ss) X(ssw) X(sdq) X(q) X(s5) X(sh)       \
    X(shw) X(e5) X(e54) X(x5) X(element) X(two) X(list) X(table) X(lane) X(by) X(lanesby)      \
    X(bits) X(shr) X(shl) X(msl) X(bytemask) X(float8)                                          \
    X(vf) X(vf2) X(vfp) X(fe) X(vd1) X(fbits)

#define X(kind) void operand_##kind(struct writer *out, const struct argument *a);
DISASM_VECTOR_LIST(X)
#undef X
