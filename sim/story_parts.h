/*
 * What the two halves of a story share: the collected events.
 */
#pragma once
#include "gen/trace.h"
#include "sim/story.h"

struct story_entry {
    struct event event;
    uint64_t pc;
    bool told; /* it is one that matters, not only a candidate */
};

/* The last access to 8 bytes of RAM. */
struct story_word {
    uint32_t index; /* of its entry, from 1; 0: not kept */
    uint8_t pe;
    bool touched, written;
};

struct story {
    struct machine *machine;
    struct story_entry *entry;
    size_t count, capacity, dropped;
    bool is_live[PE_COUNT_MAX]; /* by the last CONTEXT */
    struct story_word *last;
    size_t words;
};
