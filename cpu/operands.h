/*
 * Which registers an instruction reads and writes, and what for: the dependencies that the memory
 * model knows (address, data, control), from the rows of a64.decode (tools/operands.py).
 */
#pragma once
#include "gen/a64.h"
#include "sim/base/base.h"

/* Members of the sets below: X0..X30 by number, then these. */
enum operand {
    OPERAND_SP = 31, /* all stack pointers */
    OPERAND_NZCV,
    OPERAND_VECTOR, /* all of V0..V31, FPCR and FPSR */
    OPERAND_SYSTEM, /* all system registers */
    OPERAND_COUNT
};

/* Sets: bit per enum operand. The zero register is in none. */
struct operand_sets {
    uint64_t address; /* addresses of its accesses are made of these */
    uint64_t data;    /* what it stores */
    uint64_t branch;  /* where execution goes on */
    uint64_t source;  /* what it computes, beside what it loads */
    uint64_t target;  /* takes what was computed and loaded */
    uint64_t base;    /* takes the address: write-back */
    uint64_t status;  /* a store exclusive's result */
};

/* The operands of a word that decodes to op. Pure. */
struct operand_sets operands_of(enum a64_op op, uint32_t word);
