/*
 * choose(): all freedom of the machine and of the world outside goes through here.
 *
 * Answer 0 is always the ordinary thing, so a recording keeps only what is not 0, and questions
 * are named by what asks them (kind, object, ordinal), never by their place in the order of all
 * questions: taking one record away leaves the names of all others alone. That is what makes
 * shrinking and replay on another version of the model work.
 *
 * Not here: strategies (they answer through CHOICE_DECIDE) and the file form of recordings.
 */
#include "sim/base/choice.h"

#include <stdlib.h>
#include <string.h>

#include "gen/choice.inc"

_Static_assert(CHOICE_KIND_COUNT <= 32, "open_mask has a bit per kind");

bool choice_kind_by_name(const char *name, enum choice_kind *kind)
{
    for (unsigned k = 0; k < CHOICE_KIND_COUNT; k++) {
        if (strcmp(choice_rows[k].name, name) == 0) {
            *kind = (enum choice_kind)k;
            return true;
        }
    }
    return false;
}

void chooser_init(struct chooser *c, enum choice_policy policy)
{
    memset(c, 0, sizeof *c);
    c->policy = policy;
    c->rate = 1;
}

void chooser_free(struct chooser *c)
{
    free(c->record);
    c->record = NULL;
    c->record_count = 0;
    c->record_capacity = 0;
}

void chooser_rewind(struct chooser *c)
{
    c->record_count = 0;
    if (c->script_count)
        memset(c->script_used, 0, c->script_count);
    c->diverged = false;
    memset(&c->diverged_at, 0, sizeof c->diverged_at);
}

int choice_name_compare(const struct choice_name *a, const struct choice_name *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->object != b->object)
        return a->object < b->object ? -1 : 1;
    if (a->ordinal != b->ordinal)
        return a->ordinal < b->ordinal ? -1 : 1;
    return 0;
}

/* The whole record, so that equal names too end up in one order on every host. */
static int record_compare(const struct choice_record *a, const struct choice_record *b)
{
    int order = choice_name_compare(&a->name, &b->name);
    if (order != 0)
        return order;
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    if (a->answer != b->answer)
        return a->answer < b->answer ? -1 : 1;
    return 0;
}

static void sift_down(struct choice_record *r, size_t top, size_t count)
{
    struct choice_record moved = r[top];
    for (size_t child = 2 * top + 1; child < count; child = 2 * top + 1) {
        if (child + 1 < count && record_compare(&r[child], &r[child + 1]) < 0)
            child++;
        if (record_compare(&moved, &r[child]) >= 0)
            break;
        r[top] = r[child];
        top = child;
    }
    r[top] = moved;
}

/* A heap sort: the host's qsort() may order equal elements as it likes and take memory. */
void choice_records_sort(struct choice_record *records, size_t count)
{
    for (size_t top = count / 2; top-- > 0;)
        sift_down(records, top, count);
    for (size_t last = count; last-- > 1;) {
        struct choice_record largest = records[0];
        records[0] = records[last];
        records[last] = largest;
        sift_down(records, 0, last);
    }
}

static void record_append(struct chooser *c, const struct choice_record *record)
{
    if (c->record_count == c->record_capacity) {
        size_t capacity = c->record_capacity ? 2 * c->record_capacity : 64;
        c->record = realloc(c->record, capacity * sizeof *c->record);
        ensure(c->record != NULL);
        c->record_capacity = capacity;
    }
    c->record[c->record_count++] = *record;
}

static uint32_t answer_seeded(const struct chooser *c, const struct choice_name *name, uint32_t n)
{
    ensure(c->rate >= 1);
    uint64_t where = (uint64_t)name->kind << 32 | name->object;
    uint64_t hash = hash_mix(hash_mix(hash_mix(c->seed) + where) + name->ordinal);

    if (hash % c->rate != 0)
        return 0;
    return 1 + (uint32_t)(hash_mix(hash + 1) % (n - 1));
}

