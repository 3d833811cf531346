/*
 * One run: from power-on to the start mark once, with nothing open; from there to a verdict as
 * often as asked, each time from the same snapshot.
 *
 * Marks are break points of the machine on a symbol's address (a virtual address of whoever gets
 * there). The window in which choices are open is counted in steps from the start mark; behind it
 * everything is answered 0, so that a run is bounded and comes to its end.
 */
#include "sim/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many steps at most between two looks at the interrupt flag. */
#define STEPS_BETWEEN_LOOKS UINT64_C(2000000)

struct run {
    struct run_setup setup;
    struct machine *machine;
    struct checks *checks;
    struct machine_snapshot *start;
    void *start_checks; /* the checkers' state at the start mark */
    uint64_t start_step, start_insns;
    uint64_t end_pc;
    run_input *input;
    void *input_context;
    run_report *report;
    void *report_context;
    struct finding first; /* that was reported */
    bool has_first;
};

static volatile sig_atomic_t interrupted;

void run_interrupt(void)
{
    interrupted = 1;
}

bool run_is_interrupted(void)
{
    return interrupted != 0;
}

void run_interrupt_clear(void)
{
    interrupted = 0;
}

const char *run_result_name(enum run_result result)
{
    switch (result) {
    case RUN_OFF:
        return "off";
    case RUN_EXIT:
        return "exit";
    case RUN_LIMIT:
        return "limit";
    case RUN_VIOLATION:
        return "violation";
    case RUN_CLEAN:
        return "clean";
    case RUN_UNMODELLED:
        return "unmodelled";
    case RUN_DIVERGED:
        return "diverged";
    case RUN_INTERRUPTED:
        return "interrupted";
    }
    bug("run result %d", (int)result);
}

void run_class(const struct run_verdict *v, char class[RUN_CLASS_MAX])
{
    const char *word = run_result_name(v->result);
    switch (v->result) {
    case RUN_EXIT:
        word = v->exit_status == 0 ? "clean" : "exit";
        break;
    case RUN_LIMIT:
        word = v->held ? "unfair" : v->idle ? "idle" : "limit";
        break;
    case RUN_VIOLATION:
        if (v->finding.check == CHECK_PROGRESS && v->held) {
            word = "unfair";
            break;
        }
        snprintf(class, RUN_CLASS_MAX, "%s/%.31s", check_name((enum check_kind)v->finding.check),
                 v->finding.kind);
        return;
    case RUN_OFF:
    case RUN_CLEAN:
        word = "clean";
        break;
    case RUN_UNMODELLED:
    case RUN_DIVERGED:
    case RUN_INTERRUPTED:
        break;
    }
    snprintf(class, RUN_CLASS_MAX, "%s", word);
}

static void break_at(struct machine *m, const struct run_mark *mark, uint64_t pc)
{
    m->break_on = mark->symbol[0] != 0;
    m->break_pe = mark->pe;
    m->break_pc = pc;
}

static bool mark_address(const struct image *image, const struct run_mark *mark, uint64_t *pc,
                         struct error *error)
{
    *pc = 0;
    if (mark->symbol[0] == 0 || image_symbol_address(image, mark->symbol, pc))
        return true;
    return error_set(error, "%s: no symbol %s for a mark", image->name, mark->symbol);
}

static const char *stop_reason(enum machine_stop stop)
{
    switch (stop) {
    case MACHINE_LIMIT:
        return "the step limit came";
    case MACHINE_EXIT:
        return "the guest ended the run";
    case MACHINE_IDLE:
        return "all CPUs waited";
    case MACHINE_UNMODELLED:
        return "an unmodelled instruction came";
    case MACHINE_REQUEST:
        return "a checker found something";
    case MACHINE_BREAK:
        break;
    }
    return "it was reached";
}

static uint64_t last_step(const struct run_setup *setup)
{
    return setup->max_steps ? setup->max_steps : UINT64_MAX;
}

/* From power-on to the start mark, with every choice closed. */
static bool run_to_start(struct run *r, const struct image *image, struct error *error)
{
    const struct run_mark *mark = &r->setup.start;
    struct machine *m = r->machine;
    enum engine_kind engine = m->engine;
    uint64_t pc;
    if (!mark_address(image, mark, &pc, error) ||
        !mark_address(image, &r->setup.end, &r->end_pc, error))
        return false;
    m->chooser.open_mask = 0;
    if (mark->symbol[0] == 0)
        return true;
    break_at(m, mark, pc);
    m->engine = r->setup.precise_start ? ENGINE_KIND_PRECISE : ENGINE_KIND_FAST;
    for (uint32_t hit = 0; hit < mark->hit;) {
        uint64_t limit = last_step(&r->setup);
        if (limit - m->state->step > STEPS_BETWEEN_LOOKS)
            limit = m->state->step + STEPS_BETWEEN_LOOKS;
        enum machine_stop stop = machine_run(m, limit);
        if (run_is_interrupted())
            return error_set(error, "%s: interrupted before the start mark %s", image->name,
                             mark->symbol);
        if (stop == MACHINE_BREAK)
            hit++;
        else if (stop != MACHINE_LIMIT || m->state->step >= last_step(&r->setup))
            return error_set(error, "%s: %s before the start mark %s was reached %u times",
                             image->name, stop_reason(stop), mark->symbol, mark->hit);
    }
    m->engine = engine;
    return true;
}

