/*
 * Checkers judge the same whatever engine runs and wherever its parts end: random programs that
 * write system registers and use them too early, with sync alone and with all that boots of Linux
 * are checked by, in both engines, straight on and going back. Every finding, every count, the
 * checkers' whole state and the machine's are equal.
 */
#include "cpu/direct.h"
#include "tests/unit/check_world.h"

#define WORDS 500u
#define STEPS UINT64_C(30000)
#define FOUND_MAX 512u
#define VECTORS_EL1 (MAP_RAM + 0x9000)
#define OTHER_TABLE(level) (MAP_RAM + 0x50000 + 0x1000 * (uint64_t)(level))
#define LINUX                                                                                   \
    (1u << CHECK_VMID | 1u << CHECK_TLB | 1u << CHECK_BBM | 1u << CHECK_OWNER | 1u << CHECK_LR | \
     1u << CHECK_IRQ | 1u << CHECK_SYNC | 1u << CHECK_EL2)

static const uint32_t plain[] = {
    0x9100054a, /* add x10, x10, #1 */
    0x9b0a7d4b, /* mul x11, x10, x10 */
    0xca0a016c, /* eor x12, x11, x10 */
    0xeb0a018d, /* subs x13, x12, x10 */
    0x9a8cb1ae, /* csel x14, x13, x12, lt */
    A64_NOP,
};

/* Writers of registers, their users, and what ends the wait. */
static const uint32_t system_words[] = {
    0xd51c1154, /* msr cptr_el2, x20: open */
    0xd51c1155, /* msr cptr_el2, x21: trapped */
    0xd5181056, /* msr cpacr_el1, x22: open */
    0xd5181057, /* msr cpacr_el1, x23: trapped */
    0x9e670020, /* fmov d0, x1 */
    0x1e602801, /* fadd d1, d0, d0 */
    0xfd000020, /* str d0, [x1] */
    0xfd400022, /* ldr d2, [x1] */
    0x4ea08423, /* add v3.4s, v1.4s, v0.4s */
    0x1e612000, /* fcmp d0, d1 */
    0xd51c2018, /* msr ttbr0_el2, x24 */
    0xd51c2019, /* msr ttbr0_el2, x25: the window is elsewhere */
    0xd5182018, /* msr ttbr0_el1, x24 */
    0xd5182019, /* msr ttbr0_el1, x25 */
    0xd51ca210, /* msr mair_el2, x16 */
    0xd51ca211, /* msr mair_el2, x17: another memory type */
    0xd51c211b, /* msr vttbr_el2, x27 */
    0xd51c211c, /* msr vttbr_el2, x28: another VMID */
    0xd51cc012, /* msr vbar_el2, x18 */
    0xd51cc013, /* msr vbar_el2, x19 */
    0xd518c012, /* msr vbar_el1, x18 */
    0xd518c013, /* msr vbar_el1, x19 */
    0xf9400342, /* ldr x2, [x26]: the window */
    0xf9000742, /* str x2, [x26, #8] */
    0xf9400022, /* ldr x2, [x1] */
    0xf9000822, /* str x2, [x1, #16] */
    0xd50b7421, /* dc zva, x1 */
    0xd508871f, /* tlbi vmalle1 */
    0xd50c871f, /* tlbi alle2 */
    0xd50c873d, /* tlbi vae2, x29 */
    0xd50c781a, /* at s1e2r, x26 */
    0xd508781a, /* at s1e1r, x26 */
    0xd5387403, /* mrs x3, par_el1 */
    0xd5381004, /* mrs x4, sctlr_el1 */
    0xd518d085, /* msr tpidr_el1, x5 */
    0xd538d085, /* mrs x5, tpidr_el1 */
    0xd50342df, /* msr daifset, #2 */
    0xd53b4226, /* mrs x6, daif */
    0xd51b4226, /* msr daif, x6 */
    A64_DSB_ISH,
    0xd5033bbf, /* dmb ish */
    A64_ISB,
    A64_ISB,
    0xd4000001, /* svc #0 */
    0xd4000002, /* hvc #0 */
    /* From here on self-hosted debug, which takes the fast engine away: */
    0xd5100247, /* msr mdscr_el1, x7: software step at EL1 */
    0xd510025f, /* msr mdscr_el1, xzr */
    0xd50348ff, /* msr daifclr, #8 */
};
#define DEBUG_WORDS 3u

/* Returns behind the instruction that took the exception. */
static void handler(struct machine *m, uint64_t vectors, unsigned el)
{
    const uint32_t words[] = {
        el == 2 ? 0xd53c5209 : 0xd5385209, /* mrs x9, esr_elN */
        0xd35afd29,                        /* lsr x9, x9, #26 */
        0xf100553f,                        /* cmp x9, #0x15: SVC */
        0x540000c0,                        /* b.eq to the end */
        0xf100593f,                        /* cmp x9, #0x16: HVC */
        0x54000080,                        /* b.eq to the end */
        el == 2 ? 0xd53c4029 : 0xd5384029, /* mrs x9, elr_elN */
        0x91001129,                        /* add x9, x9, #4 */
        el == 2 ? 0xd51c4029 : 0xd5184029, /* msr elr_elN, x9 */
        0xd69f03e0,                        /* eret */
    };
    for (uint64_t at = 0; at < 0x1000; at += 0x80)
        cr_assert(machine_poke(m, pa_make(vectors + at), words, sizeof words));
}

