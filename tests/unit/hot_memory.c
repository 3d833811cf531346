/*
 * Hot forms at EL1 with translation on, where EL1 and EL0 do not have the same pages: LDTR and
 * STTR, DC and IC by address, exclusives through host pointers. Both engines leave the same
 * machine, and where nothing is in the way the fast one stayed in its hot half.
 */
#include "tests/unit/hot_world.h"

/* What EL1 alone has lies at its own address, which code wants; what EL0 has too lies here. */
#define USER_ALIAS UINT64_C(0xc0000000)
#define USER(pa) ((pa) - MAP_RAM + USER_ALIAS)
#define USER_BLOCK (WORLD_BLOCK | 0x40) /* AP[1]: EL0, too */
#define EL1_TABLE WORLD_TABLE(0)
#define BRANCH 0x14000001u /* b .+4 */

/* Tables of EL1&0 in both machines; the registers of a PE that is at EL1 under them. */
static struct cpu at_el1(struct pair *p)
{
    WORLD_ENGINES(kind) {
        struct machine *m = p->m[kind];
        world_write(m, EL1_TABLE + 8, MAP_RAM | WORLD_BLOCK);
        world_write(m, EL1_TABLE + 24, MAP_RAM | USER_BLOCK);
        world_set(m, 0, SR_MAIR_EL1, 0x00ff);
        world_set(m, 0, SR_TTBR0_EL1, EL1_TABLE);
        world_set(m, 0, SR_TCR_EL1,
                  field_put(TCR_EL1_T0SZ, 25) | TCR_EL1_EPD1 | field_put(TCR_EL1_IPS, 2));
        world_set(m, 0, SR_SCTLR_EL1, m->state->cpu[0].reg[SR_SCTLR_EL1] | SCTLR_EL1_M);
        world_set(m, 0, SR_VBAR_EL1, WORLD_VECTORS);
    }
    struct cpu cpu = p->m[0]->state->cpu[0];
    cpu.el = 1;
    cpu.reg[SR_CPACR_EL1] = cpu.effective[SR_CPACR_EL1] = field_put(CPACR_EL1_FPEN, 3);
    cpu.sp[1] = DATA;
    cpu.x[0] = USER(DATA);
    cpu.x[1] = DATA;
    cpu.x[2] = 0x1122334455667788;
    return cpu;
}

/* DFSC of ESR_EL1. */
static bool alignment_fault(const struct pair *p)
{
    return (p->m[1]->state->cpu[0].reg[SR_ESR_EL1] & 0x3f) == 0x21;
}

static const uint32_t unprivileged[] = {
    0xf8400803 /* ldtr x3, [x0] */,  0xb8404803 /* ldtr w3, [x0, #4] */,
    0x38401803 /* ldtrb w3, [x0, #1] */, 0x78402803 /* ldtrh w3, [x0, #2] */,
    0x38807803 /* ldtrsb x3, [x0, #7] */, 0x78c06803 /* ldtrsh w3, [x0, #6] */,
    0xb8804803 /* ldtrsw x3, [x0, #4] */, 0xf8008802 /* sttr x2, [x0, #8] */,
    0xb8010802 /* sttr w2, [x0, #16] */, 0x38011802 /* sttrb w2, [x0, #17] */,
    0x78012802 /* sttrh w2, [x0, #18] */,
};

Test(hot_memory, unprivileged_forms_use_the_pages_of_EL0)
{
    struct pair p;
    pair_open(&p, 3);
    struct cpu user = at_el1(&p);
    for (unsigned i = 0; i < ARRAY_COUNT(unprivileged); i++) {
        uint32_t words[] = {unprivileged[i], BRANCH};
        cr_expect(pair_run(&p, words, 2, &user), "%#x was not hot", words[0]);
    }
    pair_close(&p);
}

/* A pointer that EL1 has is none for LDTR: there is a Permission fault, each time. */
Test(hot_memory, unprivileged_forms_do_not_use_the_pages_of_EL1)
{
    struct pair p;
    pair_open(&p, 4);
    struct cpu kernel = at_el1(&p);
    kernel.x[0] = DATA;
    for (unsigned i = 0; i < ARRAY_COUNT(unprivileged); i++) {
        uint32_t words[] = {0xf9400003 /* ldr x3, [x0] */, 0xf9000003 /* str x3, [x0] */,
                            unprivileged[i], BRANCH};
        cr_expect(!pair_run(&p, words, 4, &kernel), "%#x was hot", unprivileged[i]);
        cr_expect_eq(p.m[1]->state->cpu[0].reg[SR_ESR_EL1] & 0x3f, 0xd, "permission, level 1");
    }
    pair_close(&p);
}

