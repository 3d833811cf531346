/*
 * Checkers el2 and cache: EL2 executing what it should not and taking aborts itself, by real
 * programs in both engines; stale instructions.
 */
#include "tests/unit/check_world.h"

#include <elf.h>

#define ONLY_EL2 (1u << CHECK_EL2)
#define ONLY_CACHE (1u << CHECK_CACHE)

#define A64_BR_X0 0xd61f0000u
#define A64_ERET 0xd69f03e0u
#define A64_UDF 0x00000000u
#define A64_MSR_VBAR_EL2_X0 0xd51cc000u
#define A64_MSR_SCTLR_EL2_X0 0xd51c1000u
#define A64_DC_CVAU_X1 0xd50b7b21u
#define A64_IC_IVAU_X1 0xd50b7521u
#define A64_IC_IALLU 0xd508751fu
#define A64_STR_W4_X1 0xb9000024u
#define A64_B_SUB 0x14000000u

static void expect(struct check_world *w, const char *kind)
{
    const struct finding *f = found(w);
    if (kind) {
        cr_assert_not_null(f, "%s is expected", kind);
        cr_assert_str_eq(f->kind, kind);
        cr_assert_geq(f->event_count, 1);
    } else {
        cr_assert_null(f, "%s: %s", f ? f->kind : "", f ? f->text : "");
    }
    check_world_close(w);
}

/* Text: the pages of the programs and of the vectors. */
static struct check_world el2_world(enum engine_kind engine)
{
    struct check_world w = check_world(ONLY_EL2, false, 0);
    struct image_segment text[2] = {
        {.address = pa_make(WORLD_VECTORS), .memory_size = 0x1000, .flags = PF_X | PF_R},
        {.address = pa_make(WORLD_PROGRAM(0)), .memory_size = 0x2000, .flags = PF_X | PF_R}};
    struct image image = {.kind = IMAGE_ELF, .segments = text, .segment_count = 2};
    checks_set_image(w.checks, &image);
    w.m->engine = engine;
    w.m->state->cpu[1].wait = CPU_IS_OFF;
    return w;
}

static void program(const uint32_t words[4], uint64_t x0, bool mmu, const char *kind)
{
    WORLD_ENGINES(engine)
    {
        struct check_world w = el2_world(engine);
        struct cpu *cpu = WORLD_START(w.m, 0, words[0], words[1], words[2], words[3], A64_B_SELF);
        cpu->x[0] = x0;
        if (mmu)
            world_mmu_on(w.m, 0);
        world_set(w.m, 0, SR_ELR_EL2, MAP_RAM + 0x9000);
        world_set(w.m, 0, SR_SPSR_EL2, 5);
        uint32_t word = A64_B_SELF;
        cr_assert(machine_poke(w.m, pa_make(MAP_RAM + 0x9000), &word, sizeof word));
        machine_run(w.m, 12);
        expect(&w, kind);
    }
}
#define PROGRAM(x0, mmu, kind, ...) program((const uint32_t[4]){__VA_ARGS__}, x0, mmu, kind)

Test(check_el2, executing_outside_its_text)
{
    PROGRAM(MAP_RAM + 0x9000, false, "outside-text", A64_BR_X0, A64_NOP, A64_NOP, A64_NOP);
    PROGRAM(WORLD_PROGRAM(0) + 4, true, NULL, A64_BR_X0, A64_NOP, A64_NOP, A64_NOP);
}

Test(check_el2, leaving_to_code_of_el1_is_not_executing_it)
{
    PROGRAM(WORLD_VECTORS, false, NULL, A64_MSR_VBAR_EL2_X0, A64_ERET, A64_NOP, A64_NOP);
}

Test(check_el2, aborts_of_its_own)
{
    PROGRAM(0, false, "abort", A64_NOP, A64_UDF, A64_NOP, A64_NOP);
    PROGRAM(0, true, "abort", 0xf9400000, A64_NOP, A64_NOP, A64_NOP); /* ldr x0, [x0] */
    PROGRAM(0, false, NULL, 0xd4000001, A64_NOP, A64_NOP, A64_NOP);     /* svc */
}

Test(check_el2, vectors_that_cannot_be_fetched)
{
    PROGRAM(UINT64_C(0x4000000000), false, "vectors", A64_MSR_VBAR_EL2_X0, A64_ERET, A64_NOP,
            A64_NOP);
    PROGRAM(MAP_RAM + 0x9000, false, "vectors", A64_MSR_VBAR_EL2_X0, A64_ERET, A64_NOP, A64_NOP);
}

