/*
 * Checkers sync, regs and emul: what one context may see of another, when register writes count,
 * and what an emulated instruction may change. sync is shown by real programs, in both engines.
 */
#include "tests/unit/check_world.h"

#include "gen/esr.h"

#define ONLY_SYNC (1u << CHECK_SYNC)
#define ONLY_REGS (1u << CHECK_REGS)
#define ONLY_EMUL (1u << CHECK_EMUL)
#define VCPU(n) (UINT64_C(0x80000000) | (n))

#define A64_MSR_VTTBR_X0 0xd51c2100u
#define A64_MSR_VBAR_EL2_X0 0xd51cc000u
#define A64_MSR_TTBR0_EL2_X0 0xd51c2000u
#define A64_MSR_TTBR0_EL1_X0 0xd5182000u
#define A64_TLBI_VMALLE1 0xd508871fu
#define A64_TLBI_ALLE1 0xd50c879fu
#define A64_AT_S12E1R_X1 0xd50c7881u
#define A64_MRS_X2_PAR 0xd5387402u
#define A64_MSR_CPTR_X0 0xd51c1140u
#define A64_FMOV_D0_X1 0x9e670020u
#define A64_SVC 0xd4000001u

static void expect(struct check_world *w, const char *kind)
{
    const struct finding *f = found(w);
    if (kind) {
        cr_assert_not_null(f, "%s is expected", kind);
        cr_assert_str_eq(f->kind, kind);
        cr_assert_geq(f->event_count, 2);
    } else {
        cr_assert_null(f, "%s: %s", f ? f->kind : "", f ? f->text : "");
    }
    check_world_close(w);
}

/* A program of four words at EL2 with its MMU on, X0 as given, in both engines. */
static void program(const uint32_t words[4], uint64_t x0, const char *kind)
{
    WORLD_ENGINES(engine)
    {
        struct check_world w = check_world(ONLY_SYNC, false, 0);
        w.m->engine = engine;
        struct cpu *cpu = WORLD_START(w.m, 0, words[0], words[1], words[2], words[3], A64_NOP,
                                      A64_B_SELF);
        world_mmu_on(w.m, 0);
        world_set(w.m, 0, SR_CPTR_EL2, 0x33ff);
        cpu->x[0] = x0;
        w.m->state->cpu[1].wait = CPU_IS_OFF;
        machine_run(w.m, 5);
        expect(&w, kind);
    }
}
#define PROGRAM(x0, kind, ...) program((const uint32_t[4]){__VA_ARGS__}, x0, kind)

Test(check_context, a_tlbi_under_a_vmid_that_is_not_in_effect)
{
    const uint64_t vttbr = ROOT_A | UINT64_C(5) << 48;
    PROGRAM(vttbr, "tlbi", A64_MSR_VTTBR_X0, A64_TLBI_VMALLE1, A64_NOP, A64_NOP);
    PROGRAM(vttbr, NULL, A64_MSR_VTTBR_X0, A64_ISB, A64_TLBI_VMALLE1, A64_NOP);
    PROGRAM(vttbr, NULL, A64_MSR_VTTBR_X0, A64_TLBI_ALLE1, A64_NOP, A64_NOP);
    PROGRAM(ROOT_A, NULL, A64_MSR_VTTBR_X0, A64_TLBI_VMALLE1, A64_NOP, A64_NOP);
}

Test(check_context, a_table_that_leads_elsewhere_and_is_used_before_an_isb)
{
    PROGRAM(WORLD_TABLE(2), "translation", A64_MSR_TTBR0_EL2_X0, A64_NOP, A64_ISB, A64_NOP);
    PROGRAM(WORLD_TABLE(2), NULL, A64_MSR_TTBR0_EL1_X0, A64_NOP, A64_ISB, A64_NOP);
    PROGRAM(WORLD_TABLE(1), NULL, A64_MSR_TTBR0_EL2_X0, A64_NOP, A64_ISB, A64_NOP);
}

Test(check_context, par_read_behind_at)
{
    PROGRAM(0, "par", A64_AT_S12E1R_X1, A64_MRS_X2_PAR, A64_NOP, A64_NOP);
    PROGRAM(0, NULL, A64_AT_S12E1R_X1, A64_ISB, A64_MRS_X2_PAR, A64_NOP);
    PROGRAM(0, NULL, A64_MRS_X2_PAR, A64_NOP, A64_NOP, A64_NOP);
}

