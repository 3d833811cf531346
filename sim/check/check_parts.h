/*
 * What the checkers share: their state as bytes, the shadow of TLB entries and of invalidations,
 * and reports. The state of one checker alone is declared in its own file and in check_states.h.
 */
#pragma once
#include "gen/trace.h"
#include "sim/check/check.h"

#define TLBI_LOG_MAX 1024u

STATE_BEGIN
/* What is live on a PE: the last CONTEXT. */
struct shadow_context {
    uint64_t root;
    uint64_t step;
    uint64_t pc;
    uint64_t vmpidr;
    uint64_t vttbr, vtcr; /* in effect then */
    uint16_t vmid;
    uint16_t asid;
    uint8_t live;
    uint8_t reserved[3];
};

/* What a TLB entry is, and from which tables and for whom it was made. */
struct shadow_entry {
    uint64_t root;   /* of stage 2; 0: stage 2 was off */
    uint64_t ttbr;   /* base of the stage 1 table; 0: none */
    uint64_t vmpidr; /* of the vCPU; without stage 2 the PE's number */
    uint64_t input;
    uint64_t output;
    uint64_t step; /* of the fill */
    uint64_t pc;
    uint64_t owner_epoch;  /* owner: verified last at this epoch */
    uint64_t asid_ttbr;    /* asid: a global entry was found right under this table */
    uint32_t entry;        /* serial number; 0: free */
    uint32_t checked_tlbi; /* tlb: finished invalidations looked at so far */
    uint32_t size_log2;
    uint16_t vmid;
    uint16_t asid;
    uint8_t stage, level, regime, is_global;
    uint8_t is_ahead; /* of a walk that nobody asked for; step says when it was used first */
    uint8_t reserved[3];
};

/* An invalidation, from its issue to the DSB that finished it. */
struct shadow_tlbi {
    uint64_t root; /* for which VM it was meant: VTTBR_EL2.BADDR, 0 for an EL1 without stage 2 */
    uint64_t address;
    uint64_t step, pc;
    uint64_t done_step; /* 0: not finished */
    uint64_t done_pc;
    uint64_t dsb_step;  /* the issuer's last DSB before it that its table stores cannot pass */
    uint32_t message;
    uint16_t vmid, asid;
    uint8_t operation, scope, pe, el;
    uint8_t reserved[4];
};

struct refault {
    uint64_t pc, far;
    uint64_t count;
    uint8_t el, is_vm; /* who takes it: Exception level, and whether stage 2 is on there */
    uint8_t reserved[6];
};

struct check_state {
    struct finding finding;
    uint32_t found;
    uint32_t tlbi_count; /* issued so far; the log holds the last TLBI_LOG_MAX */
    uint32_t tlbi_done;  /* finished so far */
    uint32_t site_count;
    uint64_t unjudged[CHECK_COUNT]; /* what was beyond a checker's room */
    uint64_t sites_lost; /* findings of sites for which there was no room */
    struct finding_site site[FINDING_SITE_MAX];
    uint64_t epoch;         /* grows at everything that may change who reaches what */
    uint64_t progress_step; /* the last step at which something went forward */
    struct shadow_context context[PE_COUNT_MAX];
    uint64_t synchronized_step[PE_COUNT_MAX]; /* the last context synchronization event */
    uint64_t finished_step[PE_COUNT_MAX];     /* the last DSB that finished invalidations */
    uint64_t dsb_step[PE_COUNT_MAX]; /* the last DSB for stores, inner shareable or wider */
    uint64_t dsb_local_step[PE_COUNT_MAX]; /* the last DSB for stores of any domain */
    uint32_t tlbi_open[PE_COUNT_MAX]; /* no older invalidation of this PE is unfinished */
    struct refault refault[PE_COUNT_MAX];
    uint32_t done[TLBI_LOG_MAX]; /* by order of finishing: number of issue */
    struct shadow_tlbi tlbi[TLBI_LOG_MAX];
};
STATE_END