/* With PSTATE.UAO they are EL1's own; at EL2 they always are. */
Test(hot_memory, unprivileged_forms_with_UAO)
{
    struct pair p;
    pair_open_of(&p, "neoverse-n1", 5);
    struct cpu kernel = at_el1(&p), hyp = p.m[0]->state->cpu[0];
    kernel.access |= PSTATE_UAO;
    kernel.x[0] = hyp.x[0] = DATA;
    for (unsigned i = 0; i < ARRAY_COUNT(unprivileged); i++) {
        uint32_t words[] = {unprivileged[i], BRANCH};
        cr_expect(pair_run(&p, words, 2, &kernel), "%#x was not hot", words[0]);
        cr_expect(pair_run(&p, words, 2, &hyp), "%#x was not hot at EL2", words[0]);
    }
    pair_close(&p);
}

static const uint32_t loads_and_stores[] = {
    0xf9400023 /* ldr x3, [x1] */, 0xb9400023 /* ldr w3, [x1] */, 0x79400023 /* ldrh w3, [x1] */,
    0xb9800023 /* ldrsw x3, [x1] */, 0xf8646823 /* ldr x3, [x1, x4] */,
    0xf8408403 /* ldr x3, [x0], #8 */, 0xf9000022 /* str x2, [x1] */,
    0xb9000022 /* str w2, [x1] */, 0x79000022 /* strh w2, [x1] */,
    0xa9401023 /* ldp x3, x4, [x1] */, 0x69401023 /* ldpsw x3, x4, [x1] */,
    0xa9c11003 /* ldp x3, x4, [x0, #16]! */, 0xa9000822 /* stp x2, x2, [x1] */,
    0x29000822 /* stp w2, w2, [x1] */, 0xf8400803 /* ldtr x3, [x0] */,
    0xf8000802 /* sttr x2, [x0] */, 0x3dc00023 /* ldr q3, [x1] */, 0x3d800023 /* str q3, [x1] */,
    0xad401023 /* ldp q3, q4, [x1] */, 0xad001023 /* stp q3, q4, [x1] */,
    0x4c40ac23 /* ld1 {v3.2d, v4.2d}, [x1] */, 0x4d40cc23 /* ld1r {v3.2d}, [x1] */,
};

/* AArch64.CheckAlignment without SCTLR_EL1.A: at every offset, and over the end of a page. */
Test(hot_memory, accesses_that_are_not_aligned)
{
    struct pair p;
    pair_open(&p, 8);
    const struct cpu aligned = at_el1(&p);
    struct cpu cpu = aligned;
    for (unsigned i = 0; i < ARRAY_COUNT(loads_and_stores); i++) {
        uint32_t words[] = {loads_and_stores[i], BRANCH};
        for (unsigned offset = 0; offset < 96; offset++) {
            cpu.x[1] = DATA + PAGE_BYTES - 64 + offset;
            cpu.x[0] = USER(cpu.x[1]);
            cr_expect(pair_run_twice(&p, words, 2, &aligned, &cpu), "%#x at %u", words[0], offset);
        }
    }
    pair_close(&p);
}

/* The same with it. */
Test(hot_memory, accesses_that_have_to_be_aligned)
{
    struct pair p;
    pair_open(&p, 9);
    at_el1(&p);
    WORLD_ENGINES(kind) {
        struct machine *m = p.m[kind];
        world_set(m, 0, SR_SCTLR_EL1, m->state->cpu[0].reg[SR_SCTLR_EL1] | SCTLR_EL1_A);
    }
    const struct cpu aligned = at_el1(&p);
    struct cpu misaligned = aligned;
    misaligned.x[0]++, misaligned.x[1]++;
    for (unsigned i = 0; i < ARRAY_COUNT(loads_and_stores); i++) {
        uint32_t words[] = {loads_and_stores[i], BRANCH};
        cr_expect(pair_run(&p, words, 2, &aligned), "%#x was not hot", words[0]);
        cr_expect(!pair_run_twice(&p, words, 2, &aligned, &misaligned), "%#x was", words[0]);
        cr_expect(alignment_fault(&p), "%#x", words[0]);
    }
    pair_close(&p);
}