Test(check_el2, its_mmu_goes_off_under_another_address)
{
    for (unsigned same = 0; same < 2; same++) {
        WORLD_ENGINES(engine)
        {
            struct check_world w = el2_world(engine);
            struct cpu *cpu =
                WORLD_START(w.m, 0, A64_MSR_SCTLR_EL2_X0, A64_ISB, A64_NOP, A64_B_SELF);
            world_mmu_on(w.m, 0);
            world_window(w.m, WORLD_PROGRAM(0) | WORLD_PAGE);
            cpu->x[0] = cpu->reg[SR_SCTLR_EL2] & ~SCTLR_EL2_M;
            if (!same)
                cpu->pc = WORLD_WINDOW;
            machine_run(w.m, 2);
            expect(&w, same ? NULL : "mmu");
        }
    }
}

/* A lower level stores to a page of EL2's text, and EL2 goes on there: NOP, then B to itself. */
static void overwritten_story(unsigned el, uint64_t at, unsigned size, uint64_t stored,
                              const char *kind)
{
    WORLD_ENGINES(engine)
    {
        struct check_world w = el2_world(engine);
        WORLD_START(w.m, 0, A64_NOP, A64_B_SELF, A64_B_SELF);
        machine_run(w.m, 10);
        w.step = w.m->state->step;
        w.m->state->cpu[1].el = (uint8_t)el;
        struct access access = {
            .pa = pa_make(WORLD_PROGRAM(0) + at), .pe = 1, .size = (uint8_t)size, .is_write = 1};
        uint64_t value[2] = {stored, 0};
        w.m->port.write(w.m->port.owner, &access, value);
        cr_assert_null(found(&w));
        machine_run(w.m, 20);
        expect(&w, kind);
    }
}

Test(check_el2, its_text_overwritten_by_others)
{
    overwritten_story(1, 4, 4, A64_B_SELF | 1, "overwritten");
    overwritten_story(0, 0, 8, (uint64_t)(A64_B_SELF | 1) << 32, "overwritten");
    overwritten_story(2, 4, 4, A64_B_SELF | 1, NULL);
}

/* Words that EL2 reads there, as a kernel's relocated literals, are not its text. */
Test(check_el2, data_in_the_pages_of_its_text)
{
    overwritten_story(1, 0x800, 8, 1, NULL);
    overwritten_story(1, 0, 4, A64_B_SELF, NULL);
    overwritten_story(1, 12, 4, 1, NULL);
}

Test(check_el2, what_el2_stores_itself_is_its_text_again)
{
    struct check_world w = el2_world(ENGINE_KIND_FAST);
    WORLD_START(w.m, 0, A64_NOP, A64_B_SELF);
    machine_run(w.m, 10);
    struct access access = {
        .pa = pa_make(WORLD_PROGRAM(0) + 4), .pe = 1, .size = 4, .is_write = 1};
    for (unsigned el = 1; el <= 2; el++) {
        w.m->state->cpu[1].el = (uint8_t)el;
        uint64_t value[2] = {el == 1 ? A64_NOP : A64_B_SELF, 0};
        w.m->port.write(w.m->port.owner, &access, value);
    }
    machine_run(w.m, 20);
    expect(&w, NULL);
}

/* Of a page that bbm has known as a table, and knows no more, el2 hears as before. */
Test(check_el2, its_text_where_a_table_was)
{
    WORLD_ENGINES(engine)
    {
        struct check_world w = check_world(ONLY_EL2 | 1u << CHECK_BBM, false, 0);
        w.m->engine = engine;
        w.m->state->cpu[1].wait = CPU_IS_OFF;
        runs(&w, 1, ROOT_A, 5);
        w.m->core[1].regime[REGIME_EL10] =
            core_regime_peek(w.m->core[1].cpu, &w.m->mmu_config, REGIME_EL10);
        send(&w, EVENT_WALK, 1,
             (struct event){.walk = {.stage = 2, .level = 3, .regime = REGIME_EL10,
                                     .descriptor_pa = WORLD_PROGRAM(0) + 0x800,
                                     .input = IPA_OF_VM}});
        runs(&w, 1, 0, 0);
        WORLD_START(w.m, 0, A64_NOP, A64_B_SELF, A64_B_SELF);
        machine_run(w.m, 10);
        w.step = w.m->state->step;
        tlbi(&w, 0, 1, TLBI_ALLE1, ROOT_A, 5, 0);
        dsb(&w, 0, 1);
        w.m->state->cpu[1].el = 1;
        struct access access = {
            .pa = pa_make(WORLD_PROGRAM(0) + 4), .pe = 1, .size = 4, .is_write = 1};
        uint64_t value[2] = {A64_B_SELF | 1, 0};
        w.m->port.write(w.m->port.owner, &access, value);
        machine_run(w.m, 20);
        expect(&w, "overwritten");
    }
}

/* --- cache ----------------------------------------------------------------------------------- */

