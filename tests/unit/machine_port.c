/*
 * The interconnect: what answers at which address and size, and that code and data which another
 * PE, a snapshot or a restore has moved are seen anew.
 */
#include "tests/unit/machine_world.h"

#define CLASS_OF(esr) ((esr) >> 26)
#define STATUS_OF(esr) ((esr)&0x3f)
#define EXTERNAL 0x10u

/* Executes one access at EL2 with X1 = address; true when it was done without an exception. */
static bool access_done(enum engine_kind kind, uint32_t word, uint64_t address, uint64_t *x2)
{
    struct machine *m = world_machine(1, 10);
    m->engine = kind;
    struct cpu *cpu = WORLD_START(m, 0, word, A64_B_SELF);
    cpu->x[1] = address;
    cpu->x[2] = *x2;
    cr_assert_eq(machine_run(m, 1), MACHINE_LIMIT, "0x%lx: %s", (unsigned long)address,
                 m->unmodelled);
    bool done = cpu->pc == WORLD_PROGRAM(0) + 4;
    if (!done) {
        cr_assert_eq(cpu->pc, WORLD_VECTORS + 0x200);
        cr_assert_eq(CLASS_OF(cpu->reg[SR_ESR_EL2]), 0x25);
        cr_assert_eq(STATUS_OF(cpu->reg[SR_ESR_EL2]), EXTERNAL);
        cr_assert_eq(cpu->reg[SR_FAR_EL2], address);
        cr_assert_eq(cpu->reg[SR_ELR_EL2], WORLD_PROGRAM(0));
        cr_assert_eq(cpu->x[1], address, "no writeback");
        cr_assert_eq(cpu->x[2], *x2, "an abort leaves registers alone");
    }
    *x2 = cpu->x[2];
    machine_free(m);
    return done;
}

static void expect(uint32_t word, uint64_t address, bool done)
{
    WORLD_ENGINES(kind) {
        uint64_t x2 = 0;
        cr_assert_eq(access_done(kind, word, address, &x2), done, "word 0x%x at 0x%lx", word,
                     (unsigned long)address);
    }
}

#define LDR_X 0xf9400022u  /* ldr x2, [x1] */
#define LDR_W 0xb9400022u
#define LDRH 0x79400022u
#define LDRB 0x39400022u
#define STR_W 0xb9000022u
#define LDR_PRE 0xf8408c22u /* ldr x2, [x1, #8]! */

Test(machine_port, nothing_answers_outside_the_map)
{
    static const uint64_t holes[] = {0, 0x1000, 0x07fff000, 0x08001000, 0x08020000, 0x08050000,
                                     0x09001000, 0x3ffffff8, MAP_RAM + (16u << 20)};
    for (unsigned i = 0; i < ARRAY_COUNT(holes); i++) {
        expect(LDR_X, holes[i], false);
        expect(LDRB, holes[i], false);
        expect(STR_W, holes[i], false);
    }
}

Test(machine_port, an_abort_does_no_writeback)
{
    WORLD_ENGINES(kind) {
        uint64_t x2 = 5;
        struct machine *m = world_machine(1, 10);
        m->engine = kind;
        struct cpu *cpu = WORLD_START(m, 0, LDR_PRE, A64_B_SELF);
        cpu->x[1] = 0x3fffff00;
        cpu->x[2] = x2;
        machine_run(m, 1);
        cr_assert_eq(cpu->x[1], 0x3fffff00);
        cr_assert_eq(cpu->x[2], 5);
        cr_assert_eq(cpu->reg[SR_FAR_EL2], 0x3fffff08);
        machine_free(m);
    }
}

Test(machine_port, ram_answers_to_its_last_byte)
{
    uint64_t end = MAP_RAM + (16u << 20);
    expect(LDR_X, MAP_RAM, true);
    expect(LDR_X, end - 8, true);
    expect(LDRB, end - 1, true);
    expect(LDRB, MAP_RAM - 1, false);
}

Test(machine_port, devices_take_words_and_some_bytes_never_doublewords)
{
    expect(LDR_W, MAP_GICD, true);          /* GICD_CTLR */
    expect(LDRB, MAP_GICD + 0x400, true);   /* GICD_IPRIORITYR0 */
    expect(LDR_W, MAP_GICC + 0x4, true);    /* GICC_PMR */
    expect(LDR_W, MAP_UART + 0x18, true);   /* UARTFR */
    expect(LDR_X, MAP_GICD, false);
    expect(LDR_X, MAP_GICC, false);
    expect(LDR_X, MAP_UART, false);
}

