/*
 * Both engines are one machine, whatever software does and whoever looks on: random programs at all
 * Exception levels, which change their own code, tables, traps, masks and byte order, take
 * interrupts and share memory, with next-cpu and other kinds of choice open and closed. The fast
 * machine is run in random parts, with break points, going too far and back, while an observer
 * begins and ceases to need events and to watch pages in the midst of it; the precise one is run
 * with none of that.
 */
#include "tests/law/hot_insns.h"
#include "tests/unit/machine_world.h"

#define PES 3u
#define WORDS 1500u
#define SOME_MAX 40u /* kinds of instructions in a program */
#define STEPS UINT64_C(20000)
#define CODE_OF(pe) (MAP_RAM + 0x100000 + 0x4000 * (uint64_t)(pe))
#define VECTORS_EL1 (MAP_RAM + 0x9000)
#define VALUES (MAP_RAM + 0xa000)
#define EL1_TABLE (MAP_RAM + 0x40000)
#define STAGE2_TABLE (MAP_RAM + 0x41000)
#define ALIAS UINT64_C(0xc0000000)
#define USER_PAGE (WORLD_PAGE | 0x40) /* AP[1]: EL0, too */
#define NOT_GLOBAL UINT64_C(0x800)

static const uint32_t instructions[] = {
    0x9100054a, /* add x10, x10, #0x1 */
    0xeb02014b, /* subs x11, x10, x2 */
    0x6b02015f, /* cmp w10, w2 */
    0xf2401c4b, /* ands x11, x2, #0xff */
    0x9a8b6142, /* csel x2, x10, x11, vs */
    0x9a8b8543, /* csinc x3, x10, x11, hi */
    0xfa43b944, /* ccmp x10, #0x3, #0x4, lt */
    0xba0b0142, /* adcs x2, x10, x11 */
    0xcaca1c84, /* eor x4, x4, x10, ror #7 */
    0xd53b4202, /* mrs x2, nzcv */
    0xd51b4202, /* msr nzcv, x2 */
    0x54000061, /* b.ne .+12 */
    0xeb0b015f, /* cmp x10, x11 */
    0x54000048, /* b.hi .+8 */
    0xf240015f, /* tst x10, #0x1 */
    0x54000060, /* b.eq .+12 */
    0xb4000042, /* cbz x2, .+8 */
    0x3708006a, /* tbnz w10, #1, .+12 */
    0x94000003, /* bl .+12 */
    0xf9400022, /* ldr x2, [x1] */
    0xf9000422, /* str x2, [x1, #8] */
    0xb840d023, /* ldur w3, [x1, #13] */
    0xb8016024, /* stur w4, [x1, #22] */
    0xa9420c22, /* ldp x2, x3, [x1, #32] */
    0xa9031022, /* stp x2, x4, [x1, #48] */
    0x3940fc25, /* ldrb w5, [x1, #63] */
    0x79008425, /* strh w5, [x1, #66] */
    0xf9400202, /* ldr x2, [x16] */
    0xf9000a02, /* str x2, [x16, #16] */
    0xf8400822, /* ldtr x2, [x1] */
    0xf8408a03, /* ldtr x3, [x16, #8] */
    0xf8018a03, /* sttr x3, [x16, #24] */
    0x38c07a03, /* ldtrsb w3, [x16, #7] */
    0x38000823, /* sttrb w3, [x1] */
    0xc8dffc22, /* ldar x2, [x1] */
    0xc89ffc23, /* stlr x3, [x1] */
    0x08dffe04, /* ldarb w4, [x16] */
    0x88dffde4, /* ldar w4, [x15] */
    0x489ffe04, /* stlrh w4, [x16] */
    0xc85f7c22, /* ldxr x2, [x1] */
    0xc8067c23, /* stxr w6, x3, [x1] */
    0x885ffe02, /* ldaxr w2, [x16] */
    0x8806fe03, /* stlxr w6, w3, [x16] */
    0xc87f0c22, /* ldxp x2, x3, [x1] */
    0xc8261023, /* stxp w6, x3, x4, [x1] */
    0xc85f7c22, /* ldxr x2, [x1] */
    0xc8067c2a, /* stxr w6, x10, [x1] */
    0xd5033f5f, /* clrex */
    0xf82a0022, /* ldadd x10, x2, [x1] */
    0xb82a8202, /* swp w10, w2, [x16] */
    0xc8a27c2a, /* cas x2, x10, [x1] */
    0x4c40a020, /* ld1 {v0.16b, v1.16b}, [x1] */
    0x4c007a00, /* st1 {v0.4s}, [x16] */
    0x3dc00422, /* ldr q2, [x1, #16] */
    0xfd000742, /* str d2, [x26, #8] */
    0x1e622820, /* fadd d0, d1, d2 */
    0x1e612000, /* fcmp d0, d1 */
    0xf9400342, /* ldr x2, [x26] */
    0xf900074a, /* str x10, [x26, #8] */
    0xb94fff43, /* ldr w3, [x26, #4092] */
    0xf81fc343, /* stur x3, [x26, #-4] */
    0xf8400b42, /* ldtr x2, [x26] */
    0xf8010b4a, /* sttr x10, [x26, #16] */
    0xc8067f43, /* stxr w6, x3, [x26] */
    0xc85f7f43, /* ldxr x3, [x26] */
    0xd50b7421, /* dc zva, x1 */
    0xd50b7430, /* dc zva, x16 */
    0xd50b743a, /* dc zva, x26 */
    0xd50b7a21, /* dc cvac, x1 */
    0xd50b7b30, /* dc cvau, x16 */
    0xd50b7e3a, /* dc civac, x26 */
    0xd508763a, /* dc ivac, x26 */
    0xd50b7a3a, /* dc cvac, x26 */
    0xd50b7530, /* ic ivau, x16 */
    0xd50b752f, /* ic ivau, x15 */
    0xd508751f, /* ic iallu */
    0xb90001ee, /* str w14, [x15] */
    0xb90001ed, /* str w13, [x15] */
    0xb90005ee, /* str w14, [x15, #4] */
    0xb90005ed, /* str w13, [x15, #4] */
    0xb90079ee, /* str w14, [x15, #120] */
    0xb9007ded, /* str w13, [x15, #124] */
    0xf90401ea, /* str x10, [x15, #2048] */
    0xb94009ee, /* ldr w14, [x15, #8] */
    0xf9000334, /* str x20, [x25] */
    0xf9000335, /* str x21, [x25] */
    0xf9000336, /* str x22, [x25] */
    0xf9000337, /* str x23, [x25] */
    0xd508831f, /* tlbi vmalle1is */
    0xd508871f, /* tlbi vmalle1 */
    0xd50c871f, /* tlbi alle2 */
    0xd50c839f, /* tlbi alle1is */
    0xd508836c, /* tlbi vaae1is, x12 */
    0xd50c832c, /* tlbi vae2is, x12 */
    0xd50c83df, /* tlbi vmalls12e1is */
    0xd5033b9f, /* dsb ish */
    0xd5033b9f, /* dsb ish */
    0xd503379f, /* dsb nsh */
    0xd5033fdf, /* isb */
    0xd5033fdf, /* isb */
    0xd5033fdf, /* isb */
    0xd5033bbf, /* dmb ish */
    0xd50339bf, /* dmb ishld */
    0xd508781a, /* at s1e1r, x26 */
    0xd5387402, /* mrs x2, par_el1 */
    0xd50342df, /* msr daifset, #0x2 */
    0xd50342ff, /* msr daifclr, #0x2 */
    0xd50342ff, /* msr daifclr, #0x2 */
    0xd53b4222, /* mrs x2, daif */
    0xd50040bf, /* msr spsel, #0x0 */
    0xd50041bf, /* msr spsel, #0x1 */
    0xd500419f, /* msr pan, #0x1 */
    0xd500409f, /* msr pan, #0x0 */
    0xd500417f, /* msr uao, #0x1 */
    0xd500407f, /* msr uao, #0x0 */
    0xd5384242, /* mrs x2, currentel */
    0xd53bd042, /* mrs x2, tpidr_el0 */
    0xd51bd04a, /* msr tpidr_el0, x10 */
    0xd518d08a, /* msr tpidr_el1, x10 */
    0xd538d083, /* mrs x3, tpidr_el1 */
    0xd5381003, /* mrs x3, sctlr_el1 */
    0xd5380003, /* mrs x3, midr_el1 */
    0xd53b0023, /* mrs x3, ctr_el0 */
    0xd53be043, /* mrs x3, cntvct_el0 */
    0xd53b9d03, /* mrs x3, pmccntr_el0 */
    0xd5384103, /* mrs x3, sp_el0 */
    0xd5184101, /* msr sp_el0, x1 */
    0xf940225c, /* ldr x28, [x18, #64] */
    0xf940265c, /* ldr x28, [x18, #72] */
    0xf9402a5c, /* ldr x28, [x18, #80] */
    0xf9402e5c, /* ldr x28, [x18, #88] */
    0xd518101c, /* msr sctlr_el1, x28 */
    0xd518101c, /* msr sctlr_el1, x28 */
    0xf940325d, /* ldr x29, [x18, #96] */
    0xf940365d, /* ldr x29, [x18, #104] */
    0xf9403a5d, /* ldr x29, [x18, #112] */
    0xf9403e5d, /* ldr x29, [x18, #120] */
    0xd51c111d, /* msr hcr_el2, x29 */
    0xd51c111d, /* msr hcr_el2, x29 */
    0xf940425b, /* ldr x27, [x18, #128] */
    0xf940465b, /* ldr x27, [x18, #136] */
    0xd518201b, /* msr ttbr0_el1, x27 */
    0xf9404a58, /* ldr x24, [x18, #144] */
    0xf9404e58, /* ldr x24, [x18, #152] */
    0xd5181058, /* msr cpacr_el1, x24 */
    0xd4000001, /* svc #0x0 */
    0xd4000002, /* hvc #0x0 */
    0xd4000022, /* hvc #0x1 */
    0xd4000042, /* hvc #0x2 */
    0xd4000003, /* smc #0x0 */
    0xd4200000, /* brk #0x0 */
    0xd503209f, /* sev */
    0xd503205f, /* wfe */
    0xd503203f, /* yield */
    0x910043ff, /* add sp, sp, #0x10 */
    0xd10043ff, /* sub sp, sp, #0x10 */
    0xf94003e2, /* ldr x2, [sp] */
    0xf81f03e2, /* stur x2, [sp, #-16] */
    0xf9400642, /* ldr x2, [x18, #8] */
    0xd538c102, /* mrs x2, isr_el1 */
    0xd5384022, /* mrs x2, elr_el1 */
    0xd508781a, /* at s1e1r, x26 */
    0x128004e2, /* mov w2, #0xffffffd8 */
    0xd51b9d02, /* msr pmccntr_el0, x2 */
    0xd28000e3, /* mov x3, #0x7 */
    0xd51b9c03, /* msr pmcr_el0, x3 */
    0xd51b9c22, /* msr pmcntenset_el0, x2 */
    0xd5189e22, /* msr pmintenset_el1, x2 */
    0xd5189e42, /* msr pmintenclr_el1, x2 */
    0xd51bec0a, /* msr pmevtyper0_el0, x10 */
    0xd51b9e03, /* msr pmuserenr_el0, x3 */
    0xd518e102, /* msr cntkctl_el1, x2 */
    0xd503207f, /* wfi */
    0xd50320bf, /* sevl */
    0xb90f010a, /* str w10, [x8, #3840] */
    0xb9401a62, /* ldr w2, [x19, #24] */
    0xd5100247, /* msr mdscr_el1, x7 */
    0xd510025f, /* msr mdscr_el1, xzr */
    0xd50348ff, /* msr daifclr, #0x8 */
    0xb94ffc23, /* ldr w3, [x1, #4092] */
    0xd61f03c0, /* br x30 */
    0x910063de, /* add x30, x30, #0x18 */
    0x910003df, /* mov sp, x30 */
    0x910003fe, /* mov x30, sp */
    0xd50b742a, /* dc zva, x10 */
    0xb94005e6, /* ldr w6, [x15, #4] */
    0x3c80c201, /* stur q1, [x16, #12] */
    0x4c00a340, /* st1 {v0.16b, v1.16b}, [x26] */
    0xad7f8740, /* ldp q0, q1, [x26, #-16] */
    0xd508711f, /* ic ialluis */
    0xd51b9c69, /* msr pmovsclr_el0, x9 */
    0x92800009, /* mov x9, #0xffffffffffffffff */
    0xf9800340, /* prfm pldl1keep, [x26] */
};