Test(check_context, vectors_before_they_are_in_effect)
{
    PROGRAM(MAP_RAM + 0x9000, "vectors", A64_MSR_VBAR_EL2_X0, A64_SVC, A64_NOP, A64_NOP);
    PROGRAM(MAP_RAM + 0x9000, NULL, A64_MSR_VBAR_EL2_X0, A64_ISB, A64_SVC, A64_NOP);
    PROGRAM(WORLD_VECTORS, NULL, A64_MSR_VBAR_EL2_X0, A64_SVC, A64_NOP, A64_NOP);
}

Test(check_context, a_trap_that_is_not_in_effect_yet)
{
    PROGRAM(0x37ff, "trap", A64_MSR_CPTR_X0, A64_FMOV_D0_X1, A64_NOP, A64_NOP);
    PROGRAM(0x37ff, NULL, A64_MSR_CPTR_X0, A64_ISB, A64_FMOV_D0_X1, A64_NOP);
    PROGRAM(0x33ff, NULL, A64_MSR_CPTR_X0, A64_FMOV_D0_X1, A64_NOP, A64_NOP);
}

/* Which PEs sync needs each instruction of. */
static unsigned needed(const struct check_world *w)
{
    const struct events *e = &w->m->events;
    return (e->needs[0] >> EVENT_VREG & 1u) | (unsigned)(e->needs[1] >> EVENT_VREG & 1u) << 1;
}

/* PE 1 writes a trap of floating point and synchronizes 3 instructions behind; PE 0 another one. */
static struct check_world trap_world(enum engine_kind engine, uint32_t mask)
{
    struct check_world w = check_world(mask, false, 0);
    w.m->engine = engine;
    WORLD_START(w.m, 0, A64_MSR_VBAR_EL2_X0, A64_NOP, A64_NOP, A64_NOP, A64_NOP, A64_B_SELF);
    WORLD_START(w.m, 1, A64_MSR_CPTR_X0, A64_NOP, A64_NOP, A64_NOP, A64_ISB, A64_B_SELF);
    for (unsigned pe = 0; pe < 2; pe++) {
        world_mmu_on(w.m, pe);
        world_set(w.m, pe, SR_CPTR_EL2, 0x33ff);
        w.m->state->cpu[pe].x[0] = 0x37ff;
    }
    return w;
}

Test(check_context, each_instruction_is_needed_while_a_trap_waits)
{
    WORLD_ENGINES(engine)
    {
        struct check_world w = trap_world(engine, ONLY_SYNC);
        for (uint64_t step = 0; step < 14; step++) {
            unsigned ran = (unsigned)(step + 1) / 2; /* of PE 1, in turns with PE 0 */
            machine_run(w.m, step + 1);
            cr_assert_eq(w.m->state->step, step + 1);
            cr_assert_eq(needed(&w), ran >= 1 && ran < 5 ? 2u : 0u, "step %lu",
                         (unsigned long)step);
            cr_assert_eq(core_may_run_fast(&w.m->core[1]), needed(&w) == 0);
            cr_assert(core_may_run_fast(&w.m->core[0]), "another PE's matter");
        }
        expect(&w, NULL);
    }
}

Test(check_context, what_is_needed_goes_back_with_the_state)
{
    struct check_world w = trap_world(ENGINE_KIND_FAST, ONLY_SYNC);
    size_t size = checks_state_size(w.checks);
    void *none = malloc(size), *waits = malloc(size);
    cr_assert(none && waits);
    checks_save(w.checks, none);
    machine_run(w.m, 4);
    cr_assert_eq(needed(&w), 2);
    checks_save(w.checks, waits);
    struct machine_snapshot *s = machine_save(w.m);
    machine_run(w.m, 14);
    cr_assert_eq(needed(&w), 0);
    machine_restore(w.m, s);
    checks_restore(w.checks, waits);
    machine_snapshot_free(s);
    cr_assert_eq(needed(&w), 2);
    cr_assert_not(core_may_run_fast(&w.m->core[1]));
    checks_restore(w.checks, none);
    cr_assert_eq(needed(&w), 0);
    checks_restore(w.checks, waits);
    send(&w, EVENT_EXIT, 0, (struct event){.exit = {.how = EXIT_RESET - EXIT_OFF}});
    cr_assert_eq(needed(&w), 0, "a reset machine waits for nothing");
    free(none);
    free(waits);
    expect(&w, NULL);
}

Test(check_context, who_needs_each_instruction_anyway_gets_it)
{
    struct check_world w = trap_world(ENGINE_KIND_FAST, ONLY_SYNC | 1u << CHECK_CACHE);
    cr_assert_not(core_may_run_fast(&w.m->core[0]), "cache looks at RETIRE");
    cr_assert_eq(needed(&w), 0);
    expect(&w, NULL);
}