/*
 * The program runs a routine at WORLD_DATA, stores another instruction there, does as the six
 * words say, and runs it again: x1 is the routine, x30 comes back from it by RET.
 */
static void code_story(const uint32_t words[6], const char *kind)
{
    WORLD_ENGINES(engine)
    {
        struct check_world w = check_world(ONLY_CACHE, false, 0);
        w.m->engine = engine;
        w.m->state->cpu[1].wait = CPU_IS_OFF;
        struct cpu *cpu = WORLD_START(w.m, 0, 0xd63f0020 /* blr x1 */, A64_STR_W4_X1, words[0],
                                      words[1], words[2], words[3], words[4], words[5],
                                      0xd63f0020, A64_B_SELF);
        uint32_t routine[2] = {A64_NOP, 0xd65f03c0}; /* ret */
        cr_assert(machine_poke(w.m, pa_make(WORLD_DATA), routine, sizeof routine));
        cpu->x[4] = A64_COUNT;
        cpu->x[10] = 0;
        machine_run(w.m, 20);
        if (!kind)
            cr_assert_eq(cpu->x[10], 1, "the new instruction is executed all the same");
        expect(&w, kind);
    }
}
#define CODE(kind, ...) code_story((const uint32_t[6]){__VA_ARGS__}, kind)

Test(check_el2, instructions_stored_and_executed)
{
    const char *stale = "stale-instruction";
    CODE(NULL, A64_DC_CVAU_X1, A64_DSB_ISH, A64_IC_IVAU_X1, A64_DSB_ISH, A64_ISB, A64_NOP);
    CODE(NULL, A64_DC_CVAU_X1, A64_DSB_ISH, A64_IC_IALLU, A64_DSB_ISH, A64_ISB, A64_NOP);
    CODE(stale, A64_NOP, A64_NOP, A64_NOP, A64_NOP, A64_NOP, A64_NOP);
    CODE(stale, A64_NOP, A64_DSB_ISH, A64_IC_IVAU_X1, A64_DSB_ISH, A64_ISB, A64_NOP);
    CODE(stale, A64_DC_CVAU_X1, A64_NOP, A64_IC_IVAU_X1, A64_DSB_ISH, A64_ISB, A64_NOP);
    CODE(stale, A64_DC_CVAU_X1, A64_DSB_ISH, A64_NOP, A64_DSB_ISH, A64_ISB, A64_NOP);
    CODE(stale, A64_DC_CVAU_X1, A64_DSB_ISH, A64_IC_IVAU_X1, A64_NOP, A64_ISB, A64_NOP);
    CODE(stale, A64_DC_CVAU_X1, A64_DSB_ISH, A64_IC_IVAU_X1, A64_DSB_ISH, A64_NOP, A64_NOP);
}

Test(check_el2, loading_a_program_is_no_story)
{
    struct check_world w = check_world(ONLY_CACHE, false, 0);
    w.m->state->cpu[1].wait = CPU_IS_OFF;
    struct cpu *cpu = WORLD_START(w.m, 0, A64_STR_W4_X1, 0xd63f0020, A64_B_SELF);
    cpu->x[4] = 0xd65f03c0;
    machine_run(w.m, 10);
    cr_assert_eq(cpu->pc, WORLD_PROGRAM(0) + 8);
    expect(&w, NULL);
}

/* --- lines, where caches are on: as the caches tell it ---------------------------------------- */

static void line_story(unsigned what, unsigned access, const char *kind)
{
    struct check_world w = check_world(ONLY_CACHE, false, 0);
    send(&w, EVENT_CACHE_LINE, 0,
         (struct event){.cache_line = {.what = 4, .dirty = 1, .pa = WORLD_DATA}});
    cr_assert_null(found(&w));
    send(&w, EVENT_CACHE_STALE, 1,
         (struct event){.cache_stale = {.what = (uint8_t)what, .access = (uint8_t)access,
                                        .pa = WORLD_DATA + 8}});
    if (kind) {
        cr_assert_not_null(found(&w));
        cr_assert_eq(found(&w)->event[0].pe, 0, "who made it dirty");
    }
    expect(&w, kind);
}

Test(check_el2, accesses_and_lines_that_do_not_see_each_other)
{
    line_story(0, ACCESS_PLAIN, "past-dirty");
    line_story(0, ACCESS_WALK, "walk-past-dirty");
    line_story(1, ACCESS_PLAIN, "write-past-dirty");
    line_story(2, ACCESS_PLAIN, "stale-line");
    line_story(3, ACCESS_FETCH, "stale-instruction");
    line_story(4, ACCESS_PLAIN, NULL);
    line_story(5, ACCESS_PLAIN, NULL);
    line_story(6, ACCESS_PLAIN, "unfinished-clean");
}
