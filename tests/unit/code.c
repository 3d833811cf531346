/*
 * Decoded code follows RAM: stores to code by the PE itself, by another one and by the machine,
 * code that is loaded afresh, another page under the same address, restores; in both engines, and
 * the fast one keeps what has not changed.
 */
#include "tests/unit/machine_world.h"

#include "cpu/code.h"
#include "cpu/direct.h"

#define ADD_X10(n) (0x9100014au | (uint32_t)(n) << 10) /* add x10, x10, #n */
#define STR_W4_X1 0xb9000024u                          /* str w4, [x1] */
#define B_MINUS(words) (0x14000000u | (0x3ffffffu & (uint32_t) - (int32_t)(words)))
#define SUBS_X11 0xf100056bu /* subs x11, x11, #1 */
#define B_NE_MINUS(words) (0x54000001u | (0x7ffffu & (uint32_t) - (int32_t)(words)) << 5)

/* One PE with its table on; X1 points to a word of its program. */
static struct machine *world(enum engine_kind kind, unsigned pe_count, unsigned quantum)
{
    struct machine *m = world_machine(pe_count, quantum);
    m->engine = kind;
    return m;
}

Test(code, a_store_to_the_next_instruction_is_executed)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world(kind, 1, 1000);
        /* ten rounds with the word as it is, then it is replaced in every round */
        struct cpu *cpu = WORLD_START(m, 0, SUBS_X11, B_NE_MINUS(1), STR_W4_X1, ADD_X10(1),
                                      B_MINUS(2));
        world_mmu_on(m, 0);
        cpu->x[11] = 10;
        cpu->x[1] = WORLD_PROGRAM(0) + 12;
        cpu->x[4] = ADD_X10(5);
        machine_run(m, 20 + 3 * 100);
        cr_assert_eq(cpu->x[10], 500);
        machine_free(m);
    }
}

Test(code, a_loop_that_alternates_its_own_word)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world(kind, 1, 1000);
        struct cpu *cpu = WORLD_START(m, 0, 0xca050084u /* eor x4, x4, x5 */, STR_W4_X1,
                                      ADD_X10(1), B_MINUS(3));
        world_mmu_on(m, 0);
        cpu->x[1] = WORLD_PROGRAM(0) + 8;
        cpu->x[4] = ADD_X10(1);
        cpu->x[5] = ADD_X10(1) ^ ADD_X10(3);
        machine_run(m, 4 * 100);
        cr_assert_eq(cpu->x[10], 50 * 3 + 50 * 1);
        machine_free(m);
    }
}

Test(code, data_beside_code_keeps_the_code)
{
    struct machine *m = world(ENGINE_KIND_FAST, 1, 1000);
    struct cpu *cpu = WORLD_START(m, 0, STR_W4_X1, ADD_X10(1), B_MINUS(2));
    world_mmu_on(m, 0);
    cpu->x[1] = WORLD_PROGRAM(0) + 0x800;
    machine_run(m, 3 * 1000);
    cr_assert_eq(cpu->x[10], 1000);
    cr_assert_eq(m->code->dropped, 0);
    cr_assert_gt(m->core[0].cache->hot_insns, 2500);
    machine_free(m);
}

Test(code, another_pe_changes_it)
{
    WORLD_ENGINES(kind) {
        for (unsigned quantum = 1; quantum <= 1000; quantum = quantum * 9 + 1) {
            struct machine *m = world(kind, 2, quantum);
            struct cpu *cpu = WORLD_START(m, 0, ADD_X10(1), B_MINUS(1));
            struct cpu *other = WORLD_START(m, 1, SUBS_X11, B_NE_MINUS(1), STR_W4_X1, A64_B_SELF);
            world_mmu_on(m, 0);
            world_mmu_on(m, 1);
            other->x[11] = 2000;
            other->x[1] = WORLD_PROGRAM(0);
            other->x[4] = 0xd503201fu; /* nop: the count stands still */
            machine_run(m, 10000);
            uint64_t count = cpu->x[10];
            cr_assert_gt(count, 500);
            cr_assert_lt(count, 4000);
            machine_run(m, 20000);
            cr_assert_eq(cpu->x[10], count);
            machine_free(m);
        }
    }
}

Test(code, the_machine_changes_it)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world(kind, 1, 1000);
        struct cpu *cpu = WORLD_START(m, 0, ADD_X10(1), B_MINUS(1));
        machine_run(m, 200);
        uint32_t word = ADD_X10(7);
        cr_assert(machine_poke(m, pa_make(WORLD_PROGRAM(0)), &word, sizeof word));
        machine_run(m, 400);
        cr_assert_eq(cpu->x[10], 100 + 700);
        machine_free(m);
    }
}