struct run *run_boot(const struct run_setup *setup, const struct machine_payload *payload,
                     struct error *error)
{
    const struct image *image = payload->image;
    struct run *r = calloc(1, sizeof *r);
    ensure(r != NULL);
    r->setup = *setup;
    r->machine = machine_new(&setup->config, error);
    if (!r->machine) {
        free(r);
        return NULL;
    }
    if (!machine_boot(r->machine, payload, error)) {
        run_free(r);
        return NULL;
    }
    r->checks = checks_new(r->machine, &setup->checks);
    checks_set_image(r->checks, image);
    if (!run_to_start(r, image, error)) {
        run_free(r);
        return NULL;
    }
    r->start = machine_save(r->machine);
    r->start_step = machine_snapshot_step(r->start);
    r->start_insns = machine_insns(r->machine);
    r->start_checks = calloc(1, checks_state_size(r->checks) + 1);
    ensure(r->start_checks != NULL);
    checks_save(r->checks, r->start_checks);
    return r;
}

struct run *run_new(const struct run_setup *setup, const struct image *image, struct error *error)
{
    const struct machine_payload payload = {.image = image};
    return run_boot(setup, &payload, error);
}

void run_free(struct run *r)
{
    if (!r)
        return;
    if (r->checks)
        checks_free(r->checks);
    machine_snapshot_free(r->start);
    machine_free(r->machine);
    free(r->start_checks);
    free(r);
}

struct machine *run_machine(struct run *r)
{
    return r->machine;
}

const struct run_setup *run_setup_of(const struct run *r)
{
    return &r->setup;
}

struct checks *run_checks(struct run *r)
{
    return r->checks;
}

void run_set_input(struct run *r, run_input *input, void *context)
{
    r->input = input;
    r->input_context = context;
}

void run_set_report(struct run *r, run_report *report, void *context)
{
    r->report = report;
    r->report_context = context;
}

uint64_t run_start_step(const struct run *r)
{
    return r->start_step;
}

uint64_t run_start_insns(const struct run *r)
{
    return r->start_insns;
}

void run_rewind(struct run *r)
{
    struct machine *m = r->machine;
    machine_restore(m, r->start);
    checks_restore(r->checks, r->start_checks);
    chooser_rewind(&m->chooser);
    break_at(m, &r->setup.end, r->end_pc);
    m->break_passed = false;
}

/* Where the open window ends, as a machine step. */
static uint64_t window_end(const struct run *r)
{
    uint64_t last = last_step(&r->setup);
    if (r->setup.window == 0 || r->setup.window > last - r->start_step)
        return last;
    return r->start_step + r->setup.window;
}

enum machine_stop run_advance(struct run *r, uint64_t step)
{
    struct machine *m = r->machine;
    uint64_t window = window_end(r);
    for (;;) {
        bool is_open = m->state->step < window;
        uint64_t limit = is_open && window < step ? window : step;
        uint64_t poll = checks_poll_step(r->checks);
        limit = poll < limit ? poll : limit;
        m->chooser.open_mask = is_open ? r->setup.config.open_mask : 0;
        enum machine_stop stop = machine_run(m, limit);
        if (stop == MACHINE_LIMIT && checks_poll(r->checks))
            return MACHINE_REQUEST;
        if (stop != MACHINE_LIMIT || m->state->step >= step)
            return stop;
    }
}

static bool any_is_held(const struct machine *m)
{
    for (unsigned pe = 0; pe < m->config.pe_count; pe++) {
        if (m->state->pe[pe].hold_left != 0)
            return true;
    }
    return false;
}

static enum run_result result_of_exit(const struct machine *m)
{
    return m->state->exit == EXIT_SEMIHOST ? RUN_EXIT : RUN_OFF;
}

/* Whether it has the length that was asked for. */
static bool is_at_length(const struct run *r)
{
    return r->setup.length != 0 && r->machine->state->step - r->start_step >= r->setup.length;
}

/* What a stop that is not the end of a segment means. */
static void conclude(struct run *r, enum machine_stop stop, struct run_verdict *v)
{
    struct machine *m = r->machine;
    const struct finding *finding = r->has_first ? &r->first : checks_finding(r->checks);
    v->exit_status = m->state->exit_status;
    v->held = any_is_held(m);
    if (finding) {
        v->result = RUN_VIOLATION;
        v->finding = *finding;
        return;
    }
    switch (stop) {
    case MACHINE_EXIT:
        v->result = result_of_exit(m);
        break;
    case MACHINE_IDLE:
        v->idle = true;
        v->result = RUN_LIMIT;
        break;
    case MACHINE_UNMODELLED:
        v->result = RUN_UNMODELLED;
        break;
    case MACHINE_BREAK:
        v->result = RUN_CLEAN;
        break;
    case MACHINE_LIMIT:
    case MACHINE_REQUEST:
        v->result = stop == MACHINE_LIMIT && is_at_length(r) ? RUN_CLEAN : RUN_LIMIT;
        break;
    }
}

