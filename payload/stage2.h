/*
 * The machine that stage2.c makes for stage2_guest.c, and what they say to each other.
 *
 * Code, tables and the mailbox are in one slot, which stays as it is. The arena is another one: its
 * first 2 MiB are mapped in a block where the host can, the others in pages. A page that is in use
 * begins with a stamp, which only the monitor (and a guest that it asks) changes.
 */
#pragma once

#define CODE_BASE 0x40000000
#define CODE_BYTES 0x20000
#define MAILBOX_BASE 0x40008000
#define STACK_TOP 0x4000c000  /* of vCPU 0; the other's is 4 KiB higher */
#define TABLE_BASE 0x40010000 /* of vCPU 0; the other's is 8 KiB higher */
#define TABLE_BYTES 0x2000
#define ARENA_BASE 0x40200000
#define ARENA_BYTES 0x400000
#define OWN_BASE 0x40600000 /* 2 MiB for each vCPU */
#define OWN_VA 0x80000000   /* where each sees its own */
#define DOORBELL 0x09000000

/* What the doorbell is rung for. */
#define RING_DONE 0
#define RING_EXCEPTION 1

#ifndef __ASSEMBLER__
#include <stdint.h>

/* The monitor's part: these phases of it, or all of them. Ends the program if one fails. */
void stage2_run(int count, char **names);

#define PAGE 4096u
#define PLACES 16u /* pages of the arena that are in use all the time, half of them in the block */
#define PLACE_STRIDE 64u

/* The page of a place. */
#define PLACE_PAGE(place) ((place) * PLACE_STRIDE)

enum { ASK_READ, ASK_WRITE, ASK_OWN, ASK_ROUND };

/* A page of the arena: its stamp, and what the second vCPU counts there. */
struct arena_page {
    uint64_t stamp, count;
    uint64_t rest[PAGE / 8 - 2];
};

struct mailbox {
    /* vCPU 0: what it is asked for, and its answer */
    uint64_t ask, page, value, answer;
    /* vCPU 1: goes through all places until it is to stop */
    uint64_t stop, rounds;
    uint64_t bad;              /* a place whose stamp was wrong, + 1; PLACES + 1: its own memory */
    uint64_t bad_seen;         /* what it found there */
    uint64_t expected[PLACES]; /* the stamps; 0: being changed */
};
#endif