/* Returns behind the instruction, but for SVC; HVC goes to the next one of several levels. */
static const uint32_t handler_el2[] = {
    0xd53c5209, /* mrs x9, esr_el2 */
    0xd35afd29, /* lsr x9, x9, #26 */
    0xf100593f, /* cmp x9, #0x16: HVC */
    0x540000e0, /* b.eq .+28 */
    0xf100553f, /* cmp x9, #0x15: SVC */
    0x54000080, /* b.eq .+16 */
    0xd53c4029, /* mrs x9, elr_el2 */
    0x91001129, /* add x9, x9, #4 */
    0xd51c4029, /* msr elr_el2, x9 */
    0xd69f03e0, /* eret */
    0x91002231, /* add x17, x17, #8 */
    0x927d0a31, /* and x17, x17, #0x38 */
    0xf8716a49, /* ldr x9, [x18, x17] */
    0xd51c4009, /* msr spsr_el2, x9 */
    0xd69f03e0, /* eret */
};

static const uint32_t handler_el1[] = {
    0xd5385209, /* mrs x9, esr_el1 */
    0xd35afd29, /* lsr x9, x9, #26 */
    0xf100553f, /* cmp x9, #0x15: SVC */
    0x54000080, /* b.eq .+16 */
    0xd5384029, /* mrs x9, elr_el1 */
    0x91001129, /* add x9, x9, #4 */
    0xd5184029, /* msr elr_el1, x9 */
    0xd69f03e0, /* eret */
};

