/*
 * Caches in a machine, by small programs at EL2 (and EL1): caches that are switched off over dirty
 * lines, tables written past the caches, code that changes, operations of EL1 under EL2's control,
 * identification of the geometry. Both engines do the same.
 */
#include "tests/unit/machine_world.h"

#define A64_STR_W4_X5 0xb90000a4u
#define A64_BLR_X5 0xd63f00a0u
#define A64_BR_X5 0xd61f00a0u
#define A64_STR_X4_X9 0xf9000124u
#define A64_LDR_X2_X10 0xf9400142u
#define A64_DC_CVAU_X5 0xd50b7b25u
#define A64_DC_CVAC_X5 0xd50b7a25u
#define A64_DC_CVAU_X1 0xd50b7b21u
#define A64_DC_CVAC_X1 0xd50b7a21u
#define A64_DC_CIVAC_X1 0xd50b7e21u
#define A64_DC_IVAC_X1 0xd5087621u
#define A64_DC_CVAC_X9 0xd50b7a29u
#define A64_DC_IVAC_X9 0xd5087629u
#define A64_DC_ISW_X6 0xd5087646u
#define A64_IC_IVAU_X5 0xd50b7525u
#define A64_IC_IALLU 0xd508751fu
#define A64_DSB_NSH 0xd503379fu
#define A64_TLBI_ALLE2 0xd50c871fu
#define A64_MSR_SCTLR_EL2_X7 0xd51c1007u
#define A64_MSR_SCTLR_EL2_X8 0xd51c1008u
#define A64_MOV_X0_1 0xd2800020u
#define A64_MOV_X0_2 0xd2800040u
#define A64_RET 0xd65f03c0u

#define CODE (WORLD_DATA + 0x1000)
#define UNCACHED_PAGE UINT64_C(0x8) /* attribute 2 */

struct stage {
    struct machine *m;
    uint32_t answer;
    unsigned asked;
};

static uint32_t decide(void *context, const struct choice_name *name, uint32_t n, uint64_t hint)
{
    struct stage *s = context;
    (void)name, (void)hint;
    s->asked++;
    return s->answer < n ? s->answer : n - 1;
}

static const char *stage_model = "armv8.0";

static void stage_make(struct stage *s, enum engine_kind kind, unsigned pes, uint32_t open_mask,
                       uint32_t answer)
{
    struct machine_config config;
    struct error error;
    config_default(&config);
    snprintf(config.model, sizeof config.model, "%s", stage_model);
    config.pe_count = pes;
    config.quantum = 1;
    config.ram_bytes = 16u << 20;
    config.timing_flat = 1;
    config.caches = 1;
    config.cache_sets = 16;
    config.open_mask = open_mask;
    *s = (struct stage){.m = machine_new(&config, &error), .answer = answer};
    cr_assert_not_null(s->m, "%s", error.text);
    s->m->engine = kind;
    s->m->chooser.policy = CHOICE_DECIDE;
    s->m->chooser.decide = decide;
    s->m->chooser.decide_context = s;
    for (uint64_t at = 0; at < 0x800; at += 0x80)
        world_write(s->m, WORLD_VECTORS + at, A64_B_SELF);
}

/* MMU and caches on. X7 is SCTLR_EL2 with all of them off, X8 with all on. */
static void caches_on(struct stage *s, unsigned pe)
{
    struct cpu *cpu = &s->m->state->cpu[pe];
    uint64_t off = cpu->reg[SR_SCTLR_EL2];
    world_mmu_on(s->m, pe);
    world_set(s->m, pe, SR_MAIR_EL2, 0x4400ff);
    world_set(s->m, pe, SR_TCR_EL2, cpu->reg[SR_TCR_EL2] | field_put(TCR_EL2_IRGN0, 1) |
                                        field_put(TCR_EL2_ORGN0, 1) | field_put(TCR_EL2_SH0, 3));
    cpu->x[7] = off;
    cpu->x[8] = off | SCTLR_EL2_M | SCTLR_EL2_C | SCTLR_EL2_I;
    world_set(s->m, pe, SR_SCTLR_EL2, cpu->x[8]);
}

