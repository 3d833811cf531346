/*
 * Snapshots along a run. Which one goes when there are too many: the one whose absence costs the
 * least, measured as the gap it would leave in relation to its distance from the current step.
 * So their spacing grows with the distance, and their number with the logarithm of the length.
 *
 * On the way to a step there are more of them at distances of 1/4, 1/16, 1/64 and 1/256 of the
 * interval before it: each step back then costs a fraction of an interval, however far the first
 * snapshot was. Memory is shared among snapshots page by page, and so is what they cost.
 */
#include "sim/timeline.h"

#include <stdlib.h>
#include <string.h>

struct key {
    uint64_t step;
    struct machine_snapshot *snapshot;
    void *checks;
    size_t record_count; /* of the chooser's recording */
};

#define RUNG_RATIO 4u
#define RUNG_SMALLEST 256u /* part of an interval */
/* How many steps at most between two looks at the interrupt flag. */
#define STEPS_BETWEEN_LOOKS UINT64_C(4000000)

struct timeline {
    struct run *run;
    uint64_t interval;
    uint64_t rung; /* the shortest distance of a snapshot from a step that was sought */
    uint64_t watch_interval, watched; /* 0: none; the last step that was looked at */
    run_watch *watch;
    void *watch_context;
    size_t bytes_max;
    struct key *keys; /* by step; the first is the start mark and stays */
    size_t key_count, key_capacity;
    enum machine_stop stop;
};

static struct machine *machine_of(const struct timeline *t)
{
    return run_machine(t->run);
}

size_t timeline_bytes(const struct timeline *t)
{
    const struct cow *memory = machine_of(t)->memory;
    size_t each = sizeof(struct machine_state) + sizeof(struct machine_side) +
                  checks_state_size(run_checks(t->run));
    return cow_bytes(memory) - cow_live_bytes(memory) + t->key_count * each;
}

static void key_drop(struct timeline *t, size_t index)
{
    machine_snapshot_free(t->keys[index].snapshot);
    free(t->keys[index].checks);
    memmove(&t->keys[index], &t->keys[index + 1],
            (t->key_count - index - 1) * sizeof *t->keys);
    t->key_count--;
}