static const uint32_t handler_irq[] = {
    0xb9400e69, /* ldr w9, [x19, #12]: GICC_IAR */
    0xb9001269, /* str w9, [x19, #16]: GICC_EOIR */
    0xd2800409, /* mov x9, #32 */
    0xd51be309, /* msr cntv_tval_el0, x9 */
    0x92800009, /* mov x9, #-1 */
    0xd51b9c69, /* msr pmovsclr_el0, x9 */
    0xd69f03e0, /* eret */
};

/* GIC and timer on; x10 is the distributor and x19 the CPU interface. */
static const uint32_t prologue[] = {
    0xd2a1000a, /* mov x10, #0x8000000 */
    0x52800029, /* mov w9, #1 */
    0xb9000149, /* str w9, [x10] */
    0xb9000269, /* str w9, [x19] */
    0x12800009, /* mov w9, #-1 */
    0xb9010149, /* str w9, [x10, #256] */
    0x52801fe9, /* mov w9, #255 */
    0xb9000669, /* str w9, [x19, #4] */
    0xd2800029, /* mov x9, #1 */
    0xd51be329, /* msr cntv_ctl_el0, x9 */
    0xd2800809, /* mov x9, #64 */
    0xd51be309, /* msr cntv_tval_el0, x9 */
};