#define STAGE_START(s, pe, ...)                                                             \
    (WORLD_START((s)->m, pe, __VA_ARGS__, A64_B_SELF), caches_on(s, pe), &(s)->m->state->cpu[pe])

/* Runs until every PE is at a branch to itself. */
static void play(struct stage *s)
{
    machine_run(s->m, s->m->state->step + 400);
}

static uint64_t memory_at(const struct machine *m, uint64_t pa)
{
    uint64_t value;
    memory_copy_out(m, pa_make(pa), &value, sizeof value);
    return value;
}

/* --- switching off ------------------------------------------------------------------------- */

Test(machine_cache, what_was_cleaned_to_coherency_survives_switching_off)
{
    static const struct {
        uint32_t word;
        uint64_t seen;
    } rows[] = {{A64_NOP, 0}, {A64_DC_CVAU_X1, 0}, {A64_DC_CVAC_X1, 7}, {A64_DC_CIVAC_X1, 7},
                {A64_DC_IVAC_X1, 0}};
    WORLD_ENGINES(kind) {
        for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
            struct stage s;
            stage_make(&s, kind, 1, 0, 0);
            struct cpu *cpu = STAGE_START(&s, 0, A64_STR_X4_X1, rows[i].word, A64_DSB_ISH,
                                          A64_MSR_SCTLR_EL2_X7, A64_ISB, A64_LDR_X2_X1);
            cpu->x[4] = 7;
            play(&s);
            cr_assert_eq(cpu->x[2], rows[i].seen, "%x", rows[i].word);
            machine_free(s.m);
        }
    }
}

Test(machine_cache, a_dirty_line_may_have_been_written_back_by_then)
{
    struct stage s;
    stage_make(&s, ENGINE_KIND_PRECISE, 1, 1u << CHOICE_CACHE_WRITEBACK, 1);
    struct cpu *cpu = STAGE_START(&s, 0, A64_STR_X4_X1, A64_DC_CVAU_X1, A64_DSB_ISH,
                                  A64_MSR_SCTLR_EL2_X7, A64_ISB, A64_LDR_X2_X1);
    cpu->x[4] = 7;
    play(&s);
    cr_assert_eq(cpu->x[2], 7);
    cr_assert_eq(s.asked, 1);
    machine_free(s.m);
}

/* Written with caches off over a line that is in the cache; then on again. */
Test(machine_cache, a_stale_line_is_seen_again_when_caches_come_back)
{
    WORLD_ENGINES(kind) {
        for (unsigned good = 0; good < 2; good++) {
            struct stage s;
            stage_make(&s, kind, 1, 0, 0);
            struct cpu *cpu = STAGE_START(&s, 0, A64_LDR_X2_X1, A64_MSR_SCTLR_EL2_X7, A64_ISB,
                                          A64_STR_X4_X1, A64_DSB_ISH,
                                          good ? A64_DC_IVAC_X1 : A64_DC_CVAC_X1, A64_DSB_ISH,
                                          A64_MSR_SCTLR_EL2_X8, A64_ISB, A64_LDR_X2_X1);
            cpu->x[4] = 7;
            play(&s);
            cr_assert_eq(cpu->x[2], good ? 7 : 0);
            machine_free(s.m);
        }
    }
}

/* Code that was stored and cleaned, then run with MMU and caches off. */
Test(machine_cache, code_for_the_mmu_off_is_cleaned_to_coherency)
{
    for (unsigned good = 0; good < 2; good++) {
        struct stage s;
        stage_make(&s, ENGINE_KIND_PRECISE, 1, 0, 0);
        struct cpu *cpu = STAGE_START(&s, 0, A64_STR_W4_X5,
                                      good ? A64_DC_CVAC_X5 : A64_DC_CVAU_X5, A64_DSB_ISH,
                                      A64_IC_IALLU, A64_DSB_ISH, A64_MSR_SCTLR_EL2_X7, A64_ISB,
                                      A64_BR_X5);
        cpu->x[4] = A64_MOV_X0_1;
        cpu->x[5] = CODE;
        world_write(s.m, CODE, (uint64_t)A64_B_SELF << 32);
        play(&s);
        cr_assert_eq(cpu->x[0], good);
        if (!good)
            cr_assert_eq(cpu->reg[SR_ELR_EL2], CODE, "undefined: memory has no code there");
        machine_free(s.m);
    }
}

