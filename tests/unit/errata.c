/*
 * Errata: each shows what it says when it is on, and what the architecture says when it is not.
 */
#include "tests/unit/machine_world.h"

#include "cpu/errata.h"
#include "cpu/exec.h"

bool mem_read_precise(struct core *c, uint64_t va, const struct mem_op *op, uint64_t value[2]);
bool mem_write_precise(struct core *c, uint64_t va, const struct mem_op *op,
                       const uint64_t value[2]);

#define WINDOW UINT64_C(0x80000000)
#define TABLE(n) (MAP_RAM + 0x40000 + 0x1000 * (uint64_t)(n))
#define DATA(n) (MAP_RAM + 0x80000 + 0x1000 * (uint64_t)(n))

#define STAGE2_LEAF UINT64_C(0x7ff) /* page, AF, inner shareable, read and write, Write-Back */
#define STAGE2_BLOCK UINT64_C(0x7fd)
#define EL0_TOO UINT64_C(0x40)

static struct machine *machine_with(uint32_t errata, uint32_t open)
{
    struct machine_config config;
    struct error error;
    config_default(&config);
    config.pe_count = 1;
    config.quantum = 1;
    config.ram_bytes = 16u << 20;
    config.timing_flat = 1;
    config.errata = errata;
    config.open_mask = open;
    struct machine *m = machine_new(&config, &error);
    cr_assert_not_null(m, "%s", error.text);
    return m;
}

/* Stage 1 at TABLE(first): RAM where it is, two pages of the window to IPAs (0: not at all). */
static void stage1(struct machine *m, unsigned first, const uint64_t leaf[2])
{
    world_write(m, TABLE(first) + 8, MAP_RAM | WORLD_BLOCK);
    world_write(m, TABLE(first) + 16, TABLE(first + 1) | 3);
    world_write(m, TABLE(first + 1), TABLE(first + 2) | 3);
    for (unsigned i = 0; i < 2; i++)
        world_write(m, TABLE(first + 2) + 8 * i, leaf[i]);
}

static void stage2(struct machine *m, unsigned first, const uint64_t leaf[2])
{
    world_write(m, TABLE(first) + 8, MAP_RAM | STAGE2_BLOCK);
    world_write(m, TABLE(first) + 16, TABLE(first + 1) | 3);
    world_write(m, TABLE(first + 1), TABLE(first + 2) | 3);
    for (unsigned i = 0; i < 2; i++)
        world_write(m, TABLE(first + 2) + 8 * i, leaf[i]);
}

static void registers(struct machine *m, uint64_t ttbr0, uint64_t vttbr)
{
    world_set(m, 0, SR_MAIR_EL1, 0xff);
    world_set(m, 0, SR_TCR_EL1, field_put(TCR_EL1_T0SZ, 25) | field_put(TCR_EL1_T1SZ, 25) |
                                    field_put(TCR_EL1_IPS, 2));
    world_set(m, 0, SR_TTBR0_EL1, ttbr0);
    world_set(m, 0, SR_SCTLR_EL1, m->state->cpu[0].reg[SR_SCTLR_EL1] | SCTLR_EL1_M);
    world_set(m, 0, SR_VTCR_EL2, VTCR_EL2_RES1 | field_put(VTCR_EL2_T0SZ, 25) |
                                     field_put(VTCR_EL2_SL0, 1) | field_put(VTCR_EL2_PS, 2));
    world_set(m, 0, SR_VTTBR_EL2, vttbr);
    world_set(m, 0, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_VM);
}

/* ---- page-split-fault ---- */

/* A load of 8 bytes by EL0 over the end of the first page of the window. */
static struct fault split(bool erratum, bool is_write, bool denied, bool second_mapped)
{
    struct machine *m = machine_with(erratum ? 1u << ERRATUM_PAGE_SPLIT : 0, 0);
    struct core *c = &m->core[0];
    uint64_t first = WORLD_PAGE | (denied ? 0 : EL0_TOO) | WINDOW;
    stage1(m, 0, (const uint64_t[]){first, WORLD_PAGE | EL0_TOO | (WINDOW + PAGE_BYTES)});
    stage2(m, 3, (const uint64_t[]){DATA(0) | STAGE2_LEAF,
                                    second_mapped ? DATA(1) | STAGE2_LEAF : 0});
    core_reset(c, 2, WORLD_PROGRAM(0), 0);
    registers(m, TABLE(0), TABLE(3));
    c->cpu->el = 0;
    struct mem_op op = {.size = 8, .kind = ACCESS_PLAIN};
    uint64_t value[2] = {0, 0};
    uint64_t va = WINDOW + PAGE_BYTES - 4;
    bool done = is_write ? mem_write_precise(c, va, &op, value)
                         : mem_read_precise(c, va, &op, value);
    struct fault fault = c->fault;
    cr_assert_eq(done, !denied && second_mapped);
    machine_free(m);
    return fault;
}

Test(errata, page_split_fault)
{
    for (unsigned erratum = 0; erratum < 2; erratum++)
        for (unsigned is_write = 0; is_write < 2; is_write++)
            for (unsigned second = 0; second < 2; second++) {
                struct fault f = split(erratum, is_write, true, second);
                bool is_wrong = erratum && !is_write && !second;
                cr_expect_eq(f.stage, is_wrong ? 2 : 1);
                cr_expect_eq(f.kind, is_wrong ? FAULT_TRANSLATION : FAULT_PERMISSION);
                cr_expect_eq(f.va.bits, WINDOW + PAGE_BYTES - 4);
                if (is_wrong)
                    cr_expect_eq(f.ipa.bits, WINDOW + PAGE_BYTES);
            }
    /* Without a fault of stage 1 that of stage 2 is right anyway. */
    struct fault f = split(true, false, false, false);
    cr_expect_eq(f.stage, 2);
    cr_expect_eq(f.va.bits, WINDOW + PAGE_BYTES);
}