/* What x18 points to: SPSRs of 8, SCTLR_EL1 and HCR_EL2 of 4, TTBR0_EL1 and CPACR_EL1 of 2. */
static void values_make(struct machine *m)
{
    const uint64_t sctlr = m->state->cpu[0].reg[SR_SCTLR_EL1] | SCTLR_EL1_M;
    const uint64_t values[] = {
        0x345, 0x300, 0x349, 0x3c5, 0x344, 0x380, 0x348, 0x305,
        sctlr | SCTLR_EL1_UMA | SCTLR_EL1_UCI | SCTLR_EL1_DZE | SCTLR_EL1_UCT,
        sctlr | SCTLR_EL1_A,
        sctlr | SCTLR_EL1_E0E | SCTLR_EL1_UCI,
        sctlr,
        HCR_EL2_RW,
        HCR_EL2_RW | HCR_EL2_VM | HCR_EL2_IMO,
        HCR_EL2_RW | HCR_EL2_VM | HCR_EL2_TPCP | HCR_EL2_TPU | HCR_EL2_TTLB | HCR_EL2_TVM,
        HCR_EL2_RW | HCR_EL2_TDZ | HCR_EL2_TSC | HCR_EL2_TWE | HCR_EL2_BSU,
        EL1_TABLE | UINT64_C(1) << 48,
        EL1_TABLE | UINT64_C(2) << 48,
        CPACR_EL1_FPEN,
        0,
    };
    for (unsigned i = 0; i < ARRAY_COUNT(values); i++)
        world_write(m, VALUES + 8 * i, values[i]);
}