/* The key that is missed least, or 0 when there is none to spare. */
static size_t least_missed(const struct timeline *t, uint64_t now)
{
    size_t best = 0;
    double best_score = 0;
    for (size_t i = 1; i + 1 < t->key_count; i++) {
        uint64_t at = t->keys[i].step;
        double gap = (double)(t->keys[i + 1].step - t->keys[i - 1].step);
        double distance = (double)(at > now ? at - now : now - at) + (double)t->rung;
        double score = gap / distance;
        if (best == 0 || score < best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

static void thin_out(struct timeline *t)
{
    uint64_t now = timeline_step(t);
    while (t->key_count > 2 && timeline_bytes(t) > t->bytes_max) {
        size_t index = least_missed(t, now);
        if (index == 0)
            return;
        key_drop(t, index);
    }
}

/* Index of the last key at or before a step. */
static size_t key_before(const struct timeline *t, uint64_t step)
{
    size_t low = 0, high = t->key_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (t->keys[middle].step <= step)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void key_add(struct timeline *t)
{
    uint64_t step = timeline_step(t);
    size_t index = t->key_count ? key_before(t, step) : 0;
    if (t->key_count != 0 && t->keys[index].step == step)
        return;
    if (t->key_count == t->key_capacity) {
        t->key_capacity = t->key_capacity ? 2 * t->key_capacity : 16;
        t->keys = realloc(t->keys, t->key_capacity * sizeof *t->keys);
        ensure(t->keys != NULL);
    }
    if (t->key_count != 0)
        index++;
    memmove(&t->keys[index + 1], &t->keys[index], (t->key_count - index) * sizeof *t->keys);
    t->key_count++;
    struct checks *checks = run_checks(t->run);
    t->keys[index] = (struct key){.step = step, .snapshot = machine_save(machine_of(t))};
    t->keys[index].record_count = machine_of(t)->chooser.record_count;
    t->keys[index].checks = calloc(1, checks_state_size(checks) + 1);
    ensure(t->keys[index].checks != NULL);
    checks_save(checks, t->keys[index].checks);
    thin_out(t);
}

static void key_restore(struct timeline *t, size_t index)
{
    machine_restore(machine_of(t), t->keys[index].snapshot);
    checks_restore(run_checks(t->run), t->keys[index].checks);
    machine_of(t)->chooser.record_count = t->keys[index].record_count;
}

struct timeline *timeline_new(struct run *r, uint64_t interval, size_t bytes_max)
{
    struct timeline *t = calloc(1, sizeof *t);
    ensure(t != NULL && interval != 0);
    *t = (struct timeline){.run = r, .interval = interval, .bytes_max = bytes_max};
    t->rung = interval / RUNG_SMALLEST;
    t->rung += t->rung == 0;
    run_rewind(r);
    run_machine(r)->break_on = false; /* the end mark is the verdict's, not the timeline's */
    key_add(t);
    return t;
}

void timeline_free(struct timeline *t)
{
    if (!t)
        return;
    while (t->key_count != 0)
        key_drop(t, t->key_count - 1);
    free(t->keys);
    free(t);
}

uint64_t timeline_step(const struct timeline *t)
{
    return machine_of(t)->state->step;
}

enum machine_stop timeline_stop(const struct timeline *t)
{
    return t->stop;
}

size_t timeline_snapshots(const struct timeline *t)
{
    return t->key_count;
}

uint64_t timeline_before(const struct timeline *t, uint64_t step)
{
    return step <= t->keys[0].step ? t->keys[0].step : t->keys[key_before(t, step - 1)].step;
}

uint64_t timeline_snapshot_step(const struct timeline *t, size_t index)
{
    ensure(index < t->key_count);
    return t->keys[index].step;
}

void timeline_set_watch(struct timeline *t, uint64_t interval, run_watch *watch, void *context)
{
    t->watch_interval = interval;
    t->watch = watch;
    t->watch_context = context;
}

static uint64_t multiple_behind(uint64_t step, uint64_t interval)
{
    return (step / interval + 1) * interval;
}

/* Whether a snapshot belongs at this step on the way to another. */
static bool is_rung(const struct timeline *t, uint64_t at, uint64_t step)
{
    uint64_t distance = t->rung;
    for (; distance < t->interval && step - at != distance; distance *= RUNG_RATIO)
        continue;
    return distance < t->interval;
}

/* The next place to stop at on the way to a step. */
static uint64_t next_stop(const struct timeline *t, uint64_t step)
{
    uint64_t now = timeline_step(t), next = multiple_behind(now, t->interval);
    if (step < next)
        next = step;
    if (next - now > STEPS_BETWEEN_LOOKS)
        next = now + STEPS_BETWEEN_LOOKS;
    for (uint64_t d = t->rung; d < t->interval && d < step - now; d *= RUNG_RATIO)
        next = step - d < next ? step - d : next;
    if (t->watch && multiple_behind(now, t->watch_interval) < next)
        next = multiple_behind(now, t->watch_interval);
    return next;
}

/* Shows the watch what it has not seen; false when it has seen enough. */
static bool look(struct timeline *t)
{
    uint64_t now = timeline_step(t);
    if (!t->watch || now <= t->watched || now % t->watch_interval != 0)
        return true;
    t->watched = now;
    return t->watch(t->watch_context, machine_of(t));
}

bool timeline_run(struct timeline *t, uint64_t step)
{
    t->stop = MACHINE_LIMIT;
    while (timeline_step(t) < step) {
        uint64_t next = next_stop(t, step);
        t->stop = run_advance(t->run, next);
        if (t->stop != MACHINE_LIMIT)
            return timeline_step(t) == step;
        if (next % t->interval == 0 || is_rung(t, next, step))
            key_add(t);
        if (!look(t) || run_is_interrupted())
            return false;
    }
    return true;
}

bool timeline_seek(struct timeline *t, uint64_t step)
{
    bool is_before = step < t->keys[0].step;
    size_t index = is_before ? 0 : key_before(t, step);
    uint64_t now = timeline_step(t);
    if (is_before || step < now || t->keys[index].step > now)
        key_restore(t, index);
    t->stop = MACHINE_LIMIT;
    return !is_before && timeline_run(t, step);
}

bool timeline_back(struct timeline *t)
{
    uint64_t now = timeline_step(t);
    return now > 0 && timeline_seek(t, now - 1);
}