/* Index of the first of sorted records with this name or a later one, or count. */
static size_t records_find(const struct choice_record *records, size_t count,
                           const struct choice_name *name)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (choice_name_compare(&records[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The same of the script. */
static size_t script_find(const struct chooser *c, const struct choice_name *name)
{
    return records_find(c->script, c->script_count, name);
}

/* The answer planted under this name, or 0. */
static uint32_t answer_planted(const struct chooser *c, const struct choice_name *name, uint32_t n)
{
    size_t at = records_find(c->planted, c->planted_count, name);
    bool is_it = at < c->planted_count && choice_name_compare(&c->planted[at].name, name) == 0;
    return is_it && c->planted[at].answer < n ? c->planted[at].answer : 0;
}

static uint32_t answer_scripted(struct chooser *c, const struct choice_name *name, uint32_t n)
{
    size_t at = script_find(c, name);
    if (at == c->script_count || choice_name_compare(&c->script[at].name, name) != 0)
        return 0;
    c->script_used[at] = 1;

    const struct choice_record *r = &c->script[at];
    bool applies = r->answer < n;
    if (c->policy == CHOICE_STRICT && (r->n != n || !applies)) {
        if (!c->diverged)
            c->diverged_at = (struct choice_record){*name, n, r->n};
        c->diverged = true;
        return 0;
    }
    return applies ? r->answer : 0;
}

static uint32_t answer(struct chooser *c, const struct choice_name *name, uint32_t n,
                       uint64_t hint)
{
    if (__builtin_expect(c->planted_count != 0, 0) && !chooser_is_replay(c)) {
        uint32_t planted = answer_planted(c, name, n);
        if (planted != 0 || (c->planted_only >> name->kind & 1u))
            return planted;
    }
    switch (c->policy) {
    case CHOICE_DEFAULT:
        return 0;
    case CHOICE_SEEDED:
        return answer_seeded(c, name, n);
    case CHOICE_DECIDE:
        return c->decide(c->decide_context, name, n, hint);
    case CHOICE_STRICT:
    case CHOICE_LENIENT:
        return answer_scripted(c, name, n);
    }
    bug("choice policy %d", (int)c->policy);
}

static uint32_t ask(struct chooser *c, enum choice_kind kind, uint32_t object, uint64_t ordinal,
                    uint32_t n, uint64_t hint)
{
    if (!choice_is_open(c, kind))
        return 0;

    struct choice_record r = {.name = {ordinal, object, (uint32_t)kind}, .n = n};
    r.answer = answer(c, &r.name, n, hint);
    ensure(r.answer < n);
    if (r.answer != 0)
        record_append(c, &r);
    if (c->heard)
        c->heard(c->heard_context, &r);
    return r.answer;
}

/* What the question has to be; the two ways of counting must not mix within a kind. */
static void check_question(enum choice_kind kind, uint32_t object, uint32_t n,
                           enum choice_ordinal ordinal)
{
    ensure(n >= 1 && kind < CHOICE_KIND_COUNT && object < CHOICE_OBJECT_MAX);
    ensure(choice_rows[kind].ordinal == ordinal);
}

uint32_t choose_at(struct chooser *c, enum choice_kind kind, uint32_t object, uint64_t ordinal,
                   uint32_t n, uint64_t hint)
{
    check_question(kind, object, n, CHOICE_ORDINAL_INSN);
    return n == 1 ? 0 : ask(c, kind, object, ordinal, n, hint);
}

uint32_t choose(struct chooser *c, struct choice_counts *counts, enum choice_kind kind,
                uint32_t object, uint32_t n)
{
    return choose_about(c, counts, kind, object, n, 0);
}

uint32_t choose_about(struct chooser *c, struct choice_counts *counts, enum choice_kind kind,
                      uint32_t object, uint32_t n, uint64_t hint)
{
    check_question(kind, object, n, CHOICE_ORDINAL_ASKED);
    if (n == 1)
        return 0;
    uint32_t ordinal = counts->asked[kind][object]++;
    ensure(counts->asked[kind][object] != 0); /* names would repeat */
    return ask(c, kind, object, ordinal, n, hint);
}

void chooser_tell(struct chooser *c, enum choice_kind kind, uint64_t ordinal, uint32_t n,
                  uint32_t answer)
{
    ensure(choice_rows[kind].ordinal == CHOICE_ORDINAL_MOMENT && !chooser_is_replay(c));
    ensure(answer > 0 && answer < n);
    struct choice_record r = {.name = {ordinal, 0, (uint32_t)kind}, .n = n, .answer = answer};
    record_append(c, &r);
    if (c->heard)
        c->heard(c->heard_context, &r);
}

bool chooser_is_replay(const struct chooser *c)
{
    return c->policy == CHOICE_STRICT || c->policy == CHOICE_LENIENT;
}

const struct choice_record *chooser_told(const struct chooser *c, enum choice_kind kind,
                                         uint64_t ordinal)
{
    struct choice_name name = {ordinal, 0, (uint32_t)kind};
    if (!chooser_is_replay(c))
        return NULL;
    size_t at = script_find(c, &name);
    const struct choice_record *r = at < c->script_count ? &c->script[at] : NULL;
    return r && r->name.kind == (uint32_t)kind && r->name.object == 0 ? r : NULL;
}

void chooser_take(struct chooser *c, const struct choice_record *told)
{
    struct choice_record r = *told;
    c->script_used[told - c->script] = 1;
    record_append(c, &r);
    if (c->heard)
        c->heard(c->heard_context, &r);
}

const struct choice_record *chooser_unasked(const struct chooser *c)
{
    for (size_t i = 0; i < c->script_count; i++) {
        if (!c->script_used[i])
            return &c->script[i];
    }
    return NULL;
}