static void vectors_make(struct machine *m, uint64_t vectors, const uint32_t *words, size_t size)
{
    for (uint64_t at = 0; at < 0x800; at += 0x80) {
        if (at % 0x200 == 0x80)
            cr_assert(machine_poke(m, pa_make(vectors + at), handler_irq, sizeof handler_irq));
        else
            cr_assert(machine_poke(m, pa_make(vectors + at), words, size));
    }
}

static void tables_make(struct machine *m)
{
    const uint64_t stage2 = 0x7fd, stage2_device = 0x7c5; /* all may read and write, AF */
    world_write(m, EL1_TABLE, WORLD_BLOCK | WORLD_DEVICE);
    world_write(m, EL1_TABLE + 8, MAP_RAM | WORLD_BLOCK);
    world_write(m, EL1_TABLE + 16, WORLD_TABLE(2) | 3);
    world_write(m, EL1_TABLE + 24, MAP_RAM | WORLD_BLOCK | 0x40 | NOT_GLOBAL);
    world_write(m, WORLD_TABLE(1) + 24, MAP_RAM | WORLD_BLOCK | 0x40);
    world_write(m, STAGE2_TABLE, stage2_device);
    world_write(m, STAGE2_TABLE + 8, MAP_RAM | stage2);
    world_window(m, (WORLD_DATA + 0x1000) | USER_PAGE);
}

/* Of a few of the instructions, so that not every program forgets what it has done at once. */
static void program_make(struct machine *m, unsigned pe, uint64_t seed)
{
    uint32_t words[WORDS], some[SOME_MAX];
    uint64_t r = hash_mix(seed);
    unsigned kinds = 4 + (unsigned)(r >> 8) % (SOME_MAX - 3);
    unsigned count = ARRAY_COUNT(prologue) + 8 + (unsigned)(r >> 16) % (WORDS >> (r >> 40) % 6) / 2;
    for (unsigned i = 0; i < kinds; i++)
        some[i] = instructions[hash_mix(r + i) % ARRAY_COUNT(instructions)];
    memcpy(words, prologue, sizeof prologue);
    for (unsigned i = ARRAY_COUNT(prologue); i < count - 1; i++)
        words[i] = some[hash_mix(r + SOME_MAX + i) % kinds];
    words[count - 1] = A64_B_SELF | ((ARRAY_COUNT(prologue) - (count - 1)) & 0x3ffffff);
    cr_assert(machine_poke(m, pa_make(CODE_OF(pe)), words, count * sizeof *words));
    world_start(m, pe, words, 1);
    struct cpu *cpu = &m->state->cpu[pe];
    cpu->pc = CODE_OF(pe);
    cpu->el = (uint8_t)((r >> 48) % 3);
    cpu->spsel = cpu->el != 0;
    cpu->daif = r >> 60 & 1 ? PSTATE_D : PSTATE_DAIF;
}