/* Without FEAT_LSE2 those that order are aligned, whatever SCTLR_EL1.A says. */
Test(hot_memory, ordered_accesses_are_aligned)
{
    static const uint32_t ordered[] = {
        0xc8dffc23 /* ldar x3, [x1] */, 0x88dffc23 /* ldar w3, [x1] */,
        0x48dffc23 /* ldarh w3, [x1] */, 0xc89ffc22 /* stlr x2, [x1] */,
        0x889ffc22 /* stlr w2, [x1] */, 0x489ffc22 /* stlrh w2, [x1] */,
    };
    struct pair p;
    pair_open(&p, 10);
    const struct cpu aligned = at_el1(&p);
    struct cpu misaligned = aligned;
    misaligned.x[1]++;
    for (unsigned i = 0; i < ARRAY_COUNT(ordered); i++) {
        uint32_t words[] = {ordered[i], BRANCH};
        cr_expect(pair_run(&p, words, 2, &aligned), "%#x was not hot", words[0]);
        cr_expect(!pair_run_twice(&p, words, 2, &aligned, &misaligned), "%#x was", words[0]);
        cr_expect(alignment_fault(&p), "%#x", words[0]);
    }
    pair_close(&p);
}

Test(hot_memory, cache_maintenance_by_address)
{
    static const uint32_t operations[] = {0xd50b7a20 /* dc cvac, x0 */, 0xd50b7b20 /* dc cvau */,
                                          0xd50b7e20 /* dc civac */, 0xd50b7520 /* ic ivau */};
    struct pair p;
    pair_open(&p, 6);
    struct cpu open = at_el1(&p), trapped = open, unmapped = open;
    trapped.reg[SR_HCR_EL2] |= HCR_EL2_TPCP | HCR_EL2_TPU;
    trapped.effective[SR_HCR_EL2] |= HCR_EL2_TPCP | HCR_EL2_TPU;
    unmapped.x[0] = UINT64_C(0x100000000);
    for (unsigned i = 0; i < ARRAY_COUNT(operations); i++) {
        uint32_t words[] = {0xf9400003 /* ldr x3, [x0] */, operations[i], BRANCH};
        cr_expect(pair_run(&p, words, 3, &open), "%#x was not hot", operations[i]);
        cr_expect(!pair_run_twice(&p, words, 3, &open, &trapped), "%#x", operations[i]);
        cr_expect_eq(p.m[1]->state->cpu[0].el, 2, "%#x was not trapped", operations[i]);
        cr_expect(!pair_run_twice(&p, words + 1, 2, &open, &unmapped), "%#x", operations[i]);
        cr_expect_eq(p.m[1]->state->cpu[0].reg[SR_ESR_EL1] & 0x3f, 5, "translation, level 1");
    }
    pair_close(&p);
}

/* The status says whether it stored, which the second of two never does. */
Test(hot_memory, exclusives_through_pointers)
{
    static const uint32_t loads[] = {0xc85f7c23 /* ldxr x3, [x1] */, 0x885f7c23 /* w3 */,
                                     0x085f7c23 /* ldxrb */, 0x485f7c23 /* ldxrh */,
                                     0xc87f1023 /* ldxp x3, x4, [x1] */},
                          stores[] = {0xc8057c22 /* stxr w5, x2, [x1] */, 0x88057c22 /* w2 */,
                                      0x08057c22 /* stxrb */, 0x48057c22 /* stxrh */,
                                      0xc8250822 /* stxp w5, x2, x2, [x1] */};
    struct pair p;
    pair_open(&p, 7);
    struct cpu cpu = at_el1(&p);
    for (unsigned i = 0; i < ARRAY_COUNT(loads); i++) {
        uint32_t words[] = {loads[i], stores[i], 0x2a0503e6 /* mov w6, w5 */, stores[i], BRANCH};
        cr_expect(pair_run(&p, words, 5, &cpu), "%#x was not hot", words[0]);
        cr_expect_eq(p.m[1]->state->cpu[0].x[6], 0, "%#x did not store", words[1]);
        cr_expect_eq(p.m[1]->state->cpu[0].x[5], 1, "%#x stored twice", words[3]);
        cr_expect_eq(p.m[1]->state->monitors_armed, 0);
    }
    pair_close(&p);
}
