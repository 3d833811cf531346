/*
 * Snapshots along a run. Which one goes when there are too many: the one whose absence costs the
 * least, measured as the gap it would leave in relation to its distance from the current step.
 * So their spacing grows with the distance, and their number with the logarithm of the length.
 */
#include "sim/timeline.h"

#include <stdlib.h>
#include <string.h>

struct key {
    uint64_t step;
    struct machine_snapshot *snapshot;
    void *checks;
};

struct timeline {
    struct run *run;
    uint64_t interval;
    size_t bytes_max;
    struct key *keys; /* by step; the first is the start mark and stays */
    size_t key_count, key_capacity;
    enum machine_stop stop;
};

static struct machine *machine_of(const struct timeline *t)
{
    return run_machine(t->run);
}

static size_t bytes_used(const struct timeline *t)
{
    size_t each = sizeof(struct machine_state) + checks_state_size(run_checks(t->run));
    return cow_bytes(machine_of(t)->memory) + t->key_count * each;
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
        double distance = (double)(at > now ? at - now : now - at) + (double)t->interval;
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
    while (t->key_count > 2 && bytes_used(t) > t->bytes_max) {
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
    t->keys[index].checks = calloc(1, checks_state_size(checks) + 1);
    ensure(t->keys[index].checks != NULL);
    checks_save(checks, t->keys[index].checks);
    thin_out(t);
}

static void key_restore(struct timeline *t, size_t index)
{
    machine_restore(machine_of(t), t->keys[index].snapshot);
    checks_restore(run_checks(t->run), t->keys[index].checks);
}

struct timeline *timeline_new(struct run *r, uint64_t interval, size_t bytes_max)
{
    struct timeline *t = calloc(1, sizeof *t);
    ensure(t != NULL && interval != 0);
    *t = (struct timeline){.run = r, .interval = interval, .bytes_max = bytes_max};
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

bool timeline_seek(struct timeline *t, uint64_t step)
{
    bool is_before = step < t->keys[0].step;
    size_t index = is_before ? 0 : key_before(t, step);
    uint64_t now = timeline_step(t);
    if (is_before || step < now || t->keys[index].step > now)
        key_restore(t, index);
    t->stop = MACHINE_LIMIT;
    if (is_before)
        return false;
    while (timeline_step(t) < step) {
        uint64_t next = (timeline_step(t) / t->interval + 1) * t->interval;
        t->stop = run_advance(t->run, next < step ? next : step);
        if (t->stop != MACHINE_LIMIT)
            return timeline_step(t) == step;
        if (timeline_step(t) == next)
            key_add(t);
    }
    return true;
}

bool timeline_back(struct timeline *t)
{
    uint64_t now = timeline_step(t);
    return now > 0 && timeline_seek(t, now - 1);
}