/* --- tables -------------------------------------------------------------------------------- */

/* The window is read, its descriptor is then changed to the next page, and it is read again. */
static struct cpu *window_start(struct stage *s, bool change_uncached, uint32_t maintenance)
{
    struct cpu *cpu = STAGE_START(
        s, 0, A64_LDR_X2_X10, change_uncached ? A64_MSR_SCTLR_EL2_X7 : A64_NOP, A64_ISB,
        A64_STR_X4_X9, A64_DSB_ISH, maintenance, A64_DSB_ISH, A64_MSR_SCTLR_EL2_X8,
        A64_TLBI_ALLE2, A64_DSB_ISH, A64_ISB, A64_LDR_X2_X10);
    world_window(s->m, (WORLD_DATA + 0x2000) | WORLD_PAGE);
    world_write(s->m, WORLD_DATA + 0x2000, 1);
    world_write(s->m, WORLD_DATA + 0x3000, 2);
    cpu->x[4] = (WORLD_DATA + 0x3000) | WORLD_PAGE;
    cpu->x[9] = WORLD_WINDOW_DESCRIPTOR;
    cpu->x[10] = WORLD_WINDOW;
    return cpu;
}

Test(machine_cache, a_cacheable_walk_does_not_see_tables_written_past_the_caches)
{
    for (unsigned good = 0; good < 2; good++) {
        struct stage s;
        stage_make(&s, ENGINE_KIND_PRECISE, 1, 0, 0);
        struct cpu *cpu = window_start(&s, true, good ? A64_DC_IVAC_X9 : A64_NOP);
        play(&s);
        cr_assert_eq(cpu->x[2], good ? 2 : 1);
        machine_free(s.m);
    }
}

Test(machine_cache, a_walk_past_the_caches_does_not_see_tables_in_them)
{
    for (unsigned good = 0; good < 2; good++) {
        struct stage s;
        stage_make(&s, ENGINE_KIND_PRECISE, 1, 0, 0);
        struct cpu *cpu = window_start(&s, false, good ? A64_DC_CVAC_X9 : A64_NOP);
        world_set(s.m, 0, SR_TCR_EL2, cpu->reg[SR_TCR_EL2] & ~TCR_EL2_IRGN0 & ~TCR_EL2_ORGN0);
        play(&s);
        cr_assert_eq(cpu->x[2], good ? 2 : 1);
        machine_free(s.m);
    }
}

/* --- memory that others write past the caches ---------------------------------------------- */

/* The owner flushes a page; a PE with caches off writes it; the owner reads it. */
Test(machine_cache, a_line_that_came_unasked_hides_what_was_written)
{
    for (unsigned flushes_again = 0; flushes_again < 2; flushes_again++) {
        struct stage s;
        stage_make(&s, ENGINE_KIND_PRECISE, 2, 1u << CHOICE_CACHE_ALLOCATE, 1);
        struct cpu *owner = STAGE_START(&s, 0, A64_STR_X4_X1, A64_DC_CIVAC_X1, A64_DSB_ISH,
                                        A64_NOP, A64_NOP, A64_NOP, A64_NOP, A64_NOP, A64_NOP,
                                        flushes_again ? A64_DC_CIVAC_X1 : A64_NOP, A64_DSB_ISH,
                                        A64_LDR_X2_X1);
        struct cpu *guest = WORLD_START(s.m, 1, A64_NOP, A64_NOP, A64_NOP, A64_NOP, A64_NOP,
                                        A64_STR_X4_X1, A64_DSB_ISH, A64_B_SELF);
        owner->x[4] = 7;
        guest->x[4] = 8;
        play(&s);
        cr_assert_eq(memory_at(s.m, WORLD_DATA), 8);
        cr_assert_eq(owner->x[2], flushes_again ? 8 : 7);
        machine_free(s.m);
    }
}