static void measure(struct run *r, struct run_verdict *v)
{
    struct machine *m = r->machine;
    v->insns = machine_insns(m);
    v->cycles = machine_cycles(m);
    v->steps = m->state->step;
    v->hash = machine_hash(m);
    v->choices = (uint32_t)m->chooser.record_count;
    if (m->chooser.policy == CHOICE_STRICT &&
        (m->chooser.diverged ||
         (v->result != RUN_INTERRUPTED && chooser_unasked(&m->chooser))))
        v->result = RUN_DIVERGED;
}

/* Where the run ends at the latest: a step is at most one instruction. */
static uint64_t last_step_now(const struct run *r)
{
    uint64_t last = last_step(&r->setup), insns = machine_insns(r->machine);
    if (r->setup.length != 0 && r->setup.length < last - r->start_step)
        last = r->start_step + r->setup.length;
    if (r->setup.max_insns == 0)
        return last;
    uint64_t left = insns < r->setup.max_insns ? r->setup.max_insns - insns : 0;
    uint64_t step = r->machine->state->step;
    return left < last - step ? step + left : last;
}

bool run_step(struct run *r, struct run_verdict *v)
{
    struct machine *m = r->machine;
    uint64_t last = last_step_now(r), next = m->state->step + 1;
    enum machine_stop stop = run_advance(r, next < last ? next : last);
    if (stop == MACHINE_LIMIT && m->state->step < last)
        return false;
    memset(v, 0, sizeof *v);
    conclude(r, stop, v);
    v->insns = machine_insns(m);
    v->cycles = machine_cycles(m);
    v->steps = m->state->step;
    return true;
}

/* Where the next part of a run ends; watching must not change where input is looked for. */
static uint64_t part_end(const struct run *r, uint64_t look, const struct run_watcher *watchers,
                         unsigned count)
{
    uint64_t step = r->machine->state->step, next = last_step_now(r);
    if (look < next)
        next = look;
    for (unsigned i = 0; i < count; i++) {
        uint64_t interval = watchers[i].interval, at = (step / interval + 1) * interval;
        if (at < next)
            next = at;
    }
    return next;
}

/* Whether somebody looks at this step. */
static bool watched_here(const struct run *r, const struct run_watcher *watchers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (r->machine->state->step % watchers[i].interval == 0)
            return true;
    }
    return false;
}

static bool all_go_on(const struct run *r, const struct run_watcher *watchers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (r->machine->state->step % watchers[i].interval == 0 &&
            !watchers[i].watch(watchers[i].context, r->machine))
            return false;
    }
    return true;
}

/* A finding behind which the run goes on. */
static bool report_finding(struct run *r)
{
    const struct finding *finding = r->report ? checks_finding(r->checks) : NULL;
    if (!finding)
        return false;
    if (!r->has_first)
        r->first = *finding;
    r->has_first = true;
    r->report(r->report_context, r->machine, finding);
    checks_go_on(r->checks);
    return true;
}

void run_execute_watched(struct run *r, struct run_verdict *v,
                         const struct run_watcher *watchers, unsigned count)
{
    struct machine *m = r->machine;
    uint64_t hits = 0, look;
    memset(v, 0, sizeof *v);
    r->has_first = false;
    run_rewind(r);
    look = m->state->step + STEPS_BETWEEN_LOOKS;
    for (;;) {
        uint64_t last = last_step_now(r);
        enum machine_stop stop = run_advance(r, part_end(r, look, watchers, count));
        if (report_finding(r) && stop == MACHINE_REQUEST)
            stop = MACHINE_LIMIT;
        bool is_over = stop != MACHINE_LIMIT || m->state->step >= last_step_now(r);
        if (stop == MACHINE_BREAK && ++hits < r->setup.end.hit)
            is_over = false;
        bool is_watched = stop == MACHINE_LIMIT && watched_here(r, watchers, count);
        if (!is_watched || m->state->step == look || m->state->step == last) {
            look = m->state->step + STEPS_BETWEEN_LOOKS;
            if (r->input && (!is_over || stop == MACHINE_IDLE) &&
                r->input(r->input_context, m, stop == MACHINE_IDLE))
                is_over = false;
        }
        bool may_end = stop == MACHINE_IDLE || (stop == MACHINE_REQUEST &&
                                                !checks_finding(r->checks) && !r->has_first);
        if (is_over && !(may_end && run_is_interrupted())) {
            conclude(r, stop, v);
            break;
        }
        if (run_is_interrupted()) {
            v->result = RUN_INTERRUPTED;
            v->idle = stop == MACHINE_IDLE;
            break;
        }
        if (is_watched && !all_go_on(r, watchers, count)) {
            v->result = RUN_LIMIT;
            break;
        }
    }
    measure(r, v);
}

void run_execute(struct run *r, struct run_verdict *verdict)
{
    run_execute_watched(r, verdict, NULL, 0);
}
