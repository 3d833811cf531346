/* Description rows of registers, descriptors and syndromes, as tools/regs.py writes them into
 * gen/NAME.inc.  Const data for trace, window, documentation and tests; the model itself uses the
 * masks and enums of gen/NAME.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How a field behaves. */
enum reg_field_kind {
    REG_FIELD_RW,     /* keeps what is written */
    REG_FIELD_RO,     /* the model sets it; writes are ignored */
    REG_FIELD_FIXED0, /* named, but always 0 here */
    REG_FIELD_FIXED1, /* named, but always 1 here */
    REG_FIELD_RES0,   /* reserved, reads as 0 here */
    REG_FIELD_RES1    /* reserved, reads as 1 here */
};

/* One field; `needs` is the feature without which it is RES0, `upper_needs` that without which
 * its upper half is (0: none). */
struct reg_field {
    const char *name;
    const char *what;
    uint8_t high, low; /* bit numbers */
    enum reg_field_kind kind;
    uint32_t needs, upper_needs;
    bool else_one; /* without the feature the field reads as ones */
};

/* What a register holds after reset. */
enum reg_reset {
    REG_RESET_VALUE,   /* a number */
    REG_RESET_UNKNOWN, /* UNKNOWN: a choice */
    REG_RESET_ID,      /* given by the CPU model */
    REG_RESET_COPY     /* that of another register, which the CPU model gives */
};

/* A layout of bits that is no register: a descriptor, a syndrome, a layout several registers
 * share. */
struct word_row {
    const char *name;
    const char *what;
    unsigned bits;
    const struct reg_field *fields;
    unsigned field_count;
};

/* A named value of an enum in a data file; `word` names the layout that belongs to it, or NULL. */
struct value_row {
    uint64_t value;
    const char *name;
    const char *what;
    const char *word;
};

/* A memory-mapped register of 32 bits, or `count` of them side by side.  `per_int` is the number
 * of bits that each interrupt has in it (0: none); interrupts below `banked` have a copy per CPU;
 * `bytes` says that byte accesses are allowed. */
struct mmio_row {
    const char *name;
    const char *what;
    const char *frame;
    uint32_t offset; /* bytes from the start of the frame */
    uint32_t count;
    bool readable, writable, bytes;
    uint16_t banked, per_int;
    uint32_t reset, zeros, ones;
    const struct reg_field *fields;
    unsigned field_count;
};