Test(machine_cache, a_bus_master_sees_memory)
{
    struct stage s;
    stage_make(&s, ENGINE_KIND_PRECISE, 1, 0, 0);
    struct cpu *cpu = STAGE_START(&s, 0, A64_STR_X4_X1);
    cpu->x[4] = 7;
    play(&s);
    struct access dma = {.pa = pa_make(WORLD_DATA), .pe = PE_COUNT_MAX, .size = 8,
                         .kind = ACCESS_DMA, .memory = 0x44};
    uint64_t value[2];
    cr_assert_eq(s.m->port.read(s.m, &dma, value), PORT_OK);
    cr_assert_eq(value[0], 0);
    value[0] = 9;
    dma.is_write = 1;
    cr_assert_eq(s.m->port.write(s.m, &dma, value), PORT_OK);
    cr_assert_eq(memory_at(s.m, WORLD_DATA), 9);
    cr_assert_eq(world_read(s.m, WORLD_DATA), 7, "an observer sees what a load would get");
    dma.memory = 0xff; /* one that is coherent */
    cr_assert_eq(s.m->port.write(s.m, &dma, value), PORT_OK);
    cr_assert_eq(world_read(s.m, WORLD_DATA), 9);
    dma.is_write = 0;
    value[0] = 0;
    cr_assert_eq(s.m->port.read(s.m, &dma, value), PORT_OK);
    cr_assert_eq(value[0], 9);
    machine_free(s.m);
}

/* --- code ---------------------------------------------------------------------------------- */

/* Calls a function, changes its first instruction, does what makes that seen, calls it again. */
static struct cpu *code_start(struct stage *s, const uint32_t steps[5])
{
    struct cpu *cpu = STAGE_START(s, 0, A64_BLR_X5, A64_STR_W4_X5, steps[0], steps[1], steps[2],
                                  steps[3], steps[4], A64_BLR_X5);
    world_write(s->m, CODE, A64_MOV_X0_1 | (uint64_t)A64_RET << 32);
    cpu->x[4] = A64_MOV_X0_2;
    cpu->x[5] = CODE;
    return cpu;
}

Test(machine_cache, code_that_changes_needs_each_of_its_steps)
{
    static const uint32_t whole[5] = {A64_DC_CVAU_X5, A64_DSB_ISH, A64_IC_IVAU_X5, A64_DSB_ISH,
                                      A64_ISB};
    WORLD_ENGINES(kind) {
        /* Without step `missing`; 5: all are there. Uncleaned, the older one is all there is. */
        for (unsigned missing = 0; missing < 6; missing++) {
            struct stage s;
            uint32_t steps[5];
            memcpy(steps, whole, sizeof steps);
            if (missing < 5)
                steps[missing] = A64_NOP;
            stage_make(&s, kind, 1, 1u << CHOICE_ICACHE_STALE, 1);
            struct cpu *cpu = code_start(&s, steps);
            play(&s);
            bool is_good = missing == 5;
            cr_assert_eq(cpu->x[0], is_good ? 2 : 1, "without %u", missing);
            cr_assert_eq(s.asked, is_good || missing == 0 ? 0 : 1, "without %u", missing);
            machine_free(s.m);
        }
    }
}

/* Neoverse N1: no clean to unification is needed, IC is. */
Test(machine_cache, where_fetches_see_the_data_caches_only_ic_is_needed)
{
    static const uint32_t steps[3][5] = {
        {A64_NOP, A64_DSB_ISH, A64_IC_IVAU_X5, A64_DSB_ISH, A64_ISB},
        {A64_NOP, A64_DSB_ISH, A64_NOP, A64_DSB_ISH, A64_ISB},
        {A64_DC_CVAU_X5, A64_DSB_ISH, A64_IC_IVAU_X5, A64_DSB_ISH, A64_ISB},
    };
    stage_model = "neoverse-n1";
    for (unsigned i = 0; i < ARRAY_COUNT(steps); i++) {
        struct stage s;
        stage_make(&s, ENGINE_KIND_PRECISE, 1, 1u << CHOICE_ICACHE_STALE, 1);
        struct cpu *cpu = code_start(&s, steps[i]);
        play(&s);
        cr_assert_eq(cpu->x[0], i == 1 ? 1 : 2);
        cr_assert_eq(s.asked, i == 1);
        machine_free(s.m);
    }
}