/* ---- speculative-at ---- */

#define MSR_VTTBR_X1 0xd51c2101u
#define MSR_TTBR0_X2 0xd5182002u
#define MSR_TCR_X3 0xd5182043u
#define MSR_TCR_X4 0xd5182044u
#define A64_ERET 0xd69f03e0u
#define A64_LDR_X6_X5 0xf94000a6u

static uint32_t always_one(void *context, const struct choice_name *name, uint32_t n, uint64_t hint)
{
    (void)hint, (void)n;
    unsigned *asked = context;
    *asked += name->kind == CHOICE_SPEC_FILL;
    return name->kind == CHOICE_SPEC_FILL ? 1 : 0;
}

enum switch_kind { SWITCH_WITH_ISB, SWITCH_WITHOUT_ISB, SWITCH_WITH_EPD };

/* EL2 goes from guest A to guest B, which reads the window: 1 by A's tables, 2 by its own. */
static uint64_t world_switch(bool erratum, enum switch_kind kind, unsigned *asked)
{
    uint32_t open = 1u << CHOICE_SPEC_FILL | 1u << CHOICE_SYSREG_EFFECTIVE;
    struct machine *m = machine_with(erratum ? 1u << ERRATUM_SPECULATIVE_AT : 0, open);
    stage1(m, 0, (const uint64_t[]){WORLD_PAGE | WINDOW, 0});
    stage1(m, 3, (const uint64_t[]){WORLD_PAGE | (WINDOW + PAGE_BYTES), 0});
    stage2(m, 6, (const uint64_t[]){DATA(0) | STAGE2_LEAF, DATA(0) | STAGE2_LEAF});
    stage2(m, 9, (const uint64_t[]){DATA(1) | STAGE2_LEAF, DATA(2) | STAGE2_LEAF});
    world_write(m, DATA(1), 1);
    world_write(m, DATA(2), 2);
    struct cpu *cpu;
    if (kind == SWITCH_WITH_ISB)
        cpu = WORLD_START(m, 0, MSR_VTTBR_X1, A64_ISB, MSR_TTBR0_X2, A64_ERET, A64_LDR_X6_X5,
                          A64_B_SELF);
    else if (kind == SWITCH_WITHOUT_ISB)
        cpu = WORLD_START(m, 0, MSR_VTTBR_X1, MSR_TTBR0_X2, A64_NOP, A64_ERET, A64_LDR_X6_X5,
                          A64_B_SELF);
    else
        cpu = WORLD_START(m, 0, MSR_TCR_X3, A64_ISB, MSR_VTTBR_X1, MSR_TTBR0_X2, A64_ISB,
                          MSR_TCR_X4, A64_ERET, A64_LDR_X6_X5, A64_B_SELF);
    registers(m, TABLE(0), TABLE(6) | UINT64_C(1) << 48);
    unsigned eret = kind == SWITCH_WITH_EPD ? 6 : 3;
    world_set(m, 0, SR_ELR_EL2, WORLD_PROGRAM(0) + 4 * (eret + 1));
    world_set(m, 0, SR_SPSR_EL2, 0x3c5);
    cpu->x[1] = TABLE(9) | UINT64_C(2) << 48;
    cpu->x[2] = TABLE(3);
    cpu->x[4] = cpu->reg[SR_TCR_EL1];
    cpu->x[3] = cpu->x[4] | TCR_EL1_EPD0 | TCR_EL1_EPD1;
    cpu->x[5] = WINDOW;
    *asked = 0;
    m->chooser.policy = CHOICE_DECIDE;
    m->chooser.decide = always_one;
    m->chooser.decide_context = asked;
    m->chooser.open_mask = open;
    machine_run(m, eret + 3);
    uint64_t read = cpu->x[6];
    cr_assert_eq(cpu->el, 1);
    machine_free(m);
    return read;
}

Test(errata, speculative_at)
{
    unsigned asked;
    for (enum switch_kind kind = SWITCH_WITH_ISB; kind <= SWITCH_WITHOUT_ISB; kind++) {
        cr_expect_eq(world_switch(false, kind, &asked), 2);
        cr_expect_eq(asked, 0);
        cr_expect_eq(world_switch(true, kind, &asked), 1, "%d", (int)kind);
        cr_expect_eq(asked, 1);
    }
    /* With walks switched off first, and on again last, there is nothing to be mixed. */
    cr_expect_eq(world_switch(true, SWITCH_WITH_EPD, &asked), 2);
    cr_expect_eq(asked, 0);
}

/* ---- Names ---- */

/* What cannot show for want of a part is refused. */
Test(errata, names_and_needs)
{
    for (unsigned i = 0; i < ERRATUM_COUNT; i++) {
        enum erratum erratum;
        struct machine_config config;
        struct error error;
        cr_assert(erratum_by_name(erratum_rows[i].name, &erratum));
        cr_assert_eq(erratum, i);
        config_default(&config);
        config.errata = 1u << i;
        cr_expect_eq(config_check_errata(&config, &error),
                     erratum_rows[i].needs == ERRATUM_NEEDS_NOTHING, "%s", erratum_rows[i].name);
        config.store_buffer = 4;
        config.history = 16;
        config.caches = 1;
        config.open_mask = UINT32_MAX;
        cr_expect(config_check_errata(&config, &error), "%s", erratum_rows[i].name);
    }
    enum erratum none;
    cr_expect_not(erratum_by_name("", &none));
    cr_expect_not(erratum_by_name("page-split", &none));
}