Test(machine_port, a_fetch_from_a_device_or_a_hole_is_an_instruction_abort)
{
    static const uint64_t targets[] = {MAP_UART, MAP_GICD, 0x1000};
    WORLD_ENGINES(kind) {
        for (unsigned i = 0; i < ARRAY_COUNT(targets); i++) {
            struct machine *m = world_machine(1, 10);
            m->engine = kind;
            struct cpu *cpu = WORLD_START(m, 0, 0xd61f01a0 /* br x13 */);
            cpu->x[13] = targets[i];
            machine_run(m, 2);
            cr_assert_eq(cpu->pc, WORLD_VECTORS + 0x200);
            cr_assert_eq(CLASS_OF(cpu->reg[SR_ESR_EL2]), 0x21);
            cr_assert_eq(cpu->reg[SR_FAR_EL2], targets[i]);
            cr_assert_eq(cpu->reg[SR_ELR_EL2], targets[i]);
            machine_free(m);
        }
    }
}

Test(machine_port, a_misaligned_pc_faults_before_the_fetch)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(1, 10);
        m->engine = kind;
        struct cpu *cpu = WORLD_START(m, 0, 0xd61f01a0 /* br x13 */);
        cpu->x[13] = WORLD_DATA + 2;
        machine_run(m, 2);
        cr_assert_eq(CLASS_OF(cpu->reg[SR_ESR_EL2]), 0x22);
        cr_assert_eq(cpu->reg[SR_FAR_EL2], WORLD_DATA + 2);
        cr_assert_eq(cpu->reg[SR_ELR_EL2], WORLD_DATA + 2);
        machine_free(m);
    }
}

/* A program that rewrites its own next instruction: str w2, [x1]; dc cvau, x1; dsb ish;
 * ic ivau, x1; dsb ish; isb; nop (here); b to the start. */
Test(machine_port, code_that_rewrites_itself)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(1, 100);
        m->engine = kind;
        struct cpu *cpu = WORLD_START(m, 0, 0xb9000022, 0xd50b7b21, A64_DSB_ISH, 0xd50b7521,
                                      A64_DSB_ISH, A64_ISB, A64_NOP, 0x17fffff9);
        world_mmu_on(m, 0);
        cpu->x[1] = WORLD_PROGRAM(0) + 24;
        cpu->x[2] = A64_NOP;
        machine_run(m, 800);
        cpu->x[2] = A64_COUNT;
        machine_run(m, 1600);
        cr_assert_geq(cpu->x[10], 100);
        machine_free(m);
    }
}

/* PE 0 runs in a page that PE 1 writes; also behind a snapshot, where the write moves the page. */
Test(machine_port, code_that_another_pe_rewrites)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(2, 50);
        m->engine = kind;
        struct cpu *runs = WORLD_START(m, 0, A64_NOP, A64_B_BACK);
        struct cpu *writes = WORLD_START(m, 1, A64_NOP, A64_B_BACK);
        world_mmu_on(m, 0);
        world_mmu_on(m, 1);
        machine_run(m, 500);
        struct machine_snapshot *s = machine_save(m);
        uint32_t store = 0xb9000022; /* str w2, [x1] in place of PE 1's nop */
        cr_assert(machine_poke(m, pa_make(WORLD_PROGRAM(1)), &store, sizeof store));
        writes->x[1] = WORLD_PROGRAM(0);
        writes->x[2] = A64_COUNT;
        machine_run(m, 1500);
        cr_assert_gt(runs->x[10], 100);
        machine_restore(m, s);
        machine_run(m, 1500);
        cr_assert_eq(runs->x[10], 0, "the old code is back");
        machine_snapshot_free(s);
        machine_free(m);
    }
}

/* PE 0 reads a word over and over; PE 1 counts it up; nothing may be read out of date. */
Test(machine_port, data_that_another_pe_writes)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(2, 3);
        m->engine = kind;
        struct cpu *reads = WORLD_START(m, 0, A64_LDR_X2_X1, A64_NOP, 0x17fffffe);
        /* add x4, x4, #1; str x4, [x1]; b .-8 */
        struct cpu *writes = WORLD_START(m, 1, 0x91000484, A64_STR_X4_X1, 0x17fffffe);
        world_mmu_on(m, 0);
        world_mmu_on(m, 1);
        for (unsigned i = 1; i < 200; i++) {
            machine_run(m, i * 30);
            cr_assert_leq(writes->x[4] - reads->x[2], 1, "round %u", i);
            if (i % 10 == 0)
                machine_hash(m);
            if (i % 14 == 0)
                machine_snapshot_free(machine_save(m));
        }
        cr_assert_gt(reads->x[2], 900);
        machine_free(m);
    }
}