static void program(struct machine *m, unsigned pe, uint64_t seed, bool debugs)
{
    uint32_t words[WORDS];
    size_t count = ARRAY_COUNT(system_words) - (debugs ? 0 : DEBUG_WORDS);
    unsigned busy = 1 + (unsigned)(hash_mix(seed) % 12); /* how much of it is plain */
    for (unsigned i = 0; i < WORDS - 1; i++) {
        uint64_t r = hash_mix(seed * WORDS + i);
        words[i] = r % 16 < busy ? plain[(r >> 8) % ARRAY_COUNT(plain)]
                                 : system_words[(r >> 8) % count];
    }
    words[WORDS - 1] = A64_B_SELF | ((0u - (WORDS - 1)) & 0x3ffffff);
    world_start(m, pe, words, WORDS);
}

static void registers(struct machine *m, unsigned pe, unsigned el)
{
    struct cpu *cpu = &m->state->cpu[pe];
    uint64_t vectors = el == 2 ? WORLD_VECTORS : VECTORS_EL1;
    world_mmu_on(m, pe);
    cpu->el = (uint8_t)el;
    world_set(m, pe, SR_CPTR_EL2, 0x33ff);
    world_set(m, pe, SR_CPACR_EL1, CPACR_EL1_FPEN);
    world_set(m, pe, SR_VBAR_EL1, VECTORS_EL1);
    world_set(m, pe, SR_MAIR_EL1, 0x00ff);
    world_set(m, pe, SR_TTBR0_EL1, WORLD_TABLE(1));
    world_set(m, pe, SR_TCR_EL1, field_put(TCR_EL1_T0SZ, 25) | TCR_EL1_EPD1 |
                                     field_put(TCR_EL1_IPS, 2));
    world_set(m, pe, SR_SCTLR_EL1, cpu->reg[SR_SCTLR_EL1] | SCTLR_EL1_M);
    world_set(m, pe, SR_OSLSR_EL1, 0); /* the OS lock is open to self-hosted debug */
    cpu->x[6] = 0;
    cpu->x[7] = MDSCR_EL1_SS | MDSCR_EL1_KDE;
    cpu->x[16] = 0x00ff;
    cpu->x[17] = 0x0044;
    cpu->x[18] = vectors;
    cpu->x[19] = vectors + 0x800;
    cpu->x[20] = 0x33ff;
    cpu->x[21] = 0x37ff;
    cpu->x[22] = CPACR_EL1_FPEN;
    cpu->x[24] = WORLD_TABLE(1);
    cpu->x[25] = OTHER_TABLE(1);
    cpu->x[26] = WORLD_WINDOW;
    cpu->x[27] = ROOT_A | UINT64_C(5) << 48;
    cpu->x[28] = ROOT_A | UINT64_C(6) << 48;
    cpu->x[29] = WORLD_WINDOW >> PAGE_SHIFT;
}

struct world {
    struct machine *m;
    struct checks *checks;
    unsigned count;
    struct finding found[FOUND_MAX];
};

/* PE 0 at EL2, PE 1 at EL1. */
static struct world *world_open(enum engine_kind engine, uint32_t mask, uint64_t seed,
                                unsigned quantum, bool early)
{
    struct world *w = calloc(1, sizeof *w);
    cr_assert_not_null(w);
    w->m = world_machine(2, quantum);
    w->m->engine = engine;
    if (early) {
        w->m->chooser.policy = CHOICE_SEEDED;
        w->m->chooser.seed = seed;
        w->m->chooser.rate = 3;
        w->m->chooser.open_mask = 1u << CHOICE_SYSREG_EFFECTIVE;
    }
    struct check_options options = {.mask = mask, .sites_per_class = 64};
    w->checks = checks_new(w->m, &options);
    for (unsigned pe = 0; pe < 2; pe++) {
        program(w->m, pe, 2 * seed + pe, early);
        registers(w->m, pe, 2 - pe);
    }
    for (unsigned pe = 0; pe < 2; pe++)
        core_tell_context(&w->m->core[pe]); /* as whoever goes back takes for granted */
    handler(w->m, WORLD_VECTORS, 2);
    handler(w->m, VECTORS_EL1, 1);
    world_window(w->m, WORLD_DATA | WORLD_PAGE);
    world_write(w->m, OTHER_TABLE(1), WORLD_BLOCK | WORLD_DEVICE);
    world_write(w->m, OTHER_TABLE(1) + 8, MAP_RAM | WORLD_BLOCK);
    world_write(w->m, OTHER_TABLE(1) + 16, OTHER_TABLE(2) | 3);
    world_write(w->m, OTHER_TABLE(2), OTHER_TABLE(3) | 3);
    world_write(w->m, OTHER_TABLE(3), (WORLD_DATA + 0x1000) | WORLD_PAGE);
    return w;
}