static void system_registers_make(struct machine *m, unsigned pe)
{
    world_mmu_on(m, pe);
    world_set(m, pe, SR_CPTR_EL2, 0x33ff);
    world_set(m, pe, SR_CPACR_EL1, CPACR_EL1_FPEN);
    world_set(m, pe, SR_VBAR_EL1, VECTORS_EL1);
    world_set(m, pe, SR_MAIR_EL1, 0x00ff);
    world_set(m, pe, SR_TTBR0_EL1, EL1_TABLE | UINT64_C(1) << 48);
    world_set(m, pe, SR_TCR_EL1, field_put(TCR_EL1_T0SZ, 25) | TCR_EL1_EPD1 |
                                     field_put(TCR_EL1_IPS, 2));
    world_set(m, pe, SR_VTTBR_EL2, STAGE2_TABLE | UINT64_C(7) << 48);
    world_set(m, pe, SR_VTCR_EL2, VTCR_EL2_RES1 | field_put(VTCR_EL2_T0SZ, 25) |
                                      field_put(VTCR_EL2_SL0, 1) | field_put(VTCR_EL2_PS, 2));
    world_set(m, pe, SR_SCTLR_EL1, m->state->cpu[pe].reg[SR_SCTLR_EL1] | SCTLR_EL1_M);
    world_set(m, pe, SR_OSLSR_EL1, 0); /* the OS lock is open to self-hosted debug */
    world_set(m, pe, SR_CNTHCTL_EL2, CNTHCTL_EL2_EL1PCEN | CNTHCTL_EL2_EL1PCTEN);
}

/* Data are shared, at their own address for EL1 and EL2, in the alias for EL0. */
static void registers_make(struct machine *m, unsigned pe, uint64_t seed)
{
    struct cpu *cpu = &m->state->cpu[pe];
    for (unsigned el = 0; el < 3; el++)
        cpu->sp[el] = (el == 0 ? ALIAS - MAP_RAM : 0) + WORLD_DATA + 0x4000 + 0x400 * (el + 1);
    cpu->x[1] = WORLD_DATA + (hash_mix(seed) % 2 ? 0x40 : 0);
    cpu->x[7] = MDSCR_EL1_SS | MDSCR_EL1_KDE;
    cpu->x[8] = MAP_GICD;
    cpu->x[12] = WORLD_WINDOW >> PAGE_SHIFT;
    cpu->x[13] = A64_COUNT;
    cpu->x[14] = A64_NOP;
    cpu->x[15] = CODE_OF(pe) + 0x400 + 0x100 * (seed % 5);
    cpu->x[16] = cpu->x[1] - MAP_RAM + ALIAS;
    cpu->x[18] = VALUES;
    cpu->x[19] = MAP_GICC;
    cpu->x[20] = (WORLD_DATA + 0x1000) | USER_PAGE;
    cpu->x[21] = (WORLD_DATA + 0x1000) | USER_PAGE | WORLD_READ_ONLY;
    cpu->x[23] = WORLD_DATA | WORLD_PAGE | NOT_GLOBAL;
    cpu->x[24] = CPACR_EL1_FPEN;
    cpu->x[25] = WORLD_WINDOW_DESCRIPTOR;
    cpu->x[26] = WORLD_WINDOW;
    cpu->x[27] = EL1_TABLE | UINT64_C(1) << 48;
    cpu->x[28] = cpu->reg[SR_SCTLR_EL1];
    cpu->x[29] = HCR_EL2_RW;
    cpu->x[30] = CODE_OF(pe) + 4 * ARRAY_COUNT(prologue);
}

/* Kinds that are open together; the fast engine has its hot half with the first ones. */
static const uint32_t open_kinds[] = {
    0,
    1u << CHOICE_NEXT_CPU,
    1u << CHOICE_NEXT_CPU | 1u << CHOICE_IRQ_TAKE | 1u << CHOICE_EXCLUSIVE_FAIL |
        1u << CHOICE_LINE_ASSERT | 1u << CHOICE_UNKNOWN_VALUE,
    1u << CHOICE_NEXT_CPU | 1u << CHOICE_TLBI_DELIVER,
    1u << CHOICE_NEXT_CPU | 1u << CHOICE_SYSREG_EFFECTIVE,
    1u << CHOICE_NEXT_STEP | 1u << CHOICE_TLB_EVICT,
};