/* blr x2, while the page behind the window changes and is invalidated. */
Test(code, another_page_under_the_same_address)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world(kind, 1, 1000);
        struct cpu *cpu = WORLD_START(
            m, 0, 0xd63f0040u /* blr x2 */, 0xca060084u /* eor x4, x4, x6 */,
            0xf9000064u /* str x4, [x3] */, A64_DSB_ISH, 0xd50c831fu /* tlbi alle2is */,
            A64_DSB_ISH, A64_ISB, B_MINUS(7));
        uint64_t pages[] = {MAP_RAM + 0x50000, MAP_RAM + 0x60000};
        uint32_t one[] = {ADD_X10(1), 0xd65f03c0u /* ret */}, two[] = {ADD_X10(100), 0xd65f03c0u};
        world_mmu_on(m, 0);
        cr_assert(machine_poke(m, pa_make(pages[0]), one, sizeof one));
        cr_assert(machine_poke(m, pa_make(pages[1]), two, sizeof two));
        cpu->x[2] = WORLD_WINDOW;
        cpu->x[3] = WORLD_WINDOW_DESCRIPTOR;
        cpu->x[4] = pages[0] | WORLD_PAGE;
        cpu->x[6] = pages[0] ^ pages[1];
        world_window(m, cpu->x[4]);
        machine_run(m, 10 * 100);
        cr_assert_eq(cpu->x[10], 50 * 101);
        machine_free(m);
    }
}

Test(code, a_restore_brings_back_what_was_there)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world(kind, 1, 1000);
        struct cpu *cpu = WORLD_START(m, 0, ADD_X10(1), B_MINUS(1));
        world_mmu_on(m, 0);
        machine_run(m, 200);
        struct machine_snapshot *s = machine_save(m);
        uint32_t word = ADD_X10(7);
        cr_assert(machine_poke(m, pa_make(WORLD_PROGRAM(0)), &word, sizeof word));
        machine_run(m, 400);
        cr_assert_eq(cpu->x[10], 100 + 700);
        struct machine_snapshot *later = machine_save(m);
        machine_restore(m, s);
        machine_run(m, 400);
        cr_assert_eq(cpu->x[10], 200);
        machine_restore(m, later);
        machine_run(m, 600);
        cr_assert_eq(cpu->x[10], 100 + 700 + 700);
        machine_snapshot_free(s);
        machine_snapshot_free(later);
        machine_free(m);
    }
}

Test(code, what_is_the_same_after_a_restore_is_kept)
{
    struct machine *m = world(ENGINE_KIND_FAST, 1, 1000);
    struct cpu *cpu = WORLD_START(m, 0, STR_W4_X1, ADD_X10(1), B_MINUS(2));
    world_mmu_on(m, 0);
    machine_run(m, 3000);
    struct code_page *page = code_find(m->code, &m->port, pa_make(WORLD_PROGRAM(0)));
    cr_assert(page && page->op[0] != 0);
    struct machine_snapshot *s = machine_save(m);
    machine_run(m, 6000);
    machine_restore(m, s);
    cr_assert_eq(code_find(m->code, &m->port, pa_make(WORLD_PROGRAM(0))), page);
    cr_assert_neq(page->op[0], 0);
    machine_run(m, 6000);
    cr_assert_eq(cpu->x[10], 2000);
    cr_assert_eq(m->code->dropped, 0);
    machine_snapshot_free(s);
    machine_free(m);
}

static void count_fetches(void *context, const struct event *e)
{
    ((uint64_t *)context)[e->el]++;
}

/* PE 0 at EL2, PE 1 at EL1, each in its loop: what is told of the one costs the other nothing. */
Test(code, fetches_are_told_of_the_levels_that_are_watched)
{
    WORLD_ENGINES(kind) {
        struct machine *m = world(kind, 2, 1000);
        uint64_t told[3] = {0};
        for (unsigned pe = 0; pe < 2; pe++) {
            WORLD_START(m, pe, ADD_X10(1), ADD_X10(1), B_MINUS(2));
            m->state->cpu[pe].el = (uint8_t)(2 - pe);
        }
        events_attach(&m->events, count_fetches, told, UINT64_C(1) << EVENT_FETCH_PAGE);
        machine_run(m, 4000);
        cr_assert(told[2] == 1 && told[1] == 1, "the first ones");
        for (unsigned pe = 0; pe < 2; pe++)
            machine_watch_fetches(m, pa_make(WORLD_PROGRAM(pe)), 1u << 2);
        machine_run(m, 8000);
        cr_assert_eq(told[2], 1 + 2000);
        cr_assert_eq(told[1], 2, "again the first one");
        if (kind == ENGINE_KIND_FAST)
            cr_assert_gt(m->core[1].cache->hot_insns, 3900);
        machine_watch_fetches(m, pa_make(WORLD_PROGRAM(0)), 0);
        machine_run(m, 12000);
        cr_assert_eq(told[2], 1 + 2000 + 1);
        machine_free(m);
    }
}

/* More pages than the cache holds: it begins afresh, and nothing else happens. */
Test(code, a_full_cache_begins_afresh)
{
    struct machine *m = world(ENGINE_KIND_FAST, 1, 1000);
    struct cpu *cpu = WORLD_START(m, 0, 0xd63f0040u /* blr x2 */,
                                  0x91400442u /* add x2, x2, #4096 */, B_MINUS(2));
    world_mmu_on(m, 0);
    const unsigned most = m->code->most = 1000;
    uint32_t body[] = {ADD_X10(1), 0xd65f03c0u};
    for (unsigned i = 0; i < most + 500; i++)
        cr_assert(machine_poke(m, pa_make(MAP_RAM + 0x100000 + i * UINT64_C(4096)), body,
                               sizeof body));
    cpu->x[2] = MAP_RAM + 0x100000;
    machine_run(m, 5 * (most + 400));
    cr_assert_eq(cpu->x[10], most + 400);
    cr_assert_leq(m->code->count, most);
    machine_free(m);
}
