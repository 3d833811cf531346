/*
 * What the checkers share: their state as bytes, the shadow of TLB entries, and reports.
 */
#pragma once
#include "gen/trace.h"
#include "sim/check/check.h"

#define TLBI_LOG_MAX 128u
#define PAGE_LOG_MAX 4096u

STATE_BEGIN
/* What is live on a PE: the last CONTEXT. */
struct shadow_context {
    uint64_t root;
    uint64_t step;
    uint64_t pc;
    uint64_t vmpidr;
    uint16_t vmid;
    uint16_t asid;
    uint8_t live;
    uint8_t reserved[3];
};

/* What a TLB entry is and under which stage 2 root it was made. */
struct shadow_entry {
    uint64_t root;
    uint64_t input;
    uint64_t output;
    uint64_t step; /* of the fill */
    uint64_t pc;
    uint64_t checked_step; /* owner: verified last at this epoch */
    uint32_t entry;        /* serial number; 0: free */
    uint32_t checked_tlbi; /* tlb: finished invalidations looked at so far */
    uint32_t size_log2;
    uint16_t vmid;
    uint16_t asid;
    uint8_t stage, level, regime, is_global;
    uint8_t reserved[4];
};

/* An invalidation, from its issue to the DSB that finished it. */
struct shadow_tlbi {
    uint64_t root; /* VTTBR_EL2.BADDR at the issue */
    uint64_t address;
    uint64_t step, pc;
    uint64_t done_step; /* 0: not finished */
    uint32_t message;
    uint16_t vmid, asid;
    uint8_t operation, scope, pe;
    uint8_t reserved[5];
};

/* Which root a page was last seen mapped by, from stage 2 fills. */
struct shadow_page {
    uint64_t pa; /* 0: free */
    uint64_t ipa;
    uint64_t root;
    uint64_t step;
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
    uint32_t tlbi_count;   /* issued so far; the log holds the last TLBI_LOG_MAX */
    uint32_t tlbi_done;    /* finished so far */
    uint32_t page_count;
    uint64_t epoch;         /* grows at everything that may change who reaches what */
    uint64_t progress_step; /* the last step at which something went forward */
    struct shadow_context context[PE_COUNT_MAX];
    uint64_t synchronized_step[PE_COUNT_MAX]; /* the last context synchronization event */
    uint64_t finished_step[PE_COUNT_MAX]; /* the last DSB that finished invalidations */
    struct refault refault[PE_COUNT_MAX];
    struct shadow_tlbi tlbi[TLBI_LOG_MAX];
    struct shadow_page page[PAGE_LOG_MAX];
    struct shadow_entry entry[]; /* pe_count tables of entry_slots */
};
STATE_END

struct checks {
    struct machine *machine;
    struct check_options options;
    uint32_t entry_slots; /* per PE, a power of two, at least twice the TLB's capacity */
    size_t state_bytes;
    uint32_t wants[EVENT_KIND_COUNT]; /* by event kind: bit per checker that looks at it */
    struct check_state *state;
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

/* The shadow (shadow.c). */
void shadow_event(struct checks *c, const struct event *e);
struct shadow_entry *shadow_find(struct checks *c, unsigned pe, uint32_t entry);
const struct shadow_page *shadow_page_find(const struct checks *c, uint64_t pa);
const char *shadow_tlbi_name(unsigned operation);

/* One function per checker, called for each event that it wants. */
void check_vmid(struct checks *c, const struct event *e);
void check_tlb(struct checks *c, const struct event *e);
void check_owner(struct checks *c, const struct event *e);
void check_guest(struct checks *c, const struct event *e);
void check_progress(struct checks *c, const struct event *e);