struct law_world {
    struct machine *m;
    uint64_t seed;
    uint64_t told; /* hash of all events that engines tell alike, in their order */
};

static void note(void *context, const struct event *e)
{
    struct law_world *w = context;
    w->told = hash_bytes(e, sizeof *e, w->told);
}

#define ON(kind) (UINT64_C(1) << EVENT_##kind)
#define TOLD                                                                                    \
    (ON(EFFECTIVE) | ON(WALK) | ON(TLB_FILL) | ON(TLB_GONE) | ON(TLBI) | ON(TLBI_DELIVER) |      \
     ON(TLBI_DONE) | ON(TLBI_LOCAL_DONE) | ON(EXC_TAKE) | ON(ERET) | ON(CONTEXT) | ON(LINE) |    \
     ON(GIC) | ON(WAIT) | ON(FIRMWARE) | ON(HOLD) | ON(INTERRUPT) | ON(PRIORITY))

static void world_open(struct law_world *w, enum engine_kind engine, uint64_t seed)
{
    struct machine_config config;
    struct error error;
    config_default(&config);
    snprintf(config.model, sizeof config.model, seed % 2 ? "cortex-a57" : "neoverse-n1");
    config.pe_count = 1 + (unsigned)(seed % PES);
    config.quantum = seed % 3 == 0 ? 1000 : seed % 3 == 1 ? 50 : 5;
    config.ram_bytes = 16u << 20;
    config.timing_flat = seed / 2 % 2 == 0;
    config.tlb_core = seed / 4 % 4 == 3;
    struct machine *m = machine_new(&config, &error);
    cr_assert_not_null(m, "%s", error.text);
    *w = (struct law_world){.m = m, .seed = seed};
    m->engine = engine;
    m->chooser.policy = CHOICE_SEEDED;
    m->chooser.seed = seed;
    m->chooser.rate = 1 + (uint32_t)(seed % 30);
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        program_make(m, pe, seed * PES + pe);
        system_registers_make(m, pe);
        registers_make(m, pe, seed * PES + pe);
    }
    tables_make(m);
    values_make(m);
    vectors_make(m, WORLD_VECTORS, handler_el2, sizeof handler_el2);
    vectors_make(m, VECTORS_EL1, handler_el1, sizeof handler_el1);
    for (unsigned pe = 0; pe < m->config.pe_count; pe++)
        core_tell_context(&m->core[pe]); /* as whoever goes back takes for granted */
    events_attach(&m->events, note, w, TOLD);
}

/* An observer that changes its mind: of the events that it hears some make it do so. */
static void hear(void *context, const struct event *e)
{
    struct law_world *w = context;
    struct machine *m = w->m;
    uint64_t r = hash_mix(w->seed * 1000003 + e->step * 64 + e->kind);
    unsigned pe = (unsigned)(r >> 8) % m->config.pe_count;
    const uint64_t pages[] = {WORLD_DATA, WORLD_DATA + 0x1000, WORLD_TABLE(3), CODE_OF(pe),
                              CODE_OF(pe) + PAGE_BYTES, WORLD_VECTORS};
    pa_t page = pa_make(align_down(pages[(r >> 16) % ARRAY_COUNT(pages)], PAGE_BYTES));
    if (r % 16 == 0)
        machine_watch_page(m, page, WATCHER_SESSION, r >> 32 & 1);
    else if (r % 16 == 1)
        machine_watch_fetches(m, page, (unsigned)(r >> 32) % 8);
    else if (r % 64 == 2)
        events_need(&m->events, hear, w, pe, r >> 32);
    else if (r % 64 == 3)
        m->events.renew++;
}

