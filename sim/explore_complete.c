/*
 * The complete search: every answer to every open question from the start mark to the end of the
 * run, depth first, and what each end leaves in the words that the scenario names.
 *
 * A node is the machine between two steps; from it the search runs to the end of the next step
 * that asked something, once for each answer to each question on the way. A node whose state was
 * met before is not entered again: what can follow from it is known already. The state is that of
 * machine_hash() and of the checkers, and whether the scheduler has a question still to ask.
 *
 * Left out of the comparison, with next-step open and next-cpu closed: who ran last and when, if
 * the next thing asked is who goes on. Then nothing that follows depends on either: each PE's own
 * time stays in, and order by time only numbers the answers. Ask counts are never compared: they
 * are the names of questions, not their answers. Two states are taken for one when their 64-bit
 * hashes agree.
 *
 * tlb-evict is asked at every hit. A scenario may say for which addresses it is worth an answer;
 * entries of others then stay, and the outcomes are those of TLBs that keep them.
 *
 * Not done: partial-order reduction; the states of the shapes this is for are few.
 */
#include "cpu/core.h"
#include "sim/explore_parts.h"

#include "sim/progress.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENTS_PER_WORD 1024u
#define ANSWER_MAX 64u /* questions between two nodes */

struct answers {
    uint32_t answer[ANSWER_MAX], n[ANSWER_MAX];
    unsigned count;
};

/* A node on the way from the start mark, and the answers from it that come next. */
struct node_frame {
    struct machine_snapshot *machine;
    void *checks;
    struct choice_record *path; /* answers that are not 0, from the start mark to here */
    size_t path_count;
    struct answers next;
    bool is_begun;
};

struct complete {
    struct run *run;
    struct machine *machine;
    const struct explore_options *options;
    struct explore_result *result;
    struct node_frame *frame;
    size_t frame_count, frame_capacity;
    uint64_t *seen; /* a hash table; 0: free */
    size_t seen_count, seen_capacity;
    struct answers *script; /* of the segment under way */
    unsigned asked;
    bool overflow;
};

/* --- states met --------------------------------------------------------------------------- */

static void seen_put(uint64_t *table, size_t capacity, uint64_t hash)
{
    size_t at = (size_t)hash & (capacity - 1);
    while (table[at] != 0)
        at = (at + 1) & (capacity - 1);
    table[at] = hash;
}

static void seen_grow(struct complete *c)
{
    size_t capacity = c->seen_capacity ? 2 * c->seen_capacity : 1024;
    uint64_t *table = calloc(capacity, sizeof *table);
    ensure(table != NULL);
    for (size_t i = 0; i < c->seen_capacity; i++) {
        if (c->seen[i] != 0)
            seen_put(table, capacity, c->seen[i]);
    }
    free(c->seen);
    c->seen = table;
    c->seen_capacity = capacity;
}

/* Notes a state; false if it was there. */
static bool seen_add(struct complete *c, uint64_t hash)
{
    if (hash == 0)
        hash = 1;
    if (2 * (c->seen_count + 1) > c->seen_capacity)
        seen_grow(c);
    size_t at = (size_t)hash & (c->seen_capacity - 1);
    while (c->seen[at] != 0 && c->seen[at] != hash)
        at = (at + 1) & (c->seen_capacity - 1);
    if (c->seen[at] == hash)
        return false;
    c->seen[at] = hash;
    c->seen_count++;
    return true;
}

