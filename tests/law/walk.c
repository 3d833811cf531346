/*
 * Walking in a recording: wherever one goes and however, the state is that of the recording; what
 * is found backwards is what is found forwards; and a recording that does not fit is told.
 */
#include "sim/session.h"

#include "tests/law/run_world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH 30000u
#define FOUND_MAX 4000u

/* A recorded run with choices, and what happened in it. */
struct walk_world {
    struct run_world run;
    struct trace trace;
    struct session *session;
    uint64_t position[FOUND_MAX]; /* behind each exception */
    unsigned count;
};

static void listen(void *context, const struct event *event)
{
    struct walk_world *w = context;
    if (w->count < FOUND_MAX && (w->count == 0 || w->position[w->count - 1] != event->step + 1))
        w->position[w->count++] = event->step + 1;
}

static void record(struct walk_world *w)
{
    struct run_setup setup;
    struct error error;
    run_world_setup(&setup, 2);
    setup.length = LENGTH;
    run_world_open_with(&w->run, "correct", &setup);
    struct machine *m = run_machine(w->run.run);
    m->chooser.policy = CHOICE_SEEDED;
    m->chooser.seed = 3;
    m->chooser.rate = 300;
    events_attach(&m->events, listen, w, UINT64_C(1) << EVENT_EXC_TAKE);
    trace_record_begin(&w->trace, w->run.run);
    w->trace.hash_interval = 2500;
    struct run_verdict verdict;
    run_execute_watched(w->run.run, &verdict,
                        &(struct run_watcher){2500, trace_record_watch, &w->trace}, 1);
    trace_record_finish(&w->trace, w->run.run, &verdict);
    events_detach(&m->events, listen, w);
    cr_assert_eq(verdict.result, RUN_CLEAN);
    cr_assert_gt(w->trace.record_count, 3);
    cr_assert_gt(w->count, 20);
    cr_assert(trace_take_part(&w->trace, TRACE_IMAGE, "x.elf", w->run.image.file,
                              w->run.image.file_size, UINT64_MAX, &error));
}

static void walk_open(struct walk_world *w)
{
    struct session_options options = {.interval = 1000, .bytes_max = (size_t)64 << 20};
    struct error error;
    options.replay.engine = ENGINE_KIND_FAST;
    w->session = session_open(&w->trace, &options, &error);
    cr_assert_not_null(w->session, "%s", error.text);
}

static void walk_close(struct walk_world *w)
{
    session_close(w->session);
    trace_free(&w->trace);
    run_world_close(&w->run);
}

static uint64_t hash_now(const struct walk_world *w)
{
    return machine_hash(session_machine(w->session));
}

/* The hash of the recorded run at a step, by executing it as it was made. */
static uint64_t hash_at(struct walk_world *w, uint64_t step)
{
    run_rewind(w->run.run);
    run_machine(w->run.run)->break_on = false;
    run_advance(w->run.run, step);
    return machine_hash(run_machine(w->run.run));
}

Test(walk, every_step_is_that_of_the_recording)
{
    static struct walk_world w;
    record(&w);
    walk_open(&w);
    struct session *s = w.session;
    uint64_t first = session_first(s), last = session_last(s);
    cr_expect_eq(last, w.trace.verdict.steps);
    cr_expect_eq(last - first, LENGTH);
    for (unsigned i = 0; i < 40; i++) {
        uint64_t step = first + hash_mix(i) % LENGTH;
        cr_assert_eq(session_seek(s, step), SESSION_THERE);
        cr_expect_eq(session_step(s), step);
        cr_expect_eq(hash_now(&w), hash_at(&w, step));
    }
    cr_expect_eq(session_seek(s, last), SESSION_THERE);
    cr_expect_eq(hash_now(&w), w.trace.verdict.hash);
    cr_expect_eq(session_seek(s, last + 1), SESSION_END);
    cr_expect_eq(session_step(s), last);
    cr_expect_eq(session_seek(s, first - 1), SESSION_START);
    cr_expect_eq(session_step(s), first);
    walk_close(&w);
}

Test(walk, events_are_the_same_in_both_directions)
{
    static struct walk_world w;
    struct session_target target = {.events = UINT64_C(1) << EVENT_EXC_TAKE, .pe = -1};
    struct session_found found;
    record(&w);
    walk_open(&w);
    for (unsigned i = 0; i < w.count; i++) {
        cr_assert_eq(session_find(w.session, &target, false, &found), SESSION_THERE);
        cr_assert_eq(session_step(w.session), w.position[i], "exception %u", i);
        cr_expect(found.is_event && found.event.kind == EVENT_EXC_TAKE);
        cr_expect_eq(found.event.step + 1, w.position[i]);
    }
    cr_expect_eq(session_find(w.session, &target, false, &found), SESSION_END);
    cr_expect_eq(session_step(w.session), session_last(w.session));
    for (unsigned i = w.count; i-- > 0;) {
        cr_assert_eq(session_find(w.session, &target, true, &found), SESSION_THERE);
        cr_assert_eq(session_step(w.session), w.position[i], "back to exception %u", i);
    }
    cr_expect_eq(session_find(w.session, &target, true, &found), SESSION_START);
    cr_expect_eq(session_step(w.session), session_first(w.session));
    walk_close(&w);
}