#define HEARD                                                                                   \
    (ON(HOLD) | ON(EXC_TAKE) | ON(ERET) | ON(TLB_FILL) | ON(BARRIER) | ON(SYSTEM) | ON(SYSREG) |  \
     ON(VREG) | ON(WATCH_STORE) | ON(FETCH_PAGE))

/* To a step or the end; break points are passed. */
static enum machine_stop run_to(struct machine *m, uint64_t step)
{
    enum machine_stop stop = MACHINE_BREAK;
    while (stop == MACHINE_BREAK)
        stop = machine_run(m, step);
    return stop;
}

static void break_somewhere(struct machine *m, uint64_t r)
{
    m->break_on = r % 4 == 0;
    m->break_pe = r % 8 == 0 ? -1 : (int)((r >> 8) % m->config.pe_count);
    m->break_pc = (r >> 16 & 3) == 0 ? WORLD_VECTORS + 0x400
                                     : CODE_OF((r >> 24) % m->config.pe_count) +
                                           4 * ((r >> 32) % WORDS);
}

/* One part in both; false when they have ended. */
static bool part(struct law_world *precise, struct law_world *fast, uint64_t r)
{
    struct machine *m = fast->m;
    uint64_t step = m->state->step + 1 + (r >> 20) % (UINT64_C(1) << (r >> 40) % 12);
    uint32_t kinds = r >> 12 & 3 ? open_kinds[fast->seed / 6 % ARRAY_COUNT(open_kinds)] : 0;
    precise->m->chooser.open_mask = m->chooser.open_mask = kinds;
    break_somewhere(m, hash_mix(r));
    if (r % 8 == 0) {
        struct machine_snapshot *s = machine_save(m);
        uint64_t told = fast->told;
        size_t count = m->chooser.record_count;
        run_to(m, step + (r >> 50) % 300);
        machine_restore(m, s);
        fast->told = told;
        m->chooser.record_count = count;
        machine_snapshot_free(s);
    }
    enum machine_stop stop = run_to(m, step);
    cr_assert_eq(run_to(precise->m, step), stop, "seed %lu, step %lu", (unsigned long)fast->seed,
                 (unsigned long)step);
    cr_assert_eq(machine_hash(precise->m), machine_hash(m), "seed %lu: differ at step %lu",
                 (unsigned long)fast->seed, (unsigned long)step);
    cr_assert_eq(precise->told, fast->told, "seed %lu: other events before step %lu",
                 (unsigned long)fast->seed, (unsigned long)step);
    const struct chooser *a = &precise->m->chooser, *b = &m->chooser;
    cr_assert(a->record_count == b->record_count, "seed %lu: other answers before step %lu",
              (unsigned long)fast->seed, (unsigned long)step);
    cr_assert(a->record_count == 0 ||
              memcmp(a->record, b->record, a->record_count * sizeof *a->record) == 0,
              "seed %lu: other answers before step %lu", (unsigned long)fast->seed,
              (unsigned long)step);
    return stop == MACHINE_LIMIT;
}

static void law(bool observed)
{
    uint64_t seeds = getenv("LONG") ? 4000 : 250, hot = 0, all = 0;
    for (uint64_t seed = 0; seed < seeds; seed++) {
        struct law_world precise, fast;
        world_open(&precise, ENGINE_KIND_PRECISE, seed);
        world_open(&fast, ENGINE_KIND_FAST, seed);
        if (observed)
            events_attach(&fast.m->events, hear, &fast, HEARD);
        for (uint64_t r = seed; fast.m->state->step < STEPS; r = hash_mix(r + 1)) {
            if (!part(&precise, &fast, r))
                break;
        }
        hot += hot_insns(fast.m);
        all += fast.m->state->step;
        machine_free(precise.m);
        machine_free(fast.m);
    }
    cr_assert_gt(hot, all / 20, "%lu of %lu", (unsigned long)hot, (unsigned long)all);
}

Test(engines_random, agree)
{
    law(false);
}

Test(engines_random, agree_whoever_looks_on)
{
    law(true);
}