static uint64_t state_hash(struct complete *c)
{
    struct machine *m = c->machine;
    struct machine_state *s = m->state;
    const struct checks *checks = run_checks(c->run);
    uint64_t now = s->now;
    uint32_t current = s->current, left = s->quantum_left;
    bool by_choice = choice_is_open(&m->chooser, CHOICE_NEXT_STEP) &&
                     !choice_is_open(&m->chooser, CHOICE_NEXT_CPU);
    bool is_asked_next = by_choice && (m->side->visible[current] != VISIBLE_NONE ||
                                       s->cpu[current].wait != CPU_RUNS);
    if (by_choice) {
        s->now = 0;
        s->quantum_left = 0;
    }
    if (is_asked_next)
        s->current = 0;
    uint64_t hash = hash_mix(machine_hash(m) + is_asked_next);
    if (!is_asked_next)
        hash = hash_bytes(m->side->visible, sizeof m->side->visible, hash);
    s->now = now;
    s->current = current;
    s->quantum_left = left;
    size_t size = checks_state_size(checks);
    if (size == 0)
        return hash;
    void *bytes = calloc(1, size);
    ensure(bytes != NULL);
    checks_save(checks, bytes);
    hash = hash_bytes(bytes, size, hash);
    free(bytes);
    return hash;
}

/* --- frames ------------------------------------------------------------------------------- */

/* The machine as it is becomes a node; records are the answers of the segment that led here. */
static void push(struct complete *c)
{
    const struct chooser *chooser = &c->machine->chooser;
    if (c->frame_count == c->frame_capacity) {
        c->frame_capacity = c->frame_capacity ? 2 * c->frame_capacity : 64;
        c->frame = realloc(c->frame, c->frame_capacity * sizeof *c->frame);
        ensure(c->frame != NULL);
    }
    const struct node_frame *parent = c->frame_count ? &c->frame[c->frame_count - 1] : NULL;
    size_t before = parent ? parent->path_count : 0;
    struct node_frame f = {.path_count = before + chooser->record_count};
    f.machine = machine_save(c->machine);
    f.checks = calloc(1, checks_state_size(run_checks(c->run)) + 1);
    f.path = calloc(f.path_count + 1, sizeof *f.path);
    ensure(f.checks != NULL && f.path != NULL);
    checks_save(run_checks(c->run), f.checks);
    if (before)
        memcpy(f.path, parent->path, before * sizeof *f.path);
    if (chooser->record_count)
        memcpy(f.path + before, chooser->record, chooser->record_count * sizeof *f.path);
    c->frame[c->frame_count++] = f;
}

static void pop(struct complete *c)
{
    struct node_frame *f = &c->frame[--c->frame_count];
    machine_snapshot_free(f->machine);
    free(f->checks);
    free(f->path);
}

/* The next answers, as one counts: the last that has a larger one. False: those were all. */
static bool advance(struct answers *a)
{
    while (a->count > 0) {
        unsigned last = a->count - 1;
        if (++a->answer[last] < a->n[last])
            return true;
        a->count--;
    }
    return false;
}

/* --- one segment -------------------------------------------------------------------------- */

static uint32_t decide(void *context, const struct choice_name *name, uint32_t n, uint64_t hint)
{
    struct complete *c = context;
    struct answers *a = c->script;
    const struct explore_options *o = c->options;
    if (name->kind == CHOICE_TLB_EVICT && (hint < o->evict_from || hint > o->evict_to))
        return 0;
    if (c->asked == ANSWER_MAX) {
        c->overflow = true;
        return 0;
    }
    if (c->asked == a->count) {
        a->answer[a->count] = 0;
        a->n[a->count++] = n;
    }
    ensure(a->n[c->asked] == n);
    return a->answer[c->asked++];
}

/* From the top node, with its next answers, to behind the next step that asks. True: the end. */
static bool segment(struct complete *c, struct run_verdict *verdict)
{
    struct node_frame *f = &c->frame[c->frame_count - 1];
    machine_restore(c->machine, f->machine);
    checks_restore(run_checks(c->run), f->checks);
    c->machine->chooser.record_count = 0;
    c->script = &f->next;
    c->asked = 0;
    while (c->asked == 0) {
        if (run_step(c->run, verdict))
            return true;
    }
    return false;
}

/* --- ends --------------------------------------------------------------------------------- */

static void outcome_read(const struct complete *c, struct outcome *o)
{
    const struct machine *m = c->machine;
    memset(o, 0, sizeof *o);
    for (unsigned i = 0; i < c->options->word_count; i++) {
        const struct outcome_word *w = &c->options->word[i];
        if (w->pe >= 0)
            o->value[i] = m->state->cpu[w->pe].x[w->number];
        else
            machine_peek(m, pa_make(w->address), &o->value[i], sizeof o->value[i]);
    }
}

