/* The rows of system registers and system instructions (cpu/sysreg.def), and the one function
 * that says what an encoding is for whom. */
#pragma once
#include "gen/sysreg.h"
#include "sim/base/regs.h"
#include <stddef.h>

#define SYSREG_TRAP_MAX 3u   /* rules of one row */
#define SYSREG_ABSENT_MAX 3u /* features that one row depends on */

/* The encoding of a register or instruction as one number: op0, op1, CRn, CRm, op2. */
#define SYSREG_KEY(op0, op1, crn, crm, op2)                                                       \
    ((uint16_t)((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2)))

/* The same out of an MRS, MSR, SYS or SYSL: they are bits 20:5, and op0 is bits 20:19. */
static inline uint16_t sysreg_key_of_word(uint32_t word)
{
    return (uint16_t)(word >> 5);
}

enum sysreg_kind {
    SYSREG_KIND_REG,  /* MRS and MSR */
    SYSREG_KIND_SYS,  /* SYS */
    SYSREG_KIND_SPACE /* a range of encodings with one meaning */
};

/* Where a trap rule leads. UNDEF is an Undefined Instruction exception at the current level. */
enum sysreg_to { SYSREG_TO_UNDEF, SYSREG_TO_EL1, SYSREG_TO_EL2 };

struct sysreg_row {
    const char *name;
    const char *what;
    uint16_t key; /* of a space: its first that no other row takes */
    enum sysreg_kind kind;
    uint8_t access; /* bit 2*EL for reads, 2*EL+1 for writes */
    enum sysreg_owner owner;
    enum sysreg_on_read on_read;
    enum sysreg_on_write on_write;
    uint32_t needs; /* the feature without which it is UNDEFINED; 0: none */
    enum reg_reset reset_kind;
    uint64_t reset; /* a number, or the register that is copied */
    bool is_effective, is_unmodelled, is_special; /* special: not kept in the register file */
    bool is_soon; /* the effective copy follows at once, unless by choice */
    uint64_t zeros, ones, read_only;              /* bits that a write does not change */
    struct {
        uint32_t feature;
        uint64_t bits, ones;
    } absent[SYSREG_ABSENT_MAX]; /* bits that are RES0, and RES1, without a feature */
    unsigned absent_count;
    enum sysreg_trap trap[SYSREG_TRAP_MAX]; /* in order of priority */
    unsigned trap_count;
    const struct reg_field *fields;
    unsigned field_count;
};

/* A rule: it applies at these levels and directions when reg & mask, as a field, is value, or
 * when the named function of sysreg_resolve.c says so (then reg is SYSREG_COUNT). */
struct sysreg_trap_row {
    const char *name;
    const char *what;
    enum sysreg_to to;
    uint8_t els;  /* bit per EL */
    uint8_t dirs; /* bit 0 reads, bit 1 writes */
    uint8_t ec;   /* ESR_ELx.EC when taken */
    enum sysreg reg;
    uint64_t mask, value;
    const char *function;
};

/* Everything that the meaning of an encoding depends on beside the effective registers. */
struct sysreg_query {
    uint16_t key;
    uint8_t el;
    bool is_write;
    bool spsel;
    bool e2h, tge, nv, nv1, nv2; /* of HCR_EL2 */
    uint32_t features;           /* enum sysreg_feature */
};

enum sysreg_target_kind {
    SYSREG_TARGET_REGISTER,  /* read or write `reg`, or execute it */
    SYSREG_TARGET_MEMORY,    /* a slot of the nested-virtualization page; never yet */
    SYSREG_TARGET_TRAP_EL1,  /* trapped to EL1 with `ec` */
    SYSREG_TARGET_TRAP_EL2,  /* trapped to EL2 with `ec` */
    SYSREG_TARGET_UNDEFINED, /* an Undefined Instruction exception */
    SYSREG_TARGET_UNMODELLED /* allocated, but the model lacks it: stop the run */
};

struct sysreg_target {
    enum sysreg_target_kind kind;
    enum sysreg reg;       /* the row; SYSREG_COUNT when there is none */
    enum sysreg_trap trap; /* the rule that applied, or TRAP_NONE */
    uint8_t ec;
    uint16_t slot; /* MEMORY: offset in the page, bytes */
};

/* The row of a key, or SYSREG_COUNT. Constant for ever, so decoders may keep it. */
enum sysreg sysreg_of_key(uint16_t key);

/* What an access means: access rights first, then the row's rules in order. `effective` is the
 * file of effective copies, indexed by enum sysreg. Pure. */
struct sysreg_target sysreg_resolve(const struct sysreg_query *query, const uint64_t *effective);

/* The row of reg, below SYSREG_COUNT; and a rule, below SYSREG_TRAP_COUNT. */
const struct sysreg_row *sysreg_row(enum sysreg reg);
const struct sysreg_trap_row *sysreg_trap_row(enum sysreg_trap trap);

/* Bits of reg that read as zero with these features: RES0, fixed, and of absent features. */
uint64_t sysreg_zeros(enum sysreg reg, uint32_t features);
/* Likewise those that read as one. */
uint64_t sysreg_ones(enum sysreg reg, uint32_t features);
/* What reg holds after `value` is written over `old`: reserved and read-only bits kept. */
uint64_t sysreg_legal(enum sysreg reg, uint32_t features, uint64_t old, uint64_t value);
