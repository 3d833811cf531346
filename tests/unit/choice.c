/* choose(): policies, names that do not shift, recordings, divergences. */
#include "sim/base/choice.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define QUESTIONS 4000u

/* A small "machine": asks a fixed mixture of questions and keeps the answers. */
struct machine {
    struct choice_counts counts;
    uint32_t answers[QUESTIONS];
};

static struct choice_record question(unsigned i)
{
    uint64_t random = hash_mix(i + 1000);
    return (struct choice_record){
        .name = {.ordinal = i, .object = (uint32_t)(random >> 8) % 4,
                 .kind = random % 3 == 0   ? CHOICE_NEXT_CPU
                         : random % 3 == 1 ? CHOICE_TLBI_DELIVER
                                           : CHOICE_SPEC_FILL},
        .n = 2 + (uint32_t)(random >> 32) % 5,
    };
}

static void machine_run(struct machine *m, struct chooser *c)
{
    memset(m, 0, sizeof *m);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        struct choice_record q = question(i);
        enum choice_kind kind = (enum choice_kind)q.name.kind;
        if (choice_rows[kind].ordinal == CHOICE_ORDINAL_INSN)
            m->answers[i] = choose_at(c, kind, q.name.object, i, q.n, 0);
        else
            m->answers[i] = choose(c, &m->counts, kind, q.name.object, q.n);
    }
}

static void open_all(struct chooser *c)
{
    c->open_mask = (uint32_t)bits_ones(CHOICE_KIND_COUNT);
}

/* Gives the recording of `from`, sorted, to `to` as its script. */
static void script_from(struct chooser *to, const struct chooser *from)
{
    size_t bytes = from->record_count * sizeof *from->record;
    struct choice_record *script = malloc(bytes + 1);
    memcpy(script, from->record, bytes);
    choice_records_sort(script, from->record_count);
    to->script = script;
    to->script_count = from->record_count;
    to->script_used = calloc(from->record_count + 1, 1);
}

static void script_free(struct chooser *c)
{
    free((void *)(uintptr_t)c->script);
    free(c->script_used);
}

static void seeded(struct chooser *c, uint64_t seed, uint32_t rate)
{
    chooser_init(c, CHOICE_SEEDED);
    open_all(c);
    c->seed = seed;
    c->rate = rate;
}

Test(choice, rows_have_names_and_the_ordinals_of_the_file)
{
    enum choice_kind kind;
    for (unsigned k = 0; k < CHOICE_KIND_COUNT; k++) {
        cr_assert(choice_kind_by_name(choice_rows[k].name, &kind));
        cr_assert_eq(kind, (enum choice_kind)k);
        cr_assert(strstr(choice_rows[k].sentence, "; 0: "));
    }
    cr_assert(choice_kind_by_name("next-cpu", &kind) && kind == CHOICE_NEXT_CPU);
    cr_assert_eq(choice_rows[CHOICE_NEXT_CPU].ordinal, CHOICE_ORDINAL_INSN);
    cr_assert_eq(choice_rows[CHOICE_TLBI_DELIVER].ordinal, CHOICE_ORDINAL_ASKED);
    cr_assert_not(choice_kind_by_name("next_cpu", &kind));
    cr_assert_not(choice_kind_by_name("", &kind));
}

Test(choice, default_answers_0_and_records_nothing)
{
    struct machine m;
    struct chooser c;
    chooser_init(&c, CHOICE_DEFAULT);
    open_all(&c);
    machine_run(&m, &c);
    for (unsigned i = 0; i < QUESTIONS; i++)
        cr_assert_eq(m.answers[i], 0u);
    cr_assert_eq(c.record_count, 0u);
    chooser_free(&c);
}

Test(choice, seeded_is_a_function_of_seed_and_name)
{
    struct machine *a = malloc(sizeof *a), *b = malloc(sizeof *b);
    struct chooser c, d;
    seeded(&c, 7, 10);
    seeded(&d, 7, 10);
    machine_run(a, &c);
    machine_run(b, &d);
    cr_assert_arr_eq(a, b, sizeof *a);
    /* The same questions in the opposite order have the same answers. */
    for (unsigned i = QUESTIONS; i-- > 0;) {
        struct choice_record q = question(i);
        if (q.name.kind == CHOICE_NEXT_CPU)
            cr_assert_eq(choose_at(&d, CHOICE_NEXT_CPU, q.name.object, i, q.n, 0), a->answers[i]);
    }
    d.seed = 8;
    machine_run(b, &d);
    cr_assert_neq(memcmp(a->answers, b->answers, sizeof a->answers), 0);
    chooser_free(&c);
    chooser_free(&d);
    free(a);
    free(b);
}