/* --- EL1 under EL2 ------------------------------------------------------------------------- */

#define HCR_OF_TEST(extra) (UINT64_C(0x80000000) | (extra))

/* A line whose set nothing else uses: it is in the first way. */
#define ALONE (WORLD_DATA + 0x140)

/* A dirty line of EL2's is invalidated by set and way, or by address, from EL1. */
static uint64_t after_el1(uint32_t word, uint64_t hcr)
{
    struct stage s;
    stage_make(&s, ENGINE_KIND_PRECISE, 1, 0, 0);
    struct cpu *cpu = STAGE_START(&s, 0, A64_STR_X4_X1);
    cpu->x[1] = ALONE;
    cpu->x[4] = 7;
    play(&s);
    uint32_t words[] = {word, A64_DSB_ISH, A64_B_SELF};
    cr_assert(machine_poke(s.m, pa_make(CODE), words, sizeof words));
    /* Stage 2: RAM at its own addresses, write-back. */
    world_write(s.m, WORLD_TABLE(4) + 8, MAP_RAM | 0x7fd);
    core_reset(&s.m->core[0], 1, CODE, 0);
    cpu->x[1] = ALONE;
    cpu->x[6] = (ALONE / 64 & 15) << 6; /* way 0 of level 1 */
    cpu->wait = CPU_RUNS;
    world_set(s.m, 0, SR_HCR_EL2, hcr);
    world_set(s.m, 0, SR_VTTBR_EL2, WORLD_TABLE(4));
    world_set(s.m, 0, SR_VTCR_EL2,
              field_put(VTCR_EL2_T0SZ, 25) | field_put(VTCR_EL2_SL0, 1) |
                  field_put(VTCR_EL2_PS, 2) | UINT64_C(0x80000000));
    play(&s);
    cr_assert_eq(cpu->pc, CODE + 8);
    cache_write_back_all(s.m->cache);
    uint64_t value = memory_at(s.m, ALONE);
    machine_free(s.m);
    return value;
}

Test(machine_cache, invalidation_by_el1_cleans_where_el2_asks_for_it)
{
    cr_assert_eq(after_el1(A64_DC_ISW_X6, HCR_OF_TEST(0)), 0);
    cr_assert_eq(after_el1(A64_DC_ISW_X6, HCR_OF_TEST(HCR_EL2_SWIO)), 7);
    cr_assert_eq(after_el1(A64_DC_ISW_X6, HCR_OF_TEST(HCR_EL2_VM)), 7);
    cr_assert_eq(after_el1(A64_DC_IVAC_X1, HCR_OF_TEST(0)), 0);
    cr_assert_eq(after_el1(A64_DC_IVAC_X1, HCR_OF_TEST(HCR_EL2_SWIO)), 0);
    cr_assert_eq(after_el1(A64_DC_IVAC_X1, HCR_OF_TEST(HCR_EL2_VM)), 7);
}

static void hear(void *context, const struct event *event)
{
    *(struct event *)context = *event;
}

Test(machine_cache, a_local_ic_of_el1_is_broadcast_under_fb)
{
    for (unsigned fb = 0; fb < 2; fb++) {
        struct stage s;
        struct event last;
        stage_make(&s, ENGINE_KIND_PRECISE, 2, 0, 0);
        WORLD_START(s.m, 0, A64_IC_IALLU, A64_B_SELF);
        core_reset(&s.m->core[0], 1, WORLD_PROGRAM(0), 0);
        s.m->state->cpu[0].wait = CPU_RUNS;
        world_set(s.m, 0, SR_HCR_EL2, HCR_OF_TEST(fb ? HCR_EL2_FB : 0));
        events_attach(&s.m->events, hear, &last, UINT64_C(1) << EVENT_CACHE_OP);
        play(&s);
        cr_assert_eq(last.cache_op.op, SR_IC_IALLU);
        cr_assert_eq(last.cache_op.inner, fb);
        machine_free(s.m);
    }
}

