/*
 * A core by itself, without a machine: one PE with its MMU, two pieces of memory, and nothing
 * behind the other wires. For tests of what single instructions do.
 */
#pragma once
#include "cpu/core.h"
#include "cpu/engine.h"
#include "cpu/model.h"

/* User memory, readable, writable and executable at EL0, at the same virtual address. */
#define BARE_USER_BASE UINT64_C(0x400000)
#define BARE_USER_BYTES 0x100000u
#define BARE_USER_PAGES (BARE_USER_BYTES / PAGE_BYTES)
/* Privileged memory at the same virtual address: page table and vectors, then free for tests. */
#define BARE_KERNEL_BASE UINT64_C(0x40000000)
#define BARE_KERNEL_BYTES 0x8000u
#define BARE_VECTORS (BARE_KERNEL_BASE + 0x1000)
#define BARE_CODE (BARE_KERNEL_BASE + 0x4000)

struct bare {
    struct cpu cpu;
    struct mmu_state mmu_state;
    struct mmu mmu;
    struct mmu_config mmu_config;
    struct cow *memory; /* the TLB array */
    struct port port;
    struct chooser chooser;
    struct choice_counts counts;
    struct events events;
    struct event_clock clock;
    struct cpu_model model;
    struct sysreg_value values[64];
    struct timing timing;
    struct core core;
    uint64_t epoch;
    unsigned events_sent, barriers;
    uint8_t *user, *kernel;
    bool watched[BARE_USER_PAGES + BARE_KERNEL_BYTES / PAGE_BYTES];
};

/*
 * Stage 1 on with both memories mapped Normal, EL0 allowed all that a Linux process is; every
 * vector holds HLT #0xF000, so that an exception ends the run with ENGINE_SEMIHOST. The model is
 * armv8.0 with all other features that rows need beside; FP and SIMD are on at all levels.
 * Starts at EL1; bare_enter() changes that.
 */
struct bare *bare_new(void);
void bare_free(struct bare *b);

/* Goes on at pc, at an Exception level, with SPSel = SP_ELx but at EL0; PSTATE is otherwise 0. */
void bare_enter(struct bare *b, unsigned el, uint64_t pc);

/* Runs until an exception is taken or anything else than steps used up ends it. */
enum engine_reason bare_run(struct bare *b, enum engine_kind kind, uint64_t max_steps);

/* Executes one word at bare_code() with the registers as they are. */
struct engine_result bare_step(struct bare *b, enum engine_kind kind, uint32_t word);

/* Where code of this Exception level may lie. */
static inline uint64_t bare_code(unsigned el)
{
    return el == 0 ? BARE_USER_BASE : BARE_CODE;
}