static void keep_finding(struct complete *c, const char *class, const struct run_verdict *verdict)
{
    struct explore_result *r = c->result;
    const struct node_frame *f = &c->frame[c->frame_count - 1];
    const struct chooser *chooser = &c->machine->chooser;
    if (explore_find(r, class) || r->finding_count == EXPLORE_FINDING_MAX)
        return;
    struct explore_finding *found = &r->finding[r->finding_count++];
    *found = (struct explore_finding){.schedule = r->schedules, .verdict = *verdict};
    memcpy(found->class, class, sizeof found->class);
    found->record_count = f->path_count + chooser->record_count;
    found->records = calloc(found->record_count + 1, sizeof *found->records);
    ensure(found->records != NULL);
    memcpy(found->records, f->path, f->path_count * sizeof *found->records);
    if (chooser->record_count)
        memcpy(found->records + f->path_count, chooser->record,
               chooser->record_count * sizeof *found->records);
}

static void end_well(struct complete *c, const struct run_verdict *verdict)
{
    const struct explore_options *o = c->options;
    static const char class[RUN_CLASS_MAX] = EXPLORE_OUTCOME;
    struct outcome here;
    outcome_read(c, &here);
    here.ends = 1;
    outcome_add(c->result, &here);
    if (o->find && memcmp(here.value, o->find, o->word_count * sizeof here.value[0]) == 0)
        keep_finding(c, class, verdict);
}

/* A run is over: where words are named, also by all PEs waiting for good. */
static void end(struct complete *c, const struct run_verdict *verdict)
{
    char class[RUN_CLASS_MAX] = {0};
    run_class(verdict, class);
    bool is_good = strcmp(class, "clean") == 0 ||
                   (strcmp(class, "idle") == 0 && c->options->word_count != 0);
    if (is_good)
        end_well(c, verdict);
    else
        keep_finding(c, class, verdict);
    c->result->schedules++;
    c->result->insns += verdict->insns - run_start_insns(c->run);
}

/* --- the search --------------------------------------------------------------------------- */

static bool goes_on(const struct complete *c)
{
    uint64_t limit = c->options->schedules;
    return c->frame_count > 0 && !c->overflow && !run_is_interrupted() &&
           (limit == 0 || c->result->schedules < limit) &&
           !explore_find(c->result, EXPLORE_OUTCOME);
}

static void tell_progress(const struct complete *c)
{
    if (c->options->progress && c->result->segments % SEGMENTS_PER_WORD == 0)
        c->options->progress(c->options->progress_context, c->result->schedules,
                             c->options->schedules, c->result->finding_count);
}

static void search(struct complete *c)
{
    struct run_verdict verdict;
    push(c);
    while (goes_on(c)) {
        struct node_frame *f = &c->frame[c->frame_count - 1];
        if (f->is_begun && !advance(&f->next)) {
            pop(c);
            continue;
        }
        f->is_begun = true;
        bool is_over = segment(c, &verdict);
        c->result->segments++;
        tell_progress(c);
        if (is_over)
            end(c, &verdict);
        else if (seen_add(c, state_hash(c)) || c->options->every_path)
            push(c);
    }
}

void complete_run(struct run *r, const struct explore_options *options,
                  struct explore_result *result)
{
    double start = progress_seconds();
    struct complete c = {.run = r, .machine = run_machine(r), .options = options,
                         .result = result};
    memset(result, 0, sizeof *result);
    run_rewind(r);
    c.machine->chooser.policy = CHOICE_DECIDE;
    c.machine->chooser.decide = decide;
    c.machine->chooser.decide_context = &c;
    search(&c);
    result->interrupted = run_is_interrupted();
    result->exhausted = c.frame_count == 0 && !c.overflow;
    result->states = c.seen_count;
    while (c.frame_count > 0)
        pop(&c);
    free(c.frame);
    free(c.seen);
    result->seconds = progress_seconds() - start;
}