/* --- the rest ------------------------------------------------------------------------------ */

Test(machine_cache, a_run_goes_the_same_way_again_from_a_snapshot)
{
    WORLD_ENGINES(kind) {
        struct stage s;
        stage_make(&s, kind, 1, 1u << CHOICE_ICACHE_STALE | 1u << CHOICE_CACHE_WRITEBACK, 1);
        static const uint32_t steps[5] = {A64_DC_CVAU_X5, A64_DSB_ISH, A64_NOP, A64_NOP, A64_NOP};
        struct cpu *cpu = code_start(&s, steps);
        machine_run(s.m, 5);
        struct machine_snapshot *save = machine_save(s.m);
        play(&s);
        uint64_t hash = machine_hash(s.m);
        unsigned asked = s.asked;
        cr_assert_eq(cpu->x[0], 1);
        cr_assert_gt(asked, 0);
        machine_restore(s.m, save);
        play(&s);
        cr_assert_eq(machine_hash(s.m), hash);
        cr_assert_eq(s.asked, 2 * asked);
        machine_snapshot_free(save);
        machine_free(s.m);
    }
}

Test(machine_cache, the_geometry_is_what_ccsidr_says)
{
    static const struct {
        const char *model;
        struct cache_shape data, code, unified;
    } rows[] = {
        {"armv8.0", {256, 2}, {256, 3}, {2048, 16}},
        {"cortex-a53", {128, 4}, {256, 2}, {1024, 16}},
        {"cortex-a57", {256, 2}, {256, 3}, {2048, 16}},
        {"cortex-a72", {256, 2}, {256, 3}, {1024, 16}},
        {"neoverse-n1", {256, 4}, {256, 4}, {2048, 8}},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        struct machine *m = world_machine_of(rows[i].model, 1, 1);
        struct cache_config c = machine_cache_config(m);
        cr_assert(memcmp(&c.data, &rows[i].data, sizeof c.data) == 0, "%s", rows[i].model);
        cr_assert(memcmp(&c.code, &rows[i].code, sizeof c.code) == 0, "%s", rows[i].model);
        cr_assert(memcmp(&c.unified, &rows[i].unified, sizeof c.unified) == 0, "%s",
                  rows[i].model);
        /* Separate level 1, unified level 2, which is the point of unification; LoC is memory. */
        uint64_t clidr = model_value(&m->model, SR_CLIDR_EL1, 0, 0);
        cr_assert_eq(field_get(CLIDR_EL1_Ctype1, clidr), 3);
        cr_assert_eq(field_get(CLIDR_EL1_Ctype2, clidr), 4);
        cr_assert_eq(field_get(CLIDR_EL1_Ctype3, clidr), 0);
        cr_assert_eq(field_get(CLIDR_EL1_LoC, clidr), 2);
        cr_assert_eq(field_get(CLIDR_EL1_LoUIS, clidr), !c.fetch_sees_data, "%s", rows[i].model);
        machine_free(m);
    }
}

Test(machine_cache, costs_say_where_an_access_was_served)
{
    struct machine_config config;
    struct error error;
    uint64_t cost[2];
    for (unsigned on = 0; on < 2; on++) {
        config_default(&config);
        config.pe_count = 1;
        config.ram_bytes = 16u << 20;
        config.caches = on;
        struct stage s = {.m = machine_new(&config, &error)};
        cr_assert_not_null(s.m);
        struct cpu *cpu = STAGE_START(&s, 0, A64_LDR_X2_X1, A64_LDR_X2_X1, A64_LDR_X2_X1);
        machine_run(s.m, 1);
        uint64_t first = cpu->cycles;
        machine_run(s.m, 2);
        uint64_t second = cpu->cycles - first;
        cost[on] = first;
        machine_run(s.m, 3);
        cr_assert_eq(cpu->cycles - first - second, second, "a hit costs nothing more");
        machine_free(s.m);
    }
    struct timing timing = timing_make("armv8.0", false);
    cr_assert_geq(cost[1], cost[0] + 2 * timing.memory, "the instruction and the data");
}