Test(choice, seeded_rate_and_spread)
{
    struct chooser c;
    unsigned histogram[4] = {0};
    seeded(&c, 3, 16);
    for (uint64_t i = 0; i < 64000; i++)
        histogram[choose_at(&c, CHOICE_IRQ_TAKE, 1, i, 4, 0)]++;
    unsigned others = histogram[1] + histogram[2] + histogram[3];
    cr_assert(others > 3600 && others < 4400, "%u of 64000 at a rate of 16", others);
    for (unsigned i = 1; i < 4; i++)
        cr_assert(histogram[i] > 1150 && histogram[i] < 1520, "%u: %u", i, histogram[i]);
    cr_assert_eq(c.record_count, others, "exactly the answers that are not 0 are kept");
    chooser_free(&c);
    seeded(&c, 3, 1);
    for (uint64_t i = 0; i < 100; i++)
        cr_assert_neq(choose_at(&c, CHOICE_IRQ_TAKE, 1, i, 2, 0), 0u);
    chooser_free(&c);
}

Test(choice, strict_replay_of_a_seeded_run_gives_the_same_answers)
{
    struct machine *a = malloc(sizeof *a), *b = malloc(sizeof *b);
    struct chooser c, d;
    seeded(&c, 99, 5);
    machine_run(a, &c);
    cr_assert(c.record_count > 100);
    chooser_init(&d, CHOICE_STRICT);
    open_all(&d);
    script_from(&d, &c);
    machine_run(b, &d);
    cr_assert_arr_eq(a, b, sizeof *a);
    cr_assert_not(d.diverged);
    cr_assert_null(chooser_unasked(&d));
    cr_assert_eq(d.record_count, c.record_count);
    cr_assert_arr_eq(d.record, c.record, c.record_count * sizeof *c.record);
    script_free(&d);
    chooser_free(&c);
    chooser_free(&d);
    free(a);
    free(b);
}

Test(choice, taking_one_record_away_changes_that_answer_only)
{
    struct machine *a = malloc(sizeof *a), *b = malloc(sizeof *b);
    struct chooser c, d;
    seeded(&c, 5, 200);
    machine_run(a, &c);
    cr_assert(c.record_count > 5 && c.record_count < 60);
    for (size_t gone = 0; gone < c.record_count; gone++) {
        struct choice_record kept = c.record[gone];
        memmove(&c.record[gone], &c.record[gone + 1],
                (c.record_count - gone - 1) * sizeof kept);
        c.record_count--;
        chooser_init(&d, CHOICE_STRICT);
        open_all(&d);
        script_from(&d, &c);
        machine_run(b, &d);
        cr_assert_not(d.diverged);
        cr_assert_null(chooser_unasked(&d));
        unsigned changed = 0;
        for (unsigned i = 0; i < QUESTIONS; i++) {
            changed += a->answers[i] != b->answers[i];
            cr_assert(a->answers[i] == b->answers[i] || a->answers[i] == kept.answer);
        }
        cr_assert_eq(changed, 1u);
        script_free(&d);
        chooser_free(&d);
        memmove(&c.record[gone + 1], &c.record[gone], (c.record_count - gone) * sizeof kept);
        c.record[gone] = kept;
        c.record_count++;
    }
    chooser_free(&c);
    free(a);
    free(b);
}

static struct choice_record record(enum choice_kind kind, uint32_t object, uint64_t ordinal,
                                   uint32_t n, uint32_t answer)
{
    return (struct choice_record){{ordinal, object, (uint32_t)kind}, n, answer};
}

Test(choice, strict_diverges_on_another_n_and_on_a_record_never_asked)
{
    struct choice_record script[] = {
        record(CHOICE_NEXT_CPU, 0, 10, 3, 2),
        record(CHOICE_NEXT_CPU, 1, 10, 3, 1),
        record(CHOICE_TLB_EVICT, 0, 1, 2, 1),
    };
    uint8_t used[3] = {0};
    struct choice_counts counts = {0};
    struct chooser c;
    chooser_init(&c, CHOICE_STRICT);
    open_all(&c);
    c.script = script;
    c.script_count = 3;
    c.script_used = used;

    cr_assert_eq(choose_at(&c, CHOICE_NEXT_CPU, 0, 9, 3, 0), 0u);
    cr_assert_eq(choose_at(&c, CHOICE_NEXT_CPU, 0, 10, 3, 0), 2u);
    cr_assert_eq(choose(&c, &counts, CHOICE_TLB_EVICT, 0, 2), 0u);
    cr_assert_eq(choose(&c, &counts, CHOICE_TLB_EVICT, 0, 2), 1u);
    cr_assert_not(c.diverged);
    cr_assert_eq(chooser_unasked(&c), &script[1]);
    cr_assert_eq(choose_at(&c, CHOICE_NEXT_CPU, 1, 10, 4, 0), 0u);
    cr_assert(c.diverged);
    cr_assert_eq(choice_name_compare(&c.diverged_at.name, &script[1].name), 0);
    cr_assert_eq(c.diverged_at.n, 4u);
    cr_assert_eq(c.diverged_at.answer, 3u);
    cr_assert_null(chooser_unasked(&c));

    chooser_rewind(&c);
    cr_assert_not(c.diverged);
    cr_assert_eq(c.record_count, 0u);
    cr_assert_eq(chooser_unasked(&c), &script[0]);
    cr_assert_eq(choose_at(&c, CHOICE_NEXT_CPU, 1, 10, 3, 0), 1u);
    chooser_free(&c);
}