struct checks {
    struct machine *machine;
    struct check_options options;
    uint32_t entry_slots; /* per PE, a power of two, at least twice the TLB's capacity; or 0 */
    size_t state_bytes;
    uint32_t wants[EVENT_KIND_COUNT]; /* by event kind: bit per checker that looks at it */
    uint64_t needs[PE_COUNT_MAX][CHECK_COUNT]; /* kinds of which it needs every event of a PE */
    struct check_state *state;        /* all bytes; the rest lies behind it: */
    void *own[CHECK_COUNT];           /* state of one checker, NULL while it is off */
    struct shadow_entry *entry;       /* pe_count tables of entry_slots */
    struct shadow_entry *hit;         /* of the TLB_HIT being looked at, or NULL */
    struct shadow_entry gone;         /* of the TLB_GONE being looked at; entry 0: none */
    struct {
        uint64_t from, to; /* physical addresses */
    } text[8];
    unsigned text_count;
};

/* Starts a report unless there is one already: NULL then. */
struct finding *finding_begin(struct checks *c, enum check_kind check, const char *kind,
                              const struct event *at);
/* Adds an earlier event, or the violation itself as the last one; then asks the run to stop. */
void finding_event(struct finding *f, uint64_t step, unsigned pe, uint64_t pc, const char *format,
                   ...) __attribute__((format(printf, 5, 6)));
void finding_end(struct checks *c, struct finding *f, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
uint64_t check_pc(const struct checks *c, unsigned pe);

/* Something was beyond a checker's room, and will not be judged. */
static inline void check_gives_up(struct checks *c, enum check_kind kind)
{
    c->state->unjudged[kind]++;
}

/* From the next step on, a checker that wants a kind needs every event of it of a PE, or not. */
void check_need(struct checks *c, enum check_kind check, unsigned pe, uint64_t kinds, bool on);

/* Entries are to be judged again at their next use. */
void check_look_again(struct checks *c);

/* Effective copies of a PE's registers. */
static inline const uint64_t *check_effective(const struct checks *c, unsigned pe)
{
    return c->machine->state->cpu[pe].effective;
}
/* VTTBR_EL2.BADDR in effect while stage 2 is on, else 0. */
uint64_t check_root(const struct checks *c, unsigned pe);
/* Base of the stage 1 table in effect for an address of a regime. */
uint64_t check_ttbr(const struct checks *c, unsigned pe, unsigned regime, uint64_t va);
/* Who runs at EL1 and EL0 there: VMPIDR_EL2 in effect, or without stage 2 the PE's number. */
uint64_t check_vcpu(const struct checks *c, unsigned pe);
/* Translates by walking the tables of a PE's registers in effect; no effect on anything. */
void check_peek(const struct checks *c, unsigned pe, enum regime_kind regime, bool stage1,
                const struct mmu_request *request, struct walk *walk);

/* The shadow (shadow.c, shadow_tlbi.c). */
void shadow_event(struct checks *c, const struct event *e);
uint64_t shadow_events(bool entries);
struct shadow_entry *shadow_find(struct checks *c, unsigned pe, uint32_t entry);
/* How it came to be there: the verb of a sentence about its PE. */
const char *shadow_fills(const struct shadow_entry *entry);
const char *shadow_tlbi_name(unsigned operation);
/* The n-th finished invalidation, or NULL when the log has forgotten it. */
const struct shadow_tlbi *shadow_tlbi_done(const struct checks *c, uint32_t n);

/* One function per checker, called for each event that it wants. */
#define CHECK_ROW(NAME, name, events, spares, entries, bytes, sentence) \
    void check_##name(struct checks *c, const struct event *e);
CHECK_ROWS(CHECK_ROW)
#undef CHECK_ROW
/* What a checker has outside its state, as watched pages, made anew after a restore. */
void bbm_restored(struct checks *c);
void el2_restored(struct checks *c);
void tlb_restored(struct checks *c);
void sync_restored(struct checks *c);
