/*
 * A machine for tests: programs as words at EL2, one per PE, with flat timing (one cycle each)
 * and, where asked for, a page table that all of them share.
 */
#pragma once
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen/trace.h"
#include "gic/gic.h"
#include "sim/machine_parts.h"

/* Physical places in RAM. PROGRAM is where the words of a PE go, a page each. */
#define WORLD_VECTORS (MAP_RAM + 0x8000)
#define WORLD_PROGRAM(pe) (MAP_RAM + 0x10000 + 0x1000 * (uint64_t)(pe))
#define WORLD_DATA (MAP_RAM + 0x20000)
#define WORLD_TABLE(level) (MAP_RAM + 0x30000 + 0x1000 * (uint64_t)(level))

/* With the table on: this page of virtual addresses is mapped by its own level 3 descriptor. */
#define WORLD_WINDOW UINT64_C(0x80000000)
#define WORLD_WINDOW_DESCRIPTOR WORLD_TABLE(3)

/* Words used by more than one test. */
#define A64_NOP 0xd503201fu
#define A64_WFI 0xd503207fu
#define A64_WFE 0xd503205fu
#define A64_ISB 0xd5033fdfu
#define A64_DSB_ISH 0xd5033b9fu
#define A64_B_SELF 0x14000000u    /* b . */
#define A64_LDR_X2_X1 0xf9400022u /* ldr x2, [x1] */
#define A64_STR_X4_X1 0xf9000024u /* str x4, [x1] */
#define A64_LDXR_X2_X1 0xc85f7c22u
#define A64_STXR_W3_X4_X1 0xc8037c24u
#define A64_COUNT 0x9100054au     /* add x10, x10, #1 */
#define A64_B_BACK 0x17ffffffu    /* b .-4 */

static inline struct machine *world_machine_of(const char *model, unsigned pe_count,
                                               unsigned quantum)
{
    struct machine_config config;
    struct error error;
    config_default(&config);
    if (model)
        snprintf(config.model, sizeof config.model, "%s", model);
    config.pe_count = pe_count;
    config.quantum = quantum;
    config.ram_bytes = 16u << 20;
    config.timing_flat = 1;
    struct machine *m = machine_new(&config, &error);
    cr_assert_not_null(m, "%s", error.text);
    for (uint64_t at = 0; at < 0x800; at += 0x80) {
        uint32_t word = A64_B_SELF;
        cr_assert(machine_poke(m, pa_make(WORLD_VECTORS + at), &word, sizeof word));
    }
    return m;
}

static inline struct machine *world_machine(unsigned pe_count, unsigned quantum)
{
    return world_machine_of(NULL, pe_count, quantum);
}

/* Sets both copies of a register, without side effects. */
static inline void world_set(struct machine *m, unsigned pe, enum sysreg reg, uint64_t value)
{
    m->state->cpu[pe].reg[reg] = value;
    m->state->cpu[pe].effective[reg] = value;
    m->core[pe].regimes_stale = true;
}

static inline void world_write(struct machine *m, uint64_t pa, uint64_t value)
{
    cr_assert(machine_poke(m, pa_make(pa), &value, sizeof value));
}

static inline uint64_t world_read(struct machine *m, uint64_t pa)
{
    uint64_t value;
    cr_assert(machine_peek(m, pa_make(pa), &value, sizeof value));
    return value;
}

/* A PE starts a program at EL2 with X1 = WORLD_DATA. */
static inline struct cpu *world_start(struct machine *m, unsigned pe, const uint32_t *words,
                                      size_t count)
{
    cr_assert(machine_poke(m, pa_make(WORLD_PROGRAM(pe)), words, count * sizeof *words));
    core_reset(&m->core[pe], 2, WORLD_PROGRAM(pe), 0);
    struct cpu *cpu = &m->state->cpu[pe];
    cpu->wait = CPU_RUNS;
    cpu->x[1] = WORLD_DATA;
    world_set(m, pe, SR_VBAR_EL2, WORLD_VECTORS);
    world_set(m, pe, SR_HCR_EL2, cpu->reg[SR_HCR_EL2] | HCR_EL2_RW);
    return cpu;
}

#define WORLD_START(m, pe, ...)                                                             \
    world_start(m, pe, (const uint32_t[]){__VA_ARGS__},                                     \
                sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* Valid, AF, inner shareable; attribute 0 is Normal, 1 is Device. A leaf of level 3 has bit 1. */
#define WORLD_BLOCK UINT64_C(0x701)
#define WORLD_PAGE UINT64_C(0x703)
#define WORLD_DEVICE UINT64_C(0x4)
#define WORLD_READ_ONLY UINT64_C(0x80)

/* EL2 translation for a PE: devices and RAM at their own addresses, and the window. */
static inline void world_mmu_on(struct machine *m, unsigned pe)
{
    world_write(m, WORLD_TABLE(1), WORLD_BLOCK | WORLD_DEVICE);
    world_write(m, WORLD_TABLE(1) + 8, MAP_RAM | WORLD_BLOCK);
    world_write(m, WORLD_TABLE(1) + 16, WORLD_TABLE(2) | 3);
    world_write(m, WORLD_TABLE(2), WORLD_TABLE(3) | 3);
    world_set(m, pe, SR_MAIR_EL2, 0x00ff);
    world_set(m, pe, SR_TTBR0_EL2, WORLD_TABLE(1));
    world_set(m, pe, SR_TCR_EL2,
              TCR_EL2_RES1 | field_put(TCR_EL2_T0SZ, 25) | field_put(TCR_EL2_PS, 2));
    world_set(m, pe, SR_SCTLR_EL2, m->state->cpu[pe].reg[SR_SCTLR_EL2] | SCTLR_EL2_M);
}

/* The page of the window. */
static inline void world_window(struct machine *m, uint64_t descriptor)
{
    world_write(m, WORLD_WINDOW_DESCRIPTOR, descriptor);
}

/* Both engines, one after the other: the body sees `kind`. */
#define WORLD_ENGINES(kind)                                                                 \
    for (enum engine_kind kind = ENGINE_KIND_PRECISE; kind <= ENGINE_KIND_FAST;              \
         kind = (enum engine_kind)(kind + 1))