Test(walk, an_instruction_is_found_from_both_sides)
{
    static struct walk_world w;
    struct session_found found;
    record(&w);
    walk_open(&w);
    struct machine *m = session_machine(w.session);
    uint64_t middle = session_first(w.session) + LENGTH / 2, here[16], before = 0;
    cr_assert_eq(session_seek(w.session, middle), SESSION_THERE);
    unsigned pe = m->state->current;
    struct session_target target = {.has_pc = true, .pc = m->state->cpu[pe].pc, .pe = -1};
    unsigned count = 0;
    while (count < 16 && session_find(w.session, &target, false, &found) == SESSION_THERE) {
        here[count++] = session_step(w.session);
        cr_expect_eq(m->state->cpu[m->state->current].pc, target.pc);
        cr_expect_not(found.is_event);
        cr_assert_gt(session_step(w.session), before);
        before = session_step(w.session);
    }
    cr_assert_gt(count, 2, "the guest comes there again");
    for (unsigned i = count - 1; i-- > 0;) {
        cr_assert_eq(session_find(w.session, &target, true, &found), SESSION_THERE);
        cr_expect_eq(session_step(w.session), here[i]);
    }
    cr_assert_eq(session_find(w.session, &target, true, &found), SESSION_THERE);
    cr_expect_eq(session_step(w.session), middle, "where it was first");
    walk_close(&w);
}

static uint64_t word_at(const struct walk_world *w, pa_t pa)
{
    uint64_t value;
    cr_assert(machine_peek(session_machine(w->session), pa, &value, sizeof value));
    return value;
}

Test(walk, a_store_is_found_from_both_sides)
{
    static struct walk_world w;
    struct session_target any = {.events = UINT64_C(1) << EVENT_MEM, .pe = -1};
    struct session_found found;
    record(&w);
    walk_open(&w);
    do
        cr_assert_eq(session_find(w.session, &any, false, &found), SESSION_THERE);
    while (!found.event.mem.write || found.event.mem.pa < MAP_RAM || found.event.mem.size != 8);
    struct session_target target = {
        .watch = pa_make(found.event.mem.pa), .watch_size = 8, .pe = -1};
    uint64_t position[8], old = word_at(&w, target.watch);
    unsigned count = 0;
    while (count < 8 && session_find(w.session, &target, false, &found) == SESSION_THERE) {
        position[count++] = session_step(w.session);
        cr_expect_neq(word_at(&w, target.watch), old, "it has changed");
        old = word_at(&w, target.watch);
        uint64_t here = session_step(w.session);
        cr_assert_eq(session_seek(w.session, here - 1), SESSION_THERE);
        cr_expect_neq(word_at(&w, target.watch), old, "by this step");
        cr_assert_eq(session_seek(w.session, here), SESSION_THERE);
    }
    cr_assert_gt(count, 1);
    cr_assert_eq(session_seek(w.session, position[count - 1]), SESSION_THERE);
    for (unsigned i = count - 1; i-- > 0;) {
        cr_assert_eq(session_find(w.session, &target, true, &found), SESSION_THERE);
        cr_expect_eq(session_step(w.session), position[i]);
    }
    walk_close(&w);
}

Test(walk, one_cpu_alone)
{
    static struct walk_world w;
    record(&w);
    walk_open(&w);
    struct machine *m = session_machine(w.session);
    for (unsigned pe = 0; pe < 2; pe++) {
        cr_assert_eq(session_seek(w.session, session_first(w.session) + 7777), SESSION_THERE);
        uint64_t insns = m->state->cpu[pe].insns, pc[20], step = 0;
        for (unsigned i = 0; i < 20; i++) {
            cr_assert_eq(session_step_pe(w.session, pe, 1, false), SESSION_THERE);
            cr_expect_eq(m->state->cpu[pe].insns, insns + i + 1);
            pc[i] = m->state->cpu[pe].pc;
            step = session_step(w.session);
        }
        cr_assert_eq(session_seek(w.session, step - 1), SESSION_THERE);
        cr_expect_eq(m->state->cpu[pe].insns, insns + 19, "the first step at which it is so");
        cr_assert_eq(session_seek(w.session, step), SESSION_THERE);
        for (unsigned i = 19; i-- > 0;) {
            cr_assert_eq(session_step_pe(w.session, pe, 1, true), SESSION_THERE);
            cr_expect_eq(m->state->cpu[pe].insns, insns + i + 1);
            cr_expect_eq(m->state->cpu[pe].pc, pc[i]);
        }
        cr_expect_eq(session_step_pe(w.session, pe, UINT64_MAX / 4, false), SESSION_END);
        cr_expect_eq(session_step_pe(w.session, pe, UINT64_MAX / 4, true), SESSION_START);
    }
    walk_close(&w);
}

Test(walk, another_run_than_the_recorded_one_is_told)
{
    static struct walk_world w;
    record(&w);
    cr_assert_gt(w.trace.hash_count, 5);
    w.trace.hashes[3].hash++;
    walk_open(&w);
    uint64_t wrong = w.trace.hashes[3].step;
    cr_expect_eq(session_seek(w.session, wrong - 1), SESSION_THERE);
    cr_expect_eq(session_seek(w.session, wrong + 500), SESSION_DIVERGED);
    cr_expect_not_null(strstr(session_divergence(w.session), "the state at step"));
    session_close(w.session);

    w.trace.hashes[3].hash--;
    w.trace.records[0].n++; /* as if there had been another question */
    walk_open(&w);
    cr_expect_eq(session_seek(w.session, session_last(w.session)), SESSION_DIVERGED);
    walk_close(&w);
}

Test(walk, an_interrupt_ends_a_way_and_not_the_walk)
{
    static struct walk_world w;
    record(&w);
    walk_open(&w);
    run_interrupt();
    cr_expect_eq(session_seek(w.session, session_last(w.session)), SESSION_INTERRUPTED);
    cr_expect_not(run_is_interrupted());
    cr_expect_eq(session_seek(w.session, session_last(w.session)), SESSION_THERE);
    cr_expect_eq(hash_now(&w), w.trace.verdict.hash);
    walk_close(&w);
}
