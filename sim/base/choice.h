/*
 * choose(): the one function through which all freedom goes. A choice is named by its kind, its
 * object (a PE, a TLB, a line) and an ordinal; a run is (images, configuration, choices).
 *
 * Two halves. struct choice_counts is machine state: it is snapshotted with the machine (so that
 * going back asks the same questions) and never hashed. struct chooser is the policy and the
 * recording: it lives outside the machine.
 */
#pragma once
#include "gen/choice.h" /* enum choice_kind, CHOICE_KIND_COUNT, rows with names and sentences */
#include "sim/base/base.h"

#define CHOICE_OBJECT_MAX 128u /* the lines of all PEs and devices (sim/lines.h) */

/* What the third part of a choice's name counts. */
enum choice_ordinal {
    CHOICE_ORDINAL_INSN,  /* instructions executed by the PE: choose_at() */
    CHOICE_ORDINAL_ASKED, /* how often this object was asked for this kind: choose() */
    CHOICE_ORDINAL_MOMENT, /* when it came; nobody asked: chooser_tell() */
};

/* A row of choice.def. */
struct choice_row {
    const char *name; /* "next-cpu" */
    const char *sentence;
    const char *reference; /* "" when there is none */
    enum choice_ordinal ordinal;
};
extern const struct choice_row choice_rows[CHOICE_KIND_COUNT];

/* The kind of a name; false if there is none. */
bool choice_kind_by_name(const char *name, enum choice_kind *kind);

STATE_BEGIN
/* How often each object was asked for each kind with ordinal=asked. State, not hashed. */
struct choice_counts {
    uint32_t asked[CHOICE_KIND_COUNT][CHOICE_OBJECT_MAX];
};

/* The name of a choice; total order: kind, object, ordinal. */
struct choice_name {
    uint64_t ordinal;
    uint32_t object;
    uint32_t kind;
};

/* A recorded answer. n is the number of answers there were; a record with answer 0 is not kept. */
struct choice_record {
    struct choice_name name;
    uint32_t n;
    uint32_t answer;
};
STATE_END

enum choice_policy {
    CHOICE_DEFAULT, /* always 0 */
    CHOICE_SEEDED,  /* hash(seed, name), mostly 0: one in rate is not */
    CHOICE_DECIDE,  /* ask the strategy's function */
    CHOICE_STRICT,  /* replay: another n, or a record never asked for, is a divergence */
    CHOICE_LENIENT, /* replay: what does not apply is dropped */
};

/*
 * A strategy's answer to a question that is open; must be below n, must depend only on its own
 * seed and on what it was asked before. hint is what the asker knows about the moment: for next-cpu
 * the physical address or the class of the last visible operation, for tlb-evict the entry's input
 * address.
 */
typedef uint32_t choice_decide(void *context, const struct choice_name *name, uint32_t n,
                               uint64_t hint);

/* Called for every question asked while set, after the answer; for observers and strategies. */
typedef void choice_heard(void *context, const struct choice_record *record);

struct chooser {
    enum choice_policy policy;
    uint64_t seed;
    uint32_t rate;      /* CHOICE_SEEDED: one question in rate gets a non-zero answer; >= 1 */
    uint32_t open_mask; /* bit per choice_kind: a closed kind is answered 0 and not recorded */
    choice_decide *decide;
    void *decide_context;
    choice_heard *heard;
    void *heard_context;

    /* Replay input, sorted by name; used marks records that were asked for. */
    const struct choice_record *script;
    size_t script_count;
    uint8_t *script_used; /* script_count bytes, caller's; may be NULL when script_count is 0 */

    /*
     * Answers planted beforehand, sorted by name, the caller's: they go before any policy but
     * replay, where the recording has them. Kinds of planted_only get no other answers but 0.
     */
    const struct choice_record *planted;
    size_t planted_count;
    uint32_t planted_only; /* bit per choice_kind */

    /* The recording: answers that are not 0, in the order in which they were given. */
    struct choice_record *record;
    size_t record_count, record_capacity;

    /* First divergence of a strict replay. */
    bool diverged;
    struct choice_record diverged_at; /* name asked, n asked, answer: the recorded n */
};

static inline bool choice_is_open(const struct chooser *c, enum choice_kind kind)
{
    return (c->open_mask >> kind) & 1u;
}

/* A fresh chooser: the given policy, nothing recorded, every kind closed. */
void chooser_init(struct chooser *c, enum choice_policy policy);
/* Frees the recording. The script belongs to the caller. */
void chooser_free(struct chooser *c);
/* Forgets recording, used marks and divergence; keeps policy, script and open kinds. */
void chooser_rewind(struct chooser *c);

/* Three-way comparison of names, and the sort that scripts need. */
int choice_name_compare(const struct choice_name *a, const struct choice_name *b);
void choice_records_sort(struct choice_record *records, size_t count);

/*
 * Answers 0..n-1 to a question named by (kind, object, number of times asked); n >= 1, and with
 * n == 1 nothing is asked or counted. object < CHOICE_OBJECT_MAX. A closed kind is answered 0,
 * unheard, but counted, so that the names of later questions do not depend on when it was opened.
 */
uint32_t choose(struct chooser *c, struct choice_counts *counts, enum choice_kind kind,
                uint32_t object, uint32_t n);

/* The same, telling the strategy what the question is about. */
uint32_t choose_about(struct chooser *c, struct choice_counts *counts, enum choice_kind kind,
                      uint32_t object, uint32_t n, uint64_t hint);

/* The same for kinds with ordinal=insn: the caller gives the ordinal. */
uint32_t choose_at(struct chooser *c, enum choice_kind kind, uint32_t object, uint64_t ordinal,
                   uint32_t n, uint64_t hint);

/*
 * What came from outside, for kinds with ordinal=moment: no question, so that it is recorded
 * whether the kind is open or not. 0 < answer < n; the ordinals of a run must grow.
 */
void chooser_tell(struct chooser *c, enum choice_kind kind, uint64_t ordinal, uint32_t n,
                  uint32_t answer);
/* Whether such answers come from a script, so that nothing may come from outside. */
bool chooser_is_replay(const struct chooser *c);
/* The script's first answer of that kind at an ordinal or behind it; NULL: none, or no replay. */
const struct choice_record *chooser_told(const struct chooser *c, enum choice_kind kind,
                                         uint64_t ordinal);
/* That answer is taken now: it counts as asked for, and is recorded anew. */
void chooser_take(struct chooser *c, const struct choice_record *told);

/*
 * After a strict replay: the first record that was never asked for, or NULL. Only meaningful
 * when the replay ran to the end of the recorded run.
 */
const struct choice_record *chooser_unasked(const struct chooser *c);
