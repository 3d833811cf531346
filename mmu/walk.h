/*
 * One stage of a table walk as a value that descriptors are fed to: start, ask where the next
 * descriptor is, decode it, until a leaf or a fault. All pure; who reads memory is the caller.
 */
#pragma once
#include "mmu/attributes.h"
#include "mmu/mmu.h"

#define ADDRESS_UNKNOWN UINT64_MAX

STATE_BEGIN
/*
 * What a leaf of one stage, or of both together, says about 2^size_log2 bytes. For a table (walk
 * cache) the output is the next table and level that of the table descriptor.
 */
struct mapping {
    uint64_t input;  /* first byte: VA, sign-extended from bit 55, or IPA */
    uint64_t output; /* first byte: PA; IPA for stage 1 whose stage 2 is still to come */
    uint64_t ipa;    /* first byte; ADDRESS_UNKNOWN unless both stages are in it */
    uint8_t size_log2;
    uint8_t level1, level2; /* of the leaf of each stage */
    uint8_t is_global;
    uint8_t memory1, shareability1; /* stage 1 alone */
    uint8_t memory, shareability;   /* combined */
    uint8_t permissions1, permissions2;
    uint8_t limits; /* WALK_LIMIT_* gathered from table descriptors, for tables */
    uint8_t leaf1_log2; /* bytes that the stage 1 leaf covers: an operation by VA goes by them */
    uint8_t set_log2;   /* of the contiguous set that the leaf says it belongs to, or size_log2 */
    uint8_t clean;      /* WALK_CLEAN*: a write has to make the page dirty first */
    uint8_t reserved[2];
};
STATE_END

/* The leaf of a stage permits writing only once hardware has updated its dirty state. */
#define WALK_CLEAN1 1u
#define WALK_CLEAN2 2u

/* APTable, UXNTable and PXNTable of the tables passed so far. */
#define WALK_LIMIT_READ_ONLY 1u
#define WALK_LIMIT_NO_EL0 2u
#define WALK_LIMIT_UXN 4u
#define WALK_LIMIT_PXN 8u

/* Where a walk of one stage stands. */
struct walk_state {
    uint64_t input;     /* address being translated */
    uint64_t table;     /* the table to read next: PA, or IPA for stage 1 under stage 2 */
    uint8_t fault;      /* enum fault_kind that the registers alone give, at level 0 */
    uint8_t stage;      /* 1 or 2 */
    uint8_t level;      /* of the table to read next */
    uint8_t index_bits; /* of that table: the granule's, or what is left at the start */
    uint8_t page_log2;  /* granule */
    uint8_t output_bits;
    uint8_t limits;
    uint8_t is_old; /* the leaf just decoded has no access flag, and hardware is to set it */
    struct attributes access; /* of descriptor reads, by the registers of this stage */
};

enum walk_verdict { WALK_NEXT_TABLE, WALK_LEAF, WALK_FAULT };

#define WALK_LEVEL_LAST 3u

/* log2 of the bytes that one descriptor of a level covers. */
static inline unsigned walk_level_shift(unsigned page_log2, unsigned level)
{
    return page_log2 + (page_log2 - 3) * (WALK_LEVEL_LAST - level);
}

/* VA with the ignored top byte replaced, as tags and walks use it: sign-extended from bit 55. */
uint64_t walk_canonical_va(const struct regime *regime, uint64_t va);

/* AArch64.S1Walk and AArch64.S2Walk up to the first descriptor. */
struct walk_state walk_start_stage1(const struct regime *regime, uint64_t va);
struct walk_state walk_start_stage2(const struct regime *regime, uint64_t ipa);

/* Whether a table of the walk cache is one of the walk's granule and below its start. */
bool walk_accepts(const struct walk_state *state, const struct mapping *table);

/* Goes on below a table known from the walk cache: its descriptor was read at table->level1. */
void walk_resume(struct walk_state *state, const struct mapping *table);

/* log2 of the bytes that the table to read next covers. */
unsigned walk_table_size(const struct walk_state *state);

/* Where the next descriptor is. */
uint64_t walk_descriptor_address(const struct walk_state *state);

/*
 * Takes the descriptor read there. WALK_NEXT_TABLE and WALK_LEAF fill *out (tags such as the
 * other stage's fields left 0) and the first moves the state down; WALK_FAULT sets state->fault,
 * its level being state->level.
 */
enum walk_verdict walk_decode(struct walk_state *state, const struct regime *regime,
                              uint64_t descriptor, struct mapping *out);

/* Stage 1 off: the address itself. False: address size fault. AArch64.S1DisabledOutput. */
bool walk_disabled(const struct regime *regime, const struct mmu_request *request,
                   struct mapping *out);

/* A stage 1 leaf and what stage 2 says about its output. */
struct mapping walk_combine(const struct mapping *stage1, const struct mapping *stage2,
                            uint64_t va);
