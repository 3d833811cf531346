/*
 * A test program for one row: a static AArch64 Linux executable that runs single instructions
 * with given registers, and writes what became of registers, flags and memory. qemu-aarch64 runs
 * the file; our CPU runs the same bytes at the same addresses.
 *
 * For each word there is a block of code that goes over its records: load all registers from the
 * record; the word, with one before and one behind it; store all registers to the record. The
 * words behind, and landing pads for branches at several distances, leave a mark that tells where
 * execution went on. After the last block the image from PROGRAM_DATA on is written to standard
 * output.
 */
#pragma once
#include "sim/base/base.h"
#include "tests/diff/bare.h"

#define PROGRAM_WORDS 16u
#define PROGRAM_SETS 8u
#define PROGRAM_RECORDS (PROGRAM_WORDS * PROGRAM_SETS)

/* The image: offsets from BARE_USER_BASE. */
#define PROGRAM_LITERALS 0x1800u /* 256 random bytes, which nothing writes */
#define PROGRAM_BLOCKS 0x20000u
#define PROGRAM_DATA 0x40000u    /* what is written out begins here */
#define PROGRAM_WINDOW (PROGRAM_DATA + 0x2fc0u) /* memory operands: across a page border */
#define PROGRAM_WINDOW_BYTES 128u
#define PROGRAM_RECORD (PROGRAM_DATA + 0x8000u)
#define PROGRAM_RECORD_BYTES 2048u
#define PROGRAM_BYTES (PROGRAM_RECORD + PROGRAM_RECORDS * PROGRAM_RECORD_BYTES)

/* Landing pads; pad 0 is the fall through. Offsets, and how far a branch must reach to each. */
#define PROGRAM_PAD_COUNT 5u
extern const uint32_t program_pad[PROGRAM_PAD_COUNT];

struct registers {
    uint64_t x[31], sp, nzcv, fpcr, fpsr, reserved;
    uint64_t v[32][2];
};

struct record {
    struct registers in;
    uint64_t resume; /* where pads go on */
    uint64_t reserved;
    struct registers out;
    uint64_t mark; /* 1 + number of the pad; 0: never executed */
    uint8_t window[PROGRAM_WINDOW_BYTES];
    uint8_t unused[PROGRAM_RECORD_BYTES - 2 * (36 * 8 + 512) - 24 - PROGRAM_WINDOW_BYTES];
};

/* One instruction under test, with its neighbours. */
struct instance {
    uint32_t before, word, behind;
};

struct program {
    uint8_t image[PROGRAM_BYTES];
    uint32_t exit; /* offset of the final SVC */
};

/* Where the word of block i will stand: needed to make it. */
uint64_t program_word_address(unsigned i);

/* The image with all blocks; records hold `in` already. seed: contents of memory. */
void program_build(struct program *p, const struct instance instances[PROGRAM_WORDS],
                   const struct registers in[PROGRAM_RECORDS], uint64_t seed);

static inline const struct record *program_record(const uint8_t *image, unsigned i)
{
    return (const struct record *)(const void *)(image + PROGRAM_RECORD) + i;
}