/* --- regs ------------------------------------------------------------------------------------ */

static void enters(struct check_world *w, uint64_t root, unsigned vcpu, uint64_t pc)
{
    w->m->state->cpu[0].el = 2;
    world_set(w->m, 0, SR_HCR_EL2, HCR_EL2_RW | HCR_EL2_VM);
    world_set(w->m, 0, SR_VTTBR_EL2, root | UINT64_C(5) << 48);
    world_set(w->m, 0, SR_VMPIDR_EL2, VCPU(vcpu));
    send(w, EVENT_ERET, 0,
         (struct event){.eret = {.from_el = 2, .to_el = 1, .pc = pc, .spsr = 5}});
    w->m->state->cpu[0].el = 1;
    send(w, EVENT_CONTEXT, 0,
         (struct event){.context = {.live = 1, .vmid = 5, .root = root, .vmpidr = VCPU(vcpu)}});
}

static void leaves(struct check_world *w, uint64_t esr, uint64_t pc)
{
    world_set(w->m, 0, SR_SPSR_EL2, 5);
    send(w, EVENT_EXC_TAKE, 0,
         (struct event){.exc_take = {.from_el = 1, .to_el = 2, .esr = esr, .far = 0x9000000,
                                     .pc = pc}});
    w->m->state->cpu[0].el = 2;
    send(w, EVENT_CONTEXT, 0, (struct event){.context = {.live = 0}});
}

static void system_register(struct check_world *w, unsigned el, enum sysreg reg, bool write)
{
    struct event e = {.system = {.reg = reg, .write = write, .value = 0x123456}};
    e.el = (uint8_t)el;
    send(w, EVENT_SYSTEM, 0, e);
}

/* vCPU 0 writes a register; EL2 may or may not; vCPU n of a root reads it. */
static void register_story(enum sysreg reg, bool el2_writes, uint64_t root, unsigned n,
                           const char *kind)
{
    struct check_world w = check_world(ONLY_REGS, false, 0);
    enters(&w, ROOT_A, 0, 0x4000);
    system_register(&w, 1, reg == SR_PAR_EL1 ? SR_AT_S1E1R : reg, true);
    leaves(&w, 0, 0x4004);
    if (el2_writes)
        system_register(&w, 2, reg, true);
    enters(&w, root, n, 0x4000);
    system_register(&w, 1, reg, false);
    expect(&w, kind);
}

Test(check_context, a_system_register_of_another_vcpu)
{
    register_story(SR_TPIDR_EL1, false, ROOT_B, 0, "system-register");
    register_story(SR_TPIDR_EL1, false, ROOT_A, 1, "system-register");
    register_story(SR_TPIDR_EL1, false, ROOT_A, 0, NULL);
    register_story(SR_TPIDR_EL1, true, ROOT_B, 0, NULL);
    register_story(SR_PAR_EL1, false, ROOT_A, 1, "system-register");
    register_story(SR_PAR_EL1, true, ROOT_A, 1, NULL);
    register_story(SR_SCTLR_EL1, true, ROOT_B, 0, NULL);
}

Test(check_context, a_register_that_the_hardware_uses_at_once)
{
    struct check_world w = check_world(ONLY_REGS, false, 0);
    enters(&w, ROOT_A, 0, 0x4000);
    system_register(&w, 1, SR_SCTLR_EL1, true);
    leaves(&w, 0, 0x4004);
    enters(&w, ROOT_B, 0, 0x4000);
    expect(&w, "system-register");
}

/* vCPU 1 is left, vCPU 0 runs, vCPU 1 comes back with X9 and V3 as given. */
static void file_story(uint64_t x9, uint64_t v3, bool fp_traps, const char *kind)
{
    struct check_world w = check_world(ONLY_REGS, false, 0);
    struct cpu *cpu = &w.m->state->cpu[0];
    world_set(w.m, 0, SR_CPTR_EL2, fp_traps ? CPTR_EL2_TFP : 0);
    enters(&w, ROOT_A, 1, 0x4000);
    cpu->x[9] = 0x1111111;
    cpu->v[3][0] = 0x3333333;
    leaves(&w, 0, 0x4000);
    cpu->x[9] = cpu->v[3][0] = 0;
    enters(&w, ROOT_A, 0, 0x4000);
    cpu->x[9] = 0x2222222;
    cpu->v[3][0] = 0x4444444;
    leaves(&w, 0, 0x4000);
    cpu->x[9] = x9;
    cpu->v[3][0] = v3;
    enters(&w, ROOT_A, 1, 0x4000);
    expect(&w, kind);
}