Test(choice, lenient_drops_what_does_not_apply)
{
    struct choice_record script[] = {
        record(CHOICE_NEXT_CPU, 0, 10, 5, 4),
        record(CHOICE_NEXT_CPU, 0, 20, 5, 1),
    };
    uint8_t used[2] = {0};
    struct chooser c;
    chooser_init(&c, CHOICE_LENIENT);
    open_all(&c);
    c.script = script;
    c.script_count = 2;
    c.script_used = used;
    cr_assert_eq(choose_at(&c, CHOICE_NEXT_CPU, 0, 10, 3, 0), 0u, "there is no answer 4 of 3");
    cr_assert_eq(choose_at(&c, CHOICE_NEXT_CPU, 0, 20, 3, 0), 1u);
    cr_assert_not(c.diverged);
    cr_assert_eq(c.record_count, 1u, "recorded afresh");
    cr_assert_eq(c.record[0].n, 3u);
    chooser_free(&c);
}

static uint32_t decide_hint(void *context, const struct choice_name *name, uint32_t n,
                            uint64_t hint)
{
    *(uint64_t *)context += name->ordinal;
    return (uint32_t)(hint % n);
}

static void hear(void *context, const struct choice_record *r)
{
    uint64_t *heard = context;
    heard[0]++;
    heard[1] += r->answer;
}

Test(choice, decide_and_heard_see_the_open_questions)
{
    uint64_t asked = 0, heard[2] = {0};
    struct choice_counts counts = {0};
    struct chooser c;
    chooser_init(&c, CHOICE_DECIDE);
    c.decide = decide_hint;
    c.decide_context = &asked;
    c.heard = hear;
    c.heard_context = heard;
    c.open_mask = 1u << CHOICE_IRQ_TAKE;
    cr_assert_eq(choose_at(&c, CHOICE_IRQ_TAKE, 2, 100, 4, 7), 3u);
    cr_assert_eq(choose_at(&c, CHOICE_IRQ_TAKE, 2, 101, 1, 7), 0u, "one answer is no question");
    cr_assert_eq(choose_at(&c, CHOICE_NEXT_CPU, 2, 102, 4, 7), 0u, "closed");
    cr_assert_eq(choose(&c, &counts, CHOICE_TLB_EVICT, 2, 4), 0u, "closed");
    cr_assert_eq(asked, 100u);
    cr_assert_eq(heard[0], 1u);
    cr_assert_eq(heard[1], 3u);
    cr_assert_eq(c.record_count, 1u);
    cr_assert_eq(c.record[0].name.object, 2u);
    chooser_free(&c);
}

/* Opening a kind later must not give its questions other names. */
Test(choice, closed_questions_are_counted_and_counts_go_back)
{
    struct choice_counts counts = {0}, saved;
    struct chooser c;
    seeded(&c, 1, 1);
    c.open_mask = 0;
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(choose(&c, &counts, CHOICE_TLBI_DRAIN, 3, 2), 0u);
    cr_assert_eq(choose(&c, &counts, CHOICE_TLBI_DRAIN, 3, 1), 0u);
    cr_assert_eq(counts.asked[CHOICE_TLBI_DRAIN][3], 5u);
    cr_assert_eq(counts.asked[CHOICE_TLBI_DRAIN][2], 0u);
    open_all(&c);
    saved = counts;
    uint32_t first = choose(&c, &counts, CHOICE_TLBI_DRAIN, 3, 1000);
    cr_assert_eq(c.record[0].name.ordinal, 5u);
    cr_assert_neq(choose(&c, &counts, CHOICE_TLBI_DRAIN, 3, 1000), first);
    counts = saved;
    cr_assert_eq(choose(&c, &counts, CHOICE_TLBI_DRAIN, 3, 1000), first, "the same question");
    chooser_free(&c);
}

