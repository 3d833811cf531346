/*
 * Checkers: observers that need no knowledge of the guest's code, as sanitizers are for C. A set
 * of them is attached to a machine; their state is bytes, saved and restored beside the machine
 * and never hashed. Turning them on or off never changes a run.
 */
#pragma once
#include "sim/check/check_rows.h"
#include "sim/machine.h"

/* Rows of check_rows.h. */
enum check_kind {
#define CHECK_ROW_KIND(NAME, name, events, spares, entries, bytes, sentence) CHECK_##NAME,
    CHECK_ROWS(CHECK_ROW_KIND)
#undef CHECK_ROW_KIND
    CHECK_COUNT
};

#define FINDING_EVENT_MAX 6u

STATE_BEGIN
/* An earlier event that made it wrong, or the violation itself (the last one). */
struct finding_event {
    uint64_t step;
    uint32_t pe;
    uint32_t reserved;
    uint64_t pc; /* of the PE at that step */
    char text[200];
};

struct finding {
    uint32_t check; /* enum check_kind */
    uint32_t pe;
    uint64_t step;
    char kind[32];  /* the class of violation: "two-roots", "stale", "foreign-page", ...; with
                       check it is what the same finding is */
    char text[256]; /* one sentence */
    uint32_t event_count;
    uint32_t reserved;
    struct finding_event event[FINDING_EVENT_MAX];
};
STATE_END

/* Where findings of one class come from: the last of many is told like the first. */
#define FINDING_SITE_MAX 256u

STATE_BEGIN
struct finding_site {
    uint64_t pc;       /* of the violation */
    uint64_t cause_pc; /* of the earliest event that it names */
    uint64_t count;
    uint32_t check;
    uint32_t reported; /* it was a finding of its own, not one too many of its class */
    char kind[32];
};
STATE_END

/*
 * The bound of the checker progress where nobody names one. A kernel that unpacks, checks or
 * initialises without a word is silent for hundreds of millions of steps.
 */
#define CHECK_PROGRESS_STEPS UINT64_C(1000000000)

struct check_options {
    uint32_t mask;           /* bit per check_kind */
    uint32_t sites_per_class; /* how many sites of a class are findings; 0: any finding is one */
    uint32_t one_root_one_id; /* vmid: one root under two VMIDs at once is a violation too */
    uint64_t progress_steps; /* progress: steps without any; 0: CHECK_PROGRESS_STEPS */
};

struct checks;

const char *check_name(enum check_kind kind);
const char *check_sentence(enum check_kind kind);
/* Adds those of a list like "vmid,tlb,owner" to the mask; false with a reason. */
bool check_parse_list(const char *text, uint32_t *mask, struct error *error);

/* Attaches to the machine's events. The first finding requests a stop of the machine. */
struct checks *checks_new(struct machine *m, const struct check_options *options);
void checks_free(struct checks *c);

/*
 * What the payload says of itself: its executable segments are what EL2 may execute (checker el2).
 * Without it, or when nothing in it is marked, that is not judged.
 */
void checks_set_image(struct checks *c, const struct image *image);

/* The first finding since the state was last set, or NULL. */
const struct finding *checks_finding(const struct checks *c);

/*
 * With sites_per_class a run can go on behind a finding: the same from the same site is counted
 * only. Of what one step does wrong the first is told.
 */
void checks_go_on(struct checks *c);
/* All sites, in the order of their first findings; *lost: findings of more sites than fit. */
size_t checks_sites(const struct checks *c, const struct finding_site **sites, uint64_t *lost);

/*
 * How often something was beyond a checker's room, so that it was not judged. Room grows with the
 * machine's RAM: 0 wherever a guest keeps its tables and its VMs within reason.
 */
uint64_t checks_unjudged(const struct checks *c, enum check_kind kind);

/*
 * What no event tells, as that nothing happens: at which step to poll if nothing comes before
 * (UINT64_MAX: never), and whether something was found then. An event may make it later, so that
 * the step of a finding does not depend on where somebody stops the machine to ask.
 */
uint64_t checks_poll_step(const struct checks *c);
bool checks_poll(struct checks *c);

/* State as bytes. */
size_t checks_state_size(const struct checks *c);
void checks_save(const struct checks *c, void *bytes);
void checks_restore(struct checks *c, const void *bytes);
