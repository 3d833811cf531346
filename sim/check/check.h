/*
 * Checkers: observers that need no knowledge of the guest's code, as sanitizers are for C. A set
 * of them is attached to a machine; their state is bytes, saved and restored beside the machine
 * and never hashed. Turning them on or off never changes a run.
 */
#pragma once
#include "sim/machine.h"

enum check_kind { CHECK_VMID, CHECK_TLB, CHECK_OWNER, CHECK_GUEST, CHECK_PROGRESS, CHECK_COUNT };

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
    char kind[32];  /* the class of violation: "two-roots", "two-vmids", "stale", "foreign-page",
                       "self-check", "no-progress"; with check it is what the same finding is */
    char text[256]; /* one sentence */
    uint32_t event_count;
    uint32_t reserved;
    struct finding_event event[FINDING_EVENT_MAX];
};
STATE_END

struct check_options {
    uint32_t mask;           /* bit per check_kind */
    uint32_t one_root_one_id; /* vmid: one root under two VMIDs at once is a violation too */
    uint64_t progress_steps; /* progress: steps without forward progress */
};

struct checks;

const char *check_name(enum check_kind kind);
const char *check_sentence(enum check_kind kind);
/* Parses "vmid,tlb,owner"; false with a reason. */
bool check_parse_list(const char *text, uint32_t *mask, struct error *error);

/* Attaches to the machine's events. The first finding requests a stop of the machine. */
struct checks *checks_new(struct machine *m, const struct check_options *options);
void checks_free(struct checks *c);

/* The first finding since the state was last set, or NULL. */
const struct finding *checks_finding(const struct checks *c);

/* Called between slices of a run: what no event tells, as that nothing happens. */
void checks_poll(struct checks *c);

/* State as bytes. */
size_t checks_state_size(const struct checks *c);
void checks_save(const struct checks *c, void *bytes);
void checks_restore(struct checks *c, const void *bytes);