/* The page is reached directly before; with SCTLR_EL2.A each access is to be aligned. */
Test(machine_port, accesses_that_are_not_aligned)
{
    WORLD_ENGINES(kind) {
        for (unsigned checks = 0; checks <= 1; checks++) {
            struct machine *m = world_machine(1, 100);
            m->engine = kind;
            /* str x4, [x1]; str x4, [x1, #8]; ldur x2, [x1, #3]; stur w4, [x1, #5]; add x7, x1, #1;
             * ldp x5, x6, [x7]; b . */
            struct cpu *cpu = WORLD_START(m, 0, A64_STR_X4_X1, 0xf9000424, 0xf8403022, 0xb8005024,
                                          0x91000427, 0xa94018e5, A64_B_SELF);
            world_mmu_on(m, 0);
            uint64_t sctlr = cpu->reg[SR_SCTLR_EL2];
            world_set(m, 0, SR_SCTLR_EL2, checks ? sctlr | SCTLR_EL2_A : sctlr & ~SCTLR_EL2_A);
            cpu->x[4] = UINT64_C(0x8877665544332211);
            machine_run(m, 6);
            if (checks) {
                cr_assert_eq(cpu->reg[SR_ELR_EL2], WORLD_PROGRAM(0) + 8);
                cr_assert_eq(cpu->reg[SR_FAR_EL2], WORLD_DATA + 3);
                cr_assert_eq(cpu->reg[SR_ESR_EL2] & 0x3f, 0x21);
            } else {
                cr_assert_eq(cpu->x[2], UINT64_C(0x3322118877665544));
                cr_assert_eq(world_read(m, WORLD_DATA), UINT64_C(0x3322115544332211));
                cr_assert_eq(cpu->x[5], UINT64_C(0x4433221155443322));
                cr_assert_eq(cpu->x[6], UINT64_C(0x0088776655443322));
            }
            machine_free(m);
        }
    }
}

Test(machine_port, a_restore_takes_back_what_was_written_through_kept_pointers)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world_machine(1, 100);
        m->engine = kind;
        WORLD_START(m, 0, 0x91000484, A64_STR_X4_X1, 0x17fffffe);
        world_mmu_on(m, 0);
        machine_run(m, 300);
        struct machine_snapshot *s = machine_save(m);
        uint64_t hash = machine_hash(m);
        machine_run(m, 600);
        uint64_t later = machine_hash(m);
        cr_assert_eq(world_read(m, WORLD_DATA), 200);
        for (unsigned i = 0; i < 3; i++) {
            machine_restore(m, s);
            cr_assert_eq(world_read(m, WORLD_DATA), 100);
            cr_assert_eq(machine_hash(m), hash);
            machine_run(m, 600);
            cr_assert_eq(machine_hash(m), later);
        }
        machine_snapshot_free(s);
        machine_free(m);
    }
}

/* A read or a write of a register costs what its frame's row says. */
Test(machine_port, each_frame_has_its_costs)
{
    static const struct {
        uint64_t pa;
        enum timing_frame frame;
    } places[] = {
        {MAP_GICD, TIMING_GICD},        {MAP_GICD + 0xffc, TIMING_GICD},
        {MAP_GICC + 4, TIMING_GICC},    {MAP_UART + 0x18, TIMING_UART},
        {MAP_UART + 0x1000, TIMING_DEVICE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(places); i++)
        for (unsigned is_write = 0; is_write < 2; is_write++) {
            struct machine *m = world_machine(1, 1);
            for (unsigned frame = 0; frame < TIMING_FRAME_COUNT; frame++) {
                m->timing.device[frame][0] = 1000 + frame;
                m->timing.device[frame][1] = 2000 + frame;
            }
            struct cpu *cpu = WORLD_START(m, 0, is_write ? 0xb9000022u : 0xb9400022u, A64_B_SELF);
            cpu->x[1] = places[i].pa;
            machine_run(m, 1);
            uint64_t cost = (is_write ? 2000u : 1000u) + places[i].frame;
            cr_assert_eq(cpu->cycles, cost + 1, "place %zu: %llu cycles", i,
                         (unsigned long long)cpu->cycles);
            machine_free(m);
        }
}
