/*
 * Disassembly: the text of an instruction, from the templates of a64.decode.
 */
#pragma once
#include "gen/a64.h"
#include "sim/base/base.h"

/* What a text of any instruction fits into. */
#define A64_TEXT_BYTES 96u

/*
 * Writes the assembly text of word at address pc, NUL-terminated and cut at size (>= 1). Branch
 * and literal targets are absolute addresses; a word that Armv8.0 does not allocate is
 * ".inst 0x...". No alias mnemonics: "orr x0, xzr, x1", not "mov x0, x1". Returns the op.
 */
enum a64_op a64_disassemble(uint32_t word, uint64_t pc, char *text, size_t size);

/* "ADD_imm": the name of a row of a64.decode; "UNALLOCATED". */
const char *a64_op_name(enum a64_op op);
