/*
 * The law of break points: a run stops before exactly those steps at which it would have been seen
 * there by going one step at a time, on the CPU that was asked for, and is otherwise the same run;
 * on both engines, at places that come once and in the midst of loops, behind compares, across
 * pages, at the hypervisor's addresses, its host's and its guests'.
 */

#include "tests/law/run_world.h"
#include "tests/law/hot_insns.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define STEPS 20000u
#define PLACES 100u

/* A step of a run: who made it, and from where. */
struct made {
    uint64_t pc;
    unsigned pe;
};

struct breaks_world {
    struct machine *m;
    struct machine_snapshot *start;
    struct made made[STEPS]; /* by steps from the start */
    uint64_t first, hash;
};

/* One step; who made it is told by its count of instructions. */
static struct made step_once(struct machine *m)
{
    struct made before[PE_COUNT_MAX];
    uint64_t insns[PE_COUNT_MAX];
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        before[pe] = (struct made){m->state->cpu[pe].pc, pe};
        insns[pe] = m->state->cpu[pe].insns;
    }
    cr_assert_eq(machine_run(m, m->state->step + 1), MACHINE_LIMIT);
    unsigned pe = 0;
    while (pe < m->config.pe_count && m->state->cpu[pe].insns == insns[pe])
        pe++;
    cr_assert_lt(pe, m->config.pe_count, "nobody made a step");
    return before[pe];
}

static void world_begin(struct breaks_world *w, struct machine *m)
{
    w->m = m;
    m->break_on = false;
    m->engine = ENGINE_KIND_PRECISE;
    w->start = machine_save(m);
    w->first = m->state->step;
    for (unsigned i = 0; i < STEPS; i++)
        w->made[i] = step_once(m);
    w->hash = machine_hash(m);
}

static bool is_there(void *context, const struct machine *m, unsigned pe)
{
    return m->state->cpu[pe].pc == *(const uint64_t *)context;
}

/* All stops at a place, and the end, against what was made. */
static void expect_stops(struct breaks_world *w, int pe, uint64_t pc)
{
    struct machine *m = w->m;
    machine_restore(m, w->start);
    m->break_on = true;
    m->break_pe = pe;
    m->break_pc = pc;
    m->break_context = &pc;
    for (unsigned i = 0; i < STEPS; i++) {
        if (w->made[i].pc != pc || (pe >= 0 && w->made[i].pe != (unsigned)pe))
            continue;
        cr_assert_eq(machine_run(m, w->first + STEPS), MACHINE_BREAK);
        cr_assert_eq(m->state->step, w->first + i, "at %lx of CPU %d: stopped at step %lu, not %lu",
                     (unsigned long)pc, pe, (unsigned long)(m->state->step - w->first),
                     (unsigned long)i);
        cr_assert_eq(m->state->cpu[w->made[i].pe].pc, pc);
    }
    cr_assert_eq(machine_run(m, w->first + STEPS), MACHINE_LIMIT);
    cr_assert_eq(m->state->step, w->first + STEPS);
    cr_assert_eq(machine_hash(m), w->hash);
    m->break_on = false;
}

/* Returns how many of the places were in loops. */
static unsigned expect_law(struct breaks_world *w, enum engine_kind engine)
{
    unsigned loops = 0;
    w->m->engine = engine;
    for (unsigned i = 0; i < PLACES; i++) {
        const struct made *made = &w->made[hash_mix(i + 1) % STEPS];
        unsigned same = 0;
        for (unsigned k = 0; k < STEPS; k++)
            same += w->made[k].pc == made->pc;
        loops += same > 20;
        expect_stops(w, -1, made->pc);
        if (i % 4 == 0) {
            expect_stops(w, (int)made->pe, made->pc);
            expect_stops(w, (int)((made->pe + 1) % w->m->config.pe_count), made->pc);
            expect_stops(w, -1, made->pc + PAGE_BYTES); /* as a rule nobody is there */
            expect_stops(w, -1, made->pc + 2);
            w->m->break_if = is_there; /* looked for in any page */
            expect_stops(w, i % 8 == 0 ? -1 : (int)made->pe, made->pc);
            w->m->break_if = NULL;
        }
    }
    return loops;
}

static void guest_keeps_it(const char *guest, unsigned cpus, unsigned quantum, uint64_t from)
{
    static struct breaks_world w;
    struct machine_config config;
    struct image image;
    struct error error;
    char path[512];
    const char *build = getenv("BUILD");
    uint8_t *bytes;
    size_t size;
    config_default(&config);
    snprintf(config.model, sizeof config.model, "cortex-a57");
    config.pe_count = cpus;
    config.quantum = quantum;
    config.ram_bytes = UINT64_C(256) << 20;
    snprintf(path, sizeof path, "%s/tests/bench/%s.elf", build ? build : "build", guest);
    cr_assert(file_read(path, &bytes, &size, &error), "%s", error.text);
    cr_assert(image_open(&image, path, bytes, size, pa_make(MAP_RAM), config.ram_bytes, &error),
              "%s", error.text);
    free(bytes);
    struct machine *m = machine_new(&config, &error);
    cr_assert_not_null(m, "%s", error.text);
    cr_assert(machine_load(m, &image, &error), "%s", error.text);
    cr_assert_eq(machine_run(m, from), MACHINE_LIMIT);
    world_begin(&w, m);
    uint64_t before = hot_insns(m);
    unsigned loops = expect_law(&w, ENGINE_KIND_FAST);
    cr_expect_gt(loops, PLACES / 20);
    cr_expect_gt(hot_insns(m) - before, (uint64_t)STEPS * PLACES / 4, "no single steps");
    machine_snapshot_free(w.start);
    machine_free(m);
    image_close(&image);
}

Test(breaks, stop_where_single_steps_would_in_guests)
{
    guest_keeps_it("mix", 2, 1000, 30000);
    guest_keeps_it("call", 1, 1000, 30000);
    guest_keeps_it("trap", 3, 37, 30000);
    guest_keeps_it("tables", 2, 500, 100000);
}

static void hypervisor_keeps_it(enum engine_kind engine, unsigned quantum)
{
    static struct breaks_world w;
    struct run_world r;
    struct run_setup setup;
    run_world_setup(&setup, 2);
    setup.config.quantum = quantum;
    setup.config.open_mask = 0;
    setup.checks.mask = 0;
    run_world_open_with(&r, "correct", &setup);
    world_begin(&w, run_machine(r.run));
    expect_law(&w, engine);
    machine_snapshot_free(w.start);
    run_world_close(&r);
}

Test(breaks, stop_where_single_steps_would_in_a_hypervisor)
{
    hypervisor_keeps_it(ENGINE_KIND_FAST, 100);
    hypervisor_keeps_it(ENGINE_KIND_FAST, 7);
}

Test(breaks, stop_where_single_steps_would_with_the_precise_engine)
{
    hypervisor_keeps_it(ENGINE_KIND_PRECISE, 100);
}