Test(check_context, registers_that_were_not_switched)
{
    file_story(0x1111111, 0x3333333, false, NULL);
    file_story(0x2222222, 0x3333333, false, "register");
    file_story(0x1111111, 0x4444444, false, "register");
    file_story(0x1111111, 0x4444444, true, NULL);
    file_story(0x5555555, 0x3333333, false, NULL); /* what EL2 gave it */
}

/* --- emul ------------------------------------------------------------------------------------ */

struct emulation {
    uint32_t word;
    uint64_t iss; /* beside the class: stage 2 translation fault of level 3 */
    unsigned changed;
    uint64_t value;
    uint64_t skip;
    const char *kind;
};

static void emulation_story(const struct emulation *s)
{
    const uint64_t pc = MAP_RAM + 0x300000;
    struct check_world w = check_world(ONLY_EMUL, false, 0);
    struct cpu *cpu = &w.m->state->cpu[0];
    world_write(w.m, ROOT_A + 8, MAP_RAM | 0x7fd); /* a block of 1 GiB */
    world_set(w.m, 0, SR_SCTLR_EL1, 0);
    world_set(w.m, 0, SR_VTCR_EL2,
              field_put(VTCR_EL2_T0SZ, 25) | field_put(VTCR_EL2_SL0, 1) |
                  field_put(VTCR_EL2_PS, 2));
    cr_assert(machine_poke(w.m, pa_make(pa_make(pc).bits), &s->word, sizeof s->word));
    enters(&w, ROOT_A, 0, pc);
    cpu->x[1] = 0x9000000;
    leaves(&w, (UINT64_C(0x24) << 26) | s->iss | 7, pc);
    if (s->changed < 31)
        cpu->x[s->changed] = s->value;
    world_write(w.m, pc, 0); /* what is there now does not count */
    enters(&w, ROOT_A, 0, pc + s->skip);
    expect(&w, s->kind);
}

Test(check_context, what_an_emulated_instruction_may_change)
{
    const uint64_t isv = 1u << 24, byte = 0, half = 1u << 22, sse = 1u << 21, x5 = 5u << 16,
                   sf = 1u << 15, wnr = 1u << 6;
    static const unsigned none = 32;
    const struct emulation stories[] = {
        /* LDRB W5, [X1] */
        {0x39400025, isv | byte | x5, 5, 0xab, 4, NULL},
        {0x39400025, isv | byte | x5, 5, 0x1ab, 4, "wrong-size"},
        {0x39400025, isv | byte | x5, 6, 0xab, 4, "side-effect"},
        {0x39400025, isv | byte | x5, none, 0, 0, NULL},
        {0x39400025, isv | byte | x5, 5, 0xab, 0, "side-effect"},
        /* LDRSH X5, [X1] */
        {0x79800025, isv | half | sse | sf | x5, 5, UINT64_C(0xffffffffffff8001), 4, NULL},
        {0x79800025, isv | half | sse | sf | x5, 5, 0x8001, 4, "wrong-size"},
        /* STR W5, [X1] */
        {0xb9000025, isv | (2u << 22) | x5 | wnr, none, 0, 4, NULL},
        {0xb9000025, isv | (2u << 22) | x5 | wnr, 5, 0x99, 4, "side-effect"},
        /* STR W5, [X1], #4: no syndrome */
        {0xb8004425, wnr, 1, 0x9000004, 4, NULL},
        {0xb8004425, wnr, none, 0, 4, "writeback"},
        {0xb8004425, wnr, 1, 0x9000008, 4, "writeback"},
        {0xb8004425, wnr, 1, 0x9000004, 0, "side-effect"},
        /* LDP X5, X6, [X1]: another load was emulated in its place */
        {0xa9401825, 0, 6, 0x123456789, 4, NULL},
        {0xa9401825, 0, 7, 0x123456789, 4, "side-effect"},
        /* DC CIVAC, X1 */
        {0xd50b7e21, 1u << 8 | wnr, none, 0, 4, NULL},
        {0xd50b7e21, 1u << 8 | wnr, 1, 0, 4, "side-effect"},
        /* gone on somewhere else: that is another matter */
        {0x39400025, isv | byte | x5, 7, 0xab, 64, NULL},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(stories); i++)
        emulation_story(&stories[i]);
}