static void world_close(struct world *w)
{
    checks_free(w->checks);
    machine_free(w->m);
    free(w);
}

/* Goes to a step, and keeps what is found on the way. */
static void world_run(struct world *w, uint64_t step)
{
    while (w->m->state->step < step) {
        machine_run(w->m, step);
        const struct finding *f = checks_finding(w->checks);
        if (!f)
            continue;
        cr_assert_lt(w->count, FOUND_MAX);
        w->found[w->count++] = *f;
        checks_go_on(w->checks);
    }
}

/* The same in parts, each of them also once too far and back again. */
static void world_run_in_parts(struct world *w, uint64_t seed)
{
    size_t size = checks_state_size(w->checks);
    void *kept = malloc(size);
    cr_assert_not_null(kept);
    while (w->m->state->step < STEPS) {
        uint64_t r = hash_mix(seed + w->m->state->step);
        uint64_t step = w->m->state->step + 1 + r % (UINT64_C(1) << (r >> 32) % 13);
        struct machine_snapshot *s = machine_save(w->m);
        unsigned count = w->count;
        checks_save(w->checks, kept);
        world_run(w, step + (r >> 40) % 300);
        machine_restore(w->m, s);
        checks_restore(w->checks, kept);
        machine_snapshot_free(s);
        w->count = count;
        world_run(w, step < STEPS ? step : STEPS);
    }
    free(kept);
}

static void expect_same(const struct world *a, const struct world *b, uint64_t seed)
{
    size_t size = checks_state_size(a->checks);
    for (unsigned i = 0; i < a->count && i < b->count; i++) {
        const struct finding *f = &a->found[i], *g = &b->found[i];
        cr_assert_eq(memcmp(f, g, sizeof *f), 0, "seed %lu, finding %u: step %lu %s, step %lu %s",
                     (unsigned long)seed, i, (unsigned long)f->step, f->text,
                     (unsigned long)g->step, g->text);
    }
    cr_assert_eq(a->count, b->count, "seed %lu", (unsigned long)seed);
    cr_assert_eq(machine_hash(a->m), machine_hash(b->m), "seed %lu", (unsigned long)seed);
    void *x = calloc(1, size), *y = calloc(1, size);
    cr_assert(x && y);
    checks_save(a->checks, x);
    checks_save(b->checks, y);
    cr_assert_eq(memcmp(x, y, size), 0, "seed %lu: state of checkers", (unsigned long)seed);
    free(x);
    free(y);
}

/* Which kinds of findings there were: bit per name of the list. */
static uint32_t kinds_of(const struct world *w)
{
    static const char names[][12] = {"translation", "tlbi", "at", "par", "trap", "vectors"};
    uint32_t kinds = 0;
    for (unsigned i = 0; i < w->count; i++) {
        for (unsigned k = 0; w->found[i].check == CHECK_SYNC && k < ARRAY_COUNT(names); k++)
            kinds |= (uint32_t)(strcmp(w->found[i].kind, names[k]) == 0) << k;
    }
    return kinds;
}

static void law(uint32_t mask, unsigned quantum, bool early)
{
    unsigned seeds = getenv("LONG") ? 400 : 8;
    uint64_t hot = 0;
    uint32_t kinds = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct world *precise = world_open(ENGINE_KIND_PRECISE, mask, seed, quantum, early);
        struct world *fast = world_open(ENGINE_KIND_FAST, mask, seed, quantum, early);
        struct world *parts = world_open(ENGINE_KIND_FAST, mask, seed, quantum, early);
        world_run(precise, STEPS);
        world_run(fast, STEPS);
        world_run_in_parts(parts, seed);
        expect_same(precise, fast, seed);
        expect_same(precise, parts, seed);
        hot += fast->m->core[0].cache->hot_insns + fast->m->core[1].cache->hot_insns;
        kinds |= kinds_of(precise);
        world_close(precise);
        world_close(fast);
        world_close(parts);
    }
    cr_assert_eq(kinds, 0x3fu, "all that sync can find: 0x%x", (unsigned)kinds);
    if (!early)
        cr_assert_gt(hot, seeds * STEPS / 10, "the fast engine has its hot half");
}

Test(check_engines, sync_judges_the_same)
{
    law(1u << CHECK_SYNC, 1000, false);
}

Test(check_engines, sync_judges_the_same_in_short_turns)
{
    law(1u << CHECK_SYNC, 37, false);
}

Test(check_engines, sync_judges_the_same_where_writes_come_into_effect_early)
{
    law(1u << CHECK_SYNC, 1000, true);
}

Test(check_engines, all_judge_the_same)
{
    law(LINUX, 1000, false);
}