Test(choice, sort_orders_by_kind_object_ordinal)
{
    struct choice_record records[500];
    for (size_t count = 0; count <= 500; count += 1 + count / 3) {
        uint64_t sum = 0, sorted_sum = 0;
        for (size_t i = 0; i < count; i++) {
            uint64_t random = hash_mix(count * 1000 + i);
            records[i] = record((enum choice_kind)(random % 3), (uint32_t)(random >> 8) % 3,
                                (random >> 16) % 20, 2 + (uint32_t)(random >> 40) % 2, 1);
            sum += hash_bytes(&records[i], sizeof records[i], 0);
        }
        choice_records_sort(records, count);
        for (size_t i = 0; i < count; i++) {
            sorted_sum += hash_bytes(&records[i], sizeof records[i], 0);
            cr_assert(i == 0 ||
                      choice_name_compare(&records[i - 1].name, &records[i].name) <= 0);
        }
        cr_assert_eq(sum, sorted_sum, "nothing lost");
    }
}

Test(choice, object_out_of_range_is_our_bug, .signal = SIGABRT)
{
    struct choice_counts counts = {0};
    struct chooser c;
    chooser_init(&c, CHOICE_DEFAULT);
    choose(&c, &counts, CHOICE_TLB_EVICT, CHOICE_OBJECT_MAX, 2);
}

Test(choice, the_two_ways_of_counting_do_not_mix, .signal = SIGABRT)
{
    struct chooser c;
    chooser_init(&c, CHOICE_DEFAULT);
    choose_at(&c, CHOICE_TLB_EVICT, 0, 0, 2, 0);
}

Test(choice, what_a_question_is_about_reaches_the_strategy)
{
    uint64_t asked = 0;
    struct choice_counts counts = {0};
    struct chooser c;
    chooser_init(&c, CHOICE_DECIDE);
    open_all(&c);
    c.decide = decide_hint;
    c.decide_context = &asked;
    cr_assert_eq(choose_about(&c, &counts, CHOICE_TLB_EVICT, 2, 4, 7), 3u);
    cr_assert_eq(choose(&c, &counts, CHOICE_TLB_EVICT, 2, 4), 0u, "about nothing");
    cr_assert_eq(counts.asked[CHOICE_TLB_EVICT][2], 2u, "they are counted together");
    cr_assert_eq(asked, 1u, "ordinals 0 and 1");
    chooser_free(&c);
}

static uint32_t decide_too_much(void *context, const struct choice_name *name, uint32_t n,
                                uint64_t hint)
{
    (void)context;
    (void)name;
    (void)hint;
    return n;
}

Test(choice, an_answer_out_of_range_is_our_bug, .signal = SIGABRT)
{
    struct chooser c;
    chooser_init(&c, CHOICE_DECIDE);
    open_all(&c);
    c.decide = decide_too_much;
    choose_at(&c, CHOICE_NEXT_CPU, 0, 0, 2, 0);
}

Test(choice, planted_answers_go_before_the_policy_and_into_the_recording)
{
    const struct choice_record planted[] = {
        {.name = {.ordinal = 2, .object = 1, .kind = CHOICE_DROP}, .n = 2, .answer = 1},
        {.name = {.ordinal = 5, .object = 1, .kind = CHOICE_DROP}, .n = 2, .answer = 1},
    };
    for (unsigned only = 0; only < 2; only++) {
        struct choice_counts counts = {0};
        struct chooser c;
        unsigned sum = 0;
        chooser_init(&c, CHOICE_SEEDED);
        c.seed = 3;
        c.rate = 2;
        open_all(&c);
        c.planted = planted;
        c.planted_count = 2;
        c.planted_only = only ? 1u << CHOICE_DROP : 0;
        for (unsigned i = 0; i < 64; i++) {
            uint32_t answer = choose(&c, &counts, CHOICE_DROP, 1, 2);
            cr_assert(answer == 1 || (i != 2 && i != 5), "%u", i);
            sum += answer;
        }
        cr_assert(only ? sum == 2 : sum > 10, "%u", sum);
        cr_assert_eq(c.record_count, sum);
        chooser_free(&c);
    }
}

Test(choice, a_replay_has_its_planted_answers_in_the_script)
{
    const struct choice_record planted[] = {
        {.name = {.ordinal = 0, .object = 0, .kind = CHOICE_DROP}, .n = 2, .answer = 1}};
    struct choice_counts counts = {0};
    struct chooser c;
    chooser_init(&c, CHOICE_STRICT);
    open_all(&c);
    c.planted = planted;
    c.planted_count = 1;
    cr_assert_eq(choose(&c, &counts, CHOICE_DROP, 0, 2), 0u, "the script has none");
    chooser_free(&c);
}
